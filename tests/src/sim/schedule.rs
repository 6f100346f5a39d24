//! What goes wrong in one run, and when: all of it follows from one number. Each seed switches on a random part of the faults at a random
//! strength (swarm), so that rare pairs meet.

use std::time::Duration;

use chassis::Entropy;

/// What the network does, in per mille of calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct NetFaults {
    /// Request or answer lost.
    pub lost_per_mille: u64,
    /// Request carried twice.
    pub doubled_per_mille: u64,
    /// Carried slowly.
    pub slow_per_mille: u64,
    /// How slowly at most.
    pub slow_ms_max: u64,
}

/// What the store does, in per mille of commits.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreFaults {
    /// Unknown, and applied.
    pub unknown_applied: u64,
    /// Unknown, and not applied.
    pub unknown_dropped: u64,
    /// Unknown, and applied a little later.
    pub unknown_late: u64,
    /// Not available.
    pub unavailable: u64,
}

/// What the cloud does, in per mille of creates where no unit is named.
#[derive(Debug, Clone, Copy, Default)]
pub struct CloudFaults {
    /// Executed, answer lost.
    pub lost_answers: u32,
    /// Not executed, connection lost.
    pub lost_requests: u32,
    /// Executed late.
    pub late: u32,
    /// By how much at most, in ms: less than `quiesce`.
    pub late_ms_max: u64,
    /// Ends in ERROR.
    pub build_errors: u32,
    /// 500 or 503, executed or not.
    pub server_errors: u32,
}

/// Something done to one process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// When, from the start of the run.
    pub at: Duration,
    /// To whom.
    pub victim: Victim,
    /// What.
    pub blow: Blow,
}

/// A process that can be struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// A supervisor.
    Supervisor(usize),
    /// A worker.
    Worker(usize),
}

/// What is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// Crashes at the n-th await from then; starts again after some time.
    Crash {
        /// Awaits until then.
        polls: u64,
        /// How long it stays down.
        down: Duration,
    },
    /// Stands still, and goes on as if nothing had happened.
    Pause {
        /// How long.
        still: Duration,
    },
    /// Its wall clock jumps.
    Jump {
        /// By how much, in ms.
        ms: i64,
    },
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The number.
    pub seed: u64,
    /// How many supervisors own every group at once.
    pub supervisors: usize,
    /// How many workers.
    pub workers: usize,
    /// How many groups, over two tenants.
    pub groups: usize,
    /// Faults go on for this long; then everything is fair.
    pub foul: Duration,
    /// The fair period, after which everything must be settled.
    pub fair: Duration,
    /// Faults by place.
    pub net: NetFaults,
    /// Faults by place.
    pub store: StoreFaults,
    /// Faults by place.
    pub cloud: CloudFaults,
    /// Faults by moment, in order.
    pub strikes: Vec<Strike>,
}

impl Schedule {
    /// The run of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let dice = Entropy::stream(seed, "schedule");
        let foul = Duration::from_secs(40 * 60);
        let mut s = Self {
            seed,
            supervisors: 2,
            workers: 1 + up_to(&dice, 1),
            groups: 2 + up_to(&dice, 1),
            foul,
            fair: foul,
            net: NetFaults::default(),
            store: StoreFaults::default(),
            cloud: CloudFaults::default(),
            strikes: Vec::new(),
        };
        s.net = NetFaults {
            lost_per_mille: some(&dice, 60),
            doubled_per_mille: some(&dice, 40),
            slow_per_mille: some(&dice, 100),
            slow_ms_max: 1 + dice.below(9_000),
        };
        s.store = StoreFaults {
            unknown_applied: some(&dice, 60),
            unknown_dropped: some(&dice, 60),
            unknown_late: some(&dice, 40),
            unavailable: some(&dice, 60),
        };
        s.cloud = CloudFaults {
            lost_answers: narrow(some(&dice, 250)),
            lost_requests: narrow(some(&dice, 150)),
            late: narrow(some(&dice, 150)),
            late_ms_max: 1_000 + dice.below(149_000),
            build_errors: narrow(some(&dice, 100)),
            server_errors: narrow(some(&dice, 150)),
        };
        let strikes = 5 + dice.below(15);
        s.strikes = (0..strikes).map(|_| s.strike(&dice)).collect();
        s.strikes.sort_by_key(|k| k.at);
        s
    }

    fn strike(&self, dice: &Entropy) -> Strike {
        let at = dice.up_to(self.foul);
        let victim = if dice.below(2) == 0 {
            Victim::Supervisor(up_to(dice, self.supervisors - 1))
        } else {
            Victim::Worker(up_to(dice, self.workers - 1))
        };
        let blow = match dice.below(10) {
            0..=5 => Blow::Crash {
                polls: dice.below(200),
                down: dice.up_to(Duration::from_secs(60)),
            },
            6..=8 => Blow::Pause {
                still: dice.up_to(Duration::from_secs(300)),
            },
            _ => Blow::Jump {
                ms: i64::try_from(dice.below(7_200_000)).unwrap_or(0) - 3_600_000,
            },
        };
        Strike { at, victim, blow }
    }
}

/// Zero half the time, else up to `most`.
fn some(dice: &Entropy, most: u64) -> u64 {
    if dice.below(2) == 0 {
        0
    } else {
        dice.below(most + 1)
    }
}

fn up_to(dice: &Entropy, most: usize) -> usize {
    usize::try_from(dice.below(u64::try_from(most).unwrap_or(0) + 1)).unwrap_or(0)
}

fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
