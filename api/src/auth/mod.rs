//! Who is asking, and what they may do (design 9).
//!
//! [`keys`] says who may sign tokens, [`token`] turns one into a [`Caller`], [`revoked`] says which ones an operator has ended, `keystone` asks a Keystone about those that it made, and [`right`] makes a handler's signature say which
//! right it needs.

pub(crate) mod jwks;
pub mod keys;
pub(crate) mod keystone;
pub mod revoked;
pub mod right;
pub mod token;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::access::Rights;
use domain::ids::{GroupId, TenantId};

/// Whoever a verified token speaks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Caller {
    /// The subject of the token, for the audit trail.
    pub subject: Arc<str>,
    /// The tenants that it may act for.
    pub tenants: BTreeSet<TenantId>,
    /// What it may do there.
    pub rights: Rights,
    /// The only groups that it may see, if it is limited to some.
    pub groups: Option<BTreeSet<GroupId>>,
}

impl Caller {
    /// Whether it may know that this group exists.
    #[must_use]
    pub fn sees(&self, group: GroupId) -> bool {
        self.groups
            .as_ref()
            .is_none_or(|only| only.contains(&group))
    }
}
