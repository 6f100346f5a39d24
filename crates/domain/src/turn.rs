//! Whose turn it is to probe a cloud that fails (safety 3.11, ADR 0022).
//!
//! Those that see it fail take turns: each of `of` workers probes once in `of` periods, the first time after as many as its place. So the cloud is
//! probed once a period at most, whoever of them cannot reach it or has nothing to ask of it, and nobody is needed to choose one.

use std::num::NonZeroU32;

/// A worker's turn among those that probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeTurn {
    place: u32,
    of: NonZeroU32,
}

impl ProbeTurn {
    /// Nobody else probes.
    pub const ALONE: Self = Self {
        place: 0,
        of: NonZeroU32::MIN,
    };

    /// The turn of the one that so many others come before, among so many. A place behind the last is the last.
    #[must_use]
    pub const fn new(place: u32, of: NonZeroU32) -> Self {
        let last = of.get() - 1;
        let place = if place < last { place } else { last };
        Self { place, of }
    }

    /// How many come before it: less than [`ProbeTurn::of`].
    #[must_use]
    pub const fn place(self) -> u32 {
        self.place
    }

    /// How many take turns.
    #[must_use]
    pub const fn of(self) -> NonZeroU32 {
        self.of
    }

    /// The turn for one that was told both: it probes no more often than either allows.
    #[must_use]
    pub fn rarer(self, other: Self) -> Self {
        Self::new(self.place.max(other.place), self.of.max(other.of))
    }
}
