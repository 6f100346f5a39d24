//! What the store did, counted: for metrics, and for the figures G5 to G7.

use chassis::Metrics;
use chassis::metrics::Counter;

/// Counts that only go up.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) commits: Counter,
    pub(super) transactions: Counter,
    pub(super) fsyncs: Counter,
    pub(super) bytes_written: Counter,
    pub(super) row_bytes: Counter,
    pub(super) round_trips: Counter,
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
    /// Counters that the process shows among its metrics.
    pub(super) fn registered(metrics: &Metrics) -> Self {
        Self {
            commits: metrics.counter(
                "store_commits_total",
                "Changes of groups that were applied.",
            ),
            transactions: metrics.counter("store_transactions_total", "Transactions that wrote."),
            fsyncs: metrics.counter("store_fsyncs_total", "Syncs of the log and of the file."),
            bytes_written: metrics.counter(
                "store_bytes_written_total",
                "Bytes written to the log, whole pages.",
            ),
            row_bytes: metrics.counter(
                "store_row_bytes_total",
                "Bytes of the rows that commits wrote.",
            ),
            round_trips: metrics.counter(
                "store_round_trips_total",
                "Requests to the store by the roles.",
            ),
        }
    }

    /// What they stand at.
    #[must_use]
    pub fn now(&self) -> Counts {
        Counts {
            commits: self.commits.get(),
            transactions: self.transactions.get(),
            fsyncs: self.fsyncs.get(),
            bytes_written: self.bytes_written.get(),
            row_bytes: self.row_bytes.get(),
            round_trips: self.round_trips.get(),
        }
    }
}

/// Adds to one of the counts.
pub(super) fn add(counter: &Counter, by: u64) {
    counter.add(by);
}
