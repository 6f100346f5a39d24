//! Reading a store's file beside whoever serves from it, to see whether its history is whole (design 5).

use std::path::Path;

use domain::ids::{GroupId, GroupKey};
use rusqlite::{Connection, OpenFlags};

use super::prepare::Key;
use super::{OpenError, read, schema};
use crate::Error;
use crate::audit::{Audited, Chain, PAGE};

/// Walks the chain of records of every group in the file at `path`, in order of group id, and tells `each` what it found. The file is only
/// read; a running service goes on.
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
    let mut chain = Chain::new(key);
    while chain.take(read::journal(db, &columns, chain.reached(), PAGE))? {}
    // A group's newest record is its revision here: there is nothing to hold it against.
    Ok(chain.end(None))
}
