//! A store in memory, for tests and the simulator: linearizable per group, deterministic, with faults on request.
//!
//! It belongs to no process: several simulated processes share one [`Memory`], each through its own [`Memory::handle`], and what one
//! of them began may take effect after that process died. Time passes only as its clock says; randomness is the business of
//! whoever plans the [`faults`].
//!
//! Deliberately absent: durability (it survives every simulated crash as a whole), pruning, limits on size.

pub mod faults;
mod handle;
mod inputs;
mod members;
mod notes;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Clock;
use domain::group::Group;
use domain::ids::{EventId, GroupKey, Rev};
use domain::verdict::Verdict;

use crate::Stores;
use crate::group::CommitRecord;
use faults::{Faults, None as NoFaults};
use handle::Handle;
use world::World;

/// A copy of a whole store.
#[derive(Debug)]
pub struct Backup(Box<World>);

/// The store itself; cheap to clone, every clone is the same store.
#[derive(Debug, Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    faults: Arc<dyn Faults>,
    unclear_for: Duration,
    commits: Arc<AtomicU64>,
    world: Mutex<World>,
}

impl Memory {
    /// An empty store that answers at once and never fails.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::with_faults(clock, Arc::new(NoFaults), Duration::ZERO)
    }

    /// An empty store with faults. `unclear_for` is what [`crate::group::Groups::unclear_for`] says: longer than every
    /// [`faults::Fate::Late`] that is planned, or the store breaks its promise.
    #[must_use]
    pub fn with_faults(clock: Clock, faults: Arc<dyn Faults>, unclear_for: Duration) -> Self {
        let world = World::default();
        Self {
            shared: Arc::new(Shared {
                clock,
                faults,
                unclear_for,
                commits: Arc::clone(&world.commits),
                world: Mutex::new(world),
            }),
        }
    }

    /// The store as one process sees it; `caller` is what the planner of faults is told.
    #[must_use]
    pub fn handle(&self, caller: &str) -> Stores {
        let handle = Arc::new(Handle {
            shared: Arc::clone(&self.shared),
            caller: caller.into(),
        });
        Stores {
            groups: Arc::clone(&handle) as _,
            launches: Arc::clone(&handle) as _,
            hints: Arc::clone(&handle) as _,
            journal: Arc::clone(&handle) as _,
            controls: Arc::clone(&handle) as _,
            notes: Arc::clone(&handle) as _,
            inputs: Arc::clone(&handle) as _,
            members: Arc::clone(&handle) as _,
            search: handle,
            home: crate::home::Home::Only,
        }
    }

    /// Where all groups are, for invariants: no fault, no latency, what is due has happened.
    #[must_use]
    pub fn keys(&self) -> Vec<GroupKey> {
        self.shared.world().keys()
    }

    /// A group as committed, for invariants.
    #[must_use]
    pub fn group(&self, key: &GroupKey) -> Option<Arc<Group>> {
        self.shared.world().current(key)
    }

    /// All verdicts of a group in the order of their commits, for invariants.
    #[must_use]
    pub fn verdicts(&self, key: &GroupKey) -> Vec<Verdict> {
        self.shared.world().verdicts_in_order(key)
    }

    /// All commit records of a group after `after`, oldest first, for invariants.
    #[must_use]
    pub fn records(&self, key: &GroupKey, after: Rev) -> Vec<CommitRecord> {
        self.shared.world().records_after(key, after)
    }

    /// All notes, for tests that show that nothing was written.
    #[must_use]
    pub fn notes(&self) -> Vec<(crate::note::Shelf, crate::note::Note)> {
        let world = self.shared.world();
        let notes = world.notes.iter();
        notes
            .map(|((shelf, _), note)| (*shelf, note.clone()))
            .collect()
    }

    /// The groups that are marked as having something to do, for the same.
    #[must_use]
    pub fn marked(&self) -> Vec<GroupKey> {
        let marked = self.shared.world().hints.marked(usize::MAX);
        marked.into_iter().map(|(key, _)| key).collect()
    }

    /// How many commits were applied. Costs nothing: what is due and was not asked for yet is not applied for it.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// The verdicts of a group from the `from`th on in the order of their commits, for invariants. None: there are fewer.
    #[must_use]
    pub fn verdicts_from(&self, key: &GroupKey, from: usize) -> Option<Vec<Verdict>> {
        self.shared.world().verdicts_from(key, from)
    }

    /// Whether an event has a verdict, for invariants.
    #[must_use]
    pub fn is_decided(&self, key: &GroupKey, event: &EventId) -> bool {
        self.shared.world().verdict(key, event).is_some()
    }

    /// A copy of everything that was applied by now, as a backup has it. What is still to surface is not in it.
    #[must_use]
    pub fn backup(&self) -> Backup {
        Backup(Box::new(self.shared.world().clone()))
    }

    /// Everything as it was when the backup was made: what was applied since is lost, and so is what would have surfaced.
    pub fn restore(&self, backup: Backup) {
        let mut world = self.shared.world();
        *world = *backup.0;
        world.forget_pending();
        // A change like any other: whoever watches looks again.
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shared {
    /// The world with everything in it that is due by now.
    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.run_due(self.clock.mono());
        world
    }
}

#[cfg(test)]
mod tests;
