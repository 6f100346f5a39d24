//! Reports: each is kept until a supervisor has acknowledged it, and offered to the one it came from first, then to any other.
//!
//! Whoever finishes an operation sends its report, and with it what others left while all senders were busy: so reports batch under load, and
//! a single one waits for nothing. A report that failed travels alone from then on, so that it holds no other up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::{Mono, Process};
use domain::ids::{Incarnation, OpId, WorkerName};
use domain::trace::Trace;
use wire::ports::ops::{Done, Ops, OpsError, Report, Subject};

use crate::Shared;

/// Requests with reports that are under way to one supervisor at one time.
const SENDERS_MAX: usize = 4;
/// Reports in one request.
const BATCH_MAX: usize = 64;
/// The pause after the first failure, doubled with each further one.
const FAILED_WAIT: Duration = Duration::from_millis(200);
/// No pause is longer.
const FAILED_WAIT_MAX: Duration = Duration::from_secs(10);

/// What came of an operation, to be reported.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) op: OpId,
    pub(crate) key: Subject,
    pub(crate) result: Done,
    pub(crate) trace: Option<Trace>,
    /// When the look began that it rests on: its age is counted anew whenever it is sent.
    pub(crate) began: Option<Mono>,
}

/// What waits to be acknowledged.
#[derive(Debug)]
pub(crate) struct Reporter {
    process: Process,
    lanes: Vec<Lane>,
    waiting: AtomicUsize,
}

/// Reports that belong to one supervisor.
#[derive(Debug)]
struct Lane {
    supervisor: Arc<dyn Ops>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Queued>,
    senders: usize,
}

#[derive(Debug)]
struct Queued {
    pending: Pending,
    failures: u32,
}

/// One of the senders of a lane; dropping it makes room for another.
struct Sender<'lane> {
    lane: &'lane Lane,
}

impl Shared {
    /// Sees to it that the report is acknowledged. Returns early when another task sends it.
    pub(crate) async fn deliver(&self, origin: usize, pending: Pending) {
        let from = From {
            worker: &self.settings.name,
            incarnation: self.incarnation,
        };
        self.reporter.deliver(origin, pending, from).await;
    }
}

/// Who reports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From<'worker> {
    worker: &'worker WorkerName,
    incarnation: Incarnation,
}

impl Reporter {
    pub(crate) fn new(process: Process, supervisors: &[Arc<dyn Ops>]) -> Self {
        let lanes = supervisors.iter().map(|supervisor| Lane {
            supervisor: Arc::clone(supervisor),
            inner: Mutex::default(),
        });
        Self {
            process,
            lanes: lanes.collect(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// How many reports nobody has acknowledged.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn deliver(&self, origin: usize, pending: Pending, from: From<'_>) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let lane = &self.lanes[origin];
        lane.inner().queue.push_back(Queued {
            pending,
            failures: 0,
        });
        while let Some(sender) = lane.sender() {
            let Some(batch) = lane.batch() else {
                // Others took all of it. Look again after stepping back: one that came just now may have counted on this sender.
                drop(sender);
                continue;
            };
            let sent = self.send(origin, &batch, from).await;
            drop(sender);
            match sent {
                Ok(()) => {
                    self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
                }
                Err(error) => self.again(lane, batch, &error).await,
            }
        }
    }

    /// Offers a batch to every supervisor once, beginning with the one that the operations came from.
    async fn send(&self, origin: usize, batch: &[Queued], from: From<'_>) -> Result<(), OpsError> {
        let mut last = OpsError::Unreachable;
        for turn in 0..self.lanes.len() {
            let lane = &self.lanes[(origin + turn) % self.lanes.len()];
            let now = self.process.clock.mono();
            let reports = batch
                .iter()
                .map(|queued| queued.pending.stamped(now, from))
                .collect();
            match lane.supervisor.report(reports).await {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Keeps a batch that nobody took, for a while, and puts it back.
    async fn again(&self, lane: &Lane, mut batch: Vec<Queued>, error: &OpsError) {
        let failures = batch
            .iter()
            .map(|queued| queued.failures)
            .max()
            .unwrap_or(0);
        if failures == 0 {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                reports = batch.len(),
                "no supervisor takes reports: kept"
            );
        }
        let wait = FAILED_WAIT
            .saturating_mul(1 << failures.min(10))
            .min(FAILED_WAIT_MAX);
        let jitter = self.process.entropy.up_to(wait / 2);
        self.process.clock.sleep(wait / 2 + jitter).await;
        for queued in &mut batch {
            queued.failures = queued.failures.saturating_add(1);
        }
        lane.inner().queue.extend(batch);
    }
}

impl Lane {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes a sender, if there is something to send and not enough others do.
    fn sender(&self) -> Option<Sender<'_>> {
        let mut inner = self.inner();
        let wanted = !inner.queue.is_empty() && inner.senders < SENDERS_MAX;
        wanted.then(|| {
            inner.senders += 1;
            Sender { lane: self }
        })
    }

    /// The next reports to send: many that are new, or one that failed before.
    fn batch(&self) -> Option<Vec<Queued>> {
        let mut inner = self.inner();
        let fresh = inner
            .queue
            .iter()
            .take(BATCH_MAX)
            .take_while(|queued| queued.failures == 0)
            .count();
        let count = fresh.max(1).min(inner.queue.len());
        (count > 0).then(|| inner.queue.drain(..count).collect())
    }
}

impl Drop for Sender<'_> {
    fn drop(&mut self) {
        self.lane.inner().senders -= 1;
    }
}

impl Pending {
    fn stamped(&self, now: Mono, from: From<'_>) -> Report {
        let mut result = self.result.clone();
        if let (Done::Listed { age, .. } | Done::Read { age, .. }, Some(began)) =
            (&mut result, self.began)
        {
            *age = now.saturating_since(began);
        }
        Report {
            op: self.op,
            key: self.key.clone(),
            worker: from.worker.clone(),
            incarnation: from.incarnation,
            result,
            trace: self.trace,
        }
    }
}
