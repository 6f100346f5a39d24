//! What a customer builds on hooks: configure a server before it serves, and clean up before it goes.
use reqwest::Method;
use serde_json::{Value, json};

use super::rig::Life;

const WAITS: [&str; 4] = [
    "server.before_active",
    "server.active",
    "server.before_delete",
    "server.gone",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_configures_the_server_before_it_is_active_and_clears_up_before_it_is_deleted() {
    let life = Life::start(|_| {}).await;
    let wait = json!({"deadline_s": 60, "default": "abandon"});
    let group = life.with_hook(json!({"points": WAITS, "wait": wait})).await;
    life.scale(&group, 1).await;

    let before = life.message("server.before_active", 0).await;
    let server = before.body["data"]["server"].as_str().unwrap().to_owned();
    assert_eq!(before.body["data"]["wait"]["default"], "abandon");
    assert_eq!(life.states(&group).await, ["configuring"]);
    assert_eq!(life.answer(&before, "heartbeat").await, 200);
    assert_eq!(life.states(&group).await, ["configuring"], "not yet");
    assert_eq!(life.answer(&before, "continue").await, 200);
    assert_eq!(life.answer(&before, "continue").await, 409, "once");
    life.until_states(&group, &["active"]).await;
    let active = life.message("server.active", 0).await;
    assert_eq!(active.body["data"]["server"], server.as_str());

    let path = format!("groups/{group}?force=true");
    life.ask(Method::DELETE, &path, Value::Null).await;
    let last = life.message("server.before_delete", 0).await;
    assert_eq!(life.states(&group).await, ["draining"]);
    assert_eq!(life.answer(&last, "continue").await, 200);
    let gone = life.message("server.gone", 0).await;
    assert_eq!(gone.body["data"]["reason"], "group-deleted");

    let received = life.receiver.received();
    let kinds: Vec<&str> = received.iter().map(|one| one.kind()).collect();
    assert_eq!(kinds, WAITS, "in order, each once");
    for one in &received {
        assert_eq!(one.signed, Some(true), "{one:?}");
        assert_eq!(one.body["data"]["server"], server.as_str());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_was_down_shows_why_and_gets_its_message_again() {
    use holt_tests::receiver::Manner;
    let life = Life::start(|_| {}).await;
    life.receiver.next([Manner::Answer(500)]);
    let wait = json!({"deadline_s": 60, "default": "abandon"});
    let hook = json!({"points": ["server.before_active"], "wait": wait});
    let group = life.with_hook(hook).await;
    life.scale(&group, 1).await;
    let shown = life
        .until("the trouble is shown", async || {
            let all = life.deliveries(&group).await;
            all.into_iter().find(|delivery| delivery.trouble.is_some())
        })
        .await;
    let trouble = shown.trouble.unwrap();
    assert!(trouble.contains("500 Internal Server Error"), "{trouble}");
    assert_eq!(shown.attempts, 1);
    assert_eq!(life.states(&group).await, ["configuring"]);
    let second = life.message("server.before_active", 1).await;
    let received = life.receiver.received();
    assert_eq!(received[0].id, second.id, "the same message");
    assert_eq!(second.body["data"]["attempt"], 2);
    assert_eq!(life.answer(&second, "continue").await, 200);
    life.until_states(&group, &["active"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hook_abandons_is_deleted_and_another_server_takes_its_place() {
    let life = Life::start(|_| {}).await;
    let wait = json!({"deadline_s": 60, "default": "continue"});
    let points = ["server.before_active", "server.gone"];
    let group = life
        .with_hook(json!({"points": points, "wait": wait}))
        .await;
    life.scale(&group, 1).await;
    let first = life.message("server.before_active", 0).await;
    assert_eq!(life.answer(&first, "abandon").await, 200);
    let second = life.message("server.before_active", 1).await;
    let server = |one: &holt_tests::receiver::Received| one.body["data"]["server"].clone();
    assert_ne!(server(&first), server(&second));
    assert_eq!(life.answer(&second, "continue").await, 200);
    let gone = life.message("server.gone", 0).await;
    assert_eq!(server(&gone), server(&first));
    assert_eq!(gone.body["data"]["reason"], "abandoned");
}
