//! Tokens that offers name. An operation uses the very token that its poll offered, because the ledger counts on when that one expires
//! (design 4, strict rule; interleaving H3 of safety 6.1).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloud::error::TokenError;
use cloud::port::{Cloud, Token};
use domain::ids::TenantId;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Tenants that can be signed in at one time. Beyond it, the token with the least time left makes room: its tenant is signed in again when
/// there is work for it.
const TENANTS_MAX: usize = 4096;

/// The tokens at one moment; never changed, so that a poll and its operations see the same.
pub(crate) type Offered = BTreeMap<TenantId, Token>;

/// The tokens of all tenants that were signed in.
#[derive(Debug)]
pub(crate) struct Tokens {
    cloud: Arc<dyn Cloud>,
    current: Mutex<Arc<Offered>>,
    // Not a `watch` channel: that one wakes its receivers in a random order, and a simulated run would not be repeatable.
    signed_in: Notify,
}

impl Tokens {
    pub(crate) fn new(cloud: Arc<dyn Cloud>) -> Self {
        Self {
            cloud,
            current: Mutex::default(),
            signed_in: Notify::new(),
        }
    }

    /// The tokens, and how long each can still live, without those that have less than `left_min`.
    pub(crate) fn offer(&self, left_min: Duration) -> (Arc<Offered>, BTreeMap<TenantId, Duration>) {
        let current = Arc::clone(&*self.current());
        let left = current
            .iter()
            .map(|(tenant, token)| (tenant.clone(), self.cloud.token_left(token)))
            .filter(|(_, left)| *left >= left_min)
            .collect();
        (current, left)
    }

    /// Has a token for the tenant from now on.
    pub(crate) async fn sign_in(&self, tenant: &TenantId) -> Result<(), TokenError> {
        let token = self.cloud.token(tenant).await?;
        let mut current = self.current();
        let tokens = Arc::make_mut(&mut *current);
        if tokens.len() >= TENANTS_MAX && !tokens.contains_key(tenant) {
            let shortest = tokens
                .values()
                .min_by_key(|token| self.cloud.token_left(token));
            if let Some(tenant) = shortest.map(|token| token.tenant.clone()) {
                tokens.remove(&tenant);
            }
        }
        tokens.insert(tenant.clone(), token);
        drop(current);
        self.signed_in.notify_waiters();
        Ok(())
    }

    /// The cloud refused this token: it is not offered again.
    pub(crate) fn forget(&self, refused: &Token) {
        let mut current = self.current();
        let is_current = current
            .get(&refused.tenant)
            .is_some_and(|token| token.serial == refused.serial);
        if is_current {
            Arc::make_mut(&mut *current).remove(&refused.tenant);
        }
    }

    /// Ends at the first sign-in after this call, also at one before it is awaited.
    pub(crate) fn next_sign_in(&self) -> Notified<'_> {
        self.signed_in.notified()
    }

    fn current(&self) -> MutexGuard<'_, Arc<Offered>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
