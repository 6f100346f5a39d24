//! Receivers that are not there, hang, or are told to somebody else.
use std::net::TcpListener;
use std::time::Duration;

use holt_tests::receiver::{Manner, Receiver};
use reqwest::Method;
use serde_json::json;
use wire::v2::delivery::State;

use super::rig::Life;
use crate::access::rig::TENANT;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_holds_a_server_until_the_deadline_and_leaves_a_dead_letter_with_the_reason() {
    let life = Life::start(|_| {}).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let wait = json!({"deadline_s": 6, "default": "continue"});
    let hook = json!({"points": ["server.before_active"], "wait": wait, "url": closed});
    let group = life.with_hook(hook).await;
    life.scale(&group, 1).await;
    life.until_states(&group, &["configuring"]).await;
    life.until_states(&group, &["active"]).await;
    let all = life.deliveries(&group).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].state, State::Dead);
    let why = all[0].trouble.as_deref().unwrap();
    assert!(why.contains("deadline passed"), "{why}");
    assert!(why.contains("no connection"), "{why}");
    assert!(!why.contains("127.0.0.1"), "no address in it: {why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_slows_only_its_own_tenant() {
    let life = Life::start(|lane| {
        lane.deadline = Duration::from_secs(4);
        lane.of_one = std::num::NonZeroU32::new(2).unwrap();
    })
    .await;
    let quick = Receiver::start(&life.rig.process).unwrap();
    life.receiver.always(Manner::Hang(Duration::from_secs(60)));
    let points = json!(["group.scaled"]);
    for _ in 0..6 {
        let slow = life.with_hook(json!({"points": points})).await;
        life.scale(&slow, 1).await;
    }
    let begun = life.rig.process.clock.mono();
    let other = life.group_of("umbrella").await;
    let hook = json!({"points": points, "url": quick.url()});
    let path = format!("groups/{other}/hooks/x");
    life.ask_as("umbrella", Method::PUT, &path, hook).await;
    let path = format!("groups/{other}/events");
    let event = json!({"desired": 1});
    life.ask_as("umbrella", Method::POST, &path, event).await;
    life.until("the quick one has it", async || {
        (!quick.received().is_empty()).then_some(())
    })
    .await;
    let took = life.rig.process.clock.mono().saturating_since(begun);
    assert!(took < Duration::from_secs(3), "{took:?}");
    let slow = life.receiver.received().len();
    assert!(slow <= 4, "{slow} at once for one tenant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_not_followed_and_a_dead_letter_can_be_sent_again() {
    let life = Life::start(|_| {}).await;
    let trap = Receiver::start(&life.rig.process).unwrap();
    life.receiver
        .next([Manner::Redirect(trap.url()), Manner::Answer(410)]);
    let group = life.with_hook(json!({"points": ["group.scaled"]})).await;
    life.scale(&group, 1).await;
    let dead = life
        .until("it is dead", async || {
            let all = life.deliveries(&group).await;
            all.into_iter()
                .find(|delivery| delivery.state == State::Dead)
        })
        .await;
    let why = dead.trouble.unwrap();
    assert!(why.contains("410"), "{why}");
    assert_eq!(dead.attempts, 2);
    assert_eq!(trap.received().len(), 0);
    let client = life.rig.client(&["trigger"]);
    let again = client.redeliver(TENANT, &group, dead.delivery).await;
    assert_eq!(again.unwrap().state, State::Due);
    life.until("it is taken", async || {
        let all = life.deliveries(&group).await;
        (all[0].state == State::Taken).then_some(())
    })
    .await;
    let ids: Vec<String> = life.receiver.received().into_iter().map(|m| m.id).collect();
    assert_eq!(ids.len(), 3);
    assert!(
        ids.iter().all(|id| *id == ids[0]),
        "one id for ever: {ids:?}"
    );
}
