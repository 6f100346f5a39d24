//! Bad stores: a good one with one wrong habit each. The suite must fail every one of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::group::{Change, Group};
use domain::ids::{DeliveryId, EventId, GroupId, GroupKey, Nonce, Rev, TenantId};
use domain::outbox::Delivery;
use domain::time::Timestamp;
use domain::verdict::Verdict;

use super::Subject;
use crate::group::{Before, CommitRecord, Committed, Conflict, Groups, Guard, Level, Page, Wanted};
use crate::{Error, Stores};

/// A wrong habit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// A commit that lost a race is written over what won it, now and then.
    LostUpdate,
    /// A part of a commit is left out, now and then.
    PartialBatch,
    /// A serial read shows what an earlier one showed, now and then.
    StaleRead,
    /// A commit is acknowledged when it is in memory; a crash loses the last one of each group.
    AcknowledgedEarly,
}

impl Habit {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::LostUpdate,
        Self::PartialBatch,
        Self::StaleRead,
        Self::AcknowledgedEarly,
    ];
}

/// A good store with a wrong habit.
#[derive(Debug)]
pub struct Planted {
    inner: Arc<dyn Subject>,
    bad: Arc<Bad>,
}

impl Planted {
    /// Plants the habit in a store.
    #[must_use]
    pub fn new(inner: Arc<dyn Subject>, habit: Habit) -> Self {
        let bad = Bad {
            inner: inner.stores().groups,
            habit,
            count: Mutex::default(),
            held: Mutex::default(),
        };
        Self {
            inner,
            bad: Arc::new(bad),
        }
    }
}

#[async_trait]
impl Subject for Planted {
    fn stores(&self) -> Stores {
        Stores {
            groups: Arc::clone(&self.bad) as _,
            ..self.inner.stores()
        }
    }

    async fn after_crash(&self) -> Result<Stores, String> {
        self.bad.held().pending.clear();
        self.inner.after_crash().await
    }
}

#[derive(Debug)]
struct Bad {
    inner: Arc<dyn Groups>,
    habit: Habit,
    count: Mutex<u64>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    seen: BTreeMap<GroupKey, Group>,
    pending: BTreeMap<GroupKey, (Group, Guard, Change, Nonce)>,
}

impl Bad {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every third time.
    fn now_and_then(&self) -> bool {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        count.is_multiple_of(3)
    }

    /// Writes what was only acknowledged.
    async fn flush(&self, key: &GroupKey) -> Result<(), Error> {
        let pending = self.held().pending.remove(key);
        if let Some((_, guard, change, nonce)) = pending {
            self.inner.commit(key, guard, &change, nonce).await?;
        }
        Ok(())
    }

    async fn commit_over(
        &self,
        key: &GroupKey,
        guard: Guard,
        change: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        let done = self.inner.commit(key, guard, change, nonce).await?;
        let lost = done == Committed::Conflict(Conflict::Moved);
        if !lost || !self.now_and_then() {
            return Ok(done);
        }
        let Some(found) = self.inner.read(key, Level::Serial).await? else {
            return Ok(done);
        };
        let guard = Guard {
            rev: found.rev,
            fence: found.fence,
        };
        self.inner.commit(key, guard, change, nonce).await
    }

    async fn commit_early(
        &self,
        key: &GroupKey,
        guard: Guard,
        change: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        self.flush(key).await?;
        let Some(mut group) = self.inner.read(key, Level::Serial).await? else {
            return Ok(Committed::Conflict(Conflict::Missing));
        };
        if group.rev != guard.rev || group.fence > guard.fence || !change.verdicts.is_empty() {
            return self.inner.commit(key, guard, change, nonce).await;
        }
        group.fold(change.clone(), guard.fence);
        let pending = (group, guard, change.clone(), nonce);
        self.held().pending.insert(key.clone(), pending);
        Ok(Committed::Applied)
    }
}

#[async_trait]
impl Groups for Bad {
    async fn create(
        &self,
        group: &Group,
        first: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        self.inner.create(group, first, nonce).await
    }

    async fn read(&self, key: &GroupKey, level: Level) -> Result<Option<Group>, Error> {
        if self.habit == Habit::AcknowledgedEarly
            && let Some((group, ..)) = self.held().pending.get(key)
        {
            return Ok(Some(group.clone()));
        }
        let found = self.inner.read(key, level).await?;
        if self.habit != Habit::StaleRead {
            return Ok(found);
        }
        let before = found
            .clone()
            .and_then(|group| self.held().seen.insert(key.clone(), group));
        Ok(if before.is_some() && self.now_and_then() {
            before
        } else {
            found
        })
    }

    async fn commit(
        &self,
        key: &GroupKey,
        guard: Guard,
        change: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        match self.habit {
            Habit::LostUpdate => self.commit_over(key, guard, change, nonce).await,
            Habit::PartialBatch => {
                let mut part = change.clone();
                if self.now_and_then() {
                    part.slots.pop();
                    part.verdicts.pop();
                }
                self.inner.commit(key, guard, &part, nonce).await
            }
            Habit::StaleRead => self.inner.commit(key, guard, change, nonce).await,
            Habit::AcknowledgedEarly => self.commit_early(key, guard, change, nonce).await,
        }
    }

    fn unclear_for(&self) -> Duration {
        self.inner.unclear_for()
    }

    async fn verdict(&self, key: &GroupKey, event: &EventId) -> Result<Option<Verdict>, Error> {
        self.flush(key).await?;
        self.inner.verdict(key, event).await
    }

    async fn verdicts(
        &self,
        key: &GroupKey,
        before: Before,
        limit: u32,
    ) -> Result<Vec<Verdict>, Error> {
        self.flush(key).await?;
        self.inner.verdicts(key, before, limit).await
    }

    async fn deliveries(
        &self,
        key: &GroupKey,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Error> {
        self.flush(key).await?;
        self.inner.deliveries(key, before, limit).await
    }

    async fn records(
        &self,
        key: &GroupKey,
        from: Option<Rev>,
        limit: u32,
        level: Level,
    ) -> Result<Vec<CommitRecord>, Error> {
        self.flush(key).await?;
        self.inner.records(key, from, limit, level).await
    }

    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<GroupId>,
        limit: u32,
    ) -> Result<Page<GroupKey>, Error> {
        self.inner.of_tenant(tenant, after, limit).await
    }

    async fn timed(
        &self,
        by: Timestamp,
        limit: u32,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(Timestamp, GroupKey)>, Error> {
        self.inner.timed(by, limit, wanted).await
    }

    async fn all(&self, after: Option<GroupId>, limit: u32) -> Result<Page<GroupKey>, Error> {
        self.inner.all(after, limit).await
    }
}
