//! Holds: why a group launches nothing new for now, and for how long (safety 2.2).
//!
//! Back-off grows per wave, not per slot: what fails together was launched together and says one thing. A success ends a hold.

use std::time::Duration;

use crate::draft::Draft;
use crate::group::{Hold, HoldWhy, Phase, State};
use crate::mutant::{self, Mutant};
use crate::slot::{self, DeleteWhy, GoneWhy, Slot};
use crate::time::Timestamp;

/// Longest text of the cloud that is kept, in bytes.
pub const DETAIL_BYTES_MAX: usize = 512;
/// So many failed builds within [`FAILURES_WINDOW`] hold the group (safety 2.2 `BuildFailed`).
pub const FAILURES_MAX: usize = 3;
/// See [`FAILURES_MAX`].
pub const FAILURES_WINDOW: Duration = Duration::from_secs(30 * 60);
/// The cloud has no room: first back-off, doubled with each wave up to [`CAPACITY_MAX`].
const CAPACITY_MIN: Duration = Duration::from_secs(30);
const CAPACITY_MAX: Duration = Duration::from_secs(600);
/// Quota: 5, 15, 60 minutes.
const QUOTA: [Duration; 3] = [
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3600),
];
/// One probe of a suspect credential in this time.
const CREDENTIAL: Duration = Duration::from_secs(600);
/// Where the cloud throttles without a time.
const THROTTLED: Duration = Duration::from_secs(30);
/// However long the cloud says.
const THROTTLED_MAX: Duration = Duration::from_secs(3600);
/// A hold that ended this long ago without another failure does not count as "in a row" any more.
const FORGET: Duration = Duration::from_secs(30 * 60);

/// Whether something holds new launches now.
#[must_use]
pub fn is_held(state: &State, now: Timestamp) -> bool {
    state.hold.as_ref().is_some_and(|hold| is_active(hold, now))
}

fn is_active(hold: &Hold, now: Timestamp) -> bool {
    rest(hold, now).is_none_or(|rest| !rest.is_zero())
}

/// How long a hold still lasts; none if it does not end by itself.
///
/// By its length, not by its end: a clock that was wrong when it began must not make it last for hours (I8).
pub(crate) fn rest(hold: &Hold, now: Timestamp) -> Option<Duration> {
    let length = hold.until?.since(hold.since);
    Some(hold.since.rest(length, now))
}

/// One failure of a slot that was issued at `issued`: begins a hold or lengthens the back-off.
///
/// A failure of a slot that was issued before the present hold began belongs to the wave that caused it and changes nothing. So does every
/// failure while it lasts, because nothing is issued meanwhile, whatever the clock of whoever issued the slot said.
///
/// A hold that has not begun yet and does not hold was made by a clock that was ahead (I8): it says nothing about what fails now.
pub fn strike(draft: &mut Draft<'_>, why: HoldWhy, detail: &str, issued: Timestamp) {
    let now = draft.now().wall;
    let same = draft.state.hold.as_ref().filter(|hold| hold.why == why);
    let lately =
        |hold: &Hold| hold.since <= now && hold.until.is_none_or(|until| now.since(until) < FORGET);
    let fresh = same.filter(|hold| is_active(hold, now) || lately(hold));
    if fresh.is_some_and(|hold| is_active(hold, now) || issued <= hold.since)
        && !mutant::on(Mutant::StrikePerSlot)
    {
        return;
    }
    let strikes = fresh.map_or(0, |hold| hold.strikes).saturating_add(1);
    let until = back_off(why, strikes).map(|length| now.plus(length));
    begin(draft, why, detail, (strikes, until));
}

/// The ledger lacked a server that is surely ours: it was restored from a backup, and may lack more. Nothing is launched or deleted until
/// somebody has looked and resumes the group (safety 3.5).
pub(crate) fn restored(draft: &mut Draft<'_>) {
    const DETAIL: &str = "servers prove slots that the ledger did not have; they were taken in";
    if draft.state.phase == Phase::Running {
        draft.state.phase = Phase::Paused;
    }
    begin(draft, HoldWhy::Restored, DETAIL, (1, None));
}

/// A hold of a stated length, an hour at most: throttled by the cloud.
pub fn throttle(draft: &mut Draft<'_>, least: Duration) {
    let until = draft.now().wall.plus(least.min(THROTTLED_MAX));
    begin(draft, HoldWhy::Throttled, "", (1, Some(until)));
}

/// Holds the group when too many builds failed lately, or were abandoned: replacing them for ever would cost money for ever.
///
/// To be called after each slot that goes for [`DeleteWhy::Failed`], [`DeleteWhy::Stuck`] or [`DeleteWhy::Abandoned`].
pub fn count_failures(draft: &mut Draft<'_>, detail: &str) {
    if mutant::on(Mutant::FailuresUnlimited) {
        return;
    }
    let mut lately = failures(draft);
    lately.sort_unstable();
    let Some(third) = lately.len().checked_sub(FAILURES_MAX) else {
        return;
    };
    // From then on fewer than the maximum lie in the window.
    let until = lately[third].plus(FAILURES_WINDOW);
    let strikes = u32::try_from(lately.len()).unwrap_or(u32::MAX);
    begin(draft, HoldWhy::Failures, detail, (strikes, Some(until)));
}

/// Whether one more server may be deleted and replaced for a failure: a bad hour of the cloud must not empty a group.
#[must_use]
pub fn may_fail(draft: &Draft<'_>) -> bool {
    mutant::on(Mutant::FailuresUnlimited) || failures(draft).len() < FAILURES_MAX
}

/// A server that was issued after the hold began came up: the reason is gone.
pub fn ease(draft: &mut Draft<'_>, issued: Timestamp) {
    let now = draft.now().wall;
    if draft
        .state
        .hold
        .as_ref()
        .is_some_and(|hold| issued > hold.since && !is_active(hold, now))
    {
        draft.state.hold = None;
    }
}

fn failures(draft: &Draft<'_>) -> Vec<Timestamp> {
    let now = draft.now().wall;
    draft
        .open()
        .chain(draft.ended())
        .filter(|slot| is_failure(slot) && !slot.since.rest(FAILURES_WINDOW, now).is_zero())
        .map(|slot| slot.since)
        .collect()
}

fn is_failure(slot: &Slot) -> bool {
    let why = match &slot.state {
        slot::State::Deleting(_, why) | slot::State::Gone(_, GoneWhy::Deleted(why)) => *why,
        slot::State::Issued(_)
        | slot::State::InDoubt(..)
        | slot::State::Accepted(_)
        | slot::State::Configuring(_)
        | slot::State::Active(_)
        | slot::State::Draining(_)
        | slot::State::Surplus(_)
        | slot::State::Failed(_)
        | slot::State::Lapsed(..)
        | slot::State::Gone(_, GoneWhy::External | GoneWhy::HandedBack) => return false,
    };
    matches!(
        why,
        DeleteWhy::Failed | DeleteWhy::Stuck | DeleteWhy::Abandoned
    )
}

fn back_off(why: HoldWhy, strikes: u32) -> Option<Duration> {
    let before = strikes.saturating_sub(1);
    match why {
        HoldWhy::NoCapacity => {
            let factor = 1 << before.min(10);
            Some((CAPACITY_MIN * factor).min(CAPACITY_MAX))
        }
        HoldWhy::Quota => {
            let step = usize::try_from(before)
                .unwrap_or(usize::MAX)
                .min(QUOTA.len() - 1);
            Some(QUOTA[step])
        }
        HoldWhy::Config | HoldWhy::Restored => None,
        HoldWhy::Credential => Some(CREDENTIAL),
        HoldWhy::Failures => Some(FAILURES_WINDOW),
        HoldWhy::Throttled => Some(THROTTLED),
    }
}

/// Of two holds the longer one is kept, whatever the reasons.
fn begin(
    draft: &mut Draft<'_>,
    why: HoldWhy,
    detail: &str,
    (strikes, until): (u32, Option<Timestamp>),
) {
    let now = draft.now().wall;
    let present = draft
        .state
        .hold
        .as_ref()
        .filter(|hold| is_active(hold, now));
    if present.is_some_and(|hold| match (hold.until, until) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(old), Some(new)) => old >= new,
    }) {
        return;
    }
    draft.state.hold = Some(Hold {
        why,
        detail: cut(detail),
        since: now,
        until,
        strikes,
    });
}

fn cut(detail: &str) -> String {
    let mut end = detail.len().min(DETAIL_BYTES_MAX);
    while !detail.is_char_boundary(end) {
        end -= 1;
    }
    detail[..end].to_owned()
}

#[cfg(test)]
mod tests;
