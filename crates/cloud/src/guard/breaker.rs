//! Stops a class of calls when the cloud fails it, and feels its way back: one probe after the other, then one call a second (safety 3.11). Pure.
//!
//! ```text
//! closed ──5 bad in a row, or more than half of 20──► open ──a probe, or a colleague's, is answered──► half open ──3 good──► closed
//!                                                      ▲                                                   │ 1 bad
//!                                                      └───────────────────────────────────────────────────┘
//! ```
//!
//! One that could be called and is not for half a minute is half open, and counts for nothing until somebody calls it: it knows nothing of
//! the cloud, and must neither take turns with those who would probe nor hold up the end of a surge.

use std::time::Duration;

use chassis::Mono;
use domain::turn::ProbeTurn;

/// Bad answers in a row that open it.
const ROW: u32 = 5;
/// The last so many answers are kept.
const KEPT: u32 = 20;
/// More bad ones than this among them open it.
const KEPT_BAD: u32 = 10;
/// Good answers in a row that close it.
const GOOD: u32 = 3;
/// Between two probes of one colo.
const PROBE_EVERY: Duration = Duration::from_secs(10);
/// Between two calls while it is half open.
const HALF_EVERY: Duration = Duration::from_secs(1);
/// Whoever was told no turn looks again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Who might call for so long and does not wants nothing: the time of three probes, and of six polls of a worker.
const QUIET_FOR: Duration = Duration::from_secs(30);

/// How a class fares, for people, metrics and colleagues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Phase {
    /// All is well.
    #[default]
    Closed,
    /// Feeling the way back.
    HalfOpen,
    /// Nothing but probes.
    Open,
}

/// The right to probe: one for all classes of a guard, when it is the worker's turn.
#[derive(Debug)]
pub(super) struct Probe {
    /// None: nobody who deals the budget said whose turn it is.
    pub(super) turn: Option<ProbeTurn>,
    /// The last probe, or when something opened and none was sent since; none: there was nothing to probe yet.
    since: Option<Mono>,
    is_first: bool,
}

impl Probe {
    pub(super) const fn new() -> Self {
        Self {
            turn: Some(ProbeTurn::ALONE),
            since: None,
            is_first: false,
        }
    }

    /// When the next one may be sent.
    fn next(&self) -> Option<Mono> {
        let turn = self.turn?;
        let periods = if self.is_first {
            turn.place() + 1
        } else {
            turn.of().get()
        };
        Some(self.since? + PROBE_EVERY * periods)
    }

    const fn sent(&mut self, now: Mono) {
        (self.since, self.is_first) = (Some(now), false);
    }

    /// Something opened: no probe before its first turn from now on.
    fn opened(&mut self, now: Mono) {
        let place = self.turn.map_or(0, ProbeTurn::place);
        let first = now + PROBE_EVERY * (place + 1);
        if self.next().is_none_or(|next| next <= first) {
            (self.since, self.is_first) = (Some(now), true);
        }
    }
}

/// The breaker of one class.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    phase: Phase,
    since: Mono,
    /// Not even a probe before this: the cloud said so.
    not_before: Mono,
    row: u32,
    good: u32,
    /// The last answers, newest in the lowest bit; 1 is bad.
    kept: u32,
    count: u32,
    /// The next call while half open.
    next: Mono,
    /// Since when it could be called, and nobody does.
    free_since: Option<Mono>,
    is_quiet: bool,
}

impl Breaker {
    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    /// How it fares as far as anybody calls it.
    pub(super) const fn seen(&self) -> Phase {
        if self.is_quiet {
            Phase::Closed
        } else {
            self.phase
        }
    }

    /// Looks whether it is still called. `is_idle`: nobody waits, and no call is under way.
    pub(super) fn look(&mut self, now: Mono, is_idle: bool, probe: &Probe) {
        let is_free = self.phase != Phase::Closed && is_idle && self.ready(now, probe) <= now;
        if !is_free {
            self.free_since = None;
            return;
        }
        let since = *self.free_since.get_or_insert(now);
        if now.saturating_since(since) >= QUIET_FOR {
            if self.phase == Phase::Open {
                self.half_open(now);
            }
            self.is_quiet = true;
        }
    }

    /// When the next call may begin: now, or not before the time that comes back.
    pub(super) fn ready(&self, now: Mono, probe: &Probe) -> Mono {
        match self.phase {
            Phase::Closed => now,
            Phase::HalfOpen => self.next.max(now),
            Phase::Open => match probe.next() {
                Some(next) => next.max(self.not_before).max(now),
                None => now + LOOK_AGAIN,
            },
        }
    }

    /// A call begins.
    pub(super) fn begin(&mut self, now: Mono, probe: &mut Probe) {
        self.free_since = None;
        self.is_quiet = false;
        match self.phase {
            Phase::Closed => {}
            Phase::HalfOpen => self.next = now + HALF_EVERY,
            Phase::Open => probe.sent(now),
        }
    }

    /// A call that began at `began` was answered well. True: that closed it.
    pub(super) fn good(&mut self, began: Mono, now: Mono) -> bool {
        self.note(false);
        match self.phase {
            Phase::Closed => false,
            Phase::Open | Phase::HalfOpen if began < self.since => false,
            Phase::Open => {
                self.half_open(now);
                self.good = 1;
                false
            }
            Phase::HalfOpen => {
                self.good += 1;
                let closes = self.good >= GOOD;
                if closes {
                    *self = Self::default();
                }
                closes
            }
        }
    }

    /// A call that began at `began` failed. True: that opened it.
    pub(super) fn bad(&mut self, began: Mono, now: Mono, probe: &mut Probe) -> bool {
        self.note(true);
        let opens = match self.phase {
            Phase::Closed => {
                self.row >= ROW || (self.count >= KEPT && self.kept.count_ones() > KEPT_BAD)
            }
            Phase::HalfOpen => began >= self.since,
            Phase::Open => false,
        };
        if opens {
            self.phase = Phase::Open;
            self.is_quiet = false;
            self.since = now;
            probe.opened(now);
        }
        opens
    }

    /// The cloud asked for rest: no probe before this.
    pub(super) fn rest(&mut self, until: Mono) {
        self.not_before = self.not_before.max(until);
    }

    /// A probe was answered, here in another class or at a colleague: the cloud talks again.
    pub(super) fn hears_of_life(&mut self, now: Mono) {
        if self.phase == Phase::Open && self.not_before <= now {
            self.half_open(now);
        }
    }

    const fn half_open(&mut self, now: Mono) {
        self.phase = Phase::HalfOpen;
        self.since = now;
        self.good = 0;
        self.next = now;
    }

    fn note(&mut self, bad: bool) {
        self.row = if bad { self.row + 1 } else { 0 };
        self.kept = (self.kept << 1 | u32::from(bad)) & ((1 << KEPT) - 1);
        self.count = (self.count + 1).min(KEPT);
    }
}

#[cfg(test)]
mod tests;
