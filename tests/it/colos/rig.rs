//! Two colos that know each other, and a caller.
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chassis::http::{Connections, Settings as Http, Trust};
use chassis::{Process, Secret};
use domain::ids::ColoId;
use holt_api::{Api, Colos, Settings, Tokens};
use holt_tests::bench::service::free_port;
use reqwest::Method;
use serde_json::{Value, json};
use store::embedded::{self, Embedded};

use crate::access::keys::{self, Pair};
use crate::access::rig::{Answered, TENANT, capabilities, hook_key};

/// Signs what one colo forwards to the other.
pub(super) fn link_key() -> Secret {
    Secret::new("l".repeat(32)).unwrap()
}

/// What an api is told. A colo that is named twice has two addresses.
pub(super) fn settings(
    (number, listen): (u16, SocketAddr),
    pair: &Pair,
    peers: &[(u16, String)],
) -> Settings {
    let mut apis = BTreeMap::<String, Vec<String>>::new();
    for (colo, at) in peers {
        apis.entry(colo.to_string()).or_default().push(at.clone());
    }
    Settings {
        listen,
        colo: number,
        tokens: Tokens {
            keys: BTreeMap::from([(pair.kid.to_owned(), pair.public_pem.clone())]),
            ..Tokens::default()
        },
        hooks: vec![hook_key()],
        v1: holt_api::V1 {
            capabilities: capabilities(),
            ..holt_api::V1::default()
        },
        colos: Colos {
            apis,
            keys: vec![link_key()],
            deadline: Duration::from_secs(5),
            ..Colos::default()
        },
        ..Settings::default()
    }
}

/// One colo: its service and its store.
pub(super) struct Colo {
    pub(super) process: Process,
    pub(super) api: Api,
    pub(super) store: Embedded,
    pub(super) base: String,
    _folder: tempfile::TempDir,
}

impl Colo {
    /// Starts one at an address, with whatever else it is to be told.
    pub(super) async fn start(
        (number, listen): (u16, SocketAddr),
        pair: &Pair,
        peers: &[(u16, String)],
        tell: impl FnOnce(&mut Settings),
    ) -> Self {
        let process = Process::system();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("holt.db");
        let store = embedded::open(&file, &process, embedded::Settings::default()).unwrap();
        let mut settings = settings((number, listen), pair, peers);
        tell(&mut settings);
        let owner = holt_supervisor::build(
            &process,
            holt_supervisor::Settings {
                colo: ColoId(number),
                ..holt_supervisor::Settings::default()
            },
            store.stores(),
        );
        let api = holt_api::build(&process, settings, store.stores(), Arc::new(owner));
        let api = api.await.unwrap();
        Self {
            base: format!("http://{}", api.address()),
            process,
            api,
            store,
            _folder: folder,
        }
    }

    /// Its control plane ends.
    pub(super) async fn stop(&self) {
        self.process.stop.request();
        self.api.stop().await;
    }
}

/// Colos 1 and 2.
pub(super) struct Rig {
    pub(super) one: Colo,
    pub(super) two: Colo,
    pub(super) pair: Pair,
    http: reqwest::Client,
}

impl Rig {
    pub(super) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With something else told to colo 2.
    pub(super) async fn with(tell: impl FnOnce(&mut Settings)) -> Self {
        let pair = keys::ed25519("ed-1");
        let (one, two) = (free_port().unwrap(), free_port().unwrap());
        let at = |address| format!("http://{address}");
        Self {
            one: Colo::start((1, one), &pair, &[(2, at(two))], |_| {}).await,
            two: Colo::start((2, two), &pair, &[(1, at(one))], tell).await,
            pair,
            http: http(),
        }
    }

    /// A good token.
    pub(super) fn token(&self, rights: &[&str]) -> String {
        let now = self.one.process.clock.unix_ms() / 1_000;
        self.pair.sign(&json!({"iss": "holt", "aud": "holt", "sub": "ada", "iat": now, "exp": now + 600, "holt_tenant": TENANT, "holt_rights": rights}))
    }

    /// One request to a colo with a token of all rights of a tenant.
    pub(super) async fn ask(
        &self,
        colo: &Colo,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answered {
        let token = self.token(&["read", "crud", "trigger", "audit", "operate"]);
        let bearer = format!("Bearer {token}");
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend(headers);
        self.send(colo, (method, path), &all, body.map(|it| it.to_string()))
            .await
    }

    /// One request with these headers only.
    pub(super) async fn send(
        &self,
        colo: &Colo,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answered {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", colo.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answered::to(request, body).await
    }

    /// Makes a group at a colo, and gives its path.
    pub(super) async fn group(&self, colo: &Colo, name: &str) -> String {
        let body = json!({
            "name": name, "min": 0, "max": 12, "cooldown_seconds": 0, "launch": {"server": {"flavorRef": "1", "imageRef": "img"}},
            "policies": [{"id": "up", "change": 2}],
        });
        let path = format!("/v2/{TENANT}/groups");
        let made = self.ask(colo, ("POST", &path), &[], Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        format!("{path}/{}", made.body["id"].as_str().unwrap())
    }

    pub(super) async fn end(self) {
        self.one.stop().await;
        self.two.stop().await;
    }
}

pub(super) fn http() -> reqwest::Client {
    chassis::http::client(&Http {
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(20),
        connections: Connections::Pooled,
        trust: Trust::Only(Vec::new()),
        user_agent: "tests",
    })
    .unwrap()
}
