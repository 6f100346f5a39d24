//! An api as a process of its own: the same [`build`](crate::build) as all-in-one and tests, with the supervisors over HTTP.
//!
//! It shares a cluster (`store.kind = "cassandra"`) with its supervisors, whose leases say where they are. The embedded store lets one process in: with it, `holt serve` is
//! the way to run everything.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::config::Layers;
use chassis::http::Trust;
use chassis::{Process, Secret, Stop, ops, shutdown, telemetry, tls};
use domain::ids::{ColoId, PlaneName};
use serde::{Deserialize, Serialize};
use store::embedded;
use store::member::Watch;
use store_cassandra::choice::{self, Place};
use store_elasticsearch::choice::searching;
use wire::ports::http_submit::HttpSubmit;
use wire::ports::submit::Submit;
use wire::ports::{Credentials, Role};

use crate::Settings;
use crate::owners::{Calls, Owners};

const DEFAULTS: &str = include_str!("serve/defaults.toml");
const PREFIX: &str = "HOLT_API";
/// For tasks to end by themselves before they are cut off, which is always safe.
const TASKS: Duration = Duration::from_secs(1);

/// Everything that an api process is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    api: Settings,
    store: Place,
    #[serde(default)]
    history: store_elasticsearch::choice::Place,
    supervisor: Supervisor,
    tls: Option<tls::Settings>,
    operators: Operators,
    telemetry: telemetry::Settings,
    plane: Option<Plane>,
}

/// Which of several control planes of its colo it works for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plane {
    name: String,
    first: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Supervisor {
    address: Option<String>,
    key: Option<Secret>,
    ca_file: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operators {
    listen: SocketAddr,
}

impl Config {
    /// What is known without a look at any file.
    fn check(&self) -> anyhow::Result<()> {
        let Supervisor { key, ca_file, .. } = &self.supervisor;
        Credentials::check(key.as_ref(), self.tls.as_ref(), ca_file.as_deref())
            .context("section `supervisor`")?;
        self.plane().map(drop)
    }

    /// Its control plane, and the one that serves as long as nobody took over.
    fn plane(&self) -> anyhow::Result<Option<(PlaneName, PlaneName)>> {
        let Some(Plane { name, first }) = &self.plane else {
            return Ok(None);
        };
        let name = name.parse().context("configuration key `plane.name`")?;
        let first = first.parse().context("configuration key `plane.first`")?;
        Ok(Some((name, first)))
    }
}

/// Reads a configuration as [`run`] would, variables of the environment given by the caller, and starts nothing.
///
/// # Errors
/// The key to blame, and where it stands.
pub fn check(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<()> {
    let layers = Layers::new(DEFAULTS).file(file);
    let config: Config = layers.environment(PREFIX, environment).load()?;
    config.check()
}

/// Runs until it is asked to stop.
///
/// # Errors
/// What is missing or wrong in the configuration, by its key; an address or file that cannot be used.
pub async fn run(process: &Process, file: Option<&Path>) -> anyhow::Result<()> {
    let layers = Layers::new(DEFAULTS).file(file);
    let config: Config = layers.process_environment(PREFIX).load()?;
    config.check()?;
    telemetry::init(&config.telemetry)?;
    let process = &process.traced(&config.telemetry.traces, "holt-api")?;
    shutdown::on_signals(process).context("watch signals")?;
    let linger = config.api.linger;
    // Where requests belong is followed until none is served.
    let ended = Stop::new();
    let serving = &process.until(&ended);
    let calls = calls(process, &config)?;
    let plane = config.plane()?;
    let index = config
        .history
        .open(process)
        .context("open the index of history")?;
    let place = config.store.feeding(config.history.is_outside());
    let store = choice::open(process, &place, embedded::Settings::default()).await?;
    let mut stores = searching(store.stores(), index.as_ref());
    if let Some((own, first)) = plane {
        stores = store::home::shared(stores, own);
        store::home::follow(serving, &stores.home, ColoId(config.api.colo), first);
    }
    let owner: Arc<dyn Submit> = match &config.supervisor.address {
        Some(address) => {
            let Calls { key, trust, within } = calls;
            let one = HttpSubmit::new(address, key, trust, within);
            Arc::new(one.context("`supervisor.address`")?)
        }
        None => {
            let members = Arc::clone(&stores.members);
            let watch = Watch::start(serving, members, ColoId(config.api.colo), None);
            Arc::new(Owners::new(process.clock.clone(), watch, calls))
        }
    };
    let api = crate::build(process, config.api, stores, owner).await;
    let api = api.context("start the api (`api`)")?;
    let operators = ops::serve(process, config.operators.listen)
        .context("listen for operators (`operators.listen`)")?;
    tracing::info!(address = %api.address(), "api serves");
    process.stop.requested().await;
    process.clock.sleep(linger).await;
    api.stop().await;
    ended.request();
    operators.stop(false).await;
    process.tasks.drain(&process.clock, TASKS).await;
    store.close().await;
    tracing::info!("api has stopped");
    Ok(())
}

fn calls(process: &Process, config: &Config) -> anyhow::Result<Calls> {
    let Supervisor { key, ca_file, .. } = &config.supervisor;
    let credentials = Credentials::load(process, Role::Api, key.clone(), config.tls.as_ref());
    let credentials = credentials.context("`supervisor.key`, `tls`")?;
    let trust = match ca_file {
        Some(path) => {
            let pem = std::fs::read(path);
            Trust::Only(
                pem.with_context(|| format!("read `supervisor.ca_file` {}", path.display()))?,
            )
        }
        None => Trust::Machine,
    };
    Ok(Calls {
        key: credentials.key(),
        trust: credentials.trust(trust)?,
        within: config.api.owner_deadline,
    })
}

#[cfg(test)]
mod tests;
