//! Hooks: what a customer wants to be told of a group, where, and what Holt waits for (features O11, O12, row 15).
//!
//! A hook that waits holds a server at `server.before_active` or `server.before_delete` until somebody says "continue" or "abandon", or its
//! deadline passes. Every wait is bounded twice, by its deadline and by the longest time that heartbeats may stretch it to: no server waits for
//! ever, and no delete is blocked for longer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::HookId;
use crate::time::Timestamp;

/// Hooks of one group, at most: a commit that moves 32 slots still fits into one batch of the store.
pub const HOOKS_MAX: usize = 8;
/// The shortest deadline of a wait.
pub const DEADLINE_MIN: Duration = Duration::from_secs(5);
/// The longest deadline of a wait, and the most that heartbeats may stretch one to: two hours.
pub const DEADLINE_MAX: Duration = Duration::from_secs(7200);
/// Live keys of one hook: one, and another while they are rotated.
pub const KEYS_MAX: usize = 2;

/// The hooks of a group by their ids.
pub type Hooks = BTreeMap<HookId, Hook>;

/// One hook of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// When it is called.
    pub points: BTreeSet<Point>,
    /// In which form.
    pub format: Format,
    /// Where. For a form whose whole address is a secret only as much as may be shown; the rest is among the keys.
    pub url: String,
    /// Whether the server waits for its answer, at the points that can wait.
    pub wait: Option<Waiting>,
    /// Whether somebody with the trigger right may skip a step that waits.
    pub skippable: bool,
    /// A hook that is switched off is not called, and nothing waits for it.
    pub enabled: bool,
    /// What it signs with, newest first; at most [`KEYS_MAX`]. Sealed: only the hooks lane can open them.
    pub keys: Vec<Key>,
}

impl Hook {
    /// Whether it is called at that point.
    #[must_use]
    pub fn is_at(&self, point: Point) -> bool {
        self.enabled && self.points.contains(&point)
    }
    /// What a server waits for at that point, if it does.
    #[must_use]
    pub fn waits_at(&self, point: Point) -> Option<Waiting> {
        self.wait.filter(|_| point.may_wait())
    }
}

/// When a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// The server is up, and not yet in service.
    BeforeActive,
    /// The server is in service.
    Active,
    /// The server has left service, and is not yet deleted.
    BeforeDelete,
    /// The server is gone, or was handed back.
    Gone,
    /// The desired size changed.
    Scaled,
    /// The group cannot launch what it wants, or can again.
    Degraded,
    /// An alert stays open in spite of all that was done, or closed after that.
    Escalated,
    /// The last alert is over, and the group asks once more before it gives anything up (features S7): it goes on when the message is taken.
    Over,
}

impl Point {
    /// All of them, in the order of a server's life.
    pub const ALL: [Self; 8] = [
        Self::BeforeActive,
        Self::Active,
        Self::BeforeDelete,
        Self::Gone,
        Self::Scaled,
        Self::Degraded,
        Self::Escalated,
        Self::Over,
    ];
    /// The word on wire, in rows and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::BeforeActive => "server.before_active",
            Self::Active => "server.active",
            Self::BeforeDelete => "server.before_delete",
            Self::Gone => "server.gone",
            Self::Scaled => "group.scaled",
            Self::Degraded => "group.degraded",
            Self::Escalated => "alert.escalated",
            Self::Over => "alert.over",
        }
    }
    /// The point of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.word() == word)
    }
    /// Whether a server can wait there.
    #[must_use]
    pub const fn may_wait(self) -> bool {
        matches!(self, Self::BeforeActive | Self::BeforeDelete)
    }
}

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Standard Webhooks: signed JSON with type, timestamp and data.
    Webhook,
    /// The same in a `CloudEvents` envelope, signed in the same way.
    CloudEvents,
    /// A text that Slack and what imitates it understands.
    Slack,
    /// `PagerDuty` Events v2: opens an incident and resolves it.
    PagerDuty,
    /// No message but a question: a GET, whose answer says whether all is well.
    Probe,
}

/// How a server waits for a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// So long, and as long again with each heartbeat. [`DEADLINE_MIN`] to [`DEADLINE_MAX`].
    pub deadline: Duration,
    /// But never longer than this in all. From the deadline to [`DEADLINE_MAX`].
    pub longest: Duration,
    /// What is done when nobody answers.
    pub default: Answer,
}

impl Waiting {
    /// The same within its bounds, whatever was asked for: a wait without an end would cost money for ever.
    #[must_use]
    pub fn bounded(self) -> Self {
        let deadline = self.deadline.clamp(DEADLINE_MIN, DEADLINE_MAX);
        Self {
            deadline,
            longest: self.longest.clamp(deadline, DEADLINE_MAX),
            default: self.default,
        }
    }
}

/// What a receiver says of a server that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Go on: into service, or to the delete.
    Continue,
    /// Before service: delete the server. Before the delete: wait for nobody else.
    Abandon,
}

/// Something secret of a hook, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What it is.
    pub kind: KeyKind,
    /// What only the hooks lane can open.
    pub sealed: String,
    /// What the receiver verifies with, where that is no secret.
    pub public: Option<String>,
    /// It is not used any more from then on; none: until it is rotated.
    pub until: Option<Timestamp>,
}

/// What something secret of a hook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Signs with HMAC-SHA256 (`v1`).
    Hmac,
    /// Signs with Ed25519 (`v1a`).
    Ed25519,
    /// The whole address.
    Address,
    /// The routing key of `PagerDuty`.
    Routing,
    /// What a probe proves itself with: a bearer token.
    Bearer,
}

/// Whether one of the hooks is called at that point.
#[must_use]
pub fn any_at(hooks: &Hooks, point: Point) -> bool {
    hooks.values().any(|hook| hook.is_at(point))
}
