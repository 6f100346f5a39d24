use serde_json::json;

use super::*;

fn read(value: serde_json::Value) -> Result<Circle, String> {
    let spec: CircleSpec = serde_json::from_value(value).map_err(|error| error.to_string())?;
    spec.parse().map_err(|invalid| invalid.to_string())
}

#[test]
fn what_is_left_out_is_as_the_predecessor_had_it() {
    assert_eq!(read(json!({})), Ok(Circle::default()));
}

#[test]
fn steps_down_are_written_as_people_say_them() {
    let circle = read(json!({"expand_by": 5, "deflate_by": 2})).unwrap();
    assert_eq!(
        (circle.expand, circle.deflate),
        (Adjust::Change(5), Adjust::Change(-2))
    );
}

#[test]
fn what_is_shown_is_read_back_as_the_same() {
    for value in [
        json!({}),
        json!({"expand_by_percent": 12.5, "deflate_by_percent": 0.1, "escalate_after_seconds": 0}),
        json!({"expand_by": 5, "expand_delay_seconds": 1, "deflate_by": 3, "deflate_delay_seconds": 86400, "report_delay_seconds": 0}),
    ] {
        let circle = read(value).unwrap();
        let shown = serde_json::to_value(CircleSpec::from(circle)).unwrap();
        assert_eq!(read(shown), Ok(circle));
    }
}

#[test]
fn what_cannot_be_a_circle_is_refused_with_its_field() {
    for (value, field) in [
        (json!({"expand_by": 0}), "expand_by "),
        (json!({"expand_by": 10_001}), "expand_by "),
        (
            json!({"expand_by": 1, "expand_by_percent": 10}),
            "expand_by ",
        ),
        (json!({"expand_by_percent": -10}), "expand_by_percent "),
        (json!({"deflate_by_percent": 0}), "deflate_by_percent "),
        (json!({"expand_delay_seconds": 0}), "expand_delay_seconds "),
        (
            json!({"deflate_delay_seconds": 86_401}),
            "deflate_delay_seconds ",
        ),
        (json!({"surprise": 1}), "unknown field"),
    ] {
        let found = read(value.clone()).expect_err(field);
        assert!(found.starts_with(field), "{value}: {found}");
    }
}
