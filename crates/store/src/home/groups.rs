//! Groups and hints as one of several control planes sees them: those of the epoch that it serves.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::group::{Change, Group};
use domain::ids::{DeliveryId, EventId, GroupId, GroupKey, Nonce, Rev, TenantId};
use domain::outbox::Delivery;
use domain::time::Timestamp;
use domain::verdict::Verdict;

use super::Shared;
use crate::Error;
use crate::group::{
    Before, CommitRecord, Committed, Conflict, Groups, Guard, Level, Page, Place, Stretch, Wanted,
};
use crate::hint::Hints;

/// The store behind the border.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) shared: Shared,
    pub(super) groups: Arc<dyn Groups>,
    pub(super) hints: Arc<dyn Hints>,
}

impl Seen {
    fn page(&self, mut page: Page<GroupKey>) -> Result<Page<GroupKey>, Error> {
        let epoch = self.shared.current()?;
        page.items.retain(|key| key.epoch == epoch);
        Ok(page)
    }
}

#[async_trait]
impl Groups for Seen {
    async fn create(
        &self,
        group: &Group,
        first: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        if !self.shared.allow(group.key.epoch)? {
            return Ok(Committed::Conflict(Conflict::Missing));
        }
        self.groups.create(group, first, nonce).await
    }

    async fn read(&self, key: &GroupKey, level: Level) -> Result<Option<Group>, Error> {
        if !self.shared.allow(key.epoch)? {
            return Ok(None);
        }
        self.groups.read(key, level).await
    }

    async fn commit(
        &self,
        key: &GroupKey,
        guard: Guard,
        change: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        if !self.shared.allow(key.epoch)? {
            return Ok(Committed::Conflict(Conflict::Missing));
        }
        self.groups.commit(key, guard, change, nonce).await
    }

    fn unclear_for(&self) -> Duration {
        self.groups.unclear_for()
    }

    async fn verdict(&self, key: &GroupKey, event: &EventId) -> Result<Option<Verdict>, Error> {
        if !self.shared.allow(key.epoch)? {
            return Ok(None);
        }
        self.groups.verdict(key, event).await
    }

    async fn verdicts(
        &self,
        key: &GroupKey,
        before: Before,
        limit: u32,
    ) -> Result<Vec<Verdict>, Error> {
        if !self.shared.allow(key.epoch)? {
            return Ok(Vec::new());
        }
        self.groups.verdicts(key, before, limit).await
    }

    async fn deliveries(
        &self,
        key: &GroupKey,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Error> {
        if !self.shared.allow(key.epoch)? {
            return Ok(Vec::new());
        }
        self.groups.deliveries(key, before, limit).await
    }

    async fn records(
        &self,
        key: &GroupKey,
        from: Option<Rev>,
        limit: u32,
        level: Level,
    ) -> Result<Vec<CommitRecord>, Error> {
        if !self.shared.allow(key.epoch)? {
            return Ok(Vec::new());
        }
        self.groups.records(key, from, limit, level).await
    }

    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<GroupId>,
        limit: u32,
    ) -> Result<Page<GroupKey>, Error> {
        self.shared.current()?;
        self.page(self.groups.of_tenant(tenant, after, limit).await?)
    }

    /// Timers of former epochs may stand there for long: they neither hide those of this one nor have their groups looked at.
    async fn timed(
        &self,
        by: Timestamp,
        limit: u32,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(Timestamp, GroupKey)>, Error> {
        let epoch = self.shared.current()?;
        let own = |key: &GroupKey| key.epoch == epoch && wanted(key);
        self.groups.timed(by, limit, &own).await
    }

    async fn locate(&self, id: GroupId) -> Result<Option<GroupKey>, Error> {
        let epoch = self.shared.current()?;
        let found = self.groups.locate(id).await?;
        Ok(found.map(|key| GroupKey { epoch, ..key }))
    }

    /// With what the store can tell of groups that rest, of which the partitions of former epochs would otherwise be read each time.
    async fn walk(
        &self,
        after: Option<Place>,
        limit: u32,
        now: Timestamp,
        wanted: &Wanted<'_>,
    ) -> Result<Stretch, Error> {
        let epoch = self.shared.current()?;
        let own = |key: &GroupKey| key.epoch == epoch && wanted(key);
        self.groups.walk(after, limit, now, &own).await
    }

    async fn all(&self, after: Option<GroupId>, limit: u32) -> Result<Page<GroupKey>, Error> {
        self.shared.current()?;
        self.page(self.groups.all(after, limit).await?)
    }
}

#[async_trait]
impl Hints for Seen {
    async fn mark(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error> {
        if !self.shared.allow(key.epoch)? {
            return Ok(());
        }
        self.hints.mark(key, at).await
    }

    async fn marked(&self, limit: u32) -> Result<Vec<(GroupKey, Timestamp)>, Error> {
        let epoch = self.shared.current()?;
        let mut marked = self.hints.marked(limit).await?;
        marked.retain(|(key, _)| key.epoch == epoch);
        Ok(marked)
    }

    async fn clear(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error> {
        self.hints.clear(key, at).await
    }
}
