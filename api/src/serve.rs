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
use chassis::{Process, Secret, ops, shutdown, telemetry};
use domain::ids::ColoId;
use serde::{Deserialize, Serialize};
use store::embedded;
use store::member::Watch;
use store_cassandra::choice::{self, Place};
use store_elasticsearch::choice::searching;
use wire::ports::http_submit::HttpSubmit;
use wire::ports::submit::Submit;

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
    operators: Operators,
    telemetry: telemetry::Settings,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Supervisor {
    address: Option<String>,
    key: Secret,
    ca_file: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operators {
    listen: SocketAddr,
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
    let _config: Config = layers.environment(PREFIX, environment).load()?;
    Ok(())
}

/// Runs until it is asked to stop.
///
/// # Errors
/// What is missing or wrong in the configuration, by its key; an address or file that cannot be used.
pub async fn run(process: &Process, file: Option<&Path>) -> anyhow::Result<()> {
    let layers = Layers::new(DEFAULTS).file(file);
    let config: Config = layers.process_environment(PREFIX).load()?;
    telemetry::init(&config.telemetry)?;
    let process = &process.traced(&config.telemetry.traces, "holt-api")?;
    shutdown::on_signals(process).context("watch signals")?;
    let linger = config.api.linger;
    let calls = calls(&config.supervisor, config.api.owner_deadline)?;
    let index = config
        .history
        .open(process)
        .context("open the index of history")?;
    let place = config.store.feeding(config.history.is_outside());
    let store = choice::open(process, &place, embedded::Settings::default()).await?;
    let stores = searching(store.stores(), index.as_ref());
    let owner: Arc<dyn Submit> = match &config.supervisor.address {
        Some(address) => {
            let Calls { key, trust, within } = calls;
            let one = HttpSubmit::new(address, key, trust, within);
            Arc::new(one.context("`supervisor.address`")?)
        }
        None => {
            let members = Arc::clone(&stores.members);
            let watch = Watch::start(process, members, ColoId(config.api.colo), None);
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
    operators.stop(false).await;
    process.tasks.drain(&process.clock, TASKS).await;
    store.close().await;
    tracing::info!("api has stopped");
    Ok(())
}

fn calls(supervisor: &Supervisor, within: Duration) -> anyhow::Result<Calls> {
    let trust = match &supervisor.ca_file {
        Some(path) => {
            let pem = std::fs::read(path);
            Trust::Only(
                pem.with_context(|| format!("read `supervisor.ca_file` {}", path.display()))?,
            )
        }
        None => Trust::Machine,
    };
    Ok(Calls {
        key: supervisor.key.clone(),
        trust,
        within,
    })
}

#[cfg(test)]
mod tests;
