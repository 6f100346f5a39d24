//! When the store is away, and when a tenant asks too much: refusals that say when to come again.
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chassis::config::Rate;
use domain::group::Phase;
use domain::ids::DeliveryId;
use futures_util::future::join_all;
use holt_api::Limits;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use store::memory::faults::{Call, Faults, Plan, What};

use super::hooks::plant;
use super::old::old_body;
use super::rig::{Rig, TENANT, spec};

const RIGHTS: [&str; 3] = ["read", "crud", "trigger"];

/// Away as long as it is set.
#[derive(Debug, Default)]
pub(crate) struct Away(pub(crate) AtomicBool);

impl Faults for Away {
    fn plan(&self, _call: Call<'_>) -> Plan {
        Plan::unavailable_if(self.0.load(Ordering::SeqCst))
    }
}

/// Away for whoever reads what an answer shows, from the moment in which a group was made until it is over.
#[derive(Debug, Default)]
pub(super) struct Blind {
    pub(super) made: AtomicBool,
    pub(super) over: AtomicBool,
}

impl Faults for Blind {
    fn plan(&self, call: Call<'_>) -> Plan {
        if call.what == What::Create {
            self.made.store(true, Ordering::SeqCst);
        }
        let is_shown = matches!(call.what, What::Launches | What::Records(_));
        let is_blind = self.made.load(Ordering::SeqCst) && !self.over.load(Ordering::SeqCst);
        Plan::unavailable_if(is_shown && is_blind)
    }
}

async fn ask(rig: &Rig, tenant: &str, method: Method, path: &str, body: Option<Value>) -> Response {
    let token = rig.ed.sign(&rig.claims(tenant, &RIGHTS));
    let request = rig.request(method, path).bearer_auth(token);
    let request = match body {
        Some(body) => request
            .header("Content-Type", "application/json")
            .body(body.to_string()),
        None => request,
    };
    request.send().await.unwrap()
}

/// Without a token.
async fn post(rig: &Rig, path: &str) -> StatusCode {
    let answer = rig.request(Method::POST, path).send().await.unwrap();
    answer.status()
}

async fn code_of(answer: Response) -> String {
    assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
    let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_no_owner_answers_for_is_counted_for_operators() {
    let rig = Rig::start().await;
    let counted = |count: u32| {
        let line = format!("api_events_queued_total {count}");
        rig.process.metrics.text().lines().any(|one| one == line)
    };
    let group = rig
        .client(&RIGHTS)
        .create_group(TENANT, &serde_json::from_value(spec()).unwrap())
        .await
        .unwrap();
    let events = format!("/v2/{TENANT}/groups/{}/events", group.id);
    assert!(counted(0), "at zero before the first one");
    let answer = ask(
        &rig,
        TENANT,
        Method::POST,
        &events,
        Some(json!({"change": 1})),
    )
    .await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert!(counted(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_accepted_while_the_store_is_away() {
    let away = Arc::new(Away::default());
    let rig = Rig::with_trouble(Arc::clone(&away) as _, Limits::default()).await;
    let group = rig
        .client(&RIGHTS)
        .create_group(TENANT, &serde_json::from_value(spec()).unwrap())
        .await
        .unwrap();
    let all = format!("/v2/{TENANT}/groups");
    let one = format!("{all}/{}", group.id);
    let event = json!({"change": 1});
    away.0.store(true, Ordering::SeqCst);
    for (method, path, body) in [
        (Method::POST, format!("{one}/events"), Some(event.clone())),
        (Method::POST, all.clone(), Some(spec())),
        (Method::PUT, format!("{one}/config"), Some(spec())),
        (Method::POST, format!("{one}/pause"), None),
        (Method::DELETE, format!("{one}?force=true"), None),
        (Method::GET, all, None),
        (Method::GET, one.clone(), None),
        (Method::GET, format!("{one}/verdicts"), None),
        (Method::GET, format!("{one}/ledger"), None),
        (Method::GET, format!("{one}/history"), None),
    ] {
        let answer = ask(&rig, TENANT, method.clone(), &path, body).await;
        assert_eq!(
            answer.status(),
            StatusCode::SERVICE_UNAVAILABLE,
            "{method} {path}"
        );
        assert_eq!(code_of(answer).await, "unavailable", "{method} {path}");
    }
    away.0.store(false, Ordering::SeqCst);
    let shown = rig.client(&RIGHTS).group(TENANT, &group.id).await.unwrap();
    assert_eq!(shown, group, "nothing was done");
    let answer = ask(
        &rig,
        TENANT,
        Method::POST,
        &format!("{one}/events"),
        Some(event),
    )
    .await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_is_never_said_not_to_have_been_done() {
    let blind = Arc::new(Blind::default());
    let rig = Rig::with_trouble(Arc::clone(&blind) as _, Limits::default()).await;
    let all = format!("/v2/{TENANT}/groups");
    let made = ask(&rig, TENANT, Method::POST, &all, Some(spec())).await;
    assert_eq!(made.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code_of(made).await, "outcome-unknown");
    let key = rig.store.keys().remove(0);
    let pause = format!("{all}/{}/pause", key.id);
    let paused = ask(&rig, TENANT, Method::POST, &pause, None).await;
    assert_eq!(paused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code_of(paused).await, "outcome-unknown");
    let stored = rig.store.group(&key).unwrap();
    assert_eq!(stored.state.phase, Phase::Paused, "it was done");
    // The old surface reads nothing afterwards.
    blind.made.store(false, Ordering::SeqCst);
    let old = format!("/v1.0/{TENANT}/groups");
    let body = old_body("v1CreateGroup");
    let made = ask(&rig, TENANT, Method::POST, &old, body).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let text = made.text().await.unwrap();
    let made: Value = serde_json::from_str(&text).unwrap();
    let launch = &made["group"]["launchConfiguration"];
    assert_eq!(launch["type"], "launch_server", "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_to_hooks_have_a_limit_of_their_own_that_no_capability_url_uses_up() {
    let rig = Rig::start().await;
    let client = rig.client(&RIGHTS);
    let group = serde_json::from_value(spec()).unwrap();
    let group = client.create_group(TENANT, &group).await.unwrap().id;
    let answers = format!("/v2/hooks/{}", plant(&rig, &group).await);
    let hooks = format!("/v2/{TENANT}/groups/{group}/policies/up/webhooks");
    let body = Some(json!({"name": "x"}));
    let made = ask(&rig, TENANT, Method::POST, &hooks, body).await;
    let made: Value = serde_json::from_str(&made.text().await.unwrap()).unwrap();
    let url = made["url"].as_str().unwrap().to_owned();
    let url = url.strip_prefix(&rig.base).unwrap();
    let used = join_all((0..50).map(|_| post(&rig, url))).await;
    assert!(used.contains(&StatusCode::PAYLOAD_TOO_LARGE), "{used:?}");
    for _ in 0..30 {
        let beat = post(&rig, &format!("{answers}/heartbeat")).await;
        assert_eq!(beat, StatusCode::OK);
    }
    // Whoever has an address that answers cannot keep the store busy with it for ever.
    let nothing = rig.hooks.token(group.parse().unwrap(), DeliveryId(9));
    let nothing = format!("/v2/hooks/{nothing}/heartbeat");
    let mut refused = false;
    for _ in 0..100 {
        let round = join_all((0..20).map(|_| post(&rig, &nothing))).await;
        refused |= round.contains(&StatusCode::TOO_MANY_REQUESTS);
        if refused {
            break;
        }
    }
    assert!(refused, "2000 at once are too many");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_asks_too_much_is_told_when_to_come_again_and_harms_nobody() {
    let three = NonZeroU32::new(3).unwrap();
    let limits = Limits {
        requests: Rate::PerHour(three),
        burst: three,
    };
    let rig = Rig::with_trouble(Arc::new(Away::default()), limits).await;
    let mine = format!("/v2/{TENANT}/groups");
    for _ in 0..3 {
        assert_eq!(
            ask(&rig, TENANT, Method::GET, &mine, None).await.status(),
            StatusCode::OK
        );
    }
    let refused = ask(&rig, TENANT, Method::GET, &mine, None).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=1_200).contains(&seconds), "{seconds}");
    let left = refused.headers()["ratelimit"].to_str().unwrap();
    assert_eq!(left, format!("\"tenant\";r=0;t={seconds}"));
    assert!(refused.headers().contains_key("ratelimit-policy"));
    assert_eq!(code_of(refused).await, "too-many-requests");
    let other = ask(&rig, "umbrella", Method::GET, "/v2/umbrella/groups", None).await;
    assert_eq!(other.status(), StatusCode::OK);
}
