//! Who leaves when there are too many (contract 4.4, design 8).

use std::time::Duration;

use crate::draft::Draft;
use crate::evidence::Watch;
use crate::group::ScaleInOrder;
use crate::ids::SlotId;
use crate::mutant::{self, Mutant};
use crate::slot::{DeleteWhy, Slot, State};

/// At most one part in this many leaves per plan, unless forced, so that a bad observation cannot empty a group (I9).
const SHRINK_PART: u32 = 4;
/// And one plan in this time.
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

/// How long until the next scale-in without force may be planned.
pub(crate) fn rest(draft: &Draft<'_>) -> Duration {
    if draft.state.forced || mutant::on(Mutant::ShrinkAnyTime) {
        return Duration::ZERO;
    }
    draft.state.shrunk.map_or(Duration::ZERO, |shrunk| {
        shrunk.rest(SHRINK_PAUSE, draft.now().wall)
    })
}

/// Sends what is too much on its way out.
pub(super) fn shrink(draft: &mut Draft<'_>, watch: &Watch) {
    let excess = excess(draft, watch);
    if excess == 0 || !rest(draft).is_zero() {
        return;
    }
    let victims: Vec<SlotId> = in_order(draft, |slot| may_leave(draft, watch, slot))
        .into_iter()
        .take(most(draft, excess))
        .collect();
    let mut has_shrunk = false;
    for id in victims {
        has_shrunk |= super::leave::out(draft, id, DeleteWhy::ScaleIn);
    }
    if has_shrunk && !draft.state.forced {
        draft.state.shrunk = Some(draft.now().wall);
    }
}

/// How many of those too many leave at once.
fn most(draft: &Draft<'_>, excess: u32) -> usize {
    let cap = if draft.state.forced || mutant::on(Mutant::ShrinkUncapped) {
        excess
    } else {
        let bound = excess.saturating_add(draft.state.desired.0);
        excess.min((bound / SHRINK_PART).max(1))
    };
    usize::try_from(cap).unwrap_or(usize::MAX)
}

/// Who would leave next if all were seen a moment ago: in a project without complete lists these are read before.
pub(crate) fn next_to_leave(draft: &Draft<'_>, watch: &Watch) -> impl Iterator<Item = SlotId> {
    let excess = excess(draft, watch);
    let is_candidate = |slot: &Slot| !watch.is_unknown(slot.id) && !slot.flags.disowned;
    in_order(draft, is_candidate)
        .into_iter()
        .take(most(draft, excess).min(usize::try_from(excess).unwrap_or(usize::MAX)))
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
