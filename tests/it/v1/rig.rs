//! A running api with a real supervisor, and if wanted a worker and a simulated cloud, spoken to as a client of the old service does.
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use chassis::http::Trust;
use chassis::{Process, Secret};
use cloud::guard::{self, Guard};
use cloud::openstack::{Account, OpenStack, Project, Settings};
use cloud::proof::ProofKeys;
use cloud::transport::http::{self, HttpTransport};
use cloudsim::http::Shared;
use cloudsim::{Faults as Weather, Sim};
use holt_api::{Limits, V1};
use holt_worker::host::Place;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use store::memory::faults::None as NoFaults;
use wire::ports::ops::Ops;

use crate::access::rig::{Rig, TENANT, capabilities};

pub(crate) const IMAGE: &str = "11111111-1111-4111-8111-111111111111";
pub(super) const ADMIN: [&str; 3] = ["read", "crud", "trigger"];

/// The service, and a client of the old one.
pub(super) struct Old {
    pub(super) rig: Rig,
    /// The truth, where there is a cloud.
    pub(super) cloud: Option<Shared>,
    token: String,
    _folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let value = self
            .headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {self:?}"));
        value.to_str().unwrap()
    }

    /// The type of the error, which must have the form that all have.
    pub(super) fn error(&self) -> String {
        let body = self.json();
        let members: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["error"], "one key: {self:?}");
        let error = &body["error"];
        assert_eq!(error["code"], self.status, "{self:?}");
        assert!(
            error["message"].is_string() && error["details"] == "",
            "{self:?}"
        );
        error["type"].as_str().unwrap().to_owned()
    }

    /// It is refused with this status and type.
    #[track_caller]
    pub(super) fn is_refused(&self, status: u16, kind: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.error(), kind, "{self:?}");
    }

    /// It is done with this status.
    #[track_caller]
    pub(super) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Old {
    /// Without a cloud: nothing is ever launched.
    pub(super) async fn start() -> Self {
        Self::with(V1 {
            capabilities: capabilities(),
            ..V1::default()
        })
        .await
    }

    /// The same with settings.
    pub(super) async fn with(v1: V1) -> Self {
        Self::of(v1, Limits::default(), None).await
    }

    /// With limits.
    pub(super) async fn limited(limits: Limits) -> Self {
        let v1 = V1 {
            capabilities: capabilities(),
            ..V1::default()
        };
        Self::of(v1, limits, None).await
    }

    /// With a worker, and a cloud in this weather.
    pub(super) async fn live(weather: &Weather) -> Self {
        let v1 = V1 {
            capabilities: capabilities(),
            compute_url: Some("http://nova".to_owned()),
            ..V1::default()
        };
        Self::of(v1, Limits::default(), Some(weather)).await
    }

    async fn of(v1: V1, limits: Limits, weather: Option<&Weather>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = None;
        let rig = Rig::of(Arc::new(NoFaults), (limits, v1), |process, stores| {
            let settings = holt_supervisor::Settings {
                hint_pass: Duration::from_secs(1),
                ..holt_supervisor::Settings::default()
            };
            let supervisor = Arc::new(holt_supervisor::build(process, settings, stores.clone()));
            if let Some(weather) = weather {
                let sky = sky(process, weather);
                worker(process, folder.path(), &sky.1, supervisor.clone());
                cloud = Some(sky.0);
            }
            supervisor
        })
        .await;
        let token = rig.token(&ADMIN);
        Self {
            rig,
            cloud,
            token,
            _folder: folder,
        }
    }

    /// Asks with a token of these rights.
    pub(super) async fn ask_as(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Answer {
        let mut request = self.rig.request(method, path);
        if let Some(token) = token {
            request = request.header("X-Auth-Token", token);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await.unwrap(),
        }
    }

    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let path = format!("/v1.0/{TENANT}/{path}");
        self.ask_as(Some(&self.token), method, &path, body).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, Some(body.to_string())).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::PUT, path, Some(body.to_string())).await
    }

    /// Does something that takes no body.
    pub(super) async fn act(&self, path: &str) -> Answer {
        self.ask(Method::POST, path, None).await
    }

    /// Makes a group and gives its path.
    pub(super) async fn group(&self, group: &Value) -> String {
        let made = self.post("groups", group).await.is(201).json();
        format!("groups/{}", made["group"]["id"].as_str().unwrap())
    }

    /// A group from `min` to `max` without cooldown, and one policy: the paths of both.
    pub(super) async fn group_with(
        &self,
        (min, max): (u32, u32),
        policy: &Value,
    ) -> (String, String) {
        let path = self.group(&group(min, max)).await;
        let policy = self.policy(&path, policy).await;
        (path, policy)
    }

    /// Adds a policy and gives its path.
    pub(super) async fn policy(&self, group: &str, policy: &Value) -> String {
        let made = self
            .post(&format!("{group}/policies"), &json!([policy]))
            .await
            .is(201)
            .json();
        format!(
            "{group}/policies/{}",
            made["policies"][0]["id"].as_str().unwrap()
        )
    }

    /// Adds a webhook and gives its path and its URL below the service's address.
    pub(super) async fn webhook(&self, policy: &str) -> (String, String) {
        let path = format!("{policy}/webhooks");
        let made = self
            .post(&path, &json!([{"name": "hook"}]))
            .await
            .is(201)
            .json();
        let hook = &made["webhooks"][0];
        let url = href(hook, "capability");
        (
            format!("{path}/{}", hook["id"].as_str().unwrap()),
            self.below(&url),
        )
    }

    /// A link without the service's address.
    pub(super) fn below(&self, url: &str) -> String {
        url.strip_prefix(&self.rig.base)
            .unwrap_or_else(|| panic!("{url}"))
            .to_owned()
    }

    /// Uses a capability URL as anybody can.
    pub(super) async fn use_capability(&self, url: &str) -> Answer {
        self.ask_as(None, Method::POST, url, None).await
    }

    pub(super) async fn state(&self, group: &str) -> Value {
        self.get(&format!("{group}/state")).await.is(200).json()["group"].clone()
    }

    pub(super) async fn desired(&self, group: &str) -> i64 {
        self.state(group).await["desiredCapacity"].as_i64().unwrap()
    }

    /// Waits until the state is as wanted.
    pub(super) async fn until(
        &self,
        group: &str,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        for _ in 0..300 {
            let state = self.state(group).await;
            if wanted(&state) {
                return state;
            }
            self.rig
                .process
                .clock
                .sleep(Duration::from_millis(50))
                .await;
        }
        let state = self.state(group).await;
        panic!("never {what}: {state}")
    }

    /// Waits until so many servers are in service, and nothing is pending.
    pub(super) async fn settled(&self, group: &str, servers: i64) -> Value {
        let wanted = |state: &Value| {
            state["activeCapacity"] == servers && state["desiredCapacity"] == servers
        };
        self.until(group, &format!("{servers} servers"), wanted)
            .await
    }
}

/// The address of a link.
pub(super) fn href(of: &Value, rel: &str) -> String {
    let links = of["links"].as_array().unwrap();
    let link = links.iter().find(|link| link["rel"] == rel);
    link.unwrap_or_else(|| panic!("no link {rel}: {of}"))["href"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub(super) fn configuration(min: u32, max: u32) -> Value {
    json!({"name": "web", "cooldown": 0, "minEntities": min, "maxEntities": max, "metadata": {"k": "v"}})
}

pub(super) fn launch() -> Value {
    json!({"type": "launch_server", "args": {"server": {"flavorRef": "1", "imageRef": IMAGE, "name": "web"}}})
}

pub(super) fn group(min: u32, max: u32) -> Value {
    json!({"groupConfiguration": configuration(min, max), "launchConfiguration": launch()})
}

/// A webhook policy without cooldown that adds so many.
pub(super) fn change(by: i64) -> Value {
    json!({"name": "by", "cooldown": 0, "type": "webhook", "change": by})
}

/// A value with one member set; null removes it.
pub(super) fn set(mut value: Value, pointer: &str, new: Value) -> Value {
    let (outer, name) = pointer.rsplit_once('/').unwrap();
    let outer = value.pointer_mut(outer).unwrap().as_object_mut().unwrap();
    outer.insert(name.to_owned(), new);
    value
}

/// A value with one member less.
pub(super) fn without(mut value: Value, pointer: &str) -> Value {
    let (outer, name) = pointer.rsplit_once('/').unwrap();
    let outer = value.pointer_mut(outer).unwrap().as_object_mut().unwrap();
    outer.remove(name).unwrap();
    value
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

pub(crate) fn sky(process: &Process, weather: &Weather) -> (Shared, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sky = format!("http://{}", listener.local_addr().unwrap());
    let mut sim = Sim::new(cloudsim::Settings::default());
    sim.set_base_url(&sky);
    sim.set_faults(weather);
    let shared = Shared::new(sim, process.clock.clone());
    let (p, s) = (process.clone(), shared.clone());
    drop(process.tasks.spawn("cloud", async move {
        cloudsim::http::serve(&p, listener, s).await
    }));
    (shared, sky)
}

pub(crate) fn worker(
    process: &Process,
    folder: &std::path::Path,
    sky: &str,
    supervisor: Arc<dyn Ops>,
) {
    let account = Account::Password {
        user: "autoscaler".to_owned(),
        user_domain: "Default".to_owned(),
        password: secret("password"),
        project: Project::Id {
            id: "tenant-a".to_owned(),
        },
    };
    let accounts = BTreeMap::from([(TENANT.parse().unwrap(), account)]);
    let settings = Settings::new(
        format!("{sky}/identity/v3"),
        "RegionOne".to_owned(),
        accounts,
    );
    let transport = http::Settings {
        connect_timeout: Duration::from_secs(5),
        trust: Trust::Only(Vec::new()),
    };
    let transport = Arc::new(HttpTransport::new(&transport).unwrap());
    let keys = ProofKeys::new(
        1,
        [(1, secret("a key of thirty-two bytes or more, for tests"))],
    )
    .unwrap();
    let guard = Guard::new(process, guard::Settings::default());
    let cloud = Arc::new(OpenStack::new(
        process.clone(),
        transport,
        settings,
        keys,
        guard.clone(),
    ));
    let name = holt_worker::Settings::new(
        "worker-1".parse().unwrap(),
        Place::Folder(folder.to_owned()),
    );
    holt_worker::build(process, name, cloud, guard, vec![supervisor]).unwrap();
}
