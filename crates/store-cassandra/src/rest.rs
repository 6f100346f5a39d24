//! Launch bodies, hints and the journal over Cassandra.

use async_trait::async_trait;
use domain::ids::{GroupKey, LaunchHash, Rev, TenantId};
use domain::time::Timestamp;
use futures_util::future::try_join_all;
use scylla::value::CqlValue;
use sha2::{Digest, Sha256};
use store::group::CommitRecord;
use store::hint::Hints;
use store::journal::Journal;
use store::launch::Launches;
use store::{Error, parts};

use crate::Inner;
use crate::batch::{hashes, journal_ttl, key, record_id};
use crate::driver::{Value, Values, blob, int, long, set, text, tiny, unsigned};
use crate::lists::{PARTS, part, place};
use crate::read::{each, group_key, records, time};

#[async_trait]
impl Launches for Inner {
    async fn put(&self, tenant: &TenantId, body: &[u8]) -> Result<LaunchHash, Error> {
        let hash = LaunchHash(Sha256::digest(body).into());
        let values = vec![text(tenant.as_str()), blob(&hash.0), blob(body)];
        self.driver
            .write(&self.statements.put_launch, values)
            .await?;
        Ok(hash)
    }

    async fn get(&self, tenant: &TenantId, hash: LaunchHash) -> Result<Option<Vec<u8>>, Error> {
        let values = vec![text(tenant.as_str()), blob(&hash.0)];
        let pages = self.driver.read(&self.statements.launch, values).await?;
        let mut found = None;
        each(&pages, |(body,): (Vec<u8>,)| {
            found = Some(body);
            Ok(())
        })?;
        Ok(found)
    }
}

/// A mark's own time is the time stamp of its row, in microseconds: a younger mark survives the clearing of an older one, whatever
/// the order in which the two arrive.
fn stamp(at: Timestamp) -> Value {
    long(at.unix_ms().saturating_mul(1000))
}

#[async_trait]
impl Hints for Inner {
    async fn mark(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error> {
        let values = [part(key)].into_iter().chain(place(key));
        let values = values.chain([long(at.unix_ms()), stamp(at)]).collect();
        self.driver.write(&self.statements.mark, values).await
    }

    async fn marked(&self, limit: u32) -> Result<Vec<(GroupKey, Timestamp)>, Error> {
        let read = |part| self.driver.read(&self.statements.marked, vec![tiny(part)]);
        let mut marks = Vec::new();
        for pages in try_join_all((0..PARTS).map(read)).await? {
            each(&pages, |(at, id, tenant, epoch): (i64, &str, &str, i64)| {
                marks.push((group_key(id, tenant, epoch)?, time(at)));
                Ok(())
            })?;
        }
        marks.sort_by(|(a, at), (b, bt)| at.cmp(bt).then_with(|| a.cmp(b)));
        marks.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(marks)
    }

    async fn clear(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error> {
        let values = [stamp(at), part(key)].into_iter().chain(place(key));
        let statement = &self.statements.clear;
        self.driver.write(statement, values.collect()).await
    }
}

/// Months since 1970, counted as thirtieths of 365.25 days: partitions of the journal need no calendar.
fn month(at: Timestamp) -> u64 {
    const MONTH: u64 = 2_629_800_000;
    at.unix_ms() / MONTH
}

#[async_trait]
impl Journal for Inner {
    async fn append(&self, group: &GroupKey, records: &[CommitRecord]) -> Result<(), Error> {
        for record in records {
            let month = int(month(record.at));
            let values = key(group).into_iter().chain([month.clone()]);
            let statement = &self.statements.put_month;
            self.driver.write(statement, values.collect()).await?;
            let rest = [
                month,
                long(record.rev.0),
                long(record.at.unix_ms()),
                text(&parts::record(record)?),
                text(&record.detail),
                blob(&hashes(record)),
                journal_ttl(self.keep),
            ];
            let values = key(group).into_iter().chain(rest).collect();
            self.driver
                .write(&self.statements.put_journal, values)
                .await?;
        }
        Ok(())
    }

    /// What was appended, and what the group still has itself: oldest first.
    async fn read(
        &self,
        group: &GroupKey,
        after: Option<Rev>,
        limit: u32,
    ) -> Result<Vec<CommitRecord>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let first = after.map_or(Rev(0), Rev::next);
        let most = int(u64::from(limit));
        let own = key(group)
            .into_iter()
            .chain([record_id(first), most.clone()]);
        let own = self
            .driver
            .read(&self.statements.records_up, own.collect())
            .await?;
        let mut found = records(&own)?;
        let months = self
            .driver
            .read(&self.statements.months, key(group).into())
            .await?;
        let mut asked = Vec::new();
        each(&months, |(month,): (i32,)| {
            let rest = [set(CqlValue::Int(month)), long(first.0), most.clone()];
            asked.push(key(group).into_iter().chain(rest).collect::<Vec<_>>());
            Ok(())
        })?;
        // Clocks may have gone back at the turn of a month: all of them are looked at.
        for values in asked {
            found.extend(self.of_month(values).await?);
        }
        found.sort_by_key(|record| record.rev);
        found.dedup_by_key(|record| record.rev);
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }
}

impl Inner {
    async fn of_month(&self, values: Values) -> Result<Vec<CommitRecord>, Error> {
        let pages = self.driver.read(&self.statements.journal, values).await?;
        let mut found = Vec::new();
        each(
            &pages,
            |(rev, body, detail, hashes): (i64, &str, String, &[u8])| {
                let rev = Rev(unsigned(rev));
                found.push(parts::read_record(rev, body, detail, hashes)?);
                Ok(())
            },
        )?;
        Ok(found)
    }
}
