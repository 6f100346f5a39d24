//! Scaling policies and their exact arithmetic (contract 3.1).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::capacity::Size;
use crate::ids::{PolicyId, WebhookId};
use crate::mutant::{self, Mutant};
use crate::schedule::Schedule;

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
    /// What runs it, besides those who may.
    pub trigger: Trigger,
    /// Its capability URLs.
    pub webhooks: BTreeMap<WebhookId, Webhook>,
    /// The JSON in which v1.0 wrote it, so that v1.0 reads it as it was written; nothing is decided by it.
    pub written: Option<Arc<str>>,
}

/// What runs a policy, besides those who may.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Trigger {
    /// Whoever has one of its capability URLs.
    #[default]
    Webhook,
    /// Time.
    Schedule(Schedule),
    /// A monitoring check that the old service knew of. It is kept; nothing evaluates it here.
    Monitoring,
}

/// A capability URL of a policy. The URL itself is derived from the group and `serial`, and stored nowhere (design 11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// For people; not unique.
    pub name: String,
    /// The customer's own key-value pairs.
    pub metadata: BTreeMap<String, String>,
    /// Numbers it within its group, for ever: a deleted one's number is never used again, and rotating is taking the next.
    pub serial: u32,
}

impl Policy {
    /// Takes over what an edit of `/v2` cannot say: its capability URLs, a monitoring check of the old service, and how v1.0 wrote it if nothing
    /// of that changed.
    pub fn carry(&mut self, before: &Self) {
        if self.trigger == Trigger::Webhook && before.trigger == Trigger::Monitoring {
            self.trigger = Trigger::Monitoring;
        }
        self.webhooks = before.webhooks.clone();
        let same = self.name == before.name
            && self.adjust == before.adjust
            && self.cooldown == before.cooldown
            && self.trigger == before.trigger;
        self.written = before.written.clone().filter(|_| same);
    }
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

/// A percentage exactly as the caller's JSON number denotes it: `mantissa * 2^exponent`, no rounding anywhere.
///
/// Source: contract 3.1, exact arithmetic of the parsed double; 0.1 % of 1000 is slightly more than one.
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

    /// How many servers this many percent of `size` are, rounded away from zero.
    ///
    /// Exact: the value is `size * mantissa * 2^exponent / 100` in integers. Stops at `FAR` on both sides, which is beyond
    /// every size, so that the caller's sum saturates.
    #[must_use]
    pub fn of(self, size: Size) -> i64 {
        let (mantissa, exponent) = self.parts();
        // Below 2^53 * 2^32 = 2^85, so that 43 more bits fit.
        let product = u128::from(mantissa) * u128::from(size.0);
        let magnitude = if product == 0 {
            0
        } else if exponent >= 40 {
            // At least 2^40 / 100 servers: more than any size.
            FAR
        } else if exponent >= 0 {
            round_up(product << exponent, 100)
        } else if exponent <= -100 {
            // 100 * 2^100 is more than any product: a trace of a server, which is one when rounded away from zero.
            round_up(product, u128::MAX)
        } else {
            round_up(product, 100 << exponent.unsigned_abs())
        };
        let magnitude = i64::try_from(magnitude.min(FAR)).unwrap_or(i64::MAX);
        if self.is_negative() {
            -magnitude
        } else {
            magnitude
        }
    }

    const fn is_negative(self) -> bool {
        self.bits >> 63 == 1
    }

    /// The magnitude as `mantissa * 2^exponent`, mantissa below 2^53.
    fn parts(self) -> (u64, i32) {
        let fraction = self.bits & ((1 << 52) - 1);
        let field = i32::try_from((self.bits >> 52) & 0x7ff).unwrap_or(0);
        if field == 0 {
            (fraction, -1074)
        } else {
            (fraction | 1 << 52, field - 1075)
        }
    }
}

/// Beyond every size, and far from where an `i64` ends.
const FAR: u128 = 1 << 40;

fn round_up(part: u128, whole: u128) -> u128 {
    if mutant::on(Mutant::PercentTruncates) {
        return part / whole;
    }
    part.div_ceil(whole)
}

impl Adjust {
    /// What is asked when `desired` servers are wanted now, before any bound. Stops at zero and at what a [`Size`] holds.
    #[must_use]
    pub fn apply(self, desired: Size) -> Size {
        match self {
            Self::Change(by) => desired.offset(by),
            Self::Percent(percent) => desired.offset(percent.of(desired)),
            Self::Desired(size) => size,
        }
    }
}

#[cfg(test)]
mod tests;
