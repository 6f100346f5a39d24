//! Who judges every commit: what a commit came from, and notes of its own, so that no judgement rests on the owner's memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::evidence::{Extent, Listing, Row, Status, Wake};
use domain::group::Group;
use domain::ids::{ServerId, SlotId};
use domain::settle::Outcome;
use domain::slot::{DeleteWhy, Slot, State};
use domain::time::Now;

pub(crate) const TOKEN_LEFT: Duration = Duration::from_secs(600);

/// What a commit came from.
#[derive(Debug)]
pub(crate) enum What {
    Events,
    Plan { permits: usize, again: bool },
    Settle { outcome: Outcome, again: bool },
    Weigh { listing: Listing, again: bool },
    Configure,
    Wake { wake: Wake, idle: bool },
}

/// One commit, or one look at what is due.
pub(crate) struct Turn<'a> {
    pub(crate) before: &'a Group,
    pub(crate) after: &'a Group,
    pub(crate) what: &'a What,
    pub(crate) facts: &'a Facts,
    pub(crate) now: Now,
}

impl Turn<'_> {
    /// Slots that changed, as they were and as they are.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (Option<&Slot>, &Slot)> {
        let slots = self.after.slots.open().chain(self.after.slots.ended());
        slots
            .map(|slot| (self.before.slots.get(slot.id), slot))
            .filter(|(before, slot)| before.is_none_or(|before| before != *slot))
    }
}

pub(crate) type Check = fn(&Turn<'_>) -> Result<(), String>;

/// What the auditor noted by itself, to judge commits without the owner's memory.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// When the present owner began.
    pub(crate) began: u64,
    /// When slots were issued, came into doubt, were bound: under any owner.
    pub(crate) issued: BTreeMap<SlotId, u64>,
    /// When somebody first said that the tokens of their calls are revoked.
    pub(crate) revoked: BTreeMap<SlotId, u64>,
    pub(crate) doubt: BTreeMap<SlotId, u64>,
    pub(crate) bound: BTreeMap<SlotId, u64>,
    /// The newest list that the present owner weighed which shows a server, and whether in full.
    pub(crate) shown: BTreeMap<ServerId, (u64, bool)>,
    /// The first of an unbroken row of lists that show a server with its cell down.
    pub(crate) dark: BTreeMap<ServerId, u64>,
    /// The newest complete one that shows it in full.
    pub(crate) shown_complete: BTreeMap<ServerId, u64>,
    /// Complete lists that the present owner weighed, begun after the server was last shown, without it.
    pub(crate) missing: BTreeMap<ServerId, BTreeSet<u64>>,
    /// Complete lists that the present owner weighed.
    pub(crate) complete: BTreeSet<u64>,
    /// The newest list of the whole project that left something out.
    pub(crate) partial: Option<u64>,
    /// Servers of other tenants' users, and servers that another group holds.
    pub(crate) foreign: BTreeSet<ServerId>,
    pub(crate) elsewhere: BTreeSet<ServerId>,
    /// When a delete of a slot was last handed out.
    pub(crate) deletes: BTreeMap<SlotId, u64>,
    /// When servers in service were given up for a failure.
    pub(crate) failed: Vec<(u64, SlotId)>,
    /// When servers were scaled in without force before this turn, one time for each.
    pub(crate) shrunk: Vec<u64>,
}

/// Whether a server in service was sent away because there were too many.
pub(crate) fn scaled_in(before: Option<&Slot>, slot: &Slot) -> bool {
    matches!(slot.state, State::Deleting(_, DeleteWhy::ScaleIn))
        && before.is_some_and(|before| before.state.is_wanted())
}

impl Facts {
    /// Takes note of what a commit changed.
    pub(crate) fn note(&mut self, changes: &[(Option<Slot>, Slot)], is_forced: bool, now: u64) {
        let facts = self;
        for (before, slot) in changes {
            if scaled_in(before.as_ref(), slot) && !is_forced {
                facts.shrunk.push(now);
            }
            match &slot.state {
                State::Issued(_) => drop(facts.issued.insert(slot.id, now)),
                State::InDoubt(..) => drop(facts.doubt.entry(slot.id).or_insert(now)),
                State::Accepted(_) | State::Active(_) | State::Surplus(_) => {
                    facts.bound.entry(slot.id).or_insert(now);
                }
                State::Deleting(_, DeleteWhy::Failed)
                    if before
                        .as_ref()
                        .is_some_and(|b| matches!(b.state, State::Active(_))) =>
                {
                    facts.failed.push((now, slot.id));
                }
                State::Configuring(_) | State::Draining(_) | State::Deleting(..) => {}
                State::Failed(_) | State::Lapsed(..) | State::Gone(..) => {}
            }
        }
    }

    /// The auditor reads the list too.
    pub(crate) fn audit(&mut self, listing: &Listing, group: &Group) {
        let (facts, began) = (self, listing.began.ms());
        for Row { server, status, .. } in &listing.rows {
            let full = *status != Status::Unknown;
            let newest = facts.shown.entry(*server).or_insert((began, full));
            if newest.0 <= began {
                *newest = (began, full);
                if full {
                    facts.dark.remove(server);
                } else {
                    facts.dark.entry(*server).or_insert(began);
                }
            }
            if full && listing.extent == Extent::Complete {
                let newest = facts.shown_complete.entry(*server).or_insert(began);
                *newest = began.max(*newest);
            }
            if let Some(lists) = facts.missing.get_mut(server) {
                lists.retain(|list| *list > began);
            }
        }
        if listing.extent == Extent::Partial {
            facts.partial = facts.partial.max(Some(began));
        }
        if listing.extent != Extent::Complete {
            return;
        }
        facts.complete.insert(began);
        let shown: BTreeSet<ServerId> = listing.rows.iter().map(|row| row.server).collect();
        for server in group.slots.open().filter_map(|slot| slot.state.server()) {
            let is_newer = facts
                .shown
                .get(&server)
                .is_none_or(|(seen, _)| began > *seen);
            if !shown.contains(&server) && is_newer {
                facts.missing.entry(server).or_default().insert(began);
            }
        }
    }
}
