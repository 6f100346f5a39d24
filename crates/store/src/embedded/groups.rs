//! Groups over SQLite.

use std::time::Duration;

use async_trait::async_trait;
use domain::group::{Change, Group};
use domain::ids::{DeliveryId, EventId, GroupId, GroupKey, Nonce, Rev, TenantId};
use domain::outbox::Delivery;
use domain::time::Timestamp;
use domain::verdict::Verdict;

use super::Inner;
use super::prepare::{self, Key, Request};
use super::{read, walk};
use crate::Error;
use crate::group::{
    self, Before, CommitRecord, Committed, Groups, Guard, Level, Page, Place, Stretch, Wanted,
};

impl Inner {
    pub(super) fn round_trip(&self) {
        self.counters.round_trips.add(1);
    }

    /// A request that the clock alone causes: counted apart, so that what an event costs can be told.
    pub(super) fn look(&self) {
        self.counters.looks.add(1);
    }
}

#[async_trait]
impl Groups for Inner {
    async fn create(
        &self,
        group: &Group,
        first: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        self.round_trip();
        let batch = prepare::create(group, first, nonce)?;
        self.counters.row_bytes.add(batch.bytes());
        self.writer.ask(Request::Create(Box::new(batch))).await
    }

    async fn read(&self, key: &GroupKey, _level: Level) -> Result<Option<Group>, Error> {
        self.round_trip();
        let key = key.clone();
        self.readers.small(move |db| read::group(db, &key)).await
    }

    async fn commit(
        &self,
        key: &GroupKey,
        guard: Guard,
        change: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        self.round_trip();
        let batch = prepare::commit(key, guard, change, nonce)?;
        self.counters.row_bytes.add(batch.bytes());
        self.writer.ask(Request::Commit(Box::new(batch))).await
    }

    /// An answer is only unclear when the writer stopped: what it did is to be seen at once.
    fn unclear_for(&self) -> Duration {
        Duration::ZERO
    }

    async fn verdict(&self, key: &GroupKey, event: &EventId) -> Result<Option<Verdict>, Error> {
        self.round_trip();
        let (key, event) = (Key::from(key), event.clone());
        self.readers
            .small(move |db| read::verdict(db, &key, &event))
            .await
    }

    async fn verdicts(
        &self,
        key: &GroupKey,
        before: Before,
        limit: u32,
    ) -> Result<Vec<Verdict>, Error> {
        self.round_trip();
        let key = Key::from(key);
        self.readers
            .run(move |db| read::verdicts(db, &key, before, limit))
            .await
    }

    async fn deliveries(
        &self,
        key: &GroupKey,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Error> {
        self.round_trip();
        let key = Key::from(key);
        let before = before.unwrap_or(DeliveryId(u64::MAX));
        self.readers
            .run(move |db| read::deliveries(db, &key, before, limit))
            .await
    }

    async fn records(
        &self,
        key: &GroupKey,
        from: Option<Rev>,
        limit: u32,
        _level: Level,
    ) -> Result<Vec<CommitRecord>, Error> {
        self.round_trip();
        let key = Key::from(key);
        let from = from.unwrap_or(Rev(u64::MAX));
        self.readers
            .run(move |db| read::records(db, &key, from, limit))
            .await
    }

    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<GroupId>,
        limit: u32,
    ) -> Result<Page<GroupKey>, Error> {
        self.round_trip();
        let tenant = tenant.clone();
        let keys = self
            .readers
            .run(move |db| read::keys(db, Some(&tenant), after, limit))
            .await?;
        Ok(cut(keys, limit))
    }

    async fn timed(
        &self,
        by: Timestamp,
        limit: u32,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(Timestamp, GroupKey)>, Error> {
        self.look();
        let by = prepare::at(by);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rows = limit;
        loop {
            let timed = self.readers.run(move |db| read::timed(db, by, rows));
            let mut timed = timed.await?;
            let is_all = timed.len() < usize::try_from(rows).unwrap_or(usize::MAX);
            timed.retain(|(_, key)| wanted(key));
            if is_all || timed.len() >= most || rows == u32::MAX {
                timed.truncate(most);
                return Ok(timed);
            }
            rows = rows.saturating_mul(2);
        }
    }

    async fn walk(
        &self,
        after: Option<Place>,
        limit: u32,
        now: Timestamp,
        wanted: &Wanted<'_>,
    ) -> Result<Stretch, Error> {
        self.look();
        let mut stretch = self
            .readers
            .run(move |db| walk::stretch(db, (after, limit), now))
            .await?;
        stretch.met.retain(|met| wanted(&met.key));
        Ok(stretch)
    }

    async fn all(&self, after: Option<GroupId>, limit: u32) -> Result<Page<GroupKey>, Error> {
        self.round_trip();
        let keys = self
            .readers
            .run(move |db| read::keys(db, None, after, limit))
            .await?;
        Ok(cut(keys, limit))
    }
}

fn cut(keys: Vec<GroupKey>, limit: u32) -> Page<GroupKey> {
    group::page(
        keys.into_iter(),
        usize::try_from(limit).unwrap_or(usize::MAX),
    )
}
