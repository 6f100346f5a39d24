//! Rows that no open slot holds: adopted by a slot in doubt, bound as surplus, or reported (design 4, rules 1 and 4).

use crate::draft::Draft;
use crate::group::Adoption;
use crate::hold;
use crate::ids::{Nonce, ServerId, SlotId};
use crate::mutant::{self, Mutant};
use crate::slot::{Flags, Move, Slot, State, is_handed_back};
use crate::time::Mono;

use super::{Extent, Proof, Row, Scale, Status, Watch};

/// Decides about one row of a server that has no role in an open slot of this group.
pub(super) fn place(draft: &mut Draft<'_>, watch: &mut Watch, scale: &mut Scale<'_>, row: &Row) {
    let mine = draft.group().key.id;
    let elsewhere = scale
        .around
        .role(row.server)
        .is_some_and(|group| group != mine);
    if elsewhere && !mutant::on(Mutant::AdoptTaken) {
        return;
    }
    match row.proof {
        // A tenant can copy metadata, but cannot make a server in our service user's name (safety 3.7).
        Proof::Valid { group, slot } if group == mine => {
            if row.ours || mutant::on(Mutant::AdoptForeign) {
                claim(draft, watch, scale, (row, slot));
            }
        }
        Proof::Valid { .. } | Proof::Unreadable => {}
        Proof::None => {
            if row.ours && row.status != Status::Unknown && !scale.roles.contains_key(&row.server) {
                scale.report.disowned.push(row.server);
            }
        }
    }
}

/// A surplus server that still shows the proof of the slot it was made for speaks for that slot: as long as it is there, the slot is
/// not released.
pub(super) fn recall(draft: &Draft<'_>, scale: &mut Scale<'_>, (id, row): (SlotId, &Row)) {
    let made_for = draft
        .slot(id)
        .map(|slot| slot.proof)
        .filter(|proof| *proof != id);
    let group = draft.group().key.id;
    if let Some(slot) = made_for.filter(|slot| row.proof == Proof::Valid { group, slot: *slot }) {
        scale.claimed.push(slot);
    }
}

/// A server of ours, without a role in an open slot, shows a valid proof for this slot.
fn claim(
    draft: &mut Draft<'_>,
    watch: &mut Watch,
    scale: &mut Scale<'_>,
    (row, id): (&Row, SlotId),
) {
    if let Some(old) = scale
        .roles
        .get(&row.server)
        .and_then(|role| draft.slot(*role))
    {
        // It had a role that ended. A list begun before that is old news; one begun after shows it alive again.
        if is_handed_back(&old.state) || scale.listing.began <= watch.ended(old.id) {
            return;
        }
    }
    let Some(slot) = draft.slot(id) else {
        scale.report.strays.push(row.server);
        take_in(draft, watch, scale, (row, id));
        return;
    };
    match &slot.state {
        State::InDoubt(..) => adopt(draft, watch, scale, (row.server, id)),
        State::Issued(_) => {
            if is_orphan(watch, id, draft.now().mono) {
                adopt(draft, watch, scale, (row.server, id));
            }
        }
        State::Accepted(_)
        | State::Configuring(_)
        | State::Active(_)
        | State::Draining(_)
        | State::Deleting(..)
        | State::Surplus(_)
        | State::Failed(_)
        | State::Lapsed(..)
        | State::Gone(..) => {
            scale.claimed.push(id);
            let origin = slot.clone();
            surplus(draft, watch, scale, (row, &origin));
        }
    }
}

/// The ledger lacks a slot that a server of ours proves, and it is current: if it is not, this commit conflicts and is decided anew. A slot is
/// in the ledger before its call is sent, so the ledger was restored from a backup (safety 3.5): the server gets its slot back.
fn take_in(
    draft: &mut Draft<'_>,
    watch: &mut Watch,
    scale: &mut Scale<'_>,
    (row, id): (&Row, SlotId),
) {
    let is_whole = scale.listing.extent == Extent::Complete;
    if !is_whole || row.status == Status::Leaving || draft.room() == 0 {
        return;
    }
    if !scale.knows_roles() {
        scale.report.unsure = true;
        return;
    }
    let now = draft.now();
    let state = match row.status {
        // It was in service: no step of its customer is asked for again.
        Status::Up | Status::Held => State::Active(row.server),
        Status::Building | Status::Error(..) | Status::Leaving | Status::Unknown => {
            State::Accepted(row.server)
        }
    };
    let slot = Slot {
        id,
        proof: id,
        // It stands in the server's metadata, where the worker checks it; nothing here asks for it again.
        nonce: Nonce::from_u128(0),
        launch: draft.config().launch,
        state,
        flags: Flags::default(),
        issued: now.wall,
        since: now.wall,
    };
    watch.follow(&slot, now.mono);
    draft.put(slot);
    scale.roles.insert(row.server, id);
    hold::restored(draft);
}

/// A group that was carried over knows all of its servers once a complete list was weighed whole that began when every call of its former home
/// must have ended (ADR 0020). A project too large for one is given as long as a doubt in it is: what is missing then shows up late, if ever.
/// That it is too large is said by its own partial lists, not by lists by tag: a group without slots has nobody to look for by a tag. In a
/// brownout lists fail, and one that failed is no partial list.
pub(super) fn complete(draft: &mut Draft<'_>, watch: &Watch, scale: &Scale<'_>) {
    let listing = scale.listing;
    if draft.state.adoption != Adoption::Due || scale.report.unsure || draft.room() == 0 {
        return;
    }
    let is_enough = match listing.extent {
        Extent::Complete => listing.began >= watch.settled(),
        Extent::Partial if listing.about.is_none() => {
            listing.began >= watch.incomplete_since().plus(watch.rules.tagged_lapse)
        }
        Extent::Partial | Extent::Tagged | Extent::TaggedInPart => false,
    };
    if is_enough {
        draft.state.adoption = Adoption::Done;
    }
}

/// Its report is overdue; before that the report decides.
pub(super) fn is_orphan(watch: &Watch, id: SlotId, now: Mono) -> bool {
    let due = watch.rules.begin + watch.rules.call;
    watch
        .track(id)
        .is_some_and(|track| now.since(track.noticed) >= due)
}

/// Binds a candidate to its slot, from a complete list: a copy of the proof may be visible while the original sits in a dead
/// cell (safety 3.6). In a project that is known to be too large for one, a list by the slot's own tag has to do (ADR 0013).
fn adopt(
    draft: &mut Draft<'_>,
    watch: &Watch,
    scale: &mut Scale<'_>,
    (server, id): (ServerId, SlotId),
) {
    scale.claimed.push(id);
    if !scale.knows_roles() {
        scale.report.unsure = true;
        return;
    }
    let whole = match scale.listing.extent {
        Extent::Complete => true,
        Extent::Partial | Extent::TaggedInPart => false,
        Extent::Tagged => scale.listing.about == Some(id) && watch.is_large(),
    } || mutant::on(Mutant::AdoptFromPartial);
    // One role for a uuid: one that ended is a role too.
    let is_free = !scale.roles.contains_key(&server);
    if whole && is_free && draft.advance(id, Move::Bind(server)) {
        scale.roles.insert(server, id);
        scale.report.adopted.push((id, server));
    }
}

/// Binds a server that showed up late or twice to a new slot, which carries the proof of the slot it was made for.
fn surplus(
    draft: &mut Draft<'_>,
    watch: &mut Watch,
    scale: &mut Scale<'_>,
    (row, origin): (&Row, &Slot),
) {
    if row.status == Status::Leaving || draft.room() == 0 || mutant::on(Mutant::LateForgotten) {
        return;
    }
    if !scale.knows_role_of(row.server, origin.id) {
        scale.report.unsure = true;
        return;
    }
    let id = (scale.spare)();
    let now = draft.now();
    let slot = Slot {
        id,
        proof: origin.id,
        nonce: origin.nonce,
        launch: origin.launch,
        state: State::Surplus(row.server),
        flags: Flags::default(),
        issued: now.wall,
        since: now.wall,
    };
    watch.follow(&slot, now.mono);
    draft.put(slot);
    scale.roles.insert(row.server, id);
    scale.report.surplus.push((id, row.server));
}
