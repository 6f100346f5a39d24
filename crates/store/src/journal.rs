//! The journal: what happened to a group, kept for 13 months, in which support looks (design 5).

use std::fmt::Debug;

use async_trait::async_trait;
use domain::ids::{GroupKey, Rev};

use crate::Error;
use crate::group::CommitRecord;

/// Commit records for people and for `audit verify`. At least once: a record that is appended twice is stored once.
#[async_trait]
pub trait Journal: Debug + Send + Sync {
    /// Copies commit records of one group.
    async fn append(&self, key: &GroupKey, records: &[CommitRecord]) -> Result<(), Error>;
    /// Records of a group with `rev > after`, oldest first.
    async fn read(
        &self,
        key: &GroupKey,
        after: Option<Rev>,
        limit: u32,
    ) -> Result<Vec<CommitRecord>, Error>;
}
