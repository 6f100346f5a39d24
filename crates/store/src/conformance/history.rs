//! A concurrent history on few groups, and a check that it is linearizable.
//!
//! The general question, whether some order of overlapping operations explains every answer, is hard because writes of equal
//! standing may be tried in any order (Wing and Gong 1993). Here every answer carries a witness: a read says at which revision it
//! found the group, an applied commit says which revision it made, a refused one says that the group was past its guard. So the
//! order inside one group is forced, up to reads of the same revision, which may stand in any order between two commits, and the
//! check is a sort and one sweep. Groups are independent objects, and a history is linearizable if it is so for each object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chassis::{Entropy, Process};
use domain::group::Group;
use domain::ids::{ColoId, Fence, GroupId, GroupKey, HomeEpoch};

use super::{Failure, sample};
use crate::group::{Committed, Conflict, Groups, Guard, Level};
use crate::{Error, Stores, apply};

/// How large a history is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Operations of all clients together.
    pub operations: u32,
    /// Clients that run at once.
    pub clients: u32,
    /// Groups that they share.
    pub groups: u32,
}

/// The answer of a commit of which the store said that it does not know what became of it: applied at any time after its call, or not at all.
pub const NEVER: u64 = u64::MAX;

/// What one operation saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A serial read: the revision, and the desired size in it.
    Read(u64, u32),
    /// An applied commit: the revision that it made, and the desired size that it wrote. With [`NEVER`] as its answer: what it would have made.
    Wrote(u64, u32),
    /// A refused commit: the revision of its guard, past which the group was.
    Past(u64),
}

/// One operation of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Which group.
    pub group: u32,
    /// Place of its call in the order of all calls and answers.
    pub called: u64,
    /// Place of its answer, or [`NEVER`].
    pub answered: u64,
    /// What it saw.
    pub seen: Seen,
}

/// Why a history is not linearizable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Two commits made one revision.
    #[error("group {group}: two commits made revision {rev}")]
    TwoWrites {
        /// Which group.
        group: u32,
        /// The revision.
        rev: u64,
    },
    /// An operation saw a revision, or a value in it, that no commit made.
    #[error("group {}: {seen:?} was written by nobody", .seen.group)]
    FromNowhere {
        /// The operation.
        seen: Operation,
    },
    /// An operation that had been answered saw more than one that was called after it.
    #[error("group {}: {later:?} was called after {earlier:?} was answered, and saw less", .later.group)]
    WentBack {
        /// What was answered first.
        earlier: Operation,
        /// What was called later.
        later: Operation,
    },
}

/// Runs a history against a store.
///
/// Every client reads, and commits on top of what it saw last; half of the clients are slow to look, so that many guards are old. The clients
/// are dealt over `sessions`: a session may keep its own operations on a group apart. An operation to which the store was not available saw
/// nothing, and is not in the history.
///
/// # Errors
/// The store gave an error, an answer that no healthy store gives, or was not available to one of ten operations of a client.
pub async fn record(
    process: &Process,
    sessions: &[Stores],
    size: Size,
) -> Result<Vec<Operation>, Failure> {
    let first = sessions
        .first()
        .ok_or_else(|| Failure(String::from("no session")))?;
    let tenant = sample::text(&format!("t-{:032x}", process.entropy.u128()));
    let mut keys = Vec::new();
    for _ in 0..size.groups {
        let key = GroupKey {
            tenant: domain::ids::TenantId::clone(&tenant),
            id: GroupId::new(ColoId(7), process.entropy.u128()),
            epoch: HomeEpoch(1),
        };
        let group = Group::new(key.clone(), sample::config());
        let change = sample::first(&group);
        let made = apply::create(process, &*first.groups, group, change).await;
        made.map_err(|e| Failure(format!("create: {e}")))?;
        keys.push(key);
    }
    let keys: Arc<[GroupKey]> = keys.into();
    let order = Arc::new(AtomicU64::new(0));
    let mut running = Vec::new();
    for (number, session) in (0..size.clients).zip(sessions.iter().cycle()) {
        let client = Client {
            number,
            groups: Arc::clone(&session.groups),
            keys: Arc::clone(&keys),
            order: Arc::clone(&order),
            entropy: Entropy::stream(process.entropy.u64(), "client"),
            known: BTreeMap::new(),
            history: Vec::new(),
            may_miss: size.operations / size.clients / 10,
        };
        let operations = size.operations / size.clients;
        running.push(process.tasks.spawn("client", client.run(operations)));
    }
    let mut history = Vec::new();
    for client in running {
        let part = client.join().await.map_err(|e| Failure(e.to_string()))?;
        history.extend(part?);
    }
    Ok(history)
}

struct Client {
    number: u32,
    groups: Arc<dyn Groups>,
    keys: Arc<[GroupKey]>,
    order: Arc<AtomicU64>,
    entropy: Entropy,
    known: BTreeMap<u32, Group>,
    history: Vec<Operation>,
    may_miss: u32,
}

impl Client {
    async fn run(mut self, operations: u32) -> Result<Vec<Operation>, Failure> {
        for turn in 0..operations {
            let count = u64::try_from(self.keys.len()).unwrap_or(1);
            let group = u32::try_from(self.entropy.below(count)).unwrap_or(0);
            let slow = self.number.is_multiple_of(2);
            let read = self.entropy.below(if slow { 6 } else { 2 }) == 0;
            match self.known.remove(&group) {
                Some(known) if !read => self.commit(group, known, turn).await?,
                _ => self.read(group).await?,
            }
        }
        Ok(self.history)
    }

    fn tick(&self) -> u64 {
        self.order.fetch_add(1, Ordering::SeqCst)
    }

    fn note(&mut self, group: u32, called: u64, seen: Seen) {
        let answered = self.tick();
        self.history.push(Operation {
            group,
            called,
            answered,
            seen,
        });
    }

    fn key(&self, group: u32) -> GroupKey {
        self.keys[usize::try_from(group).unwrap_or(0)].clone()
    }

    /// Nothing was seen and nothing written, which may happen now and then where many meet.
    fn miss(&mut self, error: Error) -> Result<(), Failure> {
        match (error, self.may_miss.checked_sub(1)) {
            (Error::Unavailable(_), Some(left)) => {
                self.may_miss = left;
                Ok(())
            }
            (error, _) => Err(error.into()),
        }
    }

    async fn read(&mut self, group: u32) -> Result<(), Failure> {
        let key = self.key(group);
        let called = self.tick();
        let found = match self.groups.read(&key, Level::Serial).await {
            Ok(found) => found,
            Err(error) => return self.miss(error),
        };
        let found = found.ok_or_else(|| Failure(String::from("a group has vanished")))?;
        let seen = Seen::Read(found.rev.0, found.state.desired.0);
        self.note(group, called, seen);
        self.known.insert(group, found);
        Ok(())
    }

    async fn commit(&mut self, group: u32, mut known: Group, turn: u32) -> Result<(), Failure> {
        // A value that nobody else writes: the client in the upper bits, its turn below.
        let value = (self.number << 24) | turn;
        let change = sample::desired(&known, value);
        let guard = Guard {
            rev: known.rev,
            fence: Fence(0),
        };
        let nonce = domain::ids::Nonce::from_u128(self.entropy.u128());
        let called = self.tick();
        let committed = self.groups.commit(&known.key, guard, &change, nonce).await;
        let committed = match committed {
            Ok(committed) => committed,
            Err(error) => return self.miss(error),
        };
        match committed {
            Committed::Applied => {
                self.note(group, called, Seen::Wrote(guard.rev.0 + 1, value));
                known.fold(change, Fence(0));
                self.known.insert(group, known);
                Ok(())
            }
            Committed::Conflict(Conflict::Moved) => {
                self.note(group, called, Seen::Past(guard.rev.0));
                Ok(())
            }
            Committed::Unknown => {
                self.history.push(Operation {
                    group,
                    called,
                    answered: NEVER,
                    seen: Seen::Wrote(guard.rev.0 + 1, value),
                });
                Ok(())
            }
            other @ Committed::Conflict(_) => {
                Err(Failure(format!("a commit was answered {other:?}")))
            }
        }
    }
}

/// Checks a history; `None` says that it is linearizable. Every commit of the groups must be in it, but the first.
#[must_use]
pub fn check(history: &[Operation]) -> Option<Violation> {
    let mut by_group: BTreeMap<u32, Vec<Operation>> = BTreeMap::new();
    for operation in history {
        by_group
            .entry(operation.group)
            .or_default()
            .push(*operation);
    }
    by_group.into_values().find_map(check_one)
}

/// Where an operation stands in the forced order: commits before what was seen of them.
fn place(operation: &Operation) -> (u64, u8) {
    match operation.seen {
        Seen::Wrote(rev, _) => (rev, 0),
        Seen::Read(rev, _) => (rev, 1),
        // It may stand anywhere after the next commit; the earliest place asks the least of the others.
        Seen::Past(rev) => (rev + 1, 1),
    }
}

/// Takes out the commits without an answer that had no effect.
///
/// One had an effect if a read shows its value, or if others stand on its revision and nobody else made it; of several the one that was called
/// first, which asks the least of the others.
fn without_lost(operations: Vec<Operation>) -> Vec<Operation> {
    let (mut lost, mut operations): (Vec<_>, Vec<_>) =
        operations.into_iter().partition(|o| o.answered == NEVER);
    let (mut made, mut read, mut needed) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
    for operation in &operations {
        match operation.seen {
            Seen::Wrote(rev, _) => {
                made.insert(rev);
                needed.insert(rev - 1);
            }
            Seen::Read(rev, value) => {
                read.insert(rev, value);
            }
            Seen::Past(rev) => {
                needed.insert(rev + 1);
            }
        }
    }
    // From the highest revision: one that had an effect stands on the one before it.
    lost.sort_by_key(|o| (std::cmp::Reverse(place(o)), o.called));
    for operation in lost {
        let Seen::Wrote(rev, value) = operation.seen else {
            continue;
        };
        let shown = read.get(&rev).is_none_or(|read| *read == value);
        let had_effect = shown && (read.contains_key(&rev) || needed.contains(&rev));
        if had_effect && made.insert(rev) {
            needed.insert(rev - 1);
            operations.push(operation);
        }
    }
    operations
}

fn check_one(operations: Vec<Operation>) -> Option<Violation> {
    let mut operations = without_lost(operations);
    let mut values = BTreeMap::new();
    for operation in &operations {
        if let Seen::Wrote(rev, value) = operation.seen
            && values.insert(rev, value).is_some()
        {
            let group = operation.group;
            return Some(Violation::TwoWrites { group, rev });
        }
    }
    // The create made revision 1 with the sample's desired size, before the history began.
    values.insert(1, sample::config().bounds.min().0);
    for operation in &operations {
        let known = match operation.seen {
            Seen::Read(rev, value) => values.get(&rev) == Some(&value),
            Seen::Wrote(rev, _) => values.contains_key(&(rev - 1)),
            Seen::Past(rev) => values.contains_key(&(rev + 1)),
        };
        if !known {
            return Some(Violation::FromNowhere { seen: *operation });
        }
    }
    // From the end: nothing may have been called after something was answered that stands later.
    operations.sort_by_key(place);
    let mut first_answered: Option<Operation> = None;
    let mut rest = operations.as_slice();
    while let Some(last) = rest.last() {
        let same = rest.iter().rev().take_while(|o| place(o) == place(last));
        let (before, level) = rest.split_at(rest.len() - same.count());
        for later in level {
            // A refused commit saw that the group was past its guard, not how far: it may stand as late as it likes.
            let bound = !matches!(later.seen, Seen::Past(_));
            if let Some(earlier) = first_answered
                && bound
                && earlier.answered < later.called
            {
                let later = *later;
                return Some(Violation::WentBack { earlier, later });
            }
        }
        let quickest = level
            .iter()
            .chain(&first_answered)
            .min_by_key(|o| o.answered);
        first_answered = quickest.copied();
        rest = before;
    }
    None
}
