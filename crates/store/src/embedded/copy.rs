//! Reading the journal of a store's file beside whoever serves from it, to fill an index.

use std::path::Path;

use domain::ids::{GroupId, GroupKey, Rev};
use rusqlite::{Connection, OpenFlags};

use super::prepare::Key;
use super::{OpenError, read, schema};
use crate::Error;
use crate::group::CommitRecord;

/// A file that is only read; a running service goes on.
#[derive(Debug)]
pub struct Copy {
    db: Connection,
}

impl Copy {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// It cannot be opened, or is no store.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        schema::inspect(path)?;
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let db = db.map_err(|e| OpenError::Sqlite(path.to_owned(), e))?;
        Ok(Self { db })
    }

    /// Where groups are, in order of id, after `after`; none after the last.
    ///
    /// # Errors
    /// As for every read.
    pub fn groups(&self, after: Option<GroupId>, limit: u32) -> Result<Vec<GroupKey>, Error> {
        read::keys(&self.db, None, after, limit)
    }

    /// Records of a group with `rev > after`, oldest first.
    ///
    /// # Errors
    /// As for every read.
    pub fn records(
        &self,
        key: &GroupKey,
        after: Option<Rev>,
        limit: u32,
    ) -> Result<Vec<CommitRecord>, Error> {
        read::journal(&self.db, &Key::from(key), after, limit)
    }
}
