//! Tokens that an operator ends before their time: at the api that was asked at once, and at every other one within seconds.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use store::memory::faults::{Call, Faults, Plan, What};

use super::rig::{Rig, TENANT};

/// Asks for the groups of the tenant with a token of these claims; the status, and what a refusal says.
pub(super) async fn listed(rig: &Rig, claims: &Value) -> (u16, Value) {
    let path = format!("/v2/{TENANT}/groups");
    let request = rig.request(reqwest::Method::GET, &path);
    let answer = request.bearer_auth(rig.ed.sign(claims)).send();
    let answer = answer.await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    (status, body)
}

/// Claims of a token that may read.
pub(super) fn of(rig: &Rig, subject: &str, issued: u64) -> Value {
    let mut claims = rig.claims(TENANT, &["read"]);
    claims["sub"] = json!(subject);
    claims["iat"] = json!(issued);
    claims
}

/// Asks until the status is that one.
pub(super) async fn reaches(rig: &Rig, claims: &Value, status: u16) {
    let clock = &rig.process.clock;
    let reached = async {
        while listed(rig, claims).await.0 != status {
            clock.sleep(Duration::from_millis(20)).await;
        }
    };
    let within = clock.timeout(Duration::from_secs(10), reached);
    within
        .await
        .expect("the store is looked at every other second");
}

/// The store has it that all tokens of `ann` are ended, and this api was not asked.
pub(super) async fn another_api_ends_ann(rig: &Rig) {
    let note = store::note::Note {
        id: vec![1; 16],
        at: domain::time::Timestamp::from_unix_ms(1),
        body: json!({"id": "01", "subject": "ann", "before": "2999-01-01T00:00:00Z", "who": "otto", "why": "x", "at": "2026-01-01T00:00:00Z"}).to_string(),
    };
    let notes = rig.store.handle("another api").notes;
    notes
        .keep(store::note::Shelf::Revocations, &note, None)
        .await
        .unwrap();
}

async fn revoke(rig: &Rig, body: Value) -> (u16, Value) {
    let path = ("POST", "/v2/revocations");
    let answer = rig.ask(&["operate"], path, &[], Some(body)).await;
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_an_operator_ends_is_worth_nothing_at_once_and_a_new_one_is_good() {
    let rig = Rig::start().await;
    let now = rig.now();
    let (old, bob) = (of(&rig, "ann", now - 60), of(&rig, "bob", now - 60));
    // Remembered as verified before it is ended.
    assert_eq!(listed(&rig, &old).await.0, 200);
    let (status, ended) = revoke(&rig, json!({"subject": "ann", "why": "left the company"})).await;
    assert_eq!((status, &ended["who"]), (201, &json!("ada")));
    let (status, problem) = listed(&rig, &old).await;
    assert_eq!((status, &problem["code"]), (401, &json!("token-invalid")));
    assert_eq!(
        problem["detail"],
        "an operator has ended this token: get a new one"
    );
    // One that does not say when it was issued may be as old.
    let mut undated = old.clone();
    undated.as_object_mut().unwrap().remove("iat");
    assert_eq!(listed(&rig, &undated).await.0, 401);
    assert_eq!(listed(&rig, &bob).await.0, 200);
    assert_eq!(listed(&rig, &of(&rig, "ann", now + 2)).await.0, 200);
    // All of a tenant, and all of a time.
    assert_eq!(
        revoke(&rig, json!({"tenant": "umbrella", "why": "x"}))
            .await
            .0,
        201
    );
    assert_eq!(listed(&rig, &bob).await.0, 200);
    let before = "2001-01-01T00:00:00Z";
    assert_eq!(
        revoke(&rig, json!({"before": before, "why": "x"})).await.0,
        201
    );
    assert_eq!(listed(&rig, &bob).await.0, 200);
    assert_eq!(listed(&rig, &of(&rig, "bob", 978_307_199)).await.0, 401);
    assert_eq!(
        revoke(&rig, json!({"tenant": TENANT, "why": "a leak"}))
            .await
            .0,
        201
    );
    assert_eq!(listed(&rig, &bob).await.0, 401);
    // What was done is kept, newest first, and told to operators. The one who asks needs a token of a later second.
    let clock = &rig.process.clock;
    clock.sleep(Duration::from_millis(1_100)).await;
    let kept = rig
        .ask(&["operate"], ("GET", "/v2/revocations?limit=1"), &[], None)
        .await;
    assert_eq!(kept.body["items"][0]["why"], json!("a leak"));
    assert!(kept.body["next"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_names_what_it_ends_and_no_time_to_come() {
    let rig = Rig::start().await;
    for (body, field) in [
        (json!({"why": "x"}), "before"),
        (json!({"subject": "ann", "why": " "}), "why"),
        (json!({"subject": "", "why": "x"}), "subject"),
        (json!({"tenant": "no tenant", "why": "x"}), "tenant"),
        (
            json!({"before": "2999-01-01T00:00:00Z", "why": "x"}),
            "before",
        ),
    ] {
        let (status, problem) = revoke(&rig, body).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)));
    }
}

/// The shelf with the revocations cannot be read until then.
#[derive(Debug, Default)]
struct Unread(AtomicBool);

impl Faults for Unread {
    fn plan(&self, call: Call<'_>) -> Plan {
        let is_away = call.what == What::Notes && !self.0.load(Ordering::Relaxed);
        Plan::unavailable_if(is_away)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_believed_before_it_is_known_which_ones_were_ended_and_what_others_end_is_heard_of()
 {
    let faults = Arc::new(Unread::default());
    let rig = Rig::with_trouble(faults.clone(), holt_api::Limits::default()).await;
    let token = of(&rig, "ann", rig.now() - 60);
    assert_eq!(listed(&rig, &token).await.0, 503);
    faults.0.store(true, Ordering::Relaxed);
    reaches(&rig, &token, 200).await;
    another_api_ends_ann(&rig).await;
    reaches(&rig, &token, 401).await;
}
