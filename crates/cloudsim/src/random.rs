//! Randomness as a function of (seed, purpose, counter): draws never depend on how many others were made.

use crate::faults::Span;

/// A seeded source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice {
    seed: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// 64 bits for the `counter`-th thing of that purpose.
    pub(crate) fn draw(self, purpose: u64, counter: u64) -> u64 {
        mix(mix(self.seed ^ purpose).wrapping_add(mix(counter)))
    }

    /// True in `per_mille` of 1000 draws.
    pub(crate) fn hits(self, per_mille: u16, purpose: u64, counter: u64) -> bool {
        self.draw(purpose, counter) % 1000 < u64::from(per_mille)
    }

    /// A number of milliseconds within the span, ends included.
    pub(crate) fn within(self, span: Span, purpose: u64, counter: u64) -> u64 {
        let width = span.max_ms.saturating_sub(span.min_ms);
        if width == 0 {
            return span.min_ms;
        }
        span.min_ms + self.draw(purpose, counter) % width.saturating_add(1)
    }

    /// An id that looks like a random (version 4) UUID.
    pub(crate) fn uuid(self, purpose: u64, counter: u64) -> uuid::Uuid {
        let high = self.draw(purpose, counter.wrapping_mul(2));
        let low = self.draw(purpose, counter.wrapping_mul(2).wrapping_add(1));
        uuid::Builder::from_random_bytes(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
            .into_uuid()
    }
}

/// A purpose from its name (FNV-1a).
pub(crate) const fn purpose(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash ^= bytes[at] as u64;
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// The finaliser of splitmix64.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
