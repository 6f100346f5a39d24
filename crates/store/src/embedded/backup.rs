//! Online backup: one consistent copy while everything goes on.

use std::fs::File;
use std::path::Path;

use super::{Embedded, read};
use crate::Error;

impl Embedded {
    /// Writes a consistent, compact copy of the store to `to`, as of now, and syncs it. The copy is a store of its own; writes go on
    /// meanwhile. `to` must not exist.
    ///
    /// # Errors
    /// `Unavailable` or `Full`; what stands in `to` then is no backup and should be deleted.
    pub async fn backup(&self, to: &Path) -> Result<(), Error> {
        let to = to.to_owned();
        let io = |e: std::io::Error| Error::Unavailable(Box::new(e));
        let path = self.inner.path.clone();
        let copied = move || {
            // A connection of its own: VACUUM INTO cannot run inside a reader's transaction.
            let from = rusqlite::Connection::open_with_flags(
                path,
                rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
            )
            .map_err(read::explain)?;
            from.execute("VACUUM INTO ?1", [to.to_string_lossy()])
                .map_err(read::explain)?;
            File::open(&to).and_then(|file| file.sync_all()).map_err(io)
        };
        let done = self.inner.readers.tasks().blocking(copied).await;
        done.map_err(|e| Error::Unavailable(Box::new(e)))?
    }
}
