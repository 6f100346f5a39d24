//! How much one tenant may ask of this process; more is refused before anything is read (design 7, safety S10).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Clock, Mono, Process};
use domain::ids::TenantId;
use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::settings::Limits;

/// Between two clearings of tenants that have gone quiet.
const CLEAR_EVERY: Duration = Duration::from_secs(60);

type PerTenant =
    RateLimiter<TenantId, HashMapStateStore<TenantId>, ByProcess, NoOpMiddleware<Nanos>>;

/// One bucket per tenant.
#[derive(Clone)]
pub struct Limiter {
    tenants: Arc<PerTenant>,
    clock: ByProcess,
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

impl Limiter {
    /// Empty buckets, and a task that forgets tenants that have gone quiet.
    #[must_use]
    pub fn new(process: &Process, limits: &Limits) -> Self {
        let quota = Quota::with_period(limits.requests.interval())
            .unwrap_or_else(|| Quota::per_second(limits.burst))
            .allow_burst(limits.burst);
        let clock = ByProcess(process.clock.clone());
        let tenants = Arc::new(RateLimiter::new(
            quota,
            HashMapStateStore::default(),
            clock.clone(),
        ));
        let (quiet, stop, time) = (
            Arc::clone(&tenants),
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
        Self { tenants, clock }
    }

    /// Takes one request out of the tenant's bucket.
    ///
    /// # Errors
    /// How long the bucket needs to hold one again: answer 429.
    pub fn take(&self, tenant: &TenantId) -> Result<(), Duration> {
        self.tenants.check_key(tenant).map_err(|not_until| {
            let now = self.clock.now();
            not_until.earliest_possible().duration_since(now).into()
        })
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}
