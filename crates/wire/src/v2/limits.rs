//! Limits of a tenant.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much there may be of what, and how much may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Groups of the tenant.
    pub groups: u32,
    /// Policies of one group.
    pub policies_per_group: u32,
    /// Webhooks of one policy.
    pub webhooks_per_policy: u32,
    /// Servers of one group: the largest `max`.
    pub servers_per_group: u32,
    /// Bytes of one body on `/v2`.
    pub body_bytes: u32,
    /// How deep a body may nest.
    pub body_depth: u32,
    /// Requests of the tenant.
    pub requests: Rate,
    /// Executions of one group by its capability URLs.
    pub webhook_executions_per_group: Rate,
}

/// So many in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub seconds: u32,
}
