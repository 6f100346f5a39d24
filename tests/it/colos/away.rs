//! A colo that cannot be reached, one that is not the home, and requests that nobody forwarded.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::json;

use super::rig::{Colo, Rig};
use crate::access::rig::{Answered, TENANT};

/// The number of a group of colo 1.
const OF_ONE: &str = "00010000-0000-8000-8000-000000000001";
/// The same of colo 3, which nobody knows.
const OF_THREE: &str = "00030000-0000-8000-8000-000000000001";

fn told(answer: &Answered) -> (u16, &str) {
    (
        answer.status,
        answer.body["code"].as_str().unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_colo_that_cannot_be_reached_is_named_and_the_others_go_on() {
    let rig = Rig::start().await;
    let theirs = rig.group(&rig.one, "theirs").await;
    let mine = rig.group(&rig.two, "mine").await;
    rig.one.stop().await;
    for (method, path) in [
        ("GET", theirs.clone()),
        ("POST", format!("{theirs}/events")),
    ] {
        let body = (method == "POST").then(|| json!({"change": 1}));
        let refused = rig.ask(&rig.two, (method, &path), &[], body).await;
        assert_eq!(
            told(&refused),
            (503, "colo-unreachable"),
            "{}",
            refused.body
        );
        assert_eq!(refused.body["rule"], "1");
        assert_eq!(refused.header("retry-after"), "1");
    }
    let old = theirs.replace("/v2/", "/v1.0/");
    let refused = rig.ask(&rig.two, ("GET", &old), &[], None).await;
    assert_eq!(
        (refused.status, &refused.body["error"]["type"]),
        (503, &json!("ServiceUnavailable"))
    );
    let events = format!("{mine}/events");
    let decided = rig
        .ask(&rig.two, ("POST", &events), &[], Some(json!({"change": 1})))
        .await;
    assert_eq!((decided.status, &decided.body["after"]), (200, &json!(1)));
    rig.two.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_the_home_answers_misdirected_and_forwards_nothing_on() {
    let pair = crate::access::keys::ed25519("ed-1");
    let rig = Rig::with(|_| {}).await;
    let (of_three, token) = (
        format!("/v2/{TENANT}/groups/{OF_THREE}"),
        rig.token(&["read"]),
    );
    let bearer = format!("Bearer {token}");
    let unknown = rig
        .send(
            &rig.two,
            ("GET", &of_three),
            &[("Authorization", &bearer)],
            None,
        )
        .await;
    assert_eq!(told(&unknown), (421, "misdirected"), "{}", unknown.body);
    assert_eq!(unknown.body["rule"], "3");

    // Colo 4 believes that colo 3 is where colo 1 is; colo 1 knows better, and knows the way to 2 and 4, which it does not take.
    let peers = [(1, rig.one.base.clone()), (3, rig.one.base.clone())];
    let lost = Colo::start(
        (4, "127.0.0.1:0".parse().unwrap()),
        &rig.pair,
        &peers,
        |_| {},
    )
    .await;
    let stale = rig
        .send(
            &lost,
            ("GET", &of_three),
            &[("Authorization", &bearer)],
            None,
        )
        .await;
    assert_eq!(told(&stale), (421, "misdirected"), "{}", stale.body);
    assert_eq!(
        stale.header("holt-colo"),
        "1",
        "the colo that was asked says so"
    );

    // A token that only the edge believes is refused by the home.
    let strange = pair.sign(&json!({"iss": "holt", "aud": "holt", "sub": "eve", "exp": u32::MAX, "holt_tenant": TENANT, "holt_rights": ["read"]}));
    let believing = Colo::start(
        (2, "127.0.0.1:0".parse().unwrap()),
        &pair,
        &[(1, rig.one.base.clone())],
        |_| {},
    )
    .await;
    let of_one = format!("/v2/{TENANT}/groups/{OF_ONE}");
    let refused = rig
        .send(
            &believing,
            ("GET", &of_one),
            &[("Authorization", &format!("Bearer {strange}"))],
            None,
        )
        .await;
    assert_eq!(told(&refused), (401, "token-invalid"), "{}", refused.body);
    assert_eq!(refused.header("holt-colo"), "1");
    lost.stop().await;
    believing.stop().await;
    rig.end().await;
}

/// What arrives at an address, word for word, until its body is whole; answered with 503.
fn catch(listener: &TcpListener) -> Vec<u8> {
    let (mut stream, _) = listener.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut caught = Vec::new();
    let mut piece = [0; 4096];
    while !caught.ends_with(b"{\"change\":1}") {
        let n = stream.read(&mut piece).unwrap();
        assert_ne!(n, 0, "cut off");
        caught.extend_from_slice(&piece[..n]);
    }
    let refusal =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(refusal.as_bytes()).unwrap();
    caught
}

/// Sends bytes, and gives the head of the answer.
fn replay(to: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut piece = [0; 4096];
    let n = stream.read(&mut piece).unwrap();
    String::from_utf8_lossy(&piece[..n]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forwarded_request_is_believed_only_as_it_was_sent() {
    let rig = Rig::start().await;
    let group = rig.group(&rig.one, "web").await;
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    let peers = [(1, format!("http://{}", trap.local_addr().unwrap()))];
    let tapped = Colo::start(
        (2, "127.0.0.1:0".parse().unwrap()),
        &rig.pair,
        &peers,
        |_| {},
    )
    .await;
    let catching = rig.one.process.tasks.blocking(move || catch(&trap));
    let events = format!("{group}/events");
    let asked = rig.ask(
        &tapped,
        ("POST", &events),
        &[("Idempotency-Key", "e-1")],
        Some(json!({"change": 1})),
    );
    let (asked, caught) = tokio::join!(asked, catching);
    assert_eq!(asked.status, 503);
    let caught = String::from_utf8(caught.unwrap()).unwrap();
    assert!(caught.contains("holt-forwarded: from=2;to=1;"), "{caught}");

    let home = rig.one.api.address();
    let tampered = [
        ("{\"change\":1}", "{\"change\":9}"),
        ("e-1", "e-2"),
        ("to=1", "to=2"),
        ("for=127.0.0.1", "for=127.0.0.2"),
        ("POST /v2/", "POST /v1.0/../v2/"),
        ("mac=", "mac=0"),
    ];
    for (what, other) in tampered {
        assert!(caught.contains(what), "{what}: {caught}");
        let head = replay(home, &caught.replacen(what, other, 1));
        assert!(head.starts_with("HTTP/1.1 401"), "{other}: {head}");
    }
    let plain = rig
        .ask(
            &rig.one,
            ("GET", &group),
            &[("Holt-Forwarded", "from=2;to=1")],
            None,
        )
        .await;
    assert_eq!(told(&plain), (401, "signature-invalid"));
    let shown = rig.ask(&rig.one, ("GET", &group), &[], None).await;
    assert_eq!(shown.body["desired"], 0, "none of it was done");

    // As it was sent, it is done; what comes again is the same event.
    for _ in 0..2 {
        let head = replay(home, &caught);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
    let shown = rig.ask(&rig.one, ("GET", &group), &[], None).await;
    assert_eq!(shown.body["desired"], 1);
    tapped.stop().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_edge_sends_nothing_on_that_cannot_be_right() {
    let rig = Rig::start().await;
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let peers = [(1, format!("http://{}", trap.local_addr().unwrap()))];
    let edge = Colo::start(
        (2, "127.0.0.1:0".parse().unwrap()),
        &rig.pair,
        &peers,
        |_| {},
    )
    .await;
    let group = format!("/v2/{TENANT}/groups/{OF_ONE}");
    let (token, large) = (rig.token(&["crud"]), "x".repeat(300 * 1024));
    let bearer = format!("Bearer {token}");
    let good = [("Authorization", bearer.as_str())];
    let foreign = group.replace(TENANT, "umbrella");
    let refusals = [
        (rig.send(&edge, ("GET", &group), &[], None).await, 401),
        (
            rig.send(&edge, ("GET", &group), &[("X-Auth-Token", "e.y.J")], None)
                .await,
            401,
        ),
        (rig.send(&edge, ("GET", &foreign), &good, None).await, 404),
        (
            rig.send(
                &edge,
                ("PATCH", &format!("{group}/config")),
                &good,
                Some(large),
            )
            .await,
            413,
        ),
        (
            rig.send(&edge, ("POST", "/in/0000"), &[], Some("{}".to_owned()))
                .await,
            404,
        ),
        (
            rig.send(&edge, ("POST", "/v2/hooks/0000/continue"), &[], None)
                .await,
            404,
        ),
        (
            rig.send(&edge, ("POST", "/v1.0/execute/1/0000"), &[], None)
                .await,
            202,
        ),
    ];
    for (refusal, status) in refusals {
        assert_eq!(refusal.status, status, "{}", refusal.body);
    }
    assert!(trap.accept().is_err(), "nobody was asked");
    edge.stop().await;
    rig.end().await;
}
