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

/// A key pair of the service user, as an epoch of the fence is one (safety 3.10). Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// Its name, unique for the user: of letters, digits and `-` only, because it is put into a path as it is.
    pub name: String,
    /// The public key, as it was brought.
    pub public_key: String,
}

/// What became of a key pair that was to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// 200 or 201: it did not exist.
    New,
    /// 409: there is one of that name already. Perhaps it is our own, from a call whose answer was lost: a list says so.
    Taken,
}

/// What became of a token that was to be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// 204. The services' caches may take it for a while longer (safety 3.6).
    Now,
    /// 404: Keystone knows no such token that is good. It is, perhaps, from a revocation whose answer was lost.
    NotFound,
}

/// What a cloud says of an image or a flavor that a launch configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Servers can be made with it.
    Usable,
    /// It is there, and no server can be made with it now (an image that is queued, deactivated or being deleted).
    Inactive,
    /// It is not there, or not for this tenant.
    Missing,
}

/// A compute API.
///
/// Every call has a deadline inside, and none is ever repeated inside, except that a read or a delete that is answered with 401 is sent
/// once more with a fresh token. The caller asks the guard before each call; a sign-in takes its own part of the budget.
#[async_trait]
pub trait Cloud: Debug + Send + Sync {
    /// The current token for a tenant, from the cache or by one sign-in (single flight per tenant; all who wait share its outcome). A token
    /// that has less than ten minutes left, or less than a tenth of its life if that is shorter, is replaced first. An account that was
    /// refused is not tried again for 10 min: until then the answer is the same refusal, and no call is made (safety 2.2).
    async fn token(&self, tenant: &TenantId) -> Result<Token, TokenError>;

    /// The longest time for which the token can still live, counted from when it was received on our own monotonic clock (design 4, strict rule).
    fn token_left(&self, token: &Token) -> Duration;

    /// Has another token than this one for its tenant from now on. If that cannot be had, this one stays.
    async fn renew(&self, token: &Token) -> Result<(), TokenError>;

    /// Revokes a token, by the authority of its successor: no call that was made with it is begun any more once caches have forgotten it.
    async fn revoke(&self, token: &Token) -> Result<Revoked, CallError>;

    /// Creates one server by exactly one POST on a fresh connection, with exactly this token. 401 is not repeated: the next token is
    /// another one. A launch configuration that asks for several servers, or for no id, is refused without a call.
    async fn create(&self, token: &Token, create: &Create) -> Result<ServerId, CreateError>;

    /// All servers of the tenant by one unfiltered, unpaged request; the extent says whether it is complete.
    async fn list(&self, tenant: &TenantId) -> Result<List, CallError>;

    /// Servers of the tenant with one slot's tag, for projects that are too large for a complete list.
    async fn list_tagged(&self, tenant: &TenantId, slot: SlotId) -> Result<List, CallError>;

    /// One server, fresh. None: 404 (which is no proof that it is gone: safety 2.1).
    async fn get(&self, tenant: &TenantId, server: ServerId) -> Result<Option<Server>, CallError>;

    /// Whether the tenant can use a flavor. The id is put into a path as it is: of letters, digits, `-`, `_` and `.` only.
    async fn flavor(&self, tenant: &TenantId, id: &str) -> Result<Found, CallError>;

    /// Whether the tenant can use an image, by the image service; its trouble is none of the compute API's. The id as for a flavor.
    async fn image(&self, tenant: &TenantId, id: &str) -> Result<Found, CallError>;

    /// All key pairs of the user behind the tenant's account. A list that may not be whole is [`CallError::Unclear`]: it says nothing.
    ///
    /// As with the two calls below, everybody in the colo waits for it: it is made although that tenant's own calls were told to wait, and although
    /// something else was refused to its account, unless that was a sign-in and there is no token.
    async fn key_pairs(&self, tenant: &TenantId) -> Result<Vec<KeyPair>, CallError>;

    /// Makes a key pair out of a public key. Names are unique for a user (safety 2.1), which is what makes one of them a fence. A quota that is
    /// used up is [`CallError::Unclear`], in the cloud's words.
    async fn make_key_pair(&self, tenant: &TenantId, pair: &KeyPair) -> Result<Made, CallError>;

    /// Deletes a key pair; one that is not there is deleted.
    async fn drop_key_pair(&self, tenant: &TenantId, name: &str) -> Result<(), CallError>;

    /// Deletes one server that was just verified as ours. There is no other delete.
    async fn delete(&self, tenant: &TenantId, owned: Owned) -> Result<Deleted, CallError>;
}
