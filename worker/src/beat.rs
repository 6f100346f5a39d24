//! Heartbeats: every second each supervisor hears that this worker lives and says what holds for its calls; the break-glass file is looked
//! at as often. The guard goes by the strictest of all that is fresh, and freezes when nothing is (design 6 and 7).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Mono;
use chassis::ops::Check;
use cloud::guard::{Guard, NEWS_AGE_MAX, Phase, Standing};
use domain::control::Switch;
use domain::ids::{ColoId, HomeEpoch};
use domain::time::Timestamp;
use domain::turn::ProbeTurn;
use tokio::sync::Notify;
use wire::ports::ops::{Fares, Heartbeat, Orders};

use crate::Shared;

/// A beat that is not answered by then is lost, and the next one is due.
const WITHIN: Duration = Duration::from_millis(1_500);
/// Before the second beat to a supervisor that has not answered one yet, doubled with each further one up to the period: both may have begun just now,
/// and it does not know its switches yet.
const SOON: Duration = Duration::from_millis(20);
/// How long the first poll waits for the first orders, so that it can offer creates.
const FIRST: Duration = Duration::from_secs(2);

/// What this worker was told, by whom.
#[derive(Debug)]
pub(crate) struct Beats {
    heard: Mutex<Heard>,
    /// Not a `watch`: that one wakes in random order, and a simulated day would not repeat.
    came: Notify,
}

#[derive(Debug)]
struct Heard {
    /// By supervisor: when it was asked, and what it said last.
    orders: Vec<Option<(Mono, Orders)>>,
    /// What the break-glass file says. None: it was not read yet, and might say anything.
    glass: Option<Vec<Switch>>,
}

impl Beats {
    /// `glass`: the break-glass file, if there is to be one.
    pub(crate) fn new(supervisors: usize, glass: Option<&Path>) -> Self {
        Self {
            heard: Mutex::new(Heard {
                orders: vec![None; supervisors],
                glass: glass.is_none().then(Vec::new),
            }),
            came: Notify::new(),
        }
    }

    /// Waits for the first orders of anybody, a little while.
    pub(crate) async fn first(&self, shared: &Shared) {
        let first = self.came.notified();
        if self.lock().standing().as_of.is_some() {
            return;
        }
        // Without orders the poll goes out as things are: it offers no creates.
        shared
            .process
            .clock
            .timeout(FIRST, first)
            .await
            .unwrap_or_default();
    }

    /// How many supervisors were heard of late.
    pub(crate) fn heard(&self, now: Mono) -> usize {
        let heard = self.lock();
        let late = |(asked, _): &&(Mono, Orders)| now.saturating_since(*asked) <= NEWS_AGE_MAX;
        heard.orders.iter().flatten().filter(late).count()
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether anybody was heard of late: without orders this worker does nothing.
    fn report(&self, check: &Check, now: Mono) {
        if self.heard(now) > 0 {
            check.ready();
        } else {
            check.failing("no supervisor answers: nothing is begun");
        }
    }

    /// The colo that this worker works for, and the epoch of it that it is to claim, if those who were heard of late say so.
    pub(crate) fn claim(&self, now: Mono) -> Option<(ColoId, Option<HomeEpoch>)> {
        let heard = self.lock();
        let late = |(asked, _): &&(Mono, Orders)| now.saturating_since(*asked) <= NEWS_AGE_MAX;
        let late: Vec<&Orders> = heard
            .orders
            .iter()
            .flatten()
            .filter(late)
            .map(|(_, orders)| orders)
            .collect();
        let colo = late.first()?.colo;
        Some((colo, late.iter().filter_map(|orders| orders.claim).max()))
    }

    /// Takes news in, and lets the guard know under the same lock: on another thread what stood before might else reach it after this, and a switch that
    /// was just thrown would be taken back.
    fn note(&self, guard: &Guard, change: impl FnOnce(&mut Heard)) {
        let mut heard = self.lock();
        change(&mut heard);
        guard.hear(&heard.standing());
        // An answered probe is news once, however often what stands is said again.
        let told = heard.orders.iter_mut().flatten();
        told.for_each(|(_, orders)| orders.answered = false);
    }
}

impl Heard {
    /// The strictest of all that is fresh; when nothing is, the last that was known, which the guard takes for old. Before the file was read
    /// nothing is news: who starts under a freeze begins nothing (a store that is back from a backup: docs/runbook.md).
    fn standing(&self) -> Standing {
        let newest = self.orders.iter().flatten().map(|(asked, _)| *asked).max();
        let fresh = |asked: Mono| {
            newest.is_some_and(|newest| newest.saturating_since(asked) <= NEWS_AGE_MAX)
        };
        let fresh: Vec<&Orders> = self
            .orders
            .iter()
            .flatten()
            .filter(|(asked, _)| fresh(*asked))
            .map(|(_, orders)| orders)
            .collect();
        let dealt: Vec<&&Orders> = fresh.iter().filter(|o| o.share.is_some()).collect();
        let turns: Option<Vec<ProbeTurn>> = dealt.iter().map(|orders| orders.turn).collect();
        let mut switches: Vec<Switch> = Vec::new();
        let told = fresh.iter().flat_map(|orders| &orders.switches);
        for switch in told.chain(self.glass.iter().flatten()) {
            if !switches.contains(switch) {
                switches.push(switch.clone());
            }
        }
        Standing {
            colo: fresh.first().map_or(ColoId(0), |orders| orders.colo),
            switches: switches.into(),
            // Who deals the budget says whose turn it is to probe, too. Two do while one takes over from the other.
            share: dealt.iter().filter_map(|orders| orders.share).min(),
            turn: turns.and_then(|turns| turns.into_iter().reduce(ProbeTurn::rarer)),
            answered: dealt.iter().any(|orders| orders.answered),
            as_of: newest.filter(|_| self.glass.is_some()),
        }
    }
}

/// Beats to one supervisor until the process has stopped.
pub(crate) async fn run(shared: Arc<Shared>, supervisor: usize) {
    let process = &shared.process;
    let check = process.health.check("supervisors");
    let mut wait = SOON;
    loop {
        let asked = process.clock.mono();
        let heartbeat = Heartbeat {
            worker: shared.settings.name.clone(),
            incarnation: shared.incarnation,
            fares: fares(shared.guard.phase()),
            fence: shared
                .fence
                .as_ref()
                .and_then(|fence| fence.last(process.clock.mono())),
        };
        let answer = shared.supervisors[supervisor].heartbeat(heartbeat);
        // A lost beat needs no word here: what is not renewed grows old, and the guard sees to that.
        if let Ok(Ok(orders)) = process.clock.timeout(WITHIN, answer).await {
            shared.beats.note(&shared.guard, |heard| {
                heard.orders[supervisor] = Some((asked, orders));
            });
            shared.beats.came.notify_waiters();
            wait = shared.settings.heartbeat;
        }
        shared.beats.report(&check, process.clock.mono());
        wait = wait.min(shared.settings.heartbeat);
        if !pause(&shared, asked + wait).await {
            return;
        }
        wait = wait.saturating_mul(2);
    }
}

/// Looks at the break-glass file until the process has stopped.
pub(crate) async fn watch_glass(shared: Arc<Shared>, path: PathBuf) {
    let process = &shared.process;
    loop {
        let began = process.clock.mono();
        let (path, at) = (
            path.clone(),
            Timestamp::from_unix_ms(process.clock.unix_ms()),
        );
        let read = move || wire::glass::read(&path, at);
        if let Ok(mut switches) = process.tasks.blocking(read).await {
            // When a line was first seen is of no interest here.
            switches
                .iter_mut()
                .for_each(|switch| switch.at = Timestamp::default());
            shared
                .beats
                .note(&shared.guard, |heard| heard.glass = Some(switches));
        }
        if !pause(&shared, began + shared.settings.heartbeat).await {
            return;
        }
    }
}

const fn fares(phase: Phase) -> Fares {
    match phase {
        Phase::Closed => Fares::Well,
        Phase::HalfOpen => Fares::Recovering,
        Phase::Open => Fares::Failing,
    }
}

/// Waits until the next beat is due. False: the process is to stop; what is under way then needs no more news.
async fn pause(shared: &Shared, until: Mono) -> bool {
    tokio::select! {
        biased;
        () = shared.process.stop.requested() => false,
        () = shared.process.clock.sleep_until(until) => true,
    }
}

#[cfg(test)]
mod tests;
