//! How many servers: sizes, the limits of a group, and changes of size.

use std::fmt;

/// A number of servers of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(pub u32);

impl Size {
    /// No servers.
    pub const ZERO: Self = Self(0);
    /// The largest size a group can have (a bound on memory and batches, far above what one Nova project holds).
    pub const LIMIT: Self = Self(10_000);

    /// The size after adding `change`, never below zero nor above what `u32` holds.
    #[must_use]
    pub const fn offset(self, change: i64) -> Self {
        let sum = (self.0 as i64).saturating_add(change);
        if sum < 0 {
            Self(0)
        } else if sum > u32::MAX as i64 {
            Self(u32::MAX)
        } else {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked on both sides just above"
            )]
            Self(sum as u32)
        }
    }
    /// What is left after taking `other` away; zero when nothing is.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The least and the most servers a group may want. `min <= max <= Size::LIMIT` holds by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    min: Size,
    max: Size,
}

/// Why two sizes are no bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// `min` is larger than `max`.
    #[error("min must not be larger than max")]
    MinAboveMax,
    /// `max` is larger than [`Size::LIMIT`].
    #[error("max must not be larger than 10000")]
    MaxAboveLimit,
}

impl Bounds {
    /// Checks and makes bounds.
    ///
    /// # Errors
    /// Names the rule that the two sizes break.
    pub fn new(min: Size, max: Size) -> Result<Self, BoundsError> {
        if min > max {
            Err(BoundsError::MinAboveMax)
        } else if max > Size::LIMIT {
            Err(BoundsError::MaxAboveLimit)
        } else {
            Ok(Self { min, max })
        }
    }
    /// The least.
    #[must_use]
    pub const fn min(self) -> Size {
        self.min
    }
    /// The most.
    #[must_use]
    pub const fn max(self) -> Size {
        self.max
    }
    /// The bounds with `size` let in: what a grant makes of them. Never beyond [`Size::LIMIT`].
    #[must_use]
    pub fn widened(self, size: Size) -> Self {
        let size = size.min(Size::LIMIT);
        Self {
            min: self.min.min(size),
            max: self.max.max(size),
        }
    }
    /// `size` moved into the bounds: `max(min(size, max), min)` (contract 3.1).
    #[must_use]
    pub fn clamp(self, size: Size) -> Size {
        size.min(self.max).max(self.min)
    }
}

#[cfg(test)]
mod tests;
