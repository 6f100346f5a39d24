//! How much one tenant may ask of this process, and one capability URL's group; more is refused before anything is read (design 7, safety S10).

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use chassis::config::Rate;
use chassis::{Clock, Mono, Process};
use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::settings::Limits;

/// Between two clearings of tenants that have gone quiet.
const CLEAR_EVERY: Duration = Duration::from_secs(60);

type PerKey<K> = RateLimiter<K, HashMapStateStore<K>, ByProcess, StateInformationMiddleware>;

/// One bucket per key.
#[derive(Clone)]
pub struct Limiter<K: Hash + Eq + Clone> {
    buckets: Arc<PerKey<K>>,
    clock: ByProcess,
    requests: Rate,
}

/// The process's monotonic clock, so that a simulated one drives the limits too.
#[derive(Debug, Clone)]
struct ByProcess(Clock);

impl GovernorClock for ByProcess {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.mono().saturating_since(Mono::START).into()
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Limiter<K> {
    /// Empty buckets, and a task that forgets those that have gone quiet.
    #[must_use]
    pub fn new(process: &Process, limits: &Limits) -> Self {
        let quota = Quota::with_period(limits.requests.interval())
            .unwrap_or_else(|| Quota::per_second(limits.burst))
            .allow_burst(limits.burst);
        let clock = ByProcess(process.clock.clone());
        let buckets: PerKey<K> =
            RateLimiter::new(quota, HashMapStateStore::default(), clock.clone());
        let buckets = Arc::new(buckets);
        let (quiet, stop, time) = (
            Arc::clone(&buckets),
            process.stop.clone(),
            process.clock.clone(),
        );
        drop(process.tasks.spawn("limits", async move {
            loop {
                tokio::select! {
                    biased;
                    () = stop.requested() => return,
                    () = time.sleep(CLEAR_EVERY) => quiet.retain_recent(),
                }
            }
        }));
        Self {
            buckets,
            clock,
            requests: limits.requests,
        }
    }

    /// How many requests are let through in the long run, and in which unit of time.
    #[must_use]
    pub const fn rate(&self) -> (u32, &'static str) {
        match self.requests {
            Rate::PerSecond(count) => (count.get(), "SECOND"),
            Rate::PerMinute(count) => (count.get(), "MINUTE"),
            Rate::PerHour(count) => (count.get(), "HOUR"),
        }
    }

    /// Takes one request out of the key's bucket; gives how many are left in it.
    ///
    /// # Errors
    /// How long the bucket needs to hold one again: answer 429.
    pub fn take(&self, key: &K) -> Result<u32, Duration> {
        let left = self.buckets.check_key(key);
        let left = left.map(|snapshot| snapshot.remaining_burst_capacity());
        left.map_err(|not_until| {
            let now = self.clock.now();
            not_until.earliest_possible().duration_since(now).into()
        })
    }
}

impl<K: Hash + Eq + Clone> fmt::Debug for Limiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}
