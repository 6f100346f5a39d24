//! Who leaves when there are too many (contract 4.4, design 8).

use std::time::Duration;

use crate::draft::Draft;
use crate::evidence::Watch;
use crate::group::ScaleInOrder;
use crate::ids::SlotId;
use crate::mutant::{self, Mutant};
use crate::slot::{DeleteWhy, Slot, State};

/// At most one part in this many leaves within [`SHRINK_PAUSE`], unless forced, so that a bad observation cannot empty a group (I9).
const SHRINK_PART: u32 = 4;
/// See [`SHRINK_PART`].
const SHRINK_PAUSE: Duration = Duration::from_secs(60);

/// How many servers too many there are. Slots without a server are not counted: a doubt costs no server its place, and when it turns
/// out to be a server it leaves first, as building. Nor are servers that are replaced because their cells are down.
pub(crate) fn excess(draft: &Draft<'_>, watch: &Watch) -> u32 {
    let bound = draft.open().filter(|slot| is_in_service(slot)).count();
    u32::try_from(bound)
        .unwrap_or(u32::MAX)
        .saturating_sub(super::dark(draft, watch))
        .saturating_sub(draft.state.desired.0)
}

/// How long until any of those too many may leave.
pub(crate) fn rest(draft: &Draft<'_>, watch: &Watch) -> Duration {
    match most(draft, watch) {
        0 => pause(draft, watch),
        _ => Duration::ZERO,
    }
}

/// How much is left of the minute after the latest scale-in without force. This owner counts its own besides, by a clock that does not jump.
fn pause(draft: &Draft<'_>, watch: &Watch) -> Duration {
    let now = draft.now();
    let shrunk = draft.state.shrunk;
    let Some(shrunk) = shrunk.filter(|_| !mutant::on(Mutant::ShrinkAnyTime)) else {
        return Duration::ZERO;
    };
    let own = watch.shrunk(shrunk).map_or(Duration::ZERO, |noticed| {
        SHRINK_PAUSE.saturating_sub(now.mono.since(noticed))
    });
    shrunk.rest(SHRINK_PAUSE, now.wall).max(own)
}

/// Sends what is too much on its way out. A commit has room for few slots: what is left of the quarter goes with the next ones.
pub(super) fn shrink(draft: &mut Draft<'_>, watch: &Watch) {
    let most = most(draft, watch);
    if most == 0 {
        return;
    }
    let victims: Vec<SlotId> = in_order(draft, |slot| may_leave(draft, watch, slot))
        .into_iter()
        .take(most)
        .collect();
    let mut has_shrunk = false;
    for id in victims {
        has_shrunk |= super::leave::out(draft, id, DeleteWhy::ScaleIn);
    }
    if has_shrunk && !draft.state.forced {
        draft.state.shrunk = Some(draft.now().wall);
    }
}

/// How many may leave now.
///
/// The latest scale-in moves `shrunk`. So when a minute has passed since then, nothing else left within it, and a whole quarter may go; before
/// that, what left within the last minute counts.
fn most(draft: &Draft<'_>, watch: &Watch) -> usize {
    let excess = excess(draft, watch);
    if draft.state.forced || pause(draft, watch).is_zero() {
        return cap(draft, excess, 0);
    }
    match left(draft, watch) {
        // The ledger does not show who left: nobody can say how many more may.
        0 => 0,
        left => cap(draft, excess, left),
    }
}

/// How many of those too many leave, after so many others that left within a minute: a quarter of what was there before they did, at least one.
fn cap(draft: &Draft<'_>, excess: u32, left: u32) -> usize {
    let cap = if draft.state.forced || mutant::on(Mutant::ShrinkUncapped) {
        excess
    } else {
        let bound = excess.saturating_add(draft.state.desired.0);
        let quarter = (bound.saturating_add(left) / SHRINK_PART).max(1);
        excess.min(quarter.saturating_sub(left))
    };
    usize::try_from(cap).unwrap_or(usize::MAX)
}

/// How many left within a minute, or may have. One that this owner did not see leave counts from the latest move of its slot, which is no earlier:
/// too many are counted, and never too few.
fn left(draft: &Draft<'_>, watch: &Watch) -> u32 {
    let now = draft.now();
    let is_late = |slot: &Slot| match watch.left(slot.id) {
        Some(left) => now.mono.since(left) < SHRINK_PAUSE,
        // Also one of a clock that was ahead of this one, however far.
        None => slot.since > now.wall || !slot.since.rest(SHRINK_PAUSE, now.wall).is_zero(),
    };
    let is_out = |slot: &Slot| {
        matches!(
            slot.state,
            State::Draining(_) | State::Deleting(..) | State::Gone(..)
        )
    };
    let slots = draft.open().chain(draft.ended());
    let left = slots.filter(|slot| is_out(slot) && is_late(slot)).count();
    u32::try_from(left).unwrap_or(u32::MAX)
}

/// Who would leave next if all were seen a moment ago: in a project without complete lists these are read before.
pub(crate) fn next_to_leave(draft: &Draft<'_>, watch: &Watch) -> impl Iterator<Item = SlotId> {
    let excess = excess(draft, watch);
    let is_candidate = |slot: &Slot| !watch.is_unknown(slot.id) && !slot.flags.disowned;
    in_order(draft, is_candidate)
        .into_iter()
        .take(cap(draft, excess, 0))
}

/// All of these, first to go first: building before in service, held ones last; oldest first among building, and as configured
/// among those in service.
fn in_order(draft: &Draft<'_>, may_leave: impl Fn(&Slot) -> bool) -> Vec<SlotId> {
    let mut all: Vec<&Slot> = draft
        .open()
        .filter(|slot| is_in_service(slot) && may_leave(slot))
        .collect();
    let newest_first =
        (draft.config().scale_in == ScaleInOrder::NewestFirst) ^ mutant::on(Mutant::OrderReversed);
    all.sort_by(|a, b| {
        let class = |slot: &Slot| {
            let is_active =
                matches!(slot.state, State::Active(_)) ^ mutant::on(Mutant::BuildingLast);
            (slot.flags.held, is_active)
        };
        let age = (a.issued, a.id).cmp(&(b.issued, b.id));
        let is_active = matches!(a.state, State::Active(_));
        let age = if newest_first && is_active {
            age.reverse()
        } else {
            age
        };
        class(a).cmp(&class(b)).then(age)
    });
    all.into_iter().map(|slot| slot.id).collect()
}

/// Only what was surely there a moment ago, and is surely ours (I9, I2).
fn may_leave(draft: &Draft<'_>, watch: &Watch, slot: &Slot) -> bool {
    let is_known = !watch.is_unknown(slot.id) || mutant::on(Mutant::VictimUnknown);
    let is_ours = !slot.flags.disowned || mutant::on(Mutant::VictimDisowned);
    let is_fresh = watch.is_fresh(slot.id, draft.now().mono)
        || mutant::on(Mutant::VictimUnseen)
        || (watch.is_unknown(slot.id) && mutant::on(Mutant::VictimUnknown));
    is_known && is_ours && is_fresh
}

fn is_in_service(slot: &Slot) -> bool {
    slot.state.is_wanted() && slot.state.server().is_some()
}
