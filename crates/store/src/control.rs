//! Kill switches: what stands, and who did what when (design 7). Every throw is kept; what stands is the last one of each scope.

use std::fmt::Debug;

use async_trait::async_trait;
use domain::control::{Mode, Scope, Switch};
use domain::time::Timestamp;

use crate::Error;

/// One thing that somebody did to a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throw {
    /// Where.
    pub scope: Scope,
    /// What it is set to; none: it was taken back.
    pub mode: Option<Mode>,
    /// Who did it.
    pub who: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
}

impl Throw {
    /// What stands at its scope from then on.
    #[must_use]
    pub fn switch(self) -> Option<Switch> {
        Some(Switch {
            mode: self.mode?,
            scope: self.scope,
            who: self.who,
            why: self.why,
            at: self.at,
            until: self.until,
        })
    }
}

impl From<Switch> for Throw {
    fn from(switch: Switch) -> Self {
        Self {
            scope: switch.scope,
            mode: Some(switch.mode),
            who: switch.who,
            why: switch.why,
            at: switch.at,
            until: switch.until,
        }
    }
}

/// Kill switches of the whole installation, and their history.
#[async_trait]
pub trait Controls: Debug + Send + Sync {
    /// Keeps a throw; it holds from now on. Durable when this is answered. Kept twice, it holds and shows twice.
    async fn throw(&self, throw: &Throw) -> Result<(), Error>;

    /// The last throw of every scope that is not taken back, in order of scope. Expired ones are among them.
    async fn standing(&self) -> Result<Vec<Switch>, Error>;

    /// What was done, newest first: at most `limit`, and older than number `before` if one is given. Each with its number.
    async fn history(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, Throw)>, Error>;
}
