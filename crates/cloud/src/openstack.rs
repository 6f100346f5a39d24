//! OpenStack: Keystone v3 and Nova behind the port. One client per colo and worker incarnation.
//!
//! Every request goes through the [`Guard`]'s ears: it hears each answer, and gives the budget of those requests that belong to no
//! admitted call (sign-ins, the second read after a 401). A call itself is admitted by whoever makes it.
//!
//! Deliberately absent: repeats (but the one read or delete after a fresh token), following of redirects and of `next` links, filters
//! that a cloud may ignore in silence.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chassis::{Mono, Process};
use domain::ids::{Nonce, ServerId, SlotId, TenantId};

mod auth;
mod catalog;
mod classify;
pub mod config;
mod key_pairs;
mod launch;
mod look_up;
mod microversion;
mod model;
mod moment;
mod projects;
mod revoke;
mod seat;
mod servers;
mod tag;
mod text;

pub use auth::TokenInner;
pub use config::{Account, Interface, Project, Settings, Timeouts};
pub use projects::{Noted, Projects};

use microversion::Microversion;
use seat::{Rejected, Seat};

use crate::error::{CallError, CreateError, TokenError};
use crate::guard::{Call, Guard};
use crate::port::{Cloud, Create, Deleted, Found, KeyPair, List, Made, Revoked, Server, Token};
use crate::proof::{Owned, ProofKeys};
use crate::transport::Transport;

/// One colo's OpenStack.
#[derive(Debug)]
pub struct OpenStack {
    process: Process,
    transport: Arc<dyn Transport>,
    settings: Settings,
    keys: Arc<ProofKeys>,
    guard: Guard,
    seats: BTreeMap<TenantId, Seat>,
    /// None: an account may be in any project.
    projects: Option<Arc<dyn Projects>>,
    serials: AtomicU64,
    /// The highest microversion of each compute API that was met.
    versions: Mutex<BTreeMap<String, Microversion>>,
}

impl OpenStack {
    /// A client that has signed in nowhere yet. `guard` is the one that the caller asks before its calls.
    #[must_use]
    pub fn new(
        process: Process,
        transport: Arc<dyn Transport>,
        settings: Settings,
        keys: ProofKeys,
        guard: Guard,
    ) -> Self {
        let seats = settings
            .accounts
            .iter()
            .map(|(tenant, account)| (tenant.clone(), Seat::new(account.clone())))
            .collect();
        Self {
            process,
            transport,
            settings,
            keys: Arc::new(keys),
            guard,
            seats,
            projects: None,
            serials: AtomicU64::new(1),
            versions: Mutex::default(),
        }
    }

    /// Refuses accounts that are in another project than they were last, by what is remembered there.
    #[must_use]
    pub fn remembering(self, projects: Arc<dyn Projects>) -> Self {
        Self {
            projects: Some(projects),
            ..self
        }
    }

    fn seat(&self, tenant: &TenantId) -> Option<&Seat> {
        self.seats.get(tenant)
    }

    fn versions(&self) -> MutexGuard<'_, BTreeMap<String, Microversion>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The service knows another range of microversions than it said (it was changed): asks again before the next call.
    fn forget_versions(&self, token: &Token) {
        self.versions().remove(&token.inner.compute);
        if let Some(seat) = self.seat(&token.tenant) {
            seat.forget();
        }
    }

    fn suspect_until(&self) -> Mono {
        self.process.clock.mono() + self.settings.probe_after
    }

    fn suspect(&self, tenant: &TenantId, words: String) {
        tracing::warn!(%tenant, words, "the cloud refuses the service account");
        if let Some(seat) = self.seat(tenant) {
            seat.suspect(self.suspect_until(), words);
        }
    }

    fn honoured(&self, tenant: &TenantId) {
        if let Some(seat) = self.seat(tenant) {
            seat.honoured();
        }
    }

    fn rejected(&self, token: &Token) -> Rejected {
        self.seat(&token.tenant).map_or(Rejected::Again, |seat| {
            seat.rejected(token, self.suspect_until())
        })
    }

    const fn time_limit(&self, call: Call) -> Duration {
        let limits = &self.settings.timeouts;
        match call {
            Call::Create => limits.create,
            Call::Delete => limits.delete,
            Call::Get => limits.get,
            Call::List => limits.list,
            Call::Auth => limits.auth,
        }
    }

    /// Names a request in Nova's logs. For support only: nothing can be looked up by it (safety 2.1).
    fn request_id(&self) -> String {
        format!("req-{}", Nonce::from_u128(self.process.entropy.u128()))
    }
}

#[async_trait]
impl Cloud for OpenStack {
    async fn token(&self, tenant: &TenantId) -> Result<Token, TokenError> {
        self.current_token(tenant).await
    }

    fn token_left(&self, token: &Token) -> Duration {
        token.inner.left(self.process.clock.mono())
    }

    async fn renew(&self, token: &Token) -> Result<(), TokenError> {
        self.another_token(token).await
    }

    async fn revoke(&self, token: &Token) -> Result<Revoked, CallError> {
        self.revoke_token(token).await
    }

    async fn create(&self, token: &Token, create: &Create) -> Result<ServerId, CreateError> {
        self.create_server(token, create).await
    }

    async fn list(&self, tenant: &TenantId) -> Result<List, CallError> {
        self.list_servers(tenant).await
    }

    async fn list_tagged(&self, tenant: &TenantId, slot: SlotId) -> Result<List, CallError> {
        self.list_of_slot(tenant, slot).await
    }

    async fn get(&self, tenant: &TenantId, server: ServerId) -> Result<Option<Server>, CallError> {
        self.get_server(tenant, server).await
    }

    async fn flavor(&self, tenant: &TenantId, id: &str) -> Result<Found, CallError> {
        self.flavor_found(tenant, id).await
    }

    async fn image(&self, tenant: &TenantId, id: &str) -> Result<Found, CallError> {
        self.image_found(tenant, id).await
    }

    async fn key_pairs(&self, tenant: &TenantId) -> Result<Vec<KeyPair>, CallError> {
        self.list_key_pairs(tenant).await
    }

    async fn make_key_pair(&self, tenant: &TenantId, pair: &KeyPair) -> Result<Made, CallError> {
        self.create_key_pair(tenant, pair).await
    }

    async fn drop_key_pair(&self, tenant: &TenantId, name: &str) -> Result<(), CallError> {
        self.delete_key_pair(tenant, name).await
    }

    async fn delete(&self, tenant: &TenantId, owned: Owned) -> Result<Deleted, CallError> {
        self.delete_server(tenant, owned).await
    }
}

#[cfg(test)]
mod tests;
