//! From the hooks lane to a supervisor: "I have room for these", answered with messages to send; and what came of them.
//!
//! A message is handed out at least once: if nothing is heard of it, it is handed out again under the same id. The lane gets what it sends and
//! where to, and nothing else of the ledger; the supervisor carries secrets that it cannot open.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use domain::hook::{Format, Key};
use domain::ids::{DeliveryId, GroupKey, HookId, TenantId};
use domain::outbox::Sent;

use crate::hooks::message::Message;

/// What a lane has room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Messages that it can begin to send right now.
    pub messages: u32,
    /// At most so many of one tenant.
    pub of_one: u32,
    /// Tenants whose receivers it is busy with: nothing more of these for now.
    pub full: Vec<TenantId>,
    /// How long to hold the question when there is nothing: at most 5 s.
    pub wait: Duration,
}

/// One message to send, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Whose it is.
    pub group: GroupKey,
    /// Its number in the group.
    pub id: DeliveryId,
    /// How many attempts were made before.
    pub made: u32,
    /// The hook.
    pub hook: HookId,
    /// Its form.
    pub format: Format,
    /// Where to.
    pub url: String,
    /// What to sign with, or what belongs to the address. Sealed.
    pub keys: Vec<Key>,
    /// What it says.
    pub message: Message,
}

/// What came of one attempt; repeated until a supervisor has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Whose message.
    pub group: GroupKey,
    /// Its number.
    pub id: DeliveryId,
    /// How many attempts were made before this one.
    pub made: u32,
    /// What came of it.
    pub sent: Sent,
}

/// Why a supervisor gave or took nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HooksError {
    /// No answer, or it could not be made durable: try again.
    #[error("the supervisor cannot be reached or cannot write")]
    Unreachable,
    /// The caller may not do this.
    #[error("refused")]
    Refused,
}

/// Port from hooks lanes to a supervisor.
#[async_trait]
pub trait Hooks: Debug + Send + Sync {
    /// Asks for messages. What is in the reply counts as handed out.
    async fn fetch(&self, room: Room) -> Result<Vec<Parcel>, HooksError>;

    /// Says what came of attempts, and gives the places of those to be said again. All others are durable, or of no interest.
    ///
    /// The answer comes within a moment, whatever ails single groups.
    async fn tried(&self, tried: Vec<Tried>) -> Result<Vec<usize>, HooksError>;
}
