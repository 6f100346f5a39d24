//! What goes wrong in one run, and when: all of it follows from one number. Each seed switches on a random part of the faults at a random
//! strength (swarm), so that rare pairs meet.

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::Entropy;

use super::directed::Case;
use super::strike::{Blow, Kind, Limits, Strike, index};

/// What the network does, in per mille of calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct NetFaults {
    /// Request or answer lost.
    pub lost: u64,
    /// Request carried twice at once.
    pub doubled: u64,
    /// Request carried once more, up to a minute later.
    pub echoed: u64,
    /// Operations of one reply handed over twice.
    pub replayed: u64,
    /// Carried slowly, so that later messages overtake it.
    pub slow: u64,
    /// How slowly at most, in ms.
    pub slow_ms_max: u64,
}

/// What the store does, in per mille of calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreFaults {
    /// Unknown, and applied.
    pub applied: u64,
    /// Unknown, and not applied.
    pub dropped: u64,
    /// Unknown, and applied a little later.
    pub late: u64,
    /// Unknown, and applied under a later attempt.
    pub surfacing: u64,
    /// Not available.
    pub unavailable: u64,
    /// Relaxed reads that are old.
    pub stale: u64,
}

/// What the cloud does, in per mille of creates where no unit is named.
#[derive(Debug, Clone, Copy, Default)]
pub struct CloudFaults {
    /// Executed, answer lost.
    pub lost_answers: u64,
    /// Not executed, connection lost.
    pub lost_requests: u64,
    /// Executed late.
    pub late: u64,
    /// By how much at most, in ms.
    pub late_ms_max: u64,
    /// Ends in ERROR.
    pub build_errors: u64,
    /// Stays in BUILD.
    pub stuck: u64,
    /// Any call: 500 or 503, executed or not.
    pub server_errors: u64,
    /// Answers of any call that are cut in the middle.
    pub garbled: u64,
    /// Deletes whose answer is lost, or that are lost.
    pub lost_deletes: u64,
    /// Executed twice, as by a proxy that repeats requests.
    pub twice: u64,
}

/// How late a create can execute (safety 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// Always before `quiesce` has passed.
    Below,
    /// Also long after it: a slow cloud, a worker that stood still.
    Above,
}

/// Of how much there is how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many supervisors own every group at once.
    pub supervisors: usize,
    /// How many workers.
    pub workers: usize,
    /// How many apis.
    pub apis: usize,
    /// How many groups, over two tenants.
    pub groups: usize,
    /// Polls of a worker to each supervisor.
    pub polls: u32,
    /// Cells of the cloud.
    pub cells: u32,
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The number.
    pub seed: u64,
    /// How late a create can execute.
    pub regime: Regime,
    /// How much there is of everything.
    pub size: Size,
    /// Faults go on for this long; then everything is fair.
    pub foul: Duration,
    /// The fair period, after which everything must be settled.
    pub fair: Duration,
    /// Longest pause between two events.
    pub pace: Duration,
    /// How long a deleted server can be brought back; zero: not at all.
    pub soft_delete: Duration,
    /// A list shows no more rows than this: the projects are too large for complete lists.
    pub large: bool,
    /// Faults by rate.
    pub net: NetFaults,
    /// Faults by rate.
    pub store: StoreFaults,
    /// Faults by rate.
    pub cloud: CloudFaults,
    /// Faults by moment, in order.
    pub strikes: Vec<Strike>,
    /// The one interleaving that the run is about; none for a swarm schedule.
    pub case: Option<Case>,
}

impl Schedule {
    /// The run of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let dice = Entropy::stream(seed, "schedule");
        let foul = Duration::from_secs(40 * 60);
        let regime = if dice.below(3) == 0 {
            Regime::Above
        } else {
            Regime::Below
        };
        let mut s = Self {
            seed,
            regime,
            size: Size::drawn(&dice),
            foul,
            fair: foul,
            pace: Duration::from_secs(40 + dice.below(60)),
            soft_delete: if dice.below(8) == 0 {
                dice.up_to(Duration::from_secs(240))
            } else {
                Duration::ZERO
            },
            large: false,
            net: NetFaults::default(),
            store: StoreFaults::default(),
            cloud: CloudFaults::default(),
            strikes: Vec::new(),
            case: None,
        };
        s.draw_rates(&dice);
        s.draw_strikes(&dice);
        match Entropy::stream(seed, "large").below(10) {
            0 => s.in_large_projects(),
            _ => s,
        }
    }

    /// The same run in projects too large for complete lists, without the strikes that may not meet them.
    #[must_use]
    pub fn in_large_projects(mut self) -> Self {
        self.large = true;
        self.strikes.retain(|strike| strike.blow.suits_large());
        self
    }

    fn draw_rates(&mut self, dice: &Entropy) {
        let some = |most: u64| match dice.below(2) {
            0 => 0,
            _ => dice.below(most + 1),
        };
        self.net = NetFaults {
            lost: some(60),
            doubled: some(40),
            echoed: some(20),
            replayed: some(20),
            slow: some(100),
            slow_ms_max: 1 + dice.below(9_000),
        };
        self.store = StoreFaults {
            applied: some(60),
            dropped: some(60),
            late: some(30),
            surfacing: some(30),
            unavailable: some(60),
            stale: some(300),
        };
        let late_ms_max = match self.regime {
            Regime::Below => 1_000 + dice.below(99_000),
            Regime::Above => 180_000 + dice.below(660_000),
        };
        self.cloud = CloudFaults {
            lost_answers: some(250),
            lost_requests: some(150),
            late: some(150),
            late_ms_max,
            build_errors: some(100),
            stuck: some(30),
            server_errors: some(150),
            garbled: some(40),
            lost_deletes: some(200),
            twice: if dice.below(6) == 0 { some(100) } else { 0 },
        };
    }

    fn draw_strikes(&mut self, dice: &Entropy) {
        let on: Vec<Kind> = Kind::ALL
            .into_iter()
            .filter(|_| dice.below(2) == 0)
            .collect();
        self.strike_with(dice, &on);
    }

    /// Strikes of these kinds in place of the others.
    pub(super) fn strike_with(&mut self, dice: &Entropy, on: &[Kind]) {
        let count = if on.is_empty() { 0 } else { 5 + dice.below(30) };
        let limits = self.limits();
        self.strikes = (0..usize::try_from(count).unwrap_or(0))
            .map(|id| {
                let own = Entropy::stream(self.seed, &format!("strike {id}"));
                let at = own.up_to(self.foul);
                let blow = limits.blow(&own, on[index(&own, on.len())]);
                // Early enough for all of it to be over when the fair period begins.
                let is_restore = matches!(blow, Blow::Restore(_));
                let at = if is_restore { at / 2 } else { at };
                Strike { id, at, blow }
            })
            .collect();
        // One is enough: two that overlap are nobody's practice.
        let mut restored = false;
        self.strikes.retain(|strike| {
            let again = matches!(strike.blow, Blow::Restore(_)) && restored;
            restored |= matches!(strike.blow, Blow::Restore(_));
            !again
        });
        self.strikes.sort_by_key(|strike| strike.at);
    }

    fn limits(&self) -> Limits {
        Limits {
            supervisors: self.size.supervisors,
            workers: self.size.workers,
            apis: self.size.apis,
            worker_pause: match self.regime {
                Regime::Below => Duration::from_secs(60),
                Regime::Above => Duration::from_secs(12 * 60),
            },
        }
    }

    /// What can be taken away from the run, by name: each rate that is on, and each strike.
    #[must_use]
    pub fn items(&self) -> Vec<String> {
        let mut own = self.clone();
        let rates = own.rates().into_iter().filter(|(_, rate)| **rate > 0);
        let rates: Vec<String> = rates.map(|(name, _)| name.to_owned()).collect();
        let strikes = self.strikes.iter().map(|s| format!("s{}", s.id));
        rates.into_iter().chain(strikes).collect()
    }

    /// The same run with these items only. Nothing else changes: every fault draws from a stream of its own.
    #[must_use]
    pub fn keeping(mut self, items: &BTreeSet<String>) -> Self {
        for (name, rate) in self.rates() {
            if !items.contains(name) {
                *rate = 0;
            }
        }
        self.strikes
            .retain(|s| items.contains(&format!("s{}", s.id)));
        self
    }

    /// What an item is, for people.
    #[must_use]
    pub fn describe(&self, item: &str) -> String {
        let strike = self.strikes.iter().find(|s| format!("s{}", s.id) == item);
        let mut own = self.clone();
        match strike {
            Some(s) => format!("{item}: at {} s {:?}", s.at.as_secs(), s.blow),
            None => own
                .rates()
                .into_iter()
                .find(|(name, _)| *name == item)
                .map_or_else(
                    || item.to_owned(),
                    |(name, rate)| format!("{name}: {rate} of 1000"),
                ),
        }
    }

    fn rates(&mut self) -> Vec<(&'static str, &mut u64)> {
        let (n, s, c) = (&mut self.net, &mut self.store, &mut self.cloud);
        vec![
            ("net.lost", &mut n.lost),
            ("net.doubled", &mut n.doubled),
            ("net.echoed", &mut n.echoed),
            ("net.replayed", &mut n.replayed),
            ("net.slow", &mut n.slow),
            ("store.applied", &mut s.applied),
            ("store.dropped", &mut s.dropped),
            ("store.late", &mut s.late),
            ("store.surfacing", &mut s.surfacing),
            ("store.unavailable", &mut s.unavailable),
            ("store.stale", &mut s.stale),
            ("cloud.lost-answers", &mut c.lost_answers),
            ("cloud.lost-requests", &mut c.lost_requests),
            ("cloud.late", &mut c.late),
            ("cloud.build-errors", &mut c.build_errors),
            ("cloud.stuck", &mut c.stuck),
            ("cloud.server-errors", &mut c.server_errors),
            ("cloud.garbled", &mut c.garbled),
            ("cloud.lost-deletes", &mut c.lost_deletes),
            ("cloud.twice", &mut c.twice),
        ]
    }
}

impl Size {
    /// Small most of the time: rare pairs need many runs more than they need many processes.
    fn drawn(dice: &Entropy) -> Self {
        let big = dice.below(5) == 0;
        let (supervisors, workers) = if big {
            (3 + index(dice, 3), 2 + index(dice, 7))
        } else {
            (3, 2)
        };
        Self {
            supervisors,
            workers,
            apis: 3,
            groups: 2 + index(dice, 3),
            polls: if !big && dice.below(8) == 0 { 2 } else { 1 },
            cells: 1 + super::strike::narrow(dice.below(3)),
        }
    }
}
