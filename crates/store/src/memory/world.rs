//! What the store in memory holds: one object per group, changed only under its guard.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chassis::Mono;
use domain::group::{Change, Group, Wake};
use domain::ids::{
    DeliveryId, EventId, GroupId, GroupKey, InputId, LaunchHash, Nonce, Rev, TenantId,
};
use domain::mutant::{Rule, off};
use domain::outbox::Delivery;
use domain::time::Timestamp;
use domain::verdict::Verdict;

use crate::control::Throw;
use crate::group::{
    Before, CommitRecord, Committed, Conflict, Guard, Met, Page, Place, Stretch, Wanted,
};
use crate::hint::Board;
use crate::input::{self, Input, Part};
use crate::member::Leases;
use crate::note::{Note, Shelf};
use crate::record;

/// How many revisions of a group a stale read can find.
const REMEMBERED: usize = 4;

#[derive(Debug, Default, Clone)]
pub(super) struct World {
    cells: BTreeMap<GroupKey, Cell>,
    pending: Vec<Pending>,
    pub(super) launches: BTreeMap<(TenantId, LaunchHash), Vec<u8>>,
    pub(super) hints: Board,
    journal: BTreeMap<(GroupKey, Rev), CommitRecord>,
    /// Commits that were applied: read without the lock, after every step of a simulation.
    pub(super) commits: Arc<AtomicU64>,
    pub(super) inputs: BTreeMap<InputId, Input>,
    /// Notes of inputs, each with its end.
    pub(super) input_notes: BTreeMap<(InputId, Part, String), (Timestamp, input::Note)>,
    /// Throws of kill switches, oldest first.
    pub(super) throws: Vec<Throw>,
    pub(super) notes: BTreeMap<(Shelf, Vec<u8>), Note>,
    pub(super) leases: Leases,
}

/// One group.
#[derive(Debug, Clone)]
struct Cell {
    /// Oldest first; never empty.
    history: VecDeque<Arc<Group>>,
    verdicts: Vec<Verdict>,
    decided: BTreeMap<EventId, usize>,
    records: Vec<CommitRecord>,
    /// Messages of hooks that are closed.
    closed: BTreeMap<DeliveryId, Delivery>,
}

/// A write that was answered with `Unknown` and is still to be tried.
#[derive(Debug, Clone)]
struct Pending {
    key: GroupKey,
    /// None: just before the next attempt on the group.
    due: Option<Mono>,
    write: Write,
}

/// A write.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Create(Box<Group>, Box<Change>, Nonce),
    Commit(Guard, Box<Change>, Nonce),
}

impl World {
    /// Tries what is due.
    pub(super) fn run_due(&mut self, now: Mono) {
        self.run_pending(|p| p.due.is_some_and(|due| due <= now));
    }

    /// Keeps a write for later.
    pub(super) fn postpone(&mut self, key: &GroupKey, due: Option<Mono>, write: Write) {
        self.pending.push(Pending {
            key: key.clone(),
            due,
            write,
        });
    }

    /// Tries a write, after those that surface under it.
    pub(super) fn attempt(&mut self, key: &GroupKey, write: Write) -> Committed {
        self.run_pending(|p| p.due.is_none() && p.key == *key);
        self.run(key, write)
    }

    fn run_pending(&mut self, chosen: impl Fn(&Pending) -> bool) {
        if !self.pending.iter().any(&chosen) {
            return;
        }
        let (mut now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(chosen);
        self.pending = later;
        // Stable: equal times keep the order in which they were sent.
        now.sort_by_key(|p| p.due);
        for pending in now {
            // Nobody waits for this answer any more.
            drop(self.run(&pending.key, pending.write));
        }
    }

    fn run(&mut self, key: &GroupKey, write: Write) -> Committed {
        match write {
            Write::Create(group, first, nonce) => self.create(*group, *first, nonce),
            Write::Commit(guard, change, nonce) => self.commit(key, guard, *change, nonce),
        }
    }

    fn create(&mut self, group: Group, first: Change, nonce: Nonce) -> Committed {
        if self.cells.contains_key(&group.key) {
            return Committed::Conflict(Conflict::Exists);
        }
        let key = group.key.clone();
        let guard = Guard {
            rev: group.rev,
            fence: group.fence,
        };
        let cell = Cell {
            history: VecDeque::from([Arc::new(group)]),
            verdicts: Vec::new(),
            decided: BTreeMap::new(),
            records: Vec::new(),
            closed: BTreeMap::new(),
        };
        let cell = self.cells.entry(key).or_insert(cell);
        cell.commit(guard, first, nonce);
        cell.history.pop_front();
        self.commits.fetch_add(1, Ordering::Relaxed);
        Committed::Applied
    }

    fn commit(&mut self, key: &GroupKey, guard: Guard, change: Change, nonce: Nonce) -> Committed {
        let Some(cell) = self.cells.get_mut(key) else {
            return Committed::Conflict(Conflict::Missing);
        };
        let group = cell.current();
        let moved = group.rev != guard.rev && !off(Rule::RevisionGuard);
        if moved || group.fence > guard.fence {
            return Committed::Conflict(Conflict::Moved);
        }
        let decided: Vec<EventId> = change
            .verdicts
            .iter()
            .filter(|v| cell.decided.contains_key(&v.event) && !off(Rule::OneVerdict))
            .map(|v| v.event.clone())
            .collect();
        if !decided.is_empty() {
            return Committed::Conflict(Conflict::Decided(decided));
        }
        cell.commit(guard, change, nonce);
        self.commits.fetch_add(1, Ordering::Relaxed);
        Committed::Applied
    }

    pub(super) fn keys(&self) -> Vec<GroupKey> {
        self.cells.keys().cloned().collect()
    }

    pub(super) fn current(&self, key: &GroupKey) -> Option<Arc<Group>> {
        self.cells.get(key).map(|c| Arc::clone(c.current()))
    }

    /// Groups that have to be woken by then and are wanted, earliest first.
    pub(super) fn timed(
        &self,
        by: Timestamp,
        limit: usize,
        wanted: &Wanted<'_>,
    ) -> Vec<(Timestamp, GroupKey)> {
        let wake = |(key, cell): (&GroupKey, &Cell)| match cell.current().wake() {
            Wake::At(at) if at <= by && wanted(key) => Some((at, key.clone())),
            Wake::At(_) | Wake::Never => None,
        };
        let mut due: Vec<_> = self.cells.iter().filter_map(wake).collect();
        due.sort_unstable();
        due.truncate(limit);
        due
    }

    /// The group as it was `age` revisions ago, or as long ago as is remembered.
    pub(super) fn stale(&self, key: &GroupKey, age: usize) -> Option<Arc<Group>> {
        let history = &self.cells.get(key)?.history;
        let place = history.len().saturating_sub(1).saturating_sub(age);
        history.get(place).map(Arc::clone)
    }

    pub(super) fn verdict(&self, key: &GroupKey, event: &EventId) -> Option<Verdict> {
        let cell = self.cells.get(key)?;
        cell.verdicts.get(*cell.decided.get(event)?).cloned()
    }

    pub(super) fn verdicts_in_order(&self, key: &GroupKey) -> Vec<Verdict> {
        self.cells
            .get(key)
            .map_or_else(Vec::new, |c| c.verdicts.clone())
    }

    /// From the `from`th on; none if there are fewer.
    pub(super) fn verdicts_from(&self, key: &GroupKey, from: usize) -> Option<Vec<Verdict>> {
        let verdicts = self.cells.get(key).map_or(&[][..], |c| &c.verdicts);
        verdicts.get(from..).map(<[Verdict]>::to_vec)
    }

    /// Writes of unclear outcome never happen.
    pub(super) fn forget_pending(&mut self) {
        self.pending.clear();
    }

    /// Newest first.
    pub(super) fn verdicts(&self, key: &GroupKey, before: Before, limit: usize) -> Vec<Verdict> {
        let Some(cell) = self.cells.get(key) else {
            return Vec::new();
        };
        let newest = cell.verdicts.iter().rev();
        newest
            .filter(|v| before.rev.is_none_or(|rev| v.rev < rev))
            .filter(|v| before.at.is_none_or(|at| v.at < at))
            .take(limit)
            .cloned()
            .collect()
    }

    /// Closed messages of hooks, newest first.
    pub(super) fn deliveries(
        &self,
        key: &GroupKey,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Vec<Delivery> {
        let below = before.unwrap_or(DeliveryId(u64::MAX));
        let closed = self.cells.get(key).map(|cell| cell.closed.range(..below));
        let newest = closed.into_iter().flat_map(|closed| closed.rev());
        newest.take(limit).map(|(_, d)| d.clone()).collect()
    }

    pub(super) fn records_after(&self, key: &GroupKey, after: Rev) -> Vec<CommitRecord> {
        let records = self.cells.get(key).map_or(&[][..], |c| &c.records);
        records.iter().filter(|r| r.rev > after).cloned().collect()
    }

    /// Newest first, from `from` downwards.
    pub(super) fn records(
        &self,
        key: &GroupKey,
        from: Option<Rev>,
        limit: usize,
    ) -> Vec<CommitRecord> {
        let records = self.cells.get(key).map_or(&[][..], |c| &c.records);
        let newest = records.iter().rev();
        newest
            .filter(|r| from.is_none_or(|f| r.rev <= f))
            .take(limit)
            .cloned()
            .collect()
    }

    /// A page of groups in order of id; all homes of one group are on one page.
    pub(super) fn page(
        &self,
        tenant: Option<&TenantId>,
        after: Option<GroupId>,
        limit: usize,
    ) -> Page<GroupKey> {
        let mut keys: Vec<&GroupKey> = self
            .cells
            .keys()
            .filter(|k| tenant.is_none_or(|t| k.tenant == *t))
            .filter(|k| after.is_none_or(|a| k.id > a))
            .collect();
        keys.sort_by_key(|k| (k.id, &k.tenant, k.epoch));
        crate::group::page(keys.into_iter().cloned(), limit)
    }

    /// A page of all groups as a stretch of the walk over them.
    pub(super) fn walk(
        &self,
        (after, limit): (Option<Place>, usize),
        now: Timestamp,
        wanted: &Wanted<'_>,
    ) -> Stretch {
        let page = self.page(None, after.map(Place::to_id), limit);
        let wanted = page.items.into_iter().filter(|key| wanted(key));
        let met = wanted.map(|key| {
            let group = self.current(&key);
            Met::new(key, group.as_deref(), now)
        });
        Stretch {
            met: met.collect(),
            next: page.next.map(Place::of_id),
        }
    }

    pub(super) fn append(&mut self, key: &GroupKey, records: &[CommitRecord]) {
        for record in records {
            self.journal
                .entry((key.clone(), record.rev))
                .or_insert_with(|| record.clone());
        }
    }

    pub(super) fn journal(
        &self,
        key: &GroupKey,
        after: Option<Rev>,
        limit: usize,
    ) -> Vec<CommitRecord> {
        let first = after.map_or(Rev(0), Rev::next);
        self.journal
            .range((key.clone(), first)..=(key.clone(), Rev(u64::MAX)))
            .take(limit)
            .map(|(_, record)| record.clone())
            .collect()
    }
}

impl Cell {
    fn current(&self) -> &Arc<Group> {
        // Never empty: it begins with one and loses one only after it gained one.
        &self.history[self.history.len() - 1]
    }

    fn commit(&mut self, guard: Guard, change: Change, nonce: Nonce) {
        let before = Arc::clone(self.current());
        let configured = change
            .config
            .as_ref()
            .map_or_else(Vec::new, |after| record::configured(&before.config, after));
        let previous = self.records.last().map_or(record::GENESIS, |r| r.hash);
        let desired = (before.state.desired, change.state.desired);
        let opened = record::open(&change, before.rev.next(), nonce);
        self.records
            .push(record::seal(opened, desired, &configured, previous));
        for verdict in &change.verdicts {
            if !self.decided.contains_key(&verdict.event) {
                self.decided
                    .insert(verdict.event.clone(), self.verdicts.len());
                self.verdicts.push(verdict.clone());
            }
        }
        for post in &change.posts {
            if post.is_open() {
                self.closed.remove(&post.id);
            } else {
                self.closed.insert(post.id, post.clone());
            }
        }
        let mut group = Group::clone(&before);
        group.fold(change, guard.fence);
        self.history.push_back(Arc::new(group));
        if self.history.len() > REMEMBERED {
            self.history.pop_front();
        }
    }
}
