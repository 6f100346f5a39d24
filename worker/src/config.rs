//! The configuration of a worker that is a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chassis::config::Layers;
use chassis::http::Trust;
use chassis::{Process, Secret, telemetry, tls};
use cloud::proof::ProofKeys;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wire::ports::{Credentials, Role};

use crate::Settings;
use crate::host::Place;

const DEFAULTS: &str = include_str!("config/defaults.toml");
const PREFIX: &str = "HOLT_WORKER";

/// Everything that a worker process is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) worker: Worker,
    pub(crate) supervisors: Supervisors,
    pub(crate) tls: Option<tls::Settings>,
    pub(crate) proof: Proof,
    pub(crate) cloud: cloud::openstack::Settings,
    pub(crate) transport: Transport,
    pub(crate) budgets: cloud::guard::Settings,
    pub(crate) operators: Operators,
    pub(crate) telemetry: telemetry::Settings,
    /// The control planes of its colo, where there are several.
    pub(crate) plane: Option<crate::fence::Config>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Worker {
    name: String,
    state_dir: PathBuf,
    #[serde(default, deserialize_with = "wire::glass::path")]
    break_glass: Option<PathBuf>,
    #[serde(with = "chassis::config::duration")]
    revoke_after: std::time::Duration,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Supervisors {
    pub(crate) addresses: Vec<String>,
    pub(crate) key: Option<Secret>,
    ca_file: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    current: u32,
    keys: BTreeMap<String, Secret>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transport {
    #[serde(with = "chassis::config::duration")]
    connect_timeout: std::time::Duration,
    ca_file: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operators {
    pub(crate) listen: SocketAddr,
}

impl Config {
    /// Defaults, then the file, then `HOLT_WORKER__SECTION__KEY` of the environment.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let layers = Layers::new(DEFAULTS).file(file);
        let layers = layers.process_environment(PREFIX);
        let config: Self = layers.load().context("load the configuration")?;
        config.checked()
    }

    /// The same, with variables given by the caller.
    pub(crate) fn given(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        let layers = Layers::new(DEFAULTS).file(file);
        let layers = layers.environment(PREFIX, environment);
        let config: Self = layers.load().context("load the configuration")?;
        config.checked()
    }

    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let name = self
            .worker
            .name
            .parse()
            .context("configuration key `worker.name`")?;
        let place = Place::Folder(self.worker.state_dir.clone());
        Ok(Settings {
            break_glass: self.worker.break_glass.clone(),
            fence: self.fence()?,
            revoke_after: crate::revoke_after(self.worker.revoke_after)
                .context("configuration key `worker.revoke_after`")?,
            ..Settings::new(name, place)
        })
    }

    fn fence(&self) -> anyhow::Result<Option<crate::FenceSettings>> {
        let Some(plane) = &self.plane else {
            return Ok(None);
        };
        let settings = plane.settings().context("section `plane`")?;
        anyhow::ensure!(
            self.cloud.accounts.contains_key(&settings.tenant),
            "configuration key `plane.tenant` must name one of `cloud.accounts`"
        );
        Ok(Some(settings))
    }

    pub(crate) fn proof_keys(&self) -> anyhow::Result<ProofKeys> {
        let numbered = self.proof.keys.iter().map(|(version, key)| {
            let number = version.parse::<u32>();
            let number =
                number.with_context(|| format!("`proof.keys.{version}` is not a version"))?;
            Ok((number, key.clone()))
        });
        let keys: Vec<_> = numbered.collect::<anyhow::Result<_>>()?;
        ProofKeys::new(self.proof.current, keys).context("configuration key `proof`")
    }

    pub(crate) fn transport(&self) -> anyhow::Result<cloud::transport::http::Settings> {
        let plain = self.cloud.keystone.starts_with("http:");
        Ok(cloud::transport::http::Settings {
            connect_timeout: self.transport.connect_timeout,
            trust: trust(self.transport.ca_file.as_deref(), plain)?,
        })
    }

    /// What is known without a look at any file: whether the roles could know each other.
    pub(crate) fn checked(self) -> anyhow::Result<Self> {
        let Supervisors { key, ca_file, .. } = &self.supervisors;
        Credentials::check(key.as_ref(), self.tls.as_ref(), ca_file.as_deref())
            .context("section `supervisors`")?;
        self.fence()?;
        Ok(self)
    }

    /// What this process shows to supervisors.
    pub(crate) fn credentials(&self, process: &Process) -> anyhow::Result<Credentials> {
        let key = self.supervisors.key.clone();
        let loaded = Credentials::load(process, Role::Worker, key, self.tls.as_ref());
        loaded.context("`supervisors.key`, `tls`")
    }

    /// Whom to believe at one supervisor's address.
    pub(crate) fn trust_at(&self, address: &str) -> anyhow::Result<Trust> {
        trust(
            self.supervisors.ca_file.as_deref(),
            address.starts_with("http:"),
        )
    }
}

/// Plain HTTP must work on a machine without certificates.
fn trust(file: Option<&Path>, plain: bool) -> anyhow::Result<Trust> {
    match file {
        Some(path) => {
            let pem = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
            Ok(Trust::MachineAnd(pem))
        }
        None if plain => Ok(Trust::Only(Vec::new())),
        None => Ok(Trust::Machine),
    }
}

#[cfg(test)]
mod tests;
