//! Reading a store's file beside whoever serves from it, to see whether its history is whole (design 5).

use std::path::Path;

use domain::ids::{GroupId, GroupKey, RecordHash, Rev};
use rusqlite::{Connection, OpenFlags};

use super::prepare::Key;
use super::{OpenError, read, schema};
use crate::Error;
use crate::record::{self, Broken, GENESIS};

/// Groups, and records of one group, that are read at once.
const PAGE: u32 = 500;

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
}

/// Walks the chain of records of every group in the file at `path`, in order of group id, and tells `each` what it found. The file is only
/// read; a running service goes on.
///
/// A chain shows that a record between others was altered, added or removed. That the *newest* records of a group were cut off, together with
/// what they hold, it cannot show: compare with a backup.
///
/// # Errors
/// The file cannot be opened, is no store, or the disk fails.
pub fn audit(path: &Path, mut each: impl FnMut(Audited)) -> Result<(), AuditError> {
    schema::inspect(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = Connection::open_with_flags(path, flags)
        .map_err(|e| OpenError::Sqlite(path.to_owned(), e))?;
    let mut after: Option<GroupId> = None;
    loop {
        let keys = read::keys(&db, None, after, PAGE)?;
        let Some(last) = keys.last() else {
            return Ok(());
        };
        after = Some(last.id);
        for key in keys {
            each(walk(&db, key)?);
        }
    }
}

/// Why nothing was audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The disk fails.
    #[error(transparent)]
    Read(#[from] Error),
}

fn walk(db: &Connection, key: GroupKey) -> Result<Audited, Error> {
    let columns = Key::from(&key);
    let mut found = Audited {
        key,
        first: Rev(1),
        records: 0,
        fault: None,
    };
    let mut end: Option<(Rev, RecordHash)> = None;
    loop {
        let page = match read::journal(db, &columns, end.map(|(rev, _)| rev), PAGE) {
            Ok(page) => page,
            Err(Error::Corrupt(why)) => {
                found.fault = Some(Fault::Unreadable(why));
                return Ok(found);
            }
            Err(other) => return Err(other),
        };
        let Some(oldest) = page.first() else {
            break;
        };
        let (next, previous) = match end {
            Some((rev, hash)) => (rev.next(), hash),
            // What was before it was thrown away: it is believed, and the rest must follow on it.
            None if oldest.rev > Rev(1) => (oldest.rev, oldest.previous),
            None => (Rev(1), GENESIS),
        };
        if end.is_none() {
            found.first = next;
        }
        match record::verify(&page, next, previous) {
            Ok(hash) => {
                found.records += u64::try_from(page.len()).unwrap_or(u64::MAX);
                end = page.last().map(|record| (record.rev, hash));
            }
            Err(broken) => {
                let (Broken::Missing(at) | Broken::Altered(at)) = broken;
                found.records += at.0.saturating_sub(next.0);
                found.fault = Some(broken.into());
                return Ok(found);
            }
        }
    }
    if end.is_none() {
        found.fault = Some(Fault::Empty);
    }
    Ok(found)
}
