//! The configuration of a lane: the section that `holt serve` and `holt-hooks` share, and the rest of a process of its own.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::config::{Layers, duration};
use chassis::http::Trust;
use chassis::{Process, Secret, telemetry, tls};
use serde::{Deserialize, Serialize};
use wire::hooks::secret::HookKeys;
use wire::ports::{Credentials, Role};

use crate::Settings;
use crate::address::Rules;

const DEFAULTS: &str = include_str!("config/defaults.toml");
const PREFIX: &str = "HOLT_HOOKS";

/// The section `[hooks]`. Each key has a default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lane {
    /// The root of the api as receivers reach it; none: where the api listens.
    pub answers: Option<String>,
    /// What seals and opens the secrets of hooks, newest first.
    pub keys: Vec<Secret>,
    /// Networks that may be called although they are not public.
    pub allow: Vec<String>,
    /// Plain HTTP: only for trying things out.
    pub plain_http: bool,
    /// Ports below 1024 that may be called besides 80 and 443.
    pub ports: Vec<u16>,
    /// Believe these certificates of receivers too (PEM).
    pub ca_file: Option<PathBuf>,
    /// For one attempt.
    #[serde(with = "duration")]
    pub deadline: Duration,
    /// Messages on their way at once.
    pub messages: NonZeroU32,
    /// Of which one tenant has at most so many.
    pub of_one: NonZeroU32,
}

impl Default for Lane {
    fn default() -> Self {
        const MANY: NonZeroU32 = NonZeroU32::new(1_024).expect("not zero");
        const FEW: NonZeroU32 = NonZeroU32::new(16).expect("not zero");
        Self {
            answers: None,
            keys: Vec::new(),
            allow: Vec::new(),
            plain_http: false,
            ports: Vec::new(),
            ca_file: None,
            deadline: Duration::from_secs(15),
            messages: MANY,
            of_one: FEW,
        }
    }
}

impl Lane {
    /// What the lane takes. `answers` is where the api listens, where the section says nothing else.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn settings(&self, keys: HookKeys, answers: &str) -> anyhow::Result<Settings> {
        let allow = self.allow.iter().map(|text| text.parse());
        let allow = allow.collect::<Result<_, _>>();
        let answers = self.answers.as_deref().unwrap_or(answers);
        // Half of what the supervisor waits before it hands the message out again.
        ensure!(
            (Duration::from_secs(1)..=Duration::from_secs(20)).contains(&self.deadline),
            "configuration key `hooks.deadline` must be 1s to 20s"
        );
        let trust = match &self.ca_file {
            Some(path) => {
                let pem = std::fs::read(path);
                let pem = pem.with_context(|| format!("read {} (`hooks.ca_file`)", path.display()));
                Trust::MachineAnd(pem?)
            }
            None => Trust::Machine,
        };
        Ok(Settings {
            rules: Rules {
                allow: allow.context("configuration key `hooks.allow`")?,
                plain_http: self.plain_http,
                ports: self.ports.clone(),
            },
            deadline: self.deadline,
            messages: self.messages,
            of_one: self.of_one,
            trust,
            ..Settings::new(keys, answers)
        })
    }
}

/// Everything that a lane process is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) hooks: Lane,
    pub(crate) supervisors: Supervisors,
    pub(crate) tls: Option<tls::Settings>,
    pub(crate) operators: Operators,
    pub(crate) telemetry: telemetry::Settings,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Supervisors {
    pub(crate) addresses: Vec<String>,
    pub(crate) key: Option<Secret>,
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operators {
    pub(crate) listen: SocketAddr,
}

impl Config {
    /// Defaults, then the file, then `HOLT_HOOKS__SECTION__KEY` of the environment.
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

    /// What is known without a look at any file: whether the roles could know each other.
    pub(crate) fn checked(self) -> anyhow::Result<Self> {
        let Supervisors { key, ca_file, .. } = &self.supervisors;
        Credentials::check(key.as_ref(), self.tls.as_ref(), ca_file.as_deref())
            .context("section `supervisors`")?;
        Ok(self)
    }

    /// What this process shows to supervisors.
    pub(crate) fn credentials(&self, process: &Process) -> anyhow::Result<Credentials> {
        let key = self.supervisors.key.clone();
        let loaded = Credentials::load(process, Role::Hooks, key, self.tls.as_ref());
        loaded.context("`supervisors.key`, `tls`")
    }

    /// Whom to believe at one supervisor's address: plain HTTP must work on a machine without certificates.
    pub(crate) fn trust_at(&self, address: &str) -> anyhow::Result<Trust> {
        match &self.supervisors.ca_file {
            Some(path) => {
                let pem = std::fs::read(path);
                let pem = pem.with_context(|| format!("read {}", path.display()))?;
                Ok(Trust::MachineAnd(pem))
            }
            None if address.starts_with("http:") => Ok(Trust::Only(Vec::new())),
            None => Ok(Trust::Machine),
        }
    }
}
