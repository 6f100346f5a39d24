//! The section `plane` of a configuration: which of several control planes of its colo a process works for.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use domain::home::{AFTER, Automatic, Plane, STALE};
use domain::ids::PlaneName;
use serde::{Deserialize, Serialize};

use super::Settings;

/// Without this section a colo has one control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name of this control plane.
    pub name: String,
    /// The one that serves as long as nobody took over; the same in all of them.
    pub first: String,
    /// Whether it takes over by itself.
    #[serde(default = "yes")]
    pub automatic: bool,
    /// After so long a silence.
    #[serde(default = "after", with = "chassis::config::duration")]
    pub after: Duration,
    /// How long workers may go on after a good read of the key pairs: the same in all control planes of the colo.
    #[serde(default = "stale", with = "chassis::config::duration")]
    pub stale: Duration,
}

const fn yes() -> bool {
    true
}

const fn after() -> Duration {
    AFTER
}

const fn stale() -> Duration {
    STALE
}

impl Config {
    /// The plane's name.
    ///
    /// # Errors
    /// Names the rule that it breaks.
    pub fn plane(&self) -> anyhow::Result<PlaneName> {
        self.name.parse().context("configuration key `plane.name`")
    }

    /// What a supervisor is told. It waits half as long again as workers may go on, because clocks and calls take their time (safety 3.10).
    ///
    /// # Errors
    /// Names the key and the rule that it breaks.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        ensure!(
            !self.stale.is_zero() && self.stale <= STALE,
            "configuration key `plane.stale` must be more than nothing, and at most 20s"
        );
        ensure!(
            self.after > self.stale,
            "configuration key `plane.after` must be longer than `plane.stale`"
        );
        let first = self.first.parse();
        let plane = Plane {
            own: self.plane()?,
            first: first.context("configuration key `plane.first`")?,
            automatic: if self.automatic {
                Automatic::After(self.after)
            } else {
                Automatic::Off
            },
        };
        Ok(Settings {
            settle: self.stale + self.stale / 2,
            ..Settings::new(plane)
        })
    }
}
