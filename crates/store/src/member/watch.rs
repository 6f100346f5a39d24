//! The watch over the members of a colo: looks every second, beats as often if this process is a member itself, and says who owns what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Process;
use chassis::ops::Check;
use domain::ids::{ColoId, GroupKey, Incarnation, MemberName};
use domain::member::{BEAT, HOLDS, Lease, Members as View, SHARDS, Shard};
use domain::time::Mono;
use tokio::sync::Notify;

use super::Members;

/// A request to the store that takes longer is made again with the next beat: perhaps another node answers.
const WITHIN: Duration = Duration::from_millis(1_500);
/// Nothing can be said of the members when the last good look is older than this.
const STALE: Duration = Duration::from_secs(10);

/// A member's own lease, and since when it holds.
#[derive(Debug)]
pub struct Own {
    lease: Lease,
    /// When the last good beat began.
    renewed: Option<Mono>,
}

/// What a process knows of who owns what. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Watch {
    process: Process,
    members: Arc<dyn Members>,
    colo: ColoId,
    own: Option<MemberName>,
    known: Arc<Mutex<Known>>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Known {
    view: View,
    live: Vec<MemberName>,
    /// By shard: its place in `live`.
    owners: Vec<Option<usize>>,
    looked: Option<Mono>,
    own: Option<Own>,
    /// See [`Watch::lapses`].
    lapses: u64,
}

impl Watch {
    /// Starts to watch, and to beat as `own` if that is given. Ends with the process; a member leaves then, so that others take over at once.
    #[must_use]
    pub fn start(
        process: &Process,
        members: Arc<dyn Members>,
        colo: ColoId,
        own: Option<MemberName>,
    ) -> Self {
        let lease = own.clone().map(|member| Own {
            lease: Lease {
                member,
                life: Incarnation::from_u128(process.entropy.u128()),
                beat: 0,
            },
            renewed: None,
        });
        let known = Known {
            view: View::default(),
            live: Vec::new(),
            owners: vec![None; usize::from(SHARDS)],
            looked: None,
            own: lease,
            lapses: 0,
        };
        let watch = Self {
            process: process.clone(),
            members,
            colo,
            own,
            known: Arc::new(Mutex::new(known)),
            changed: Arc::default(),
        };
        let check = process.health.check("members");
        drop(process.tasks.spawn("members", watch.clone().run(check)));
        watch
    }

    /// The member that owns a group, as far as is known here; it may own it no more, or not yet.
    #[must_use]
    pub fn owner(&self, key: &GroupKey) -> Option<MemberName> {
        self.owner_of(Shard::of(key))
    }

    /// The member that owns a shard, as far as is known here.
    #[must_use]
    pub fn owner_of(&self, shard: Shard) -> Option<MemberName> {
        let known = self.lock();
        let place = known.owners.get(shard.place()).copied().flatten();
        place.and_then(|place| known.live.get(place)).cloned()
    }

    /// Whether this process owns a shard: it is the one, and its lease holds.
    #[must_use]
    pub fn is_own(&self, shard: Shard) -> bool {
        let now = self.mono();
        self.lock().is_own(shard, now)
    }

    /// The shards that this process owns.
    #[must_use]
    pub fn own_shards(&self) -> Vec<Shard> {
        let now = self.mono();
        let known = self.lock();
        Shard::all()
            .filter(|shard| known.is_own(*shard, now))
            .collect()
    }

    /// How often this process's lease had lapsed by the time it was renewed. Who finds another count than before must take all that is owned for
    /// gained: in between nothing was, and no look at [`Watch::own_shards`] need have come upon that.
    #[must_use]
    pub fn lapses(&self) -> u64 {
        self.lock().lapses
    }

    /// Waits until the members that live are others than before, or this one's lease lapsed or holds again. May end without a reason.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Looks at the store now.
    pub async fn look(&self) {
        let clock = &self.process.clock;
        let asked = self.mono();
        let leases = clock.timeout(WITHIN, self.members.leases(self.colo));
        match leases.await {
            Ok(Ok(leases)) => self.take(leases, asked),
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "members cannot be read");
            }
            Err(_elapsed) => tracing::debug!("members cannot be read in time"),
        }
    }

    fn take(&self, leases: Vec<Lease>, asked: Mono) {
        let mut known = self.lock();
        // A look that was overtaken by a later one says nothing any more.
        if known.looked.is_some_and(|looked| looked > asked) {
            return;
        }
        known.looked = Some(asked);
        known.view.look(leases, asked);
        let live: Vec<MemberName> = known.view.live().cloned().collect();
        if live != known.live {
            tracing::info!(members = ?live, "members that live");
            let place = |shard: Shard| {
                let owner = shard.owner(&live)?;
                live.iter().position(|member| member == owner)
            };
            known.owners = Shard::all().map(place).collect();
            known.live = live;
            drop(known);
            self.changed.notify_one();
        }
    }

    async fn run(self, check: Check) {
        let clock = self.process.clock.clone();
        let mut held = false;
        loop {
            let began = clock.mono();
            tokio::join!(self.beat(), self.look());
            let holds = self.report(&check);
            if holds != std::mem::replace(&mut held, holds) {
                self.changed.notify_one();
            }
            tokio::select! {
                biased;
                () = self.process.stop.requested() => break,
                () = clock.sleep_until(began + BEAT) => {}
            }
        }
        self.leave().await;
    }

    /// Renews this process's own lease.
    async fn beat(&self) {
        let began = self.mono();
        let lease = self.lock().own.as_mut().map(|own| {
            own.lease.beat += 1;
            own.lease.clone()
        });
        let Some(lease) = lease else { return };
        let beat = self.members.beat(self.colo, &lease);
        if !matches!(self.process.clock.timeout(WITHIN, beat).await, Ok(Ok(()))) {
            return;
        }
        let now = self.mono();
        let had_lapsed = self.lock().renew(began, now);
        if had_lapsed {
            self.changed.notify_one();
        }
    }

    async fn leave(&self) {
        let own = self.lock().own.take();
        let Some(own) = own else { return };
        self.changed.notify_one();
        let leave = self.members.leave(self.colo, &own.lease);
        if !matches!(self.process.clock.timeout(WITHIN, leave).await, Ok(Ok(()))) {
            tracing::warn!("the lease could not be given up: others take over when it is old");
        }
    }

    /// Says how things stand. True: this process's lease holds, if it has one.
    fn report(&self, check: &Check) -> bool {
        let now = self.mono();
        let known = self.lock();
        let is_fresh = known.looked.is_some_and(|at| now.since(at) < STALE);
        let holds = known.own.as_ref().is_none_or(|own| own.holds(now));
        let double = known
            .own
            .as_ref()
            .is_some_and(|own| known.view.has_double(&own.lease.member, own.lease.life));
        if double {
            tracing::error!(member = ?self.own, "two supervisors have one address");
            check.failing("another supervisor has the same address (`roles.advertise`)");
        } else if !is_fresh {
            check.failing("the members cannot be read from the store");
        } else if !holds {
            check.failing("the lease cannot be renewed in the store");
        } else {
            check.ready();
        }
        holds
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mono(&self) -> Mono {
        Mono::from_ms(self.process.clock.mono().as_millis())
    }
}

impl Own {
    fn holds(&self, now: Mono) -> bool {
        self.renewed.is_some_and(|began| now.since(began) < HOLDS)
    }
}

impl Known {
    /// A beat that began then was good. True: the lease had lapsed meanwhile. By the clock: a process that stood still, or a store that was slow,
    /// may have renewed it before anything else looked.
    fn renew(&mut self, began: Mono, now: Mono) -> bool {
        let Some(own) = &mut self.own else {
            return false;
        };
        let had_lapsed = own.renewed.is_some() && !own.holds(now);
        own.renewed = Some(began);
        self.lapses += u64::from(had_lapsed);
        had_lapsed
    }

    fn is_own(&self, shard: Shard, now: Mono) -> bool {
        let Some(own) = self.own.as_ref().filter(|own| own.holds(now)) else {
            return false;
        };
        let place = self.owners.get(shard.place()).copied().flatten();
        place.and_then(|place| self.live.get(place)) == Some(&own.lease.member)
    }
}

#[cfg(test)]
mod tests;
