//! Messages on their way to a hooks lane: owners put what is due on the desk, lanes fetch it, tenants in turns. Memory only: what is lost here is due
//! again when its owner has heard nothing for a while.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::ids::{DeliveryId, GroupKey, TenantId};
use domain::outbox::{self, Delivery, Sending, Sent};
use domain::time::Mono;
use tokio::sync::{Notify, oneshot};
use wire::hooks::message;
use wire::ports::hooks::{Hooks, HooksError, Parcel, Room, Tried};

use crate::owner::Owner;
use crate::owners::{Note, not_durable};
use crate::{Supervisor, mono, now};

/// Messages of one tenant that may lie on the desk; owners keep the rest.
const OF_ONE_MAX: usize = 1_000;
/// An owner asks again for room on a full desk after this.
const FULL: Duration = Duration::from_secs(2);
/// No question is held longer.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// What is not durable after this is to be said again, so that no group holds back what is said of others.
const DURABLE_WITHIN: Duration = Duration::from_millis(500);

/// What waits for lanes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desk {
    inner: Arc<Mutex<Lines>>,
    came: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Lines {
    /// Tenants that have something waiting, the next one first.
    order: VecDeque<TenantId>,
    lines: BTreeMap<TenantId, VecDeque<Parcel>>,
    known: BTreeSet<(GroupKey, DeliveryId)>,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message on the desk; false: this tenant has too many there.
    fn put(&self, parcel: Parcel) -> bool {
        let is_in = self.lock().put(parcel);
        if is_in {
            self.came.notify_waiters();
        }
        is_in
    }

    /// Takes a message back that no lane has fetched; false: one has.
    pub(crate) fn withdraw(&self, key: &GroupKey, id: DeliveryId) -> bool {
        self.lock().withdraw(key, id)
    }

    fn fetch(&self, room: &Room) -> Vec<Parcel> {
        self.lock().fetch(room)
    }
}

impl Lines {
    fn put(&mut self, parcel: Parcel) -> bool {
        let tenant = parcel.group.tenant.clone();
        let line = self.lines.entry(tenant.clone()).or_default();
        if line.len() >= OF_ONE_MAX {
            return false;
        }
        if !self.known.insert((parcel.group.clone(), parcel.id)) {
            return true;
        }
        if line.is_empty() {
            self.order.push_back(tenant);
        }
        line.push_back(parcel);
        true
    }

    fn withdraw(&mut self, key: &GroupKey, id: DeliveryId) -> bool {
        if !self.known.remove(&(key.clone(), id)) {
            return false;
        }
        if let Some(line) = self.lines.get_mut(&key.tenant) {
            line.retain(|parcel| parcel.id != id || parcel.group != *key);
            if line.is_empty() {
                self.lines.remove(&key.tenant);
                self.order.retain(|tenant| *tenant != key.tenant);
            }
        }
        true
    }

    /// Tenants in turns, one message a turn; none of those whose receivers keep the lane busy.
    fn fetch(&mut self, room: &Room) -> Vec<Parcel> {
        let most = usize::try_from(room.messages).unwrap_or(usize::MAX);
        let of_one = usize::try_from(room.of_one).unwrap_or(usize::MAX);
        let full: BTreeSet<&TenantId> = room.full.iter().collect();
        let mut taken: BTreeMap<TenantId, usize> = BTreeMap::new();
        let mut parcels = Vec::new();
        let mut passed = 0;
        while parcels.len() < most && passed < self.order.len() {
            let Some(tenant) = self.order.pop_front() else {
                break;
            };
            let count = taken.entry(tenant.clone()).or_default();
            if full.contains(&tenant) || *count >= of_one {
                self.order.push_back(tenant);
                passed += 1;
                continue;
            }
            passed = 0;
            *count += 1;
            let Some(line) = self.lines.get_mut(&tenant) else {
                continue;
            };
            parcels.extend(line.pop_front());
            if line.is_empty() {
                self.lines.remove(&tenant);
            } else {
                self.order.push_back(tenant);
            }
        }
        for parcel in &parcels {
            self.known.remove(&(parcel.group.clone(), parcel.id));
        }
        parcels
    }
}

impl Owner {
    /// Puts what is due on the desk, and asks again for what nobody was heard of. Gives when to look again for the sake of the desk.
    pub(crate) fn hooks(&mut self) -> Option<Mono> {
        let group = self.group.as_ref()?;
        if group.outbox.is_empty() && self.posted.is_empty() {
            return None;
        }
        let at = now(&self.seams.process);
        let due = outbox::due(group, at.wall).due;
        self.posted.retain(|id, _| due.contains(id));
        let mut next: Option<Mono> = None;
        for id in due {
            let delivery = group.outbox.get(&id)?;
            if let Some(since) = self.posted.get(&id).copied() {
                if at.mono.since(since) < outbox::ANSWER_MAX {
                    soonest(&mut next, since.plus(outbox::ANSWER_MAX));
                    continue;
                }
                self.posted.remove(&id);
                if self.seams.desk.withdraw(&self.key, id) {
                    let made = delivery.attempts();
                    self.batch.sent.push((id, made, Sent::Nobody));
                    self.again = true;
                    continue;
                }
            }
            if self.put(delivery) {
                self.posted.insert(id, at.mono);
                soonest(&mut next, at.mono.plus(outbox::ANSWER_MAX));
            } else {
                soonest(&mut next, at.mono.plus(FULL));
            }
        }
        next
    }

    /// Puts one message on the desk. True also where there is nobody to send it to: `domain` withdraws it.
    fn put(&self, delivery: &Delivery) -> bool {
        let Some(group) = &self.group else {
            return true;
        };
        let Some(hook) = group.config.hooks.get(&delivery.hook) else {
            return true;
        };
        let Sending::Due(attempts) = &delivery.sending else {
            return true;
        };
        let wall = now(&self.seams.process).wall;
        self.seams.desk.put(Parcel {
            group: self.key.clone(),
            id: delivery.id,
            made: attempts.made,
            hook: delivery.hook.clone(),
            format: hook.format,
            url: hook.url.clone(),
            keys: message::live_keys(hook, wall).cloned().collect(),
            message: message::message(group, delivery, wall),
        })
    }
}

fn soonest(next: &mut Option<Mono>, at: Mono) {
    *next = Some(next.map_or(at, |old| old.min(at)));
}

#[async_trait]
impl Hooks for Supervisor {
    async fn fetch(&self, room: Room) -> Result<Vec<Parcel>, HooksError> {
        if self.process.stop.is_requested() {
            return Err(HooksError::Unreachable);
        }
        let until = mono(&self.process).plus(room.wait.min(WAIT_MAX));
        loop {
            let came = self.desk.came.notified();
            let parcels = self.desk.fetch(&room);
            let left = until.since(mono(&self.process));
            if !parcels.is_empty() || left.is_zero() {
                return Ok(parcels);
            }
            tokio::select! {
                biased;
                () = came => {}
                () = self.process.clock.sleep(left) => {}
                () = self.process.stop.requested() => return Err(HooksError::Unreachable),
            }
        }
    }

    async fn tried(&self, tried: Vec<Tried>) -> Result<Vec<usize>, HooksError> {
        let mut waits = Vec::new();
        for (place, one) in tried.into_iter().enumerate() {
            let (done, wait) = oneshot::channel();
            // Where too much waits already, nobody will say that it is done.
            let note = Note::Sent(one.id, one.made, one.sent, done);
            self.owners.hint(&one.group, note);
            waits.push((place, wait));
        }
        Ok(not_durable(&self.process, DURABLE_WITHIN, waits).await)
    }
}

#[cfg(test)]
pub(crate) mod tests;
