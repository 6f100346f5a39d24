use std::time::Duration;

use domain::ids::LaunchHash;
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
