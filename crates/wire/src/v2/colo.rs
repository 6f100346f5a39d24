//! Which control plane serves a colo, as operators see it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Invalid;
use super::switch::{RULE, why};
use super::time::Moment;

/// A colo as one of its control planes sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ColoView {
    /// Its number.
    pub colo: u16,
    /// The control plane that answers.
    pub plane: String,
    /// What that one does about the colo.
    pub doing: Doing,
    /// Why it does no more, where it stands by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The highest epoch that is known here: it grows by one with every takeover.
    pub epoch: u64,
    /// The control plane that has it; absent: a key pair that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// For how long no beat of that one was heard.
    pub silent_seconds: u64,
    /// How long ago a worker of this control plane read the key pairs; absent: not lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_seconds_ago: Option<u64>,
    /// Since when, by whom and why the colo is served as it is; absent: it was never taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
}

/// When a control plane began to serve, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Since {
    /// When.
    pub at: Moment,
    /// Who wanted it: the subject of a token, or the control plane itself.
    pub who: String,
    /// Why.
    pub why: String,
}

/// What a control plane does about its colo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// It has not looked yet.
    Starts,
    /// It serves it.
    Serves,
    /// It has won it, waits until others have stopped, and carries groups over.
    Opens,
    /// It tries to win it.
    Claims,
    /// Another one has it.
    StandsBy,
}

/// Why a colo is to be taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeoverSpec {
    /// Why, for whoever comes next: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub why: String,
}

impl TakeoverSpec {
    /// The reason as it is kept.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn parse(&self) -> Result<String, Invalid> {
        why(&self.why).ok_or_else(|| Invalid::new("why", RULE))
    }
}
