//! New slots for the permits at hand.

use crate::capacity::Size;
use crate::draft::Draft;
use crate::evidence::Watch;
use crate::group::{Adoption, Phase};
use crate::hold;
use crate::mutant::{self, Mutant};
use crate::slot::{CallToken, Flags, Issue, Slot, State};

use super::{Permit, dark};

pub(super) fn deficit(draft: &Draft<'_>, watch: &Watch) -> u32 {
    let is_running = match draft.state.phase {
        Phase::Running => true,
        Phase::Paused => mutant::on(Mutant::IssueWhilePaused),
        Phase::Deleting | Phase::Tombstone => false,
    };
    let is_held =
        hold::is_held(&draft.state, draft.now().wall) && !mutant::on(Mutant::IssueWhileHeld);
    let is_adopting = draft.state.adoption != Adoption::Done;
    if !is_running || is_held || is_adopting {
        return 0;
    }
    let census = draft.census();
    let lit = census.wanted.less(Size(dark(draft, watch)));
    let want = draft.state.desired.less(lit);
    // In-doubt slots and lapsed ones that are not released take room: their servers may exist (I3).
    let room = if mutant::on(Mutant::IssueBeyondMax) {
        want
    } else {
        draft.limits().max().less(census.counted)
    };
    let issue = want.min(room).0;
    if mutant::on(Mutant::DeficitShort) {
        return issue.saturating_sub(1);
    }
    issue
}

/// Issues one slot per permit, up to the deficit. At most one create call per slot, ever: a slot is never issued again.
pub(super) fn issue(draft: &mut Draft<'_>, watch: &Watch, permits: &[Permit]) -> usize {
    let mut want = usize::try_from(deficit(draft, watch)).unwrap_or(usize::MAX);
    if mutant::on(Mutant::IssueUnwanted) {
        want = permits.len();
    }
    let mut used = 0;
    for permit in permits.iter().take(want) {
        // A known id is no fresh one: the same permit once more.
        let is_known = draft.slot(permit.slot).is_some() && !mutant::on(Mutant::IssueAgain);
        if draft.room() == 0 || is_known {
            break;
        }
        let now = draft.now().wall;
        let launch = draft.config().launch;
        draft.put(Slot {
            id: permit.slot,
            proof: permit.slot,
            nonce: permit.nonce,
            launch,
            state: State::Issued(Issue {
                worker: permit.worker.clone(),
                incarnation: permit.incarnation,
                token: CallToken::Lives(permit.token_left),
            }),
            flags: Flags::default(),
            issued: now,
            since: now,
        });
        used += 1;
    }
    used
}
