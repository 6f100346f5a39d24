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
    tenants: BTreeMap<TenantId, Waits>,
}

/// Until when one tenant's account was told to wait.
#[derive(Debug, Default)]
struct Waits {
    /// By the answer to any call.
    any: Mono,
    /// By the answer to a call for everybody: it heeds what was said to itself, or a limiter that counts refused tries never lets it in again.
    everybody: Mono,
}

impl Pauses {
    /// Lengthens a pause; a shorter one changes nothing.
    pub(super) fn extend(&mut self, scope: Scope, whose: Whose<'_>, now: Mono, until: Mono) {
        if off(Rule::RetryAfter) {
            return;
        }
        self.tenants.retain(|_, waits| waits.any > now);
        if scope == Scope::Colo {
            self.colo = until.max(self.colo);
            return;
        }
        let waits = self.tenants.entry(whose.tenant.clone()).or_default();
        waits.any = until.max(waits.any);
        if whose.heeds == Scope::Colo {
            waits.everybody = until.max(waits.everybody);
        }
    }

    /// When such a call may be made; in the past if it may now.
    pub(super) fn end(&self, whose: Whose<'_>) -> Mono {
        let waits = self.tenants.get(whose.tenant);
        let own = waits.map(|waits| match whose.heeds {
            Scope::Tenant => waits.any,
            Scope::Colo => waits.everybody,
        });
        own.unwrap_or_default().max(self.colo)
    }

    /// When anybody may call again; in the past if somebody may now.
    pub(super) const fn colo_end(&self) -> Mono {
        self.colo
    }
}
