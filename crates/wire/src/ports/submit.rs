//! From the edge to the owner of a group.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use domain::event::Event;
use domain::ids::{GroupKey, TenantId};
use domain::verdict::Verdict;

use super::ops::{LookedUp, Names};

/// Why the owner gave no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// No owner answered within the deadline. It may have the event all the same: put it into the inbox; its id makes that harmless.
    #[error("the owner of the group cannot be reached")]
    Unreachable,
    /// The one that was asked does not own the group's shard: ask again for the owner.
    #[error("not the owner of the group")]
    NotOwner,
    /// There is no such group.
    #[error("no such group")]
    NoGroup,
    /// The event's id was used with another request (422).
    #[error("the event id was used with another request")]
    IdReused,
    /// The owner has too much waiting for this group: 429 with Retry-After.
    #[error("too many events are waiting")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store cannot take it: 503 with Retry-After. Nothing is or will be applied.
    #[error("the store is not available")]
    Unavailable,
}

/// Port to the owner of a group.
#[async_trait]
pub trait Submit: Debug + Send + Sync {
    /// Hands an event to the owner and waits for its durable verdict. The same id gets the same verdict.
    async fn submit(&self, key: &GroupKey, event: Event) -> Result<Verdict, SubmitError>;

    /// Tells the owner that the group changed in the store (configuration, inbox). A hint: losing it costs time only.
    async fn poke(&self, key: &GroupKey);

    /// Asks the cloud what a launch configuration names. None: nobody can say now, and whoever asks goes on without.
    async fn look_up(&self, _tenant: &TenantId, _names: Names) -> Option<LookedUp> {
        None
    }
}
