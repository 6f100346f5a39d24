//! `holt serve` as a child process: its folder, its configuration, its tokens, and what it counts.
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chassis::Process;
use domain::ids::{GroupKey, TenantId};
use tempfile::TempDir;

use super::child::{self, Running};
use super::exchange::{Connection, request};
use super::{EVENT, cpu};

/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(60);

/// A folder with keys and a configuration, in which services can be started one after another.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    holt: PathBuf,
    tenants: Vec<(TenantId, String)>,
    conduct: Conduct,
}

/// What of the configuration differs from bench to bench.
#[derive(Debug, Clone, Copy)]
pub struct Conduct {
    /// Lines of `[api]`.
    pub api: &'static str,
    /// Lines of `[cloud.budgets]`.
    pub budgets: &'static str,
    /// Lines of `[supervisor]`.
    pub supervisor: &'static str,
}

impl Conduct {
    /// Budgets that hold no create back: what is measured is the service, not its restraint. Lists keep the budget that they come with.
    pub const UNBOUND: Self = Self {
        api: "requests = \"100000/s\"\nburst = 100000",
        budgets: r#"create = { rate = "100000/s", burst = 1000, at_once = 200 }
delete = { rate = "100000/s", burst = 1000, at_once = 200 }
get = { rate = "100000/s", burst = 1000, at_once = 200 }
auth = { rate = "100000/s", burst = 1000, at_once = 200 }"#,
        supervisor: "surge_guard = false",
    };
}

/// Which cloud the service is told of.
#[derive(Debug, Clone, Copy)]
pub enum CloudAt {
    /// None answers: events are decided, nothing is launched.
    Nowhere,
    /// The identity service is here.
    Here(SocketAddr),
}

impl Site {
    /// Makes keys and a token for each of `tenants` tenants. The folder lies beside the executable: on a disk, not in memory.
    pub fn new(tenants: usize) -> anyhow::Result<Self> {
        Self::of(tenants, Conduct::UNBOUND)
    }

    /// The same for a service of that conduct.
    pub fn of(tenants: usize, conduct: Conduct) -> anyhow::Result<Self> {
        let holt = child::holt()?;
        let beside = holt.parent().context("a folder")?;
        let folder = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(beside)?;
        let site = Self {
            folder,
            holt,
            tenants: Vec::new(),
            conduct,
        };
        let made = Command::new(&site.holt)
            .arg("token")
            .arg("--new-key")
            .arg(site.path("keys"))
            .output()?;
        ensure!(
            made.status.success(),
            "make keys: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        fs::write(site.path("token.toml"), site.token_section())?;
        let tenants = (0..tenants)
            .map(|n| site.tenant(n))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { tenants, ..site })
    }

    fn tenant(&self, number: usize) -> anyhow::Result<(TenantId, String)> {
        let id: TenantId = super::cloud::project(number).parse()?;
        let token = self.token(id.as_str(), "read,trigger")?;
        Ok((id, token))
    }

    /// A token with those rights.
    pub fn token(&self, tenant: &str, rights: &str) -> anyhow::Result<String> {
        let mut command = Command::new(&self.holt);
        command
            .arg("token")
            .arg("--config")
            .arg(self.path("token.toml"));
        command.args(["--rights", rights, "--ttl", "4h", "--tenant", tenant]);
        let signed = command.output()?;
        ensure!(
            signed.status.success(),
            "sign a token: {}",
            String::from_utf8_lossy(&signed.stderr)
        );
        Ok(String::from_utf8(signed.stdout)?.trim().to_owned())
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The `holt` executable.
    pub fn holt(&self) -> Command {
        Command::new(&self.holt)
    }

    /// The break-glass file, which is not there at first.
    pub fn break_glass(&self) -> PathBuf {
        self.path("break-glass")
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.path("holt.db")
    }

    /// The folder, for probes of the same disk.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The tenants.
    pub fn tenants(&self) -> Vec<TenantId> {
        self.tenants.iter().map(|(id, _)| id.clone()).collect()
    }

    /// A prepared event for a group, under a name of its own.
    pub fn event(&self, key: &GroupKey, name: &str) -> anyhow::Result<Vec<u8>> {
        self.ask(key, name, EVENT)
    }

    /// A prepared event with that body.
    pub fn ask(&self, key: &GroupKey, name: &str, body: &str) -> anyhow::Result<Vec<u8>> {
        let known = self.tenants.iter().find(|(id, _)| *id == key.tenant);
        let (tenant, token) = known.context("a tenant with a token")?;
        let path = format!("/v2/{tenant}/groups/{}/events", key.id);
        let headers = format!("authorization: Bearer {token}\r\nidempotency-key: {name}\r\n");
        Ok(request("POST", &path, &headers, body))
    }

    fn token_section(&self) -> String {
        format!(
            "[token]\nkey_file = {:?}\nkey_id = \"bench\"\n",
            self.path("keys/token-key.pem")
        )
    }

    fn configuration(
        &self,
        (listen, ops): (SocketAddr, SocketAddr),
        cloud: CloudAt,
    ) -> anyhow::Result<String> {
        let identity = match cloud {
            // A port that nobody listens on.
            CloudAt::Nowhere => free_port()?,
            CloudAt::Here(address) => address,
        };
        let mut text = self.token_section();
        writeln!(text, "[api]\nlisten = \"{listen}\"\n{}", self.conduct.api)?;
        writeln!(text, "[ops]\nlisten = \"{ops}\"")?;
        writeln!(
            text,
            "[api.keys]\nbench = \"file:{}\"",
            self.path("keys/token-key.pub.pem").display()
        )?;
        writeln!(text, "[store]\npath = {:?}", self.store())?;
        writeln!(text, "[worker]\nstate_dir = {:?}", self.path("worker"))?;
        writeln!(
            text,
            "[proof.keys]\n1 = \"file:{}\"",
            self.path("keys/proof.key").display()
        )?;
        writeln!(text, "[telemetry]\nlevel = \"warn\"")?;
        writeln!(
            text,
            "[cloud]\nkeystone_url = \"http://{identity}/identity/v3\"\nregion = \"RegionOne\""
        )?;
        writeln!(
            text,
            "[cloud.account]\nuser = \"autoscaler\"\npassword = \"password\""
        )?;
        writeln!(text, "[cloud.budgets]\n{}", self.conduct.budgets)?;
        let glass = self.break_glass();
        let supervisor = self.conduct.supervisor;
        writeln!(text, "[supervisor]\nbreak_glass = {glass:?}\n{supervisor}")?;
        for (tenant, _) in &self.tenants {
            writeln!(text, "[cloud.tenants.{tenant}]")?;
        }
        Ok(text)
    }

    /// Starts the service and waits until it is ready; how long that took comes with it.
    pub async fn start(
        &self,
        process: &Process,
        cloud: CloudAt,
    ) -> anyhow::Result<(Service, Duration)> {
        let (address, ops) = (free_port()?, free_port()?);
        let config = self.path("serve.toml");
        fs::write(&config, self.configuration((address, ops), cloud)?)?;
        let mut command = Command::new(&self.holt);
        command
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .current_dir(self.folder());
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path("serve.log"))?;
        command.stdout(log.try_clone()?).stderr(log);
        let begun = process.clock.mono();
        let mut service = Service {
            child: Running::start(&mut command)?,
            address,
            ops,
        };
        while !service.is_ready().await {
            let log = || fs::read_to_string(self.path("serve.log")).unwrap_or_default();
            if service.child.has_ended()? {
                bail!("holt serve ended at once:\n{}", log());
            }
            if process.clock.mono().saturating_since(begun) > START_MAX {
                bail!("holt serve does not get ready:\n{}", log());
            }
            process.clock.sleep(Duration::from_millis(2)).await;
        }
        Ok((service, process.clock.mono().saturating_since(begun)))
    }
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    child: Running,
    /// Its API.
    pub address: SocketAddr,
    ops: SocketAddr,
}

/// What the store counted since the service's start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// Transactions that wrote, each with one sync.
    pub fsyncs: u64,
    /// Requests of the roles to the store.
    pub round_trips: u64,
    /// Bytes written to the log, whole pages.
    pub bytes_written: u64,
    /// Bytes of rows.
    pub row_bytes: u64,
}

impl Counted {
    /// What came on top of `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            fsyncs: self.fsyncs - before.fsyncs,
            round_trips: self.round_trips - before.round_trips,
            bytes_written: self.bytes_written - before.bytes_written,
            row_bytes: self.row_bytes - before.row_bytes,
        }
    }
}

impl Service {
    /// User and system time so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu::time_of(self.child.pid())
    }

    /// Resident memory, in KiB.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        cpu::resident_kib(self.child.pid())
    }

    /// SIGKILL.
    pub fn kill(self) -> anyhow::Result<()> {
        self.child.kill()
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else {
            return false;
        };
        let answer = connection
            .ask(&request("GET", "/health/ready", "", ""))
            .await;
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// Waits until the service does nothing worth mentioning: less than 3 % of a core for half a second.
    pub async fn quiet(&self, process: &Process) -> anyhow::Result<()> {
        let half = Duration::from_millis(500);
        let begun = process.clock.mono();
        while process.clock.mono().saturating_since(begun) < START_MAX {
            let before = self.cpu()?;
            process.clock.sleep(half).await;
            if self.cpu()?.saturating_sub(before) < half / 30 {
                return Ok(());
            }
        }
        bail!("holt serve does not come to rest; its log is beside its store")
    }

    /// A metric without labels.
    pub async fn metric(&self, name: &str) -> anyhow::Result<u64> {
        metric(&metrics(self.ops).await?, name)
    }

    /// What its store counted.
    pub async fn counted(&self) -> anyhow::Result<Counted> {
        let text = metrics(self.ops).await?;
        let number = |name: &str| metric(&text, name);
        Ok(Counted {
            fsyncs: number("store_fsyncs_total")?,
            round_trips: number("store_round_trips_total")?,
            bytes_written: number("store_bytes_written_total")?,
            row_bytes: number("store_row_bytes_total")?,
        })
    }
}

/// What the operators' listener of a process says.
pub(super) async fn metrics(ops: SocketAddr) -> anyhow::Result<String> {
    let mut connection = Connection::open(ops).await?;
    let answer = connection.ask(&request("GET", "/metrics", "", "")).await?;
    ensure!(answer.status == 200, "/metrics answered {}", answer.status);
    Ok(std::str::from_utf8(answer.body)?.to_owned())
}

/// One of them, which has no labels.
pub(super) fn metric(text: &str, name: &str) -> anyhow::Result<u64> {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let line = line.with_context(|| format!("{name} is not among the metrics"))?;
    Ok(line.trim().parse()?)
}

/// Where the search for free ports begins: below those that the kernel gives to outgoing connections, so that none of them takes one.
const PORTS_FROM: u16 = 20_000;
/// How many ports are tried.
const PORTS: u16 = 10_000;

/// An address on loopback that was free a moment ago; never the same twice in one process.
pub fn free_port() -> anyhow::Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two benches at once begin at different places.
    let start = u16::try_from(std::process::id() % u32::from(PORTS))?;
    for _ in 0..PORTS {
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", PORTS_FROM + offset)) {
            return Ok(listener.local_addr()?);
        }
    }
    bail!("no port is free")
}
