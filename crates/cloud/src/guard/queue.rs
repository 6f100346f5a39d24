//! Whose turn it is: by priority, then in turns by tenant, then first come (design 7). Every call costs the same, so round robin is the
//! whole of deficit round robin.

use std::collections::BTreeMap;

use domain::ids::TenantId;

/// What a call is for. The order is the order inside the budget (design 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Settles a slot in doubt.
    Doubt,
    /// A delete that a person asked for.
    Delete,
    /// Brings a group up to its min.
    BelowMin,
    /// Scales up.
    ScaleUp,
    /// Replaces servers one after the other.
    Rolling,
    /// Everything that can wait.
    Housekeeping,
}

/// A place in the queue; they are served in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    priority: Priority,
    turn: u64,
    arrived: u64,
}

/// What waits, in the order in which it is served.
#[derive(Debug)]
pub(super) struct Queue<W> {
    waiting: BTreeMap<Ticket, W>,
    turns: BTreeMap<Priority, Turns>,
    arrivals: u64,
}

/// The round robin of one priority: each tenant's next call gets the turn after its last one, but never one that is over.
#[derive(Debug, Default)]
struct Turns {
    now: u64,
    next: BTreeMap<TenantId, u64>,
}

impl<W> Queue<W> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            turns: BTreeMap::new(),
            arrivals: 0,
        }
    }

    pub(super) fn enter(&mut self, priority: Priority, tenant: &TenantId, waiter: W) -> Ticket {
        let turns = self.turns.entry(priority).or_default();
        let turn = turns
            .next
            .get(tenant)
            .map_or(turns.now, |next| turns.now.max(*next));
        turns.next.insert(tenant.clone(), turn + 1);
        let ticket = Ticket {
            priority,
            turn,
            arrived: self.arrivals,
        };
        self.arrivals += 1;
        self.waiting.insert(ticket, waiter);
        ticket
    }

    /// Takes a place out, served or not.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<W> {
        self.waiting.remove(&ticket)
    }

    /// Serves a place, which stays until it is left: later arrivals get no earlier turn.
    pub(super) fn serve(&mut self, ticket: Ticket) -> Option<&mut W> {
        if let Some(turns) = self.turns.get_mut(&ticket.priority) {
            turns.now = turns.now.max(ticket.turn);
            let now = turns.now;
            turns.next.retain(|_, next| *next > now);
        }
        self.waiting.get_mut(&ticket)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&W> {
        self.waiting.get(&ticket)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Ticket, &W)> {
        self.waiting
            .iter()
            .map(|(ticket, waiter)| (*ticket, waiter))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Ticket, &mut W)> {
        self.waiting
            .iter_mut()
            .map(|(ticket, waiter)| (*ticket, waiter))
    }
}

#[cfg(test)]
mod tests;
