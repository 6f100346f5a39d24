use std::io;

use bytes::Bytes;

use super::*;

const NOW_MS: u64 = 784_111_777_000;

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    Response {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn source() -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(io::Error::other("broken"))
}

fn nova(key: &str, status: u16, message: &str) -> Response {
    answer(
        status,
        &[],
        &format!(r#"{{"{key}": {{"code": {status}, "message": "{message}"}}}}"#),
    )
}

fn not(why: FailWhy) -> Result<ServerId, CreateError> {
    Err(CreateError::Not(why))
}

fn unknown(why: DoubtWhy) -> Result<ServerId, CreateError> {
    Err(CreateError::Unknown(why))
}

fn throttled(seconds: u64) -> Result<ServerId, CreateError> {
    Err(CreateError::Throttled(Duration::from_secs(seconds)))
}

#[test]
fn a_create_without_an_answer_failed_only_if_nothing_was_sent() {
    for (error, result) in [
        (TransportError::NotSent(source()), not(FailWhy::NotSent)),
        (TransportError::Timeout, unknown(DoubtWhy::Timeout)),
        (TransportError::Reset(source()), unknown(DoubtWhy::Reset)),
        (TransportError::Unreadable, unknown(DoubtWhy::Unclear)),
    ] {
        let exchange = Err(error);
        assert_eq!(create(&exchange, NOW_MS), result, "{exchange:?}");
        let expected = match exchange {
            Err(TransportError::Timeout) => Heard::Silent,
            Ok(_)
            | Err(
                TransportError::NotSent(_) | TransportError::Reset(_) | TransportError::Unreadable,
            ) => Heard::Sick,
        };
        assert_eq!(heard(&exchange, NOW_MS), expected);
    }
}

#[test]
fn a_create_is_accepted_only_with_an_id() {
    let id = "6f70656e-7374-4163-8b00-000000000001";
    let body = format!(r#"{{"server": {{"id": "{id}", "links": [], "adminPass": "CANARY"}}}}"#);
    let accepted = create(&Ok(answer(202, &[], &body)), NOW_MS);
    assert_eq!(accepted, Ok(id.parse().expect("an id")));
    for body in [
        "",
        "{}",
        r#"{"server": {}}"#,
        r#"{"server": {"id": 1}}"#,
        r#"{"server": {"id": "x"}}"#,
        r#"{"reservation_id": "r-3fhpjulh"}"#,
        "<html>accepted</html>",
        &body[..40],
    ] {
        let result = create(&Ok(answer(202, &[], body)), NOW_MS);
        assert_eq!(result, unknown(DoubtWhy::Unclear), "{body}");
    }
}

#[test]
fn refusals_of_a_create_carry_the_clouds_words() {
    for (key, status, message) in [
        ("badRequest", 400, "Invalid imageRef provided."),
        ("itemNotFound", 404, "Image not found."),
        ("conflictingRequest", 409, "Port 5 is still in use."),
        ("badMethod", 405, "no"),
        ("computeFault", 422, "no"),
    ] {
        let result = create(&Ok(nova(key, status, message)), NOW_MS);
        assert_eq!(
            result,
            not(FailWhy::Refused(message.to_owned())),
            "{status}"
        );
    }
    // A body that is too large for Nova is no request to wait. The library under Nova says so, in its own form.
    let flat = r#"{"message": "Request is too large.<br /><br />\n\n\n", "code": "413 Request Entity Too Large", "title": "Request Entity Too Large"}"#;
    let large = create(&Ok(answer(413, &[], flat)), NOW_MS);
    assert_eq!(
        large,
        not(FailWhy::Refused("Request is too large.".to_owned()))
    );
}

/// What a gateway, an ingress or a default backend says in the cloud's place.
const NOT_NOVAS: [&str; 8] = [
    "",
    "default backend - 404",
    "<html><body><h1>404</h1></body></html>",
    "{}",
    r#"{"message": "no Route matched with those values"}"#,
    r#"{"error": {"code": 404, "message": "Not Found"}}"#,
    r#"{"kind": "Status", "metadata": {}, "status": "Failure", "reason": "NotFound", "details": {}, "code": 404}"#,
    r#"{"message": "The resource could not be found.<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found"}"#,
];

#[test]
fn a_create_that_is_refused_in_other_words_than_novas_is_in_doubt() {
    for status in [400, 403, 404, 405, 406, 409, 411, 414, 415, 422, 431] {
        for body in NOT_NOVAS {
            let result = create(&Ok(answer(status, &[], body)), NOW_MS);
            assert_eq!(result, unknown(DoubtWhy::Unclear), "{status} {body}");
        }
    }
    // Whoever refuses its size has not looked at it, and there may be no reason to look for one in the configuration.
    let page = create(&Ok(answer(413, &[], "<html/>")), NOW_MS);
    assert_eq!(page, throttled(10));
}

#[test]
fn a_404_of_anything_but_nova_says_nothing_of_a_server_and_that_calls_do_not_arrive() {
    for body in NOT_NOVAS {
        let answer = || Ok(answer(404, &[], body));
        let (read, delete) = (read(answer(), NOW_MS), delete(answer(), NOW_MS));
        assert!(matches!(read, Err(CallError::Unclear(_))), "{body}");
        assert!(matches!(delete, Err(CallError::Unclear(_))), "{body}");
        let dropped = dropped(answer(), NOW_MS);
        assert!(matches!(dropped, Err(CallError::Unclear(_))), "{body}");
        // Keystone's own form is known too.
        let expected = if body.contains("error") {
            Heard::Served
        } else {
            Heard::Sick
        };
        assert_eq!(heard(&answer(), NOW_MS), expected, "{body}");
    }
}

#[test]
fn a_forbidden_create_is_quota_or_a_rule_or_the_account() {
    let why = |message: &str| create(&Ok(nova("forbidden", 403, message)), NOW_MS);
    let quota = "Quota exceeded for instances: Requested 1, but already used 8 of 2 instances";
    assert_eq!(why(quota), not(FailWhy::Quota(quota.to_owned())));
    let ports = "Maximum number of ports exceeded";
    assert_eq!(why(ports), not(FailWhy::Quota(ports.to_owned())));
    let disk = "Only volume-backed servers are allowed for flavors with zero disk.";
    assert_eq!(why(disk), not(FailWhy::Refused(disk.to_owned())));
    let files = "Personality file limit exceeded";
    assert_eq!(why(files), not(FailWhy::Refused(files.to_owned())));
    let policy = "Policy doesn't allow os_compute_api:servers:create to be performed.";
    assert_eq!(why(policy), not(FailWhy::Credential(policy.to_owned())));
}

#[test]
fn a_create_with_a_dead_token_or_a_wrong_version_was_not_executed() {
    let unauthorized = create(
        &Ok(nova(
            "error",
            401,
            "The request you have made requires authentication.",
        )),
        NOW_MS,
    );
    assert_eq!(unauthorized, not(FailWhy::Token));
    let version = create(&Ok(nova("computeFault", 406, "Version 2.93")), NOW_MS);
    assert_eq!(version, not(FailWhy::NotSent));
}

#[test]
fn a_throttled_create_was_not_executed_and_waits_as_long_as_told() {
    let date = ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT");
    for (answer, wait) in [
        (answer(429, &[("retry-after", "7")], ""), 7),
        (answer(413, &[("retry-after", "7")], ""), 7),
        (answer(429, &[], ""), 10),
        (answer(429, &[("retry-after", "soon")], ""), 10),
        (answer(429, &[("retry-after", "0")], ""), 1),
        (answer(429, &[("retry-after", "-5")], ""), 10),
        (answer(429, &[("retry-after", "999999999999")], ""), 3600),
        (answer(413, &[], r#"{"overLimit": {"retryAfter": 9}}"#), 9),
        (
            answer(413, &[], r#"{"overLimit": {"message": "slow"}}"#),
            10,
        ),
        (answer(429, &[date], ""), 30),
        (
            answer(429, &[date, ("date", "Sun, 06 Nov 1994 08:49:57 GMT")], ""),
            10,
        ),
        (
            answer(429, &[date, ("date", "Sun, 06 Nov 1994 09:49:57 GMT")], ""),
            1,
        ),
    ] {
        let exchange = Ok(answer);
        assert_eq!(create(&exchange, NOW_MS), throttled(wait), "{exchange:?}");
        let expected = Heard::Throttled(Scope::Tenant, Duration::from_secs(wait));
        assert_eq!(heard(&exchange, NOW_MS), expected, "{exchange:?}");
    }
}

#[test]
fn every_other_answer_to_a_create_is_a_doubt() {
    for status in [
        199, 203, 204, 300, 301, 302, 307, 308, 402, 408, 410, 418, 499, 500, 501, 502, 503, 504,
        507, 599,
    ] {
        for headers in [
            &[][..],
            &[("retry-after", "5"), ("location", "http://elsewhere/")][..],
        ] {
            let result = create(&Ok(answer(status, headers, "")), NOW_MS);
            assert_eq!(result, unknown(DoubtWhy::Unclear), "{status}");
        }
    }
}

#[test]
fn a_503_that_names_a_time_stops_the_colo_and_every_5xx_is_sickness() {
    let named = answer(503, &[("retry-after", "30")], "");
    let expected = Heard::Throttled(Scope::Colo, Duration::from_secs(30));
    assert_eq!(heard(&Ok(named), NOW_MS), expected);
    for status in [408, 500, 502, 503, 504] {
        assert_eq!(
            heard(&Ok(answer(status, &[], "")), NOW_MS),
            Heard::Sick,
            "{status}"
        );
    }
    for status in [400, 404, 405, 409] {
        let (page, words) = (answer(status, &[], ""), nova("badRequest", status, "no"));
        assert_eq!(heard(&Ok(page), NOW_MS), Heard::Sick, "{status}");
        assert_eq!(heard(&Ok(words), NOW_MS), Heard::Served, "{status}");
    }
    for status in [200, 202, 204, 401, 403, 413] {
        assert_eq!(
            heard(&Ok(answer(status, &[], "")), NOW_MS),
            Heard::Served,
            "{status}"
        );
    }
    let quota = nova("forbidden", 403, "Quota exceeded for cores");
    assert_eq!(heard(&Ok(quota), NOW_MS), Heard::Served);
}

#[test]
fn a_read_gets_a_body_or_nothing_or_says_why() {
    let body = read(Ok(answer(200, &[], "x")), NOW_MS).expect("a body");
    assert_eq!(body.expect("there").body, "x");
    let missing = nova("itemNotFound", 404, "Instance 5 could not be found.");
    assert!(read(Ok(missing), NOW_MS).expect("an answer").is_none());
    let seconds = |seconds| CallError::Throttled(Duration::from_secs(seconds));
    let unclear = |words: &str| CallError::Unclear(words.to_owned());
    for (answer, error) in [
        (nova("error", 401, ""), CallError::Credential),
        (nova("forbidden", 403, "Policy"), CallError::Credential),
        (answer(429, &[("retry-after", "3")], ""), seconds(3)),
        (answer(413, &[], ""), seconds(10)),
        (answer(503, &[("retry-after", "3")], ""), seconds(3)),
        (answer(503, &[], ""), unclear("HTTP 503")),
        (
            nova("computeFault", 500, "Unexpected API Error."),
            unclear("Unexpected API Error."),
        ),
        (
            answer(302, &[("location", "http://elsewhere/")], ""),
            unclear("HTTP 302"),
        ),
        (answer(204, &[], ""), unclear("HTTP 204")),
        (nova("badRequest", 400, "no"), unclear("no")),
    ] {
        let status = answer.status;
        assert_eq!(
            read(Ok(answer), NOW_MS).expect_err("an error"),
            error,
            "{status}"
        );
    }
    let cut = read(Err(TransportError::Timeout), NOW_MS).expect_err("an error");
    assert_eq!(cut, unclear("no answer in time"));
}

#[test]
fn a_delete_is_accepted_or_finds_nothing_or_a_lock() {
    let result = |answer| delete(Ok(answer), NOW_MS);
    assert_eq!(result(answer(204, &[], "")), Ok(Deleted::Accepted));
    assert_eq!(result(answer(202, &[], "")), Ok(Deleted::Accepted));
    assert_eq!(result(nova("itemNotFound", 404, "")), Ok(Deleted::NotFound));
    let locked = nova("conflictingRequest", 409, "Instance 5 is locked");
    assert_eq!(result(locked), Ok(Deleted::Locked));
    let state = nova(
        "conflictingRequest",
        409,
        "Cannot 'delete' instance 5 while it is in vm_state x",
    );
    assert!(matches!(result(state), Err(CallError::Unclear(_))));
    assert!(matches!(
        result(answer(500, &[], "")),
        Err(CallError::Unclear(_))
    ));
    assert_eq!(result(answer(403, &[], "")), Err(CallError::Credential));
    assert!(matches!(
        result(answer(429, &[], "")),
        Err(CallError::Throttled(_))
    ));
}
