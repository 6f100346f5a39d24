use serde_json::{Value, json};
use wire::v2::group::Launch;

use super::{check, view};

fn launch(server: &Value) -> Launch {
    Launch {
        server: server.as_object().unwrap().clone(),
        unvalidated: false,
    }
}

#[test]
fn what_nova_may_know_passes_through() {
    for server in [
        json!({"flavorRef": "1", "imageRef": "img"}),
        json!({"flavorRef": "1", "imageRef": "", "block_device_mapping_v2": [{"boot_index": 0}]}),
        json!({"flavorRef": "1", "block_device_mapping": []}),
        json!({"flavorRef": "1", "imageRef": "img", "networks": null, "misspelt": [1, {"a": 1.5}], "metadata": null, "tags": ["blue"]}),
        json!({"flavorRef": "1", "imageRef": "img", "personality": [{"path": "/etc/motd", "contents": "aGk="}], "user_data": "aGk="}),
    ] {
        let body = check(&launch(&server)).expect("a good one");
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({ "server": server })
        );
        assert_eq!(view(&body, true), Some(launch(&server)));
    }
}

#[test]
fn a_broken_rule_names_its_member() {
    let with = |extra: Value| {
        let mut server = json!({"flavorRef": "1", "imageRef": "img"});
        server
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        launch(&server)
    };
    for (extra, field) in [
        (json!({"min_count": 1}), "min_count"),
        (json!({"flavorRef": 1}), "flavorRef"),
        (json!({"flavorRef": "a b"}), "flavorRef"),
        (json!({"imageRef": " "}), "imageRef"),
        (
            json!({"imageRef": "", "block_device_mapping": {}}),
            "imageRef",
        ),
        (json!({"name": 7}), "name"),
        (json!({"name": "x".repeat(256)}), "name"),
        (json!({"metadata": []}), "metadata"),
        (json!({"metadata": {"k": 1}}), "metadata.k"),
        (json!({"metadata": {"a/b": "x"}}), "metadata.a/b"),
        (json!({"metadata": {"as.n": "x"}}), "metadata.as.n"),
        (json!({"metadata": {"k": "x".repeat(256)}}), "metadata.k"),
        (json!({"tags": "blue"}), "tags"),
        (json!({"tags": ["blue", "a,b"]}), "tags[1]"),
        (json!({"tags": ["as:0"]}), "tags[0]"),
        (json!({"user_data": "?"}), "user_data"),
        (json!({"personality": null}), "personality"),
        (
            json!({"personality": [{"path": "", "contents": ""}]}),
            "personality[0].path",
        ),
    ] {
        let invalid = check(&with(extra)).expect_err(field);
        assert_eq!(invalid.field, format!("launch.server.{field}"));
    }
}

#[test]
fn secrets_are_masked_for_those_who_may_only_read() {
    let body = check(&launch(
        &json!({"flavorRef": "1", "imageRef": "img", "user_data": "aGk=", "adminPass": "pw"}),
    ))
    .unwrap();
    let shown = serde_json::to_string(&view(&body, false)).unwrap();
    assert!(!shown.contains("aGk=") && !shown.contains("pw") && shown.contains("***"));
}
