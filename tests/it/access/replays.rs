//! Ids of events: what comes again is the same event, and nobody gives an event the id that Holt gives another one.
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::inputs::{Sender, group, make, proof_by, sensible, standard};
use super::rig::{Rig, TENANT};

const ALL: [&str; 3] = ["read", "crud", "trigger"];

/// An alert that says nothing of its time, and asks for a step each time it is said.
fn undated() -> String {
    json!({"fingerprint": "deploy", "state": "once", "severity": "critical", "application": "shop"})
        .to_string()
}

/// An input whose sender proves itself so, and its secret.
async fn proving(rig: &Rig, verify: Value) -> (Value, String) {
    group(rig, "shop").await;
    let mut asked = sensible();
    asked["verify"] = verify;
    let input = make(rig, &asked).await;
    let secret = input["secret"].as_str().unwrap().to_owned();
    (input, secret)
}

/// Sends an alert, and gives the events that it became.
async fn events_of(sender: &Sender<'_>, headers: &[(&str, String)]) -> Value {
    let (status, answer) = sender.send(headers, undated().into_bytes()).await;
    assert_eq!(
        (status, &answer["events"]),
        (StatusCode::ACCEPTED, &json!(1)),
        "{answer}"
    );
    answer["decisions"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_standard_webhooks_is_one_event_however_often_it_is_sent() {
    let rig = Rig::with_supervisor().await;
    let (input, secret) = proving(&rig, json!({"by": "standard-webhooks"})).await;
    let sender = Sender::new(&rig, &input);
    let (body, now) = (undated(), rig.now());
    let message = |id: &str, at: u64| standard(&secret, (id, at), &body);
    let first = events_of(&sender, &message("msg_1", now)).await;
    let replayed = events_of(&sender, &message("msg_1", now)).await;
    assert_eq!(replayed, first);
    let tried_again = events_of(&sender, &message("msg_1", now + 1)).await;
    assert_eq!(tried_again, first, "a retry is signed anew, under its id");
    let other = events_of(&sender, &message("msg_2", now)).await;
    assert_ne!(
        other, first,
        "another message, however soon after the first"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_with_a_signed_time_is_one_event_however_often_it_is_sent() {
    let rig = Rig::with_supervisor().await;
    let verify = json!({"by": "hmac", "timestamp_header": "X-Time"});
    let (input, secret) = proving(&rig, verify).await;
    let sender = Sender::new(&rig, &input);
    let (body, now) = (undated(), rig.now());
    let message = |at: u64| proof_by("hmac", &secret, at, &body);
    let first = events_of(&sender, &message(now)).await;
    assert_eq!(events_of(&sender, &message(now)).await, first, "a replay");
    let other = events_of(&sender, &message(now + 1)).await;
    assert_ne!(other, first, "another message");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_caller_gives_an_event_an_id_that_holt_makes_itself() {
    let rig = Rig::with_supervisor().await;
    let shop = group(&rig, "shop").await;
    let sender = Sender::new(&rig, &make(&rig, &sensible()).await);
    events_of(&sender, &[]).await;
    let old = format!("/v1.0/{TENANT}/groups/{shop}/policies/up/execute");
    rig.ask(&ALL, ("POST", &old), &[], None).await;
    let made = rig
        .client(&["read"])
        .verdicts(TENANT, &shop, &wire::client::VerdictsOf::default())
        .await
        .unwrap();
    let mut ids: Vec<String> = made.items.into_iter().map(|one| one.event).collect();
    for start in ["alert-", "v1-"] {
        assert!(ids.iter().any(|id| id.starts_with(start)), "{ids:?}");
    }
    ids.push("schedule-up-1795280000000".to_owned());
    ids.push("circle-1795280000000-0".to_owned());
    let events = format!("/v2/{TENANT}/groups/{shop}/events");
    let send = async |id: &str| {
        let key = [("Idempotency-Key", id)];
        let body = Some(json!({"change": 1}));
        rig.ask(&ALL, ("POST", &events), &key, body).await
    };
    for id in &ids {
        let refused = send(id).await;
        assert_eq!(
            (refused.status, &refused.body["field"]),
            (422, &json!("Idempotency-Key")),
            "{id}: {}",
            refused.body
        );
    }
    let taken = send("alert-17").await;
    assert_eq!(taken.status, 200, "{}", taken.body);
}
