//! The promises I1 to I9 of design 1, checked after every step on the truth of the cloud and of the store.
//!
//! | promise | what is looked at | where |
//! |---|---|---|
//! | I1 | a create arrives only for a slot that the ledger has; every server of ours has a slot | `cloud.rs`, `judge.rs` |
//! | I2 | no foreign server is deleted or altered; ours only when every role of theirs is on its way out and they showed our proof within 60 s | `cloud.rs` |
//! | I3 | counted slots never grow beyond the limit; servers in service never exceed both; one call per slot, none for one that failed | both |
//! | I4 | one verdict per event, each going on where the last one ended, none ever lost, none missing that was acknowledged | `ledger.rs`, `judge.rs` |
//! | I5 | nobody goes on calling when the cloud asked to wait | `transport.rs` |
//! | I6 | all of this while processes die, stand still and own everything twice | the schedule |
//! | I7 | a server lives in the project of its group's tenant | `cloud.rs` |
//! | I8 | all of this while wall clocks are wrong | the schedule |
//! | I9 | a slot is Gone only when its server is, and lapses only when no list could have shown its server | `ledger.rs` |

mod cloud;
mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(in crate::sim) use ledger::{is_coming, is_leaving};

use domain::group::Group;
use domain::ids::{EventId, GroupKey, SlotId};
use store::memory::Memory;

use super::schedule::Regime;
use super::transport::Sky;

/// Violations kept: the first ones say what happened.
const KEPT: usize = 20;

/// What a run has shown so far.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// What was broken, in order; at most the first of each kind and subject.
    pub violations: Vec<String>,
    /// Most create calls that arrived for one slot.
    pub creates_per_slot_max: u64,
    /// Times that the promises were asked for: steps of all processes.
    pub steps: u64,
    /// Steps after which something had changed and everything was looked at.
    pub looks: u64,
    /// Slots that were ever in doubt.
    pub in_doubt: BTreeSet<SlotId>,
    /// Events that were acknowledged.
    pub acknowledged: BTreeMap<EventId, GroupKey>,
    /// How often what happened: faults, slot edges, evidence rules, rows of the crash table.
    pub tally: BTreeMap<String, u64>,
}

/// Looks at the truth whenever it changed. Cheap to clone.
#[derive(Clone)]
pub struct Checker {
    store: Memory,
    sky: Sky,
    /// The service user; its servers are ours.
    user: String,
    regime: Regime,
    steps: Arc<Steps>,
    state: Arc<Mutex<Progress>>,
}

/// What every step looks at: without a lock, for most steps change nothing.
#[derive(Default)]
struct Steps {
    count: AtomicU64,
    commits: AtomicU64,
    touched: AtomicU64,
    restores: AtomicU64,
}

#[derive(Default)]
struct Progress {
    findings: Findings,
    seen: (u64, u64, usize, u64),
    ledger: ledger::Ledger,
    cloud: cloud::Cloud,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checker")
    }
}

impl Findings {
    fn broken(&mut self, line: String) {
        if self.violations.len() < KEPT && !self.violations.contains(&line) {
            self.violations.push(line);
        }
    }

    fn tally(&mut self, what: &str) {
        match self.tally.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                self.tally.insert(what.to_owned(), 1);
            }
        }
    }
}

impl Checker {
    /// A checker of one run.
    #[must_use]
    pub fn new(store: Memory, sky: Sky, user: &str, regime: Regime) -> Self {
        Self {
            store,
            sky,
            user: user.to_owned(),
            regime,
            steps: Arc::default(),
            state: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found so far.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let mut findings = self.lock().findings.clone();
        findings.steps = self.steps.count.load(Ordering::Relaxed);
        findings
    }

    /// Whether anything was broken so far.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        !self.lock().findings.violations.is_empty()
    }

    /// A promise was broken.
    pub fn broken(&self, line: String) {
        self.lock().findings.broken(line);
    }

    /// Something happened that is counted.
    pub fn tally(&self, what: &str) {
        self.lock().findings.tally(what);
    }

    /// An event was acknowledged to its sender.
    pub fn acknowledged(&self, event: EventId, key: GroupKey) {
        self.lock().findings.acknowledged.insert(event, key);
    }

    /// Somebody outside did something to a server.
    pub fn edited(&self) {
        // Whatever was done may concern a promise.
        self.lock().seen = Default::default();
        self.steps.touched.store(u64::MAX, Ordering::Relaxed);
    }

    /// How often the store came back from a backup.
    pub fn restores(&self) -> u64 {
        self.steps.restores.load(Ordering::Relaxed)
    }

    /// The store comes back from a backup: what was committed since is lost, and nobody is to blame for that.
    pub fn restored(&self, restore: impl FnOnce(&Memory)) {
        self.look();
        self.steps.restores.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        restore(&self.store);
        let Progress {
            findings, ledger, ..
        } = &mut *state;
        ledger.go_back(&self.store);
        findings.acknowledged.retain(|event, key| {
            let waits = |group: Arc<Group>| group.inbox.contains_key(event);
            self.store.is_decided(key, event) || self.store.group(key).is_some_and(waits)
        });
    }

    /// A process died: notes which rows of the crash table (safety 3.5) that was.
    pub fn died(&self, name: &str) {
        self.look();
        let mut state = self.lock();
        let rows = state.ledger.crash_rows(name, &self.sky.peek());
        for row in rows {
            state.findings.tally(row);
        }
    }

    /// To be called after every step.
    pub fn look(&self) {
        self.steps.count.fetch_add(1, Ordering::Relaxed);
        let (commits, touched) = (self.store.commits(), self.sky.touched());
        let was = (
            self.steps.commits.swap(commits, Ordering::Relaxed),
            self.steps.touched.swap(touched, Ordering::Relaxed),
        );
        if was != (commits, touched) {
            self.look_closely();
        }
    }

    /// Somebody did something: looks at what changed.
    fn look_closely(&self) {
        let mut state = self.lock();
        let truth = self.sky.peek();
        let counts = truth.counts();
        let now = (
            self.store.commits(),
            counts.requests,
            truth.servers().len(),
            counts.servers_deleted,
        );
        let was = std::mem::replace(&mut state.seen, now);
        if now == was {
            return;
        }
        let Progress {
            findings,
            ledger,
            cloud,
            ..
        } = &mut *state;
        findings.looks += 1;
        if now.0 != was.0 {
            ledger.look(&self.store, &truth, findings, self.regime);
        }
        cloud.look_at_calls(&truth, ledger, findings, self.regime);
        // Requests alone change no server.
        if (now.0, now.2, now.3) != (was.0, was.2, was.3) {
            cloud.look_at_servers(&truth, ledger, findings, &self.user);
        }
    }
}
