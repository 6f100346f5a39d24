//! How the colo's budget is dealt to its workers, and who probes a failing cloud (safety 3.11). Pure: time is an argument.
//!
//! A share holds for 10 s from the beat that it answers. A worker that comes gets only what no other one still holds, so that the shares of
//! all, and the floors of those that are not here, never add up to more than the budget.
//!
//! One worker probes at a time. It may be one that is cut off from the cloud, for which the cloud never answers again: so the election lapses,
//! and goes round among those that fail.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use domain::ids::WorkerName;
use domain::time::Mono;
use wire::ports::ops::{Fares, Heartbeat};

/// How long a share holds.
pub(super) const HOLDS: Duration = Duration::from_secs(10);
/// The whole budget.
const WHOLE: u32 = 1_000;
/// What is set aside for the floors of all workers that there may be.
const FLOORS: u32 = 200;

/// Who probes for so long without an answer lets the next one try: four probes, and longer than it takes a worker without calls to say that it
/// has nothing to probe with (`QUIET_FOR` of the guard's breaker), so that such a one is passed over in all later rounds.
const TERM: Duration = Duration::from_secs(40);
/// Between the terms of two workers, so that their probes are as far apart as those of one, and the first has heard that it is over.
const REST: Duration = Duration::from_secs(10);

/// The shares of one colo.
#[derive(Debug)]
pub(super) struct Shares {
    workers_max: NonZeroU32,
    workers: BTreeMap<WorkerName, Worker>,
    /// Who probes while anybody fails, or did so last.
    term: Option<Term>,
}

#[derive(Debug)]
struct Term {
    name: WorkerName,
    /// Not before this.
    from: Mono,
}

#[derive(Debug)]
struct Worker {
    share: u32,
    heard: Mono,
    fares: Fares,
    /// Another's probe was answered, and this one does not know it yet.
    owed: bool,
    /// It was told so just now: that it recovers from then on is no answer.
    told: bool,
}

/// A worker's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) share: u32,
    pub(super) elected: bool,
    pub(super) answered: bool,
}

impl Shares {
    pub(super) const fn new(workers_max: NonZeroU32) -> Self {
        Self {
            workers_max,
            workers: BTreeMap::new(),
            term: None,
        }
    }

    /// A worker lives.
    pub(super) fn beat(&mut self, heartbeat: &Heartbeat, now: Mono) -> Part {
        self.workers
            .retain(|_, worker| now.since(worker.heard) < HOLDS);
        let others = |worker: &&WorkerName| **worker != heartbeat.worker;
        let held: u32 = self
            .workers
            .iter()
            .filter(|(name, _)| others(name))
            .map(|(_, worker)| worker.share)
            .sum();
        let count = self.workers.keys().filter(others).count() + 1;
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let absent = self.workers_max.get().saturating_sub(count);
        let dealt = WHOLE - FLOORS * absent / self.workers_max.get();
        let share = (dealt / count).min(dealt.saturating_sub(held));
        let answered = self.news(heartbeat);
        let worker = Worker {
            share,
            heard: now,
            fares: heartbeat.fares,
            owed: false,
            told: answered,
        };
        self.workers.insert(heartbeat.worker.clone(), worker);
        Part {
            share,
            elected: self.elects(&heartbeat.worker, now),
            answered,
        }
    }

    /// Whether the worker that beats just now may probe. While nobody fails nobody needs to, and whoever fails first may.
    fn elects(&mut self, beats: &WorkerName, now: Mono) -> bool {
        let fails = |name: &WorkerName| {
            let worker = self.workers.get(name);
            worker.is_some_and(|worker| worker.fares == Fares::Failing)
        };
        let last = self.term.as_ref().map(|term| &term.name);
        let after = |name: &&WorkerName| last.is_none_or(|last| *name > last);
        let failing = || self.workers.keys().filter(|name| fails(name));
        let Some(next) = failing().find(after).or_else(|| failing().next()).cloned() else {
            self.term = None;
            return true;
        };
        match &self.term {
            // It is told with this beat that its term is over, before another's begins.
            Some(Term { name, from })
                if name == beats && next != *name && fails(name) && now.since(*from) >= TERM =>
            {
                let from = now.plus(REST);
                self.term = Some(Term { name: next, from });
                false
            }
            Some(Term { name, from }) if fails(name) => name == beats && *from <= now,
            Some(_) | None => {
                let elected = next == *beats;
                let (name, from) = (next, now);
                self.term = Some(Term { name, from });
                elected
            }
        }
    }

    /// Whether a worker that fails is to hear of another's answered probe; if its own was, those that fail will. Once each: while a worker
    /// recovers the cloud may fail again, and what was only told is passed on by nobody.
    fn news(&mut self, heartbeat: &Heartbeat) -> bool {
        let before = self.workers.get(&heartbeat.worker);
        let was_failing = before.is_some_and(|worker| worker.fares == Fares::Failing);
        let was_told = before.is_some_and(|worker| worker.told);
        let is_owed = before.is_some_and(|worker| worker.owed);
        if was_failing && !was_told && heartbeat.fares == Fares::Recovering {
            let failing = |worker: &&mut Worker| worker.fares == Fares::Failing;
            let failing = self.workers.values_mut().filter(failing);
            failing.for_each(|worker| worker.owed = true);
        }
        is_owed && heartbeat.fares == Fares::Failing
    }

    /// A worker lives, and another supervisor deals the shares.
    pub(super) fn hear(&mut self, heartbeat: &Heartbeat, now: Mono) {
        self.workers
            .retain(|_, worker| now.since(worker.heard) < HOLDS);
        let worker = Worker {
            share: 0,
            heard: now,
            fares: heartbeat.fares,
            owed: false,
            told: false,
        };
        self.workers.insert(heartbeat.worker.clone(), worker);
    }

    /// Whether all workers that live see the cloud do well.
    pub(super) fn all_well(&self, now: Mono) -> bool {
        let living = |worker: &&Worker| now.since(worker.heard) < HOLDS;
        let mut living = self.workers.values().filter(living);
        living.all(|worker| worker.fares == Fares::Well)
    }
}

#[cfg(test)]
mod tests;
