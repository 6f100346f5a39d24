//! Alerts at the edge: who may send, what is read, what is kept, and how often it counts.
use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::rig::{Rig, TENANT, spec};

/// The body of a sensible request; none: it is not about inputs.
pub(super) fn body(operation: &str) -> Option<Option<Value>> {
    match operation {
        "createInput" | "replaceInput" => Some(Some(sensible())),
        "rotateInput" => Some(Some(json!({}))),
        "testInput" | "sendAlerts" => Some(Some(json!({"fingerprint": "f", "state": "open"}))),
        "listInputs" | "showInput" | "deleteInput" | "listRejected" => Some(None),
        _ => None,
    }
}

/// Whether a token for certain groups may not do it: an input may reach every group of its tenant.
pub(super) fn is_write(path: &str, method: &actix_web::http::Method) -> bool {
    path.contains("/inputs/") && ["PUT", "DELETE"].contains(&method.as_str())
}

/// An input as a customer writes it.
pub(super) fn sensible() -> Value {
    json!({"name": "prometheus", "routes": [{"to": ["{application}"]}]})
}

/// An input for a route that needs one: its id, and the text of its URL. As many as may be are soon there, so the others go first.
pub(super) async fn planted(rig: &Rig, path: &str) -> (String, String) {
    if !path.contains("{input}") && !path.contains("{key}") {
        return (String::new(), String::new());
    }
    let made = make(rig, &sensible()).await;
    let listed = call(rig, Method::GET, "", None).await.1;
    for other in listed["items"].as_array().into_iter().flatten() {
        let id = other["id"].as_str().unwrap();
        if listed["items"].as_array().unwrap().len() > 50 && id != made["id"].as_str().unwrap() {
            call(rig, Method::DELETE, &format!("/{id}"), None).await;
        }
    }
    let url = made["url"].as_str().unwrap();
    let key = url.rsplit('/').next().unwrap().to_owned();
    (made["id"].as_str().unwrap().to_owned(), key)
}

pub(super) async fn call(
    rig: &Rig,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (StatusCode, Value) {
    let path = format!("/v2/{TENANT}/inputs{path}");
    let mut request = rig
        .request(method, &path)
        .bearer_auth(rig.token(&["read", "crud"]));
    if let Some(body) = body {
        request = request
            .header("Content-Type", "application/json")
            .body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

pub(super) async fn make(rig: &Rig, spec: &Value) -> Value {
    let (status, made) = call(rig, Method::POST, "", Some(spec)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}

/// A group by the name of an application, that circles without delays worth mentioning.
pub(super) async fn group(rig: &Rig, name: &str) -> String {
    let mut wanted = spec();
    wanted["name"] = json!(name);
    wanted["cooldown_seconds"] = json!(0);
    let wanted = serde_json::from_value(wanted).unwrap();
    rig.client(&["crud"])
        .create_group(TENANT, &wanted)
        .await
        .unwrap()
        .id
}

pub(super) async fn desired(rig: &Rig, group: &str) -> u32 {
    rig.client(&["read"])
        .group(TENANT, group)
        .await
        .unwrap()
        .desired
}

pub(super) struct Sender<'a> {
    rig: &'a Rig,
    path: String,
}

impl<'a> Sender<'a> {
    pub(super) fn new(rig: &'a Rig, input: &Value) -> Self {
        let url = input["url"].as_str().unwrap();
        let path = url.strip_prefix(&rig.base).unwrap().to_owned();
        Self { rig, path }
    }

    pub(super) async fn send(
        &self,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> (StatusCode, Value) {
        let mut request = self.rig.request(Method::POST, &self.path).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(super) async fn json(&self, body: &Value) -> (StatusCode, Value) {
        self.send(&[], body.to_string().into_bytes()).await
    }
}

/// When alerts began: of late, since one that lasts is heard again each hour.
static BEGAN: LazyLock<u64> = LazyLock::new(|| chassis::Process::system().clock.unix_ms() / 1_000);

fn alert(fingerprint: &str, state: &str, application: &str) -> Value {
    json!({"fingerprint": fingerprint, "state": state, "severity": "critical", "application": application, "at": *BEGAN})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_makes_its_group_grow_and_coming_again_changes_nothing() {
    let rig = Rig::with_supervisor().await;
    let shop = group(&rig, "shop").await;
    group(&rig, "shop-eu").await;
    let input = make(&rig, &sensible()).await;
    let sender = Sender::new(&rig, &input);
    let (status, first) = sender.json(&alert("queue", "open", "shop")).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    assert_eq!(
        first["events"], 1,
        "one group of exactly that name: {first}"
    );
    assert_eq!(desired(&rig, &shop).await, 3);
    let commits = rig.store.commits();
    for _ in 0..50 {
        let (_, again) = sender.json(&alert("queue", "open", "shop")).await;
        assert_eq!(again["decisions"], first["decisions"]);
    }
    assert_eq!(desired(&rig, &shop).await, 3);
    assert_eq!(rig.store.commits(), commits, "a double costs no commit");
    let decision = first["decisions"][0].as_str().unwrap();
    let verdict = rig
        .request(Method::GET, decision)
        .bearer_auth(rig.token(&["read"]))
        .send()
        .await
        .unwrap();
    let verdict: Value = serde_json::from_str(&verdict.text().await.unwrap()).unwrap();
    assert_eq!(
        (&verdict["outcome"], &verdict["actor"]["kind"]),
        (&json!("applied"), &json!("input"))
    );
    assert_eq!(verdict["asked"]["alert"]["standing"], "open");
    let shown = rig.client(&["read"]).group(TENANT, &shop).await.unwrap();
    let circling = shown.circling.unwrap();
    assert!(circling.next_look.is_some() && circling.open_since.is_some());
    // A defect of a predecessor: recovery was listened for in the wrong place.
    sender.json(&alert("queue", "closed", "shop")).await;
    let shown = rig.client(&["read"]).group(TENANT, &shop).await.unwrap();
    assert!(shown.circling.unwrap().over_since.is_some());
}

/// A storm of one fingerprint without times of its own: one event in ten seconds, however many posts there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_one_alert_is_a_handful_of_verdicts() {
    let rig = Rig::with_supervisor().await;
    let shop = group(&rig, "shop").await;
    let sender = Sender::new(&rig, &make(&rig, &sensible()).await);
    let mut storm = alert("queue", "open", "shop");
    storm.as_object_mut().unwrap().remove("at");
    for _ in 0..150 {
        sender.json(&storm).await;
    }
    let verdicts = rig
        .client(&["read"])
        .verdicts(TENANT, &shop, &wire::client::VerdictsOf::default())
        .await
        .unwrap();
    assert!(verdicts.items.len() <= 3, "{}", verdicts.items.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_answered_clearly_kept_and_acted_on_by_nobody() {
    let rig = Rig::with_supervisor().await;
    let shop = group(&rig, "shop").await;
    let input = make(&rig, &sensible()).await;
    let sender = Sender::new(&rig, &input);
    let many: Vec<Value> = (0..10_000)
        .map(|n| alert(&format!("f{n}"), "open", "shop"))
        .collect();
    let cases = [
        (b"<alert/>".to_vec(), 422, "not JSON"),
        (b"{\"hello\": 1}".to_vec(), 422, "no known format"),
        (vec![b'['; 5_000], 422, "nests"),
        (
            json!({"alerts": many}).to_string().into_bytes(),
            422,
            "10000 alerts",
        ),
        (vec![b' '; 10 * 1024 * 1024], 413, "4 MiB"),
    ];
    for (body, status, words) in cases {
        let (found, problem) = sender.send(&[], body).await;
        assert_eq!(found.as_u16(), status, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(words),
            "{problem}"
        );
    }
    let (status, received) = sender
        .json(&json!({"alerts": [alert("f", "ajar", "shop"), alert("g", "open", "nobody")]}))
        .await;
    assert_eq!(
        (status, &received["unrouted"]),
        (StatusCode::ACCEPTED, &json!(1)),
        "{received}"
    );
    assert_eq!(desired(&rig, &shop).await, 2);
    let (_, kept) = call(
        &rig,
        Method::GET,
        &format!("/{}/rejected", input["id"].as_str().unwrap()),
        None,
    )
    .await;
    let reasons: Vec<&str> = kept["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["why"].as_str().unwrap())
        .collect();
    for words in [
        "not JSON",
        "no known format",
        "nests",
        "10000 alerts",
        "for no group",
        "\"ajar\"",
    ] {
        assert!(
            reasons.iter().any(|why| why.contains(words)),
            "{words}: {reasons:?}"
        );
    }
}

fn signed(secret: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text)
}

/// The headers by which a sender proves itself.
pub(super) fn proof_by(by: &str, secret: &str, at: u64, body: &str) -> Vec<(&'static str, String)> {
    let hex = |tag: hmac::Tag| {
        let bytes = tag.as_ref().iter();
        bytes.map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    match by {
        "bearer" => vec![("Authorization", format!("Bearer {secret}"))],
        "basic" => vec![(
            "Authorization",
            format!("Basic {}", STANDARD.encode(format!("anybody:{secret}"))),
        )],
        "hmac" => {
            let tag = signed(secret.as_bytes(), format!("{at}:{body}").as_bytes());
            vec![("X-Time", at.to_string()), ("X-Holt-Signature", hex(tag))]
        }
        _ => standard(secret, ("msg_1", at), body),
    }
}

/// The headers of Standard Webhooks for the message of that id.
pub(super) fn standard(
    secret: &str,
    (id, at): (&str, u64),
    body: &str,
) -> Vec<(&'static str, String)> {
    let key = STANDARD
        .decode(secret.trim_start_matches("whsec_"))
        .unwrap();
    let tag = signed(&key, format!("{id}.{at}.{body}").as_bytes());
    let signature = format!("v1a,AAAA v1,{}", STANDARD.encode(tag));
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", signature),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_must_prove_itself_as_the_input_asks() {
    let rig = Rig::with_supervisor().await;
    group(&rig, "shop").await;
    let body = alert("queue", "open", "shop").to_string();
    let now = rig.now();
    for by in ["bearer", "basic", "hmac", "standard-webhooks"] {
        let mut asked = sensible();
        asked["verify"] = json!({"by": by});
        if by == "hmac" {
            asked["verify"]["timestamp_header"] = json!("X-Time");
        }
        let input = make(&rig, &asked).await;
        let secret = input["secret"].as_str().unwrap().to_owned();
        let sender = Sender::new(&rig, &input);
        let proof = |secret: &str, at: u64, body: &str| proof_by(by, secret, at, body);
        let good = proof(&secret, now, &body);
        assert_eq!(
            sender.send(&good, body.clone().into_bytes()).await.0,
            StatusCode::ACCEPTED,
            "{by}"
        );
        // Again: nothing happens twice.
        assert_eq!(
            sender.send(&good, body.clone().into_bytes()).await.0,
            StatusCode::ACCEPTED,
            "{by}"
        );
        let wrong_secret = if by == "standard-webhooks" {
            format!("whsec_{}", STANDARD.encode([7; 32]))
        } else {
            "0".repeat(64)
        };
        let wrong = [
            ("no proof", Vec::new(), body.clone()),
            (
                "another secret",
                proof(&wrong_secret, now, &body),
                body.clone(),
            ),
        ];
        for (name, headers, body) in wrong {
            let (status, problem) = sender.send(&headers, body.into_bytes()).await;
            assert_eq!(
                (status.as_u16(), &problem["code"]),
                (401, &json!("signature-invalid")),
                "{by} {name}"
            );
        }
        if by == "hmac" || by == "standard-webhooks" {
            let other = alert("other", "open", "shop").to_string();
            let (status, _) = sender.send(&good, other.into_bytes()).await;
            assert_eq!(
                status,
                StatusCode::UNAUTHORIZED,
                "{by}: the signature of another body"
            );
            let stale = proof(&secret, now - 400, &body);
            let (_, problem) = sender.send(&stale, body.clone().into_bytes()).await;
            assert!(
                problem["detail"].as_str().unwrap().contains("5 minutes"),
                "{problem}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_dies_with_its_rotation_and_with_its_input_and_nobody_else_sees_either() {
    let rig = Rig::with_supervisor().await;
    let input = make(&rig, &sensible()).await;
    let id = input["id"].as_str().unwrap();
    let (_, shown) = call(&rig, Method::GET, &format!("/{id}"), None).await;
    assert!(
        shown["url"].is_null() && shown["secret"].is_null(),
        "shown once: {shown}"
    );
    let old = Sender::new(&rig, &input);
    let (_, rotated) = call(
        &rig,
        Method::POST,
        &format!("/{id}/rotate"),
        Some(&json!({"grace_seconds": 60})),
    )
    .await;
    let new = Sender::new(&rig, &rotated);
    let body = alert("f", "open", "shop");
    assert_eq!(
        old.json(&body).await.0,
        StatusCode::ACCEPTED,
        "within the grace"
    );
    assert_eq!(new.json(&body).await.0, StatusCode::ACCEPTED);
    call(
        &rig,
        Method::POST,
        &format!("/{id}/rotate"),
        Some(&json!({})),
    )
    .await;
    assert_eq!(new.json(&body).await.0, StatusCode::NOT_FOUND);
    let foreign = rig
        .request(Method::GET, &format!("/v2/other/inputs/{id}"))
        .bearer_auth(rig.ed.sign(&rig.claims("other", &["read", "crud"])));
    assert_eq!(
        foreign.send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        call(&rig, Method::DELETE, &format!("/{id}"), None).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(old.json(&body).await.0, StatusCode::NOT_FOUND);
    let forged = format!("/in/{}", "a".repeat(64));
    let answer = rig
        .request(Method::POST, &forged)
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_says_what_would_be_done_and_does_nothing() {
    let rig = Rig::with_supervisor().await;
    let shop = group(&rig, "shop").await;
    let input = make(&rig, &sensible()).await;
    let commits = rig.store.commits();
    let path = format!("/{}/test", input["id"].as_str().unwrap());
    let (status, trial) = call(&rig, Method::POST, &path, Some(&alert("f", "open", "shop"))).await;
    assert_eq!(status, StatusCode::OK, "{trial}");
    let group = &trial["alerts"][0]["groups"][0];
    assert_eq!(
        (&group["id"], &group["verdict"]["after"]),
        (&json!(shop), &json!(3)),
        "{trial}"
    );
    let (_, trial) = call(
        &rig,
        Method::POST,
        &path,
        Some(&alert("f", "open", "nobody")),
    )
    .await;
    assert_eq!(trial["alerts"][0]["groups"][0], json!({"wanted": "nobody"}));
    assert_eq!(
        (desired(&rig, &shop).await, rig.store.commits()),
        (2, commits)
    );
}

/// Several servers vote, and each is remembered by itself (features A4 and its defects).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_push_metrics_vote() {
    let rig = Rig::with_supervisor().await;
    let shop = group(&rig, "shop").await;
    let mut asked = sensible();
    asked["routes"] = json!([{"when": {"host": "shop-*"}, "to": ["shop"]}]);
    asked["metrics"] = json!({"idle": true, "above": "80", "below": "30", "lasting_seconds": 0, "missing_after_seconds": 60});
    let sender = Sender::new(&rig, &make(&rig, &asked).await);
    let at = rig.now();
    let say = |idle: [u32; 3]| {
        let samples: Vec<Value> = (0..3)
            .map(|n| json!({"host": format!("shop-{n}"), "value": idle[n], "time": at}))
            .collect();
        json!({ "samples": samples })
    };
    sender.json(&say([50, 50, 5])).await;
    assert_eq!(desired(&rig, &shop).await, 2, "one of three");
    let (status, answer) = sender.json(&say([50, 5, 5])).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(desired(&rig, &shop).await, 3, "two of three");
    let circling = |group: wire::v2::group::Group| group.circling.unwrap().known[0].standing;
    sender.json(&say([90, 90, 90])).await;
    let shown = rig.client(&["read"]).group(TENANT, &shop).await.unwrap();
    assert_eq!(circling(shown), wire::v2::circle::Standing::Spare);
    let (_, other) = sender.json(&json!({"host": "xshop-1", "value": 1})).await;
    assert_eq!(other["events"], 0, "a pattern is anchored: {other}");
    rig.process.clock.sleep(Duration::from_millis(1)).await;
}
