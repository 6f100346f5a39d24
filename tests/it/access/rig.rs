//! A running api on a store in memory, and an owner that cannot be reached.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chassis::http::{Connections, Settings as Http, Trust};
use chassis::{Process, Secret};
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Event};
use domain::group::{Cause, Hold, HoldWhy};
use domain::ids::{Fence, GroupKey, HomeEpoch, Nonce, ServerId, SlotId};
use domain::slot::{Flags, Slot, State};
use domain::time::{Mono, Now, Timestamp};
use domain::verdict::Verdict;
use holt_api::Limits;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use store::Stores;
use store::apply::{View, apply};
use store::memory::Memory;
use store::memory::faults::{Faults, None as NoFaults};
use wire::client::{Client, Settings};
use wire::hooks::secret::HookKeys;
use wire::ports::submit::{Submit, SubmitError};

use super::keys::{self, Pair};

/// Every right that a token can have.
pub(crate) const RIGHTS: [&str; 7] = [
    "read",
    "crud",
    "trigger",
    "exceed-limits",
    "audit",
    "support",
    "operate",
];

/// The tenant of the tests.
pub(crate) const TENANT: &str = "acme";

/// The file with the key set.
const JWKS: &str = "jwks.json";

/// No owner answers: events go the other real way, into the inbox.
#[derive(Debug)]
pub(crate) struct Unreachable;

#[async_trait]
impl Submit for Unreachable {
    async fn submit(&self, _key: &GroupKey, _event: Event) -> Result<Verdict, SubmitError> {
        Err(SubmitError::Unreachable)
    }
    async fn poke(&self, _key: &GroupKey) {}
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answered {
    /// The answer to a request, with a body of JSON if there is one.
    pub(crate) async fn to(mut request: RequestBuilder, body: Option<String>) -> Self {
        if let Some(body) = body {
            request = request
                .header("Content-Type", "application/json")
                .body(body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Self {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        }
    }

    pub(crate) fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    }
}

pub(crate) struct Rig {
    pub(crate) process: Process,
    pub(crate) store: Memory,
    pub(crate) ed: Pair,
    pub(crate) rsa: Pair,
    pub(crate) base: String,
    pub(crate) api: holt_api::Api,
    /// What seals the secrets of hooks and makes the addresses of answers.
    pub(crate) hooks: HookKeys,
    http: reqwest::Client,
    jwks: tempfile::TempDir,
}

impl Rig {
    /// Listens on a free port; believes an RSA key from its configuration and an Ed25519 key from a JWKS file.
    pub(crate) async fn start() -> Self {
        Self::with(Arc::new(NoFaults), Limits::default(), |_, _| {
            Arc::new(Unreachable)
        })
        .await
    }

    /// The same on a store that may fall sick, with limits.
    pub(crate) async fn with_trouble(faults: Arc<dyn Faults>, limits: Limits) -> Self {
        Self::with(faults, limits, |_, _| Arc::new(Unreachable)).await
    }

    /// The same with a real supervisor, whom no worker offers anything.
    pub(crate) async fn with_supervisor() -> Self {
        let settings = holt_supervisor::Settings::default();
        Self::with(Arc::new(NoFaults), Limits::default(), |process, stores| {
            Arc::new(holt_supervisor::build(process, settings, stores.clone()))
        })
        .await
    }

    async fn with(
        faults: Arc<dyn Faults>,
        limits: Limits,
        owner: impl FnOnce(&Process, &Stores) -> Arc<dyn Submit>,
    ) -> Self {
        let v1 = holt_api::V1 {
            capabilities: capabilities(),
            // The matrix makes a group for every question.
            groups: 1_000_000,
            ..holt_api::V1::default()
        };
        Self::of(faults, (limits, v1), owner).await
    }

    /// With everything chosen.
    pub(crate) async fn of(
        faults: Arc<dyn Faults>,
        settings: (Limits, holt_api::V1),
        owner: impl FnOnce(&Process, &Stores) -> Arc<dyn Submit>,
    ) -> Self {
        let keystone = holt_api::KeystoneSettings::default();
        Self::asking(Process::system(), (faults, keystone), settings, owner).await
    }

    /// The same in a process of the caller's, with a Keystone to ask.
    pub(crate) async fn asking(
        process: Process,
        (faults, keystone): (Arc<dyn Faults>, holt_api::KeystoneSettings),
        (limits, v1): (Limits, holt_api::V1),
        owner: impl FnOnce(&Process, &Stores) -> Arc<dyn Submit>,
    ) -> Self {
        let settings = holt_api::Settings {
            tokens: holt_api::Tokens {
                keystone,
                ..holt_api::Tokens::default()
            },
            limits,
            v1,
            ..holt_api::Settings::default()
        };
        Self::told(process, faults, settings, owner).await
    }

    /// The same, told anything but where it listens and whose signatures it believes.
    pub(crate) async fn told(
        process: Process,
        faults: Arc<dyn Faults>,
        settings: holt_api::Settings,
        owner: impl FnOnce(&Process, &Stores) -> Arc<dyn Submit>,
    ) -> Self {
        let unclear_for = Duration::from_millis(1);
        let store = Memory::with_faults(process.clock.clone(), faults, unclear_for);
        let (ed, rsa) = (keys::ed25519("ed-1"), keys::rsa("rsa-1"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(JWKS);
        std::fs::write(&file, json!({"keys": [ed.jwk]}).to_string()).unwrap();
        let settings = holt_api::Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            tokens: holt_api::Tokens {
                keys: BTreeMap::from([(rsa.kid.to_owned(), rsa.public_pem.clone())]),
                jwks_file: Some(file),
                ..settings.tokens
            },
            hooks: vec![hook_key()],
            ..settings
        };
        let stores = store.handle("api");
        let owner = owner(&process, &stores);
        let api = holt_api::build(&process, settings, stores, owner)
            .await
            .unwrap();
        let http = chassis::http::client(&Http {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(20),
            connections: Connections::Pooled,
            trust: Trust::Only(Vec::new()),
            user_agent: "tests",
        });
        Self {
            base: format!("http://{}", api.address()),
            api,
            hooks: HookKeys::new(&[hook_key()]).unwrap(),
            process,
            store,
            ed,
            rsa,
            http: http.unwrap(),
            jwks: folder,
        }
    }

    /// Takes its Ed25519 key out of the set that the api reads, and puts another one in its place.
    pub(crate) fn replace_key(&self, by: &Pair) {
        let file = self.jwks.path().join(JWKS);
        std::fs::write(file, json!({"keys": [by.jwk]}).to_string()).unwrap();
    }

    /// Changes a group behind everybody's back.
    pub(crate) async fn edit(&self, group: &str, edit: impl Fn(&mut Draft<'_>) + Send + Sync) {
        let groups = self.store.handle("planter").groups;
        let key = GroupKey {
            tenant: TENANT.parse().unwrap(),
            id: group.parse().unwrap(),
            epoch: HomeEpoch(0),
        };
        let now = Now {
            wall: Timestamp::from_unix_ms(self.process.clock.unix_ms()),
            mono: Mono::default(),
        };
        let change = |view: View<'_>| {
            let mut draft = Draft::new(view.group, now);
            edit(&mut draft);
            let actor = Actor {
                kind: ActorKind::System,
                name: "tests".to_owned(),
                request_id: String::new(),
                from: None,
            };
            Ok::<_, ()>(Some(draft.finish(Cause::Converge, actor)))
        };
        apply(&self.process, &*groups, &key, Fence(0), None, change)
            .await
            .unwrap();
    }

    /// Holds the launches of a group for a minute.
    pub(crate) async fn hold(&self, group: &str, why: HoldWhy) {
        self.edit(group, |draft| {
            let now = draft.now().wall;
            draft.state.hold = Some(Hold {
                why,
                detail: "told by a test".to_owned(),
                since: now,
                until: Some(now.plus(Duration::from_secs(60))),
                strikes: 1,
            });
        })
        .await;
    }

    /// Puts a server in service into the ledger of a group, and gives its id.
    pub(crate) async fn plant_server(&self, group: &str) -> String {
        let server = ServerId::from_u128(self.process.entropy.u128());
        let slot = SlotId::from_u128(self.process.entropy.u128());
        self.edit(group, |draft| {
            let now = draft.now().wall;
            let launch = draft.config().launch;
            draft.put(Slot {
                id: slot,
                proof: slot,
                nonce: Nonce::from_u128(1),
                launch,
                state: State::Active(server),
                flags: Flags::default(),
                issued: now,
                since: now,
            });
        })
        .await;
        server.to_string()
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.process.clock.unix_ms() / 1_000
    }

    /// Claims of a good token.
    pub(crate) fn claims(&self, tenant: &str, rights: &[&str]) -> Value {
        let now = self.now();
        json!({"iss": "holt", "aud": "holt", "sub": "ada", "iat": now, "exp": now + 600, "holt_tenant": tenant, "holt_rights": rights})
    }

    /// A good token.
    pub(crate) fn token(&self, rights: &[&str]) -> String {
        self.ed.sign(&self.claims(TENANT, rights))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// One request with a good token and headers; status, headers, and the body as JSON.
    pub(crate) async fn ask(
        &self,
        rights: &[&str],
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answered {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.request(method, path).bearer_auth(self.token(rights));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answered::to(request, body.map(|body| body.to_string())).await
    }

    /// The typed client with a good token.
    pub(crate) fn client(&self, rights: &[&str]) -> Client {
        let settings = Settings {
            url: self.base.clone(),
            token: Some(Secret::new(self.token(rights)).unwrap()),
            timeout: Duration::from_secs(20),
            trust: Trust::Only(Vec::new()),
        };
        Client::new(&settings).unwrap()
    }
}

/// A key that seals the secrets of hooks.
pub(crate) fn hook_key() -> Secret {
    Secret::new("h".repeat(32)).unwrap()
}

/// A key that derives capability URLs.
pub(crate) fn capabilities() -> holt_api::Capabilities {
    let key = Secret::new("k".repeat(32)).unwrap();
    holt_api::Capabilities {
        current: "one".to_owned(),
        keys: BTreeMap::from([("one".to_owned(), key)]),
    }
}

/// A group as a customer writes it.
pub(crate) fn spec() -> Value {
    json!({
        "name": "web", "min": 2, "max": 12, "cooldown_seconds": 60,
        "launch": {"server": {"flavorRef": "1", "imageRef": "img", "name": "web", "user_data": "aGVsbG8="}},
        "policies": [{"id": "up", "change": 2, "cooldown_seconds": 30}, {"id": "half-more", "change_percent": 50.5}],
    })
}
