//! One class's budget: a token bucket that runs on the process's own clock, so that paused time drives it.

use std::num::NonZeroU32;
use std::time::Duration;

use chassis::{Clock, Mono};
use governor::clock::{Clock as Ticking, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::settings::Lane;

/// The process's monotonic clock, as the bucket reads it.
#[derive(Debug, Clone)]
struct Ticks(Clock);

impl Ticking for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.mono().saturating_since(Mono::START).into()
    }
}

/// A token bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>,
    ticks: Ticks,
}

impl Bucket {
    pub(super) fn new(clock: &Clock, lane: &Lane) -> Self {
        let interval = lane.rate.interval().max(Duration::from_nanos(1));
        let quota = Quota::with_period(interval)
            .unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN))
            .allow_burst(lane.burst);
        let ticks = Ticks(clock.clone());
        Self {
            limiter: RateLimiter::direct_with_clock(quota, ticks.clone()),
            ticks,
        }
    }

    /// Takes one call's worth; otherwise says how long until there is one.
    pub(super) fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|not_until| {
            let now = self.ticks.now();
            let wait: Duration = not_until.earliest_possible().duration_since(now).into();
            // Never zero: a waiter that sleeps for nothing spins.
            wait.max(Duration::from_micros(1))
        })
    }
}
