//! The lane: fetches as much as it has room for, sends each message in a task of its own, and reports until it is heard.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::ops::Check;
use chassis::{Mono, Process};
use domain::ids::TenantId;
use domain::outbox::ANSWER_MAX;
use tokio::sync::{Notify, mpsc};
use wire::ports::hooks::{Hooks, Parcel, Room, Tried};

use crate::Settings;
use crate::counts::Counts;
use crate::send::Sender;

/// How long a question is held when nothing is on its way.
const WAIT: Duration = Duration::from_secs(5);
/// And while something is: it soon makes room for another tenant's or the same one's next message.
const WAIT_BUSY: Duration = Duration::from_millis(200);
/// Between two looks for room when there is none.
const NO_ROOM: Duration = Duration::from_millis(100);
/// The pause after the first failed question or report, doubled with each further one.
const FAILED: Duration = Duration::from_millis(100);
/// No pause is longer.
const FAILED_MAX: Duration = Duration::from_secs(5);
/// A lane whom no supervisor answered for so long is not ready: longer than a question is held.
const UNHEARD: Duration = Duration::from_secs(15);
/// Reports in one message.
const REPORTS_MAX: usize = 256;
/// What a supervisor could not make durable is said again after half a second or more, as if it had failed so often before.
const FAILED_BEFORE: u32 = 2;

/// What is on its way.
#[derive(Debug, Clone, Default)]
struct Busy {
    inner: Arc<Mutex<BTreeMap<TenantId, u32>>>,
    freed: Arc<Notify>,
}

/// A place taken by one message; dropping it gives it back.
struct Place {
    busy: Busy,
    tenant: TenantId,
}

impl Busy {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<TenantId, u32>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, tenant: &TenantId) -> Place {
        *self.lock().entry(tenant.clone()).or_default() += 1;
        Place {
            busy: self.clone(),
            tenant: tenant.clone(),
        }
    }

    fn room(&self, settings: &Settings) -> Room {
        let busy = self.lock();
        let count: u32 = busy.values().sum();
        let full = busy.iter().filter(|(_, n)| **n >= settings.of_one.get());
        Room {
            messages: settings.messages.get().saturating_sub(count),
            of_one: settings.of_one.get(),
            full: full.map(|(tenant, _)| tenant.clone()).collect(),
            wait: if count == 0 { WAIT } else { WAIT_BUSY },
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut busy = self.busy.lock();
        if let Some(count) = busy.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                busy.remove(&self.tenant);
            }
        }
        drop(busy);
        self.busy.freed.notify_waiters();
    }
}

/// When any supervisor last answered: what `/health/ready` says of the lane.
#[derive(Clone)]
struct Heard {
    check: Check,
    last: Arc<Mutex<Option<Mono>>>,
}

impl Heard {
    fn note(&self, now: Mono, is_answer: bool) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if is_answer {
            *last = Some(now);
        }
        if last.is_some_and(|last| now.saturating_since(last) <= UNHEARD) {
            self.check.ready();
        } else {
            self.check.failing("no supervisor was heard for 15 s");
        }
    }
}

/// What works for one supervisor.
#[derive(Clone)]
struct Line {
    process: Process,
    settings: Settings,
    sender: Sender,
    counts: Counts,
    busy: Busy,
    heard: Heard,
    supervisor: Arc<dyn Hooks>,
}

pub(crate) fn start(
    process: &Process,
    settings: &Settings,
    sender: &Sender,
    counts: &Counts,
    supervisors: Vec<Arc<dyn Hooks>>,
) {
    let busy = Busy::default();
    let heard = Heard {
        check: process.health.check("hooks"),
        last: Arc::default(),
    };
    for supervisor in supervisors {
        let line = Line {
            process: process.clone(),
            settings: settings.clone(),
            sender: sender.clone(),
            counts: counts.clone(),
            busy: busy.clone(),
            heard: heard.clone(),
            supervisor,
        };
        // Not bounded by itself: no more is in it than was on its way at once.
        let (tried, reports) = mpsc::unbounded_channel();
        drop(process.tasks.spawn("hooks", line.clone().run(tried)));
        drop(process.tasks.spawn("hooks-report", line.report(reports)));
    }
}

impl Line {
    async fn run(self, tried: mpsc::UnboundedSender<Tried>) {
        let mut failures = 0;
        // The first question is not held, so that it is known soon whether somebody answers.
        let mut is_first = true;
        while !self.process.stop.is_requested() {
            let freed = self.busy.freed.notified();
            let mut room = self.busy.room(&self.settings);
            if is_first {
                room.wait = Duration::ZERO;
            }
            if room.messages == 0 {
                let freed = self.process.clock.timeout(NO_ROOM, freed);
                // Whichever it was: there is another look.
                freed.await.unwrap_or_default();
                continue;
            }
            let fetched = tokio::select! {
                biased;
                () = self.process.stop.requested() => return,
                fetched = self.supervisor.fetch(room) => fetched,
            };
            self.heard.note(self.process.clock.mono(), fetched.is_ok());
            match fetched {
                Ok(parcels) => {
                    (failures, is_first) = (0, false);
                    parcels.into_iter().for_each(|p| self.start(p, &tried));
                }
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "no messages can be fetched");
                    }
                    self.pause(failures).await;
                }
            }
        }
    }

    fn start(&self, parcel: Parcel, tried: &mpsc::UnboundedSender<Tried>) {
        let place = self.busy.enter(&parcel.group.tenant);
        let (line, tried) = (self.clone(), tried.clone());
        let send = async move {
            let sent = line.sender.send(&parcel).await;
            line.counts.tried(&sent);
            drop(place);
            tracing::debug!(
                group.id = %parcel.group.id, message = %parcel.message.id, ?sent, "tried to send a message"
            );
            let report = Tried {
                group: parcel.group,
                id: parcel.id,
                made: parcel.made,
                sent,
            };
            // The reporter ends with the process only; then the message is handed out again.
            drop(tried.send(report));
        };
        drop(self.process.tasks.spawn("hook", send));
    }

    /// Reports what comes in. What the supervisor has no answer for at all is said again first; of what it has heard, single reports that ail
    /// hold back no others.
    async fn report(self, mut reports: mpsc::UnboundedReceiver<Tried>) {
        let mut batch = Vec::new();
        while reports.recv_many(&mut batch, REPORTS_MAX).await > 0 {
            let began = self.process.clock.mono();
            let mut failures = 0;
            let again = loop {
                if let Some(again) = self.say(&batch).await {
                    break again;
                }
                failures += 1;
                self.pause(failures).await;
                if self.is_late(began) {
                    break Vec::new();
                }
            };
            batch.clear();
            if !again.is_empty() {
                let said = self.clone().say_again(again, began);
                drop(self.process.tasks.spawn("hooks-report-again", said));
            }
        }
    }

    /// Says it until the supervisor has all of it.
    async fn say_again(self, mut again: Vec<Tried>, began: Mono) {
        let mut failures = FAILED_BEFORE;
        while !again.is_empty() && !self.is_late(began) {
            failures += 1;
            self.pause(failures).await;
            if let Some(left) = self.say(&again).await {
                again = left;
            }
        }
    }

    /// Gives what is to be said again; none: there was no answer.
    async fn say(&self, reports: &[Tried]) -> Option<Vec<Tried>> {
        let again = self.supervisor.tried(reports.to_vec()).await.ok()?;
        let again = again.into_iter().filter_map(|place| reports.get(place));
        Some(again.cloned().collect())
    }

    /// Whether the message was handed out again by now, or the process ends.
    fn is_late(&self, began: Mono) -> bool {
        let age = self.process.clock.mono().saturating_since(began);
        self.process.stop.is_requested() || age > ANSWER_MAX
    }

    async fn pause(&self, failures: u32) {
        let wait = FAILED.saturating_mul(1 << failures.min(10)).min(FAILED_MAX);
        let jitter = self.process.entropy.up_to(wait / 2);
        tokio::select! {
            biased;
            () = self.process.stop.requested() => {}
            () = self.process.clock.sleep(wait / 2 + jitter) => {}
        }
    }
}

#[cfg(test)]
mod tests;
