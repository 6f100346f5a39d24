//! Bytes that no decent client sends: requests that two readers could take for different ones, and heads that never end (safety S10, S36).
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::rig::Rig;

/// Sends the bytes and reads until the service closes, or says nothing for a second.
async fn answers(rig: &Rig, bytes: &[u8]) -> (String, bool) {
    let address: SocketAddr = rig.api.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    let closed = loop {
        let more = stream.read(&mut buffer);
        match rig
            .process
            .clock
            .timeout(Duration::from_secs(1), more)
            .await
        {
            Err(_silence) => break false,
            Ok(Ok(0) | Err(_)) => break true,
            Ok(Ok(count)) => read.extend_from_slice(&buffer[..count]),
        }
    };
    (String::from_utf8_lossy(&read).into_owned(), closed)
}

/// What is hidden behind the first request: it must never be answered.
const HIDDEN: &str = "GET /errors/hidden HTTP/1.1\r\nHost: x\r\n\r\n";

type Named = (&'static str, String);

fn post(headers: &str, body: &str) -> String {
    format!("POST /v2/acme/groups HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}")
}

/// Bodies whose end is a matter of opinion, by their length.
fn lengths() -> Vec<Named> {
    let length = HIDDEN.len();
    let two = format!("Content-Length: 0\r\nContent-Length: {length}\r\n");
    let list = format!("Content-Length: 0, {length}\r\n");
    let sign = format!("Content-Length: +{length}\r\n");
    vec![
        ("two lengths", post(&two, HIDDEN)),
        ("a list of lengths", post(&list, HIDDEN)),
        ("a length with a sign", post(&sign, HIDDEN)),
        (
            "a length below zero",
            post("Content-Length: -1\r\n", HIDDEN),
        ),
        ("a length in hex", post("Content-Length: 0x10\r\n", HIDDEN)),
    ]
}

/// The same, by chunks.
fn chunks() -> Vec<Named> {
    let both = format!(
        "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
        HIDDEN.len()
    );
    let ended = format!("0\r\n\r\n{HIDDEN}");
    let of = |headers: &str| post(headers, &ended);
    let chunk = |size: &str| {
        let body = format!("{size}\r\n\r\n{HIDDEN}");
        post("Transfer-Encoding: chunked\r\n", &body)
    };
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n";
    vec![
        ("length and chunks", of(&both)),
        (
            "chunks by another name",
            of("Transfer-Encoding: xchunked\r\n"),
        ),
        (
            "chunks that are not last",
            of("Transfer-Encoding: chunked, identity\r\n"),
        ),
        ("chunks twice", of(twice)),
        ("a chunk's size with a sign", chunk("+0")),
        ("a chunk's size that overflows", chunk("10000000000000000")),
        (
            "a blank before the colon",
            of("Transfer-Encoding : chunked\r\n"),
        ),
        ("a folded header", of("Transfer-Encoding:\r\n chunked\r\n")),
    ]
}

/// Lines that are none.
fn lines() -> Vec<Named> {
    let get = |line: &str| format!("{line}\r\nHost: x\r\n\r\n{HIDDEN}");
    let hidden = "X: a\rTransfer-Encoding: chunked\r\n";
    vec![
        ("a return inside a header", post(hidden, HIDDEN)),
        ("a zero byte in a header", post("X: a\0b\r\n", HIDDEN)),
        (
            "a space in the path",
            get("GET /health/live HTTP/1.1 /x HTTP/1.1"),
        ),
        ("another protocol", get("GET /health/live HTTP/3.7")),
        (
            "more headers than anybody needs",
            post(&"X: y\r\n".repeat(500), HIDDEN),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_two_readers_could_take_for_different_ones_is_the_last_of_its_connection() {
    let rig = Rig::start().await;
    let (sane, _) = answers(&rig, HIDDEN.as_bytes()).await;
    assert!(sane.starts_with("HTTP/1.1 404"), "{sane}");
    for (name, request) in [lengths(), chunks(), lines()].concat() {
        let (answer, closed) = answers(&rig, request.as_bytes()).await;
        let statuses = answer.matches("HTTP/1.1 ").count();
        assert!(
            statuses <= 1,
            "{name}: the hidden request was answered: {answer}"
        );
        assert!(closed, "{name}: the connection stays open: {answer}");
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{name}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let rig = Rig::start().await;
    let clock = &rig.process.clock;
    let mut stream = TcpStream::connect(rig.api.address()).await.unwrap();
    let from = clock.mono();
    let head = "GET /health/live HTTP/1.1\r\nHost: x\r\nX: ".bytes();
    for byte in head.chain(std::iter::repeat(b'a')) {
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        let mut buffer = [0; 1024];
        let answer = clock.timeout(Duration::from_millis(200), stream.read(&mut buffer));
        match answer.await {
            Err(_silence) => {}
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(count)) => {
                let said = String::from_utf8_lossy(&buffer[..count]).into_owned();
                assert!(said.starts_with("HTTP/1.1 408"), "{said}");
                break;
            }
        }
        let slow = clock.mono().saturating_since(from);
        assert!(slow < Duration::from_secs(10), "it is listened to for ever");
    }
}
