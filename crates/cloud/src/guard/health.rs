//! What one class's answers say about how much more to ask: breaker, concurrency, throttle and slow start, fed in one place.

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::Mono;
use domain::ids::TenantId;

use super::breaker::{Breaker, Phase, Probe};
use super::budget::Pace;
use super::concurrency::{Concurrency, Ended};
use super::ramp::{Ramp, WHOLE};
use super::settings::Lane;
use super::throttle::Throttle;

/// From so many tenants on that were lately told to wait, it is the cloud that is short of breath, not a tenant that asks too much.
const TENANTS_THROTTLED: usize = 3;

/// How one class fares.
#[derive(Debug)]
pub(super) struct Health {
    pub(super) breaker: Breaker,
    concurrency: Concurrency,
    throttle: Throttle,
    ramp: Ramp,
    throttled: BTreeMap<TenantId, Mono>,
}

/// What an answer changed, for the other classes and for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    Nothing,
    /// The breaker opened.
    Opened,
    /// A probe was answered.
    Answered,
    /// The breaker closed.
    Closed,
}

/// An answer of the cloud, or its absence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// When the call went out.
    pub(super) sent: Mono,
    pub(super) now: Mono,
}

impl Health {
    pub(super) fn new(lane: &Lane) -> Self {
        Self {
            breaker: Breaker::default(),
            concurrency: Concurrency::new(lane.at_once.get()),
            throttle: Throttle::default(),
            ramp: Ramp::default(),
            throttled: BTreeMap::new(),
        }
    }

    /// How many calls may be under way.
    pub(super) fn at_once(&self) -> u32 {
        self.concurrency.limit()
    }

    /// A call has been under way for so long.
    pub(super) fn missing(&mut self, now: Mono, waits: Duration) {
        self.concurrency.missing(now, waits);
    }

    /// The budget as it is now: `lane` by the share of the colo (in thousandths), by slow start, by what the cloud lately did.
    pub(super) fn pace(&mut self, now: Mono, lane: &Lane, permille: u32) -> Pace {
        let ramp = self.ramp.share(now);
        let throttle = self.throttle.pace(now);
        let share = (u64::from(permille) * u64::from(ramp)).max(1);
        let interval = lane.rate.interval().as_nanos() * 1_000_000 / u128::from(share);
        let interval = Duration::from_nanos(u64::try_from(interval).unwrap_or(u64::MAX));
        let gentle = ramp < WHOLE || throttle.is_some();
        let burst = lane.burst.get().saturating_mul(permille) / WHOLE;
        Pace {
            interval: interval
                .max(throttle.unwrap_or_default())
                .max(Duration::from_nanos(1)),
            burst: if gentle { 1 } else { burst.max(1) },
        }
    }

    /// The class comes back slowly from `at` on.
    pub(super) fn come_back(&mut self, at: Mono) {
        self.ramp.restart(at);
    }

    /// It did what was asked, or refused for a reason of ours.
    pub(super) fn good(&mut self, Answer { sent, now }: Answer) -> Changed {
        self.throttle.heard(now, true);
        self.concurrency
            .ended(now, now.saturating_since(sent), Ended::Answered);
        let before = self.breaker.phase();
        if self.breaker.good(sent, now) {
            self.come_back(now);
            return Changed::Closed;
        }
        let answered = before == Phase::Open && self.breaker.phase() == Phase::HalfOpen;
        if answered {
            Changed::Answered
        } else {
            Changed::Nothing
        }
    }

    /// It failed; or nothing came at all, which is `silent`.
    pub(super) fn bad(&mut self, answer: Answer, silent: bool, probe: &mut Probe) -> Changed {
        let Answer { sent, now } = answer;
        self.throttle.heard(now, false);
        if silent {
            self.concurrency
                .ended(now, now.saturating_since(sent), Ended::Silent);
        }
        if self.breaker.bad(sent, now, probe) {
            Changed::Opened
        } else {
            Changed::Nothing
        }
    }

    /// It told a tenant to wait until then. When it tells many tenants so, it is the cloud that fails.
    pub(super) fn told_to_wait(
        &mut self,
        answer: Answer,
        (tenant, until): (&TenantId, Mono),
        probe: &mut Probe,
    ) -> Changed {
        self.throttled.retain(|_, end| *end > answer.now);
        self.throttled.insert(tenant.clone(), until);
        if self.throttled.len() < TENANTS_THROTTLED {
            return Changed::Nothing;
        }
        self.bad(answer, false, probe)
    }
}
