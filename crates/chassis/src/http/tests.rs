use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::Tasks;

/// A server that answers every request with the same bytes and counts connections and requests.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

async fn serve(answer: &'static str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let server = Server {
        url,
        connections: Arc::clone(&connections),
        requests: Arc::clone(&requests),
    };
    let tasks = Tasks::system();
    let accept = {
        let tasks = tasks.clone();
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                drop(tasks.spawn("answer", answer_all(stream, answer, Arc::clone(&requests))));
            }
        }
    };
    drop(tasks.spawn("accept", accept));
    server
}

async fn answer_all(mut stream: TcpStream, answer: &'static str, requests: Arc<AtomicUsize>) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        if buffer[..length].ends_with(b"\r\n\r\n") {
            requests.fetch_add(1, Ordering::SeqCst);
            if answer.is_empty() || stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            if answer.contains("connection: close") {
                return;
            }
        }
    }
}

fn plain(connections: Connections) -> Client {
    client(&Settings {
        connections,
        total_timeout: Duration::from_secs(10),
        trust: Trust::Only(Vec::new()),
        ..Settings::default()
    })
    .expect("a client")
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn a_client_uses_a_connection_again_only_if_it_may() {
    let warm = Connections::Warm(Duration::from_millis(1));
    for (connections, expected) in [(Connections::Fresh, 3), (warm, 3), (Connections::Pooled, 1)] {
        let server = serve(OK).await;
        let client = plain(connections);
        for _ in 0..3 {
            let response = client.get(&server.url).send().await.expect("an answer");
            assert_eq!(body(response, 5).await.expect("a body"), "hello");
            crate::Clock::system()
                .sleep(Duration::from_millis(20))
                .await;
        }
        assert_eq!(
            server.connections.load(Ordering::SeqCst),
            expected,
            "{connections:?}"
        );
    }
}

#[tokio::test]
async fn a_request_is_sent_once_even_when_the_answer_is_lost() {
    for connections in [Connections::Fresh, Connections::Pooled] {
        let server = serve("").await;
        let client = plain(connections);
        client.get(&server.url).send().await.expect_err("no answer");
        assert_eq!(server.requests.load(Ordering::SeqCst), 1, "{connections:?}");
    }
}

#[tokio::test]
async fn redirects_are_answers_and_not_followed() {
    let server = serve("HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n").await;
    let response = plain(Connections::Pooled)
        .get(&server.url)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 302);
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_over_the_bound_is_refused_announced_or_not() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for answer in [OK, chunked] {
        let server = serve(answer).await;
        let response = plain(Connections::Pooled)
            .get(&server.url)
            .send()
            .await
            .expect("an answer");
        let refused = body(response, 4).await.expect_err("too large");
        assert!(matches!(refused, Error::TooLarge { bytes_max: 4 }));
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 50\r\n\r\nhello";
    let server = serve(head).await;
    let response = plain(Connections::Pooled).get(&server.url).send().await;
    let broken = body(response.expect("a head"), 100).await;
    assert!(matches!(broken, Err(Error::Body { .. })));
}

#[test]
fn a_bundle_that_is_no_pem_stops_the_build() {
    let broken = b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n".to_vec();
    let settings = Settings {
        trust: Trust::Only(broken),
        ..Settings::default()
    };
    assert!(matches!(client(&settings), Err(Error::Build { .. })));
}

#[test]
fn an_address_is_judged_by_its_host_and_not_by_how_it_begins() {
    for (url, expected) in [
        (
            "https://keystone.example.org:5000/v3",
            Some(Transit::Encrypted),
        ),
        ("http://127.0.0.1:5000/v3", Some(Transit::Loopback)),
        ("http://localhost:5000", Some(Transit::Loopback)),
        ("http://[::1]/v3", Some(Transit::Loopback)),
        ("http://localhost.example.org/v3", Some(Transit::Clear)),
        ("http://localhost:80@example.org/v3", Some(Transit::Clear)),
        ("http://127.0.0.1.example.org/v3", Some(Transit::Clear)),
        ("ftp://127.0.0.1/v3", None),
        ("127.0.0.1:5000", None),
    ] {
        assert_eq!(transit(url), expected, "{url}");
    }
}
