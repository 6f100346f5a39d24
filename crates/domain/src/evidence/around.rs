//! What an owner knows of a tenant's project beyond one group.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::group::Group;
use crate::ids::{GroupId, ServerId, SlotId};
use crate::time::Mono;

use super::{Extent, Listing, Proof};

/// What an owner knows of a tenant's project beyond one group: one per tenant, shared by all its groups.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Which group each server has a role in, ended slots included.
    roles: BTreeMap<ServerId, GroupId>,
    /// When each server of the project was first known here.
    met: BTreeMap<ServerId, Mono>,
    /// Which slot's proof each server shows, and since when it was seen to.
    shown: BTreeMap<ServerId, (SlotId, Mono)>,
    /// When the roles of all groups were last read from the store; none: never.
    read: Option<Mono>,
}

/// What another owner bound in the store is known here for this long after all groups were read.
const ROLES_AGE_MAX: Duration = Duration::from_secs(60);

impl Around {
    /// Notes the roles that servers have in a group, after it was loaded and after each commit.
    pub fn bind(&mut self, group: &Group) {
        let id = group.key.id;
        for slot in group.slots.open().chain(group.slots.ended()) {
            if let Some(server) = slot.state.server() {
                self.roles.insert(server, id);
            }
        }
    }

    /// All groups of the tenant were read from the store, beginning then, and each was [bound](Self::bind).
    pub fn read_all(&mut self, began: Mono) {
        self.read = Some(began);
    }

    /// Whether a server without a role here can be taken to have none, for a list begun then: two owners may be at work, and what the other
    /// one bound is in the store only (rule H5 of safety 6.1).
    #[must_use]
    pub fn knows_roles(&self, began: Mono) -> bool {
        self.read
            .is_some_and(|read| began.since(read) <= ROLES_AGE_MAX)
    }

    /// The same of a server that shows up late or twice by the proof of this slot: besides, its role must have been read since it was first seen
    /// with that very proof. The other owner may have bound it a moment ago by the proof that it was made with, and its tenant copied
    /// another one onto it since (simulator, schedules 500129 and 701174).
    #[must_use]
    pub fn knows_role_of(&self, server: ServerId, slot: SlotId, began: Mono) -> bool {
        let shown = self.shown.get(&server).filter(|(of, _)| *of == slot);
        self.knows_roles(began) && shown.is_some_and(|(_, since)| self.read >= Some(*since))
    }

    /// Forgets a group that is no longer owned here.
    pub fn forget(&mut self, group: GroupId) {
        self.roles.retain(|_, id| *id != group);
    }

    /// Notes which servers a listing shows; `now` is when its answer was read. To be called once per listing, before or after it is
    /// weighed.
    pub fn note(&mut self, listing: &Listing, now: Mono) {
        if listing.extent == Extent::Complete {
            let shown: std::collections::BTreeSet<ServerId> =
                listing.rows.iter().map(|row| row.server).collect();
            self.met.retain(|server, _| shown.contains(server));
            self.shown.retain(|server, _| shown.contains(server));
        }
        for row in &listing.rows {
            self.met.entry(row.server).or_insert(now);
            self.note_proof(row.server, row.proof, now);
        }
    }

    fn note_proof(&mut self, server: ServerId, proof: Proof, now: Mono) {
        match proof {
            Proof::Valid { slot, .. } => {
                let shown = self.shown.entry(server).or_insert((slot, now));
                if shown.0 != slot {
                    *shown = (slot, now);
                }
            }
            Proof::None => {
                self.shown.remove(&server);
            }
            Proof::Unreadable => {}
        }
    }

    /// The group that a server has a role in.
    #[must_use]
    pub fn role(&self, server: ServerId) -> Option<GroupId> {
        self.roles.get(&server).copied()
    }

    /// Whether a server was known before that moment.
    #[must_use]
    pub fn met_before(&self, server: ServerId, moment: Mono) -> bool {
        self.met.get(&server).is_some_and(|met| *met < moment)
    }
}
