//! The feed of a cluster: a log for each process that commits, written before the commits that it tells of.
//!
//! Nobody could find by key what was committed last over all groups. So each process has a log of its own, in which it writes which revision
//! of which group it is about to commit; whatever waits goes into one write, and the next write begins when that one is answered, so that
//! a log is read in its order, without gaps but for what has expired, and without clocks. A line says only where to look: what counts is the commit
//! record. Of a commit that was refused or never came there is none, and the line is passed after a while ([`reading`]).

mod place;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use chassis::metrics::Counter;
use chassis::{Metrics, Process};
use domain::ids::{GroupKey, Rev};
use scylla::statement::batch::{Batch, BatchType};
use tokio::sync::{mpsc, oneshot};

use crate::driver::{Driver, Values, blob, int, long};
use crate::lists::place;
use crate::statements::Statements;

/// Lines of one partition of a log.
const PART: u64 = 10_000;
/// Lines in one write.
const LINES_MAX: usize = 100;
/// Lines that may wait; more are lost to the feed, and said so.
const WAITING_MAX: usize = 10_000;
/// How long a commit waits for its line. The commit goes on all the same, and the line is still written, unless the process is killed before.
const LINE_WITHIN: Duration = Duration::from_millis(500);
/// After a write that failed, doubled with each further one.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// A log is named again after so long, much sooner than its name expires.
const NAMED_AGAIN: Duration = Duration::from_secs(12 * 3600);

/// What the index of history does not hear of by itself.
fn lost(metrics: &Metrics) -> Counter {
    metrics.counter(
        "history_feed_lost_total",
        "Commits that could not be noted for the index of history, or whose notes expired unread: `holt history rebuild` brings them in.",
    )
}

/// A line that waits to be written.
struct Line {
    group: GroupKey,
    rev: Rev,
    written: oneshot::Sender<()>,
}

/// This process's log.
#[derive(Debug)]
pub(crate) struct Log {
    process: Process,
    lines: mpsc::Sender<Line>,
    lost: Counter,
}

impl Log {
    /// Begins a log under a name that nobody else has.
    pub(crate) fn start(
        process: &Process,
        driver: Arc<Driver>,
        statements: Arc<Statements>,
    ) -> Self {
        let (lines, waiting) = mpsc::channel(WAITING_MAX);
        let writer = Writer {
            process: process.clone(),
            driver,
            statements,
            name: process.entropy.u128().to_be_bytes().to_vec(),
            next: 1,
            named: None,
        };
        drop(process.tasks.spawn("feed", writer.run(waiting)));
        Self {
            process: process.clone(),
            lines,
            lost: lost(&process.metrics),
        }
    }

    /// Notes that this revision of the group is about to be committed. Durable when this returns, or the cluster is slow: a commit waits no longer.
    pub(crate) async fn note(&self, group: &GroupKey, rev: Rev) {
        let (written, answer) = oneshot::channel();
        let line = Line {
            group: group.clone(),
            rev,
            written,
        };
        if self.lines.try_send(line).is_err() {
            self.lost.increment();
            return;
        }
        if self
            .process
            .clock
            .timeout(LINE_WITHIN, answer)
            .await
            .is_err()
        {
            tracing::debug!(group.id = %group.id, "a commit did not wait for its line in the feed");
        }
    }
}

/// Writes a log: one write at a time.
struct Writer {
    process: Process,
    driver: Arc<Driver>,
    statements: Arc<Statements>,
    name: Vec<u8>,
    /// Number of the next line.
    next: u64,
    /// Under which partition, and when, the log was named last.
    named: Option<(u64, chassis::Mono)>,
}

impl Writer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Line>) {
        while let Some(first) = self.first(&mut waiting).await {
            let mut lines = vec![first];
            // A write lies in one partition.
            while lines.len() < LINES_MAX && !(self.next + lines.len() as u64).is_multiple_of(PART)
            {
                let Ok(line) = waiting.try_recv() else { break };
                lines.push(line);
            }
            let mut retry = RETRY;
            while !self.write(&lines).await {
                tokio::select! {
                    biased;
                    () = self.process.stop.requested() => return,
                    () = self.process.clock.sleep(retry) => {}
                }
                retry = (retry * 2).min(RETRY_MAX);
            }
            self.next += lines.len() as u64;
            // Who does not wait any more does not matter.
            for line in lines {
                line.written.send(()).unwrap_or_default();
            }
        }
    }

    /// The next line. A log stays named for as long as its process lives: readers forget how far they are in one whose name is gone.
    async fn first(&mut self, waiting: &mut mpsc::Receiver<Line>) -> Option<Line> {
        loop {
            tokio::select! {
                biased;
                line = waiting.recv() => return line,
                () = self.process.clock.sleep(NAMED_AGAIN) => {}
            }
            if self.named.is_some()
                && let Err(error) = self.keep_named().await
            {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the log of this process was not named again");
            }
        }
    }

    async fn write(&mut self, lines: &[Line]) -> bool {
        let written = self.try_write(lines).await;
        if let Err(error) = &written {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "the feed of history waits for the cluster");
        }
        written.is_ok()
    }

    /// Names the log, if that is due.
    async fn keep_named(&mut self) -> Result<(), store::Error> {
        let part = self.next / PART;
        let now = self.process.clock.mono();
        let again = |(named, at): (u64, chassis::Mono)| {
            named != part || now.saturating_since(at) >= NAMED_AGAIN
        };
        if self.named.is_none_or(again) {
            let values = vec![blob(&self.name), int(part)];
            self.driver
                .write(&self.statements.feed.name, values)
                .await?;
            self.named = Some((part, now));
        }
        Ok(())
    }

    async fn try_write(&mut self, lines: &[Line]) -> Result<(), store::Error> {
        self.keep_named().await?;
        let part = self.next / PART;
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.set_is_idempotent(true);
        let mut values: Vec<Values> = Vec::new();
        for (n, line) in (self.next..).zip(lines) {
            batch.append_statement(self.statements.feed.put.clone());
            let of = [blob(&self.name), int(part), long(n)];
            let group = place(&line.group).into_iter();
            values.push(
                of.into_iter()
                    .chain(group)
                    .chain([long(line.rev.0)])
                    .collect(),
            );
        }
        self.driver.write_all(&batch, values).await
    }
}
