//! What an owner knows of a tenant's project beyond one group.

use std::collections::BTreeMap;

use crate::group::Group;
use crate::ids::{GroupId, ServerId};
use crate::time::Mono;

use super::{Extent, Listing};

/// What an owner knows of a tenant's project beyond one group: one per tenant, shared by all its groups.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Which group each server has a role in, ended slots included.
    roles: BTreeMap<ServerId, GroupId>,
    /// When each server of the project was first known here.
    met: BTreeMap<ServerId, Mono>,
}

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
        }
        for row in &listing.rows {
            self.met.entry(row.server).or_insert(now);
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
