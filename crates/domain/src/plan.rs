//! Which slots to issue for the permits at hand, and which servers leave.

use std::time::Duration;

use crate::draft::Draft;
use crate::evidence::Watch;
use crate::ids::{Incarnation, Nonce, SlotId, WorkerName};

/// One create call that a worker offered to begin right now, with the ids that its slot will have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// The worker.
    pub worker: WorkerName,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// How long the token that the call will use can still live, at most.
    pub token_left: Duration,
    /// Id for the new slot, from the shell's randomness.
    pub slot: SlotId,
    /// Nonce for the new slot's proof.
    pub nonce: Nonce,
}

/// How many create calls the group wants to make right now, before any permit is asked for: what `plan` would issue if permits were
/// without end. Zero while the group is held, paused or at max.
#[must_use]
pub fn deficit(_draft: &Draft<'_>) -> u32 {
    0
}

/// Issues slots for permits (at most `deficit`), and moves surplus ones and, when there are too many, wanted ones on their way out.
/// Gives back how many of `permits` were used, from the front.
pub fn plan(_draft: &mut Draft<'_>, _watch: &Watch, _permits: &[Permit]) -> usize {
    0
}
