//! Whether histories are whole (design 5): the records of a group follow on each other, from the oldest that is kept to its present revision.
//!
//! A chain shows that a record between others was altered, added or removed. That the *newest* ones were cut off shows only where the group's
//! revision stands beside its records, as in a cluster, and not if it was put back with them: compare with a backup.

use domain::ids::{GroupKey, RecordHash, Rev};

use crate::group::{CommitRecord, Level};
use crate::record::{self, Broken, GENESIS};
use crate::{Error, Stores};

/// Groups, and records of one group, that are read at once.
pub(crate) const PAGE: u32 = 500;

/// What became of one group's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// The group.
    pub key: GroupKey,
    /// The oldest record that is kept; those before it were thrown away for their age, or somebody removed them.
    pub first: Rev,
    /// Records that follow on each other without a gap from there.
    pub records: u64,
    /// What is wrong with the next one, if something is.
    pub fault: Option<Fault>,
}

/// Why a history is not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A record is missing, was altered, or is none of ours.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A record cannot even be read.
    #[error("a record cannot be read: {0}")]
    Unreadable(String),
    /// The group has no record at all: each begins with one.
    #[error("there is no record at all")]
    Empty,
    /// The newest records are missing, and the group's own row does not know of it.
    #[error("the group is at revision {0}, and its records end before")]
    Cut(Rev),
}

/// The records of one group, taken in page after page.
#[derive(Debug)]
pub struct Chain {
    found: Audited,
    end: Option<(Rev, RecordHash)>,
}

impl Chain {
    /// Nothing taken in yet.
    #[must_use]
    pub const fn new(key: GroupKey) -> Self {
        let found = Audited {
            key,
            first: Rev(1),
            records: 0,
            fault: None,
        };
        Self { found, end: None }
    }

    /// The revision behind which the next page begins.
    #[must_use]
    pub fn reached(&self) -> Option<Rev> {
        self.end.map(|(rev, _)| rev)
    }

    /// Takes in the next page, oldest record first. False: there is nothing more to read.
    ///
    /// # Errors
    /// Those of the store, but for records that cannot be read: that is a fault of the history.
    pub fn take(&mut self, page: Result<Vec<CommitRecord>, Error>) -> Result<bool, Error> {
        let page = match page {
            Ok(page) => page,
            Err(Error::Corrupt(why)) => {
                self.found.fault = Some(Fault::Unreadable(why));
                return Ok(false);
            }
            Err(other) => return Err(other),
        };
        let Some(oldest) = page.first() else {
            return Ok(false);
        };
        let (next, previous) = match self.end {
            Some((rev, hash)) => (rev.next(), hash),
            // What was before it was thrown away: it is believed, and the rest must follow on it.
            None if oldest.rev > Rev(1) => (oldest.rev, oldest.previous),
            None => (Rev(1), GENESIS),
        };
        if self.end.is_none() {
            self.found.first = next;
        }
        match record::verify(&page, next, previous) {
            Ok(hash) => {
                self.found.records += u64::try_from(page.len()).unwrap_or(u64::MAX);
                self.end = page.last().map(|record| (record.rev, hash));
                Ok(true)
            }
            Err(broken) => {
                let (Broken::Missing(at) | Broken::Altered(at)) = broken;
                self.found.records += at.0.saturating_sub(next.0);
                self.found.fault = Some(broken.into());
                Ok(false)
            }
        }
    }

    /// What was found. `rev` is the group's own, read *before* its records: they may have become more since.
    #[must_use]
    pub fn end(mut self, rev: Option<Rev>) -> Audited {
        if self.found.fault.is_none() {
            self.found.fault = match (self.end, rev) {
                (None, _) => Some(Fault::Empty),
                (Some((last, _)), Some(rev)) if last < rev => Some(Fault::Cut(rev)),
                (Some(_), _) => None,
            };
        }
        self.found
    }
}

/// Walks the chain of records of every group of a store that several processes use, and tells `each` what it found.
///
/// In the order of the store's list of groups; a running service goes on. The file of an embedded store has
/// [one of its own](crate::embedded::audit::audit).
///
/// # Errors
/// Those of reads; what was told until then holds.
pub async fn audit(stores: &Stores, mut each: impl FnMut(Audited)) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = stores.groups.all(after, PAGE).await?;
        for key in page.items {
            each(walk(stores, key).await?);
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn walk(stores: &Stores, key: GroupKey) -> Result<Audited, Error> {
    let group = stores.groups.read(&key, Level::Relaxed).await?;
    let mut chain = Chain::new(key.clone());
    while chain.take(stores.journal.read(&key, chain.reached(), PAGE).await)? {}
    Ok(chain.end(group.map(|group| group.rev)))
}
