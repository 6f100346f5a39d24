//! The processes of a fleet without a cloud: supervisors and an api, each on a port of its own, on one keyspace of a cluster.
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chassis::{Mono, Process};
use scylla::client::session::Session;
use store_cassandra::{Cassandra, Settings, schema};

use crate::bench::child::{self, Running};
use crate::bench::exchange::{Connection, request};
use crate::bench::service::{Site, free_port, metric, metrics};

/// A process that is not ready after this has failed.
const READY_MAX: Duration = Duration::from_secs(60);
/// For an answer of the cluster, on both sides: longer than in production, since the nodes may share a small machine with everything else.
const WITHIN: Duration = Duration::from_secs(10);
/// What all roles of the bench share, on loopback.
const KEY: &str = "known to the roles of this bench alone";

/// Where the cluster is.
#[derive(Debug, Clone)]
pub struct Place {
    /// Nodes to begin with, each `host:port`.
    pub points: Vec<String>,
    /// The data centre.
    pub datacenter: String,
    /// Copies of every row.
    pub copies: u32,
}

/// A keyspace with Holt's tables, made for one run.
#[derive(Debug, Clone)]
pub struct Keyspace {
    pub(super) settings: Settings,
}

impl Keyspace {
    /// Makes it, under a name that nothing else has.
    pub(super) async fn make(process: &Process, place: &Place) -> anyhow::Result<Self> {
        let settings = Settings {
            contact_points: place.points.clone(),
            keyspace: format!("bench_{:016x}", process.entropy.u64()),
            datacenter: place.datacenter.clone(),
            copies: place.copies,
            request_timeout: WITHIN,
            ..Settings::default()
        };
        schema::apply(process, &settings).await?;
        Ok(Self { settings })
    }

    /// The store, for a process that is not a role.
    pub async fn open(&self, process: &Process) -> anyhow::Result<Cassandra> {
        Ok(store_cassandra::open(process, &self.settings).await?)
    }

    /// A session of its own that treats the cluster as Holt's do.
    pub(super) async fn session(&self) -> anyhow::Result<Session> {
        let builder = store_cassandra::session_builder(&self.settings)?
            .use_keyspace(&self.settings.keyspace, false);
        Ok(builder.build().await?)
    }

    pub(super) async fn drop(&self) -> anyhow::Result<()> {
        let session = self.session().await?;
        let statement = format!("DROP KEYSPACE {}", self.settings.keyspace);
        session.query_unpaged(statement, ()).await?;
        Ok(())
    }

    fn section(&self) -> anyhow::Result<String> {
        let Settings {
            contact_points,
            keyspace,
            datacenter,
            ..
        } = &self.settings;
        let mut text = String::from("[store]\nkind = \"cassandra\"\n[store.cassandra]\n");
        writeln!(text, "contact_points = {contact_points:?}")?;
        writeln!(text, "keyspace = {keyspace:?}\ndatacenter = {datacenter:?}")?;
        writeln!(text, "request_timeout = \"{}s\"", WITHIN.as_secs())?;
        Ok(text)
    }
}

/// A process of a role.
#[derive(Debug)]
pub struct Role {
    name: String,
    child: Running,
    /// Where it is called.
    pub address: SocketAddr,
    /// Its operators' listener.
    ops: SocketAddr,
}

impl Role {
    /// One of its metrics; with labels, if the name has them.
    pub async fn metric(&self, name: &str) -> anyhow::Result<u64> {
        metric(&metrics(self.ops).await?, name).with_context(|| self.name.clone())
    }

    /// SIGKILL.
    pub fn kill(self) -> anyhow::Result<()> {
        self.child.kill()
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(mut self, process: &Process) -> anyhow::Result<()> {
        let pid = self.child.pid().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(told.success(), "kill -TERM {pid} failed");
        let begun = process.clock.mono();
        while !self.child.has_ended()? {
            ensure!(
                waited(process, begun) < READY_MAX,
                "{} does not stop",
                self.name
            );
            process.clock.sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Resident memory, in KiB.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        crate::bench::cpu::resident_kib(self.child.pid())
    }

    /// User and system time so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        crate::bench::cpu::time_of(self.child.pid())
    }
}

fn waited(process: &Process, begun: Mono) -> Duration {
    process.clock.mono().saturating_since(begun)
}

/// A folder with keys and configurations for roles on a keyspace.
#[derive(Debug)]
pub struct Colo {
    /// Keys, and tokens of some tenants.
    pub site: Site,
    store: String,
}

impl Colo {
    /// Makes the folder, with tokens for so many tenants.
    pub fn new(keyspace: &Keyspace, tenants: usize) -> anyhow::Result<Self> {
        Ok(Self {
            site: Site::new(tenants)?,
            store: keyspace.section()?,
        })
    }

    /// Two addresses for a supervisor: one that is started again at the same ones takes its old name.
    pub fn addresses() -> anyhow::Result<[SocketAddr; 2]> {
        Ok([free_port()?, free_port()?])
    }

    /// Starts a supervisor.
    pub fn supervisor(&self, [address, ops]: [SocketAddr; 2]) -> anyhow::Result<Role> {
        let text = format!(
            "{}[colo]\nsurge_guard = false\n[roles]\nlisten = \"{address}\"\nkey = \"{KEY}\"\n[operators]\nlisten = \"{ops}\"\n[telemetry]\nlevel = \"warn\"\n",
            self.store
        );
        self.start("holt-supervisor", &text, [address, ops])
    }

    /// Starts an api.
    pub fn api(&self) -> anyhow::Result<Role> {
        let addresses = Self::addresses()?;
        let [address, ops] = addresses;
        let key = self.site.path("keys/token-key.pub.pem");
        // What an owner does not decide in time is queued, which is another figure: here it is waited for.
        let text = format!(
            "[api]\nlisten = \"{address}\"\nowner_deadline = \"{}s\"\n[api.tokens.keys]\nbench = \"file:{}\"\n[api.limits]\nrequests = \"100000/s\"\nburst = 100000\n{}[supervisor]\nkey = \"{KEY}\"\n[operators]\nlisten = \"{ops}\"\n[telemetry]\nlevel = \"warn\"\n",
            WITHIN.as_secs(),
            key.display(),
            self.store
        );
        self.start("holt-api", &text, addresses)
    }

    fn start(
        &self,
        program: &str,
        text: &str,
        [address, ops]: [SocketAddr; 2],
    ) -> anyhow::Result<Role> {
        let name = format!("{program}-{}", address.port());
        let config = self.site.path(&format!("{name}.toml"));
        fs::write(&config, text)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.site.path(&format!("{name}.log")))?;
        let mut command = Command::new(child::beside(program)?);
        command.arg(&config).current_dir(self.site.folder());
        command.stdout(log.try_clone()?).stderr(log);
        Ok(Role {
            child: Running::start(&mut command)?,
            name,
            address,
            ops,
        })
    }

    /// Waits until a process is ready.
    pub async fn ready(&self, process: &Process, role: &mut Role) -> anyhow::Result<()> {
        let begun = process.clock.mono();
        let name = role.name.clone();
        let log = || fs::read_to_string(self.site.path(&format!("{name}.log"))).unwrap_or_default();
        // An api says it where it is called.
        while !(says_ready(role.ops).await || says_ready(role.address).await) {
            if role.child.has_ended()? {
                bail!("{name} ended:\n{}", log());
            }
            if waited(process, begun) > READY_MAX {
                bail!("{name} does not get ready:\n{}", log());
            }
            process.clock.sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

async fn says_ready(at: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(at).await else {
        return false;
    };
    let ask = request("GET", "/health/ready", "", "");
    let asked = connection.ask(&ask).await;
    asked.is_ok_and(|answer| answer.status == 200)
}
