//! Api, supervisor, worker, hooks lane, a simulated cloud, and a receiver.
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use chassis::Secret;
use chassis::http::Trust;
use cloudsim::Faults;
use domain::evidence::Rules;
use holt_api::{Limits, V1};
use holt_supervisor::Supervisor;
use holt_tests::receiver::{Received, Receiver};
use reqwest::Method;
use serde_json::{Value, json};
use store::memory::faults::None as NoFaults;
use wire::hooks::secret::HookKeys;
use wire::ports::hooks::Hooks;
use wire::ports::http_hooks::HttpHooks;
use wire::v2::delivery::Delivery;

use crate::access::rig::{Rig, TENANT, hook_key};
use crate::v1::rig::{IMAGE, sky, worker};

pub(super) const ALL: [&str; 3] = ["read", "crud", "trigger"];

pub(super) struct Life {
    pub(super) rig: Rig,
    pub(super) receiver: Receiver,
    _folder: tempfile::TempDir,
}

/// Settings of a lane that may call loopback.
pub(super) fn lane(answers: &str) -> holt_hooks::Settings {
    let keys = HookKeys::new(&[hook_key()]).unwrap();
    let mut settings = holt_hooks::Settings::new(keys, answers);
    settings.rules.allow = vec!["127.0.0.0/8".parse().unwrap()];
    settings.rules.plain_http = true;
    settings.trust = Trust::Only(Vec::new());
    settings
}

impl Life {
    /// Everything, with a lane that speaks to the supervisor over HTTP as a process of its own does.
    pub(super) async fn start(change: impl FnOnce(&mut holt_hooks::Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut built: Option<Supervisor> = None;
        let limits = Limits::default();
        let v1 = V1 {
            capabilities: crate::access::rig::capabilities(),
            ..V1::default()
        };
        let rig = Rig::of(Arc::new(NoFaults), (limits, v1), |process, stores| {
            let settings = holt_supervisor::Settings {
                hint_pass: Duration::from_secs(1),
                rules: Rules {
                    apart: Duration::from_millis(100),
                    delete_again: Duration::from_secs(1),
                    ..Rules::default()
                },
                ..holt_supervisor::Settings::default()
            };
            let supervisor = holt_supervisor::build(process, settings, stores.clone());
            let (_cloud, address) = sky(process, &Faults::instant());
            let ops = Arc::new(supervisor.clone());
            worker(process, folder.path(), &address, ops);
            built = Some(supervisor.clone());
            Arc::new(supervisor)
        })
        .await;
        let mut settings = lane(&rig.base);
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let key = Secret::new("shared key".to_owned()).unwrap();
        let supervisor = built.unwrap();
        holt_supervisor::serve::listen(&rig.process, listener, supervisor, key.clone()).unwrap();
        let port = HttpHooks::new(&address, key, Trust::Only(Vec::new())).unwrap();
        let port: Arc<dyn Hooks> = Arc::new(port);
        holt_hooks::build(&rig.process, settings, vec![port]).unwrap();
        let receiver = Receiver::start(&rig.process).unwrap();
        Self {
            rig,
            receiver,
            _folder: folder,
        }
    }

    pub(super) async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        self.ask_as(TENANT, method, path, body).await
    }

    pub(super) async fn ask_as(
        &self,
        tenant: &str,
        method: Method,
        path: &str,
        body: Value,
    ) -> Value {
        let token = self.rig.ed.sign(&self.rig.claims(tenant, &ALL));
        let path = format!("/v2/{tenant}/{path}");
        let mut request = self.rig.request(method, &path).bearer_auth(token);
        if !body.is_null() {
            request = request.header("Content-Type", "application/json");
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// A group that wants nothing yet.
    pub(super) async fn group_of(&self, tenant: &str) -> String {
        let spec = json!({
            "name": "web", "min": 0, "max": 50,
            "launch": {"server": {"flavorRef": "1", "imageRef": IMAGE, "name": "web"}},
        });
        let group = self.ask_as(tenant, Method::POST, "groups", spec).await;
        group["id"].as_str().unwrap().to_owned()
    }

    /// A group with a hook to the receiver, which knows its secret.
    pub(super) async fn with_hook(&self, mut hook: Value) -> String {
        let group = self.group_of(TENANT).await;
        if hook["url"].is_null() {
            hook["url"] = json!(self.receiver.url());
        }
        let path = format!("groups/{group}/hooks/configure");
        let made = self.ask(Method::PUT, &path, hook).await;
        self.receiver.trust(made["secret"].as_str().unwrap());
        group
    }

    pub(super) async fn scale(&self, group: &str, to: u32) {
        let event = json!({"desired": to, "force": true});
        let path = format!("groups/{group}/events");
        self.ask(Method::POST, &path, event).await;
    }

    /// The states of the group's open slots.
    pub(super) async fn states(&self, group: &str) -> Vec<String> {
        let path = format!("groups/{group}/ledger?open=true");
        let page = self.ask(Method::GET, &path, Value::Null).await;
        let slots = page["items"].as_array().unwrap().iter();
        slots
            .map(|slot| slot["state"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(super) async fn deliveries(&self, group: &str) -> Vec<Delivery> {
        let client = self.rig.client(&["read"]);
        let page = client.deliveries(TENANT, group, None, Some(500)).await;
        page.unwrap().items
    }

    /// Waits until a question has an answer.
    pub(super) async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        for _ in 0..1_200 {
            if let Some(answer) = ask().await {
                return answer;
            }
            self.rig
                .process
                .clock
                .sleep(Duration::from_millis(50))
                .await;
        }
        panic!("never {what}: {:?}", self.receiver.received());
    }

    pub(super) async fn until_states(&self, group: &str, wanted: &[&str]) {
        let what = format!("{wanted:?}");
        self.until(&what, async || {
            (self.states(group).await == wanted).then_some(())
        })
        .await;
    }

    /// The `n`th message of that kind, once it has come.
    pub(super) async fn message(&self, kind: &str, n: usize) -> Received {
        self.until(kind, async || {
            let mut all = self.receiver.received().into_iter();
            all.by_ref().filter(|one| one.kind() == kind).nth(n)
        })
        .await
    }

    /// Answers a message as a customer's script does.
    pub(super) async fn answer(&self, message: &Received, word: &str) -> u16 {
        let url = message.answer_url().expect("something waits");
        let path = url
            .strip_prefix(&self.rig.base)
            .expect("an address of ours");
        let path = format!("{path}/{word}");
        let answer = self.rig.request(Method::POST, &path).send().await.unwrap();
        answer.status().as_u16()
    }
}
