//! Who may do what (design 9). Rights are plain data here; tokens and roles are the edge's business.

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
