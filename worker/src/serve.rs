//! A worker as a process of its own: the same [`build`](crate::build) as all-in-one and simulator, over HTTP.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::{Process, ops, shutdown, telemetry};
use cloud::guard::Guard;
use cloud::openstack::OpenStack;
use cloud::port::Cloud;
use cloud::transport::http::HttpTransport;
use wire::ports::http_ops::HttpOps;
use wire::ports::ops::Ops;

use crate::config::Config;

/// For calls in hand to end and to be reported: longer than a create may take. What is cut off is settled by evidence.
const DRAIN: Duration = Duration::from_secs(40);
/// For tasks to end by themselves before they are cut off.
const TASKS: Duration = Duration::from_secs(1);

/// Reads a configuration as [`run`] would, variables of the environment given by the caller, and starts nothing.
///
/// # Errors
/// The key to blame, and where it stands.
pub fn check(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<()> {
    Config::given(file, environment).map(drop)
}

/// Runs until it is asked to stop.
///
/// # Errors
/// What is missing or wrong in the configuration, by its key; a name that another process has; an address that cannot be used.
pub async fn run(process: &Process, file: Option<&Path>) -> anyhow::Result<()> {
    let config = Config::load(file)?;
    telemetry::init(&config.telemetry)?;
    let process = &process.traced(&config.telemetry.traces, "holt-worker")?;
    shutdown::on_signals(process).context("watch signals")?;
    start(process, &config)?;
    let operators = ops::serve(process, config.operators.listen)
        .context("listen for operators (`operators.listen`)")?;
    process.stop.requested().await;
    if let Err(undrained) = process.stop.drained(&process.clock, DRAIN).await {
        let in_flight = undrained.in_flight;
        tracing::warn!(in_flight, "work in hand was cut off");
    }
    operators.stop(true).await;
    process.tasks.drain(&process.clock, TASKS).await;
    tracing::info!("worker has stopped");
    Ok(())
}

fn start(process: &Process, config: &Config) -> anyhow::Result<()> {
    ensure!(
        !config.supervisors.addresses.is_empty(),
        "configuration key `supervisors.addresses` is empty"
    );
    let settings = config.settings()?;
    config.cloud.tell_of_plain_http();
    let keys = config.proof_keys()?;
    let transport = HttpTransport::new(&config.transport()?).context("build the cloud's client")?;
    let credentials = config.credentials(process)?;
    let mut supervisors: Vec<Arc<dyn Ops>> = Vec::new();
    for address in &config.supervisors.addresses {
        let trust = credentials.trust(config.trust_at(address)?)?;
        let client = HttpOps::new(address, credentials.key(), trust);
        supervisors.push(Arc::new(client.context("`supervisors.addresses`")?));
    }
    let guard = Guard::new(process, config.budgets.clone());
    let openstack = config.cloud.clone();
    let transport = Arc::new(transport);
    let cloud = OpenStack::new(process.clone(), transport, openstack, keys, guard.clone());
    let projects = settings.place.projects(&settings.name);
    let cloud: Arc<dyn Cloud> = Arc::new(cloud.remembering(projects));
    crate::build(process, settings, cloud, guard, supervisors).context("start the worker")?;
    Ok(())
}
