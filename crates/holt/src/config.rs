//! The configuration of `holt serve`: embedded defaults, a file, the environment; strict.
//!
//! `defaults.toml` beside this file lists every key and is what `--print-config` and docs show. [`crate::settings`] turns it into what the
//! roles take. Deliberately absent: switches that loosen something. What is missing for a safe start stops the start.
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use chassis::{
    Secret,
    config::{self, Layers, Rate, duration},
    telemetry,
};
use cloud::{
    guard,
    openstack::{Interface, Timeouts},
};
use serde::{Deserialize, Serialize};
use store_cassandra::choice::Kind;

/// The commented text that is compiled in.
pub(crate) const DEFAULTS: &str = include_str!("config/defaults.toml");

/// Prefix of environment variables.
const PREFIX: &str = "HOLT";

/// All of it. Sections are named after what they set up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) api: Api,
    pub(crate) store: Store,
    #[serde(default)]
    pub(crate) history: store_elasticsearch::choice::Place,
    pub(crate) colo: Colo,
    pub(crate) plane: Option<Plane>,
    pub(crate) cloud: Cloud,
    pub(crate) proof: Proof,
    pub(crate) supervisor: Supervisor,
    pub(crate) worker: Worker,
    #[serde(default)]
    pub(crate) hooks: holt_hooks::config::Lane,
    pub(crate) token: Token,
    pub(crate) ops: Ops,
    pub(crate) telemetry: telemetry::Settings,
}

/// The HTTP API, and whose tokens it believes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    pub(crate) listen: SocketAddr,
    pub(crate) threads: usize,
    #[serde(with = "duration")]
    pub(crate) owner_deadline: Duration,
    pub(crate) requests: Rate,
    pub(crate) burst: NonZeroU32,
    pub(crate) alerts: NonZeroU32,
    pub(crate) proxies: Vec<chassis::net::Network>,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) jwks_file: Option<PathBuf>,
    pub(crate) jwks_url: Option<String>,
    pub(crate) jwks_ca_file: Option<PathBuf>,
    /// Public keys by key id. Not secret, but read in the same two ways.
    #[serde(default)]
    pub(crate) keys: BTreeMap<String, Secret>,
    /// The Keystone whose tokens are good here too.
    #[serde(default)]
    pub(crate) keystone: holt_api::KeystoneSettings,
    /// The surface of the old service.
    #[serde(default)]
    pub(crate) v1: holt_api::V1,
    /// The other colos of the installation.
    #[serde(default)]
    pub(crate) colos: holt_api::Colos,
}

/// The operator's own listener: health and metrics.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ops {
    pub(crate) listen: Option<SocketAddr>,
}

/// The store: which one, the embedded one's file, and how the cluster is reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
    pub(crate) readers: u32,
    pub(crate) writer_cache_kib: u32,
    pub(crate) reader_cache_kib: u32,
    pub(crate) cassandra: store_cassandra::Settings,
}

/// Where this process stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Colo {
    pub(crate) number: u16,
}

/// Which of several control planes of its colo this process is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plane {
    pub(crate) name: String,
    pub(crate) first: String,
    pub(crate) tenant: String,
    #[serde(default = "yes")]
    pub(crate) automatic: bool,
    #[serde(default = "after", with = "duration")]
    pub(crate) after: Duration,
    #[serde(default = "read", with = "duration")]
    pub(crate) read: Duration,
    #[serde(default = "stale", with = "duration")]
    pub(crate) stale: Duration,
}

const fn yes() -> bool {
    true
}

const fn after() -> Duration {
    domain::home::AFTER
}

const fn read() -> Duration {
    domain::home::READ_EVERY
}

const fn stale() -> Duration {
    domain::home::STALE
}

/// The colo's cloud.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cloud {
    pub(crate) keystone_url: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) interface: Interface,
    pub(crate) list_max: u32,
    #[serde(with = "duration")]
    pub(crate) probe_after: Duration,
    #[serde(with = "duration")]
    pub(crate) connect_timeout: Duration,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) account: Option<User>,
    #[serde(default)]
    pub(crate) tenants: BTreeMap<String, Tenant>,
    pub(crate) timeouts: Timeouts,
    pub(crate) budgets: guard::Settings,
}

/// A service user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) user: String,
    pub(crate) user_domain: Option<String>,
    pub(crate) password: Secret,
}

/// A tenant and the project behind it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tenant {
    pub(crate) project_id: Option<String>,
    pub(crate) project_name: Option<String>,
    pub(crate) project_domain: Option<String>,
    pub(crate) moved_from: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) user_domain: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) application_credential_id: Option<String>,
    pub(crate) application_credential_secret: Option<Secret>,
}

/// What marks servers as ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    pub(crate) current: u32,
    #[serde(default)]
    pub(crate) keys: BTreeMap<String, Secret>,
    #[serde(default)]
    pub(crate) derived: Derived,
}

/// When keys that are derived from those of the proof open URLs and the secrets of hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Derived {
    /// Beside keys of their own too: they made what was shown or sealed before there were any.
    #[default]
    Beside,
    /// Only where there are no keys of their own: a proof key that somebody else saw makes no URL then.
    Alone,
}

/// The supervisor's periods.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Supervisor {
    #[serde(with = "duration")]
    pub(crate) full_pass: Duration,
    #[serde(with = "duration")]
    pub(crate) tenant_pass: Duration,
    #[serde(with = "duration")]
    pub(crate) hint_pass: Duration,
    #[serde(with = "duration")]
    pub(crate) idle: Duration,
    pub(crate) awake_max: usize,
    pub(crate) events_waiting_max: usize,
    pub(crate) surge_guard: bool,
    #[serde(default, deserialize_with = "wire::glass::path")]
    pub(crate) break_glass: Option<PathBuf>,
    pub(crate) rules: Rules,
}

/// The rules of evidence, as [`domain::evidence::Rules`] explains them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    #[serde(with = "duration")]
    pub(crate) quiesce: Duration,
    #[serde(with = "duration")]
    pub(crate) begin: Duration,
    #[serde(with = "duration")]
    pub(crate) call: Duration,
    #[serde(with = "duration")]
    pub(crate) token_cache: Duration,
    #[serde(with = "duration")]
    pub(crate) apart: Duration,
    #[serde(with = "duration")]
    pub(crate) tagged_lapse: Duration,
    #[serde(with = "duration")]
    pub(crate) victim_seen: Duration,
    #[serde(with = "duration")]
    pub(crate) delete_again: Duration,
}

/// The worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) state_dir: PathBuf,
    #[serde(with = "duration")]
    pub(crate) revoke_after: Duration,
}

/// What `holt token` signs with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) key_id: Option<String>,
}

/// Loads all layers.
///
/// # Errors
/// The key to blame, and where it stands.
pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Config> {
    let layers = Layers::new(DEFAULTS).file(file);
    layers
        .process_environment(PREFIX)
        .load()
        .context("load configuration")
}

/// Loads the defaults and one file, whatever the environment says.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_file(file: &Path) -> anyhow::Result<Config> {
    Layers::new(DEFAULTS)
        .file(Some(file))
        .load()
        .context("load configuration")
}

/// The loaded configuration as TOML, secrets masked.
///
/// # Errors
/// None that a user could cause.
pub(crate) fn print(config: &Config) -> anyhow::Result<String> {
    config::print(config).context("print configuration")
}

#[cfg(test)]
mod tests;
