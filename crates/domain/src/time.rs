//! Two kinds of time that must never meet: what people read, and what safety counts on.

use std::time::Duration;

/// Wall time, milliseconds since the Unix epoch, equal in memory and in the store.
///
/// For cooldowns, schedules and display only: clocks jump and differ, so no decision about safety compares two of these (I8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: u64) -> Self {
        Self(ms)
    }
    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0
    }
    /// How long ago `earlier` was; zero when it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
    /// How much of a `period` that began here is left at `now`.
    ///
    /// A beginning in the future means that a clock was wrong (I8): then the period counts as just begun, or as over if it begins
    /// more than a period ahead. So nothing waits for longer than two periods, whatever clocks did.
    #[must_use]
    pub fn rest(self, period: Duration, now: Self) -> Duration {
        let ahead = self.since(now);
        if ahead > period {
            Duration::ZERO
        } else if ahead > Duration::ZERO {
            period
        } else {
            period.saturating_sub(now.since(self))
        }
    }
    /// This much later; stops at the largest representable instant.
    #[must_use]
    pub fn plus(self, d: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

/// An instant of one process's own monotonic clock, in milliseconds since that process began to count.
///
/// Never stored, never sent: a successor counts anew from its own start, which is the safe direction for every deadline here (safety 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(u64);

impl Mono {
    /// From milliseconds of this process's monotonic clock.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }
    /// Milliseconds of this process's monotonic clock.
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.0
    }
    /// How long ago `earlier` was; zero when it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
    /// This much later; stops at the largest representable instant.
    #[must_use]
    pub fn plus(self, d: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

/// Both clocks at one moment, as a shell reads them before it asks for a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For what people see and for cooldowns.
    pub wall: Timestamp,
    /// For everything that safety rests on.
    pub mono: Mono,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_wrong_stops_nothing_for_longer_than_two_periods() {
        let (minute, now) = (Duration::from_secs(60), Timestamp::from_unix_ms(10_000_000));
        let rest = |begun_ms: u64| {
            Timestamp::from_unix_ms(begun_ms)
                .rest(minute, now)
                .as_secs()
        };
        assert_eq!(rest(10_000_000), 60);
        assert_eq!(rest(9_980_000), 40);
        assert_eq!(rest(9_940_000), 0);
        assert_eq!(
            rest(10_030_000),
            60,
            "half a minute ahead counts as just begun"
        );
        assert_eq!(
            rest(13_600_000),
            0,
            "an hour ahead: whoever wrote that had a wrong clock"
        );
    }
}
