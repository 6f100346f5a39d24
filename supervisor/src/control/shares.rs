//! How the colo's budget is dealt to its workers, and whose turn it is to probe a failing cloud (safety 3.11). Pure: time is an argument.
//!
//! A share holds for 10 s from the beat that it answers. A worker that comes gets only what no other one still holds, so that the shares of
//! all, and the floors of those that are not here, never add up to more than the budget.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use domain::ids::WorkerName;
use domain::time::Mono;
use domain::turn::ProbeTurn;
use wire::ports::ops::{Fares, Heartbeat};

/// How long a share holds.
pub(super) const HOLDS: Duration = Duration::from_secs(10);
/// The whole budget.
const WHOLE: u32 = 1_000;
/// What is set aside for the floors of all workers that there may be.
const FLOORS: u32 = 200;

/// The shares of one colo.
#[derive(Debug)]
pub(super) struct Shares {
    workers_max: NonZeroU32,
    workers: BTreeMap<WorkerName, Worker>,
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
    pub(super) turn: ProbeTurn,
    pub(super) answered: bool,
}

impl Shares {
    pub(super) const fn new(workers_max: NonZeroU32) -> Self {
        Self {
            workers_max,
            workers: BTreeMap::new(),
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
            turn: self.turn(&heartbeat.worker),
            answered,
        }
    }

    /// Its turn among those that fail, by their names; of one that does well, what it would be. By what all supervisors hear alike, and nothing that
    /// one remembers.
    fn turn(&self, worker: &WorkerName) -> ProbeTurn {
        let failing = |(name, other): &(&WorkerName, &Worker)| {
            other.fares == Fares::Failing && *name != worker
        };
        let others = self.workers.iter().filter(failing);
        let before = others.clone().filter(|(name, _)| *name < worker).count();
        let of = u32::try_from(others.count()).unwrap_or(u32::MAX - 1);
        let place = u32::try_from(before).unwrap_or(u32::MAX);
        ProbeTurn::new(place, NonZeroU32::MIN.saturating_add(of))
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
