//! What the store did, counted: for metrics, and for the figures G5 to G7.

use chassis::Metrics;
use chassis::metrics::Counter;

/// Counts that only go up, under the process's metrics. Two stores of one process count together.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) commits: Counter,
    pub(super) transactions: Counter,
    pub(super) fsyncs: Counter,
    pub(super) bytes_written: Counter,
    pub(super) row_bytes: Counter,
    pub(super) round_trips: Counter,
    pub(super) looks: Counter,
}

/// What the counts of a store stood at.
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
    /// Requests to the store that something caused, reads and writes; hints are left out (they stay in memory).
    pub round_trips: u64,
    /// Requests that the clock alone causes (switches, timers): so many a second and supervisor, however much happens.
    pub looks: u64,
}

impl Counters {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            commits: metrics.counter(
                "store_commits_total",
                "Changes of groups that were applied.",
            ),
            transactions: metrics.counter(
                "store_transactions_total",
                "Transactions that wrote; each is synced before its answers.",
            ),
            fsyncs: metrics.counter("store_fsyncs_total", "Syncs of the log and of the file."),
            bytes_written: metrics
                .counter("store_bytes_written_total", "Bytes written to the log."),
            row_bytes: metrics.counter(
                "store_row_bytes_total",
                "Bytes of the rows that commits wrote, before they were put on pages.",
            ),
            round_trips: metrics.counter(
                "store_round_trips_total",
                "Requests to the store that something caused, reads and writes.",
            ),
            looks: metrics.counter(
                "store_looks_total",
                "Requests to the store that the clock alone causes: switches, timers.",
            ),
        }
    }

    /// What they stand at.
    pub(super) fn now(&self) -> Counts {
        Counts {
            commits: self.commits.get(),
            transactions: self.transactions.get(),
            fsyncs: self.fsyncs.get(),
            bytes_written: self.bytes_written.get(),
            row_bytes: self.row_bytes.get(),
            round_trips: self.round_trips.get(),
            looks: self.looks.get(),
        }
    }
}
