//! Outcomes of deletes and of reads before them.

use std::time::Duration;

use crate::draft::Draft;
use crate::evidence::{LOCKED_AGAIN, UNCLEAR_AGAIN, Watch};
use crate::ids::{ServerId, SlotId};
use crate::slot::{Flags, Move};

use super::{bound, flag};

/// In a project too large for complete lists the delete itself is asked again to see the server gone.
const UNSEEN_AGAIN: Duration = Duration::from_secs(120);

/// 204: the server should go; asked again if it stays, or if no list can show that it went.
pub(super) fn accepted(draft: &mut Draft<'_>, watch: &mut Watch, at: (SlotId, ServerId)) {
    let Some(slot) = bound(draft, at) else {
        return;
    };
    let pause = if watch.falls_short() {
        UNSEEN_AGAIN.min(watch.rules.delete_again)
    } else {
        watch.rules.delete_again
    };
    answered(watch, at.0, draft.now().mono.plus(pause));
    let flags = Flags {
        blocked: false,
        ..slot.flags
    };
    flag(draft, slot, flags);
}

/// 404: gone when it is said twice, apart (safety 3.6).
pub(super) fn not_found(draft: &mut Draft<'_>, watch: &mut Watch, at: (SlotId, ServerId)) {
    if bound(draft, at).is_none() {
        return;
    }
    if watch.not_found(at.0) {
        draft.try_step(at.0, Move::Vanish);
    } else {
        // Asked again for the second witness, without counting the pause from the first.
        answered(watch, at.0, draft.now().mono.plus(watch.rules.apart));
    }
    watch.want_list(draft.now().mono);
}

/// 409: somebody locked it. Never unlocked by us; tried again, and the customer sees the flag.
pub(super) fn locked(draft: &mut Draft<'_>, watch: &mut Watch, at: (SlotId, ServerId)) {
    let Some(slot) = bound(draft, at) else {
        return;
    };
    answered(watch, at.0, draft.now().mono.plus(LOCKED_AGAIN));
    let flags = Flags {
        blocked: true,
        ..slot.flags
    };
    flag(draft, slot, flags);
}

/// No sure answer: a delete is idempotent by uuid, so it is sent again, less and less often.
pub(super) fn unclear(draft: &Draft<'_>, watch: &mut Watch, at: (SlotId, ServerId)) {
    if bound(draft, at).is_none() {
        return;
    }
    let asks = watch.track(at.0).map_or(0, |track| track.asks);
    let factor = 1 << asks.saturating_sub(1).min(8);
    let pause = (UNCLEAR_AGAIN * factor).min(watch.rules.delete_again);
    answered(watch, at.0, draft.now().mono.plus(pause));
}

/// The fresh read did not show our proof: never deleted by us; `plan` hands it back (I2 beats I1).
pub(super) fn not_ours(draft: &mut Draft<'_>, watch: &mut Watch, at: (SlotId, ServerId)) {
    let Some(slot) = bound(draft, at) else {
        return;
    };
    answered(watch, at.0, draft.now().mono.plus(watch.rules.delete_again));
    let flags = Flags {
        disowned: true,
        ..slot.flags
    };
    flag(draft, slot, flags);
}

fn answered(watch: &mut Watch, slot: SlotId, again: crate::time::Mono) {
    if let Some(track) = watch.track_mut(slot) {
        track.asked = None;
        track.again = Some(again);
    }
}
