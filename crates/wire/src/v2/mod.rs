//! The JSON of `/v2`, both sides: what the api reads and writes is what the client writes and reads.
//!
//! Requests list every field and refuse others (safety S9). Durations are whole numbers with the unit in the name, moments are
//! RFC 3339 in UTC. Converting to domain types is checking: what comes out of `parse` keeps every rule, and a broken rule names
//! its field.

pub mod circle;
pub mod colo;
pub mod delivery;
pub mod event;
pub mod group;
pub mod history;
pub mod hook;
pub mod input;
pub mod ledger;
pub mod limits;
pub mod number;
pub mod object;
pub mod policy;
pub mod revocation;
pub mod switch;
pub mod time;
pub mod verdict;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A field that breaks a rule; answered as 422 with both named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct Invalid {
    /// Where it stands in the body, as in `policies[2].change`.
    pub field: String,
    /// The rule, to be read after the field's name.
    pub rule: String,
}

impl Invalid {
    /// A field and the rule that it breaks.
    pub fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            rule: rule.into(),
        }
    }

    /// The same, found inside `outer`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        Self {
            field: format!("{outer}.{}", self.field),
            rule: self.rule,
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// What the page holds.
    pub items: Vec<T>,
    /// Give it back as the query parameter of the same meaning (`after`, or `before` for verdicts) to get the next page; absent after
    /// the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
