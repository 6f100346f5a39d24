//! Times during which the cloud asked to be left alone: 429 and 413 stop one tenant, 503 stops the colo (safety 2.2).

use std::collections::BTreeMap;

use chassis::Mono;
use domain::ids::TenantId;
use domain::mutant::{Rule, off};

use super::standing::Whose;

/// Whom a request to wait concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The tenant whose call was answered so (413, 429).
    Tenant,
    /// Everybody in the colo (503 with Retry-After).
    Colo,
}

/// The pauses that are on.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    colo: Mono,
    tenants: BTreeMap<TenantId, Mono>,
}

impl Pauses {
    /// Lengthens a pause; a shorter one changes nothing.
    pub(super) fn extend(&mut self, scope: Scope, tenant: &TenantId, now: Mono, until: Mono) {
        if off(Rule::RetryAfter) {
            return;
        }
        self.tenants.retain(|_, end| *end > now);
        let end = match scope {
            Scope::Tenant => self.tenants.entry(tenant.clone()).or_default(),
            Scope::Colo => &mut self.colo,
        };
        *end = until.max(*end);
    }

    /// When such a call may be made; in the past if it may now.
    pub(super) fn end(&self, whose: Whose<'_>) -> Mono {
        let own = match whose.heeds {
            Scope::Tenant => self.tenants.get(whose.tenant).copied(),
            Scope::Colo => None,
        };
        own.unwrap_or_default().max(self.colo)
    }

    /// When anybody may call again; in the past if somebody may now.
    pub(super) const fn colo_end(&self) -> Mono {
        self.colo
    }
}
