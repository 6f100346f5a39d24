use serde::Deserialize;

use super::{DEPTH_MAX, check_depth, parse};
use crate::failure::Failure;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    #[expect(dead_code, reason = "only its absence is looked at")]
    list: Vec<Inner>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    #[expect(dead_code, reason = "only its absence is looked at")]
    size: u32,
}

fn failure(json: &str) -> Failure {
    parse::<Outer>(json.as_bytes()).expect_err(json)
}

#[test]
fn the_field_at_fault_is_named_wherever_it_stands() {
    for (json, code, field) in [
        ("{}", "invalid-field", "list"),
        (r#"{"list":[{}]}"#, "invalid-field", "list[0].size"),
        (
            r#"{"list":[{"size":1},{"size":"x"}]}"#,
            "invalid-field",
            "list[1].size",
        ),
        (
            r#"{"list":[{"size":1,"sise":1}]}"#,
            "unknown-field",
            "list[0].sise",
        ),
        (r#"{"list":[],"lost":1}"#, "unknown-field", "lost"),
        (r#"{"list":[],"list":[]}"#, "invalid-field", "list"),
        ("[1]", "invalid-field", ""),
        ("", "malformed-json", ""),
        (r#"{"list":[]"#, "malformed-json", ""),
        (r#"{"list":[]} x"#, "malformed-json", ""),
    ] {
        let failure = failure(json);
        assert_eq!(failure.problem.code, code, "{json}: {failure}");
        assert_eq!(
            failure.problem.field.as_deref().unwrap_or_default(),
            field,
            "{json}: {failure}"
        );
    }
}

#[test]
fn a_body_does_not_come_back_whole() {
    let long = format!(r#"{{"list":"{}"}}"#, "x".repeat(10_000));
    assert!(failure(&long).problem.detail.len() < 400);
}

#[test]
fn depth_counts_brackets_outside_of_texts() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(check_depth(nested(DEPTH_MAX).as_bytes()).is_ok());
    assert!(check_depth(nested(DEPTH_MAX + 1).as_bytes()).is_err());
    let text = format!(r#"["{}\"{}"]"#, "[".repeat(50), "{".repeat(50));
    assert!(check_depth(text.as_bytes()).is_ok());
    let many = "[]".repeat(1_000);
    assert!(check_depth(many.as_bytes()).is_ok());
}
