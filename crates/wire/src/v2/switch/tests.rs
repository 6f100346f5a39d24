use super::*;

fn spec(json: &str) -> SwitchSpec {
    serde_json::from_str(json).unwrap()
}

fn parsed(json: &str) -> Result<control::Switch, Invalid> {
    let now = Timestamp::from_unix_ms(1_000_000);
    spec(json).parse(control::Scope::Global, "ann", now)
}

#[test]
fn the_words_of_modes_are_the_domains() {
    for mode in control::Mode::ALL {
        let word = serde_json::to_value(Mode::from(mode)).unwrap();
        assert_eq!(word, mode.as_str());
        assert_eq!(control::Mode::from(Mode::from(mode)), mode);
    }
}

#[test]
fn a_reason_is_asked_for_and_an_end_lies_in_the_future() {
    let good = parsed(r#"{"mode":"no-create","why":" melts ","until":"1970-01-01T00:16:41Z"}"#);
    let good = good.unwrap();
    assert_eq!((good.why.as_str(), good.who.as_str()), ("melts", "ann"));
    assert_eq!(good.until, Some(Timestamp::from_unix_ms(1_001_000)));
    let long = "x".repeat(501);
    for (json, field) in [
        (r#"{"mode":"slow","why":""}"#.to_owned(), "why"),
        (r#"{"mode":"slow","why":"  "}"#.to_owned(), "why"),
        (format!(r#"{{"mode":"slow","why":"{long}"}}"#), "why"),
        (
            r#"{"mode":"run","why":"x","until":"1970-01-01T00:16:40Z"}"#.to_owned(),
            "until",
        ),
    ] {
        assert_eq!(parsed(&json).unwrap_err().field, field, "{json}");
    }
}
