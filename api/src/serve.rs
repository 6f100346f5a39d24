//! An api as a process of its own: the same [`build`](crate::build) as all-in-one and tests, with the supervisor over HTTP.
//!
//! It shares a cluster (`store.kind = "cassandra"`) with its supervisor. The embedded store lets one process in: with it, `holt serve` is
//! the way to run everything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::config::Layers;
use chassis::http::Trust;
use chassis::{Process, Secret, shutdown, telemetry};
use serde::{Deserialize, Serialize};
use store::embedded;
use store_cassandra::choice::{self, Place};
use store_elasticsearch::choice::searching;
use wire::ports::http_submit::HttpSubmit;

use crate::Settings;

const DEFAULTS: &str = include_str!("serve/defaults.toml");
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
    telemetry: telemetry::Settings,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Supervisor {
    address: String,
    key: Secret,
    ca_file: Option<PathBuf>,
}

/// Runs until it is asked to stop.
///
/// # Errors
/// What is missing or wrong in the configuration, by its key; an address or file that cannot be used.
pub async fn run(process: &Process, file: Option<&Path>) -> anyhow::Result<()> {
    let layers = Layers::new(DEFAULTS).file(file);
    let config: Config = layers.process_environment("HOLT_API").load()?;
    telemetry::init(&config.telemetry)?;
    shutdown::on_signals(process).context("watch signals")?;
    let owner = owner(&config.supervisor, config.api.owner_deadline)?;
    let index = config
        .history
        .open(process)
        .context("open the index of history")?;
    let place = config.store.feeding(config.history.is_outside());
    let store = choice::open(process, &place, embedded::Settings::default()).await?;
    let stores = searching(store.stores(), index.as_ref());
    let api = crate::build(process, config.api, stores, Arc::new(owner)).await;
    let api = api.context("start the api (`api`)")?;
    tracing::info!(address = %api.address(), "api serves");
    process.stop.requested().await;
    api.stop().await;
    process.tasks.drain(&process.clock, TASKS).await;
    store.close().await;
    tracing::info!("api has stopped");
    Ok(())
}

fn owner(supervisor: &Supervisor, within: Duration) -> anyhow::Result<HttpSubmit> {
    let trust = match &supervisor.ca_file {
        Some(path) => {
            let pem = std::fs::read(path);
            Trust::Only(
                pem.with_context(|| format!("read `supervisor.ca_file` {}", path.display()))?,
            )
        }
        // Plain HTTP works on a machine without a certificate store.
        None if supervisor.address.starts_with("http://") => Trust::Only(Vec::new()),
        None => Trust::Machine,
    };
    let key = supervisor.key.clone();
    HttpSubmit::new(&supervisor.address, key, trust, within).context("`supervisor.address`")
}

#[cfg(test)]
mod tests;
