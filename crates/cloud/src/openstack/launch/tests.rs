use std::sync::Arc;

use domain::ids::{GroupId, Nonce, SlotId};
use serde_json::{Value, json};

use super::*;

const HIGHEST: &str = "2.93";

fn create(launch: &str) -> Create {
    Create {
        group: GroupId::from_u128(0x0001_0203_0405_8607_8809_0a0b_0c0d_0e0f),
        slot: SlotId::from_u128(0xdead_beef),
        nonce: Nonce::from_u128(7),
        tenant: "tenant-a".parse().expect("a tenant"),
        launch: Arc::from(launch.as_bytes()),
        labels: BTreeMap::from([("rax:autoscale:group:id".to_owned(), "g".to_owned())]),
    }
}

fn stamp() -> Vec<(&'static str, String)> {
    METADATA_NAMES
        .iter()
        .map(|name| (*name, format!("ours {name}")))
        .collect()
}

fn ready_at(launch: &str, highest: &str) -> Result<(Value, String), LaunchError> {
    let highest = highest.parse().expect("a microversion");
    let ready = ready(&create(launch), &stamp(), highest)?;
    let body = serde_json::from_slice(&ready.body).expect("JSON");
    Ok((body, ready.microversion.to_string()))
}

fn server(launch: &str) -> Value {
    let (mut body, _) = ready_at(launch, HIGHEST).expect("a body");
    body["server"].take()
}

#[test]
fn what_the_customer_wrote_passes_through_untouched() {
    let launch = r#"{"server": {"flavorRef": 2, "imageRef": "i", "OS-DCF:diskConfig": "AUTO", "odd": [1.50, 1e400, 123456789012345678901234567890],
        "config_drive": "true", "networks": [{"uuid": "n"}], "user_data": "eA=="}, "os:scheduler_hints": {"group": "g"}, "loadBalancers": []}"#;
    let highest = HIGHEST.parse().expect("a microversion");
    let ready = ready(&create(launch), &stamp(), highest).expect("a body");
    let text = std::str::from_utf8(&ready.body).expect("text");
    for part in [
        r#""flavorRef":2"#,
        r#""odd":[1.50, 1e400, 123456789012345678901234567890]"#,
        r#""config_drive":"true""#,
        r#""networks":[{"uuid": "n"}]"#,
        r#""os:scheduler_hints":{"group": "g"}"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("loadBalancers"), "{text}");
}

#[test]
fn networks_are_automatic_unless_stated() {
    assert_eq!(server(r#"{"server": {}}"#)["networks"], "auto");
    assert_eq!(
        server(r#"{"server": {"networks": null}}"#)["networks"],
        "auto"
    );
    assert_eq!(
        server(r#"{"server": {"networks": "none"}}"#)["networks"],
        "none"
    );
    assert_eq!(
        server(r#"{"server": {"networks": []}}"#)["networks"],
        json!([])
    );
}

#[test]
fn personality_keeps_an_older_microversion_and_an_empty_one_is_left_out() {
    let version = |launch| ready_at(launch, HIGHEST).expect("a body").1;
    let with = r#"{"server": {"personality": [{"path": "/a", "contents": "eA=="}]}}"#;
    assert_eq!(version(with), "2.56");
    assert_eq!(server(with)["personality"][0]["path"], "/a");
    for empty in [
        r#"{"server": {"personality": []}}"#,
        r#"{"server": {"personality": null}}"#,
    ] {
        assert_eq!(version(empty), HIGHEST);
        assert_eq!(server(empty).get("personality"), None);
    }
}

#[test]
fn a_cloud_that_takes_no_tags_is_refused() {
    let refused = ready_at(r#"{"server": {}}"#, "2.51").expect_err("refused");
    assert!(refused.to_string().contains("older than 2.52"), "{refused}");
}

#[test]
fn calls_that_make_several_servers_or_answer_no_id_are_refused() {
    for field in REFUSED {
        for launch in [
            format!(r#"{{"server": {{"{field}": 1}}}}"#),
            format!(r#"{{"server": {{}}, "{field}": 1}}"#),
            format!(r#"{{"type": "launch_server", "args": {{"server": {{"{field}": 1}}}}}}"#),
        ] {
            let refused = ready_at(&launch, HIGHEST).expect_err("refused");
            assert_eq!(refused.field, field, "{launch}");
        }
    }
    let spelt = r#"{"server": {"min\u005fcount": 2}}"#;
    assert_eq!(
        ready_at(spelt, HIGHEST).expect_err("refused").field,
        "min_count"
    );
}

#[test]
fn what_is_no_launch_configuration_is_refused_by_its_field() {
    for (launch, field) in [
        ("", "launch configuration"),
        ("[]", "launch configuration"),
        ("{}", "server"),
        (r#"{"args": 1}"#, "args"),
        (r#"{"args": {}}"#, "server"),
        (r#"{"server": []}"#, "server"),
        (r#"{"server": {"metadata": []}}"#, "server.metadata"),
        (r#"{"server": {"tags": "x"}}"#, "server.tags"),
    ] {
        assert_eq!(
            ready_at(launch, HIGHEST).expect_err("refused").field,
            field,
            "{launch}"
        );
    }
}

#[test]
fn our_metadata_wins_over_the_customers() {
    let launch = r#"{"server": {"metadata": {"mine": "1", "as.p": "forged", "as.v": "0", "rax:autoscale:group:id": "other"}}}"#;
    let metadata = &server(launch)["metadata"];
    assert_eq!(metadata["mine"], "1");
    assert_eq!(metadata["rax:autoscale:group:id"], "g");
    for name in METADATA_NAMES {
        assert_eq!(metadata[name], format!("ours {name}"));
    }
    assert_eq!(
        server(r#"{"server": {"metadata": null}}"#)["metadata"]["as.v"],
        "ours as.v"
    );
}

#[test]
fn the_slots_tag_comes_first_and_foreign_slot_tags_are_left_out() {
    let own = "as:0000000000000000006ybvr6zf".len();
    let tags =
        server(r#"{"server": {"tags": ["web", "as:00000000000000000000000001"]}}"#)["tags"].take();
    let tags: Vec<String> = serde_json::from_value(tags).expect("strings");
    assert_eq!(tags.len(), 2);
    assert_eq!(tags[0], tag::of(SlotId::from_u128(0xdead_beef)));
    assert_eq!(tags[0].len(), own);
    assert_eq!(tags[1], "web");
}

#[test]
fn names_follow_the_contract_or_name_the_slot() {
    let name = |launch: &str| server(launch)["name"].as_str().expect("text").to_owned();
    assert_eq!(name(r#"{"server": {"name": "web"}}"#), "web-asdeadbeef");
    let slot = SlotId::from_u128(0xdead_beef);
    for unnamed in [
        r#"{"server": {}}"#,
        r#"{"server": {"name": null}}"#,
        r#"{"server": {"name": " "}}"#,
    ] {
        assert_eq!(name(unnamed), format!("as-00010203-{slot}"));
    }
    let long = format!(r#"{{"server": {{"name": "{}"}}}}"#, "ä".repeat(300));
    assert_eq!(name(&long).chars().count(), 255);
    assert!(name(&long).ends_with("-asdeadbeef"));
}

#[test]
fn a_v1_configuration_is_taken_whole() {
    let launch = r#"{"type": "launch_server", "args": {"server": {"flavorRef": "2"}, "loadBalancers": [{"port": 80}], "draining_timeout": 30}}"#;
    let (body, _) = ready_at(launch, HIGHEST).expect("a body");
    assert_eq!(body["server"]["flavorRef"], "2");
    assert_eq!(body.as_object().expect("an object").len(), 1);
}
