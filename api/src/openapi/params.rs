//! Parameters that many routes have: the places of paths, and the key of a write.
#![expect(
    dead_code,
    reason = "the document is made of them; routes read their paths themselves"
)]

use utoipa::IntoParams;

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PathOfTenant {
    /// The tenant
    tenant: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PathOfGroup {
    /// The tenant
    tenant: String,
    /// The group's id
    group: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PathOfPolicy {
    /// The tenant
    tenant: String,
    /// The group's id
    group: String,
    /// The policy's id
    policy: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PathOfWebhook {
    /// The tenant
    tenant: String,
    /// The group's id
    group: String,
    /// The policy's id
    policy: String,
    /// The webhook's id
    webhook: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PathOfHook {
    /// The tenant
    tenant: String,
    /// The group's id
    group: String,
    /// The hook's id
    hook: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PathOfDelivery {
    /// The tenant
    tenant: String,
    /// The group's id
    group: String,
    /// The message's number
    delivery: u64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PathOfEvent {
    /// The tenant
    tenant: String,
    /// The group's id
    group: String,
    /// The event's id
    event: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PathOfInput {
    /// The tenant
    tenant: String,
    /// The input's id
    input: String,
}

/// A write that may be repeated.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Keyed {
    /// 1 to 128 visible ASCII characters
    #[param(rename = "Idempotency-Key")]
    key: Option<String>,
}
