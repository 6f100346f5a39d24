//! A colo with two control planes, `east` and `west`, over one store and one cloud; a caller asks the api of another colo, which knows both.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use cloud::home;
use cloud::port::{Cloud as _, Made};
use domain::evidence::Rules;
use domain::home::{Automatic, Plane as Named};
use domain::ids::{ColoId, HomeEpoch};
use holt_api::Api;
use holt_supervisor::{HomeSettings, Supervisor};
use holt_tests::bench::service::free_port;
use holt_worker::FenceSettings;
use holt_worker::host::Place;
use serde_json::{Value, json};
use store::Stores;
use store::memory::Memory;
use wire::ports::ops::Ops;

use super::rig::{self, Colo};
use crate::access::keys::{self, Pair};
use crate::access::rig::{Answered, TENANT};
use crate::roles;

/// The colo that both planes may serve.
pub(super) const ONE: u16 = 1;
/// What a worker may go on for after a good read, in place of 20 s; planes wait for half as long again.
const STALE: Duration = Duration::from_millis(800);

/// A control plane that runs.
pub(super) struct Plane {
    process: Process,
    api: Api,
    pub(super) base: String,
    _folder: tempfile::TempDir,
}

/// The colo, its cloud, and the way in through another colo.
pub(super) struct Rig {
    pub(super) memory: Memory,
    pub(super) sky: (cloudsim::http::Shared, String),
    outside: Process,
    pair: Pair,
    listens: [SocketAddr; 2],
    edge: Colo,
    http: reqwest::Client,
    automatic: Automatic,
}

fn at(address: SocketAddr) -> String {
    format!("http://{address}")
}

impl Rig {
    /// Nothing runs yet but the cloud and the other colo.
    pub(super) async fn start(automatic: Automatic) -> Self {
        let outside = Process::system();
        let sky = roles::cloud(&outside);
        let pair = keys::ed25519("ed-1");
        let listens = [free_port().unwrap(), free_port().unwrap()];
        let ways = listens.map(|listen| (ONE, at(listen)));
        let edge = Colo::start((2, free_port().unwrap()), &pair, &ways, |_| {}).await;
        Self {
            memory: Memory::new(outside.clock.clone()),
            sky,
            outside,
            pair,
            listens,
            edge,
            http: rig::http(),
            automatic,
        }
    }

    /// A control plane starts, or starts again: 0 is `east`, which serves first, 1 is `west`.
    pub(super) async fn plane(&self, which: usize) -> Plane {
        let name = ["east", "west"][which];
        let process = Process::system();
        let folder = tempfile::tempdir().unwrap();
        let stores = self.memory.handle(name);
        let stores = store::home::shared(stores, name.parse().unwrap());
        let supervisor = self.supervisor(&process, name, stores.clone());
        self.worker(&process, (name, folder.path()), &supervisor);
        let other = (ONE, at(self.listens[1 - which]));
        let edge = (2, self.edge.base.clone());
        let settings = rig::settings((ONE, self.listens[which]), &self.pair, &[other, edge]);
        let api = holt_api::build(&process, settings, stores, Arc::new(supervisor));
        let api = api.await.unwrap();
        Plane {
            base: at(api.address()),
            process,
            api,
            _folder: folder,
        }
    }

    fn supervisor(&self, process: &Process, name: &str, stores: Stores) -> Supervisor {
        let home = HomeSettings {
            settle: STALE + STALE / 2,
            look: Duration::from_millis(100),
            ..HomeSettings::new(Named {
                own: name.parse().unwrap(),
                first: "east".parse().unwrap(),
                automatic: self.automatic,
            })
        };
        let settings = holt_supervisor::Settings {
            colo: ColoId(ONE),
            home: Some(home),
            hint_pass: Duration::from_millis(200),
            rules: Rules {
                quiesce: Duration::from_millis(500),
                begin: Duration::from_secs(2),
                call: Duration::from_secs(1),
                ..Rules::default()
            },
            ..holt_supervisor::Settings::default()
        };
        holt_supervisor::build(process, settings, stores)
    }

    fn worker(
        &self,
        process: &Process,
        (name, folder): (&str, &std::path::Path),
        supervisor: &Supervisor,
    ) {
        let (cloud, guard) = roles::openstack(process, &self.sky.1);
        let plane = name.parse().unwrap();
        let fence = FenceSettings {
            read: Duration::from_millis(100),
            stale: STALE,
            ..FenceSettings::new(plane, "east".parse().unwrap(), TENANT.parse().unwrap())
        };
        let place = Place::Folder(folder.to_owned());
        let settings = holt_worker::Settings {
            fence: Some(fence),
            begin: Duration::from_secs(2),
            wait: Duration::from_millis(500),
            ..holt_worker::Settings::new(format!("{name}-1").parse().unwrap(), place)
        };
        let ops: Arc<dyn Ops> = Arc::new(supervisor.clone());
        holt_worker::build(process, settings, cloud, guard, vec![ops]).unwrap();
    }

    /// One request to whichever address, with a token of all rights.
    pub(super) async fn ask(
        &self,
        base: &str,
        request: (&str, &str),
        body: Option<Value>,
    ) -> Answered {
        self.send(base, request, (body, None)).await
    }

    async fn send(
        &self,
        base: &str,
        (method, path): (&str, &str),
        (body, id): (Option<Value>, Option<&str>),
    ) -> Answered {
        let now = self.outside.clock.unix_ms() / 1_000;
        let rights = ["read", "crud", "trigger", "operate", "support"];
        let token = self.pair.sign(&json!({"iss": "holt", "aud": "holt", "sub": "ada", "iat": now, "exp": now + 600, "holt_tenant": TENANT, "holt_rights": rights}));
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{base}{path}"));
        request = request
            .header("Authorization", format!("Bearer {token}"))
            .header("Holt-Colo", ONE.to_string());
        if let Some(id) = id {
            request = request.header("Idempotency-Key", id);
        }
        Answered::to(request, body.map(|body| body.to_string())).await
    }

    /// An event through the other colo, under an id of its sender's.
    pub(super) async fn event(&self, group: &str, change: i32, id: &str) -> Answered {
        let path = format!("{group}/events");
        let body = Some(json!({"change": change}));
        let request = ("POST", path.as_str());
        self.send(&self.edge.base, request, (body, Some(id))).await
    }

    /// The same through the other colo, which forwards it.
    pub(super) async fn afar(&self, request: (&str, &str), body: Option<Value>) -> Answered {
        self.ask(&self.edge.base, request, body).await
    }

    /// Makes a group of that many servers, and gives its path.
    pub(super) async fn group(&self, min: u32) -> String {
        let image = "11111111-1111-4111-8111-111111111111";
        let launch = json!({"server": {"flavorRef": "1", "imageRef": image}});
        let body =
            json!({"name": "web", "min": min, "max": 12, "cooldown_seconds": 0, "launch": launch});
        let path = format!("/v2/{TENANT}/groups");
        let made = self.afar(("POST", &path), Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        format!("{path}/{}", made.body["id"].as_str().unwrap())
    }

    /// Waits until something is so.
    pub(super) async fn until<F: Future<Output = bool>>(&self, what: &str, is: impl Fn() -> F) {
        for _ in 0..600 {
            if is().await {
                return;
            }
            self.pause(100).await;
        }
        panic!("{what}: not within a minute");
    }

    /// Waits until the group has so many servers in service, whoever is asked.
    pub(super) async fn active(&self, group: &str, count: u32) {
        self.until(&format!("{count} servers"), || async {
            let shown = self.afar(("GET", group), None).await;
            shown.status == 200 && shown.body["active"] == count
        })
        .await;
    }

    /// What a control plane says of the colo.
    pub(super) async fn shown(&self, plane: &Plane) -> Value {
        let shown = self.ask(&plane.base, ("GET", "/v2/colos/1"), None).await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        shown.body
    }

    /// Waits until a control plane does that.
    pub(super) async fn does(&self, plane: &Plane, doing: &str) {
        self.until(doing, || async {
            self.shown(plane).await["doing"] == doing
        })
        .await;
    }

    /// An operator has a control plane take over.
    pub(super) async fn take_over(&self, plane: &Plane) {
        let why = Some(json!({"why": "it burns"}));
        let path = ("POST", "/v2/colos/1/takeover");
        let asked = self.ask(&plane.base, path, why).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
    }

    /// Makes the key pair of an epoch, as a worker of that plane would.
    pub(super) async fn claim(&self, epoch: u64, plane: &str) {
        let (cloud, _) = roles::openstack(&self.outside, &self.sky.1);
        let pair = home::pair(ColoId(ONE), HomeEpoch(epoch), &plane.parse().unwrap());
        let made = cloud.make_key_pair(&TENANT.parse().unwrap(), &pair).await;
        assert_eq!(made, Ok(Made::New));
    }

    /// The epochs that have a key pair, in order.
    pub(super) async fn epochs(&self) -> Vec<u64> {
        let (cloud, _) = roles::openstack(&self.outside, &self.sky.1);
        let pairs = cloud.key_pairs(&TENANT.parse().unwrap()).await.unwrap();
        let claims = pairs
            .iter()
            .filter_map(|pair| home::claim(ColoId(ONE), pair));
        let mut epochs: Vec<u64> = claims.map(|claim| claim.epoch.0).collect();
        epochs.sort_unstable();
        epochs
    }

    pub(super) async fn pause(&self, ms: u64) {
        self.outside.clock.sleep(Duration::from_millis(ms)).await;
    }

    /// What the cloud counted holds for every story: no slot was ever created twice, and as many servers live as are in service.
    pub(super) fn count(&self, servers: usize) {
        let sim = self.sky.0.sim();
        assert_eq!(sim.counts().creates_per_tag_max(), 1);
        let ours = sim.living().filter(|server| server.user == "autoscaler");
        assert_eq!(ours.count(), servers);
    }

    pub(super) async fn end(self) {
        self.edge.stop().await;
        self.outside.stop.request();
    }
}

impl Plane {
    /// It dies at once, as by a power failure.
    pub(super) async fn die(self) {
        self.process.tasks.abort_all();
        self.api.stop().await;
    }
}
