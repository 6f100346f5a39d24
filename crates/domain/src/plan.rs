//! Which slots to issue for the permits at hand, and which servers leave.
//!
//! Deletes come before new slots. Nothing here retries or waits: what no permit covers stays a deficit for the next plan.

mod issue;
mod leave;
mod scale_in;

use std::time::Duration;

use crate::draft::Draft;
use crate::evidence::{Watch, overdue};
use crate::group::{Adoption, Phase};
use crate::ids::{Incarnation, Nonce, SlotId, WorkerName};
use crate::outbox;

pub(crate) use scale_in::{excess, next_to_leave, rest as shrink_rest};

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
pub fn deficit(draft: &Draft<'_>, watch: &Watch) -> u32 {
    issue::deficit(draft, watch)
}

/// Servers that cannot be counted on because their cells are down for long; they count against max all the same.
fn dark(draft: &Draft<'_>, watch: &Watch) -> u32 {
    let now = draft.now().mono;
    let dark = draft
        .open()
        .filter(|slot| slot.state.is_wanted() && watch.is_dark(slot.id, now));
    u32::try_from(dark.count()).unwrap_or(u32::MAX)
}

/// Issues slots for permits (at most `deficit`), and moves surplus ones and, when there are too many, wanted ones on their way out.
/// Gives back how many of `permits` were used, from the front.
///
/// In every phase, a call whose report is overdue comes into doubt here (safety 3.5).
/// Planning twice in one draft changes nothing more: victims count at once, also in the quarter that may leave within a minute.
pub fn plan(draft: &mut Draft<'_>, watch: &Watch, permits: &[Permit]) -> usize {
    overdue(draft, watch);
    outbox::go_on(draft);
    if draft.state.adoption != Adoption::Done {
        return 0;
    }
    let used = match draft.state.phase {
        Phase::Running => {
            leave::go_on(draft);
            scale_in::shrink(draft, watch);
            issue::issue(draft, watch, permits)
        }
        Phase::Paused if crate::mutant::on(crate::mutant::Mutant::IssueWhilePaused) => {
            issue::issue(draft, watch, permits)
        }
        // Launches and deletes nothing; doubts are still settled by `settle` and `evidence`.
        Phase::Paused => 0,
        // In a tombstone only what showed up late is left to go.
        Phase::Deleting | Phase::Tombstone => {
            leave::all(draft);
            0
        }
    };
    outbox::note_trouble(draft);
    used
}

#[cfg(test)]
mod tests;
