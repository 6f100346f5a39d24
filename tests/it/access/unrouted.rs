//! Alerts and samples that are for no group.
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::inputs::{Sender, call, desired, group, make, sensible};
use super::rig::{Rig, spec};

/// An id that no group has.
const NOBODY: &str = "00010000-0000-8000-8000-000000000000";

/// A group of another tenant.
async fn foreign(rig: &Rig) -> String {
    let token = rig.ed.sign(&rig.claims("umbrella", &["crud"]));
    let request = rig.request(Method::POST, "/v2/umbrella/groups");
    let request = request.bearer_auth(token);
    let request = request.header("Content-Type", "application/json");
    let answer = request.body(spec().to_string()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let made: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

/// An input with these routes.
async fn routed(rig: &Rig, routes: Value) -> Value {
    let mut asked = sensible();
    asked["routes"] = routes;
    asked["metrics"] = json!({"above": "80", "lasting_seconds": 0, "missing_after_seconds": 60});
    make(rig, &asked).await
}

/// A member of each body that was not acted on.
async fn rejected(rig: &Rig, input: &Value, member: &str) -> Vec<String> {
    let path = format!("/{}/rejected", input["id"].as_str().unwrap());
    let kept = call(rig, Method::GET, &path, None).await.1;
    let all = kept["items"].as_array().unwrap().iter();
    all.map(|one| one[member].as_str().unwrap().to_owned())
        .collect()
}

/// Why bodies were not acted on.
async fn reasons(rig: &Rig, input: &Value) -> Vec<String> {
    rejected(rig, input, "why").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_for_the_id_of_no_group_is_kept_with_the_reason() {
    let rig = Rig::with_supervisor().await;
    let shop = group(&rig, "shop").await;
    let alert = json!({"fingerprint": "queue", "state": "open", "severity": "critical"});
    let foreign = foreign(&rig).await;
    let mut told = Vec::new();
    for id in [NOBODY, foreign.as_str()] {
        let input = routed(&rig, json!([{"to": [id]}])).await;
        let path = format!("/{}/test", input["id"].as_str().unwrap());
        let (_, trial) = call(&rig, Method::POST, &path, Some(&alert)).await;
        assert_eq!(trial["alerts"][0]["groups"], json!([{"wanted": id}]));
        let (status, received) = Sender::new(&rig, &input).json(&alert).await;
        assert_eq!(
            (status, &received["events"], &received["unrouted"]),
            (StatusCode::ACCEPTED, &json!(0), &json!(1)),
            "{received}"
        );
        let why = reasons(&rig, &input).await;
        assert_eq!(why.len(), 1, "{why:?}");
        assert!(why[0].contains("1 alerts or samples are for no group"));
        told.push(json!([received, why]).to_string().replace(id, "ID"));
    }
    assert_eq!(told[0], told[1], "a foreign group looks like none");
    // Beside a group that is there, the slip is told, too.
    let input = routed(&rig, json!([{"to": [shop, NOBODY]}])).await;
    let (_, received) = Sender::new(&rig, &input).json(&alert).await;
    assert_eq!(
        (&received["events"], &received["unrouted"]),
        (&json!(1), &json!(0)),
        "{received}"
    );
    assert_eq!(desired(&rig, &shop).await, 3);
    let why = format!("no group has the id {NOBODY}");
    assert_eq!(reasons(&rig, &input).await, [why]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_that_are_for_no_group_are_kept_with_the_reason() {
    let rig = Rig::with_supervisor().await;
    group(&rig, "shop").await;
    let input = routed(
        &rig,
        json!([
            {"when": {"host": "shop-*"}, "to": ["shop"]},
            {"when": {"host": "lost-*"}, "to": ["no group of that name"]},
            {"when": {"host": "gone-*"}, "to": [NOBODY]},
        ]),
    )
    .await;
    let sender = Sender::new(&rig, &input);
    let say = |host: &str| json!({"host": host, "value": 50, "time": rig.now()});
    let (_, received) = sender.json(&say("shop-1")).await;
    assert_eq!(
        (&received["events"], &received["unrouted"]),
        (&json!(1), &json!(0)),
        "{received}"
    );
    assert!(reasons(&rig, &input).await.is_empty());
    let hosts = ["shop-1", "lost-1", "gone-1", "nowhere-1"];
    let all: Vec<Value> = hosts.into_iter().map(say).collect();
    let (status, received) = sender.json(&json!({ "samples": all })).await;
    assert_eq!(
        (status, &received["events"], &received["unrouted"]),
        (StatusCode::ACCEPTED, &json!(1), &json!(3)),
        "{received}"
    );
    let why = reasons(&rig, &input).await;
    assert_eq!(why.len(), 1, "{why:?}");
    assert!(why[0].contains("3 alerts or samples are for no group") && why[0].contains(NOBODY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_alert_for_no_group_leaves_a_body_and_one_that_repeats_itself_leaves_no_other() {
    let rig = Rig::with_supervisor().await;
    let input = routed(&rig, json!([{"to": ["no group of that name"]}])).await;
    let sender = Sender::new(&rig, &input);
    let alert = |fingerprint: &str| json!({"fingerprint": fingerprint, "state": "open"});
    let time = rig.now();
    let say = |host: &str| json!({"host": host, "value": 50, "time": time});
    let measured = |hosts: [&str; 2]| json!({"samples": hosts.map(say)});
    let (queue, disk) = (alert("queue"), alert("disk"));
    let (two, turned) = (measured(["a", "b"]), measured(["b", "a"]));
    let others = measured(["a", "c"]);
    for body in [&queue, &disk, &queue, &two, &others, &turned] {
        let (status, received) = sender.json(body).await;
        assert_eq!(
            (status, &received["events"]),
            (StatusCode::ACCEPTED, &json!(0)),
            "{received}"
        );
        assert_ne!(received["unrouted"], json!(0), "{received}");
    }
    let mut why = reasons(&rig, &input).await;
    why.sort_unstable();
    why.dedup();
    assert_eq!(why.len(), 2, "the reasons only count: {why:?}");
    // The servers in another order are the same servers.
    let mut kept = rejected(&rig, &input, "body").await;
    kept.sort_unstable();
    let mut last = [&queue, &disk, &others, &turned].map(Value::to_string);
    last.sort_unstable();
    assert_eq!(kept, last);
}
