//! Where the groups are, and when they have to be woken: plain tables beside the groups.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::{GroupId, GroupKey, HomeEpoch, TenantId};
use domain::time::Timestamp;
use futures_util::future::{join_all, try_join_all};
use futures_util::{StreamExt as _, stream};
use store::Error;
use store::group::{Level, Met, Page, Place, Stretch, Wanted, page};

use crate::Inner;
use crate::driver::{Value, Values, int, long, text, tiny, unsigned};
use crate::read::{each, group_key, time};
use crate::stamps::Stamp;

/// Partitions of the timers and of the hints, so that no node has all of them.
pub(crate) const PARTS: i8 = 16;
/// Heads that a look at timers reads at once, and timers that are taken away at once.
const TIMERS_AT_ONCE: usize = 64;
/// Groups that a walk reads at once.
const READS_AT_ONCE: usize = 16;
/// Rows asked for beyond what a page needs, for the further homes of its last group.
const BEYOND: u64 = 8;
/// A timer that its group does not know is thrown away when it is this old: its commit is no longer on its way.
const ORPHANED: Duration = Duration::from_secs(60);

/// A timer: when which group has to be woken, when it was put there, and under which time stamp.
type Timer = (Timestamp, GroupKey, Timestamp, Stamp);

/// The partition of a group's timer and hint.
pub(crate) fn part(key: &GroupKey) -> Value {
    tiny(i8::try_from(key.id.as_u128() % 16).unwrap_or(0))
}

/// The partition of the list of all groups: the first 24 bits, so that order of partitions is order of ids, and no colo has more than 256.
fn bucket(id: GroupId) -> u64 {
    u64::try_from(id.as_u128() >> 104).unwrap_or(u64::MAX)
}

/// Id, tenant and home, as most tables have them.
pub(crate) fn place(key: &GroupKey) -> [Value; 3] {
    [
        text(&key.id.to_string()),
        text(key.tenant.as_str()),
        long(key.epoch.0),
    ]
}

fn after(id: Option<GroupId>) -> Value {
    text(&id.map_or_else(String::new, |id| id.to_string()))
}

fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl Inner {
    /// Puts a group on the lists.
    pub(crate) async fn list(&self, key: &GroupKey) -> Result<(), Error> {
        let [buckets, all, tenant] = &self.statements.list_group;
        let bucket = int(bucket(key.id));
        let [id, name, epoch] = place(key);
        let writes = [
            (buckets, vec![tiny(0), bucket.clone()]),
            (all, vec![bucket, id.clone(), name.clone(), epoch.clone()]),
            (tenant, vec![name, id, epoch]),
        ];
        let writes = writes.map(|(statement, values)| self.driver.write(statement, values));
        try_join_all(writes).await.map(drop)
    }

    /// Keys out of rows of id, tenant, home.
    async fn keys(
        &self,
        statement: &scylla::statement::prepared::PreparedStatement,
        values: Values,
    ) -> Result<Vec<GroupKey>, Error> {
        let pages = self.driver.read(statement, values).await?;
        let mut keys = Vec::new();
        each(&pages, |(id, tenant, epoch): (&str, &str, i64)| {
            keys.push(group_key(id, tenant, epoch)?);
            Ok(())
        })?;
        Ok(keys)
    }

    /// One page of a tenant's groups.
    pub(crate) async fn list_of(
        &self,
        tenant: &TenantId,
        last: Option<GroupId>,
        limit: u32,
    ) -> Result<Page<GroupKey>, Error> {
        let mut rows = u64::from(limit) + BEYOND;
        loop {
            let values = vec![text(tenant.as_str()), after(last), int(rows)];
            let keys = self.keys(&self.statements.of_tenant, values).await?;
            let complete = (keys.len() as u64) < rows;
            let found = page(keys.into_iter(), count(limit));
            if complete || found.next.is_some() {
                return Ok(found);
            }
            rows = rows.saturating_mul(2);
        }
    }

    /// One page of all groups.
    pub(crate) async fn list_all(
        &self,
        last: Option<GroupId>,
        limit: u32,
    ) -> Result<Page<GroupKey>, Error> {
        let mut keys = Vec::new();
        let from = last.map_or(0, bucket);
        for bucket in self.buckets(from).await? {
            let mut rows = u64::from(limit) + BEYOND;
            loop {
                let values = vec![int(bucket), after(last), int(rows)];
                let some = self.keys(&self.statements.bucket, values).await?;
                let complete = (some.len() as u64) < rows;
                let met = keys.len();
                keys.extend(some);
                let found = page(keys.iter().cloned(), count(limit));
                if found.next.is_some() {
                    return Ok(found);
                }
                if complete {
                    break;
                }
                keys.truncate(met);
                rows = rows.saturating_mul(2);
            }
        }
        Ok(page(keys.into_iter(), count(limit)))
    }

    /// One stretch of the walk over all groups: a page of the list, and a read of each group on it that is wanted. Not a serial one: it sees
    /// every commit that was answered, which is all that a walk is to see, and is no round of Paxos that gets in the way of commits.
    pub(crate) async fn look_around(
        &self,
        (after, limit): (Option<Place>, u32),
        now: Timestamp,
        wanted: &Wanted<'_>,
    ) -> Result<Stretch, Error> {
        let page = self.list_all(after.map(Place::to_id), limit).await?;
        let keys = page.items.into_iter().filter(|key| wanted(key));
        let looks = keys.map(|key| async move {
            // One that cannot be read is its owner's business, who says so; one that is not there may be in the making.
            let found = self.group(&key, Level::Relaxed).await.ok().flatten();
            Met::new(key, found.as_ref().map(|(group, _)| group), now)
        });
        Ok(Stretch {
            met: stream::iter(looks).buffered(READS_AT_ONCE).collect().await,
            next: page.next.map(Place::of_id),
        })
    }

    /// Partitions of the list of all groups that may have some, in order.
    async fn buckets(&self, from: u64) -> Result<Vec<u64>, Error> {
        let statement = &self.statements.buckets;
        let pages = self.driver.read(statement, vec![int(from)]).await?;
        let mut buckets = Vec::new();
        each(&pages, |(bucket,): (i32,)| {
            buckets.extend(u64::try_from(bucket));
            Ok(())
        })?;
        Ok(buckets)
    }

    /// The newest home of a group.
    pub(crate) async fn newest_home(&self, id: GroupId) -> Result<Option<GroupKey>, Error> {
        let values = vec![int(bucket(id)), text(&id.to_string())];
        let keys = self.keys(&self.statements.locate, values).await?;
        Ok(keys.into_iter().next_back())
    }

    /// Notes when a group has to be woken.
    pub(crate) async fn put_timer(
        &self,
        key: &GroupKey,
        at: Option<Timestamp>,
        stamp: Stamp,
    ) -> Result<(), Error> {
        let Some(at) = at else { return Ok(()) };
        let put = long(self.process.clock.unix_ms());
        let values = timer(key, at).into_iter().chain([put, stamp.value()]);
        let statement = &self.statements.put_timer;
        self.driver.write(statement, values.collect()).await
    }

    /// Takes away a timer that its group does not have any more, if it was put there under that time stamp or an earlier one: a later commit may have
    /// put it there again before this arrives, and nothing else would ever wake a group that rests. If it fails, a later look does it.
    pub(crate) fn forget_timer(&self, key: &GroupKey, at: Option<Timestamp>, stamp: Stamp) {
        let Some(at) = at else { return };
        let (driver, statements) = (Arc::clone(&self.driver), Arc::clone(&self.statements));
        let values = put_by(key, at, stamp);
        let forget = async move {
            if let Err(error) = driver.write(&statements.take_timer, values).await {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "an old timer stays for now");
            }
        };
        drop(self.process.tasks.spawn("forget a timer", forget));
    }

    /// Takes away the timers of epochs before this one: nobody writes their groups any more, so that nothing else takes them away.
    pub(crate) async fn take_timers(&self, before: HomeEpoch) -> Result<(), Error> {
        let is_former = |key: &GroupKey| key.epoch < before;
        let end = Timestamp::from_unix_ms(u64::MAX);
        for part in 0..PARTS {
            let rows = self.timers_of(part, end, u32::MAX, &is_former).await?;
            for some in rows.chunks(TIMERS_AT_ONCE) {
                let values = some
                    .iter()
                    .map(|(at, key, _, stamp)| put_by(key, *at, *stamp));
                let taken =
                    values.map(|values| self.driver.write(&self.statements.take_timer, values));
                try_join_all(taken).await?;
            }
        }
        Ok(())
    }

    /// Groups that have to be woken by then and are wanted, earliest first.
    pub(crate) async fn timers(
        &self,
        by: Timestamp,
        limit: u32,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(Timestamp, GroupKey)>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let parts = (0..PARTS).map(|part| self.timers_of(part, by, limit, wanted));
        let mut rows = try_join_all(parts).await?.concat();
        rows.sort();
        rows.truncate(count(limit));
        let mut found = Vec::new();
        let mut is_answered = true;
        for some in rows.chunks(TIMERS_AT_ONCE) {
            // While replicas are away, one look would wait for each of them again and again: what was not looked at counts as due.
            let asked = if is_answered { some } else { &[] };
            let looks = join_all(asked.iter().map(|row| self.still(row))).await;
            let mut looks = looks.into_iter();
            for (at, key, ..) in some {
                // A group that cannot be read is its owner's business, who says so: no other group's timer waits for it.
                let still = looks.next().unwrap_or(Ok(true));
                is_answered &= !matches!(still, Err(Error::Unavailable(_)));
                if still.unwrap_or(true) {
                    found.push((*at, key.clone()));
                }
            }
        }
        Ok(found)
    }

    /// Those of one part that are wanted. Where others stand between them, it gives its share of `limit` at least: together they are enough.
    async fn timers_of(
        &self,
        part: i8,
        by: Timestamp,
        limit: u32,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Timer>, Error> {
        type Row<'a> = (i64, &'a str, &'a str, i64, i64, i64);
        let share = count(limit).div_ceil(usize::from(PARTS.unsigned_abs()));
        let mut rows = u64::from(limit);
        loop {
            let values = vec![tiny(part), long(by.unix_ms()), int(rows)];
            let pages = self.driver.read(&self.statements.timers, values).await?;
            let (mut found, mut met) = (Vec::new(), 0_u64);
            each(&pages, |(at, id, tenant, epoch, put, stamp): Row<'_>| {
                met += 1;
                let key = group_key(id, tenant, epoch)?;
                if wanted(&key) {
                    found.push((time(at), key, time(put), Stamp::of(unsigned(stamp))));
                }
                Ok(())
            })?;
            if met < rows || found.len() >= share {
                return Ok(found);
            }
            rows = rows.saturating_mul(2);
        }
    }

    /// Whether a group still has to be woken at that time.
    async fn still(&self, (at, key, put, stamp): &Timer) -> Result<bool, Error> {
        let found = self.head(key, Level::Relaxed).await?;
        let still = found.is_some_and(|(head, _)| head.wake == Some(*at));
        let now = Timestamp::from_unix_ms(self.process.clock.unix_ms());
        if !still && now.since(*put) > ORPHANED {
            self.forget_timer(key, Some(*at), *stamp);
        }
        Ok(still)
    }
}

/// A timer, if it was put there under that time stamp or an earlier one.
fn put_by(key: &GroupKey, at: Timestamp, stamp: Stamp) -> Values {
    [stamp.value()].into_iter().chain(timer(key, at)).collect()
}

/// A timer's key.
fn timer(key: &GroupKey, at: Timestamp) -> Values {
    let rest = [part(key), long(at.unix_ms())];
    rest.into_iter().chain(place(key)).collect()
}
