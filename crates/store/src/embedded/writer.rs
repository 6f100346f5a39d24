//! The one writer: a thread that puts all that waits into one transaction, syncs it, and then answers.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::{Process, Stop};
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};

use super::Settings;
use super::commit::{self, Failed, Heads};
use super::controls;
use super::counters::Counters;
use super::inputs;
use super::notes;
use super::prepare::Request;
use super::queue::{Gone, Queue};
use super::read::explain;
use super::search;
use crate::Error;
use crate::group::{Committed, Conflict};

/// A log of this many pages is written back as soon as nobody waits (16 MiB).
const PAGES_IDLE: u64 = 4096;
/// A log of this many pages is written back even while somebody waits (64 MiB).
const PAGES_BUSY: u64 = 16 * 1024;
/// The writer counts as idle after this, and writes back whatever the log holds.
const IDLE: Duration = Duration::from_millis(500);
/// Header of one page in the log, in bytes.
const FRAME: u64 = 24;
/// Bytes of a page.
const PAGE: u64 = 4096;

/// What the writer answers. For requests other than commits, `Applied` says that it is durable.
type Answer = Result<Committed, Error>;

struct Job {
    request: Request,
    answer: oneshot::Sender<Reply>,
}

/// An answer, and those of others of the same transaction: whoever is woken first tells the others. They mostly live on his thread, where that
/// costs nothing; each by its own from the writer's thread would be a system call.
struct Reply {
    own: Answer,
    others: Others,
}

/// Answers on their way. However the way ends, they get there.
#[derive(Default)]
struct Others(Vec<(oneshot::Sender<Reply>, Answer)>);

impl Drop for Others {
    fn drop(&mut self) {
        for (to, own) in self.0.drain(..) {
            let others = Self::default();
            // A caller that no longer waits finds out by reading.
            drop(to.send(Reply { own, others }));
        }
    }
}

/// The way to the writer thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Queue<Job>,
    room: Semaphore,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    broken: Arc<AtomicBool>,
}

/// The store is closed, or its writer has stopped.
#[derive(Debug, thiserror::Error)]
#[error("the store is closed")]
pub(super) struct Closed;

fn closed() -> Error {
    Error::Unavailable(Box::new(Closed))
}

impl Writer {
    /// Starts the thread. The lock is given up when it ends, after the file.
    pub(super) fn start(
        connection: Connection,
        lock: File,
        process: &Process,
        settings: Settings,
        counters: &Arc<Counters>,
    ) -> io::Result<Self> {
        let (jobs, inbox) = channel();
        let (end, ended) = oneshot::channel();
        let log_pages = Arc::new(AtomicU64::new(0));
        let broken = Arc::new(AtomicBool::new(false));
        let body = Loop {
            connection,
            heads: Heads::default(),
            inbox,
            waiting: VecDeque::new(),
            batch_max: usize::try_from(settings.batch_max.max(1)).unwrap_or(usize::MAX),
            counters: Arc::clone(counters),
            log_pages,
            written_back: true,
            not_before: 0,
            refused: false,
            broken: Arc::clone(&broken),
            stop: process.stop.clone(),
        };
        drop(process.tasks.thread("store-writer", move || {
            body.run();
            drop(lock);
            // Nobody may wait for it.
            end.send(()).unwrap_or_default();
        })?);
        Ok(Self {
            jobs: Queue::new(
                "store-turns",
                move |some| jobs.send(some).map_err(|_back| Gone),
                process,
            ),
            room: Semaphore::new(usize::try_from(settings.waiting_max.max(1)).unwrap_or(1)),
            ended: Mutex::new(Some(ended)),
            broken,
        })
    }

    /// Whether a sync has failed: every request is refused since.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Has one request executed. Waits while too many others wait. A dropped call may still be executed.
    pub(super) async fn ask(&self, request: Request) -> Answer {
        let Ok(_room) = self.room.acquire().await else {
            return Err(closed());
        };
        let (answer, answered) = oneshot::channel();
        self.jobs
            .push(Job { request, answer })
            .map_err(|Gone| closed())?;
        match answered.await {
            Ok(Reply { own, others }) => {
                drop(others);
                own
            }
            // A writer that dies between the sync and the answer leaves the outcome open.
            Err(_gone) => Ok(Committed::Unknown),
        }
    }

    /// Lets the thread end what waits, and waits for its end.
    pub(super) async fn close(&self) {
        self.jobs.close();
        let ended = self
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(ended) = ended {
            // An error says that it has ended.
            ended.await.unwrap_or_default();
        }
    }
}

/// What the thread owns.
struct Loop {
    connection: Connection,
    heads: Heads,
    inbox: Receiver<Vec<Job>>,
    /// Taken from the inbox, and not served yet.
    waiting: VecDeque<Job>,
    batch_max: usize,
    counters: Arc<Counters>,
    /// Pages in the log after the last commit.
    log_pages: Arc<AtomicU64>,
    written_back: bool,
    /// Pages below which another try to write back is useless, unless there is nothing else to do.
    not_before: u64,
    /// The last try failed: the disk is full.
    refused: bool,
    /// After a failed sync nothing that this process believes about the file is sure: it must be opened anew.
    broken: Arc<AtomicBool>,
    /// Of the process: nobody else opens it anew.
    stop: Stop,
}

/// How a transaction failed.
enum Undone {
    /// Before its commit: nothing of it is there.
    Before(Failed),
    /// At its commit, in a way that leaves open what a restart will find.
    Unclear(rusqlite::Error),
}

impl Loop {
    fn run(mut self) {
        if let Err(e) = self.watch_log() {
            tracing::error!(error = %e, "the store's log cannot be watched; it will be written back when idle only");
        }
        let mut jobs = Vec::new();
        loop {
            let next = match self.inbox.try_recv() {
                Ok(next) => Ok(next),
                Err(_) if !self.waiting.is_empty() => Ok(Vec::new()),
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    self.write_back(PAGES_IDLE);
                    self.wait()
                }
            };
            match next {
                Ok(next) => self.waiting.extend(next),
                Err(RecvTimeoutError::Timeout) => {
                    self.write_back(1);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.waiting.extend(self.inbox.try_iter().flatten());
            let batch = self.waiting.len().min(self.batch_max);
            jobs.extend(self.waiting.drain(..batch));
            self.serve(&mut jobs);
            self.write_back(PAGES_BUSY);
        }
        self.write_back(1);
    }

    /// Waits for requests; without end when the log is empty, so that an idle store costs nothing.
    fn wait(&self) -> Result<Vec<Job>, RecvTimeoutError> {
        if self.written_back || self.is_broken() {
            return self
                .inbox
                .recv()
                .map_err(|_closed| RecvTimeoutError::Disconnected);
        }
        self.inbox.recv_timeout(IDLE)
    }

    /// Counts what each commit adds to the log.
    fn watch_log(&mut self) -> rusqlite::Result<()> {
        let pages_now = Arc::clone(&self.log_pages);
        let counters = Arc::clone(&self.counters);
        self.connection.wal_hook(Some(
            move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
                let pages = u64::try_from(pages).unwrap_or(0);
                let before = pages_now.swap(pages, Ordering::Relaxed);
                // A log that was written back begins anew.
                let added = if pages > before {
                    pages - before
                } else {
                    pages
                };
                counters.bytes_written.add(added * (PAGE + FRAME));
                Ok(())
            },
        ))
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    fn serve(&mut self, jobs: &mut Vec<Job>) {
        let done = self.transact(jobs);
        self.conclude(jobs, done);
    }

    /// Answers the requests of one transaction by what became of it.
    fn conclude(&mut self, jobs: &mut Vec<Job>, done: Result<Vec<Committed>, Undone>) {
        if done.is_err() {
            self.heads.forget();
        }
        match done {
            Ok(answers) => {
                let answers = answers.into_iter().map(Ok);
                reply(jobs.drain(..).zip(answers));
            }
            Err(Undone::Before(failed)) if jobs.len() == 1 => {
                let error = self.explain(failed);
                reply(jobs.pop().map(|job| (job, Err(error))));
            }
            Err(Undone::Before(_)) => {
                // One of them cannot be written; the others may.
                let mut each: Vec<Job> = std::mem::take(jobs);
                for job in each.drain(..) {
                    jobs.push(job);
                    self.serve(jobs);
                }
            }
            Err(Undone::Unclear(e)) => {
                tracing::error!(error = %e, "a transaction of the store could not be synced: the process stops, so that the store is opened anew");
                self.broken.store(true, Ordering::Relaxed);
                // What was acknowledged was synced. A process that lived on would refuse every write, and look healthy.
                self.stop.request();
                reply(jobs.drain(..).map(|job| (job, Ok(Committed::Unknown))));
            }
        }
    }

    /// All requests in one transaction; answers only after its sync.
    fn transact(&mut self, jobs: &[Job]) -> Result<Vec<Committed>, Undone> {
        if self.is_broken() {
            return Err(Undone::Before(Failed::Store(closed())));
        }
        let before = |e: rusqlite::Error| Undone::Before(Failed::Sqlite(e));
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(before)?;
        let mut answers = Vec::with_capacity(jobs.len());
        let mut applied = 0;
        let mut wrote = false;
        for job in jobs {
            let done = execute(&tx, &mut self.heads, &job.request).map_err(Undone::Before)?;
            wrote |= done.wrote;
            applied += u64::from(done.wrote && done.is_commit);
            answers.push(done.answer);
        }
        if !wrote {
            tx.rollback().map_err(before)?;
            return Ok(answers);
        }
        if let Err(e) = tx.commit() {
            return Err(
                if e.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
                    Undone::Unclear(e)
                } else {
                    before(e)
                },
            );
        }
        self.written_back = false;
        self.counters.transactions.add(1);
        self.counters.fsyncs.add(1);
        self.counters.commits.add(applied);
        Ok(answers)
    }

    /// Copies the log into the file once it has at least `due` pages.
    fn write_back(&mut self, due: u64) {
        let pages = self.log_pages.load(Ordering::Relaxed);
        let idle = due == 1 && !self.refused;
        let due = if idle { due } else { due.max(self.not_before) };
        if self.written_back || self.is_broken() || pages < due {
            return;
        }
        let done = self
            .connection
            .wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE);
        self.refused = done.is_err();
        match done {
            Ok((pages, copied)) => {
                self.counters.fsyncs.add(2);
                self.written_back = pages == copied;
            }
            Err(e) => {
                tracing::warn!(error = %e, "the store's log could not be written back; it will be tried again");
            }
        }
        // Readers of older pages, or a full disk, hold the rest back: tried again when the log has grown by as much again.
        self.not_before = if self.written_back {
            0
        } else {
            pages + PAGES_IDLE
        };
    }

    fn explain(&self, failed: Failed) -> Error {
        match failed {
            Failed::Store(error) => error,
            Failed::Sqlite(e) => explain(e),
        }
    }
}

/// One request's part in the transaction.
struct Done {
    answer: Committed,
    wrote: bool,
    is_commit: bool,
}

fn execute(db: &Connection, heads: &mut Heads, request: &Request) -> Result<Done, Failed> {
    let group = |answer: Committed| Done {
        wrote: answer == Committed::Applied,
        is_commit: true,
        answer,
    };
    let other = |wrote| Done {
        answer: Committed::Applied,
        wrote,
        is_commit: false,
    };
    Ok(match request {
        Request::Create(batch) => group(commit::create(db, batch)?),
        Request::Commit(batch) => group(commit::commit(db, heads, batch)?),
        Request::Launch(tenant, hash, body) => other(commit::launch(db, tenant, *hash, body)?),
        Request::Append(key, records) => other(commit::append(db, key, records)?),
        Request::Throw(scope, at, body) => other(controls::throw(db, (scope, *at, body))?),
        Request::Keep(shelf, note, before) => {
            let kept = notes::keep(db, *shelf, note, before.as_deref())?;
            Done {
                answer: if kept {
                    Committed::Applied
                } else {
                    Committed::Conflict(Conflict::Moved)
                },
                ..other(kept)
            }
        }
        Request::Forget(shelf, id, body) => other(notes::forget(db, *shelf, id, body)?),
        Request::Clear(shelf, before) => other(notes::clear(db, *shelf, *before)?),
        Request::Index(limit) => other(search::index(db, *limit)?),
        Request::Input(write) => other(inputs::write(db, write)?),
        Request::Delete(rows) => other(commit::delete(db, rows)?),
    })
}

/// Answers all: the first that still waits has the answers of the others with his.
fn reply(answers: impl IntoIterator<Item = (Job, Answer)>) {
    let mut answers = answers.into_iter().map(|(job, own)| (job.answer, own));
    let first = answers.find(|(to, _)| !to.is_closed());
    let others = Others(answers.collect());
    if let Some((to, own)) = first {
        // If he left just now, the others are told as this is dropped.
        drop(to.send(Reply { own, others }));
    }
}

#[cfg(test)]
mod tests;
