//! Words of alerts that come late, and words that are said again.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chassis::{Clock, Process};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::memory::faults::{Call, Faults, Plan, What};
use wire::v2::circle::KnownAlert;

use super::inputs::{Sender, desired, group, make, sensible};
use super::rig::{Rig, TENANT, capabilities};

const HOUR_MS: i64 = 3_600_000;

/// No input can be read while it is set.
#[derive(Debug, Default)]
struct NoInputs(AtomicBool);

impl Faults for NoInputs {
    fn plan(&self, call: Call<'_>) -> Plan {
        Plan::unavailable_if(call.what == What::Inputs && self.0.load(Ordering::SeqCst))
    }
}

/// An api with an owner, in a process whose wall clock a test may move.
async fn rig(faults: Arc<dyn Faults>) -> Rig {
    let system = Process::system();
    let clock = Clock::simulated(system.clock.unix_ms(), 0);
    let process = Process { clock, ..system };
    let v1 = holt_api::V1 {
        capabilities: capabilities(),
        ..holt_api::V1::default()
    };
    let seams = (faults, holt_api::KeystoneSettings::default());
    let settings = (holt_api::Limits::default(), v1);
    Rig::asking(process, seams, settings, |process, stores| {
        let settings = holt_supervisor::Settings::default();
        Arc::new(holt_supervisor::build(process, settings, stores.clone()))
    })
    .await
}

fn said(fingerprint: &str, state: &str, at: u64) -> Value {
    json!({"fingerprint": fingerprint, "state": state, "severity": "critical", "application": "shop", "at": at})
}

/// What Alertmanager sends of an alert as long as it lasts: always the time at which it began.
fn firing(began: u64) -> Value {
    json!({"version": "4", "status": "firing", "alerts": [{
        "status": "firing", "fingerprint": "9b2e4f7a01c3d5e8", "startsAt": began, "endsAt": "0001-01-01T00:00:00Z",
        "labels": {"alertname": "QueueTooLong", "severity": "critical", "application": "shop"},
    }]})
}

/// The alerts that are known to be open.
async fn known(rig: &Rig, group: &str) -> Vec<KnownAlert> {
    let shown = rig.client(&["read"]).group(TENANT, group).await.unwrap();
    shown
        .circling
        .map(|circling| circling.known)
        .unwrap_or_default()
}

async fn close_by_hand(rig: &Rig, group: &str, key: &str) {
    let path = format!("/v2/{TENANT}/groups/{group}/events");
    let close = json!({ "close_alert": key });
    let answer = rig
        .ask(&["read", "trigger"], ("POST", &path), &[], Some(close))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_beginning_that_was_refused_and_comes_after_its_end_opens_nothing() {
    let away = Arc::new(NoInputs::default());
    let rig = rig(Arc::clone(&away) as _).await;
    let shop = group(&rig, "shop").await;
    let sender = Sender::new(&rig, &make(&rig, &sensible()).await);
    let now = rig.now();
    let (begins, ends) = (
        said("queue", "open", now - 60),
        said("queue", "closed", now - 30),
    );
    away.0.store(true, Ordering::SeqCst);
    let (refused, _) = sender.json(&begins).await;
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    away.0.store(false, Ordering::SeqCst);
    assert_eq!(sender.json(&ends).await.0, StatusCode::ACCEPTED);
    let (taken, answer) = sender.json(&begins).await;
    assert_eq!(
        (taken, &answer["events"]),
        (StatusCode::ACCEPTED, &json!(1))
    );
    assert_eq!(known(&rig, &shop).await, []);
    assert_eq!(desired(&rig, &shop).await, 2);
    sender.json(&said("queue", "open", now)).await;
    assert_eq!(desired(&rig, &shop).await, 3, "it began anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_closed_by_hand_opens_anew_when_its_source_repeats_it_an_hour_later() {
    let rig = rig(Arc::new(store::memory::faults::None)).await;
    let shop = group(&rig, "shop").await;
    let sender = Sender::new(&rig, &make(&rig, &sensible()).await);
    let body = firing(rig.now());
    sender.json(&body).await;
    let [alert] = &known(&rig, &shop).await[..] else {
        panic!("one is open")
    };
    close_by_hand(&rig, &shop, &alert.key).await;
    sender.json(&body).await;
    assert_eq!(known(&rig, &shop).await, [], "said again, and nothing new");
    rig.process.clock.jump(HOUR_MS);
    sender.json(&body).await;
    assert_eq!(known(&rig, &shop).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_was_no_room_for_is_heard_when_its_source_repeats_it_an_hour_later() {
    let rig = rig(Arc::new(store::memory::faults::None)).await;
    let shop = group(&rig, "shop").await;
    let sender = Sender::new(&rig, &make(&rig, &sensible()).await);
    let now = rig.now();
    let names = (0..domain::circle::ALERTS_MAX).map(|n| format!("f{n}"));
    let many: Vec<Value> = names.map(|name| said(&name, "open", now)).collect();
    let (status, answer) = sender.json(&json!({ "alerts": many })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let one_more = said("one more", "open", now);
    sender.json(&one_more).await;
    let full = known(&rig, &shop).await;
    assert_eq!(full.len(), domain::circle::ALERTS_MAX);
    assert!(full.iter().all(|alert| alert.name != "one more"));
    close_by_hand(&rig, &shop, &full[0].key).await;
    rig.process.clock.jump(HOUR_MS);
    sender.json(&one_more).await;
    let heard = known(&rig, &shop).await;
    assert!(heard.iter().any(|alert| alert.name == "one more"));
}
