//! Randomness: the machine's for production, a seeded stream for simulation.
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use zeroize::Zeroize as _;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A source of random values; cheap to clone, clones of a seeded one share its stream.
#[derive(Clone)]
pub struct Entropy {
    source: Source,
}

#[derive(Clone)]
enum Source {
    System(Arc<Mutex<Stock>>),
    Seeded(Arc<Mutex<ChaCha8Rng>>),
}

/// Random bytes of the machine, fetched in stock: an event takes several ids, and each would be a system call.
struct Stock {
    bytes: [u8; STOCK_BYTES],
    taken: usize,
}

/// One fetch; small enough for the kernel to answer at once.
const STOCK_BYTES: usize = 256;

impl Stock {
    const EMPTY: Self = Self {
        bytes: [0; STOCK_BYTES],
        taken: STOCK_BYTES,
    };

    /// Hands out bytes and forgets them. What is longer than an id is likely a key, and comes from the machine directly.
    fn fill(&mut self, bytes: &mut [u8]) {
        if bytes.len() > size_of::<u128>() {
            return fetch(bytes);
        }
        if STOCK_BYTES - self.taken < bytes.len() {
            fetch(&mut self.bytes);
            self.taken = 0;
        }
        let from = &mut self.bytes[self.taken..self.taken + bytes.len()];
        bytes.copy_from_slice(from);
        from.zeroize();
        self.taken += bytes.len();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks the machine for random bytes"
)]
fn fetch(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

impl Entropy {
    /// The operating system's generator: fit for keys and ids.
    pub fn system() -> Self {
        Self {
            source: Source::System(Arc::new(Mutex::new(Stock::EMPTY))),
        }
    }

    /// A reproducible stream. For simulation only: whoever knows the seed knows every value.
    pub fn seeded(seed: u64) -> Self {
        Self::stream(seed, "")
    }

    /// The reproducible stream of one actor: streams of different labels are independent, so that adding an actor or a fault
    /// does not reshuffle what the others see (safety 4.1).
    pub fn stream(seed: u64, label: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&fnv1a(label.as_bytes()).to_le_bytes());
        Self {
            source: Source::Seeded(Arc::new(Mutex::new(ChaCha8Rng::from_seed(key)))),
        }
    }

    /// Fills `bytes`.
    ///
    /// # Panics
    /// When the operating system has no random bytes: nothing that needs an id or a key may go on then.
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.source {
            Source::System(stock) => stock
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .fill(bytes),
            Source::Seeded(rng) => rng
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .fill_bytes(bytes),
        }
    }

    /// Any 64 bits.
    pub fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Any 128 bits.
    pub fn u128(&self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    /// A value in `0..bound`, all equally likely; 0 if `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // The last, incomplete run of `bound` values is thrown away, else small values would be likelier.
        let usable = u64::MAX - u64::MAX % bound;
        loop {
            let value = self.u64();
            if value < usable {
                return value % bound;
            }
        }
    }

    /// A duration in `0..=most`, in whole microseconds (full jitter for back-off).
    pub fn up_to(&self, most: Duration) -> Duration {
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.below(micros.saturating_add(1)))
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.source {
            Source::System(_) => "Entropy(system)",
            Source::Seeded(_) => "Entropy(seeded)",
        })
    }
}

/// FNV-1a, 64 bit: spreads labels; not for anything that an attacker may choose.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
