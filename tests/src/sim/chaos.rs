//! The hook into every task of a simulated process: counts awaits, and crashes or stops the process at one of them.

use std::sync::atomic::{AtomicU64, Ordering};

use chassis::spawn::{Probe, Verdict};

/// Nobody is to die.
const NEVER: u64 = u64::MAX;

/// One process's fate.
#[derive(Debug)]
pub struct Fate {
    polls: AtomicU64,
    dies_at: AtomicU64,
    still: std::sync::atomic::AtomicBool,
}

impl Default for Fate {
    fn default() -> Self {
        Self {
            polls: AtomicU64::new(0),
            dies_at: AtomicU64::new(NEVER),
            still: std::sync::atomic::AtomicBool::new(false),
        }
    }
}

impl Fate {
    /// Dies at the n-th await from now.
    pub fn die_after(&self, polls: u64) {
        self.dies_at.store(
            self.polls.load(Ordering::Relaxed) + polls,
            Ordering::Relaxed,
        );
    }
    /// Stands still from now on, or no more.
    pub fn hold_still(&self, still: bool) {
        self.still.store(still, Ordering::Relaxed);
    }
    /// Awaits so far.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }
}

impl Probe for Fate {
    fn before_poll(&self, _task: &'static str) -> Verdict {
        if self.still.load(Ordering::Relaxed) {
            return Verdict::Freeze;
        }
        let polls = self.polls.fetch_add(1, Ordering::Relaxed);
        if polls >= self.dies_at.load(Ordering::Relaxed) {
            Verdict::Die
        } else {
            Verdict::Run
        }
    }
}
