use std::time::Duration;

use domain::group::Config;
use domain::ids::LaunchHash;
use domain::policy::Adjust;
use serde_json::{Value, json};

use super::GroupSpec;

fn spec(change: &Value) -> Result<GroupSpec, serde_json::Error> {
    let mut body = json!({"name": "web", "min": 2, "max": 12});
    let (Value::Object(body), Value::Object(change)) = (&mut body, change) else {
        unreachable!("objects")
    };
    body.extend(change.clone());
    serde_json::from_value(Value::Object(body.clone()))
}

#[test]
fn defaults_are_those_of_the_design() {
    let config = spec(&json!({}))
        .unwrap()
        .parse()
        .unwrap()
        .config(LaunchHash([0; 32]), 1);
    assert_eq!(config.cooldown, Duration::ZERO);
    assert_eq!(config.build_timeout, Duration::from_secs(3600));
    assert!(config.policies.is_empty() && config.metadata.is_empty());
}

#[test]
fn a_broken_rule_names_its_field() {
    let many: Vec<_> = (0..101)
        .map(|n| json!({"id": format!("p{n}"), "change": 1}))
        .collect();
    let pairs: serde_json::Map<_, _> = (0..65).map(|n| (n.to_string(), json!(""))).collect();
    for (change, field) in [
        (json!({"name": " "}), "name"),
        (json!({"name": "a\nb"}), "name"),
        (json!({"name": "x".repeat(256)}), "name"),
        (json!({"min": 13}), "min"),
        (json!({"max": 10_001}), "max"),
        (json!({"cooldown_seconds": 86_401}), "cooldown_seconds"),
        (
            json!({"build_timeout_seconds": 299}),
            "build_timeout_seconds",
        ),
        (
            json!({"build_timeout_seconds": 14_401}),
            "build_timeout_seconds",
        ),
        (json!({"metadata": {"k": "v".repeat(256)}}), "metadata.k"),
        (json!({"metadata": {"": "v"}}), "metadata."),
        (json!({"metadata": pairs}), "metadata"),
        (json!({"policies": many}), "policies"),
        (json!({"policies": [{"id": "up"}]}), "policies[0].change"),
        (
            json!({"policies": [{"id": "up", "change": 1}, {"id": "up", "change": 2}]}),
            "policies[1].id",
        ),
        (
            json!({"policies": [{"id": "up", "change": 1, "desired": 1}]}),
            "policies[0].desired",
        ),
        (
            json!({"policies": [{"id": "u p", "change": 1}]}),
            "policies[0].id",
        ),
        (
            json!({"policies": [{"id": "up", "change": 1, "debounce_seconds": 301}]}),
            "policies[0].debounce_seconds",
        ),
    ] {
        let invalid = spec(&change).unwrap().parse().expect_err(field);
        assert_eq!(invalid.field, field);
    }
}

#[test]
fn unknown_fields_are_refused_everywhere() {
    for change in [
        json!({"desired": 3}),
        json!({"rev": 1}),
        json!({"launch": {"server": {}, "args": {}}}),
        json!({"policies": [{"id": "up", "change": 1, "colour": "red"}]}),
    ] {
        assert!(spec(&change).is_err(), "{change}");
    }
}

/// A configuration as only `/v1.0` takes it.
fn of_the_old_surface() -> Config {
    let plain = json!({"policies": [{"id": "up", "change": 1, "cooldown_seconds": 1}]});
    let mut config = spec(&plain)
        .unwrap()
        .parse()
        .unwrap()
        .config(LaunchHash([0; 32]), 1);
    config.name = "x".repeat(256);
    config.metadata = (0..65)
        .map(|n| (n.to_string(), "\u{fc}".repeat(256)))
        .collect();
    for policy in config.policies.values_mut() {
        policy.adjust = Adjust::Change(99_999);
        policy.cooldown = Duration::from_millis(1_500);
    }
    config
}

#[test]
fn what_a_patch_does_not_change_stays_by_the_rules_that_it_came_by() {
    let there = of_the_old_surface();
    let before = GroupSpec::new(&there, None);
    assert!(before.parse().is_err(), "this surface would not take it");
    let patched = GroupSpec { max: 5, ..before };
    let after = patched.parse_over(&there).unwrap();
    assert_eq!(after.bounds.max().0, 5);
    let after = after.config(there.launch, 2);
    assert_eq!(
        (&after.name, &after.metadata),
        (&there.name, &there.metadata)
    );
    assert_eq!(after.policies, there.policies, "to the millisecond");
}

#[test]
fn what_a_patch_changes_keeps_the_rules_of_this_surface() {
    let there = of_the_old_surface();
    let before = GroupSpec::new(&there, None);
    let mut other = before.clone();
    other.policies[0].change = Some(99_998);
    let mut another = before.clone();
    another.policies.push(another.policies[0].clone());
    another.policies[1].id = "another".into();
    let mut rested = before.clone();
    rested.policies[0].cooldown_seconds = 86_401;
    let wrong = [
        (
            GroupSpec {
                name: "y".repeat(256),
                ..before.clone()
            },
            "name",
        ),
        (
            GroupSpec {
                min: 13,
                ..before.clone()
            },
            "min",
        ),
        (other, "policies[0].change"),
        (another, "policies[1].change"),
        (rested, "policies[0].cooldown_seconds"),
    ];
    for (patched, field) in wrong {
        let invalid = patched.parse_over(&there).expect_err(field);
        assert_eq!(invalid.field, field);
    }
    let mut resting = before;
    resting.policies[0].cooldown_seconds = 60;
    let after = resting.parse_over(&there).unwrap();
    let policy = after.policies.values().next().unwrap();
    assert_eq!(policy.adjust, Adjust::Change(99_999));
    assert_eq!(policy.cooldown, Duration::from_secs(60));
}
