//! What the store did, counted: for metrics, and for the figures G5 to G7.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only go up.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) commits: AtomicU64,
    pub(super) transactions: AtomicU64,
    pub(super) fsyncs: AtomicU64,
    pub(super) bytes_written: AtomicU64,
    pub(super) row_bytes: AtomicU64,
    pub(super) round_trips: AtomicU64,
}

/// What [`Counters`] stood at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Changes of groups that were applied, creations too.
    pub commits: u64,
    /// Transactions that wrote: each has one fsync before its answers.
    pub transactions: u64,
    /// Fsyncs: one per transaction, two per checkpoint (log, file).
    pub fsyncs: u64,
    /// Bytes written to the log: whole pages with their frame headers. Checkpoints write the same pages once more, merged.
    pub bytes_written: u64,
    /// Bytes of the rows that commits wrote, before SQLite put them on pages.
    pub row_bytes: u64,
    /// Requests to the store by the roles, reads and writes, hints left out (they stay in memory).
    pub round_trips: u64,
}

impl Counters {
    /// What they stand at.
    #[must_use]
    pub fn now(&self) -> Counts {
        Counts {
            commits: self.commits.load(Ordering::Relaxed),
            transactions: self.transactions.load(Ordering::Relaxed),
            fsyncs: self.fsyncs.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
            row_bytes: self.row_bytes.load(Ordering::Relaxed),
            round_trips: self.round_trips.load(Ordering::Relaxed),
        }
    }
}

/// Adds to one of the counts.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
