//! What was committed, for an index outside of the store: read from where the last reading ended, over every crash.
//!
//! At least once: what was given and not [passed](Feed::passed) comes again, also to another process. Commits pay nothing for it in the embedded
//! store, and one small write that many of them share in a cluster; neither waits for whoever reads.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::Error;
use crate::search::Found;

/// How far a reading got: what [`Feed::passed`] is told. It says something to the store that made it only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(pub String);

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// These changes; none: there is nothing new.
    Changes(Batch),
    /// Another process reads. Ask again, at the latest after a third of a minute: it may die.
    Elsewhere,
}

/// Changes that follow on what was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Oldest first within a group; between groups as they come.
    pub items: Vec<Found>,
    /// To be passed when they are in the index.
    pub mark: Mark,
}

/// The changes of all groups, in an order of the store's own.
#[async_trait]
pub trait Feed: Debug + Send + Sync {
    /// About `limit` changes after what was passed last.
    ///
    /// # Errors
    /// As for every read. Ask again later.
    async fn next(&self, limit: u32) -> Result<Next, Error>;

    /// Everything up to that mark is in the index; durable when this is answered.
    ///
    /// # Errors
    /// As for every write; then the same changes may come again.
    async fn passed(&self, mark: &Mark) -> Result<(), Error>;
}
