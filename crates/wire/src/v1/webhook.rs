//! Webhooks: a name, metadata, and a capability URL that nobody writes (contract 2.6).

use std::collections::BTreeMap;

use super::json::Json;
use super::{Invalid, Members, metadata, name};

/// Webhooks of one request, at most.
pub const AT_ONCE_MAX: usize = 100;

/// What a customer says of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSpec {
    /// For people; not unique.
    pub name: String,
    /// The customer's own key-value pairs.
    pub metadata: BTreeMap<String, String>,
}

/// Reads what POST takes: a list of them, metadata optional.
///
/// # Errors
/// [`Invalid`]: rows B130 to B132.
pub fn list(body: &Json) -> Result<Vec<WebhookSpec>, Invalid> {
    super::policy::each(body, "webhooks", AT_ONCE_MAX, |item| one(item, &["name"]))
}

/// Reads what PUT takes: one, whole (row B135).
///
/// # Errors
/// [`Invalid`].
pub fn whole(body: &Json) -> Result<WebhookSpec, Invalid> {
    one(body, &["name", "metadata"])
}

fn one(value: &Json, required: &[&str]) -> Result<WebhookSpec, Invalid> {
    let members = Members::of(value, "webhook", required, &["metadata"])?;
    let metadata = members.get("metadata").map(metadata).transpose()?;
    Ok(WebhookSpec {
        name: name(members.need("name"))?,
        metadata: metadata.unwrap_or_default(),
    })
}
