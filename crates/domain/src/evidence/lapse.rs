//! What time and silence prove about a call whose outcome nobody knows: doubt, lapse, release (design 4, rules 3 and 5).

use std::time::Duration;

use crate::draft::Draft;
use crate::ids::SlotId;
use crate::mutant::{self, Mutant, Rule, off};
use crate::slot::{CallToken, DoubtWhy, Hold, Issue, Move, State};
use crate::time::Mono;

use super::{Extent, Scale, Status, Track, Watch};

/// Two tagged lists further apart than this do not follow on each other.
const TAGGED_GAP_MAX: Duration = Duration::from_secs(600);

/// Puts slots in doubt whose report is overdue and for which a void was asked in vain. Part of every plan.
///
/// A void is asked for when `begin + call` have passed, and has another `begin` to be answered (safety 3.5).
pub(crate) fn overdue(draft: &mut Draft<'_>, watch: &Watch) {
    let now = draft.now().mono;
    let late: Vec<SlotId> = draft
        .open()
        .filter(|slot| matches!(slot.state, State::Issued(_)))
        .filter(|slot| {
            watch
                .track(slot.id)
                .is_some_and(|track| now.since(track.noticed) >= doubt_after(watch))
        })
        .map(|slot| slot.id)
        .collect();
    for id in late.into_iter().take(draft.room()) {
        draft.advance(id, Move::Doubt(DoubtWhy::WorkerLost));
    }
}

/// How long after it was noticed an unreported call comes into doubt.
pub(super) fn doubt_after(watch: &Watch) -> Duration {
    watch.rules.begin + watch.rules.call + watch.rules.begin
}

/// When the token of a lapsed slot's call is surely dead, caches included. Counted from when the owner knew of the slot, which is not
/// before its commit, or from when it read that the token is revoked. None: it has not taken note of that yet.
pub(super) fn token_dead(watch: &Watch, track: &Track, issue: &Issue) -> Option<Mono> {
    if mutant::on(Mutant::ReleaseEarly) {
        return Some(track.noticed);
    }
    let ended = match issue.token {
        CallToken::Lives(left) => track.noticed.plus(left),
        CallToken::Revoked if mutant::on(Mutant::RevokedSinceTheCall) => track.noticed,
        CallToken::Revoked => track.revoked?,
    };
    Some(ended.plus(watch.rules.token_cache))
}

/// Weighs the absence of candidates in this listing for slots in doubt and lapsed slots.
pub(super) fn weigh(draft: &mut Draft<'_>, watch: &mut Watch, scale: &Scale<'_>) {
    let doubtful: Vec<SlotId> = draft
        .open()
        .filter(|slot| matches!(slot.state, State::InDoubt(..)))
        .map(|slot| slot.id)
        .collect();
    for id in doubtful {
        if is_settled_by_silence(draft, watch, scale, id) {
            draft.advance(id, Move::Lapse);
        }
    }
    let lapsed: Vec<(SlotId, Issue)> = draft
        .ended()
        .filter_map(|slot| match &slot.state {
            State::Lapsed(issue, Hold::Counted) => Some((slot.id, issue.clone())),
            State::Lapsed(_, Hold::Released)
            | State::Issued(_)
            | State::InDoubt(..)
            | State::Accepted(_)
            | State::Configuring(_)
            | State::Active(_)
            | State::Draining(_)
            | State::Deleting(..)
            | State::Surplus(_)
            | State::Failed(_)
            | State::Gone(..) => None,
        })
        .collect();
    for (id, issue) in lapsed {
        if is_released_by_silence(draft, watch, scale, (id, &issue)) {
            draft.advance(id, Move::Release);
        }
    }
}

/// Two complete lists begun after quiesce, apart, without a candidate; or, where there are none, an hour of tagged ones.
fn is_settled_by_silence(
    draft: &Draft<'_>,
    watch: &mut Watch,
    scale: &Scale<'_>,
    id: SlotId,
) -> bool {
    let (rules, began) = (watch.rules, scale.listing.began);
    let is_blind = is_blind(draft, watch, scale, id);
    let is_claimed = scale.claimed.contains(&id);
    let Some(track) = watch.track_mut(id) else {
        return false;
    };
    let Some(doubt) = track.doubt else {
        return false;
    };
    if is_claimed {
        (track.clear, track.tagged) = (None, None);
        return false;
    }
    let quiet = if mutant::on(Mutant::LapseEarly) {
        doubt
    } else {
        doubt.plus(rules.quiesce)
    };
    let counts = match scale.listing.extent {
        Extent::Complete => true,
        Extent::Partial => mutant::on(Mutant::LapseFromPartial),
        Extent::TaggedInPart => false,
        Extent::Tagged => {
            if scale.listing.about != Some(id) {
                return false;
            }
            if is_blind {
                track.tagged = None;
                return false;
            }
            follow(track, began);
            return track
                .tagged
                .is_some_and(|(first, last)| last.since(first) >= rules.tagged_lapse);
        }
    };
    if !counts || is_blind || began < quiet {
        return false;
    }
    let first = *track.clear.get_or_insert(began);
    let apart = began.since(first).max(first.since(began));
    track.clear = Some(first.min(began));
    apart >= rules.apart || mutant::on(Mutant::LapseOnOneList)
}

/// The strict rule: the token is dead, and one complete list begun after that shows no candidate.
fn is_released_by_silence(
    draft: &Draft<'_>,
    watch: &mut Watch,
    scale: &Scale<'_>,
    (id, issue): (SlotId, &Issue),
) -> bool {
    let (rules, began) = (watch.rules, scale.listing.began);
    let is_blind = is_blind(draft, watch, scale, id);
    let is_claimed = scale.claimed.contains(&id);
    let Some(dead) = watch
        .track(id)
        .and_then(|track| token_dead(watch, track, issue))
    else {
        return false;
    };
    let Some(track) = watch.track_mut(id).filter(|_| began >= dead && !is_claimed) else {
        return false;
    };
    match scale.listing.extent {
        Extent::Complete => !is_blind,
        Extent::Partial | Extent::TaggedInPart => false,
        Extent::Tagged => {
            if scale.listing.about != Some(id) {
                return false;
            }
            if is_blind || track.tagged.is_some_and(|(first, _)| first < dead) {
                track.tagged = None;
            }
            if is_blind {
                return false;
            }
            follow(track, began);
            track
                .tagged
                .is_some_and(|(first, last)| last.since(first) >= rules.tagged_lapse)
        }
    }
}

/// Adds a tagged list without a candidate to the row of them, or begins a new row after a gap.
fn follow(track: &mut Track, began: Mono) {
    track.tagged = match track.tagged {
        Some((first, last)) if began.since(last) <= TAGGED_GAP_MAX => {
            Some((first, last.max(began)))
        }
        Some(_) | None => Some((began, began)),
    };
}

/// Whether an UNKNOWN row may be the server of this call: it has no role, and was not seen in a list before the call was sent
/// (safety 3.6). In a list by the slot's own tag, so may a row of our account whose metadata somebody took away.
fn is_blind(draft: &Draft<'_>, watch: &Watch, scale: &Scale<'_>, id: SlotId) -> bool {
    if mutant::on(Mutant::UnknownIsAbsent) {
        return false;
    }
    let Some(track) = watch.track(id) else {
        return true;
    };
    // A slot that was found in the ledger may have been called long before it was found.
    let called = (track.own || off(Rule::UnknownRowBeforeCall)).then_some(track.noticed);
    let met_before_the_call =
        |server| called.is_some_and(|called| scale.around.met_before(server, called));
    let mine = draft.group().key.id;
    scale.listing.rows.iter().any(|row| {
        let bare = scale.listing.about == Some(id) && row.ours && row.proof == super::Proof::None;
        let unknown =
            bare || row.status == Status::Unknown || row.proof == super::Proof::Unreadable;
        let placed = scale.roles.contains_key(&row.server)
            || scale
                .around
                .role(row.server)
                .is_some_and(|group| group != mine);
        unknown && !placed && !met_before_the_call(row.server)
    })
}
