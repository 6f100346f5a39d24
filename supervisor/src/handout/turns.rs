//! Tenants in turns: whoever waits for a permit is woken one group a tenant, round and round, so that a tenant with a thousand groups holds
//! nobody up (design 7). Every group counts the same, so round robin is the whole of deficit round robin.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::ids::{GroupKey, TenantId};
use wire::ports::ops::Priority;

/// While others wait, one tenant gets at most one in so many of the permits at hand.
const PART: u32 = 4;

/// Groups that wait, by tenant.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Each tenant that has groups waiting, the next one first.
    order: VecDeque<TenantId>,
    groups: BTreeMap<TenantId, VecDeque<GroupKey>>,
    known: BTreeSet<GroupKey>,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The tenants of groups that wait.
    pub(super) fn tenants(&self) -> impl Iterator<Item = &TenantId> {
        self.groups.keys()
    }

    /// A group waits; once is enough.
    pub(super) fn wait(&mut self, key: &GroupKey) {
        if !self.known.insert(key.clone()) {
            return;
        }
        let groups = self.groups.entry(key.tenant.clone()).or_default();
        if groups.is_empty() {
            self.order.push_back(key.tenant.clone());
        }
        groups.push_back(key.clone());
    }

    /// The next `count` groups of tenants that can be served, in turns; and one of those that cannot, so that it asks for its sign-in again.
    pub(super) fn wake(
        &mut self,
        count: u32,
        is_served: impl Fn(&TenantId) -> bool,
    ) -> Vec<GroupKey> {
        let (mut served, mut others) = (count, count.min(1));
        let (mut woken, mut at) = (Vec::new(), 0);
        // Whoever gets nothing this time keeps his place; whoever got something goes to the end, and may be met again there.
        while served + others > 0
            && let Some(tenant) = self.order.get(at)
        {
            let left = if is_served(tenant) {
                &mut served
            } else {
                &mut others
            };
            if *left == 0 {
                at += 1;
                continue;
            }
            *left -= 1;
            woken.extend(self.next(at));
        }
        woken
    }

    /// Takes out the next group of the tenant at that place; the tenant goes to the end, if it has more.
    fn next(&mut self, at: usize) -> Option<GroupKey> {
        let tenant = self.order.remove(at)?;
        let groups = self.groups.get_mut(&tenant)?;
        let key = groups.pop_front();
        if groups.is_empty() {
            self.groups.remove(&tenant);
        } else {
            self.order.push_back(tenant);
        }
        self.known.remove(key.as_ref()?);
        key
    }

    /// How many of `offered` permits a tenant may take at once: a quarter while another one waits that can be served, and never none.
    pub(super) fn share(
        &self,
        tenant: &TenantId,
        offered: u32,
        is_served: impl Fn(&TenantId) -> bool,
    ) -> u32 {
        let others = self
            .groups
            .keys()
            .any(|other| other != tenant && is_served(other));
        if others {
            offered.div_ceil(PART)
        } else {
            offered
        }
    }
}

/// Operations of one tenant that may be queued: a quarter of all, so that one that floods fills nobody else's queue.
const QUEUED_MAX: usize = 1024;

/// A place in the queue of operations: by priority, then tenants in turns, then in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    priority: Priority,
    turn: u64,
    arrived: u64,
}

/// The turns of queued operations: each tenant's next one gets the turn after its last, but never one that is over.
#[derive(Debug, Default)]
pub(super) struct Lines {
    now: BTreeMap<Priority, u64>,
    next: BTreeMap<(Priority, TenantId), u64>,
    queued: BTreeMap<TenantId, usize>,
}

impl Lines {
    /// A place for one more operation of a tenant; none if too many of its own wait already.
    pub(super) fn enter(
        &mut self,
        priority: Priority,
        tenant: &TenantId,
        arrived: u64,
    ) -> Option<Line> {
        let queued = self.queued.entry(tenant.clone()).or_default();
        if *queued >= QUEUED_MAX {
            return None;
        }
        *queued += 1;
        let now = self.now.get(&priority).copied().unwrap_or_default();
        let next = self.next.entry((priority, tenant.clone())).or_default();
        let turn = now.max(*next);
        *next = turn + 1;
        Some(Line {
            priority,
            turn,
            arrived,
        })
    }

    /// An operation left the queue for a worker: its turn is on.
    pub(super) fn leave(&mut self, line: Line, tenant: &TenantId) {
        let now = self.now.entry(line.priority).or_default();
        *now = line.turn.max(*now);
        self.drop_out(tenant);
    }

    /// An operation left the queue for nobody: the turn that is on stays, so that no other tenant has to wait for turns that were not taken.
    pub(super) fn drop_out(&mut self, tenant: &TenantId) {
        if let Some(queued) = self.queued.get_mut(tenant) {
            *queued -= 1;
            if *queued == 0 {
                self.queued.remove(tenant);
                // Nothing of it waits: its next operation begins with the turn that is on.
                self.next.retain(|(_, of), _| of != tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests;
