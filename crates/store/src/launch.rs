//! Launch configurations: large, immutable, stored by content hash before the commit that refers to them (design 4).

use std::fmt::Debug;

use async_trait::async_trait;
use domain::ids::{LaunchHash, TenantId};

use crate::Error;

/// Launch configurations by content hash.
#[async_trait]
pub trait Launches: Debug + Send + Sync {
    /// Stores a body durably and gives its hash (SHA-256 of the bytes). The same body twice is stored once per tenant.
    async fn put(&self, tenant: &TenantId, body: &[u8]) -> Result<LaunchHash, Error>;
    /// The body, if the tenant has it.
    async fn get(&self, tenant: &TenantId, hash: LaunchHash) -> Result<Option<Vec<u8>>, Error>;
}
