//! Hints: which groups may have something to do. Losing one costs time, never safety (design 5).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

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

/// How long a mark is kept after the newest one, at most.
const KEPT: Duration = Duration::from_secs(900);

/// Marks in memory, oldest first. A restart loses them, and the full pass finds what they said (design 5).
#[derive(Debug, Default, Clone)]
pub(crate) struct Board {
    at: BTreeMap<GroupKey, Timestamp>,
    oldest: BTreeSet<(Timestamp, GroupKey)>,
}

impl Board {
    /// A later mark replaces an earlier one, so that clearing the earlier one does not take the later.
    pub(crate) fn mark(&mut self, key: &GroupKey, at: Timestamp) {
        let newer = self.at.get(key).is_none_or(|old| *old < at);
        if newer {
            if let Some(old) = self.at.insert(key.clone(), at) {
                self.oldest.remove(&(old, key.clone()));
            }
            self.oldest.insert((at, key.clone()));
        }
        while let Some((old, _)) = self.oldest.first()
            && at.since(*old) > KEPT
            && let Some((_, key)) = self.oldest.pop_first()
        {
            self.at.remove(&key);
        }
    }

    pub(crate) fn marked(&self, limit: usize) -> Vec<(GroupKey, Timestamp)> {
        let oldest = self.oldest.iter().take(limit);
        oldest.map(|(at, key)| (key.clone(), *at)).collect()
    }

    pub(crate) fn clear(&mut self, key: &GroupKey, at: Timestamp) {
        if let Some(marked) = self.at.get(key).copied()
            && marked <= at
        {
            self.at.remove(key);
            self.oldest.remove(&(marked, key.clone()));
        }
    }
}
