//! The ledger's unit: one slot per server that ever was to be, and the moves it may make.
//!
//! ```text
//!            ┌────────── Bind ──────────┐
//! Issued ────┤                          ▼
//!   │        └─ Doubt ─► InDoubt ─ Bind ─► Accepted ─► Configuring ─► Active ─► Draining ─► Deleting ─► Gone
//!   │                      │  │                └────────────┴────────────┴───────────┴── Vanish ──────►┘
//!   └─ Fail ─► Failed ◄ Fail  └─ Lapse ─► Lapsed ─ Release ─► Lapsed (released)
//!                                                          Surplus ─► Deleting
//! ```
//! At most one create call per slot, ever (design 4). What shows up late or twice is a new slot that is born `Surplus`.

use std::time::Duration;

use crate::ids::{Incarnation, LaunchHash, Nonce, ServerId, SlotId, WorkerName};
use crate::mutant::{self, Mutant};
use crate::time::Timestamp;

/// One slot of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its id; also in the server's tag, name and proof.
    pub id: SlotId,
    /// The slot whose proof the server carries: this one, or for a surplus server the one it was made for.
    pub proof: SlotId,
    /// The nonce in the proof (metadata `as.n`).
    pub nonce: Nonce,
    /// What was to be launched.
    pub launch: LaunchHash,
    /// Where it is.
    pub state: State,
    /// What else is known.
    pub flags: Flags,
    /// When it was issued (or found, for a surplus), for people and for oldest-first order.
    pub issued: Timestamp,
    /// When it entered its state, for people.
    pub since: Timestamp,
}

/// For which call a slot was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The worker.
    pub worker: WorkerName,
    /// The one life of it that may begin the call.
    pub incarnation: Incarnation,
    /// The token of the call: while it is good, the cloud may execute a copy of the call.
    pub token: CallToken,
}

/// How long the token of a create call is good (design 4, strict rule).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallToken {
    /// It ends by itself, at most so long after the commit of the issue.
    Lives(Duration),
    /// It was revoked; when is not said, for whoever reads of it counts from then (ADR 0021).
    Revoked,
}

/// Where a slot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Committed; the named incarnation may begin the create call, once.
    Issued(Issue),
    /// The call may have been executed; evidence decides, never a second call.
    InDoubt(Issue, DoubtWhy),
    /// The cloud said 202, or a complete list showed the server: bound to this uuid for good.
    Accepted(ServerId),
    /// Booted; the customer's before-active steps run.
    Configuring(ServerId),
    /// In service.
    Active(ServerId),
    /// On its way out; leaves load balancers, the customer's before-delete steps run.
    Draining(ServerId),
    /// To be deleted; the delete is sent until the server is gone.
    Deleting(ServerId, DeleteWhy),
    /// A server that showed up late or twice; to be deleted.
    Surplus(ServerId),
    /// Proved not created.
    Failed(FailWhy),
    /// Presumed not created; watched. Counts against max until the strict rule holds.
    Lapsed(Issue, Hold),
    /// The server existed and is gone, or was handed back.
    Gone(ServerId, GoneWhy),
}

/// Whether a lapsed slot still counts against max (design 4, rule 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The token of the call may still work somewhere: the slot counts.
    Counted,
    /// The token is dead and a complete list begun after that shows nothing.
    Released,
}

/// Why a slot is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DoubtWhy {
    /// No answer within the deadline.
    Timeout,
    /// The connection broke after the request began.
    Reset,
    /// An answer that says nothing sure about execution: 5xx, an unreadable body.
    Unclear,
    /// The worker that was to make the call, or its report, is lost.
    WorkerLost,
}

/// Why it is proved that no server was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailWhy {
    /// The call never began: void, deadline passed, no budget, connection refused.
    NotSent,
    /// The cloud refused the request for good, in its own words (400, 404 image, 409).
    Refused(String),
    /// 403 quota.
    Quota(String),
    /// 401 on the create itself: never sent again, a new slot follows.
    Token,
    /// 403 for another reason: the credential is suspect.
    Credential(String),
    /// 413 or 429: refused before execution; or stopped at the worker.
    Throttled,
}

/// Why a server is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeleteWhy {
    /// Scaled in.
    ScaleIn,
    /// ERROR while building: no valid host, no port, no address.
    NoCapacity,
    /// ERROR while building: quota, which Nova finds out late.
    Quota,
    /// ERROR otherwise.
    Failed,
    /// Stuck in BUILD longer than the build timeout.
    Stuck,
    /// Late or doubled server.
    Surplus,
    /// The group is deleted.
    GroupDeleted,
    /// A hook abandoned it before it was in service.
    Abandoned,
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GoneWhy {
    /// We deleted it, for that reason.
    Deleted(DeleteWhy),
    /// Somebody else deleted it.
    External,
    /// It carries our proof no longer: handed back to the tenant, never deleted by us.
    HandedBack,
}

/// What else is known of a slot's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// A delete was refused because the server is locked: tried again later, the customer told.
    pub blocked: bool,
    /// It does not show our proof any more: never deleted by us (I2 beats I1).
    pub disowned: bool,
    /// SHUTOFF, PAUSED, ...: somebody holds it; present, not healthy, not deleted (safety 2.2 `UserHeld`).
    pub held: bool,
}

/// A move of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Bind to a uuid: our own 202, or adoption from a complete list.
    Bind(ServerId),
    /// The call's outcome is unknown.
    Doubt(DoubtWhy),
    /// The call proved not executed.
    Fail(FailWhy),
    /// Quiesce passed and two complete lists show nothing.
    Lapse,
    /// The strict rule holds for a lapsed slot.
    Release,
    /// Booted; before-active steps begin.
    Configure,
    /// In service.
    Activate,
    /// To leave service.
    Drain,
    /// To be deleted.
    Delete(DeleteWhy),
    /// Proved gone (safety 3.6).
    Vanish,
    /// Handed back to its owner.
    HandBack,
}

/// A move that the state does not allow. Nothing changed; the caller has stale knowledge and drops it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a slot that is {from} cannot {tried}")]
pub struct IllegalMove {
    /// The word of the state.
    pub from: &'static str,
    /// The word of the move.
    pub tried: &'static str,
}

impl State {
    /// The word of the state on wire, in rows and logs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Issued(_) => "issued",
            Self::InDoubt(..) => "in-doubt",
            Self::Accepted(_) => "accepted",
            Self::Configuring(_) => "configuring",
            Self::Active(_) => "active",
            Self::Draining(_) => "draining",
            Self::Deleting(..) => "deleting",
            Self::Surplus(_) => "surplus",
            Self::Failed(_) => "failed",
            Self::Lapsed(..) => "lapsed",
            Self::Gone(..) => "gone",
        }
    }

    /// The server that is bound, if one is.
    #[must_use]
    pub const fn server(&self) -> Option<ServerId> {
        match self {
            Self::Accepted(s)
            | Self::Configuring(s)
            | Self::Active(s)
            | Self::Draining(s)
            | Self::Surplus(s) => Some(*s),
            Self::Deleting(s, _) | Self::Gone(s, _) => Some(*s),
            Self::Issued(_) | Self::InDoubt(..) | Self::Failed(_) | Self::Lapsed(..) => None,
        }
    }

    /// Open: everything but Gone, Failed and Lapsed (safety 3.4).
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self, Self::Failed(_) | Self::Lapsed(..) | Self::Gone(..))
    }

    /// Counts towards desired: on its way in, or in service; a doubt counts until it is settled (safety 3.4).
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        matches!(
            self,
            Self::Issued(_)
                | Self::InDoubt(..)
                | Self::Accepted(_)
                | Self::Configuring(_)
                | Self::Active(_)
        )
    }

    /// Counts against max: wanted ones, and a lapsed one that is not released (design 4, I3).
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.is_wanted()
            || matches!(self, Self::Lapsed(_, Hold::Counted))
                && !mutant::on(Mutant::LapsedUncounted)
    }
}

/// Whether the slot ended by handing its server back to the tenant: never ours again, whatever its metadata shows later.
#[must_use]
pub const fn is_handed_back(state: &State) -> bool {
    matches!(state, State::Gone(_, GoneWhy::HandedBack))
}

impl Move {
    /// The word of the move in errors and logs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Bind(_) => "bind",
            Self::Doubt(_) => "come into doubt",
            Self::Fail(_) => "fail",
            Self::Lapse => "lapse",
            Self::Release => "be released",
            Self::Configure => "be configured",
            Self::Activate => "go into service",
            Self::Drain => "drain",
            Self::Delete(_) => "be deleted",
            Self::Vanish => "vanish",
            Self::HandBack => "be handed back",
        }
    }
}

enum Boot {
    Accepted,
    Configuring,
}

impl State {
    /// The state after a move.
    ///
    /// # Errors
    /// The state does not allow the move; nothing changed.
    pub fn step(self, step: Move) -> Result<Self, IllegalMove> {
        let illegal = IllegalMove {
            from: self.word(),
            tried: step.word(),
        };
        match step {
            Move::Bind(server) => self.bind(server),
            Move::Doubt(why) => self.doubt(why),
            Move::Fail(why) => {
                matches!(self, Self::Issued(_) | Self::InDoubt(..)).then_some(Self::Failed(why))
            }
            Move::Lapse | Move::Release => self.lapse(&step),
            Move::Configure => match self.is_booting() {
                Some((server, Boot::Accepted)) => Some(Self::Configuring(server)),
                Some((_, Boot::Configuring)) | None => None,
            },
            Move::Activate => self.is_booting().map(|(server, _)| Self::Active(server)),
            Move::Drain => self
                .server()
                .filter(|_| self.is_wanted())
                .map(Self::Draining),
            Move::Delete(why) => self.delete(why),
            Move::Vanish => self.vanish(),
            Move::HandBack => self
                .server()
                .filter(|_| self.is_open())
                .map(|s| Self::Gone(s, GoneWhy::HandedBack)),
        }
        .ok_or(illegal)
    }

    const fn is_booting(&self) -> Option<(ServerId, Boot)> {
        match self {
            Self::Accepted(server) => Some((*server, Boot::Accepted)),
            Self::Configuring(server) => Some((*server, Boot::Configuring)),
            Self::Issued(_) | Self::InDoubt(..) | Self::Active(_) | Self::Draining(_) => None,
            Self::Deleting(..) | Self::Surplus(_) => None,
            Self::Failed(_) | Self::Lapsed(..) | Self::Gone(..) => None,
        }
    }

    fn doubt(self, why: DoubtWhy) -> Option<Self> {
        match self {
            Self::Issued(issue) => Some(Self::InDoubt(issue, why)),
            Self::InDoubt(..) | Self::Accepted(_) | Self::Configuring(_) | Self::Active(_) => None,
            Self::Draining(_) | Self::Deleting(..) | Self::Surplus(_) => None,
            Self::Failed(_) | Self::Lapsed(..) | Self::Gone(..) => None,
        }
    }

    fn lapse(self, step: &Move) -> Option<Self> {
        let is_lapse = matches!(step, Move::Lapse);
        match self {
            Self::InDoubt(issue, _) if is_lapse => Some(Self::Lapsed(issue, Hold::Counted)),
            Self::Lapsed(issue, Hold::Counted) if !is_lapse => {
                Some(Self::Lapsed(issue, Hold::Released))
            }
            Self::InDoubt(..) | Self::Lapsed(..) | Self::Issued(_) => None,
            Self::Accepted(_) | Self::Configuring(_) | Self::Active(_) | Self::Draining(_) => None,
            Self::Deleting(..) | Self::Surplus(_) | Self::Failed(_) | Self::Gone(..) => None,
        }
    }

    fn bind(self, server: ServerId) -> Option<Self> {
        match self {
            Self::Issued(_) | Self::InDoubt(..) => Some(Self::Accepted(server)),
            Self::Accepted(_)
            | Self::Configuring(_)
            | Self::Active(_)
            | Self::Draining(_)
            | Self::Deleting(..) => None,
            Self::Failed(_) | Self::Lapsed(..) if mutant::on(Mutant::EndedReopens) => {
                Some(Self::Accepted(server))
            }
            Self::Surplus(_) | Self::Failed(_) | Self::Lapsed(..) | Self::Gone(..) => None,
        }
    }

    fn delete(self, why: DeleteWhy) -> Option<Self> {
        match self {
            Self::Accepted(s)
            | Self::Configuring(s)
            | Self::Active(s)
            | Self::Draining(s)
            | Self::Surplus(s) => Some(Self::Deleting(s, why)),
            Self::Issued(_) | Self::InDoubt(..) | Self::Deleting(..) => None,
            Self::Failed(_) | Self::Lapsed(..) | Self::Gone(..) => None,
        }
    }

    fn vanish(self) -> Option<Self> {
        match self {
            Self::Accepted(s)
            | Self::Configuring(s)
            | Self::Active(s)
            | Self::Draining(s)
            | Self::Surplus(s) => Some(Self::Gone(s, external())),
            Self::Deleting(s, why) => Some(Self::Gone(s, GoneWhy::Deleted(why))),
            Self::Issued(_)
            | Self::InDoubt(..)
            | Self::Failed(_)
            | Self::Lapsed(..)
            | Self::Gone(..) => None,
        }
    }
}

fn external() -> GoneWhy {
    if mutant::on(Mutant::GoneUnexplained) {
        return GoneWhy::Deleted(DeleteWhy::ScaleIn);
    }
    GoneWhy::External
}

#[cfg(test)]
mod tests;
