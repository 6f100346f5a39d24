//! How many calls of one class may be under way: more while answers come fast, less when they come late or not at all (AIMD).
//!
//! Safety 3.11: times 0.7 when an answer takes longer than four times the usual plus a second, times 0.5 on a time-out, plus one per
//! round of good answers. Pure: time is an argument.

use std::time::Duration;

use chassis::Mono;

/// Usual length of a call before the first answer is known, and the longest that is believed to be usual: a cloud that is slow
/// from the start must not pass for a fast one.
const USUAL_MAX: Duration = Duration::from_secs(2);
/// Beyond four times the usual.
const SLOW_PLUS: Duration = Duration::from_secs(1);
/// One call, in the thousandths in which the limit is kept.
const ONE: u32 = 1_000;

/// How a call ended, as far as it bears on how many more there should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// An answer came.
    Answered,
    /// Nothing came in time.
    Silent,
}

/// The limit of one class.
#[derive(Debug)]
pub(super) struct Concurrency {
    thousandths: u32,
    most: u32,
    usual: Option<Duration>,
    /// When it was last made smaller: calls from before then say nothing new.
    cut: Mono,
}

impl Concurrency {
    /// Begins with all that is allowed: the budget's rate holds a first rush back, and the first late answer cuts.
    pub(super) const fn new(most: u32) -> Self {
        Self {
            thousandths: most.saturating_mul(ONE),
            most,
            usual: None,
            cut: Mono::START,
        }
    }

    /// How many may be under way: at least one.
    pub(super) fn limit(&self) -> u32 {
        (self.thousandths / ONE).max(1)
    }

    /// A call that takes longer is late.
    pub(super) fn slow_after(&self) -> Duration {
        self.usual.unwrap_or(USUAL_MAX / 8) * 4 + SLOW_PLUS
    }

    /// A call ended.
    pub(super) fn ended(&mut self, now: Mono, took: Duration, how: Ended) {
        let late = took > self.slow_after();
        match how {
            Ended::Silent => self.shrink(now, took, 500),
            Ended::Answered if late => self.shrink(now, took, 700),
            Ended::Answered => {
                let usual = self.usual.unwrap_or(took).min(USUAL_MAX);
                self.usual = Some((usual * 15 + took.min(USUAL_MAX)) / 16);
                let step = (ONE * ONE) / self.thousandths.max(ONE);
                self.thousandths = self
                    .thousandths
                    .saturating_add(step)
                    .min(self.most.saturating_mul(ONE));
            }
        }
    }

    /// A call has been under way for so long without an answer: what holds for an answer that is late holds for one that is missing.
    pub(super) fn missing(&mut self, now: Mono, waits: Duration) {
        if waits > self.slow_after() && now.saturating_since(self.cut) > self.slow_after() {
            self.shrink(now, Duration::ZERO, 700);
        }
    }

    /// Once per round trip at most: all answers that were asked for before the last cut tell the same story.
    fn shrink(&mut self, now: Mono, took: Duration, to_permille: u32) {
        if now.saturating_since(self.cut) < took && self.cut > Mono::START {
            return;
        }
        self.cut = now;
        self.thousandths = (self.thousandths / 1_000 * to_permille).max(ONE);
    }
}

#[cfg(test)]
mod tests;
