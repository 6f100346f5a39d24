//! One class's calls: those that queue, those under way, and who may go next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::Mono;
use domain::ids::{GroupId, HomeEpoch, TenantId};
use tokio::sync::Notify;

use super::breaker::{Phase, Probe};
use super::budget::{Bucket, Pace};
use super::health::Health;
use super::pause::{Pauses, Scope};
use super::queue::{Queue, Ticket};
use super::settings::Lane;
use super::shards::{Shard, Shards};
use super::standing::{Told, Whose, slows, stops};
use super::{Call, Refused};

/// Calls that a switch slows get a tenth of the budget, all together.
const SLOW: u32 = 10;

/// What stands before all classes alike.
#[derive(Debug)]
pub(super) struct Gates {
    pub(super) pauses: Pauses,
    pub(super) told: Told,
    pub(super) probe: Probe,
}

/// The traffic of one class.
#[derive(Debug)]
pub(super) struct Traffic {
    call: Call,
    lane: Lane,
    bucket: Bucket,
    slow: Bucket,
    shards: Shards,
    under_way: BTreeMap<u64, (Mono, Shard)>,
    began: u64,
    pub(super) health: Health,
    pub(super) queue: Queue<Waiter>,
}

/// Somebody who waits for a turn.
#[derive(Debug)]
pub(super) struct Waiter {
    tenant: TenantId,
    group: Option<GroupId>,
    epoch: Option<HomeEpoch>,
    heeds: Scope,
    pub(super) called: Arc<Notify>,
    /// The number of the call that it may make.
    pub(super) granted: Option<u64>,
    /// When this waiter must ask again, because time alone changes something. Only the first in the queue has one.
    pub(super) wake: Option<Mono>,
}

/// Who may go next.
enum Next {
    Now(Ticket, Shard, bool),
    /// Nobody before then; none: not before something else happens.
    Later(Option<Mono>),
}

impl Waiter {
    pub(super) fn new(whose: Whose<'_>) -> Self {
        Self {
            tenant: whose.tenant.clone(),
            group: whose.group,
            epoch: whose.epoch,
            heeds: whose.heeds,
            called: Arc::new(Notify::new()),
            granted: None,
            wake: None,
        }
    }

    pub(super) const fn whose(&self) -> Whose<'_> {
        Whose {
            tenant: &self.tenant,
            group: self.group,
            epoch: self.epoch,
            heeds: self.heeds,
        }
    }
}

impl Traffic {
    pub(super) fn new(call: Call, lane: &Lane) -> Self {
        Self {
            call,
            lane: *lane,
            bucket: Bucket::default(),
            slow: Bucket::default(),
            shards: Shards::default(),
            under_way: BTreeMap::new(),
            began: 0,
            health: Health::new(lane),
            queue: Queue::new(),
        }
    }

    /// Takes budget outside the queue.
    ///
    /// # Errors
    /// Not before then.
    pub(super) fn take(&mut self, now: Mono, gates: &mut Gates) -> Result<(), Mono> {
        let ready = self.health.breaker.ready(now, &gates.probe);
        if ready > now {
            return Err(ready);
        }
        let pace = self.pace(now, gates);
        self.bucket.take(now, pace)?;
        self.health.breaker.begin(now, &mut gates.probe);
        Ok(())
    }

    /// A call is over.
    pub(super) fn ended(&mut self, number: u64) {
        if let Some((_, shard)) = self.under_way.remove(&number) {
            self.shards.end(shard);
        }
    }

    /// Looks whether anybody still calls.
    pub(super) fn look_for_silence(&mut self, now: Mono, gates: &Gates) {
        let is_idle = self.under_way.is_empty() && self.queue.is_empty();
        self.health.breaker.look(now, is_idle, &gates.probe);
    }

    /// When the breaker lets the next call through.
    pub(super) fn ready(&self, now: Mono, gates: &Gates) -> Mono {
        self.health.breaker.ready(now, &gates.probe)
    }

    /// How many calls may be promised now to begin within `window`.
    pub(super) fn promises(&mut self, now: Mono, window: Duration, gates: &Gates) -> u32 {
        let effect = gates.told.colo_effect(now);
        if stops(effect, self.call) || self.ready(now, gates) > now {
            return 0;
        }
        self.look_for_missing(now);
        let mut interval = self.pace(now, gates).interval;
        if slows(effect, self.call) {
            interval *= SLOW;
        }
        let begun = window.as_nanos() / interval.as_nanos().max(1);
        let begun = u32::try_from(begun).unwrap_or(u32::MAX).max(1);
        match self.health.breaker.phase() {
            Phase::Closed => begun.min(self.health.at_once()),
            Phase::HalfOpen => begun.min(2),
            Phase::Open => 1,
        }
    }

    /// Lets all go that may, and makes the first of the rest keep the time.
    pub(super) fn pump(&mut self, now: Mono, gates: &mut Gates) {
        self.look_for_missing(now);
        let next = loop {
            let at_once = usize::try_from(self.health.at_once()).unwrap_or(usize::MAX);
            if self.under_way.len() >= at_once || self.queue.is_empty() {
                break None;
            }
            let ready = self.ready(now, gates);
            if ready > now {
                break Some(ready);
            }
            let (ticket, shard, slowed) = match self.next(now, gates) {
                Next::Now(ticket, shard, slowed) => (ticket, shard, slowed),
                Next::Later(at) => break at,
            };
            let pace = self.pace(now, gates);
            if let Err(at) = self.bucket.take(now, pace) {
                break Some(at);
            }
            if slowed {
                // It was seen to be ready just now.
                self.slow.take(now, slow(pace)).unwrap_or_default();
            }
            self.health.breaker.begin(now, &mut gates.probe);
            self.grant(now, ticket, shard);
        };
        let mut waiting = self
            .queue
            .iter_mut()
            .filter(|(_, waiter)| waiter.granted.is_none());
        if let Some((_, first)) = waiting.next()
            && first.wake != next
        {
            first.wake = next;
            first.called.notify_one();
        }
        // One that was first before and is not now would otherwise ask again and again at a time that is over.
        waiting.for_each(|(_, waiter)| waiter.wake = None);
    }

    /// Why a waiter may not even wait any longer.
    pub(super) fn refusal(&self, now: Mono, gates: &Gates, waiter: &Waiter) -> Option<Refused> {
        gates.told.refusal(now, self.call, waiter.whose())
    }

    /// All who wait look again: something changed that concerns them.
    pub(super) fn call_all(&self) {
        self.queue
            .iter()
            .for_each(|(_, waiter)| waiter.called.notify_one());
    }

    fn grant(&mut self, now: Mono, ticket: Ticket, shard: Shard) {
        self.began += 1;
        self.under_way.insert(self.began, (now, shard));
        self.shards.begin(shard);
        if let Some(waiter) = self.queue.serve(ticket) {
            waiter.granted = Some(self.began);
            waiter.called.notify_one();
        }
    }

    fn pace(&mut self, now: Mono, gates: &Gates) -> Pace {
        self.health.pace(now, &self.lane, gates.told.permille())
    }

    fn look_for_missing(&mut self, now: Mono) {
        let oldest = self.under_way.values().map(|(began, _)| *began).min();
        if let Some(oldest) = oldest {
            self.health.missing(now, now.saturating_since(oldest));
        }
    }

    fn next(&mut self, now: Mono, gates: &Gates) -> Next {
        let slow_ready = {
            let pace = slow(self.pace(now, gates));
            self.slow.ready(now, pace)
        };
        let limit = self.health.at_once();
        let mut later: Option<Mono> = None;
        let waiting = self.queue.iter();
        for (ticket, waiter) in waiting.filter(|(_, waiter)| waiter.granted.is_none()) {
            let effect = gates.told.effect(now, waiter.whose());
            if stops(effect, self.call) {
                continue;
            }
            let slowed = slows(effect, self.call);
            let mut at = gates.pauses.end(waiter.whose());
            if slowed {
                at = at.max(slow_ready);
            }
            if at > now {
                later = Some(later.map_or(at, |earliest| earliest.min(at)));
                continue;
            }
            if let Some(shard) = self.shards.find(&waiter.tenant, limit) {
                return Next::Now(ticket, shard, slowed);
            }
        }
        Next::Later(later)
    }
}

fn slow(pace: Pace) -> Pace {
    Pace {
        interval: pace.interval.saturating_mul(SLOW),
        burst: 1,
    }
}
