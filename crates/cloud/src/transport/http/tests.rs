use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::*;
use crate::double::{Double, Say};

fn transport() -> HttpTransport {
    HttpTransport::new(&Settings {
        connect_timeout: Duration::from_secs(2),
        trust: Trust::Only(Vec::new()),
    })
    .expect("a transport")
}

fn request(method: Method, url: &str, connection: Connection) -> Request {
    let body = if method == Method::Post { "{}" } else { "" };
    Request {
        method,
        url: url.to_owned(),
        headers: vec![("x-auth-token", "CANARY".to_owned())],
        body: Bytes::from_static(body.as_bytes()),
        timeout: Duration::from_secs(10),
        connection,
    }
}

async fn get(url: &str) -> Result<Response, TransportError> {
    transport()
        .exchange(request(Method::Get, url, Connection::Pooled))
        .await
}

/// Asks in order, after so long each, and tells which connection each request came on.
async fn connections(asks: &[(Method, Connection, Duration)]) -> Vec<(String, usize)> {
    let double = Double::start(|_| Say::json(202, "{}")).await;
    let transport = transport();
    let clock = chassis::Process::system().clock;
    for (method, connection, pause) in asks {
        clock.sleep(*pause).await;
        let answer = transport
            .exchange(request(*method, &double.url, *connection))
            .await;
        assert_eq!(answer.expect("an answer").status, 202);
    }
    let seen = double.seen().into_iter();
    seen.map(|seen| (seen.method, seen.connection)).collect()
}

#[tokio::test]
async fn a_create_never_goes_out_on_a_connection_that_was_idle() {
    let idle = WARM + Duration::from_millis(50);
    let came = connections(&[
        (Method::Get, Connection::Pooled, Duration::ZERO),
        (Method::Post, Connection::Fresh, idle),
        (Method::Get, Connection::Pooled, Duration::ZERO),
        (Method::Post, Connection::Fresh, idle),
        (Method::Get, Connection::Pooled, Duration::ZERO),
    ])
    .await;
    let expected = [("GET", 1), ("POST", 2), ("GET", 1), ("POST", 3), ("GET", 1)];
    assert_eq!(came, expected.map(|(method, nth)| (method.to_owned(), nth)));
}

#[tokio::test]
async fn creates_that_follow_at_once_share_a_connection_which_nothing_else_uses() {
    // Far more than one of them is likely to be held up beyond what counts as idle: then it has a new connection.
    let mut asks = vec![(Method::Post, Connection::Fresh, Duration::ZERO); 20];
    asks.push((Method::Get, Connection::Pooled, Duration::ZERO));
    let came = connections(&asks).await;
    let creates: std::collections::BTreeSet<usize> =
        came[..20].iter().map(|(_, nth)| *nth).collect();
    assert!(creates.len() < 10, "{came:?}");
    assert!(!creates.contains(&came[20].1), "{came:?}");
}

#[tokio::test]
async fn what_could_not_connect_was_not_sent() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address")
    };
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let no_tls = plain.local_addr().expect("an address");
    drop(chassis::Tasks::system().spawn("no tls", async move {
        let (mut stream, _) = plain.accept().await.expect("a connection");
        let garbage = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(garbage).await.expect("written");
    }));
    for url in [
        format!("http://{closed}/"),
        format!("https://{no_tls}/"),
        "not a url".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
    ] {
        let failed = get(&url).await.expect_err("no answer");
        assert!(
            matches!(failed, TransportError::NotSent(_)),
            "{url}: {failed:?}"
        );
    }
    let mut bad = request(Method::Get, "http://127.0.0.1:1/", Connection::Fresh);
    bad.headers.push(("x-y", "a\r\nb".to_owned()));
    let failed = transport().exchange(bad).await.expect_err("no answer");
    assert!(matches!(failed, TransportError::NotSent(_)), "{failed:?}");
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_told_apart_and_sent_once() {
    let cut = b"HTTP/1.1 202 Accepted\r\ncontent-length: 50\r\n\r\nhello".to_vec();
    for (bytes, word) in [
        (Some(Vec::new()), "reset"),
        (Some(b"not HTTP at all\r\n\r\n".to_vec()), "reset"),
        (Some(cut), "reset"),
        (None, "timeout"),
    ] {
        let double = Double::start(move |_| bytes.clone().map_or(Say::Hang, Say::Bytes)).await;
        let mut post = request(Method::Post, &double.url, Connection::Fresh);
        if word == "timeout" {
            post.timeout = Duration::from_millis(300);
        }
        let failed = transport().exchange(post).await.expect_err("no answer");
        let told = match failed {
            TransportError::Reset(_) => "reset",
            TransportError::Timeout => "timeout",
            TransportError::NotSent(_) | TransportError::Unreadable => "another",
        };
        assert_eq!(told, word);
        assert_eq!(double.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_cannot_be_read() {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        BODY_BYTES_MAX + 1
    );
    let double = Double::start(move |_| Say::Bytes(head.clone().into_bytes())).await;
    let failed = get(&double.url).await.expect_err("no answer");
    assert!(matches!(failed, TransportError::Unreadable), "{failed:?}");
}

#[tokio::test]
async fn redirects_are_answers() {
    let double = Double::start(|_| {
        let elsewhere = vec![("location", "/elsewhere".to_owned())];
        Say::Answer(307, elsewhere, String::new())
    })
    .await;
    let post = request(Method::Post, &double.url, Connection::Fresh);
    let answer = transport().exchange(post).await.expect("an answer");
    assert_eq!(
        (answer.status, answer.header("location")),
        (307, Some("/elsewhere"))
    );
    assert_eq!(double.seen().len(), 1);
}

#[test]
fn requests_and_answers_do_not_show_tokens_or_passwords() {
    let mut request = request(Method::Post, "http://nova/", Connection::Fresh);
    request.body = Bytes::from_static(b"CANARY");
    let answer = Response {
        status: 201,
        headers: vec![("x-subject-token".to_owned(), "CANARY".to_owned())],
        body: Bytes::from_static(b"CANARY"),
    };
    for shown in [format!("{request:?}"), format!("{answer:?}")] {
        assert!(!shown.contains("CANARY"), "{shown}");
        assert!(shown.contains("token"), "{shown}");
    }
}
