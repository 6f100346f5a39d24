//! The one durable answer that every event gets, with the word of every gate (design 8).

use std::time::Duration;

use crate::capacity::Size;
use crate::event::{Actor, Ask, Force};
use crate::ids::{EventId, RequestHash, Rev};
use crate::time::Timestamp;

/// What was asked, what each gate said, and what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The event that this answers.
    pub event: EventId,
    /// Hash of the request that brought it.
    pub request: RequestHash,
    /// What was asked.
    pub ask: Ask,
    /// What it was allowed to skip.
    pub force: Force,
    /// Who asked.
    pub actor: Actor,
    /// The outcome in one word.
    pub outcome: Outcome,
    /// Every gate that was asked, in order, and its word. The gate that stopped the event is the last.
    pub words: Vec<GateWord>,
    /// Desired before.
    pub before: Size,
    /// Desired after.
    pub after: Size,
    /// When it was decided.
    pub at: Timestamp,
    /// The revision that holds it.
    pub rev: Rev,
}

/// The outcome in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Desired changed to exactly what was asked.
    Applied,
    /// Desired changed, but a bound or grant capped it.
    Clamped,
    /// Nothing to change: desired is already there (contract 3.3 row 6).
    Unchanged,
    /// Refused: group or policy cooldown (contract 3.3 row 5).
    Cooldown,
    /// Refused: a sibling acted within the debounce time (design 8).
    Debounced,
    /// Refused: the group is paused (contract 3.3 row 3).
    Paused,
    /// Refused: the policy does not exist (contract 3.3 row 4).
    NoSuchPolicy,
    /// Refused: the group is being deleted (contract 3.3 row 1).
    Deleting,
    /// Too old when it was decided (safety 3.8).
    Expired,
    /// Taken note of; it asks for nothing (an alert that ends, or that only is to be told).
    Noted,
    /// Not now: the group looks again by itself when its time comes (design 8).
    Waiting,
    /// Help was called for: the alerts are not over after so long.
    Escalated,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 12] = [
        Self::Applied,
        Self::Clamped,
        Self::Unchanged,
        Self::Cooldown,
        Self::Debounced,
        Self::Paused,
        Self::NoSuchPolicy,
        Self::Deleting,
        Self::Expired,
        Self::Noted,
        Self::Waiting,
        Self::Escalated,
    ];

    /// Its word, the same in rows, on the wire and in metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Clamped => "clamped",
            Self::Unchanged => "unchanged",
            Self::Cooldown => "cooldown",
            Self::Debounced => "debounced",
            Self::Paused => "paused",
            Self::NoSuchPolicy => "no_such_policy",
            Self::Deleting => "deleting",
            Self::Expired => "expired",
            Self::Noted => "noted",
            Self::Waiting => "waiting",
            Self::Escalated => "escalated",
        }
    }
}

/// One gate and what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateWord {
    /// Which gate.
    pub gate: Gate,
    /// Its word.
    pub word: Word,
}

/// The gates an event passes, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// Is the event still valid?
    Age,
    /// Is the group there to be scaled?
    Lifecycle,
    /// Is it paused?
    Pause,
    /// Does the policy exist?
    Policy,
    /// The policy's own cooldown (asked before the group's: contract 3.2).
    PolicyCooldown,
    /// The group's cooldown.
    GroupCooldown,
    /// The policy's debounce.
    Debounce,
    /// Is the alert news, and does it still ask for anything?
    Alert,
    /// Is an input silent that holds the group?
    Missing,
    /// The windows of stepping up and down because of alerts.
    Window,
    /// The bounds, or the grant.
    Clamp,
    /// Whether something would change at all.
    Change,
}

/// What a gate said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Go on.
    Pass,
    /// Would have stopped it, but the event is forced.
    Skipped,
    /// Stopped it, and how long from the decision until it would not.
    Wait(Duration),
    /// Stopped it.
    Stop,
    /// Capped what was asked.
    Capped {
        /// What was asked, before the cap.
        asked: Size,
        /// What was let through.
        to: Size,
    },
}
