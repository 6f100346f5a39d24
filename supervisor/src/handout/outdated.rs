//! Offers that name fewer tenants than their worker can act for by now.

use std::collections::BTreeMap;

use domain::ids::{Incarnation, TenantId};

use super::{Inner, Poll};

impl Inner {
    /// Ends the offers of creates that do not name the tenant although a later one of their worker does: that worker offers anew at once, and names it.
    ///
    /// A guard that starts slowly allows a few creates, and one poll holds them all; where another poll had the tenant signed in, the group would wait
    /// until the first one's time is over (5 s). False: no offer names the tenant.
    pub(super) fn renew(&mut self, tenant: &TenantId) -> bool {
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
    pub(super) fn renew_for(&mut self, id: u64) {
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
            self.renew(tenant);
        }
    }
}
