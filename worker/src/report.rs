//! Reports: each is kept until a supervisor has acknowledged it, and offered to the one it came from first, then to any other.
//!
//! Whoever finishes an operation sends its report, and with it what others left while all senders were busy: so reports batch under load, and
//! a single one waits for nothing. What was not taken is said again after a pause of its own, by other senders than what is new: so a group
//! that ails keeps its own reports waiting and no others. Of a batch that got no answer at all, each travels alone until it gets one: it may
//! be one of them that no supervisor can read.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::{Mono, Process};
use domain::ids::{Incarnation, OpId, WorkerName};
use domain::trace::Trace;
use wire::ports::ops::{Done, Ops, OpsError, Report, Subject};

use crate::Shared;

/// Requests with new reports that are under way to one supervisor at one time; and as many with such as were not taken before.
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
    /// Never said before.
    fresh: Line,
    /// Not taken, and due again.
    again: Line,
}

#[derive(Debug, Default)]
struct Line {
    queue: VecDeque<Queued>,
    senders: usize,
}

#[derive(Debug)]
struct Queued {
    pending: Pending,
    failures: u32,
    /// Its last batch got no answer.
    is_alone: bool,
}

/// What was not taken, and when it is due again.
#[derive(Debug)]
struct Kept {
    due: Mono,
    batch: Vec<Queued>,
}

/// One of the senders of a lane; dropping it makes room for another.
struct Sender<'lane> {
    lane: &'lane Lane,
    line: fn(&mut Inner) -> &mut Line,
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
        lane.inner().fresh.queue.push_back(Queued {
            pending,
            failures: 0,
            is_alone: false,
        });
        let clock = &self.process.clock;
        let mut kept: Vec<Kept> = Vec::new();
        loop {
            let now = clock.mono();
            for kept in kept.extract_if(.., |kept| kept.due <= now) {
                lane.inner().again.queue.extend(kept.batch);
            }
            // Nobody pauses while there is something to send: it may have been left to this sender.
            if let Some((sender, batch)) = lane.next() {
                let rest = self.send(origin, batch, from).await;
                drop(sender);
                kept.extend(self.keep(rest));
                continue;
            }
            let Some(due) = kept.iter().map(|kept| kept.due).min() else {
                return;
            };
            clock.sleep_until(due).await;
        }
    }

    /// Offers a batch to the supervisors in turn until one answers, and gives what is to be said again. It begins with the one that the
    /// operations came from; what that one did not take, another may.
    async fn send(&self, origin: usize, mut batch: Vec<Queued>, from: From<'_>) -> Vec<Queued> {
        let failures = batch.first().map_or(0, |first| first.failures);
        let first = origin + usize::try_from(failures).unwrap_or(0);
        let mut last = OpsError::Unreachable;
        for turn in 0..self.lanes.len() {
            let lane = &self.lanes[(first + turn) % self.lanes.len()];
            let now = self.process.clock.mono();
            let reports = batch
                .iter()
                .map(|queued| queued.pending.stamped(now, from))
                .collect();
            match lane.supervisor.report(reports).await {
                Ok(again) => return self.acknowledge(batch, &again),
                Err(error) => last = error,
            }
        }
        if failures == 0 {
            tracing::warn!(
                error = &last as &dyn std::error::Error,
                reports = batch.len(),
                "no supervisor takes reports: kept"
            );
        }
        batch.iter_mut().for_each(|queued| queued.is_alone = true);
        batch
    }

    /// Forgets a batch except for those at these places.
    fn acknowledge(&self, batch: Vec<Queued>, again: &[usize]) -> Vec<Queued> {
        let count = batch.len();
        let mut rest = Vec::new();
        for (place, queued) in batch.into_iter().enumerate() {
            if again.contains(&place) {
                rest.push(Queued {
                    is_alone: false,
                    ..queued
                });
            }
        }
        self.waiting
            .fetch_sub(count - rest.len(), Ordering::Relaxed);
        rest
    }

    /// What was not taken is due again after a pause, the same for all of a batch.
    fn keep(&self, mut batch: Vec<Queued>) -> Option<Kept> {
        let wait = batch.first()?.pause();
        let jitter = self.process.entropy.up_to(wait / 2);
        for queued in &mut batch {
            queued.failures = queued.failures.saturating_add(1);
        }
        Some(Kept {
            due: self.process.clock.mono() + wait / 2 + jitter,
            batch,
        })
    }
}

impl Queued {
    /// How long it rests if it is not taken now.
    fn pause(&self) -> Duration {
        FAILED_WAIT
            .saturating_mul(1 << self.failures.min(10))
            .min(FAILED_WAIT_MAX)
    }
}

impl Lane {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes a sender, if there is something to send and not enough others do.
    fn next(&self) -> Option<(Sender<'_>, Vec<Queued>)> {
        let lines: [fn(&mut Inner) -> &mut Line; 2] = [|of| &mut of.fresh, |of| &mut of.again];
        let mut inner = self.inner();
        lines.into_iter().find_map(|line| {
            let batch = line(&mut inner).next()?;
            Some((Sender { lane: self, line }, batch))
        })
    }
}

impl Line {
    /// The next batch, and one sender more: those that pause for as long if they are not taken, or one that travels alone.
    fn next(&mut self) -> Option<Vec<Queued>> {
        let first = self.queue.front()?;
        if self.senders >= SENDERS_MAX {
            return None;
        }
        let pause = first.pause();
        let goes_along = |queued: &&Queued| !queued.is_alone && queued.pause() == pause;
        let along = self.queue.iter().take(BATCH_MAX).take_while(goes_along);
        let count = along.count().max(1);
        self.senders += 1;
        Some(self.queue.drain(..count).collect())
    }
}

impl Drop for Sender<'_> {
    fn drop(&mut self) {
        (self.line)(&mut self.lane.inner()).senders -= 1;
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
