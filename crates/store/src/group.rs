//! Groups: the aggregate with its slots, verdicts, inbox and commit records.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use domain::event::Actor;
use domain::group::{Cause, Change, Group, Phase};
use domain::ids::{
    DeliveryId, EventId, Fence, GroupId, GroupKey, HomeEpoch, Nonce, RecordHash, Rev, TenantId,
};
use domain::outbox::Delivery;
use domain::time::Timestamp;
use domain::verdict::Verdict;

use crate::Error;

/// The condition under which a change may be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// The group is still at this revision.
    pub rev: Rev,
    /// No commit was made under a higher fence than this; the commit raises the stored one to it.
    pub fence: Fence,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// Durable, at the next revision.
    Applied,
    /// Refused; nothing was written by it.
    Conflict(Conflict),
    /// Nobody knows yet: it may be applied now, later, or never. Act on nothing; [`crate::apply::apply`] finds out by the nonce.
    Unknown,
}

/// Why a commit was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// The group is at another revision or under a higher fence: read again and decide again.
    Moved,
    /// These events have verdicts already: take them out and decide again.
    Decided(Vec<EventId>),
    /// There is no such group.
    Missing,
    /// (Creation) there is such a group already.
    Exists,
}

/// Which verdicts of a group are asked for: all, by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Before {
    /// Of commits before this one: what a page ends with, so that the next one neither repeats nor leaves out any.
    pub rev: Option<Rev>,
    /// Decided before this, by the clock of whoever decided.
    pub at: Option<Timestamp>,
}

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Sees every applied commit, and settles those in flight. Needed before anything is concluded from a nonce.
    Serial,
    /// May be stale, never torn. For people.
    Relaxed,
}

/// One change of a group: who, why, what; chained by hash so that a removed or altered one shows (design 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRecord {
    /// The revision that it made.
    pub rev: Rev,
    /// The attempt that made it.
    pub nonce: Nonce,
    /// Why.
    pub cause: Cause,
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// Before and after, as JSON for people: desired, moved slots, decided events, changed configuration keys. No secrets.
    pub detail: String,
    /// Hash of the record before; zeros for the first.
    pub previous: RecordHash,
    /// Hash of this record, the previous hash included.
    pub hash: RecordHash,
}

/// One page of groups.
#[derive(Debug, Clone, Default)]
pub struct Page<T> {
    /// What the page holds, in order of id.
    pub items: Vec<T>,
    /// What to ask for the next page with, as `after`; none after the last.
    pub next: Option<GroupId>,
}

/// A place on the walk over all groups ([`Groups::walk`]); only the store that gave it understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub(crate) u128);

impl Place {
    /// After that group, in a store that walks in order of id.
    #[must_use]
    pub const fn of_id(id: GroupId) -> Self {
        Self(id.as_u128())
    }
    /// The group of [`Self::of_id`].
    #[must_use]
    pub const fn to_id(self) -> GroupId {
        GroupId::from_u128(self.0)
    }
}

/// Which groups a walk, or a look at timers, is for.
pub type Wanted<'a> = dyn Fn(&GroupKey) -> bool + Send + Sync + 'a;

/// A group that was met on the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// Which.
    pub key: GroupKey,
    /// Whether it surely [rests](Group::rests_at). False where that was not found out.
    pub rests: bool,
    /// Whether it is deleted: a tombstone, which is listed for ever. False where that was not found out.
    pub gone: bool,
}

impl Met {
    /// What a group says of itself at that time; none: it was not found out.
    #[must_use]
    pub fn new(key: GroupKey, group: Option<&Group>, now: Timestamp) -> Self {
        Self {
            key,
            rests: group.is_some_and(|group| group.rests_at(now)),
            gone: group.is_some_and(|group| group.state.phase == Phase::Tombstone),
        }
    }
}

/// One stretch of the walk over all groups.
#[derive(Debug, Clone, Default)]
pub struct Stretch {
    /// The groups met that were wanted.
    pub met: Vec<Met>,
    /// Where it goes on, as `after`; none at its end.
    pub next: Option<Place>,
}

/// Groups. One group is one linearizable object; nothing here spans two.
#[async_trait]
pub trait Groups: Debug + Send + Sync {
    /// Creates a group at revision 1 from `group` (at revision 0) and the change that is its first commit.
    /// Linearizable; `Conflict::Exists` if the id is taken.
    async fn create(&self, group: &Group, first: &Change, nonce: Nonce)
    -> Result<Committed, Error>;

    /// Reads a group: configuration, state, slots, inbox. None if there is none under this tenant.
    async fn read(&self, key: &GroupKey, level: Level) -> Result<Option<Group>, Error>;

    /// Commits one change as one conditional batch: all of it or nothing, durable before `Applied` is answered, one commit record with it.
    /// The change may hold up to 32 slots and 64 verdicts; callers split what is larger.
    async fn commit(
        &self,
        key: &GroupKey,
        guard: Guard,
        change: &Change,
        nonce: Nonce,
    ) -> Result<Committed, Error>;

    /// How long after [`Committed::Unknown`] a serial read may still miss what the commit will do: longer than the time-out of
    /// whoever coordinates commits (safety 3.3). A wrapper passes on what the store inside it says.
    fn unclear_for(&self) -> Duration {
        Duration::from_secs(6)
    }

    /// The verdict of one event, if it has one. Serial.
    async fn verdict(&self, key: &GroupKey, event: &EventId) -> Result<Option<Verdict>, Error>;

    /// Verdicts of a group, newest first: in the order of its commits, since the clocks of two owners may differ. Relaxed.
    async fn verdicts(
        &self,
        key: &GroupKey,
        before: Before,
        limit: u32,
    ) -> Result<Vec<Verdict>, Error>;

    /// Messages of hooks that are closed, newest first, numbered below `before`: taken ones and dead letters, kept for 30 days. Those that
    /// are open stand in the group. Relaxed.
    async fn deliveries(
        &self,
        key: &GroupKey,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, Error>;

    /// The newest `limit` commit records of a group, newest first, from `from` downwards. Serial when it is asked for a nonce's sake.
    async fn records(
        &self,
        key: &GroupKey,
        from: Option<Rev>,
        limit: u32,
        level: Level,
    ) -> Result<Vec<CommitRecord>, Error>;

    /// Where the groups of a tenant are, in order of id, after `after`. Tombstones included; may lag behind `create`.
    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<GroupId>,
        limit: u32,
    ) -> Result<Page<GroupKey>, Error>;

    /// Groups that have to be woken by then and are `wanted`, earliest first, each with its time. One that is woken stays in here until a commit
    /// moves its timers. What is not wanted takes no place and costs no look at its group; what cannot be read is among those that are due.
    async fn timed(
        &self,
        by: Timestamp,
        limit: u32,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(Timestamp, GroupKey)>, Error>;

    /// Throws away when groups of epochs before this one had to be woken. Only for the plane that serves the colo under this epoch: nobody wakes
    /// them any more, and since no commit moves their timers, every look would meet them for ever. Nothing in a store that is one plane's alone.
    async fn forget_timers(&self, _before: HomeEpoch) -> Result<(), Error> {
        Ok(())
    }

    /// Where a group is whose tenant is not known: its newest home. Only for those who proved that they may know (a capability URL).
    async fn locate(&self, id: GroupId) -> Result<Option<GroupKey>, Error> {
        let before = id.as_u128().checked_sub(1).map(GroupId::from_u128);
        let page = self.all(before, 1).await?;
        Ok(page.items.into_iter().rfind(|key| key.id == id))
    }

    /// The slow full pass (safety 3.9): every group that is there from its beginning to its end once, in an order of the store's own, and of
    /// those that are `wanted` whether they rest at `now`, or are gone; of a store that cannot tell that for less than a read of the group, none is.
    /// Looks at about `limit` groups; what it says of one is no older than the last commit that was answered before the call.
    async fn walk(
        &self,
        after: Option<Place>,
        limit: u32,
        now: Timestamp,
        wanted: &Wanted<'_>,
    ) -> Result<Stretch, Error> {
        let page = self.all(after.map(Place::to_id), limit).await?;
        let met = page.items.into_iter().filter(|key| wanted(key));
        Ok(Stretch {
            met: met.map(|key| Met::new(key, None, now)).collect(),
            next: page.next.map(Place::of_id),
        })
    }

    /// Where all groups are. In order of id, after `after`.
    async fn all(&self, after: Option<GroupId>, limit: u32) -> Result<Page<GroupKey>, Error>;
}

/// A page of at most `limit` keys out of keys in order of id. All homes of one group are on one page, even if that makes it longer.
pub fn page(keys: impl Iterator<Item = GroupKey>, limit: usize) -> Page<GroupKey> {
    let mut keys = keys.peekable();
    let mut items: Vec<GroupKey> = Vec::new();
    while let Some(key) = keys
        .next_if(|k| items.len() < limit.max(1) || items.last().is_some_and(|last| last.id == k.id))
    {
        items.push(key);
    }
    let last = items.last().map(|last| last.id);
    let next = last.filter(|_| keys.peek().is_some());
    Page { items, next }
}
