//! One simulated cloud behind a socket, and one client of it.
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use chassis::http::Trust;
use chassis::{Process, Secret};
use cloud::guard::{self, Guard};
use cloud::openstack::{Account, OpenStack, Project, Settings};
use cloud::port::{Cloud as _, Create, Server, Token};
use cloud::proof::ProofKeys;
use cloud::transport::http::{self, HttpTransport};
use cloudsim::http::Shared;
use cloudsim::{Faults, Sim};
use domain::ids::{GroupId, Nonce, SlotId, TenantId};

pub(super) const GROUP: GroupId = GroupId::from_u128(0x0001_0203_0405_8607_8809_0a0b_0c0d_0e0f);

/// Enough for every answer that comes at all.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Ends the cloud when it is dropped.
pub(super) struct Colo {
    process: Process,
    shared: Shared,
    address: SocketAddr,
    pub(super) cloud: OpenStack,
}

impl Drop for Colo {
    fn drop(&mut self) {
        self.process.stop.request();
    }
}

pub(super) fn tenant(name: &str) -> TenantId {
    name.parse().expect("a tenant")
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).expect("not empty")
}

fn accounts() -> BTreeMap<TenantId, Account> {
    let password = |project| Account::Password {
        user: "autoscaler".to_owned(),
        user_domain: "Default".to_owned(),
        password: secret("password"),
        project,
    };
    let by_name = Project::Name {
        name: "tenant-b".to_owned(),
        domain: "Default".to_owned(),
    };
    let by_id = Project::Id {
        id: "tenant-a".to_owned(),
    };
    let credential = Account::ApplicationCredential {
        id: "credential-a".to_owned(),
        secret: secret("secret"),
    };
    BTreeMap::from([
        (tenant("a"), password(by_id)),
        (tenant("b"), password(by_name)),
        (tenant("credential"), credential),
    ])
}

impl Colo {
    /// A cloud that behaves so, and a client of it.
    pub(super) async fn start(faults: Faults) -> Self {
        Self::start_as(cloudsim::Settings::default(), faults, PATIENCE).await
    }

    /// The client gives a create up after `create_within`.
    pub(super) async fn start_as(
        settings: cloudsim::Settings,
        faults: Faults,
        create_within: Duration,
    ) -> Self {
        let process = Process::system();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut sim = Sim::new(settings);
        sim.set_base_url(&format!("http://{address}"));
        sim.set_faults(&faults);
        let shared = Shared::new(sim, process.clock.clone());
        let serving = {
            let (process, shared) = (process.clone(), shared.clone());
            async move { cloudsim::http::serve(&process, listener, shared).await }
        };
        drop(process.tasks.spawn("cloudsim", serving));
        let keystone = format!("http://{address}/identity/v3");
        let mut settings = Settings::new(keystone, "RegionOne".to_owned(), accounts());
        settings.timeouts.create = create_within;
        let transport = HttpTransport::new(&http::Settings {
            trust: Trust::Only(Vec::new()),
            ..http::Settings::default()
        });
        let transport = Arc::new(transport.expect("a transport"));
        let keys = ProofKeys::new(1, [(1, secret("0123456789abcdef0123456789abcdef"))]);
        let guard = Guard::new(&process, guard::Settings::default());
        let keys = keys.expect("a good key");
        let cloud = OpenStack::new(process.clone(), transport, settings, keys, guard);
        Self {
            process,
            shared,
            address,
            cloud,
        }
    }

    /// Asks the cloud itself, or changes it.
    pub(super) fn truth<T>(&self, ask: impl FnOnce(&mut Sim, u64) -> T) -> T {
        let now_ms = self.shared.now_ms();
        let mut sim = self.shared.sim();
        sim.advance(now_ms);
        ask(&mut sim, now_ms)
    }

    pub(super) async fn token(&self, name: &str) -> Token {
        self.cloud.token(&tenant(name)).await.expect("a token")
    }

    /// The rows that the tenant's list shows, sorted by id.
    pub(super) async fn rows(&self, name: &str) -> Vec<Server> {
        let list = self.cloud.list(&tenant(name)).await.expect("a list");
        let mut rows = list.servers;
        rows.sort_by_key(|row| row.id);
        rows
    }

    /// Ends the cloud, and waits until nobody listens any more.
    pub(super) async fn stop(&self) {
        self.process.stop.request();
        while TcpStream::connect(self.address).is_ok() {
            self.sleep(50).await;
        }
    }

    pub(super) async fn sleep(&self, ms: u64) {
        self.process.clock.sleep(Duration::from_millis(ms)).await;
    }

    /// The most create calls that carried one tag, counted by the cloud.
    pub(super) fn creates_per_slot_max(&self) -> u64 {
        self.truth(|sim, _| sim.counts().creates_per_tag_max())
    }
}

/// A server for that slot of tenant a.
pub(super) fn server(slot: u128) -> Create {
    launch(
        slot,
        r#"{"server": {"flavorRef": "1", "imageRef": "11111111-1111-4111-8111-111111111111"}}"#,
    )
}

pub(super) fn launch(slot: u128, launch: &str) -> Create {
    Create {
        group: GROUP,
        slot: SlotId::from_u128(slot),
        nonce: Nonce::from_u128(slot + 1000),
        tenant: tenant("a"),
        launch: Arc::from(launch.as_bytes()),
        labels: BTreeMap::new(),
    }
}
