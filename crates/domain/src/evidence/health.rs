//! What a listing says of servers that are bound: in service, held, failed, handed back, gone (safety 2.2, 3.6).

use std::collections::BTreeSet;

use crate::draft::Draft;
use crate::group::{HoldWhy, Phase};
use crate::hold;
use crate::ids::{ServerId, SlotId};
use crate::mutant::{self, Mutant};
use crate::outbox;
use crate::slot::{DeleteWhy, Flags, Move, Slot, State};

use super::watch::ABSENT_MAX;
use super::{Extent, Fault, Listing, Look, Proof, Row, Status, Watch};

/// One row of a server that an open slot holds.
pub(super) fn observe(
    draft: &mut Draft<'_>,
    watch: &mut Watch,
    listing: &Listing,
    (id, row): (SlotId, &Row),
) {
    let look = match (&row.status, row.proof) {
        (Status::Unknown, _) => Look::Unknown,
        (_, Proof::Unreadable) => Look::Unproven,
        (_, Proof::Valid { .. } | Proof::None) => Look::Full,
    };
    let unreadable = look != Look::Full;
    if !watch
        .track_mut(id)
        .is_none_or(|track| track.see(listing.began, look, listing.extent))
    {
        return;
    }
    if unreadable && !mutant::on(Mutant::UnreadableDisowns) {
        return;
    }
    let Some(slot) = draft.slot(id).filter(|_| draft.has_room_for(id)).cloned() else {
        return;
    };
    let group = draft.group().key.id;
    let owned = row.ours
        && row.proof
            == Proof::Valid {
                group,
                slot: slot.proof,
            };
    let mut flags = Flags {
        disowned: !owned,
        ..slot.flags
    };
    if owned {
        flags.held = match row.status {
            Status::Held => true,
            Status::Up | Status::Building => false,
            Status::Error(..) | Status::Leaving | Status::Unknown => flags.held,
        };
    }
    if flags != slot.flags {
        draft.put(Slot {
            flags,
            ..slot.clone()
        });
    }
    if owned {
        judge(draft, watch, &slot, &row.status);
    }
}

/// What the status of a server that is surely ours makes of its slot.
fn judge(draft: &mut Draft<'_>, watch: &Watch, slot: &Slot, status: &Status) {
    let is_booting = match &slot.state {
        State::Accepted(_) | State::Configuring(_) => true,
        State::Active(_) => false,
        // On its way out, or not bound at all: its status changes nothing.
        State::Draining(_)
        | State::Deleting(..)
        | State::Surplus(_)
        | State::Issued(_)
        | State::InDoubt(..)
        | State::Failed(_)
        | State::Lapsed(..)
        | State::Gone(..) => return,
    };
    match status {
        // By way of the customer's before-active steps, if there are any.
        Status::Up if is_booting => outbox::enters_service(draft, slot.id),
        Status::Building if is_booting => {
            let now = draft.now().mono;
            let bound = watch
                .track(slot.id)
                .and_then(|track| track.bound)
                .unwrap_or(now);
            if now.since(bound) >= draft.config().build_timeout {
                fail(
                    draft,
                    slot,
                    DeleteWhy::Stuck,
                    "the server was still building at its time-out",
                );
            }
        }
        Status::Error(fault, text) if is_booting => {
            let why = match fault {
                Fault::NoCapacity => DeleteWhy::NoCapacity,
                Fault::Quota => DeleteWhy::Quota,
                Fault::Other => DeleteWhy::Failed,
            };
            fail(draft, slot, why, text);
        }
        // In service before: replaced within the failure budget, else a bad hour of the cloud would empty the group.
        Status::Error(_, text) => {
            if hold::may_fail(draft) {
                fail(draft, slot, DeleteWhy::Failed, text);
            }
        }
        Status::Up | Status::Building | Status::Held | Status::Leaving | Status::Unknown => {}
    }
}

fn fail(draft: &mut Draft<'_>, slot: &Slot, why: DeleteWhy, text: &str) {
    // A paused group deletes nothing; the next list after it resumes says the same again.
    if draft.state.phase == Phase::Paused || draft.step(slot.id, Move::Delete(why)).is_err() {
        return;
    }
    match why {
        DeleteWhy::NoCapacity => hold::strike(draft, HoldWhy::NoCapacity, text, slot.issued),
        DeleteWhy::Quota => hold::strike(draft, HoldWhy::Quota, text, slot.issued),
        DeleteWhy::Failed | DeleteWhy::Stuck | DeleteWhy::Abandoned => {
            hold::count_failures(draft, text);
        }
        DeleteWhy::ScaleIn | DeleteWhy::Surplus | DeleteWhy::GroupDeleted => {}
    }
}

/// Counts the servers that a complete list does not show; three such lists prove a server gone (safety 3.6).
pub(super) fn miss(draft: &mut Draft<'_>, watch: &mut Watch, listing: &Listing) {
    if listing.extent != Extent::Complete && !mutant::on(Mutant::GoneFromPartial) {
        return;
    }
    let hidden =
        |row: &&Row| !(row.status == Status::Unknown && mutant::on(Mutant::UnknownIsAbsent));
    let elsewhere =
        |server: ServerId| listing.shown.contains(&server) && !mutant::on(Mutant::UnknownIsAbsent);
    let shown: BTreeSet<ServerId> = listing
        .rows
        .iter()
        .filter(hidden)
        .map(|row| row.server)
        .collect();
    let missing: Vec<SlotId> = draft
        .open()
        .filter(|slot| {
            slot.state
                .server()
                .is_some_and(|server| !shown.contains(&server) && !elsewhere(server))
        })
        .map(|slot| slot.id)
        .collect();
    for id in missing {
        let Some(track) = watch.track_mut(id) else {
            continue;
        };
        let after_bind = track.bound.is_some_and(|bound| listing.began > bound);
        let after_seen = track.seen.is_none_or(|(seen, _)| listing.began > seen)
            || mutant::on(Mutant::UnknownIsAbsent);
        if !after_bind || !after_seen {
            continue;
        }
        track.absent.insert(listing.began);
        if track.absent.len() >= ABSENT_MAX || mutant::on(Mutant::GoneAtOnce) {
            draft.advance(id, Move::Vanish);
        }
    }
}
