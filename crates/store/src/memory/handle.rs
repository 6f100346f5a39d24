//! One process's way into the store in memory: plan, wait, do, wait, answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::control::{Scope, Switch};
use domain::group::{Change, Group};
use domain::ids::{DeliveryId, EventId, GroupId, GroupKey, LaunchHash, Nonce, Rev, TenantId};
use domain::outbox::Delivery;
use domain::time::Timestamp;
use domain::verdict::Verdict;
use sha2::{Digest, Sha256};

use super::Shared;
use super::faults::{Call, Fate, Plan, What};
use super::world::{World, Write};
use crate::Error;
use crate::control::{Controls, Throw};
use crate::group::{
    Before, CommitRecord, Committed, Groups, Guard, Level, Page, Place, Stretch, Wanted,
};
use crate::hint::Hints;
use crate::journal::Journal;
use crate::launch::Launches;

#[derive(Debug)]
pub(super) struct Handle {
    pub(super) shared: Arc<Shared>,
    pub(super) caller: Box<str>,
}

/// The planner said so.
#[derive(Debug, thiserror::Error)]
#[error("a planned fault")]
struct Planned;

fn unavailable() -> Error {
    Error::Unavailable(Box::new(Planned))
}

pub(super) fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl Handle {
    fn plan(&self, what: What, key: Option<&GroupKey>) -> Plan {
        self.shared.faults.plan(Call {
            caller: &self.caller,
            what,
            key,
        })
    }

    async fn wait(&self, time: Duration) {
        if !time.is_zero() {
            self.shared.clock.sleep(time).await;
        }
    }

    /// Everything but create and commit.
    pub(super) async fn call<T>(
        &self,
        what: What,
        key: Option<&GroupKey>,
        act: impl FnOnce(&mut World, usize) -> T + Send,
    ) -> Result<T, Error> {
        let plan = self.plan(what, key);
        self.wait(plan.before).await;
        let relaxed = matches!(what, What::Read(Level::Relaxed));
        let done = match plan.fate {
            Fate::Done => Some(act(&mut self.shared.world(), 0)),
            Fate::Stale(age) => Some(act(&mut self.shared.world(), if relaxed { age } else { 0 })),
            Fate::Unavailable | Fate::Lost | Fate::Dropped | Fate::Late(_) | Fate::Surfacing => {
                None
            }
        };
        self.wait(plan.after).await;
        done.ok_or_else(unavailable)
    }

    async fn write(
        &self,
        what: What,
        key: &GroupKey,
        write: impl FnOnce() -> Write + Send,
    ) -> Result<Committed, Error> {
        let plan = self.plan(what, Some(key));
        self.wait(plan.before).await;
        let answer = {
            let mut world = self.shared.world();
            match plan.fate {
                Fate::Done | Fate::Stale(_) => Ok(world.attempt(key, write())),
                Fate::Unavailable => Err(unavailable()),
                Fate::Dropped => Ok(Committed::Unknown),
                Fate::Lost => {
                    drop(world.attempt(key, write()));
                    Ok(Committed::Unknown)
                }
                Fate::Late(after) => {
                    let due = self.shared.clock.mono() + after;
                    world.postpone(key, Some(due), write());
                    Ok(Committed::Unknown)
                }
                Fate::Surfacing => {
                    world.postpone(key, None, write());
                    Ok(Committed::Unknown)
                }
            }
        };
        self.wait(plan.after).await;
        answer
    }
}

#[async_trait]
impl Groups for Handle {
    async fn create(
        &self,
        group: &Group,
        first: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        let write = || Write::Create(Box::new(group.clone()), Box::new(first.clone()), nonce);
        self.write(What::Create, &group.key, write).await
    }

    async fn read(&self, key: &GroupKey, level: Level) -> Result<Option<Group>, Error> {
        let found = self
            .call(What::Read(level), Some(key), |w, age| w.stale(key, age))
            .await?;
        Ok(found.map(Arc::unwrap_or_clone))
    }

    async fn commit(
        &self,
        key: &GroupKey,
        guard: Guard,
        change: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        let write = || Write::Commit(guard, Box::new(change.clone()), nonce);
        self.write(What::Commit, key, write).await
    }

    fn unclear_for(&self) -> Duration {
        self.shared.unclear_for
    }

    async fn verdict(&self, key: &GroupKey, event: &EventId) -> Result<Option<Verdict>, Error> {
        self.call(What::Verdicts, Some(key), |w, _| w.verdict(key, event))
            .await
    }

    async fn verdicts(
        &self,
        key: &GroupKey,
        before: Before,
        limit: u32,
    ) -> Result<Vec<Verdict>, Error> {
        self.call(What::Verdicts, Some(key), |w, _| {
            w.verdicts(key, before, count(limit))
        })
        .await
    }

    async fn deliveries(
        &self,
        key: &GroupKey,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Error> {
        self.call(What::Verdicts, Some(key), |w, _| {
            w.deliveries(key, before, count(limit))
        })
        .await
    }

    async fn records(
        &self,
        key: &GroupKey,
        from: Option<Rev>,
        limit: u32,
        level: Level,
    ) -> Result<Vec<CommitRecord>, Error> {
        self.call(What::Records(level), Some(key), |w, _| {
            w.records(key, from, count(limit))
        })
        .await
    }

    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<GroupId>,
        limit: u32,
    ) -> Result<Page<GroupKey>, Error> {
        self.call(What::List, None, |w, _| {
            w.page(Some(tenant), after, count(limit))
        })
        .await
    }

    async fn timed(
        &self,
        by: Timestamp,
        limit: u32,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(Timestamp, GroupKey)>, Error> {
        let timed = |world: &mut World, _| world.timed(by, count(limit), wanted);
        self.call(What::List, None, timed).await
    }

    async fn walk(
        &self,
        after: Option<Place>,
        limit: u32,
        now: Timestamp,
        wanted: &Wanted<'_>,
    ) -> Result<Stretch, Error> {
        let walk = |world: &mut World, _| world.walk((after, count(limit)), now, wanted);
        self.call(What::List, None, walk).await
    }

    async fn all(&self, after: Option<GroupId>, limit: u32) -> Result<Page<GroupKey>, Error> {
        self.call(What::List, None, |w, _| w.page(None, after, count(limit)))
            .await
    }
}

#[async_trait]
impl Launches for Handle {
    async fn put(&self, tenant: &TenantId, body: &[u8]) -> Result<LaunchHash, Error> {
        let hash = LaunchHash(Sha256::digest(body).into());
        self.call(What::Launches, None, |w, _| {
            w.launches
                .entry((tenant.clone(), hash))
                .or_insert_with(|| body.to_vec());
            hash
        })
        .await
    }

    async fn get(&self, tenant: &TenantId, hash: LaunchHash) -> Result<Option<Vec<u8>>, Error> {
        self.call(What::Launches, None, |w, _| {
            w.launches.get(&(tenant.clone(), hash)).cloned()
        })
        .await
    }
}

#[async_trait]
impl Hints for Handle {
    async fn mark(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error> {
        self.call(What::Hints, Some(key), |w, _| w.hints.mark(key, at))
            .await
    }

    async fn marked(&self, limit: u32) -> Result<Vec<(GroupKey, Timestamp)>, Error> {
        self.call(What::Hints, None, |w, _| w.hints.marked(count(limit)))
            .await
    }

    async fn clear(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error> {
        self.call(What::Hints, Some(key), |w, _| w.hints.clear(key, at))
            .await
    }
}

#[async_trait]
impl Journal for Handle {
    async fn append(&self, key: &GroupKey, records: &[CommitRecord]) -> Result<(), Error> {
        self.call(What::Journal, Some(key), |w, _| w.append(key, records))
            .await
    }

    async fn read(
        &self,
        key: &GroupKey,
        after: Option<Rev>,
        limit: u32,
    ) -> Result<Vec<CommitRecord>, Error> {
        self.call(What::Journal, Some(key), |w, _| {
            w.journal(key, after, count(limit))
        })
        .await
    }
}

#[async_trait]
impl Controls for Handle {
    async fn throw(&self, throw: &Throw) -> Result<(), Error> {
        self.call(What::Controls, None, |w, _| w.throws.push(throw.clone()))
            .await
    }

    async fn standing(&self) -> Result<Vec<Switch>, Error> {
        self.call(What::Controls, None, |w, _| {
            let last: BTreeMap<&Scope, &Throw> =
                w.throws.iter().map(|throw| (&throw.scope, throw)).collect();
            let switches = last.into_values().cloned().filter_map(Throw::switch);
            switches.collect()
        })
        .await
    }

    async fn history(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, Throw)>, Error> {
        self.call(What::Controls, None, |w, _| {
            let numbered = (1..).zip(w.throws.iter().cloned());
            let mut older: Vec<(u64, Throw)> = numbered
                .filter(|(n, _)| before.is_none_or(|before| *n < before))
                .collect();
            older.reverse();
            older.truncate(count(limit));
            older
        })
        .await
    }
}
