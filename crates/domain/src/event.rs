//! A scale event: somebody asks a group for something, once.

use crate::capacity::Size;
use crate::circle::{Signal, Turn};
use crate::ids::{EventId, PolicyId, RequestHash};
use crate::policy::Adjust;
use crate::time::Timestamp;
use crate::trace::Trace;
use std::net::IpAddr;

/// One request to scale, as accepted at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name for ever; the same name gets the same verdict.
    pub id: EventId,
    /// Of the request's body: the same id with another body is refused (safety 3.8).
    pub request: RequestHash,
    /// What is asked.
    pub ask: Ask,
    /// What it may skip.
    pub force: Force,
    /// Who asked.
    pub actor: Actor,
    /// When the edge accepted it.
    pub received: Timestamp,
    /// After this it gets the verdict `expired` instead of acting (safety 3.8).
    pub valid_until: Timestamp,
    /// The trace that watches it, if one does.
    pub trace: Option<Trace>,
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What a policy of the group says.
    Policy(PolicyId),
    /// An adjustment given with the event itself.
    Adjust(Adjust),
    /// Look again now; desired stays.
    Converge,
    /// An input says how an alert stands.
    Alert(Box<Signal>),
    /// The group looks again because of alerts.
    Turn(Turn),
}

/// What an event may skip (design 8). Nothing skips kill switch, budget, quota or ownership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Nothing.
    No,
    /// Cooldown, debounce and alert state.
    Gates,
    /// Those, and the group's bounds too: down or up to `size`, until `until`. Needs the exceed-limits right.
    Override(Override),
}

/// A grant beyond a group's bounds, recorded on the group (design 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override {
    /// The size that is granted, above max or below min.
    pub size: Size,
    /// When the grant ends; desired is then clamped again.
    pub until: Timestamp,
}

/// Who or what caused a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of cause.
    pub kind: ActorKind,
    /// The subject of its token, the policy's name, the schedule's id; never a secret.
    pub name: String,
    /// The request that brought it, for support.
    pub request_id: String,
    /// The address of who sent it; none for what no request brought.
    pub from: Option<IpAddr>,
}

/// Kinds of cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActorKind {
    /// A person or program with a token.
    Caller,
    /// An anonymous capability URL.
    Capability,
    /// A schedule.
    Schedule,
    /// An input for alerts.
    Input,
    /// Holt itself: self-heal, reconciliation, expiry.
    System,
}
