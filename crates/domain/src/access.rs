//! Who may do what (design 9). Rights are plain data here; tokens and roles are the edge's business.

use std::collections::BTreeSet;

use crate::ids::TenantId;
use crate::time::Timestamp;

/// Tokens that an operator has ended before their time (safety S5): those that fit all of what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Of this subject; none: of everybody.
    pub subject: Option<String>,
    /// That may act for this tenant, whatever other tenants they name too; none: for any.
    pub tenant: Option<TenantId>,
    /// Issued before this.
    pub before: Timestamp,
}

impl Revocation {
    /// Whether it ends a token. One that does not say when it was issued may be old: it is ended.
    #[must_use]
    pub fn ends(
        &self,
        subject: &str,
        tenants: &BTreeSet<TenantId>,
        issued: Option<Timestamp>,
    ) -> bool {
        self.subject.as_ref().is_none_or(|only| only == subject)
            && (self.tenant.as_ref()).is_none_or(|only| tenants.contains(only))
            && issued.is_none_or(|issued| issued < self.before)
    }
}

/// One right. A caller holds a [`Rights`]; a route names the one it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// See groups, verdicts and the ledger of the tenant.
    Read,
    /// Create, change and delete groups: spend money and boot images as the account.
    Crud,
    /// Send scale events: up, down, rebuild, converge.
    Trigger,
    /// With `Trigger`: pass a group's max or min, up to a stated size and time. Grants nothing alone (safety S7).
    ExceedLimits,
    /// Read the history of who did what.
    Audit,
    /// Staff: read any tenant's ledger; each such read is itself audited.
    Support,
    /// Staff: kill switch and budgets.
    Operate,
}

impl Right {
    /// All rights, in order.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Crud,
        Self::Trigger,
        Self::ExceedLimits,
        Self::Audit,
        Self::Support,
        Self::Operate,
    ];

    /// The word for it in tokens, errors and docs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Crud => "crud",
            Self::Trigger => "trigger",
            Self::ExceedLimits => "exceed-limits",
            Self::Audit => "audit",
            Self::Support => "support",
            Self::Operate => "operate",
        }
    }

    /// The right of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == word)
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights(u8);

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);

    /// This set and one more right.
    #[must_use]
    pub const fn with(self, right: Right) -> Self {
        Self(self.0 | 1 << right as u8)
    }
    /// Whether the right is in the set.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & (1 << right as u8) != 0
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        rights.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_ends_older_tokens_that_fit_all_it_names() {
        let at = Timestamp::from_unix_ms;
        let tenants = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        let both = Revocation {
            subject: Some("ann".to_owned()),
            tenant: Some("acme".parse().unwrap()),
            before: at(5_000),
        };
        let acme = tenants(&["acme", "umbrella"]);
        assert!(both.ends("ann", &acme, Some(at(4_999))));
        assert!(both.ends("ann", &acme, None));
        assert!(!both.ends("ann", &acme, Some(at(5_000))));
        assert!(!both.ends("bob", &acme, Some(at(1))));
        assert!(!both.ends("ann", &tenants(&["umbrella"]), Some(at(1))));
        let all = Revocation {
            subject: None,
            tenant: None,
            ..both
        };
        assert!(all.ends("bob", &tenants(&[]), Some(at(1))));
    }
}
