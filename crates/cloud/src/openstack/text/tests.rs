use super::*;

#[test]
fn words_are_found_under_any_outer_key() {
    for (body, key, message) in [
        (
            r#"{"badRequest": {"code": 400, "message": "Invalid imageRef provided."}}"#,
            "badRequest",
            "Invalid imageRef provided.",
        ),
        (
            r#"{"forbidden": {"code": 403, "message": "Quota exceeded"}}"#,
            "forbidden",
            "Quota exceeded",
        ),
        (
            r#"{"error": {"message": "no", "code": 401, "title": "Unauthorized"}}"#,
            "error",
            "no",
        ),
        (r#"{"computeFault": {"code": 500}}"#, "computeFault", ""),
        (
            r#"{"message": "Too large.<br /><br />\n", "code": "413 Request Entity Too Large", "title": "Request Entity Too Large"}"#,
            "413 Request Entity Too Large",
            "Too large.",
        ),
    ] {
        let said = said(body.as_bytes()).expect("words");
        assert_eq!(
            (said.key.as_str(), said.message.as_str()),
            (key, message),
            "{body}"
        );
    }
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "<html>502</html>",
        r#"{"a": 1}"#,
        "\u{0}",
    ] {
        assert!(said(body.as_bytes()).is_none(), "{body}");
    }
}

/// As `nova/api/validation/validators.py` and `jsonschema` write it.
#[test]
fn what_nova_repeats_of_a_request_is_not_repeated_by_us() {
    let words_of = |words: &str| {
        let body = serde_json::json!({"badRequest": {"code": 400, "message": words}});
        said(body.to_string().as_bytes()).expect("words").message
    };
    for (tail, rule) in [
        (
            "server. Value: {'adminPass': 'CANARY', 'nics': []}. Additional properties are not allowed ('nics' was unexpected)",
            "server. Additional properties are not allowed ('nics' was unexpected)",
        ),
        (
            "server. Value: {'user_data': 'CANARY is too long'}. 'flavorRef' is a required property",
            "server. 'flavorRef' is a required property",
        ),
        (
            "user_data. Value: #!/bin/sh\nexport PASSWORD=CANARY. '#!/bin/sh\\nexport PASSWORD=CANARY' is not a 'base64'",
            "user_data. is not a 'base64'",
        ),
        (
            "adminPass. Value: {'a': 'CANARY'}. {'a': 'CANARY'} is not of type 'string'",
            "adminPass. is not of type 'string'",
        ),
        (
            "adminPass. Value: CANARY. 'CANARY' breaks a rule that is new",
            "adminPass. it is not accepted",
        ),
    ] {
        let words = words_of(&format!("Invalid input for field/attribute {tail}"));
        let expected = format!("Invalid input for field/attribute {rule}");
        assert_eq!(words, expected);
    }
    let plain = "Invalid imageRef provided. Value: as it is";
    assert_eq!(words_of(plain), plain);
}

#[test]
fn words_are_short_and_without_control_characters() {
    assert_eq!(clean("a\u{1b}[31m\r\nb\u{9b}c\0"), "a [31m  b c");
    assert_eq!(clean("a\u{202e}b"), "a b");
    for text in ["x".repeat(2000), "ü".repeat(2000), "€".repeat(2000)] {
        let clean = clean(&text);
        assert!(clean.len() <= TEXT_BYTES_MAX && clean.len() > TEXT_BYTES_MAX - 4);
    }
    let body = format!(
        r#"{{"badRequest": {{"message": "{}\u0007"}}}}"#,
        "y".repeat(600)
    );
    let words = said(body.as_bytes()).expect("words").message;
    assert_eq!(words, "y".repeat(512));
}

#[test]
fn old_clouds_say_in_the_body_how_long_to_wait() {
    for (body, wait) in [
        (
            r#"{"overLimit": {"code": 413, "message": "slow", "retryAfter": 7}}"#,
            Some(7),
        ),
        (
            r#"{"overLimit": {"code": 413, "retryAfter": "8"}}"#,
            Some(8),
        ),
        (r#"{"overLimit": {"code": 413, "retryAfter": -8}}"#, None),
        (
            r#"{"overLimit": {"code": 413, "retryAfter": "soon"}}"#,
            None,
        ),
        (r#"{"overLimit": {"code": 413}}"#, None),
    ] {
        assert_eq!(
            said(body.as_bytes()).expect("words").retry_after,
            wait,
            "{body}"
        );
    }
}
