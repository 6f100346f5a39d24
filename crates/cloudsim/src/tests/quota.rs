//! Quota is found out late (fact 2).

use serde_json::Value;

use super::harness::{World, server};
use crate::{Faults, Outcome, Span};

fn limited() -> Faults {
    Faults {
        latency: Span::NONE,
        quota_instances: Some(2),
        ..Faults::default()
    }
}

#[test]
fn fact_2_creates_at_once_are_all_accepted_and_most_end_in_error() {
    let mut world = World::new(limited());
    let ids: Vec<_> = (0..8).map(|n| world.create(&format!("as:{n}"))).collect();
    world.wait(10_000);
    let states: Vec<_> = ids.iter().map(|id| world.status_of(id)).collect();
    let count = |state: &str| states.iter().filter(|s| *s == state).count();
    assert!(
        count("ACTIVE") <= 2 && count("ACTIVE") + count("ERROR") == 8,
        "{states:?}"
    );
    let failed = ids.iter().zip(&states).find(|(_, state)| *state == "ERROR");
    let shown = world
        .get(&format!("/servers/{}", failed.unwrap().0))
        .value();
    let text = shown["server"]["fault"]["message"].as_str().unwrap();
    assert!(text.starts_with("Quota exceeded for instances: Requested 1, but already used"));
}

#[test]
fn fact_2_servers_in_error_use_quota_until_they_are_deleted() {
    let mut world = World::new(limited());
    let ids: Vec<_> = (0..8).map(|n| world.create(&format!("as:{n}"))).collect();
    world.wait(10_000);
    let refused = world.call("POST", "/servers", &server("as:more"));
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.value()["forbidden"]["message"],
        "Quota exceeded for instances: Requested 1, but already used 8 of 2 instances"
    );
    assert_eq!(refused.header("retry-after"), None);
    for id in &ids {
        world.call("DELETE", &format!("/servers/{id}"), &Value::Null);
    }
    world.wait(10_000);
    assert!(matches!(
        world.try_create("as:again"),
        Some(Outcome::Answer(r)) if r.status == 202
    ));
}

#[test]
fn limits_tell_what_is_used() {
    let mut world = World::new(Faults {
        quota_instances: Some(5),
        ..Faults::instant()
    });
    world.create("as:a");
    let limits = world.get("/limits").value();
    assert_eq!(limits["limits"]["absolute"]["maxTotalInstances"], 5);
    assert_eq!(limits["limits"]["absolute"]["totalInstancesUsed"], 1);
}

#[test]
fn quota_is_per_project() {
    let mut world = World::new(Faults {
        quota_instances: Some(1),
        ..Faults::instant()
    });
    world.create("as:a");
    world.become_user("autoscaler", "tenant-b");
    world.create("as:b");
}
