//! One event is one trace, through processes of their own that speak over HTTP, as a collector receives it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use chassis::trace::Settings;
use domain::ids::GroupKey;
use holt_tests::receiver::Receiver;
use reqwest::Method;
use serde_json::Value;
use store::memory::faults::{Faults, None as NoFaults};

use super::rig::{Rig, Unreachable};
use crate::roles::{cloud, make_group, reaches, submit, supervisor, worker_in};

/// As the specification of W3C Trace Context has it.
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLERS_SPAN: &str = "00f067aa0ba902b7";
const TENANT: &str = "tenant-a";

/// A process of that role, whose spans go to the collector: only those that a caller asks for.
fn traced(collector: &Receiver, service: &'static str) -> Process {
    let settings = Settings {
        endpoint: Some(format!("http://{}", collector.address)),
        one_in: 0,
        ..Settings::default()
    };
    let process = Process::system();
    process.traced(&settings, service).expect("a tracer")
}

/// A span as the collector has it.
#[derive(Debug)]
struct Seen {
    service: String,
    span: Value,
}

impl Seen {
    fn text(&self, key: &str) -> &str {
        self.span[key].as_str().unwrap_or_default()
    }

    fn attribute(&self, name: &str) -> &str {
        let attributes = self.span["attributes"].as_array().into_iter().flatten();
        let mut named = attributes.filter(|one| one["key"] == name);
        let value = named.next().map(|one| &one["value"]["stringValue"]);
        value.and_then(Value::as_str).unwrap_or_default()
    }
}

/// Spans by their names, as soon as there are `count`.
async fn spans(process: &Process, collector: &Receiver, count: usize) -> BTreeMap<String, Seen> {
    let mut found = Vec::new();
    for _ in 0..200 {
        found.clear();
        for message in collector.received() {
            let resource = &message.body["resourceSpans"][0];
            let service = &resource["resource"]["attributes"][0]["value"]["stringValue"];
            let spans = resource["scopeSpans"][0]["spans"].as_array();
            found.extend(spans.into_iter().flatten().map(|span| Seen {
                service: service.as_str().unwrap_or_default().to_owned(),
                span: span.clone(),
            }));
        }
        if found.len() >= count {
            break;
        }
        process.clock.sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(found.len(), count, "{found:?}");
    let named = found.into_iter();
    named
        .map(|seen| (seen.text("name").to_owned(), seen))
        .collect()
}

async fn one_more(rig: &Rig, key: &GroupKey) -> u16 {
    let token = rig.ed.sign(&rig.claims(TENANT, &["read", "trigger"]));
    let path = format!("/v2/{TENANT}/groups/{}/events", key.id);
    let request = rig.request(Method::POST, &path).bearer_auth(token);
    let request = request
        .header("traceparent", CALLER)
        .header("Content-Type", "application/json")
        .body(r#"{"change": 1}"#);
    request.send().await.expect("an answer").status().as_u16()
}

async fn rig(
    api: Process,
    owner: impl FnOnce(&store::Stores) -> Arc<dyn wire::ports::submit::Submit>,
) -> Rig {
    let keystone = holt_api::KeystoneSettings::default();
    let settings = (holt_api::Limits::default(), holt_api::V1::default());
    let trouble = (Arc::new(NoFaults) as Arc<dyn Faults>, keystone);
    Rig::asking(api, trouble, settings, |_, stores| owner(stores)).await
}

#[actix_web::test]
async fn one_event_is_one_trace_through_api_supervisor_and_worker() {
    let outside = Process::system();
    let collector = Receiver::start(&outside).expect("a collector");
    let (sky, sky_address) = cloud(&outside);
    let owner = traced(&collector, "holt-supervisor");
    let mut address = String::new();
    let rig = rig(traced(&collector, "holt-api"), |stores| {
        address = supervisor(&owner, stores.clone());
        Arc::new(submit(&address))
    })
    .await;
    let stores = rig.store.handle("planter");
    let key = make_group(&outside, &stores).await;
    let folder = tempfile::tempdir().expect("a folder");
    let hands = traced(&collector, "holt-worker");
    worker_in(&hands, folder.path(), &address, &sky_address);
    assert!(reaches(&outside, &stores, &key, 2).await);

    assert_eq!(one_more(&rig, &key).await, 200);
    assert!(reaches(&outside, &stores, &key, 3).await);
    let spans = spans(&outside, &collector, 4).await;
    let one = |name: &str| &spans[name];
    for (name, service, parent) in [
        ("api.submit", "holt-api", CALLERS_SPAN),
        (
            "supervisor.commit",
            "holt-supervisor",
            one("api.submit").text("spanId"),
        ),
        (
            "worker.execute",
            "holt-worker",
            one("supervisor.commit").text("spanId"),
        ),
        (
            "supervisor.settle",
            "holt-supervisor",
            one("worker.execute").text("spanId"),
        ),
    ] {
        assert_eq!(one(name).service, service);
        assert_eq!(one(name).text("traceId"), TRACE, "{name}");
        assert_eq!(one(name).text("parentSpanId"), parent, "{name}");
    }
    assert_eq!(
        one("supervisor.commit").attribute("holt.outcome"),
        "applied"
    );
    assert_eq!(
        one("supervisor.commit").attribute("holt.desired.after"),
        "3"
    );
    assert_eq!(one("worker.execute").attribute("holt.outcome"), "created");
    assert_eq!(sky.sim().living().count(), 3);
    for process in [&rig.process, &owner, &hands, &outside] {
        process.stop.request();
    }
}

#[actix_web::test]
async fn an_event_that_waited_in_the_inbox_goes_on_in_its_trace() {
    let outside = Process::system();
    let collector = Receiver::start(&outside).expect("a collector");
    let rig = rig(traced(&collector, "holt-api"), |_| Arc::new(Unreachable)).await;
    let stores = rig.store.handle("planter");
    let key = make_group(&outside, &stores).await;
    assert_eq!(one_more(&rig, &key).await, 202);
    let owner = traced(&collector, "holt-supervisor");
    supervisor(&owner, rig.store.handle("supervisor"));
    let spans = spans(&outside, &collector, 2).await;
    let queued = &spans["api.submit"];
    assert_eq!(queued.attribute("holt.outcome"), "queued");
    let decided = &spans["supervisor.commit"];
    assert_eq!(decided.text("traceId"), TRACE);
    assert_eq!(decided.text("parentSpanId"), queued.text("spanId"));
    for process in [&rig.process, &owner, &outside] {
        process.stop.request();
    }
}
