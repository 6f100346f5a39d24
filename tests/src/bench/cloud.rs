//! cloudsim in a process of its own, with instant answers, and what its own log says.
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::ensure;
use chassis::Process;
use cloudsim::http::Shared;
use cloudsim::{Faults, Project, Settings, Sim, User};
use serde::Deserialize;

use super::child::Running;
use super::exchange::{Connection, request};
use super::{cpu, service};

/// Projects of the cloud, and so tenants of a bench, at most.
const PROJECTS: usize = 64;

/// The id of a project, and of the tenant that it stands behind.
pub fn project(number: usize) -> String {
    format!("tenant-{number}")
}

/// Serves the cloud until the process is ended; prints its address in one line first.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(process: &Process, listen: SocketAddr, catalog: String) -> anyhow::Result<()> {
    let names: Vec<String> = (0..PROJECTS).map(project).collect();
    let projects: Vec<&str> = names.iter().map(String::as_str).collect();
    let settings = Settings {
        base_url: catalog,
        projects: projects.iter().map(|name| Project::new(name)).collect(),
        users: vec![User::new("autoscaler", &projects)],
        credentials: Vec::new(),
        ..Settings::default()
    };
    let mut sim = Sim::new(settings);
    sim.set_faults(&Faults::instant());
    let listener = TcpListener::bind(listen)?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    cloudsim::http::serve(process, listener, Shared::new(sim, process.clock.clone())).await?;
    Ok(())
}

/// The cloud as a child process.
#[derive(Debug)]
pub struct Cloud {
    child: Running,
    /// Where it is.
    pub address: SocketAddr,
}

/// One request as the cloud saw it.
#[derive(Debug, Deserialize)]
pub struct Seen {
    /// Kind of call: `create`, `list` and so on.
    pub call: String,
    /// What it answered; none as long as it has not.
    pub status: Option<u16>,
    /// Its number.
    pub seq: u64,
    /// When it arrived, in ms since 1970.
    pub at_ms: u64,
}

impl Seen {
    /// Whether it made a server.
    pub fn is_create(&self) -> bool {
        self.call == "create"
    }
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Seen>,
}

#[derive(Deserialize)]
struct Counts {
    requests: u64,
    servers_created: u64,
    creates_per_tag_max: u64,
}

impl Cloud {
    /// Starts it where `listen` says, with a catalog that tells its own address, or that of a tap before it.
    pub fn start(listen: SocketAddr, tap: Option<SocketAddr>) -> anyhow::Result<Self> {
        Self::start_with(listen, tap, &[])
    }

    /// The same, with the lowest priority: a real cloud has machines of its own, and writing a list of a thousand servers should not take a core from
    /// what is measured.
    pub fn start_humble(listen: SocketAddr, tap: Option<SocketAddr>) -> anyhow::Result<Self> {
        Self::start_with(listen, tap, &["--humble"])
    }

    fn start_with(
        listen: SocketAddr,
        tap: Option<SocketAddr>,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let catalog = tap.map(|tap| format!("http://{tap}")).unwrap_or_default();
        let listen = listen.to_string();
        let mut arguments = vec!["cloud", "--listen", &listen, "--catalog", &catalog];
        arguments.extend(more);
        let (child, address) = Running::again(&arguments)?;
        Ok(Self {
            child,
            address: address.parse()?,
        })
    }

    /// Starts it anywhere.
    pub fn anywhere() -> anyhow::Result<Self> {
        Self::start(service::free_port()?, None)
    }

    /// User and system time so far: printed beside the figures, not part of them.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu::time_of(self.child.pid())
    }

    /// How many requests it has seen.
    pub async fn requests(&self) -> anyhow::Result<u64> {
        Ok(self.counts().await?.requests)
    }

    /// How many servers creates have made; an error if two creates carried the tag of one slot.
    pub async fn created(&self) -> anyhow::Result<u64> {
        let counts = self.counts().await?;
        ensure!(counts.creates_per_tag_max <= 1, "two creates for one slot");
        Ok(counts.servers_created)
    }

    /// How many servers creates have made, however often one was asked for.
    pub async fn servers(&self) -> anyhow::Result<u64> {
        Ok(self.counts().await?.servers_created)
    }

    /// What it saw from request number `since` on.
    pub async fn log(&self, since: u64) -> anyhow::Result<Vec<Seen>> {
        let body = self.admin(&format!("/admin/log?since={since}")).await?;
        Ok(serde_json::from_slice::<Log>(&body)?.entries)
    }

    /// Its conduct from now on.
    pub async fn set_faults(&self, faults: &Faults) -> anyhow::Result<()> {
        let body = serde_json::to_string(faults)?;
        let mut connection = Connection::open(self.address).await?;
        let put = request("PUT", "/admin/faults", "", &body);
        let answer = connection.ask(&put).await?;
        ensure!(answer.status == 200, "faults: {}", answer.status);
        Ok(())
    }

    /// A token for one of its projects, as the identity service would give.
    pub async fn sign_in(&self, project: &str) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct SignedIn {
            token: String,
        }
        let body = format!(r#"{{"user":"autoscaler","project":"{project}"}}"#);
        let mut connection = Connection::open(self.address).await?;
        let post = request("POST", "/admin/sign-in", "", &body);
        let answer = connection.ask(&post).await?;
        ensure!(answer.status == 201, "sign in: {}", answer.status);
        Ok(serde_json::from_slice::<SignedIn>(answer.body)?.token)
    }

    async fn counts(&self) -> anyhow::Result<Counts> {
        Ok(serde_json::from_slice(&self.admin("/admin/counts").await?)?)
    }

    async fn admin(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.ask(&request("GET", path, "", "")).await?;
        ensure!(answer.status == 200, "{path} answered {}", answer.status);
        Ok(answer.body.to_vec())
    }
}
