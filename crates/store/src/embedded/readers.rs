//! Who reads: a few connections on the blocking pool. Each read sees every commit that was answered before it began.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chassis::{Process, Tasks};
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use super::Settings;
use super::queue::{Gone, Queue};
use super::read::explain;
use super::schema;
use super::writer::Closed;
use crate::Error;

/// Small reads in one snapshot, at most: a group that many wait for is not to wait for them all.
const TOGETHER_MAX: usize = 32;

/// The read connections.
#[derive(Debug)]
pub(super) struct Readers {
    pool: Arc<Pool>,
    small: Queue<Small>,
}

#[derive(Debug)]
struct Pool {
    idle: Mutex<Vec<Connection>>,
    room: Semaphore,
    tasks: Tasks,
}

/// A small read. What it returns is called where the runtime is, and tells whoever waits: from the connection's thread that would be a system call.
type Small = Box<dyn FnOnce(&Connection) -> Tell + Send>;
type Tell = Box<dyn FnOnce() + Send>;

/// A read was begun together with others, and did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error("the read was given up")]
struct GivenUp;

fn closed() -> Error {
    Error::Unavailable(Box::new(Closed))
}

impl Readers {
    /// Opens all connections, so that later reads need no file handle.
    pub(super) fn open(
        path: &Path,
        process: &Process,
        settings: Settings,
    ) -> rusqlite::Result<Self> {
        let count = usize::try_from(settings.readers.max(1)).unwrap_or(1);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connections = (0..count).map(|_| {
            let connection = Connection::open_with_flags(path, flags)?;
            schema::tune(&connection, settings.reader_cache_kib)?;
            Ok(connection)
        });
        let pool = Arc::new(Pool {
            idle: Mutex::new(connections.collect::<rusqlite::Result<_>>()?),
            room: Semaphore::new(count),
            tasks: process.tasks.clone(),
        });
        let readers = Arc::clone(&pool);
        let to = move |reads| {
            // A runtime that ends takes its tasks down, and asks for nothing more.
            if Handle::try_current().is_err() {
                return Err(Gone);
            }
            drop(
                readers
                    .tasks
                    .spawn("store-reads", Arc::clone(&readers).together(reads)),
            );
            Ok(())
        };
        Ok(Self {
            pool,
            small: Queue::new("store-reads-turns", to, process),
        })
    }

    /// Runs one read on a connection of its own, inside one snapshot.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.pool.run(read).await
    }

    /// Runs a read of one thing, in one snapshot with those that others ask for in the same turn of the runtime.
    pub(super) async fn small<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (to, found) = oneshot::channel();
        let small: Small = Box::new(move |db| {
            let result = read(db);
            Box::new(move || drop(to.send(result)))
        });
        self.small.push(small).map_err(|Gone| closed())?;
        found
            .await
            .unwrap_or_else(|_gone| Err(Error::Unavailable(Box::new(GivenUp))))
    }

    /// Where blocking work runs.
    pub(super) fn tasks(&self) -> &Tasks {
        &self.pool.tasks
    }

    /// Closes the connections; later reads are `Unavailable`.
    pub(super) fn close(&self) {
        self.small.close();
        self.pool.room.close();
        while let Some(connection) = self.pool.take() {
            drop(connection);
        }
    }
}

impl Pool {
    async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let Ok(_room) = self.room.acquire().await else {
            return Err(closed());
        };
        let Some(mut connection) = self.take() else {
            return Err(closed());
        };
        let done = self
            .tasks
            .blocking(move || {
                let result = connection
                    .transaction()
                    .map_err(explain)
                    .and_then(|tx| read(&tx));
                (connection, result)
            })
            .await;
        let (connection, result) = done.map_err(|e| Error::Unavailable(Box::new(e)))?;
        if !self.room.is_closed() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
        result
    }

    /// All of one turn, some at a time. Whoever's read does not come to its end is told so as the way to him is dropped.
    async fn together(self: Arc<Self>, mut reads: Vec<Small>) {
        while !reads.is_empty() {
            let some: Vec<_> = reads.drain(..reads.len().min(TOGETHER_MAX)).collect();
            let run = move |db: &Connection| {
                Ok(some.into_iter().map(|read| read(db)).collect::<Vec<_>>())
            };
            match self.run(run).await {
                Ok(tells) => tells.into_iter().for_each(|tell| tell()),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "reads given up");
                }
            }
        }
    }

    fn take(&self) -> Option<Connection> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_reads_of_one_turn_than_go_together_are_all_answered_and_none_after_the_close() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("holt.db");
        drop(Connection::open(&path).unwrap());
        let process = Process::system();
        let readers = Arc::new(Readers::open(&path, &process, Settings::default()).unwrap());
        let read = |n| {
            let readers = Arc::clone(&readers);
            let read = async move { readers.small(move |_| Ok(n)).await };
            process.tasks.spawn("read", read)
        };
        let reads: Vec<_> = (0..3 * TOGETHER_MAX).map(read).collect();
        for (n, read) in reads.into_iter().enumerate() {
            assert_eq!(read.join().await.unwrap().unwrap(), n);
        }
        readers.close();
        let late = readers.small(|_| Ok(())).await;
        assert!(matches!(late, Err(Error::Unavailable(_))));
    }
}
