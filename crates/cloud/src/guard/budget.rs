//! One class's budget: a token bucket whose rate may change between two calls. Pure: time is an argument.

use std::time::Duration;

use chassis::Mono;

/// A token bucket, kept as the time at which it would be full again (generic cell rate algorithm).
#[derive(Debug, Default)]
pub(super) struct Bucket {
    full: Mono,
    /// The slack that `full` counts on; none before the first call.
    slack: Option<Duration>,
}

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Between two calls, in the long run.
    pub(super) interval: Duration,
    /// Calls at once after a quiet time: at least 1.
    pub(super) burst: u32,
}

impl Pace {
    /// Calls beyond the first that may begin at once, as time.
    fn slack(self) -> Duration {
        self.interval.saturating_mul(self.burst.saturating_sub(1))
    }
}

impl Bucket {
    /// When the next call may begin: now or later.
    pub(super) fn ready(&self, now: Mono, pace: Pace) -> Mono {
        // A debt from a slower time is not carried into a faster one: no more than one interval is ever owed.
        let owed = self
            .full
            .saturating_since(now)
            .saturating_sub(pace.slack())
            .min(pace.interval);
        now + owed
    }

    /// Takes one call's worth.
    ///
    /// # Errors
    /// When there will be one: always later than now, so that no waiter spins.
    pub(super) fn take(&mut self, now: Mono, pace: Pace) -> Result<(), Mono> {
        let ready = self.ready(now, pace);
        if ready > now {
            return Err(ready);
        }
        let slack = pace.slack();
        let grown = slack.saturating_sub(self.slack.unwrap_or(slack));
        // A larger burst is earned from now on, not at once: a recovery brings no jump.
        let base = if grown > Duration::ZERO {
            self.full.max(now)
        } else {
            self.full
        };
        self.slack = Some(slack);
        self.full = (base + grown).max(now).min(now + slack) + pace.interval;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
