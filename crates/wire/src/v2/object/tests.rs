use serde_json::json;

use super::Object;
use crate::v2::event::EventRequest;
use crate::v2::group::GroupSpec;

#[test]
fn a_list_is_no_object() {
    for json in [r#"["up"]"#, "[]", "null", "1", r#""up""#] {
        assert!(
            serde_json::from_str::<Object<EventRequest>>(json).is_err(),
            "{json}"
        );
    }
    assert!(serde_json::from_str::<Object<EventRequest>>(r#"{"policy":"up"}"#).is_ok());
}

#[test]
fn a_list_is_no_object_further_inside_either() {
    let event = json!({"change": 1, "force": true, "override": [3, "2999-01-01T00:00:00Z"]});
    assert!(serde_json::from_value::<EventRequest>(event).is_err());
    for (name, value) in [
        ("launch", json!([{}])),
        ("policies", json!([["up", "Up", 1]])),
    ] {
        let mut spec = json!({"name": "web", "min": 0, "max": 1});
        spec[name] = value;
        assert!(serde_json::from_value::<GroupSpec>(spec).is_err(), "{name}");
    }
}
