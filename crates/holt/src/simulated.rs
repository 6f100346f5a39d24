//! `holt cloudsim`: the simulated cloud as a process, and a handle on one that the demo starts.
use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context as _, ensure};
use chassis::{
    Process,
    http::{self, Trust},
    shutdown,
};
use cloudsim::{Call, Faults, Settings, Status};
use reqwest::Client;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{args, out};

/// What a line on standard output begins with, once requests are taken.
const LISTENS: &str = "cloudsim listens on ";
/// Largest answer of the admin endpoint: the log of a demo, many times over.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// `holt cloudsim`: serves until it is asked to stop.
///
/// # Errors
/// The address cannot be bound.
pub(crate) async fn run(process: &Process, args: args::Cloudsim) -> anyhow::Result<()> {
    shutdown::on_signals(process).context("watch signals")?;
    if args.with_parent {
        stop_with_parent(process)?;
    }
    let settings = Settings {
        seed: args.seed,
        ..Settings::default()
    };
    let told = |address: SocketAddr| {
        // Whoever started it reads this line; without a reader there is nobody to tell.
        drop(out::say(&format!("{LISTENS}{address}")));
    };
    cloudsim::http::run(process, args.listen, settings, told)
        .await
        .with_context(|| format!("serve on {}", args.listen))
}

/// Standard input is a pipe from the parent: it ends when the parent dies, however that happens.
fn stop_with_parent(process: &Process) -> anyhow::Result<()> {
    let stop = process.stop.clone();
    let body = move || {
        let mut byte = [0];
        while matches!(io::stdin().read(&mut byte), Ok(1)) {}
        stop.request();
    };
    process
        .tasks
        .thread("parent", body)
        .context("watch the parent")?;
    Ok(())
}

/// A simulated cloud in a second process, which ends with this one. Its admin endpoint is the ground truth.
#[derive(Debug)]
pub(crate) struct Simulated {
    child: Child,
    _alive: ChildStdin,
    http: Client,
    pub(crate) address: String,
}

/// Totals of the cloud's own log, as far as they matter here.
#[derive(Debug, Deserialize)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) creates_by_tag: BTreeMap<String, Creates>,
    pub(crate) creates_untagged: Creates,
    pub(crate) servers_living: usize,
}

/// Create calls that carried one tag, and the servers that they made.
#[derive(Debug, Deserialize)]
pub(crate) struct Creates {
    pub(crate) arrived: u64,
    pub(crate) servers: u64,
}

/// One request as the cloud saw it.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    pub(crate) call: Call,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) server: Option<String>,
    pub(crate) executed: bool,
    pub(crate) connection_lost: bool,
}

#[derive(Debug, Deserialize)]
struct Entries {
    entries: Vec<Seen>,
}

#[derive(Debug, Deserialize)]
struct Living {
    servers: Vec<One>,
}

#[derive(Debug, Deserialize)]
struct One {
    status: Status,
}

impl Simulated {
    /// Starts this executable again.
    ///
    /// # Errors
    /// It cannot be started, or ends at once.
    pub(crate) async fn start(process: &Process, seed: u64) -> anyhow::Result<Self> {
        let executable = env::current_exe().context("find this executable")?;
        let mut child = Command::new(executable)
            .args(["cloudsim", "--with-parent", "--listen", "127.0.0.1:0"])
            .args(["--seed", &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the simulated cloud")?;
        let alive = child.stdin.take().context("take its input")?;
        let output = child.stdout.take().context("take its output")?;
        let read = move || {
            let mut line = String::new();
            BufReader::new(output)
                .read_line(&mut line)
                .map(|_bytes| line)
        };
        let line = process
            .tasks
            .blocking(read)
            .await?
            .context("read its address")?;
        let address = line
            .trim()
            .strip_prefix(LISTENS)
            .unwrap_or_default()
            .to_owned();
        ensure!(
            !address.is_empty(),
            "the simulated cloud did not start: {line}"
        );
        let http = http::client(&http::Settings {
            trust: Trust::Only(Vec::new()),
            ..http::Settings::default()
        });
        Ok(Self {
            child,
            _alive: alive,
            http: http.context("build a client")?,
            address,
        })
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Plans faults.
    ///
    /// # Errors
    /// The endpoint does not answer as it should.
    pub(crate) async fn set_faults(&self, faults: &Faults) -> anyhow::Result<()> {
        let body = serde_json::to_vec(faults).context("write faults")?;
        let request = self.http.put(self.url("/faults"));
        let request = request
            .header("content-type", "application/json")
            .body(body);
        let answer = request.send().await.context("set faults")?;
        ensure!(
            answer.status().is_success(),
            "set faults: {}",
            answer.status()
        );
        Ok(())
    }

    /// Totals.
    ///
    /// # Errors
    /// As [`Simulated::set_faults`].
    pub(crate) async fn counts(&self) -> anyhow::Result<Counts> {
        self.get("/counts").await
    }

    /// Every request that it saw.
    ///
    /// # Errors
    /// As [`Simulated::set_faults`].
    pub(crate) async fn log(&self) -> anyhow::Result<Vec<Seen>> {
        let log: Entries = self.get("/log").await?;
        Ok(log.entries)
    }

    /// How many servers run.
    ///
    /// # Errors
    /// As [`Simulated::set_faults`].
    pub(crate) async fn serving(&self) -> anyhow::Result<u32> {
        let living: Living = self.get("/servers?living=true").await?;
        let running = living.servers.iter().filter(|s| s.status == Status::Active);
        Ok(u32::try_from(running.count())?)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self.http.get(self.url(path)).send().await;
        let answer = answer.with_context(|| format!("ask the cloud for {path}"))?;
        let body = http::body(answer, ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&body).with_context(|| format!("read the cloud's {path}"))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/admin{path}", self.address)
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
