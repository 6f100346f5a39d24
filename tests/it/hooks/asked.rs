//! Before a group gives anything up it asks again where somebody can be asked; and a person can close an alert.
use holt_tests::receiver::Manner;
use reqwest::Method;
use serde_json::{Value, json};
use wire::v2::delivery::State;

use super::rig::Life;
use crate::v1::rig::IMAGE;

/// A group of one server that alerts step up by one, and that circles within seconds.
async fn group(life: &Life) -> String {
    let spec = json!({
        "name": "shop", "min": 1, "max": 5,
        "launch": {"server": {"flavorRef": "1", "imageRef": IMAGE}},
        "alerts": {"expand_delay_seconds": 600, "deflate_delay_seconds": 1, "report_delay_seconds": 1},
    });
    let group = life.ask(Method::POST, "groups", spec).await;
    group["id"].as_str().unwrap().to_owned()
}

/// Says of an alert how it stands, as a monitoring tool does.
async fn say(life: &Life, url: &str, state: &str) {
    let path = url.strip_prefix(&life.rig.base).unwrap();
    let alert = json!({"fingerprint": "health", "state": state, "severity": "critical"});
    let request = life.rig.request(Method::POST, path).body(alert.to_string());
    assert!(request.send().await.unwrap().status().is_success());
}

async fn input(life: &Life, group: &str) -> String {
    let spec = json!({"name": "health", "format": "plain", "routes": [{"to": [group]}]});
    let made = life.ask(Method::POST, "inputs", spec).await;
    made["url"].as_str().unwrap().to_owned()
}

async fn shown(life: &Life, group: &str) -> Value {
    life.ask(Method::GET, &format!("groups/{group}"), Value::Null)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_that_closed_is_checked_at_its_source_before_servers_are_given_up() {
    let life = Life::start(|_| {}).await;
    let group = group(&life).await;
    let probe = json!({"points": ["alert.over"], "format": "probe", "url": life.receiver.url()});
    let path = format!("groups/{group}/hooks/well");
    life.ask(Method::PUT, &path, probe).await;
    life.receiver.next([Manner::Answer(503)]);
    let url = input(&life, &group).await;
    say(&life, &url, "open").await;
    assert_eq!(shown(&life, &group).await["desired"], 2);
    say(&life, &url, "closed").await;
    let no = life
        .until("it was asked and said no", async || {
            let all = life.deliveries(&group).await;
            all.into_iter().find(|one| one.trouble.is_some())
        })
        .await;
    let why = no.trouble.unwrap();
    assert!(why.contains("not yet: the answer is 503"), "{why}");
    let waits = shown(&life, &group).await;
    assert_eq!(waits["desired"], 2, "nothing is given up: {waits}");
    life.until("it said yes, and a server is given up", async || {
        let all = life.deliveries(&group).await;
        let taken = all.iter().all(|one| one.state == State::Taken);
        (taken && shown(&life, &group).await["desired"] == 1).then_some(())
    })
    .await;
    assert_eq!(life.receiver.received().len(), 2, "a question, and again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_whose_source_never_says_that_it_is_over_is_closed_by_hand() {
    let life = Life::start(|_| {}).await;
    let group = group(&life).await;
    let url = input(&life, &group).await;
    say(&life, &url, "open").await;
    let open = shown(&life, &group).await;
    let key = open["circling"]["known"][0]["key"].clone();
    assert!(open["circling"]["next_look"].is_string(), "{open}");
    let path = format!("groups/{group}/events");
    let close = json!({"close_alert": key});
    let verdict = life.ask(Method::POST, &path, close.clone()).await;
    assert_eq!(verdict["asked"]["alert"]["standing"], "closed", "{verdict}");
    assert_eq!(verdict["actor"]["kind"], "caller", "{verdict}");
    life.until("a server is given up", async || {
        (shown(&life, &group).await["desired"] == 1).then_some(())
    })
    .await;
    let again = life.ask(Method::POST, &path, close).await;
    assert_eq!(again["outcome"], "unchanged", "nothing is known any more");
}
