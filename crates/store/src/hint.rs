//! Hints: which groups may have something to do. Losing one costs time, never safety (design 5).

use std::fmt::Debug;

use async_trait::async_trait;
use domain::ids::GroupKey;
use domain::time::Timestamp;

use crate::Error;

/// Hints, plain writes, at most a quarter of an hour old.
#[async_trait]
pub trait Hints: Debug + Send + Sync {
    /// Says that a group has something to do; written before the commit that causes it (safety 3.5).
    async fn mark(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error>;
    /// The groups that were marked, oldest first.
    async fn marked(&self, limit: u32) -> Result<Vec<(GroupKey, Timestamp)>, Error>;
    /// Takes a mark away if it is not younger than `at`.
    async fn clear(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error>;
}
