use super::*;

fn spec(json: &str) -> HookSpec {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn the_shortest_hook_is_a_signed_webhook_that_waits_for_nobody() {
    let spec = spec(r#"{"points":["server.active"],"url":"https://receiver.example/x"}"#);
    let hook = spec.parse().unwrap();
    assert_eq!((hook.format, hook.wait), (hook::Format::Webhook, None));
    assert!(hook.enabled && hook.skippable);
    assert_eq!(spec.signature, Signature::Hmac);
}

#[test]
fn every_broken_rule_names_its_field() {
    let table = [
        (r#"{"points":[],"url":"https://x"}"#, "points"),
        (
            r#"{"points":["server.gone","server.gone"],"url":"https://x"}"#,
            "points",
        ),
        (r#"{"points":["server.gone"]}"#, "url"),
        (r#"{"points":["server.gone"],"url":"ftp://x"}"#, "url"),
        (r#"{"points":["server.gone"],"url":"https://x y"}"#, "url"),
        (
            r#"{"points":["server.gone"],"url":"https://x","wait":{"deadline_s":60,"default":"abandon"}}"#,
            "wait",
        ),
        (
            r#"{"points":["server.before_active"],"url":"https://x","format":"slack","wait":{"deadline_s":60,"default":"abandon"}}"#,
            "wait",
        ),
        (
            r#"{"points":["server.before_active"],"url":"https://x","wait":{"deadline_s":4,"default":"abandon"}}"#,
            "wait.deadline_s",
        ),
        (
            r#"{"points":["server.before_active"],"url":"https://x","wait":{"deadline_s":7201,"default":"abandon"}}"#,
            "wait.deadline_s",
        ),
        (
            r#"{"points":["server.before_active"],"url":"https://x","wait":{"deadline_s":60,"longest_s":59,"default":"abandon"}}"#,
            "wait.longest_s",
        ),
        (
            r#"{"points":["server.active"],"format":"pagerduty"}"#,
            "points",
        ),
    ];
    for (json, field) in table {
        let found = spec(json).parse().map_err(|invalid| invalid.field);
        assert_eq!(found.err().as_deref(), Some(field), "{json}");
    }
    let unknown = r#"{"points":["server.gone"],"url":"https://x","retries":3}"#;
    assert!(serde_json::from_str::<HookSpec>(unknown).is_err());
}

#[test]
fn an_address_that_is_a_secret_is_shown_up_to_its_host() {
    let json = r#"{"points":["group.scaled"],"format":"slack","url":"https://hooks.slack.example/services/T0/B0/secret"}"#;
    let hook = spec(json).parse().unwrap();
    assert_eq!(hook.url, "https://hooks.slack.example/...");
}
