//! What a call's outcome makes of its slot (every row of safety 2.2).

use std::time::Duration;

use crate::draft::Draft;
use crate::evidence::Watch;
use crate::group::HoldWhy;
use crate::hold;
use crate::ids::{ServerId, SlotId};
use crate::mutant::{self, Mutant};
use crate::slot::{CallToken, DoubtWhy, FailWhy, Flags, Hold, Move, Slot, State};

mod delete;

/// What happened to an operation, as the worker classified it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Create: 202 with an id.
    Created(ServerId),
    /// Create: proved not executed.
    NotCreated(FailWhy),
    /// Create: refused by throttling or stopped at the worker, proved not executed; nothing before this time.
    Throttled(Duration),
    /// Create: nobody knows.
    Unknown(DoubtWhy),
    /// Create, long after its answer was lost: the token that the call used is revoked (design 4, rule 3).
    TokenRevoked,
    /// Void: the call never began and never will (only the incarnation itself, or a successor with its host lock and no mark).
    Voided,
    /// Void: the call is marked as begun, by this or a dead incarnation; it may have been executed.
    Begun,
    /// Delete: 204.
    DeleteAccepted(ServerId),
    /// Delete or read: 404.
    NotFound(ServerId),
    /// Delete: 409, the server is locked.
    Locked(ServerId),
    /// Delete: no sure answer; sent again later.
    DeleteUnclear(ServerId),
    /// Delete: the fresh read did not show our proof, user or project: no call was made.
    NotOurs(ServerId),
}

/// Moves the slot as the outcome says. Idempotent by (slot, outcome): a report that comes twice or late changes nothing twice.
///
/// A move that the slot does not allow means that the report is old news: dropped, with all that it would have caused.
pub fn settle(draft: &mut Draft<'_>, watch: &mut Watch, slot: SlotId, outcome: &Outcome) {
    watch.sync(draft.group(), draft.now().mono);
    match outcome {
        Outcome::Created(server) => created(draft, watch, slot, *server),
        Outcome::NotCreated(why) => not_created(draft, watch, slot, why),
        Outcome::Throttled(least) => {
            if draft.try_step(slot, Move::Fail(FailWhy::Throttled)) {
                hold::throttle(draft, *least);
            }
        }
        Outcome::Unknown(why) => {
            if mutant::on(Mutant::UnknownIsFailed) {
                draft.try_step(slot, Move::Fail(FailWhy::NotSent));
            } else {
                draft.try_step(slot, Move::Doubt(*why));
            }
        }
        Outcome::TokenRevoked => token_revoked(draft, slot),
        Outcome::Voided => {
            draft.try_step(slot, Move::Fail(FailWhy::NotSent));
        }
        Outcome::Begun => {
            if mutant::on(Mutant::VoidBegun) {
                draft.try_step(slot, Move::Fail(FailWhy::NotSent));
            } else {
                draft.try_step(slot, Move::Doubt(DoubtWhy::WorkerLost));
            }
        }
        Outcome::DeleteAccepted(server) => delete::accepted(draft, watch, (slot, *server)),
        Outcome::NotFound(server) => delete::not_found(draft, watch, (slot, *server)),
        Outcome::Locked(server) => delete::locked(draft, watch, (slot, *server)),
        Outcome::DeleteUnclear(server) => delete::unclear(draft, watch, (slot, *server)),
        Outcome::NotOurs(server) => delete::not_ours(draft, watch, (slot, *server)),
    }
}

fn created(draft: &mut Draft<'_>, watch: &mut Watch, id: SlotId, server: ServerId) {
    watch.token_failed = None;
    let Some(slot) = draft.slot(id).cloned() else {
        return;
    };
    if slot.state.server() == Some(server) {
        return;
    }
    let has_role = draft
        .open()
        .chain(draft.ended())
        .any(|other| other.state.server() == Some(server));
    let waits = matches!(slot.state, State::Issued(_) | State::InDoubt(..))
        || (mutant::on(Mutant::EndedReopens)
            && matches!(slot.state, State::Lapsed(..) | State::Failed(_)));
    if waits && (!has_role || mutant::on(Mutant::LateRebinds)) {
        draft.try_step(id, Move::Bind(server));
    } else if has_role && !mutant::on(Mutant::LateRebinds) {
        close(draft, &slot);
    } else {
        // The slot ended, or another server is bound to it: a list shows this one, and it becomes surplus then.
        watch.want_list(draft.now().mono);
    }
}

/// The server of this slot's call is bound already, as surplus: what the call caused is known, so the slot waits for nothing more
/// (design 4, rule 1).
fn close(draft: &mut Draft<'_>, slot: &Slot) {
    match &slot.state {
        State::Issued(_) => {
            draft.try_step(slot.id, Move::Doubt(DoubtWhy::Unclear));
            draft.try_step(slot.id, Move::Lapse);
            draft.try_step(slot.id, Move::Release);
        }
        State::InDoubt(..) => {
            draft.try_step(slot.id, Move::Lapse);
            draft.try_step(slot.id, Move::Release);
        }
        State::Lapsed(_, Hold::Counted) => {
            draft.try_step(slot.id, Move::Release);
        }
        State::Lapsed(_, Hold::Released)
        | State::Accepted(_)
        | State::Configuring(_)
        | State::Active(_)
        | State::Draining(_)
        | State::Deleting(..)
        | State::Surplus(_)
        | State::Failed(_)
        | State::Gone(..) => {}
    }
}

fn not_created(draft: &mut Draft<'_>, watch: &mut Watch, id: SlotId, why: &FailWhy) {
    let Some(slot) = draft.slot(id).cloned() else {
        return;
    };
    if !draft.try_step(id, Move::Fail(why.clone())) {
        return;
    }
    match why {
        // The worker's breaker withholds permits while the cloud cannot be reached; nothing to hold here.
        FailWhy::NotSent => {}
        FailWhy::Refused(text) => {
            // A configuration that was replaced meanwhile is not to be judged by what the old one was told.
            if slot.launch == draft.config().launch {
                hold::strike(draft, HoldWhy::Config, text, slot.issued);
            }
        }
        FailWhy::Quota(text) => hold::strike(draft, HoldWhy::Quota, text, slot.issued),
        FailWhy::Credential(text) => hold::strike(draft, HoldWhy::Credential, text, slot.issued),
        FailWhy::Token => token(draft, watch, &slot),
        FailWhy::Throttled => hold::strike(draft, HoldWhy::Throttled, "", slot.issued),
    }
}

/// A create was refused with 401: the next one brings a fresh token. A second one, issued after the first was known, says that the
/// credential itself is bad (safety 2.2 `TokenExpired`).
fn token(draft: &mut Draft<'_>, watch: &mut Watch, slot: &Slot) {
    let noticed = watch.track(slot.id).map(|track| track.noticed);
    let first = watch.token_failed;
    if first.is_some() && noticed > first {
        hold::strike(
            draft,
            HoldWhy::Credential,
            "a fresh token was refused",
            slot.issued,
        );
    }
    watch.token_failed = Some(draft.now().mono);
}

/// No copy of the call that is still under way outlives the cloud's caches. The ledger says so, and every owner counts from when it read it
/// there: this one with the commit, its successor from when it takes over, and not the whole life of the token again.
fn token_revoked(draft: &mut Draft<'_>, id: SlotId) {
    let Some(mut slot) = draft.slot(id).cloned() else {
        return;
    };
    let (State::InDoubt(issue, _) | State::Lapsed(issue, Hold::Counted)) = &mut slot.state else {
        return;
    };
    if issue.token != CallToken::Revoked {
        issue.token = CallToken::Revoked;
        draft.put(slot);
    }
}

/// The open slot if that server is bound to it.
fn bound(draft: &Draft<'_>, (id, server): (SlotId, ServerId)) -> Option<Slot> {
    draft
        .slot(id)
        .filter(|slot| slot.state.is_open() && slot.state.server() == Some(server))
        .cloned()
}

fn flag(draft: &mut Draft<'_>, slot: Slot, flags: Flags) {
    if slot.flags != flags {
        draft.put(Slot { flags, ..slot });
    }
}

#[cfg(test)]
mod tests;
