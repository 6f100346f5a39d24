//! Keys from an address: they rotate without a restart, and what is wrong with the address takes no key away.
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::Process;
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::memory::Memory;

use super::keys::{Pair, ed25519};
use super::rig::{TENANT, Unreachable};

/// Answers whatever is asked with the status and body that were set last.
fn identity(process: &Process) -> (String, Arc<Mutex<(u16, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let says = Arc::new(Mutex::new((200, String::new())));
    let said = Arc::clone(&says);
    let serve = move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (status, body) = said.lock().unwrap().clone();
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or_default();
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            if read > 0 {
                stream.write_all(answer.as_bytes()).unwrap_or_default();
            }
        }
    };
    process.tasks.thread("identity", serve).unwrap();
    (url, says)
}

fn set(pairs: &[&Pair]) -> String {
    let keys: Vec<&Value> = pairs.iter().map(|pair| &pair.jwk).collect();
    json!({ "keys": keys }).to_string()
}

/// An api that believes what an address says.
async fn api(process: &Process, url: String) -> Result<holt_api::Api, holt_api::StartError> {
    let settings = holt_api::Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        tokens: holt_api::Tokens {
            jwks_url: Some(url),
            jwks_reload: Duration::from_millis(100),
            ..holt_api::Tokens::default()
        },
        ..holt_api::Settings::default()
    };
    let stores = Memory::new(process.clock.clone()).handle("api");
    holt_api::build(process, settings, stores, Arc::new(Unreachable)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_an_address_rotate_without_a_restart() {
    let process = Process::system();
    let (one, two) = (ed25519("one"), ed25519("two"));
    let (url, says) = identity(&process);
    // The identity service is away, and the api starts all the same.
    *says.lock().unwrap() = (500, String::new());
    let api = api(&process, url).await.unwrap();
    let url = format!("http://{}/v2/{TENANT}/groups", api.address());
    let http = chassis::http::Settings {
        trust: chassis::http::Trust::Only(Vec::new()),
        ..chassis::http::Settings::default()
    };
    let http = chassis::http::client(&http).unwrap();
    let ask = async |pair: &Pair| {
        let now = process.clock.unix_ms() / 1_000;
        let claims = json!({"iss": "holt", "aud": "holt", "sub": "ada", "exp": now + 600, "holt_tenant": TENANT, "holt_rights": ["read"]});
        let answer = http
            .get(&url)
            .bearer_auth(pair.sign(&claims))
            .send()
            .await
            .unwrap();
        answer.status()
    };
    let becomes = async |pair: &Pair, wanted: StatusCode| {
        for _ in 0..100 {
            if ask(pair).await == wanted {
                return true;
            }
            process.clock.sleep(Duration::from_millis(50)).await;
        }
        false
    };
    let (ok, no) = (StatusCode::OK, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&one).await, no, "nothing is open by default");
    *says.lock().unwrap() = (200, set(&[&one]));
    assert!(becomes(&one, ok).await);
    assert_eq!(ask(&two).await, no);
    *says.lock().unwrap() = (200, set(&[&one, &two]));
    assert!(becomes(&two, ok).await);
    assert_eq!(ask(&one).await, ok, "both are valid while they rotate");
    *says.lock().unwrap() = (200, set(&[&two]));
    assert!(
        becomes(&one, no).await,
        "a token that was believed ends with its key"
    );
    for ill in [
        (500, String::new()),
        (200, "no key set".to_owned()),
        (302, set(&[&one])),
        (200, "x".repeat(300 * 1024)),
    ] {
        *says.lock().unwrap() = ill;
        process.clock.sleep(Duration::from_millis(400)).await;
        assert_eq!(
            (ask(&two).await, ask(&one).await),
            (ok, no),
            "the last good keys stay"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_others_could_answer_for_is_refused() {
    let process = Process::system();
    for url in [
        "http://id.example.org/jwks.json",
        "http://localhost:80@id.example.org/jwks.json",
        "ftp://127.0.0.1:1/jwks.json",
        "127.0.0.1:1",
    ] {
        let refused = api(&process, url.to_owned()).await;
        assert!(
            refused.unwrap_err().to_string().contains("jwks_url"),
            "{url}"
        );
    }
}
