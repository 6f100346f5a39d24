//! Scaling policies and their exact arithmetic (contract 3.1).

use std::time::Duration;

use crate::capacity::Size;
use crate::ids::PolicyId;

/// A rule that turns "this happened" into a new size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its id within the group.
    pub id: PolicyId,
    /// What people call it.
    pub name: String,
    /// What it asks for.
    pub adjust: Adjust,
    /// It may run again this long after it last acted. 0 never blocks (contract 3.2).
    pub cooldown: Duration,
    /// The first event acts; further ones within this time get the verdict `debounced`. 0 to 300 s (design 8).
    pub debounce: Duration,
}

/// What is asked of the desired size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjust {
    /// This many more, or fewer.
    Change(i64),
    /// This many percent more, or fewer, of the desired size, rounded away from zero.
    Percent(Percent),
    /// Exactly this many.
    Desired(Size),
}

/// A percentage exactly as the caller's JSON number denotes it: `mantissa * 2^exponent`, no rounding anywhere (contract 3.1: exact
/// arithmetic of the parsed double; 0.1 % of 1000 is slightly more than one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent {
    bits: u64,
}

impl Percent {
    /// From the bits of an IEEE 754 double; none for infinities and NaN, which JSON cannot say.
    #[must_use]
    pub const fn from_double_bits(bits: u64) -> Option<Self> {
        if (bits >> 52) & 0x7ff == 0x7ff {
            None
        } else {
            Some(Self { bits })
        }
    }
    /// The bits of the double it was made from.
    #[must_use]
    pub const fn double_bits(self) -> u64 {
        self.bits
    }
}
