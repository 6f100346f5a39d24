//! Dry runs: the verdict that an event would get, and nothing else.
use domain::time::Timestamp;
use serde_json::{Value, json};
use wire::v2::time::Moment;

use super::rig::{Rig, TENANT, spec};

const ALL: [&str; 4] = ["read", "crud", "trigger", "exceed-limits"];

/// An event that passes a bound for an hour.
fn beyond(rig: &Rig) -> Value {
    let until = Moment(Timestamp::from_unix_ms((rig.now() + 3_600) * 1_000));
    json!({"desired": 20, "force": true, "override": {"size": 20, "until": until.to_string()}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_what_the_event_then_gets() {
    let rig = Rig::with_supervisor().await;
    let groups = format!("/v2/{TENANT}/groups");
    let made = rig.ask(&ALL, ("POST", &groups), &[], Some(spec())).await;
    let events = format!("{groups}/{}/events", made.body["id"].as_str().unwrap());
    for asked in [
        json!({"policy": "up"}),
        json!({"policy": "up"}),
        json!({"policy": "up", "force": true}),
        json!({"policy": "nobody"}),
        json!({"desired": 100}),
        json!({"desired": 100, "force": true}),
        beyond(&rig),
        json!({"converge": true}),
        json!({"change": -50, "force": true}),
    ] {
        let dry = rig
            .ask(
                &ALL,
                ("POST", &format!("{events}/dry-run")),
                &[],
                Some(asked.clone()),
            )
            .await;
        assert_eq!(dry.status, 200, "{asked}: {}", dry.body);
        let real = rig
            .ask(&ALL, ("POST", &events), &[], Some(asked.clone()))
            .await;
        assert_eq!(real.status, 200, "{asked}: {}", real.body);
        for member in ["outcome", "asked", "force", "before", "after"] {
            assert_eq!(
                dry.body["verdict"][member], real.body[member],
                "{member} of {asked}"
            );
        }
        let gates = |body: &Value| -> Vec<(String, String)> {
            let words = body["gates"].as_array().unwrap().iter();
            let pair = |gate: &Value| (gate["gate"].to_string(), gate["word"].to_string());
            words.map(pair).collect()
        };
        assert_eq!(gates(&dry.body["verdict"]), gates(&real.body), "{asked}");
        let after = real.body["after"].as_u64().unwrap();
        assert_eq!(
            dry.body["launches"].as_u64().unwrap(),
            after,
            "no server is there yet: {asked}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_leaves_everything_as_it_was() {
    // No owner: the event before it lies in the inbox, and would be decided first.
    let rig = Rig::start().await;
    let groups = format!("/v2/{TENANT}/groups");
    let made = rig.ask(&ALL, ("POST", &groups), &[], Some(spec())).await;
    let events = format!("{groups}/{}/events", made.body["id"].as_str().unwrap());
    rig.ask(&ALL, ("POST", &events), &[], Some(json!({"change": 1})))
        .await;
    let key = rig.store.keys().remove(0);
    let hints = rig.store.handle("tests").hints;
    hints
        .clear(&key, Timestamp::from_unix_ms(u64::MAX >> 1))
        .await
        .unwrap();
    let everything = || {
        (
            rig.store.commits(),
            rig.store.group(&key),
            rig.store.verdicts(&key),
            rig.store.records(&key, domain::ids::Rev(0)),
            (rig.store.notes(), rig.store.marked()),
        )
    };
    let before = everything();
    for asked in [
        json!({"change": 2}),
        json!({"policy": "up", "force": true}),
        json!({"desired": 0, "force": true}),
        beyond(&rig),
        json!({"converge": true}),
    ] {
        let path = format!("{events}/dry-run");
        let key = [("Idempotency-Key", "k")];
        let dry = rig
            .ask(&ALL, ("POST", &path), &key, Some(asked.clone()))
            .await;
        assert_eq!(dry.status, 200, "{asked}: {}", dry.body);
        assert_eq!(
            dry.body["verdict"]["before"],
            json!(3),
            "the inbox is decided first"
        );
    }
    assert_eq!(everything(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_needs_what_the_event_needs_and_names_the_switch_that_would_hold_it() {
    let rig = Rig::start().await;
    let groups = format!("/v2/{TENANT}/groups");
    let made = rig.ask(&ALL, ("POST", &groups), &[], Some(spec())).await;
    let path = format!(
        "{groups}/{}/events/dry-run",
        made.body["id"].as_str().unwrap()
    );
    let beyond = beyond(&rig);
    let refused = rig
        .ask(&["trigger"], ("POST", &path), &[], Some(beyond))
        .await;
    assert_eq!(
        (refused.status, &refused.body["rule"]),
        (403, &json!("exceed-limits"))
    );
    let switch = json!({"mode": "no-create", "why": "a test"});
    let set = rig
        .ask(
            &["operate"],
            ("PUT", "/v2/switches/tenant:acme"),
            &[],
            Some(switch),
        )
        .await;
    assert_eq!(set.status, 200);
    let dry = rig
        .ask(&ALL, ("POST", &path), &[], Some(json!({"change": 1})))
        .await;
    assert_eq!(dry.body["switches"][0]["mode"], json!("no-create"));
}
