//! The ledger: one slot per server that ever was to be.

use domain::slot;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Moment;

/// One slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Slot {
    /// Its id; also in the server's name and tag.
    pub slot: String,
    /// Where it is.
    pub state: State,
    /// Whether it is still open: neither gone, nor proved or presumed not created.
    pub open: bool,
    /// The server's uuid in the cloud, once one is bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The worker that the create call was issued to, while that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Why it is in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// The cloud's own words, where it refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What else is known: `blocked` (locked, tried again later), `disowned` (does not show our proof any more, never deleted by us),
    /// `held` (stopped or paused by somebody).
    pub flags: Vec<Flag>,
    /// Hash of the launch configuration that was used.
    pub launch: String,
    /// When it was issued.
    pub issued: Moment,
    /// Since when it is in this state.
    pub since: Moment,
}

/// Where a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Written down; a worker may begin the create call, once.
    Issued,
    /// The create call may have been executed; evidence decides, never a second call.
    InDoubt,
    /// The cloud has a server for it.
    Accepted,
    /// Booted; before-active steps run.
    Configuring,
    /// In service.
    Active,
    /// Leaves service.
    Draining,
    /// Being deleted.
    Deleting,
    /// A server that showed up late or twice; to be deleted.
    Surplus,
    /// Proved not created.
    Failed,
    /// Presumed not created, watched.
    Lapsed,
    /// The server is gone.
    Gone,
}

/// Why a slot is where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// In doubt: no answer in time.
    Timeout,
    /// In doubt: the connection broke.
    Reset,
    /// In doubt: the answer says nothing sure.
    Unclear,
    /// In doubt: the worker or its report is lost.
    WorkerLost,
    /// Failed: the call never began.
    NotSent,
    /// Failed: the cloud refused the launch configuration.
    Refused,
    /// Failed or deleted: quota.
    Quota,
    /// Failed: the token was refused.
    Token,
    /// Failed: the credential was refused.
    Credential,
    /// Failed: throttled by the cloud.
    Throttled,
    /// Deleted: scaled in.
    ScaleIn,
    /// Deleted: the cloud had no room for it.
    NoCapacity,
    /// Deleted: the build failed.
    BuildFailed,
    /// Deleted: the build took too long.
    Stuck,
    /// Deleted: it was late or doubled.
    Surplus,
    /// Deleted: the group is deleted.
    GroupDeleted,
    /// Deleted: a hook abandoned it before it was in service.
    Abandoned,
    /// Gone: somebody else deleted it.
    External,
    /// Gone: handed back to the tenant.
    HandedBack,
    /// Lapsed: still counted against max.
    Counted,
    /// Lapsed: not counted any more.
    Released,
}

/// What else is known of a slot's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// A delete was refused because the server is locked.
    Blocked,
    /// It does not show our proof any more.
    Disowned,
    /// Somebody stopped or paused it.
    Held,
}

impl From<&slot::State> for State {
    fn from(state: &slot::State) -> Self {
        match state {
            slot::State::Issued(_) => Self::Issued,
            slot::State::InDoubt(..) => Self::InDoubt,
            slot::State::Accepted(_) => Self::Accepted,
            slot::State::Configuring(_) => Self::Configuring,
            slot::State::Active(_) => Self::Active,
            slot::State::Draining(_) => Self::Draining,
            slot::State::Deleting(..) => Self::Deleting,
            slot::State::Surplus(_) => Self::Surplus,
            slot::State::Failed(_) => Self::Failed,
            slot::State::Lapsed(..) => Self::Lapsed,
            slot::State::Gone(..) => Self::Gone,
        }
    }
}

impl From<&slot::Slot> for Slot {
    fn from(slot: &slot::Slot) -> Self {
        let (worker, why, detail) = story(&slot.state);
        let slot::Flags {
            blocked,
            disowned,
            held,
        } = slot.flags;
        let flags = [
            (Flag::Blocked, blocked),
            (Flag::Disowned, disowned),
            (Flag::Held, held),
        ];
        Self {
            slot: slot.id.to_string(),
            state: (&slot.state).into(),
            open: slot.state.is_open(),
            server: slot.state.server().map(|id| id.to_string()),
            worker,
            why,
            detail,
            flags: flags
                .into_iter()
                .filter_map(|(flag, yes)| yes.then_some(flag))
                .collect(),
            launch: slot.launch.to_string(),
            issued: Moment(slot.issued),
            since: Moment(slot.since),
        }
    }
}

/// Worker, reason and the cloud's words, as far as the state knows them.
fn story(state: &slot::State) -> (Option<String>, Option<Why>, Option<String>) {
    let worker = |issue: &slot::Issue| Some(issue.worker.to_string());
    match state {
        slot::State::Issued(issue) => (worker(issue), None, None),
        slot::State::InDoubt(issue, why) => (worker(issue), Some((*why).into()), None),
        slot::State::Lapsed(issue, slot::Hold::Counted) => {
            (worker(issue), Some(Why::Counted), None)
        }
        slot::State::Lapsed(issue, slot::Hold::Released) => {
            (worker(issue), Some(Why::Released), None)
        }
        slot::State::Failed(why) => (None, Some(why.into()), words_of(why)),
        slot::State::Deleting(_, why) => (None, Some((*why).into()), None),
        slot::State::Gone(_, slot::GoneWhy::Deleted(why)) => (None, Some((*why).into()), None),
        slot::State::Gone(_, slot::GoneWhy::External) => (None, Some(Why::External), None),
        slot::State::Gone(_, slot::GoneWhy::HandedBack) => (None, Some(Why::HandedBack), None),
        slot::State::Accepted(_) | slot::State::Configuring(_) | slot::State::Active(_) => {
            (None, None, None)
        }
        slot::State::Draining(_) | slot::State::Surplus(_) => (None, None, None),
    }
}

fn words_of(why: &slot::FailWhy) -> Option<String> {
    match why {
        slot::FailWhy::Refused(words)
        | slot::FailWhy::Quota(words)
        | slot::FailWhy::Credential(words) => Some(words.clone()),
        slot::FailWhy::NotSent | slot::FailWhy::Token | slot::FailWhy::Throttled => None,
    }
}

impl From<slot::DoubtWhy> for Why {
    fn from(why: slot::DoubtWhy) -> Self {
        match why {
            slot::DoubtWhy::Timeout => Self::Timeout,
            slot::DoubtWhy::Reset => Self::Reset,
            slot::DoubtWhy::Unclear => Self::Unclear,
            slot::DoubtWhy::WorkerLost => Self::WorkerLost,
        }
    }
}

impl From<&slot::FailWhy> for Why {
    fn from(why: &slot::FailWhy) -> Self {
        match why {
            slot::FailWhy::NotSent => Self::NotSent,
            slot::FailWhy::Refused(_) => Self::Refused,
            slot::FailWhy::Quota(_) => Self::Quota,
            slot::FailWhy::Token => Self::Token,
            slot::FailWhy::Credential(_) => Self::Credential,
            slot::FailWhy::Throttled => Self::Throttled,
        }
    }
}

impl From<slot::DeleteWhy> for Why {
    fn from(why: slot::DeleteWhy) -> Self {
        match why {
            slot::DeleteWhy::ScaleIn => Self::ScaleIn,
            slot::DeleteWhy::NoCapacity => Self::NoCapacity,
            slot::DeleteWhy::Quota => Self::Quota,
            slot::DeleteWhy::Failed => Self::BuildFailed,
            slot::DeleteWhy::Stuck => Self::Stuck,
            slot::DeleteWhy::Surplus => Self::Surplus,
            slot::DeleteWhy::GroupDeleted => Self::GroupDeleted,
            slot::DeleteWhy::Abandoned => Self::Abandoned,
        }
    }
}
