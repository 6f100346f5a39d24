//! What a process remembers of groups: one lane each, in which conditional writes and serial reads go one after the other, and the head
//! that the last of them saw.
//!
//! A head is remembered to save a read before a commit, never to conclude that a commit is allowed: the cluster checks the guard. Only one
//! commit ever makes a revision, so a head of revision `n` is the head of revision `n`, however long ago it was seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::capacity::Size;
use domain::ids::{Fence, GroupKey, RecordHash, Rev};
use domain::time::Timestamp;

/// The newest commit of a group, as the next one needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) rev: Rev,
    pub(crate) fence: Fence,
    pub(crate) desired: Size,
    pub(crate) hash: RecordHash,
    pub(crate) wake: Option<Timestamp>,
}

/// A lane; whoever holds it may ask for the group.
pub(crate) type Lane = Arc<tokio::sync::Mutex<Option<Head>>>;

/// The lanes of all groups that were lately asked for.
#[derive(Debug, Default)]
pub(crate) struct Cells(Mutex<HashMap<GroupKey, Lane>>);

/// Lanes remembered at most, about 16 MiB.
const LANES_MAX: usize = 64 * 1024;

impl Cells {
    /// The lane of a group.
    pub(crate) fn lane(&self, key: &GroupKey) -> Lane {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(key) {
            return Arc::clone(lane);
        }
        if lanes.len() >= LANES_MAX {
            // Those in use stay: two lanes of one group would let its requests race.
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        Arc::clone(lanes.entry(key.clone()).or_default())
    }
}
