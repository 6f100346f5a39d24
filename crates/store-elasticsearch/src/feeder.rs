//! Brings what was committed into the index: at least once, in batches, behind the commits.
//!
//! Of several control planes of a colo, the one that serves feeds. When the index is away it waits, and goes on where it stopped; nothing else waits
//! with it. What is waiting is in the store, not in memory.

use std::sync::Arc;
use std::time::Duration;

use chassis::metrics::{Counter, Gauge};
use chassis::{Metrics, Process, telemetry};
use domain::time::Timestamp;
use store::feed::{Batch, Feed, Next};
use store::home::Home;

use crate::client::CallError;
use crate::template::TemplateError;
use crate::{Elastic, Put};

/// The name under which stores keep how far this reading is.
pub const NAME: &str = "elasticsearch";
/// Changes that are read and put at once.
const BATCH: u32 = 1_000;
/// Between two looks when there was nothing new.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks whether the process that feeds is still alive.
const ELSEWHERE: Duration = Duration::from_secs(10);
/// After a failure, doubled with each further one.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Between two looks for months that are past their time.
const DROP: Duration = Duration::from_secs(24 * 3600);

/// Why a batch is not in the index yet.
#[derive(Debug, thiserror::Error)]
enum Stuck {
    #[error("the store does not give what was committed")]
    Store(#[from] store::Error),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Index(#[from] CallError),
}

#[derive(Debug)]
struct Counts {
    created: Counter,
    known: Counter,
    refused: Counter,
    failures: Counter,
    lag: Gauge,
}

impl Counts {
    fn new(metrics: &Metrics) -> Self {
        let documents = |outcome| {
            metrics.counter_with(
                "history_documents_total",
                "Changes put into the index of history, by what became of them.",
                &[("outcome", outcome)],
            )
        };
        Self {
            created: documents("created"),
            known: documents("known"),
            refused: documents("refused"),
            failures: metrics.counter(
                "history_feed_failures_total",
                "Times that the index of history did not take what was committed, or the store did not give it.",
            ),
            lag: metrics.gauge(
                "history_lag_seconds",
                "Age of the oldest change that is not in the index of history yet; 0 where another process feeds, or another control plane serves.",
            ),
        }
    }

    fn put(&self, put: Put) {
        self.created.add(put.created);
        self.known.add(put.known);
        self.refused.add(put.refused);
    }
}

/// One feeder.
#[derive(Debug)]
struct Feeder {
    process: Process,
    elastic: Elastic,
    feed: Arc<dyn Feed>,
    home: Home,
    counts: Counts,
    /// What was read and is not in the index yet.
    batch: Option<Batch>,
    /// When nothing was missing, the last time.
    whole: Timestamp,
    /// Whether the template was seen since the last failure.
    checked: bool,
    /// When old months were last looked for.
    dropped: Option<Timestamp>,
}

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    More,
    Whole,
    Elsewhere,
}

impl Step {
    /// How long until the next one.
    const fn rest(&self) -> Duration {
        match self {
            Self::More => Duration::ZERO,
            Self::Whole => LOOK,
            Self::Elsewhere => ELSEWHERE,
        }
    }
}

/// Feeds until the process stops, while its control plane serves.
pub fn start(process: &Process, elastic: Elastic, feed: Arc<dyn Feed>, home: Home) {
    let feeder = Feeder::new(process, elastic, feed, home);
    drop(process.tasks.spawn("history", feeder.run()));
}

/// Feeds until nothing is missing. For tests and benches.
///
/// # Errors
/// Whatever keeps a batch out, in words.
pub async fn catch_up(
    process: &Process,
    elastic: Elastic,
    feed: Arc<dyn Feed>,
) -> Result<(), String> {
    let mut feeder = Feeder::new(process, elastic, feed, Home::Only);
    loop {
        match feeder.step().await {
            Ok(Step::More) => {}
            Ok(Step::Whole) => return Ok(()),
            Ok(Step::Elsewhere) => return Err("another process feeds".to_owned()),
            Err(stuck) => return Err(telemetry::chain(&stuck).to_string()),
        }
    }
}

impl Feeder {
    fn new(process: &Process, elastic: Elastic, feed: Arc<dyn Feed>, home: Home) -> Self {
        Self {
            process: process.clone(),
            elastic,
            feed,
            home,
            counts: Counts::new(&process.metrics),
            batch: None,
            whole: wall(process),
            checked: false,
            dropped: None,
        }
    }

    async fn run(mut self) {
        let mut retry = RETRY;
        loop {
            let step = self.turn().await;
            self.lag(&step);
            let wait = match step {
                Ok(step) => {
                    retry = RETRY;
                    step.rest()
                }
                Err(stuck) => {
                    self.checked = false;
                    self.counts.failures.increment();
                    let wait = retry + self.process.entropy.up_to(retry / 2);
                    let error = telemetry::chain(&stuck);
                    tracing::warn!(%error, wait_ms = wait.as_millis(), "history waits for its index");
                    retry = (retry * 2).min(RETRY_MAX);
                    wait
                }
            };
            tokio::select! {
                biased;
                () = self.process.stop.requested() => return,
                () = self.process.clock.sleep(wait) => {}
            }
        }
    }

    /// A step, if this control plane serves. One that stands by is in another data centre, to which a line of the feed comes before the commit that it tells
    /// of: it would give up what is only on its way, and that would be missing in the index for ever.
    async fn turn(&mut self) -> Result<Step, Stuck> {
        if self.home.is_serving() {
            return self.step().await;
        }
        // Whoever serves is given the same.
        self.batch = None;
        Ok(Step::Elsewhere)
    }

    /// Reads a batch unless one waits, puts it, and passes it.
    async fn step(&mut self) -> Result<Step, Stuck> {
        if self.batch.is_none() {
            match self.feed.next(BATCH).await? {
                Next::Elsewhere => return Ok(Step::Elsewhere),
                Next::Changes(batch) => self.batch = Some(batch),
            }
        }
        let Some(batch) = &self.batch else {
            return Ok(Step::Whole);
        };
        let full = !batch.items.is_empty();
        if full {
            if !self.checked {
                self.elastic.expect_current().await?;
                self.checked = true;
            }
            self.counts.put(self.elastic.put(&batch.items).await?);
        }
        let mark = batch.mark.clone();
        // It is in: should passing it fail, the store gives it again.
        self.batch = None;
        self.feed.passed(&mark).await?;
        if full {
            return Ok(Step::More);
        }
        self.drop_old().await?;
        Ok(Step::Whole)
    }

    async fn drop_old(&mut self) -> Result<(), Stuck> {
        let now = wall(&self.process);
        if self.dropped.is_none_or(|at| now.since(at) >= DROP) {
            self.elastic.drop_old(now).await?;
            self.dropped = Some(now);
        }
        Ok(())
    }

    fn lag(&mut self, step: &Result<Step, Stuck>) {
        let now = wall(&self.process);
        if matches!(step, Ok(Step::Whole | Step::Elsewhere)) {
            self.whole = now;
            self.counts.lag.set(0);
            return;
        }
        let waiting = self.batch.iter().flat_map(|batch| &batch.items);
        let oldest = waiting.map(|found| found.record.at).min();
        let age = now.since(oldest.unwrap_or(self.whole)).as_secs();
        self.counts.lag.set(i64::try_from(age).unwrap_or(i64::MAX));
    }
}

fn wall(process: &Process) -> Timestamp {
    Timestamp::from_unix_ms(process.clock.unix_ms())
}

#[cfg(test)]
mod tests;
