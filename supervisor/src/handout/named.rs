//! Offers name the tenants whose token their worker has: whom they can serve, and what becomes of one that names fewer than its worker could by now.

use std::collections::BTreeMap;

use domain::ids::{GroupKey, Incarnation, TenantId};

use super::{Inner, Poll};

/// Whether an open offer has a create for the tenant.
fn is_served(polls: &BTreeMap<u64, Poll>, tenant: &TenantId) -> bool {
    let serves = |poll: &Poll| !poll.closing && poll.creates > 0;
    polls
        .values()
        .any(|poll| serves(poll) && poll.offer.tokens.contains_key(tenant))
}

impl Inner {
    /// The groups to wake for so many permits. A tenant whom nobody can sign in (its account is refused, or not configured) takes no turn from the others.
    pub(super) fn wake(&mut self, permits: u32) -> Vec<GroupKey> {
        let Self { polls, waiting, .. } = self;
        waiting.wake(permits, |tenant| is_served(polls, tenant))
    }

    /// How many of `offered` permits a tenant may take at once.
    pub(super) fn share(&self, tenant: &TenantId, offered: u32) -> u32 {
        let is_served = |other: &TenantId| is_served(&self.polls, other);
        self.waiting.share(tenant, offered, is_served)
    }

    /// Ends the offers of creates that do not name the tenant although a later one of their worker does: that worker offers anew at once, and names it.
    ///
    /// A guard that starts slowly allows a few creates, and one poll holds them all; where another poll had the tenant signed in, the group would wait
    /// until the first one's time is over (5 s). False: no offer names the tenant.
    pub(super) fn reoffer(&mut self, tenant: &TenantId) -> bool {
        let mut named = BTreeMap::<Incarnation, u64>::new();
        for (id, poll) in &self.polls {
            if poll.offer.tokens.contains_key(tenant) {
                named.insert(poll.offer.incarnation, *id);
            }
        }
        let is_outdated = |(id, poll): &(&u64, &Poll)| {
            let later = named.get(&poll.offer.incarnation);
            let holds = !poll.closing && poll.creates > 0;
            holds && !poll.offer.tokens.contains_key(tenant) && later.is_some_and(|n| n > id)
        };
        let outdated: Vec<u64> = self
            .polls
            .iter()
            .filter(is_outdated)
            .map(|(id, _)| *id)
            .collect();
        outdated.into_iter().for_each(|poll| self.close(poll));
        !named.is_empty()
    }

    /// The same for every tenant that waits and that this offer names.
    pub(super) fn reoffer_for(&mut self, id: u64) {
        let Some(poll) = self.polls.get(&id) else {
            return;
        };
        let named = &poll.offer.tokens;
        let waiting: Vec<TenantId> = self
            .waiting
            .tenants()
            .filter(|tenant| named.contains_key(*tenant))
            .cloned()
            .collect();
        for tenant in &waiting {
            self.reoffer(tenant);
        }
    }
}
