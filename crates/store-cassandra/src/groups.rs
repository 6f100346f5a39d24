//! Groups over Cassandra.

use std::time::Duration;

use async_trait::async_trait;
use domain::capacity::Size;
use domain::group::{Change, Group};
use domain::ids::{DeliveryId, EventId, GroupId, GroupKey, HomeEpoch, Nonce, Rev, TenantId};
use domain::outbox::Delivery;
use domain::time::Timestamp;
use domain::verdict::Verdict;
use store::group::{
    Before, CommitRecord, Committed, Conflict, Groups, Guard, Level, Page, Place, Stretch, Wanted,
};
use store::{Error, parts, record};
use tokio::sync::MutexGuard;

use crate::Inner;
use crate::batch::{self, Base, key, record_id};
use crate::cells::Head;
use crate::driver::{Outcome, blob, int};
use crate::read;

/// Events whose verdicts are asked for in one request.
const VERDICTS_AT_ONCE: usize = 100;
/// Commit records looked through at once for events that they decided.
const RECORDS_AT_ONCE: u32 = 500;

impl Inner {
    /// Sends a batch and remembers the head that it left. `lane` is held meanwhile, and forgets the head unless the answer is clear.
    async fn send(
        &self,
        lane: &mut MutexGuard<'_, Option<Head>>,
        base: &Base<'_>,
        changes: (&Change, &Change),
        nonce: Nonce,
    ) -> Result<Outcome, Error> {
        let ready = batch::ready(&self.statements, self.keep, base, changes, nonce)?;
        let before = base.head.and_then(|head| head.wake);
        let moved = before != ready.after.wake;
        let stamp = self.stamps.next(self.process.clock.unix_ms());
        if moved {
            // Before the commit: one that is cut off leaves a row too many, which a look at the group corrects.
            self.put_timer(base.key, ready.after.wake, stamp).await?;
        }
        if let Some(log) = &self.log {
            log.note(base.key, base.guard.rev.next()).await;
        }
        **lane = None;
        let outcome = self.driver.decide(&ready.batch, ready.values).await?;
        if matches!(outcome, Outcome::Applied) {
            **lane = Some(ready.after);
            if moved {
                self.forget_timer(base.key, before, stamp);
            }
        }
        Ok(outcome)
    }

    /// Why a batch was refused: what the group is now, and which of the events have verdicts.
    async fn why(
        &self,
        lane: &mut MutexGuard<'_, Option<Head>>,
        group: &GroupKey,
        guard: Guard,
        change: &Change,
    ) -> Result<Conflict, Error> {
        let Some((head, _)) = self.head(group, Level::Serial).await? else {
            return Ok(Conflict::Missing);
        };
        **lane = Some(head);
        if head.rev != guard.rev || head.fence > guard.fence || change.verdicts.is_empty() {
            return Ok(Conflict::Moved);
        }
        let events: Vec<EventId> = change.verdicts.iter().map(|v| v.event.clone()).collect();
        let decided = self.decided(group, &events).await?;
        if decided.is_empty() {
            // What stood in the way has expired meanwhile.
            return Ok(Conflict::Moved);
        }
        Ok(Conflict::Decided(decided))
    }
}

/// What a remembered head alone can refuse: revisions and fences only rise.
fn past(head: Option<Head>, guard: Guard) -> bool {
    head.is_some_and(|head| head.rev > guard.rev || head.fence > guard.fence)
}

#[async_trait]
impl Groups for Inner {
    async fn create(
        &self,
        group: &Group,
        first: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        let lane = self.cells.lane(&group.key);
        let mut lane = lane.lock().await;
        // Before the group: a list may name one that is not there, never miss one that is.
        self.list(&group.key).await?;
        let base = Base {
            key: &group.key,
            guard: Guard {
                rev: group.rev,
                fence: group.fence,
            },
            head: None,
            before: parts::Previous {
                desired: Size::ZERO,
                config: None,
                hash: record::GENESIS,
            },
        };
        let whole = parts::born(group, first);
        let sent = self.send(&mut lane, &base, (&whole, first), nonce).await?;
        Ok(match sent {
            Outcome::Applied => Committed::Applied,
            Outcome::Refused => Committed::Conflict(Conflict::Exists),
            Outcome::Unknown => Committed::Unknown,
        })
    }

    async fn read(&self, key: &GroupKey, level: Level) -> Result<Option<Group>, Error> {
        if level == Level::Relaxed {
            return Ok(self.group(key, level).await?.map(|(group, _)| group));
        }
        let lane = self.cells.lane(key);
        let mut lane = lane.lock().await;
        let found = self.group(key, level).await?;
        *lane = found.as_ref().map(|(_, head)| *head);
        Ok(found.map(|(group, _)| group))
    }

    async fn commit(
        &self,
        key: &GroupKey,
        guard: Guard,
        change: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error> {
        let lane = self.cells.lane(key);
        let mut lane = lane.lock().await;
        if past(*lane, guard) {
            return Ok(Committed::Conflict(Conflict::Moved));
        }
        let known = lane.filter(|head| head.rev == guard.rev && change.config.is_none());
        let (head, config) = match known {
            Some(head) => (head, None),
            None => match self.head(key, Level::Serial).await? {
                Some((head, config)) => (head, Some(config)),
                None => return Ok(Committed::Conflict(Conflict::Missing)),
            },
        };
        *lane = Some(head);
        if head.rev != guard.rev || head.fence > guard.fence {
            return Ok(Committed::Conflict(Conflict::Moved));
        }
        let base = Base {
            key,
            guard,
            head: Some(head),
            before: parts::Previous {
                desired: head.desired,
                config: config.as_ref(),
                hash: head.hash,
            },
        };
        match self.send(&mut lane, &base, (change, change), nonce).await? {
            Outcome::Applied => Ok(Committed::Applied),
            Outcome::Unknown => Ok(Committed::Unknown),
            Outcome::Refused => {
                let why = self.why(&mut lane, key, guard, change).await?;
                Ok(Committed::Conflict(why))
            }
        }
    }

    fn unclear_for(&self) -> Duration {
        self.unclear_for
    }

    async fn verdict(&self, key: &GroupKey, event: &EventId) -> Result<Option<Verdict>, Error> {
        let lane = self.cells.lane(key);
        let _alone = lane.lock().await;
        let events = std::slice::from_ref(event);
        let mut found = self.verdicts_on(key, events, Level::Serial).await?;
        Ok(found.remove(event))
    }

    /// Finds the events through the commit records that decided them, newest first: the verdicts themselves lie in order of event.
    async fn verdicts(
        &self,
        group: &GroupKey,
        before: Before,
        limit: u32,
    ) -> Result<Vec<Verdict>, Error> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found: Vec<Verdict> = Vec::new();
        let mut rest = Some(before.rev.unwrap_or(Rev(u64::MAX)));
        while let Some(from) = rest.and_then(|Rev(rev)| rev.checked_sub(1)) {
            let (events, last) = self.decisions(group, Rev(from), before.at).await?;
            rest = last;
            for some in events.chunks(VERDICTS_AT_ONCE) {
                let mut verdicts = self.verdicts_on(group, some, Level::Relaxed).await?;
                let verdicts = some.iter().filter_map(|event| verdicts.remove(event));
                found.extend(verdicts.filter(|v| before.at.is_none_or(|at| v.at < at)));
                if found.len() >= most {
                    found.truncate(most);
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    async fn deliveries(
        &self,
        group: &GroupKey,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let before = before.unwrap_or(DeliveryId(u64::MAX)).0.to_be_bytes();
        let rest = [blob(&before), int(u64::from(limit))];
        let values = key(group).into_iter().chain(rest).collect();
        let pages = self
            .driver
            .read(&self.statements.deliveries, values)
            .await?;
        let mut found = Vec::new();
        read::each(&pages, |(id, body): (&[u8], &str)| {
            found.push(read::delivery(id, body)?);
            Ok(())
        })?;
        Ok(found)
    }

    async fn records(
        &self,
        group: &GroupKey,
        from: Option<Rev>,
        limit: u32,
        level: Level,
    ) -> Result<Vec<CommitRecord>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let from = from.unwrap_or(Rev(u64::MAX));
        let values = key(group)
            .into_iter()
            .chain([record_id(from), int(u64::from(limit))]);
        let lane = self.cells.lane(group);
        let _alone = match level {
            Level::Serial => Some(lane.lock().await),
            Level::Relaxed => None,
        };
        let statement = self.statements.records.at(level);
        let pages = self.driver.read(statement, values.collect()).await?;
        read::records(&pages)
    }

    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<GroupId>,
        limit: u32,
    ) -> Result<Page<GroupKey>, Error> {
        self.list_of(tenant, after, limit).await
    }

    async fn timed(
        &self,
        by: Timestamp,
        limit: u32,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(Timestamp, GroupKey)>, Error> {
        self.timers(by, limit, wanted).await
    }

    async fn forget_timers(&self, before: HomeEpoch) -> Result<(), Error> {
        self.take_timers(before).await
    }

    async fn locate(&self, id: GroupId) -> Result<Option<GroupKey>, Error> {
        self.newest_home(id).await
    }

    async fn walk(
        &self,
        after: Option<Place>,
        limit: u32,
        now: Timestamp,
        wanted: &Wanted<'_>,
    ) -> Result<Stretch, Error> {
        self.look_around((after, limit), now, wanted).await
    }

    async fn all(&self, after: Option<GroupId>, limit: u32) -> Result<Page<GroupKey>, Error> {
        self.list_all(after, limit).await
    }
}

impl Inner {
    /// Events that were decided by commits from `from` downwards, newest first, and the oldest revision looked at; none when there are
    /// no more. Commits much younger than `before` are passed over: clocks of two owners may differ by that much.
    async fn decisions(
        &self,
        group: &GroupKey,
        from: Rev,
        before: Option<Timestamp>,
    ) -> Result<(Vec<EventId>, Option<Rev>), Error> {
        let limit = int(u64::from(RECORDS_AT_ONCE));
        let values = key(group).into_iter().chain([record_id(from), limit]);
        let statement = &self.statements.decisions;
        let pages = self.driver.read(statement, values.collect()).await?;
        let (mut events, mut last) = (Vec::new(), None);
        type Row<'a> = (&'a [u8], i64, Option<Vec<&'a str>>);
        read::each(&pages, |(id, at, decided): Row<'_>| {
            last = <[u8; 8]>::try_from(id)
                .ok()
                .map(|id| Rev(u64::from_be_bytes(id)));
            let passed = before.is_some_and(|before| read::time(at) > before.plus(CLOCKS_APART));
            if !passed {
                for event in decided.unwrap_or_default() {
                    events.push(read::event_named(event)?);
                }
            }
            Ok(())
        })?;
        Ok((events, last))
    }
}

/// Clocks of two owners of a group differ by less.
const CLOCKS_APART: Duration = Duration::from_secs(600);
