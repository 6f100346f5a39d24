//! SQLite inside the process: the default store of one machine.
//!
//! ```text
//! commit, create, put, append ──► queue ──► writer thread: one transaction for all that waits ──► fsync ──► answers
//! read, verdicts, records     ──► a few read connections on the blocking pool; they see every answered commit. Reads of one thing go together
//! ```
//! There is no commit timer: what waits while one transaction is in flight goes into the next one. Each request is checked inside
//! the transaction before it writes anything, so that a refused one costs nothing and undoes nothing. A commit is answered after
//! the fsync of its transaction, never before. When an fsync fails, the process is asked to stop: only a store that is opened anew
//! knows what it holds.
//!
//! Hints are in memory: a restart loses them, and the slow full pass finds what they said. Deliberately absent: a second process on
//! the same file (refused by a lock beside it), network file systems, encryption.

pub mod audit;
mod backup;
mod commit;
mod controls;
pub mod copy;
mod counters;
mod feed;
mod groups;
mod inputs;
mod members;
mod notes;
mod prepare;
mod prune;
mod queue;
mod read;
mod readers;
mod rest;
mod schema;
mod search;
mod walk;
mod writer;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chassis::Process;
use rusqlite::Connection;

use crate::Stores;
use crate::hint::Board;
use crate::member::Leases;
use counters::Counters;
pub use counters::Counts;
pub use prune::Keep;
pub use schema::VERSION;

/// How a store is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Read connections, so reads at once; further ones wait. At least 1.
    pub readers: u32,
    /// Page cache of the writer, in KiB.
    pub writer_cache_kib: u32,
    /// Page cache of each reader, in KiB.
    pub reader_cache_kib: u32,
    /// Requests that may wait for the writer; further callers wait to be let in. At least 1.
    pub waiting_max: u32,
    /// Requests in one transaction, at most. At least 1.
    pub batch_max: u32,
    /// Largest file, in pages of 4 KiB; a full store refuses and loses nothing. None: as large as the disk.
    pub pages_max: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            readers: 2,
            writer_cache_kib: 32 * 1024,
            reader_cache_kib: 2 * 1024,
            waiting_max: 4096,
            batch_max: 256,
            pages_max: None,
        }
    }
}

/// Why a store cannot be opened. Stop the start; a person must look.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has the file.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// A newer version of Holt wrote it: use that version, or restore a backup.
    #[error(
        "{path} has schema version {found}, and this version of holt knows versions up to {known}"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// It is some other file; it was not touched.
    #[error("{0} is not a store of holt")]
    NotOurs(PathBuf),
    /// The file or its lock cannot be opened.
    #[error("{0} cannot be opened")]
    Io(PathBuf, #[source] io::Error),
    /// SQLite cannot open, migrate or set up the file.
    #[error("{0} cannot be opened")]
    Sqlite(PathBuf, #[source] rusqlite::Error),
}

/// An open store. [`Embedded::stores`] gives the handles that roles use.
#[derive(Debug, Clone)]
pub struct Embedded {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    writer: writer::Writer,
    readers: readers::Readers,
    hints: Mutex<Board>,
    leases: Mutex<Leases>,
    counters: Arc<Counters>,
}

/// Opens the store in `path`, or makes one if there is no file. Migrates an older schema in one transaction. Blocks on the disk:
/// call it at the start. The directory must exist, on a local file system.
///
/// # Errors
/// [`OpenError`] says why not; a file that is refused was not changed.
pub fn open(path: &Path, process: &Process, settings: Settings) -> Result<Embedded, OpenError> {
    let lock = lock(path)?;
    let sqlite = |e| OpenError::Sqlite(path.to_owned(), e);
    schema::inspect(path)?;
    let mut connection = Connection::open(path).map_err(sqlite)?;
    schema::set_up(&mut connection, settings.pages_max).map_err(sqlite)?;
    schema::tune(&connection, settings.writer_cache_kib).map_err(sqlite)?;
    let counters = Arc::new(Counters::new(&process.metrics));
    let readers = readers::Readers::open(path, process, settings).map_err(sqlite)?;
    let writer = writer::Writer::start(connection, lock, process, settings, &counters)
        .map_err(|e| OpenError::Io(path.to_owned(), e))?;
    Ok(Embedded {
        inner: Arc::new(Inner {
            path: path.to_owned(),
            writer,
            readers,
            hints: Mutex::default(),
            leases: Mutex::default(),
            counters,
        }),
    })
}

impl Embedded {
    /// The handles that roles use.
    #[must_use]
    pub fn stores(&self) -> Stores {
        Stores {
            groups: Arc::clone(&self.inner) as _,
            launches: Arc::clone(&self.inner) as _,
            hints: Arc::clone(&self.inner) as _,
            journal: Arc::clone(&self.inner) as _,
            controls: Arc::clone(&self.inner) as _,
            notes: Arc::clone(&self.inner) as _,
            search: Arc::clone(&self.inner) as _,
            inputs: Arc::clone(&self.inner) as _,
            members: Arc::clone(&self.inner) as _,
            home: crate::home::Home::Only,
        }
    }

    /// What was done since the start, for metrics and benches.
    #[must_use]
    pub fn counters(&self) -> Counts {
        self.inner.counters.now()
    }

    /// Whether a sync has failed. Every write is refused since, and the process was asked to stop: whoever starts it again opens the store anew.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.inner.writer.is_broken()
    }

    /// Ends what waits, then gives the file up. Later calls through any handle are `Unavailable`. Without it, the file is given up
    /// some time after the last handle is dropped; what was acknowledged is durable either way.
    pub async fn close(&self) {
        self.inner.readers.close();
        self.inner.writer.close().await;
    }
}

/// Takes the lock file beside the store: an advisory lock that dies with its process.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&beside)
        .map_err(|e| OpenError::Io(beside.clone(), e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(e)) => Err(OpenError::Io(beside, e)),
    }
}

#[cfg(test)]
mod tests;
