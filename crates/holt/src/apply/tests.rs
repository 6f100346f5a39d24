use serde_json::json;

use super::*;

fn spec(value: Value) -> GroupSpec {
    serde_json::from_value(value).expect("a group")
}

fn pair(wanted: Value, there: Value) -> Vec<String> {
    let there = Some(("id".to_owned(), spec(there), "\"tag\"".to_owned()));
    let wanted = spec(wanted);
    Pair { wanted, there }.differences()
}

#[test]
fn what_is_the_same_in_another_order_does_not_differ() {
    let there = json!({"name": "web", "min": 1, "max": 3, "launch": {"server": {"flavorRef": "1"}},
        "policies": [{"id": "a", "name": "a", "change": 1}, {"id": "b", "name": "b", "change": 2}]});
    let wanted = json!({"name": "web", "min": 1, "max": 3, "policies": [{"id": "b", "change": 2}, {"id": "a", "change": 1}]});
    assert_eq!(pair(wanted, there), Vec::<String>::new());
}

#[test]
fn each_difference_is_a_line_with_its_place() {
    let there = json!({"name": "web", "min": 1, "max": 3, "metadata": {"a": "1"}, "policies": [{"id": "a", "name": "a", "change": 1}]});
    let wanted = json!({"name": "web", "min": 2, "max": 3, "policies": [{"id": "a", "change": 4}, {"id": "b", "desired": 2}]});
    let lines = pair(wanted, there);
    assert_eq!(lines[0], "- metadata: {\"a\":\"1\"}");
    assert_eq!(lines[1], "~ min: 1 -> 2");
    assert_eq!(lines[2], "~ policies.a.change: 1 -> 4");
    assert!(lines[3].starts_with("+ policies.b: {"), "{lines:?}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn a_size_is_no_part_of_a_file() {
    let text = json!({"name": "web", "min": 1, "max": 3, "desired": 2}).to_string();
    assert!(serde_json::from_str::<File>(&text).is_err());
}
