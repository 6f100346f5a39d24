//! What can go wrong with a call, named after what the caller does next (safety 2.2).

use std::time::Duration;

use domain::slot::{DoubtWhy, FailWhy};

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The credential is refused, now or within the last 10 min: no call is made for this tenant until the next probe.
    #[error("the identity service refuses the service account: {0}")]
    Refused(String),
    /// No service account is configured for this tenant.
    #[error("no cloud account is configured for this tenant")]
    Unconfigured,
    /// The catalog has no compute endpoint of the wanted region and interface.
    #[error("the catalog has no {0}")]
    NoEndpoint(String),
    /// The identity service gave no usable answer; nothing was done. Try again later.
    #[error("the identity service gave no usable answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Throttled; not before this time.
    #[error("the identity service asks to wait")]
    Throttled(Duration),
}

/// Why a create gave no server id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// Proved not executed.
    #[error("not created")]
    Not(FailWhy),
    /// Proved not executed; the cloud asks to wait this long.
    #[error("the cloud asks to wait")]
    Throttled(Duration),
    /// Nobody knows: the slot comes into doubt, and no second call is made.
    #[error("it is not known whether the server was created")]
    Unknown(DoubtWhy),
}

/// Why a read or a delete gave no answer. Safe to repeat, later, under budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No token.
    #[error("no token: {0}")]
    Token(String),
    /// Credential refused (403, or 401 twice).
    #[error("the cloud refuses the service account")]
    Credential,
    /// The cloud asks to wait. The guard heard it too, and holds calls back.
    #[error("the cloud asks to wait")]
    Throttled(Duration),
    /// No usable answer: time-out, reset, 5xx, unreadable body.
    #[error("no usable answer from the cloud: {0}")]
    Unclear(String),
}
