//! Microversions of the compute API: which one a call asks for (design 11).

use std::fmt;
use std::str::FromStr;

use domain::mutant::{Rule, off};

/// A microversion `2.n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Microversion(u16);

impl Microversion {
    /// Tags in the body of a create.
    pub(crate) const TAGS: Self = Self(52);
    /// The last one that takes `personality`.
    pub(crate) const PERSONALITY: Self = Self(56);
    /// From here on an unfiltered list shows servers of dead cells as UNKNOWN, so that absence can prove something.
    pub(crate) const COMPLETE: Self = Self(69);
    /// The highest that this client was written for.
    pub(crate) const KNOWN: Self = Self(96);

    /// The best for reads, of a server that goes up to `self`.
    pub(crate) fn for_reads(self) -> Self {
        if off(Rule::CompleteLists) {
            return self.min(Self::PERSONALITY);
        }
        self.min(Self::KNOWN)
    }

    /// The best for a create: none if the server cannot take our tag.
    pub(crate) fn for_create(self, personality: bool) -> Option<Self> {
        let best = if personality {
            Self::PERSONALITY
        } else {
            Self::KNOWN
        };
        let chosen = self.min(best);
        (chosen >= Self::TAGS).then_some(chosen)
    }
}

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2.{}", self.0)
    }
}

/// Not a microversion of the form `2.n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAMicroversion;

impl FromStr for Microversion {
    type Err = NotAMicroversion;

    fn from_str(text: &str) -> Result<Self, NotAMicroversion> {
        text.strip_prefix("2.")
            .and_then(|minor| minor.parse().ok())
            .map(Self)
            .ok_or(NotAMicroversion)
    }
}

#[cfg(test)]
mod tests;
