use super::*;

fn parse(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

#[test]
fn what_was_written_comes_back() {
    for text in [
        r#"{"a":1.50,"b":[1e2,-0,10000000000000000000000],"c":{"d":null,"e":true,"f":"x\ny"}}"#,
        "[]",
        "5",
        r#""text""#,
    ] {
        assert_eq!(parse(text).to_ascii(), text);
    }
    assert_eq!(
        parse("\"ü\u{1f9a6}\"").to_ascii(),
        r#""\u00fc\ud83e\udda6""#
    );
}

#[test]
fn of_doubled_keys_the_last_counts() {
    assert_eq!(
        parse(r#"{"a":1,"a":2}"#).get("a").unwrap().integer(),
        Some(2)
    );
}

#[test]
fn an_integer_is_one_by_its_text() {
    for (text, integer) in [
        ("1", Some(1)),
        ("-0", Some(0)),
        ("1.0", None),
        ("1e1", None),
        ("10000000000000000000000", Some(i64::MAX)),
        ("-10000000000000000000000", Some(i64::MIN)),
        ("true", None),
        ("\"1\"", None),
    ] {
        assert_eq!(parse(text).integer(), integer, "{text}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    for text in [
        "",
        " ",
        "{",
        "{} x",
        "NaN",
        "Infinity",
        "[1e400]",
        "{\"a\": NaN}",
        "\u{feff}{}",
        "{'a': 1}",
        "\"\\ud800\"",
        &deep,
    ] {
        assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
    }
    assert!(Json::parse(b"\"\xff\"").is_err());
}
