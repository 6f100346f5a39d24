//! Servers that are on their way out, whatever the size: surplus, draining, and all of a group in deletion.

use crate::draft::Draft;
use crate::group::Phase;
use crate::ids::SlotId;
use crate::mutant::{self, Mutant};
use crate::outbox;
use crate::slot::{DeleteWhy, Move, Slot, State};

/// Takes what is on its way out one move further.
pub(super) fn go_on(draft: &mut Draft<'_>) {
    let moves: Vec<_> = draft
        .open()
        .filter_map(|slot| next(draft, slot, DeleteWhy::ScaleIn).map(|step| (slot.id, step)))
        .collect();
    for (id, step) in moves {
        draft.advance(id, step);
    }
}

/// Takes a server out of service, and to its delete unless the customer's before-delete steps hold it. False: nothing changed.
pub(super) fn out(draft: &mut Draft<'_>, id: SlotId, why: DeleteWhy) -> bool {
    let leaves = draft.advance(id, Move::Drain);
    if leaves && !outbox::holds(draft, id) {
        draft.advance(id, Move::Delete(why));
    }
    leaves
}

/// Everything leaves, without a cap: the group is to be deleted. With no slot open it becomes a tombstone, whose ended slots are
/// still watched (design 4, rule 4).
pub(super) fn all(draft: &mut Draft<'_>) {
    let bound: Vec<_> = draft
        .open()
        .map(|slot| {
            (
                slot.id,
                slot.flags.disowned,
                slot.state.is_wanted() && slot.state.server().is_some(),
            )
        })
        .collect();
    for (id, is_disowned, is_in_service) in bound {
        if is_disowned {
            draft.advance(id, Move::HandBack);
        } else if is_in_service {
            draft.advance(id, Move::Drain);
        }
    }
    let moves: Vec<_> = draft
        .open()
        .filter_map(|slot| next(draft, slot, DeleteWhy::GroupDeleted).map(|step| (slot.id, step)))
        .collect();
    for (id, step) in moves {
        draft.advance(id, step);
    }
    if draft.census().open.0 == 0 || mutant::on(Mutant::TombstoneEarly) {
        draft.state.phase = Phase::Tombstone;
    }
}

/// The next move of a slot on its way out. There are no load balancers yet, so draining ends with the customer's before-delete steps.
fn next(draft: &Draft<'_>, slot: &Slot, why: DeleteWhy) -> Option<Move> {
    let onward = match &slot.state {
        State::Draining(_) if outbox::holds(draft, slot.id) => None,
        State::Draining(_) => Some(Move::Delete(why)),
        State::Surplus(_) => Some(Move::Delete(DeleteWhy::Surplus)),
        State::Deleting(..) => None,
        State::Issued(_)
        | State::InDoubt(..)
        | State::Accepted(_)
        | State::Configuring(_)
        | State::Active(_)
        | State::Failed(_)
        | State::Lapsed(..)
        | State::Gone(..) => return None,
    };
    // It does not show our proof any more: never deleted by us, so it cannot leave; it goes back to its owner.
    if slot.flags.disowned {
        Some(Move::HandBack)
    } else {
        onward
    }
}
