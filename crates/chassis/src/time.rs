//! Time: a wall clock for what people and stores see, a monotonic one for everything that is measured or waited for.
//!
//! Both flavours take the monotonic part from tokio, so a runtime with paused time drives all waits.
use std::{
    future::Future,
    ops::Add,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// A point on one process's monotonic time line, in microseconds since its clock was made.
///
/// Points of different clocks must not be compared: they never leave their process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(u64);

impl Mono {
    /// The moment in which the clock was made.
    pub const START: Self = Self(0);

    /// Time from `earlier` to here; zero if `earlier` is in fact later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Whole milliseconds since the clock was made (for logs and traces).
    pub fn as_millis(self) -> u64 {
        self.0 / 1_000
    }
}

impl Add<Duration> for Mono {
    type Output = Self;

    /// Saturates at the end of time (half a million years).
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

/// The bounded wait ran out; the waited-for future has been dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the wait took longer than its bound")]
pub struct Elapsed;

/// A handle on one process's time; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    wall: Wall,
}

#[derive(Clone, Debug)]
enum Wall {
    System,
    Simulated {
        epoch_unix_ms: u64,
        skew_ms: Arc<AtomicI64>,
    },
}

impl Clock {
    /// The machine's wall clock; monotonic time starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the runtime for the time"
    )]
    pub fn system() -> Self {
        Self {
            start: Instant::now(),
            wall: Wall::System,
        }
    }

    /// A wall clock that shows `epoch_unix_ms` now, wrong by `skew_ms`, and goes on with the runtime's (paused) time.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the runtime for the time"
    )]
    pub fn simulated(epoch_unix_ms: u64, skew_ms: i64) -> Self {
        Self {
            start: Instant::now(),
            wall: Wall::Simulated {
                epoch_unix_ms,
                skew_ms: Arc::new(AtomicI64::new(skew_ms)),
            },
        }
    }

    /// Moves the simulated wall clock of every clone by `ms`; monotonic time does not notice. A system clock ignores it.
    pub fn jump(&self, ms: i64) {
        match &self.wall {
            Wall::System => {}
            Wall::Simulated { skew_ms, .. } => {
                skew_ms.fetch_add(ms, Ordering::Relaxed);
            }
        }
    }

    /// Wall time in ms since 1970. It may jump both ways: decide order and waits by [`Clock::mono`] or by a store's revision.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine for the time"
    )]
    pub fn unix_ms(&self) -> u64 {
        match &self.wall {
            Wall::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
                }),
            Wall::Simulated {
                epoch_unix_ms,
                skew_ms,
            } => epoch_unix_ms
                .saturating_add(self.mono().as_millis())
                .saturating_add_signed(skew_ms.load(Ordering::Relaxed)),
        }
    }

    /// Monotonic time now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the runtime for the time"
    )]
    pub fn mono(&self) -> Mono {
        Mono(micros(Instant::now().saturating_duration_since(self.start)))
    }

    /// Waits; the timer's grain is 1 ms.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that waits"
    )]
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Waits until `deadline`; returns at once if it has passed.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that waits"
    )]
    pub async fn sleep_until(&self, deadline: Mono) {
        tokio::time::sleep(deadline.saturating_since(self.mono())).await;
    }

    /// Runs `future` for at most `bound`, then drops it.
    ///
    /// # Errors
    /// [`Elapsed`] when the bound came first. What the future had started may still take effect elsewhere: treat it as unknown.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that waits"
    )]
    pub async fn timeout<F: Future>(
        &self,
        bound: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        match tokio::time::timeout(bound, future).await {
            Ok(output) => Ok(output),
            Err(_elapsed) => Err(Elapsed),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
