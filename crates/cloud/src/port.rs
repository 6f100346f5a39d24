//! What Holt needs of a cloud, one call each. The comments are the contract: every implementation keeps them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use domain::evidence::{Extent, Status};
use domain::ids::{GroupId, Nonce, ServerId, SlotId, TenantId};

use crate::error::{CallError, CreateError, TokenError};
use crate::proof::{Owned, Proven};

/// A token for one tenant's project in this colo, fixed before the last check of a call and used for that call only as it is (rule H3 of
/// safety 6.1). The secret is inside and never shown.
#[derive(Debug, Clone)]
pub struct Token {
    /// The tenant whose project it is scoped to.
    pub tenant: TenantId,
    /// The project, part of every proof.
    pub project: String,
    /// Our service user, as Keystone names it; a server of ours shows it as `user_id`.
    pub user: String,
    /// Names this token, to tell it from its successor; not secret.
    pub serial: u64,
    /// The secret and where to send it; private to the implementation.
    pub(crate) inner: std::sync::Arc<crate::openstack::TokenInner>,
}

/// One server to create.
#[derive(Debug, Clone)]
pub struct Create {
    /// The group.
    pub group: GroupId,
    /// The slot that was committed for it.
    pub slot: SlotId,
    /// The nonce of the slot.
    pub nonce: Nonce,
    /// The tenant's id, hashed into metadata.
    pub tenant: TenantId,
    /// The launch configuration as the customer stored it (JSON object with a `server` member).
    pub launch: std::sync::Arc<[u8]>,
    /// Metadata that v1.0 clients look for (contract 4.8); trusted for nothing.
    pub labels: BTreeMap<String, String>,
}

/// One server as the cloud shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// What its metadata, project and user prove.
    pub proven: Proven,
    /// Whether its `user_id` is our service user.
    pub ours: bool,
    /// Its status, fault included.
    pub status: Status,
}

/// What a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Whether absence proves anything (safety 3.6).
    pub extent: Extent,
    /// Rows.
    pub servers: Vec<Server>,
}

/// What became of a delete that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// 204. The server may stay visible for a while.
    Accepted,
    /// 404.
    NotFound,
    /// 409: locked.
    Locked,
}

/// A compute API. Every call has a deadline inside; no call is ever repeated inside, except a read after one fresh token.
#[async_trait]
pub trait Cloud: Debug + Send + Sync {
    /// The current token for a tenant, from the cache or by one sign-in (single flight per tenant). A token that has less than ten minutes
    /// (or a tenth of its life) left is replaced first.
    async fn token(&self, tenant: &TenantId) -> Result<Token, TokenError>;

    /// The longest time for which the token can still live, counted from when it was received on our own monotonic clock (design 4, strict rule).
    fn token_left(&self, token: &Token) -> Duration;

    /// Creates one server by exactly one POST on a fresh connection, with exactly this token. 401 is not repeated.
    async fn create(&self, token: &Token, create: &Create) -> Result<ServerId, CreateError>;

    /// All servers of the tenant by one unfiltered, unpaged request; the extent says whether it is complete.
    async fn list(&self, tenant: &TenantId) -> Result<List, CallError>;

    /// Servers of the tenant with one slot's tag, for projects that are too large for a complete list.
    async fn list_tagged(&self, tenant: &TenantId, slot: SlotId) -> Result<List, CallError>;

    /// One server, fresh. None: 404 (which is no proof that it is gone: safety 2.1).
    async fn get(&self, tenant: &TenantId, server: ServerId) -> Result<Option<Server>, CallError>;

    /// Deletes one server that was just verified as ours. There is no other delete.
    async fn delete(&self, tenant: &TenantId, owned: Owned) -> Result<Deleted, CallError>;
}
