//! History: every change of a group, who made it, what was before and after.

use domain::group;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Moment;
use super::verdict::Actor;

/// One change of a group, as it was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    /// The revision that it made; they follow on each other without a gap.
    pub rev: u64,
    /// When.
    pub at: Moment,
    /// Why.
    pub cause: Cause,
    /// Who; where one commit holds several events, each verdict names its own actor.
    pub actor: Actor,
    /// What was before and what is after: `desired` (a pair), `phase`, `configured` (keys that changed), `slots` (id, state, server), `events` (id,
    /// outcome), `queued` (ids).
    #[schema(value_type = Object)]
    pub change: serde_json::Value,
    /// Hash of the record before, in hex; zeros for the first.
    pub previous: String,
    /// Hash of this record, the previous one included: `holt audit verify` walks the chain.
    pub hash: String,
}

/// A change that was found among those of many groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// The tenant.
    pub tenant: String,
    /// The group.
    pub group: String,
    /// The change.
    pub record: Record,
}

/// One look of staff at what belongs to tenants, or one request that was refused for want of a privileged right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Look {
    /// Names it.
    pub id: String,
    /// When.
    pub at: Moment,
    /// Who: the subject of the token.
    pub who: String,
    /// In which request.
    pub request_id: String,
    /// The address that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub from: Option<std::net::IpAddr>,
    /// What was asked: the path and the query.
    pub asked: String,
    /// The right that was missing; absent: it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// How often the same was refused at about that time.
    #[serde(default = "once")]
    pub times: u32,
}

const fn once() -> u32 {
    1
}

/// Why a change was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The group was created.
    Create,
    /// Its configuration changed.
    Configure,
    /// Paused or resumed.
    Pause,
    /// It is to be deleted.
    Delete,
    /// Events were decided.
    Events,
    /// An event was queued while the owner was away.
    Queue,
    /// Results of calls and lists were settled, slots were issued or sent on their way out.
    Converge,
}

impl From<group::Cause> for Cause {
    fn from(cause: group::Cause) -> Self {
        match cause {
            group::Cause::Create => Self::Create,
            group::Cause::Configure => Self::Configure,
            group::Cause::Pause => Self::Pause,
            group::Cause::Delete => Self::Delete,
            group::Cause::Events => Self::Events,
            group::Cause::Queue => Self::Queue,
            group::Cause::Converge => Self::Converge,
        }
    }
}

impl From<Cause> for group::Cause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Create => Self::Create,
            Cause::Configure => Self::Configure,
            Cause::Pause => Self::Pause,
            Cause::Delete => Self::Delete,
            Cause::Events => Self::Events,
            Cause::Queue => Self::Queue,
            Cause::Converge => Self::Converge,
        }
    }
}
