//! Bad input: a clear error each, and no change.
use domain::ids::{GroupKey, HomeEpoch};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::rig::{Rig, TENANT, spec};

const RIGHTS: [&str; 4] = ["read", "crud", "trigger", "exceed-limits"];
/// One more than a body may have.
const TOO_LARGE: usize = 256 * 1024 + 1;

/// What the api said to a body: status, code, field.
async fn send(
    rig: &Rig,
    method: &Method,
    path: &str,
    body: Vec<u8>,
) -> (StatusCode, String, String) {
    let request = rig
        .request(method.clone(), path)
        .bearer_auth(rig.token(&RIGHTS));
    let answer = request
        .header("Content-Type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"));
    let member = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    assert!(
        !member("detail").is_empty() && !member("request_id").is_empty(),
        "{problem}"
    );
    (status, member("code"), member("field"))
}

/// Bodies that no route takes, with the code for each. `text` and `number` are fields that the route knows.
fn hopeless(text: &str, number: &str) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n)).into_bytes();
    let begun = |rest: &str| format!("{{\"{text}\":\"up\"{rest}").into_bytes();
    let not_utf8 = [format!("{{\"{text}\":\"").as_bytes(), b"\xff\"}"].concat();
    vec![
        ("nothing", Vec::new(), "malformed-json"),
        ("no JSON", b"change=1".to_vec(), "malformed-json"),
        ("cut", begun(","), "malformed-json"),
        ("single quotes", b"{'change':1}".to_vec(), "malformed-json"),
        ("trailing comma", begun(",}"), "malformed-json"),
        ("comment", begun("/**/}"), "malformed-json"),
        ("not UTF-8", not_utf8, "malformed-json"),
        (
            "NaN",
            begun(&format!(",\"{number}\":NaN}}")),
            "malformed-json",
        ),
        (
            "infinity",
            begun(&format!(",\"{number}\":1e400}}")),
            "malformed-json",
        ),
        ("deep", deep(33), "too-deep"),
        ("very deep", deep(100_000), "too-deep"),
        ("huge", vec![b' '; TOO_LARGE], "body-too-large"),
        ("a list", b"[]".to_vec(), "invalid-field"),
        ("fields in a list", b"[\"up\"]".to_vec(), "invalid-field"),
        ("null", b"null".to_vec(), "invalid-field"),
        ("a text", br#""change""#.to_vec(), "invalid-field"),
        (
            "the same twice",
            begun(&format!(",\"{text}\":\"up\"}}")),
            "invalid-field",
        ),
        (
            "unknown field",
            br#"{"colour":"red"}"#.to_vec(),
            "unknown-field",
        ),
        (
            "prototype",
            br#"{"__proto__":{}}"#.to_vec(),
            "unknown-field",
        ),
    ]
}

/// Events that break a rule, with the field to blame.
fn events() -> Vec<(Value, &'static str, &'static str)> {
    let until =
        |text: &str| json!({"change": 1, "force": true, "override": {"size": 3, "until": text}});
    vec![
        (json!({}), "invalid-field", "policy"),
        (json!({"change": "2"}), "invalid-field", "change"),
        (json!({"change": 2.5}), "invalid-field", "change"),
        (
            json!({"change": null, "desired": -1}),
            "invalid-field",
            "desired",
        ),
        (
            json!({"desired": 4_294_967_296_u64}),
            "invalid-field",
            "desired",
        ),
        (json!({"desired": 10_001}), "invalid-field", "desired"),
        (
            json!({"change_percent": "50"}),
            "invalid-field",
            "change_percent",
        ),
        (
            json!({"change_percent": []}),
            "invalid-field",
            "change_percent",
        ),
        (json!({"policy": 7}), "invalid-field", "policy"),
        (json!({"policy": "no such form"}), "invalid-field", "policy"),
        (
            json!({"change": 1, "desired": 1}),
            "invalid-field",
            "desired",
        ),
        (
            json!({"change": 1, "force": "yes"}),
            "invalid-field",
            "force",
        ),
        (
            json!({"change": 1, "valid_for_seconds": 0}),
            "invalid-field",
            "valid_for_seconds",
        ),
        (
            json!({"change": 1, "override": {"size": 3}}),
            "invalid-field",
            "override.until",
        ),
        (
            json!({"change": 1, "override": {"size": 3, "until": "2999-01-01T00:00:00Z", "x": 1}}),
            "unknown-field",
            "override.x",
        ),
        (until("tomorrow"), "invalid-field", "override.until"),
        (
            until("2999-01-01T00:00:00Z"),
            "invalid-field",
            "override.until",
        ),
        (
            until("2001-01-01T00:00:00Z"),
            "invalid-field",
            "override.until",
        ),
    ]
}

type BadField = (&'static str, Value, &'static str, &'static str);

/// Groups that break a rule.
fn groups() -> Vec<BadField> {
    vec![
        ("name", json!(""), "invalid-field", "name"),
        ("name", json!(7), "invalid-field", "name"),
        ("min", json!(-1), "invalid-field", "min"),
        ("min", json!(13), "invalid-field", "min"),
        ("max", json!(10_001), "invalid-field", "max"),
        ("desired", json!(3), "unknown-field", "desired"),
        ("rev", json!(1), "unknown-field", "rev"),
        ("policies", json!({}), "invalid-field", "policies"),
        (
            "policies",
            json!([{"id": "a"}]),
            "invalid-field",
            "policies[0].change",
        ),
        (
            "policies",
            json!([["a", "A", 1]]),
            "invalid-field",
            "policies[0]",
        ),
        (
            "policies",
            json!([{"id": "a", "change": 1, "x": 1}]),
            "unknown-field",
            "policies[0].x",
        ),
        ("metadata", json!({"k": 1}), "invalid-field", "metadata.k"),
        ("scale_in", json!("random"), "invalid-field", "scale_in"),
        ("launch", json!({}), "invalid-field", "launch.server"),
        (
            "launch",
            json!({"server": []}),
            "invalid-field",
            "launch.server",
        ),
        (
            "launch",
            json!({"server": {}, "min_count": 2}),
            "unknown-field",
            "launch.min_count",
        ),
    ]
}

/// Members of Nova's `server` that break a rule.
fn servers() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"min_count": 1}), "min_count"),
        (json!({"max_count": 2}), "max_count"),
        (
            json!({"return_reservation_id": true}),
            "return_reservation_id",
        ),
        (json!({"flavorRef": ""}), "flavorRef"),
        (json!({"imageRef": null}), "imageRef"),
        (json!({"metadata": {"as.g": "x"}}), "metadata.as.g"),
        (json!({"tags": ["as:x"]}), "tags[0]"),
        (json!({"user_data": "not base64!"}), "user_data"),
        (
            json!({"personality": [{"path": "/a"}]}),
            "personality[0].contents",
        ),
    ]
}

/// The same as whole bodies.
fn bad_groups() -> Vec<(Value, &'static str, String)> {
    let mut bad = Vec::new();
    for (name, value, code, field) in groups() {
        let mut body = spec();
        body[name] = value;
        bad.push((body, code, field.to_owned()));
    }
    for (member, field) in servers() {
        let mut body = spec();
        let server = body["launch"]["server"].as_object_mut().unwrap();
        server.extend(member.as_object().unwrap().clone());
        bad.push((body, "invalid-field", format!("launch.server.{field}")));
    }
    bad
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_told_what_is_wrong_and_changes_nothing() {
    let rig = Rig::start().await;
    let client = rig.client(&RIGHTS);
    let group = client
        .create_group(TENANT, &serde_json::from_value(spec()).unwrap())
        .await
        .unwrap();
    let commits = rig.store.commits();
    let all = format!("/v2/{TENANT}/groups");
    let (events_path, config_path) = (
        format!("{all}/{}/events", group.id),
        format!("{all}/{}/config", group.id),
    );
    for (method, path, text, number) in [
        (Method::POST, &events_path, "policy", "change_percent"),
        (Method::PUT, &config_path, "name", "max"),
        (Method::POST, &all, "name", "max"),
    ] {
        for (name, body, code) in hopeless(text, number) {
            let (status, said, _) = send(&rig, &method, path, body).await;
            assert_eq!(said, code, "{method} {path} with {name}: {status}");
        }
    }
    let two = br#"{"change":1}{"change":1}"#.to_vec();
    let (_, said, _) = send(&rig, &Method::POST, &events_path, two).await;
    assert_eq!(said, "malformed-json", "two values");
    for (body, code, field) in events() {
        let said = send(
            &rig,
            &Method::POST,
            &events_path,
            body.to_string().into_bytes(),
        )
        .await;
        assert_eq!((said.1.as_str(), said.2.as_str()), (code, field), "{body}");
    }
    for (body, code, field) in bad_groups() {
        for (method, path) in [(Method::PUT, &config_path), (Method::POST, &all)] {
            let said = send(&rig, &method, path, body.to_string().into_bytes()).await;
            assert_eq!(
                (said.1.as_str(), said.2.as_str()),
                (code, field.as_str()),
                "{method} {body}"
            );
        }
    }
    let (_, said, field) = send(
        &rig,
        &Method::POST,
        &all,
        br#"{"name":"web","min":0,"max":1}"#.to_vec(),
    )
    .await;
    assert_eq!((said.as_str(), field.as_str()), ("invalid-field", "launch"));
    assert_eq!(rig.store.commits(), commits, "something was committed");
    let key = GroupKey {
        tenant: TENANT.parse().unwrap(),
        id: group.id.parse().unwrap(),
        epoch: HomeEpoch(0),
    };
    assert_eq!(rig.store.group(&key).unwrap().rev.0, group.rev);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_without_announced_length_is_cut_off_too() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let rig = Rig::start().await;
    let address = rig.base.strip_prefix("http://").unwrap();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let token = rig.token(&RIGHTS);
    let head = format!(
        "POST /v2/{TENANT}/groups HTTP/1.1\r\nHost: holt\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
    // 33 chunks of 8 KiB and no end: the answer does not wait for one.
    for _ in 0..33 {
        if connection.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_with_a_small_body_keeps_the_connection() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let rig = Rig::start().await;
    let address = rig.base.trim_start_matches("http://");
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let path = format!("/v2/{TENANT}/groups");
    let body = spec().to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer no\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for turn in 0..3 {
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = connection.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 401"), "{turn}: {answer}");
        assert!(!answer.contains("connection: close"), "{turn}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_headers_are_named() {
    let rig = Rig::start().await;
    let client = rig.client(&RIGHTS);
    let group = client
        .create_group(TENANT, &serde_json::from_value(spec()).unwrap())
        .await
        .unwrap();
    let path = format!("/v2/{TENANT}/groups/{}", group.id);
    let token = rig.token(&RIGHTS);
    for (key, value, status, code) in [
        (
            "Content-Type",
            "text/plain".to_owned(),
            415,
            "unsupported-media-type",
        ),
        (
            "Content-Encoding",
            "gzip".to_owned(),
            415,
            "unsupported-media-type",
        ),
        ("Idempotency-Key", "k".repeat(129), 400, "invalid-header"),
        (
            "Idempotency-Key",
            "two words".to_owned(),
            400,
            "invalid-header",
        ),
        ("Idempotency-Key", String::new(), 400, "invalid-header"),
    ] {
        let request = rig
            .request(Method::POST, &format!("{path}/events"))
            .bearer_auth(&token);
        let request = if key == "Content-Type" {
            request
        } else {
            request.header("Content-Type", "application/json")
        };
        let answer = request
            .header(key, &value)
            .body(r#"{"change":1}"#)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status, "{key}: {value}");
        assert!(
            answer.text().await.unwrap().contains(code),
            "{key}: {value}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_parameters_are_named() {
    let rig = Rig::start().await;
    let client = rig.client(&RIGHTS);
    let spec = serde_json::from_value(spec()).unwrap();
    let group = client.create_group(TENANT, &spec).await.unwrap();
    let path = format!("/v2/{TENANT}/groups/{}", group.id);
    let token = rig.token(&RIGHTS);
    for (query, field) in [
        ("/verdicts?limit=0", "limit"),
        ("/verdicts?limit=501", "limit"),
        ("/verdicts?at=14:05", "at"),
        ("/verdicts?before=", "before"),
        ("/verdicts?limit=1&limit=2", "limit"),
        ("/ledger?state=alive", "state"),
        ("/ledger?open=maybe", "open"),
        ("/ledger?after=1", "after"),
        ("/ledger?colour=red", "colour"),
        ("/history?from=0", "from"),
        ("/history?limit=501", "limit"),
    ] {
        let answer = rig
            .request(Method::GET, &format!("{path}{query}"))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{query}");
        let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(
            (&problem["code"], &problem["field"]),
            (&json!("invalid-parameter"), &json!(field)),
            "{query}"
        );
    }
}
