//! What the store and the cloud do wrong in one run, drawn from its seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chassis::Entropy;
use cloudsim::{BuildError, Call as CloudCall, Fault, Faults as CloudConduct, Span};
use store::memory::faults::{Call, Fate, Faults, Plan, What};

use super::schedule::{CloudFaults, StoreFaults};

/// Longest time after which a commit of unclear outcome can still be applied.
pub const STORE_LATE_MAX: Duration = Duration::from_secs(4);

/// The store's planner of faults.
#[derive(Debug)]
pub struct StoreFate {
    dice: Entropy,
    faults: StoreFaults,
    calm: Arc<AtomicBool>,
    /// How many faults happened.
    pub happened: AtomicU64,
}

impl StoreFate {
    /// Faults from those dice, until `calm` is set.
    #[must_use]
    pub const fn new(dice: Entropy, faults: StoreFaults, calm: Arc<AtomicBool>) -> Self {
        Self {
            dice,
            faults,
            calm,
            happened: AtomicU64::new(0),
        }
    }

    fn fate(&self, what: What) -> Fate {
        let f = &self.faults;
        let roll = self.dice.below(1000);
        let writes = matches!(what, What::Commit | What::Create);
        let mut edge = f.unavailable;
        if roll < edge {
            return Fate::Unavailable;
        }
        for (share, fate) in [
            (f.unknown_applied, Fate::Lost),
            (f.unknown_dropped, Fate::Dropped),
            (
                f.unknown_late / 2,
                Fate::Late(self.dice.up_to(STORE_LATE_MAX)),
            ),
            (f.unknown_late / 2, Fate::Surfacing),
        ] {
            edge += share;
            if writes && roll < edge {
                return fate;
            }
        }
        Fate::Done
    }
}

impl Faults for StoreFate {
    fn plan(&self, call: Call<'_>) -> Plan {
        let (before, after) = (self.dice.below(4), self.dice.below(4));
        let fate = if self.calm.load(Ordering::Relaxed) {
            Fate::Done
        } else {
            self.fate(call.what)
        };
        if fate != Fate::Done {
            self.happened.fetch_add(1, Ordering::Relaxed);
        }
        Plan {
            before: Duration::from_millis(before),
            fate,
            after: Duration::from_millis(after),
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
        ..CloudConduct::default()
    }
}

/// The same with the faults of a run.
#[must_use]
pub fn foul_cloud(f: &CloudFaults) -> CloudConduct {
    let create = Some(CloudCall::Create);
    let rate = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
    let late = Span::between(1_000, f.late_ms_max);
    fair_cloud()
        .with_rate(rate(f.lost_answers), create, Fault::LoseAnswer)
        .with_rate(rate(f.lost_requests), create, Fault::LoseRequest)
        .with_rate(rate(f.late), create, Fault::LoseThenExecute { by: late })
        .with_rate(rate(f.late / 2), create, Fault::Late { by: late })
        .with_rate(
            rate(f.build_errors),
            create,
            Fault::EndInError {
                reason: BuildError::BuildFailed,
            },
        )
        .with_rate(rate(f.build_errors / 2), create, Fault::StuckInBuild)
        .with_rate(
            rate(f.server_errors),
            None,
            Fault::Fail {
                status: 500,
                executed: false,
                retry_after_s: None,
            },
        )
        .with_rate(
            rate(f.server_errors / 2),
            create,
            Fault::Fail {
                status: 502,
                executed: true,
                retry_after_s: None,
            },
        )
        .with_rate(
            rate(f.server_errors / 2),
            None,
            Fault::Fail {
                status: 503,
                executed: false,
                retry_after_s: Some(7),
            },
        )
}
