//! A hooks lane as a process of its own: the same [`build`](crate::build) as all-in-one, over HTTP.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::{Process, ops, shutdown, telemetry};
use wire::hooks::secret::HookKeys;
use wire::ports::hooks::Hooks;
use wire::ports::http_hooks::HttpHooks;

use crate::config::Config;

/// For attempts in hand to end and to be reported; what is cut off is handed out again.
const TASKS: Duration = Duration::from_secs(5);

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
/// What is missing or wrong in the configuration, by its key; an address that cannot be used.
pub async fn run(process: &Process, file: Option<&Path>) -> anyhow::Result<()> {
    let config = Config::load(file)?;
    telemetry::init(&config.telemetry)?;
    shutdown::on_signals(process).context("watch signals")?;
    start(process, &config)?;
    let operators = ops::serve(process, config.operators.listen)
        .context("listen for operators (`operators.listen`)")?;
    process.stop.requested().await;
    operators.stop(true).await;
    process.tasks.drain(&process.clock, TASKS).await;
    tracing::info!("the hooks lane has stopped");
    Ok(())
}

fn start(process: &Process, config: &Config) -> anyhow::Result<()> {
    ensure!(
        !config.supervisors.addresses.is_empty(),
        "configuration key `supervisors.addresses` is empty"
    );
    let answers = config.hooks.answers.as_deref();
    let answers = answers.context("configuration key `hooks.answers` is required and not set")?;
    let keys = HookKeys::new(&config.hooks.keys).context("configuration key `hooks.keys`")?;
    let settings = config.hooks.settings(keys, answers)?;
    let credentials = config.credentials(process)?;
    let mut supervisors: Vec<Arc<dyn Hooks>> = Vec::new();
    for address in &config.supervisors.addresses {
        let trust = credentials.trust(config.trust_at(address)?)?;
        let client = HttpHooks::new(address, credentials.key(), trust);
        supervisors.push(Arc::new(client.context("`supervisors.addresses`")?));
    }
    crate::build(process, settings, supervisors).context("build the client for receivers")
}
