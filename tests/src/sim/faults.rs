//! What the store and the cloud do wrong in one run, drawn from its seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chassis::{Clock, Entropy};
use cloudsim::{BuildError, Call as CloudCall, Fault, Faults as CloudConduct, Span};
use store::group::Level;
use store::memory::faults::{Call, Fate, Faults, Plan, What};

use super::schedule::{CloudFaults, StoreFaults};

/// Longest time after which a commit of unclear outcome can still be applied.
pub const STORE_LATE_MAX: Duration = Duration::from_secs(4);

/// How long a caller's commits take, for directed schedules: time before the store takes it up, and until it answers.
pub type Slow = (&'static str, Duration, Duration);

/// The store's planner of faults.
#[derive(Debug)]
pub struct StoreFate {
    dice: Entropy,
    clock: Clock,
    faults: StoreFaults,
    slow: Vec<Slow>,
    calm: Arc<AtomicBool>,
    /// It does not answer before this time, in ms.
    away_until_ms: AtomicU64,
    happened: [AtomicU64; 6],
}

/// The words of what the store did wrong, in the order of [`StoreFate::happened`].
const WORDS: [&str; 6] = [
    "store unavailable",
    "commit unknown, applied",
    "commit unknown, dropped",
    "commit unknown, late",
    "commit unknown, surfacing",
    "stale read",
];

impl StoreFate {
    /// Faults from those dice, until `calm` is set.
    #[must_use]
    pub fn new(
        dice: Entropy,
        clock: Clock,
        faults: StoreFaults,
        slow: Vec<Slow>,
        calm: Arc<AtomicBool>,
    ) -> Self {
        Self {
            dice,
            clock,
            faults,
            slow,
            calm,
            away_until_ms: AtomicU64::new(0),
            happened: Default::default(),
        }
    }

    /// The store does not answer for so long.
    pub fn go_away(&self, lasts: Duration) {
        let until = self.clock.mono() + lasts;
        self.away_until_ms
            .fetch_max(until.as_millis(), Ordering::Relaxed);
    }

    /// How often what happened.
    #[must_use]
    pub fn happened(&self) -> Vec<(&'static str, u64)> {
        WORDS
            .into_iter()
            .zip(self.happened.iter().map(|n| n.load(Ordering::Relaxed)))
            .collect()
    }

    fn fate(&self, what: What) -> Fate {
        if self.clock.mono().as_millis() < self.away_until_ms.load(Ordering::Relaxed) {
            return Fate::Unavailable;
        }
        let f = &self.faults;
        let roll = self.dice.below(1000);
        if what == What::Read(Level::Relaxed) && roll < f.stale {
            return Fate::Stale(usize::try_from(1 + roll % 4).unwrap_or(1));
        }
        let writes = matches!(what, What::Commit | What::Create);
        let mut edge = f.unavailable;
        if roll < edge {
            return Fate::Unavailable;
        }
        for (share, fate) in [
            (f.applied, Fate::Lost),
            (f.dropped, Fate::Dropped),
            (f.late, Fate::Late(self.dice.up_to(STORE_LATE_MAX))),
            (f.surfacing, Fate::Surfacing),
        ] {
            edge += share;
            if writes && roll < edge {
                return fate;
            }
        }
        Fate::Done
    }

    fn count(&self, fate: Fate) {
        let place = match fate {
            Fate::Done => return,
            Fate::Unavailable => 0,
            Fate::Lost => 1,
            Fate::Dropped => 2,
            Fate::Late(_) => 3,
            Fate::Surfacing => 4,
            Fate::Stale(_) => 5,
        };
        self.happened[place].fetch_add(1, Ordering::Relaxed);
    }
}

impl Faults for StoreFate {
    fn plan(&self, call: Call<'_>) -> Plan {
        // Most answers are there within the millisecond; at each of the others a caller can die.
        let some_ms = || self.dice.below(16).saturating_sub(12);
        let (before, after) = (some_ms(), some_ms());
        let fate = if self.calm.load(Ordering::Relaxed) {
            Fate::Done
        } else {
            self.fate(call.what)
        };
        self.count(fate);
        let slow = self
            .slow
            .iter()
            .find(|(who, _, _)| call.what == What::Commit && call.caller.starts_with(who));
        let (more_before, more_after) = slow.map_or_else(Default::default, |(_, b, a)| (*b, *a));
        Plan {
            before: Duration::from_millis(before) + more_before,
            fate,
            after: Duration::from_millis(after) + more_after,
        }
    }
}

/// A healthy cloud of human speed.
#[must_use]
pub fn fair_cloud() -> CloudConduct {
    CloudConduct {
        latency: Span::between(20, 400),
        boot: Span::between(2_000, 40_000),
        vanish: Span::between(1_000, 20_000),
        dead_cell_delay_ms: 20_000,
        ..CloudConduct::default()
    }
}

/// An answer in place of what the call came to.
#[must_use]
pub const fn fail(status: u16, executed: bool, retry_after_s: Option<u32>) -> Fault {
    Fault::Fail {
        status,
        executed,
        retry_after_s,
    }
}

/// Per mille as the cloud takes it.
#[must_use]
pub fn rate(per_mille: u64) -> u16 {
    u16::try_from(per_mille).unwrap_or(u16::MAX)
}

/// The same with the faults of a run.
#[must_use]
pub fn foul_cloud(f: &CloudFaults) -> CloudConduct {
    let (create, delete) = (Some(CloudCall::Create), Some(CloudCall::Delete));
    let late = Span::between(1_000, f.late_ms_max.max(1_000));
    let broken = Fault::EndInError {
        reason: BuildError::BuildFailed,
    };
    let rates = [
        (f.lost_answers, create, Fault::LoseAnswer),
        (f.lost_requests, create, Fault::LoseRequest),
        (f.late, create, Fault::LoseThenExecute { by: late }),
        (f.late / 2, create, Fault::Late { by: late }),
        (f.twice, create, Fault::Twice),
        (f.build_errors, create, broken),
        (f.stuck, create, Fault::StuckInBuild),
        (f.lost_deletes / 2, delete, Fault::LoseRequest),
        (f.lost_deletes / 2, delete, Fault::LoseAnswer),
        (f.server_errors, None, fail(500, false, None)),
        (f.server_errors / 2, create, fail(502, true, None)),
        (f.server_errors / 2, None, fail(503, false, Some(7))),
        (f.garbled, None, Fault::Garble),
    ];
    let on = rates.into_iter().filter(|(share, _, _)| *share > 0);
    on.fold(fair_cloud(), |conduct, (share, call, fault)| {
        conduct.with_rate(rate(share), call, fault)
    })
}
