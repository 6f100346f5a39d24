//! Every route of the running router against every kind of token.
use std::collections::BTreeMap;

use holt_api::Route;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::old::{is_done, old_body, refused_in_old_words, webhook};
use super::rig::{Rig, TENANT, spec};
use super::{hooks, inputs, keys};

const RIGHTS: [&str; 7] = super::rig::RIGHTS;

/// What the api has to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expect {
    /// It is done: a documented success.
    Done,
    /// It is refused with this code, and with this rule if one is named.
    Refused(&'static str, Option<&'static str>),
}

/// A name, a token, and the code that it has to get.
type Bad = (&'static str, Option<String>, &'static str);

/// No token, and tokens that prove nothing, whatever they say.
fn worthless(rig: &Rig) -> Vec<Bad> {
    let good = rig.claims(TENANT, &RIGHTS);
    let strange = keys::ed25519("ed-1");
    let mut cut = rig.ed.sign(&good);
    cut.truncate(cut.len() - 4);
    let forged = |alg: &str, signature: &[u8]| {
        let header = json!({"alg": alg, "typ": "JWT", "kid": "ed-1"});
        keys::forged(&header, &good, signature)
    };
    let invalid = [
        ("malformed", "abc".to_owned()),
        ("empty parts", "..".to_owned()),
        ("cut signature", cut),
        ("wrong signature", strange.sign(&good)),
        ("alg none", forged("none", b"")),
        ("alg None", forged("None", b"")),
        ("unknown alg", forged("XS999", b"x")),
        ("HS256 with the Ed25519 key", keys::confused(&rig.ed, &good)),
        ("HS256 with the RSA key", keys::confused(&rig.rsa, &good)),
    ];
    let invalid = invalid.map(|(name, token)| (name, Some(token), "token-invalid"));
    let none = [("no token", None, "token-missing")];
    none.into_iter().chain(invalid).collect()
}

/// Signed well, but with claims that are missing, wrong or past.
fn untimely(rig: &Rig) -> Vec<Bad> {
    let now = rig.now();
    let changed = [
        ("expired", "exp", json!(now - 31), "token-expired"),
        (
            "exp as text",
            "exp",
            json!((now + 600).to_string()),
            "token-invalid",
        ),
        ("not yet", "nbf", json!(now + 60), "token-invalid"),
        ("nbf as text", "nbf", json!("0"), "token-invalid"),
        ("wrong audience", "aud", json!("nova"), "token-invalid"),
        ("wrong issuer", "iss", json!("mallory"), "token-invalid"),
        ("no exp", "exp", Value::Null, "token-invalid"),
        ("no audience", "aud", Value::Null, "token-invalid"),
        ("no issuer", "iss", Value::Null, "token-invalid"),
        ("no subject", "sub", Value::Null, "token-invalid"),
        ("no tenant", "holt_tenant", Value::Null, "token-invalid"),
    ];
    let sign = |(name, claim, value, code): (_, &str, Value, _)| {
        let mut claims = rig.claims(TENANT, &RIGHTS);
        let members = claims.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(claim);
        } else {
            members.insert(claim.to_owned(), value);
        }
        (name, Some(rig.ed.sign(&claims)), code)
    };
    changed.into_iter().map(sign).collect()
}

/// Signed well, but with a header that would lead a careless verifier astray.
fn misleading(rig: &Rig) -> Vec<Bad> {
    let good = rig.claims(TENANT, &RIGHTS);
    let strange = keys::ed25519("ed-1");
    let signed = |pair: &keys::Pair, kid: &str| {
        let header = jsonwebtoken::Header {
            kid: Some(kid.to_owned()),
            ..pair.header()
        };
        Some(jsonwebtoken::encode(&header, &good, &pair.private).unwrap())
    };
    let mut embedded = strange.header();
    embedded.jwk = Some(serde_json::from_value(strange.jwk.clone()).unwrap());
    embedded.jku = Some("http://127.0.0.1:1/jwks.json".to_owned());
    embedded.x5u = Some("http://127.0.0.1:1/cert.pem".to_owned());
    let embedded = jsonwebtoken::encode(&embedded, &good, &strange.private).unwrap();
    let critical = jsonwebtoken::Header {
        crit: Some(vec!["exp".to_owned()]),
        ..rig.ed.header()
    };
    let critical = jsonwebtoken::encode(&critical, &good, &rig.ed.private).unwrap();
    let nameless = jsonwebtoken::Header {
        kid: None,
        ..rig.ed.header()
    };
    let nameless = jsonwebtoken::encode(&nameless, &good, &rig.ed.private).unwrap();
    let sets = [
        ("unknown key id", signed(&rig.ed, "ed-2"), "token-invalid"),
        (
            "key id of another algorithm",
            signed(&rig.ed, "rsa-1"),
            "token-invalid",
        ),
        (
            "key id as path",
            signed(&strange, "../../dev/null"),
            "token-invalid",
        ),
        (
            "key id as SQL",
            signed(&strange, "' OR 1=1 --"),
            "token-invalid",
        ),
        ("own key in the header", Some(embedded), "token-invalid"),
        ("critical header", Some(critical), "token-invalid"),
        ("no key id among two keys", Some(nameless), "token-invalid"),
    ];
    sets.into()
}

/// All tokens for a route, with what it has to answer.
fn tokens(rig: &Rig, route: &Route) -> Vec<(String, Option<String>, Expect)> {
    let bad = [worthless(rig), untimely(rig), misleading(rig)].concat();
    let Some(needed) = route.right.map(domain::access::Right::as_str) else {
        let done = |(name, token, _): Bad| (name.to_owned(), token, Expect::Done);
        return bad.into_iter().map(done).collect();
    };
    let refused = |(name, token, code): Bad| (name.to_owned(), token, Expect::Refused(code, None));
    let mut all: Vec<_> = bad.into_iter().map(refused).collect();
    let mut signed = |name: &str, claims: Value, expect| {
        all.push((name.to_owned(), Some(rig.ed.sign(&claims)), expect))
    };
    let is_staff = ["operate", "support"].contains(&needed);
    let expect = if is_staff {
        // Staff rights are for the whole installation, whatever tenant the token names.
        Expect::Done
    } else {
        Expect::Refused("not-found", None)
    };
    signed("foreign tenant", rig.claims("umbrella", &RIGHTS), expect);
    signed(
        "no right",
        rig.claims(TENANT, &[]),
        Expect::Refused("missing-right", Some(needed)),
    );
    for right in RIGHTS {
        let expect = if right == needed {
            Expect::Done
        } else {
            Expect::Refused("missing-right", Some(needed))
        };
        signed(
            &format!("right {right} alone"),
            rig.claims(TENANT, &[right]),
            expect,
        );
    }
    let mut limited = rig.claims(TENANT, &RIGHTS);
    limited["holt_groups"] = json!(["00010000-0000-8000-8000-000000000000"]);
    let expect = match (route.path.contains("{group}"), &route.method) {
        (true, _) => Expect::Refused("not-found", None),
        (false, _) if is_staff => Expect::Refused("groups-limited", None),
        (false, &actix_web::http::Method::POST) => Expect::Refused("groups-limited", None),
        (false, method) if inputs::is_write(&route.path, method) => {
            Expect::Refused("groups-limited", None)
        }
        (false, _) => Expect::Done,
    };
    signed("limited to another group", limited.clone(), expect.clone());
    limited["holt_groups"] = json!([]);
    signed("limited to no group", limited, expect);
    signed("all rights", rig.claims(TENANT, &RIGHTS), Expect::Done);
    let by_rsa = rig.rsa.sign(&rig.claims(TENANT, &RIGHTS));
    all.push(("all rights, RS256".to_owned(), Some(by_rsa), Expect::Done));
    all
}

/// The body of a sensible request; a route that is not known here fails the test, so that none is forgotten.
fn body(operation: &str) -> Option<Value> {
    if let Some(body) = inputs::body(operation) {
        return body;
    }
    match operation {
        "createGroup" | "configureGroup" => Some(spec()),
        "setSwitch" => Some(json!({"mode": "run", "why": "a test"})),
        "putHook" => Some(json!({"points": ["server.active"], "url": "https://receiver.example/"})),
        "rotateHook" => Some(json!({})),
        "listHooks" | "showHook" | "deleteHook" | "listDeliveries" | "redeliver"
        | "skipDelivery" | "answerHook" => None,
        "takeOverColo" => Some(json!({"why": "a test"})),
        "revokeTokens" => Some(json!({"subject": "nobody", "why": "a test"})),
        "showColo" | "listSwitches" | "clearSwitch" | "listThrows" | "listRevocations" => None,
        "sendEvent" | "dryRun" => Some(json!({"change": 1})),
        "createPolicy" => Some(json!({"id": "fresh", "change": 1})),
        "replacePolicy" => Some(json!({"id": "up", "change": 3})),
        "patchPolicy" => Some(json!({"change": 3})),
        "createWebhook" | "replaceWebhook" | "patchWebhook" => Some(json!({"name": "pager"})),
        "patchConfig" => Some(json!({"max": 9})),
        "listPolicies" | "showPolicy" | "deletePolicy" | "listSchedules" => None,
        "listWebhooks" | "showWebhook" | "rotateWebhook" | "deleteWebhook" => None,
        "showConfig" | "showLimits" | "searchHistory" | "searchAllHistory" | "listLooks" => None,
        "listGroups" | "showGroup" | "deleteGroup" | "pauseGroup" | "resumeGroup" | "showEvent"
        | "listVerdicts" | "listSlots" | "listHistory" => None,
        "openapi" | "docs" | "showError" | "live" | "ready" => None,
        old if old.starts_with("v1") => old_body(old),
        other => panic!("say here how a sensible request to {other} looks"),
    }
}

/// A group that wants nothing, so that it may be deleted too, with one event in its inbox.
async fn group(rig: &Rig) -> String {
    let client = rig.client(&["crud", "trigger"]);
    let mut empty = spec();
    empty["min"] = json!(0);
    let group = client
        .create_group(TENANT, &serde_json::from_value(empty).unwrap())
        .await
        .unwrap();
    let event = serde_json::from_value(json!({"change": 1})).unwrap();
    client
        .send(TENANT, &group.id, Some("known"), &event)
        .await
        .unwrap();
    group.id
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) media: String,
    pub(super) body: Value,
}

async fn ask(rig: &Rig, route: &Route, operation: &str, bearer: Option<&str>) -> Answer {
    let group = group(rig).await;
    let webhook = webhook(rig, &group).await;
    let server = rig.plant_server(&group).await;
    let (input, key) = inputs::planted(rig, &route.path).await;
    let path = hooks::fill(rig, &group, (&route.path, operation))
        .await
        .replace("{input}", &input)
        .replace("{key}", &key)
        .replace("{tenant}", TENANT)
        .replace("{group}", &group)
        .replace("{policy}", "up")
        .replace("{webhook}", &webhook)
        .replace("{server}", &server)
        .replace("{version}", "1")
        .replace("{hash}", "nobody-has-this")
        .replace("{event}", "known")
        .replace("{code}", "not-found")
        .replace("{scope}", "tenant:acme");
    let mut request = rig.request(
        Method::from_bytes(route.method.as_str().as_bytes()).unwrap(),
        &path,
    );
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    if let Some(body) = body(operation) {
        request = request
            .header("Content-Type", "application/json")
            .body(body.to_string());
    }
    let before = rig.store.commits();
    let answer = request.send().await.unwrap();
    let header = |name: &str| {
        answer
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    assert!(
        header("x-request-id").is_some(),
        "{route:?} answers without a request id"
    );
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    let (status, media) = (answer.status(), header("content-type").unwrap_or_default());
    let text = answer.text().await.unwrap();
    if !status.is_success() {
        assert_eq!(
            rig.store.commits(),
            before,
            "{route:?} refused with {status} and changed something"
        );
    }
    Answer {
        status,
        media,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_exactly_who_holds_its_right() {
    let rig = Rig::start().await;
    let document = rig.client(&[]).openapi().await.unwrap();
    let mut asked = 0;
    for route in holt_api::routes() {
        let operation = &document["paths"][&route.path][route.method.as_str().to_lowercase()];
        let old = !route.operation.is_empty();
        let described = operation["operationId"].as_str();
        let id = described
            .or_else(|| old.then_some(route.operation.as_str()))
            .unwrap_or_else(|| panic!("{route:?} is not in the document"));
        for (name, token, expect) in tokens(&rig, &route) {
            let answer = ask(&rig, &route, id, token.as_deref()).await;
            let place = format!("{route:?} with {name}: {} {}", answer.status, answer.body);
            assert!(
                old || !operation["responses"][answer.status.as_str()].is_null(),
                "not documented: {place}"
            );
            match expect {
                Expect::Done => assert!(is_done(&answer, id), "{place}"),
                Expect::Refused(code, rule) if old => {
                    refused_in_old_words(&answer, (&name, code, rule), &place);
                }
                Expect::Refused(code, rule) => {
                    assert_eq!(answer.body["code"], code, "{place}");
                    assert_eq!(answer.media, "application/problem+json", "{place}");
                    assert!(
                        rule.is_none_or(|rule| answer.body["rule"] == rule),
                        "{place}"
                    );
                }
            }
            asked += 1;
        }
        assert!(
            old || operation["security"].is_null() == route.right.is_none(),
            "{route:?}: the document and the signature differ"
        );
    }
    let metrics = rig.process.metrics.text();
    let counted = |code: &str| {
        let line = format!("api_refused_total{{code=\"{code}\"}} ");
        let line = metrics.lines().find_map(|text| text.strip_prefix(&line));
        line.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    assert!(
        counted("token-invalid") > 100 && counted("missing-right") > 50,
        "{metrics}"
    );
    println!("{asked} combinations of route and token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_group_looks_like_one_that_is_not_there() {
    let rig = Rig::start().await;
    let group = group(&rig).await;
    let nobody = "00010000-0000-8000-8000-000000000000";
    let foreign = rig.ed.sign(&rig.claims("umbrella", &RIGHTS));
    let own = rig.token(&RIGHTS);
    let mut seen = Vec::new();
    for (token, tenant, id) in [
        (&own, TENANT, nobody),
        (&foreign, TENANT, group.as_str()),
        (&foreign, TENANT, nobody),
        (&foreign, "umbrella", group.as_str()),
        (&own, TENANT, "not-an-id"),
        (&own, "not a tenant", group.as_str()),
    ] {
        let answer = rig
            .request(Method::GET, &format!("/v2/{tenant}/groups/{id}"))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let mut body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        body.as_object_mut().unwrap().remove("request_id");
        seen.push(body);
    }
    assert!(seen.iter().all(|body| *body == seen[0]), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_in_the_table_is_not_served() {
    let rig = Rig::start().await;
    let token = rig.token(&RIGHTS);
    let mut by_path: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for route in holt_api::routes() {
        let served = by_path.entry(route.path).or_default();
        served.push(route.method.to_string());
        if !route.operation.is_empty() && route.method == "GET" {
            served.push("HEAD".to_owned());
        }
    }
    let group = group(&rig).await;
    for (path, methods) in by_path {
        let path = path
            .replace("{tenant}", TENANT)
            .replace("{group}", &group)
            .replace("{event}", "known")
            .replace("{code}", "not-found")
            .replace("{scope}", "tenant:acme");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
            if methods.iter().any(|served| served == method) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = rig
                .request(method.clone(), &path)
                .bearer_auth(&token)
                .send()
                .await
                .unwrap();
            assert_eq!(
                answer.status(),
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
            assert!(answer.headers().contains_key("allow"), "{method} {path}");
        }
    }
    for path in [
        "/",
        "/v2",
        "/v2/acme",
        "/v2/acme/groups/",
        "/metrics",
        "/errors/never-heard-of",
        "/errors/..%2fREADME",
        "/v1.0",
        "/v2/acme/groups/x/y/z/w",
        "/v2/acme/groups/%ff",
        "/v2/%ff/groups",
        "/v2/acme/groups/00010000-0000-8000-8000-000000000000/events/%ff%00",
    ] {
        let answer = rig
            .request(Method::GET, path)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            answer.headers()["content-type"],
            "application/problem+json",
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_comes_in_either_header_but_only_once() {
    let rig = Rig::start().await;
    let (token, other) = (rig.token(&["read"]), rig.token(&["read", "crud"]));
    let path = format!("/v2/{TENANT}/groups");
    let bearer = format!("Bearer {token}");
    for (headers, status) in [
        (vec![("Authorization", bearer.as_str())], 200),
        (
            vec![("Authorization", &bearer.replace("Bearer", "bearer"))],
            200,
        ),
        (vec![("X-Auth-Token", token.as_str())], 200),
        (
            vec![("Authorization", &bearer), ("X-Auth-Token", &token)],
            200,
        ),
        (
            vec![("Authorization", &bearer), ("X-Auth-Token", &other)],
            401,
        ),
        (
            vec![("X-Auth-Token", &token), ("X-Auth-Token", &other)],
            401,
        ),
        (vec![("Authorization", token.as_str())], 401),
        (vec![("Authorization", "Basic YTpi")], 401),
        (vec![("Authorization", "Bearer")], 401),
        (vec![("X-Auth-Token", "")], 401),
    ] {
        let mut request = rig.request(Method::GET, &path);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{headers:?}");
        assert_eq!(
            answer.headers().contains_key("www-authenticate"),
            status == 401
        );
    }
}
