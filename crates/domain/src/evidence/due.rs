//! What a group needs of the outside next: calls that are due now, and when to look and think again.

use std::time::Duration;

use crate::draft::Draft;
use crate::group::{Adoption, Group, Phase};
use crate::hold;
use crate::ids::{Incarnation, Nonce, ServerId, SlotId, WorkerName};
use crate::mutant::{self, Mutant};
use crate::slot::{DoubtWhy, Hold, Slot, State, is_handed_back};
use crate::time::{Mono, Now};

use super::lapse::{doubt_after, token_dead};
use super::{ReadCall, Track, Watch};

/// A delete is sent again this often before a person must look (safety 2.2 `DeleteAcked`).
pub(super) const DELETES_MAX: u32 = 6;
/// A locked server is tried again after this (safety 2.2 `Blocked`).
pub(crate) const LOCKED_AGAIN: Duration = Duration::from_secs(30 * 60);
/// The first pause after a delete without a clear answer; doubled each time.
pub(crate) const UNCLEAR_AGAIN: Duration = Duration::from_secs(20);
/// Between two void requests for one slot.
const VOID_AGAIN: Duration = Duration::from_secs(30);
/// A server that is expected to appear, boot or go is looked for this long after the event (safety 2.2).
const LOOKS: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
];
/// Then this often.
const LOOK_BUSY: Duration = Duration::from_secs(30);
/// Between lists of a group with open slots in which nothing happens.
const LOOK_STEADY: Duration = Duration::from_secs(60);
/// Between lists of a group of which only ended slots are watched.
const LOOK_ENDED: Duration = Duration::from_secs(15 * 60);
/// Least time between two lists that are to be two witnesses.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A delete call that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteCall {
    /// The slot.
    pub slot: SlotId,
    /// The server that is bound to it.
    pub server: ServerId,
    /// The slot whose proof the server must show when it is read again just before the call (I2).
    pub proof: SlotId,
    /// The nonce of that proof.
    pub nonce: Nonce,
}

/// A question to a worker, or to its successor on the same host, whether a call was begun. If not it never will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoidCall {
    /// The slot.
    pub slot: SlotId,
    /// The worker that it was issued for.
    pub worker: WorkerName,
    /// The life of it that might have begun the call.
    pub incarnation: Incarnation,
}

/// What a group needs of the outside next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wake {
    /// Deletes to send now. The owner notes each with [`Watch::handed_out`] or [`Watch::put_off`].
    pub deletes: Vec<DeleteCall>,
    /// Voids to ask for now, noted likewise.
    pub voids: Vec<VoidCall>,
    /// Reads of single servers to send now, noted likewise.
    pub reads: Vec<ReadCall>,
    /// The tenant's servers should be listed by then; a time that has passed means now, none that nobody needs a list.
    pub list: Option<Mono>,
    /// By then the owner should look at the group again, even when nothing happens; lists and events wake it earlier.
    pub next: Option<Mono>,
    /// Those of the deletes that were tried so often that a person must look.
    pub stuck: Vec<SlotId>,
}

impl Wake {
    fn list_by(&mut self, at: Mono) {
        self.list = Some(self.list.map_or(at, |old| old.min(at)));
    }
    pub(super) fn wake_by(&mut self, at: Mono) {
        self.next = Some(self.next.map_or(at, |old| old.min(at)));
    }
}

impl Watch {
    /// What the group needs of the outside next. `group` is as committed and noted by [`Watch::sync`].
    #[must_use]
    pub fn due(&self, group: &Group, now: Now) -> Wake {
        let mut wake = Wake::default();
        let is_adopting = group.state.adoption != Adoption::Done;
        let paused = group.state.phase == Phase::Paused || is_adopting;
        for slot in group.slots.open() {
            let Some(track) = self.track(slot.id) else {
                // Not noted yet: look again at once, after the sync.
                wake.wake_by(now.mono);
                continue;
            };
            self.due_list(slot, track, &mut wake);
            match &slot.state {
                State::Deleting(server, _) if !paused => {
                    self.due_delete(slot, *server, now.mono, &mut wake)
                }
                State::Issued(_) | State::InDoubt(_, DoubtWhy::WorkerLost) => {
                    self.due_void(slot, now.mono, &mut wake);
                }
                State::Deleting(..)
                | State::InDoubt(..)
                | State::Accepted(_)
                | State::Configuring(_)
                | State::Active(_)
                | State::Draining(_)
                | State::Surplus(_)
                | State::Failed(_)
                | State::Lapsed(..)
                | State::Gone(..) => {}
            }
        }
        self.due_ended(group, &mut wake);
        if group.state.adoption == Adoption::Due {
            let next = self.last.map_or(self.began, |last| last.plus(LOOK_BUSY));
            wake.list_by(next.max(self.settled()));
        }
        if self.looks_after(group, now.mono) {
            wake.list_by(self.last.map_or(self.began, |last| last.plus(LOOK_BUSY)));
        }
        self.due_reads(group, now, &mut wake);
        if let Some(at) = self.wanted {
            wake.list_by(self.last.map_or(at, |last| at.max(last.plus(LOOK_AGAIN))));
        }
        self.due_state(group, now, &mut wake);
        if mutant::on(Mutant::WakeAlways) {
            wake.wake_by(now.mono);
        }
        wake
    }

    fn due_delete(&self, slot: &Slot, server: ServerId, now: Mono, wake: &mut Wake) {
        let Some(track) = self.track(slot.id) else {
            return;
        };
        if slot.flags.disowned && !mutant::on(Mutant::DeleteDisowned) {
            return;
        }
        let answer = self.rules.begin + self.rules.call;
        let at = match (track.asked, track.again) {
            (Some(asked), _) => asked.plus(answer),
            (None, Some(again)) => again,
            (None, None) => now,
        };
        if at > now && !mutant::on(Mutant::DeleteUnpaced) {
            wake.wake_by(at);
            return;
        }
        if self.is_stuck_deleting(slot) {
            wake.stuck.push(slot.id);
        }
        wake.deletes.push(DeleteCall {
            slot: slot.id,
            server,
            proof: slot.proof,
            nonce: slot.nonce,
        });
    }

    fn due_void(&self, slot: &Slot, now: Mono, wake: &mut Wake) {
        let (State::Issued(issue) | State::InDoubt(issue, _), Some(track)) =
            (&slot.state, self.track(slot.id))
        else {
            return;
        };
        let due = if self.is_dead(issue.incarnation) {
            track.noticed
        } else {
            track.noticed.plus(self.rules.begin + self.rules.call)
        };
        let at = match (track.asked, track.again) {
            (Some(asked), _) => asked.plus(VOID_AGAIN).max(due),
            (None, Some(again)) => again.max(due),
            (None, None) => due,
        };
        if at > now {
            wake.wake_by(at);
        } else {
            wake.voids.push(VoidCall {
                slot: slot.id,
                worker: issue.worker.clone(),
                incarnation: issue.incarnation,
            });
        }
        if matches!(slot.state, State::Issued(_)) {
            wake.wake_by(track.noticed.plus(doubt_after(self)));
        }
    }

    /// When this slot needs the next list.
    fn due_list(&self, slot: &Slot, track: &Track, wake: &mut Wake) {
        let last = self.last;
        let after_last = |pause: Duration| last.map_or(self.began, |last| last.plus(pause));
        match &slot.state {
            State::Issued(_) => {}
            State::InDoubt(..) => {
                let doubt = track.doubt.unwrap_or(track.noticed);
                let next = match track.clear {
                    Some(first) => first.plus(self.rules.apart),
                    None => doubt.plus(self.rules.quiesce),
                };
                let soon = after_last(LOOK_BUSY).max(doubt);
                wake.list_by(if last.is_some_and(|last| last >= next) {
                    soon
                } else {
                    next.min(soon)
                });
            }
            State::Accepted(_)
            | State::Configuring(_)
            | State::Draining(_)
            | State::Deleting(..)
            | State::Surplus(_) => {
                let since = match &slot.state {
                    State::Deleting(..) => track.asked_first.or(track.bound),
                    State::Issued(_)
                    | State::InDoubt(..)
                    | State::Accepted(_)
                    | State::Configuring(_)
                    | State::Active(_)
                    | State::Draining(_)
                    | State::Surplus(_)
                    | State::Failed(_)
                    | State::Lapsed(..)
                    | State::Gone(..) => track.bound,
                };
                wake.list_by(next_look(since.unwrap_or(track.noticed), last));
            }
            State::Active(_) => wake.list_by(after_last(LOOK_STEADY)),
            State::Failed(_) | State::Lapsed(..) | State::Gone(..) => {}
        }
        if !track.absent.is_empty() {
            wake.list_by(after_last(LOOK_AGAIN));
        }
    }

    fn due_ended(&self, group: &Group, wake: &mut Wake) {
        let mut is_watched = false;
        for slot in group.slots.ended() {
            is_watched |= !is_handed_back(&slot.state);
            if let (State::Lapsed(issue, Hold::Counted), Some(track)) =
                (&slot.state, self.track(slot.id))
                && let Some(dead) = token_dead(self, track, issue)
            {
                wake.list_by(
                    self.last
                        .map_or(dead, |last| last.plus(LOOK_BUSY).max(dead)),
                );
            }
        }
        if is_watched {
            wake.list_by(self.last.map_or(self.began, |last| last.plus(LOOK_ENDED)));
        }
    }

    /// What waits for wall time, and whether a scale-in waits for a list.
    fn due_state(&self, group: &Group, now: Now, wake: &mut Wake) {
        let hold = group.state.hold.as_ref();
        if let Some(rest) = hold
            .and_then(|hold| hold::rest(hold, now.wall))
            .filter(|rest| !rest.is_zero())
        {
            wake.wake_by(now.mono.plus(rest));
        }
        let hooks = crate::outbox::due(group, now.wall);
        if let Some(rest) = hooks.next {
            wake.wake_by(now.mono.plus(rest));
        }
        if let Some(over) = group.state.over {
            wake.wake_by(now.mono.plus(over.until.since(now.wall)));
        }
        let draft = Draft::new(group, now);
        if group.state.phase != Phase::Running || crate::plan::excess(&draft, self) == 0 {
            return;
        }
        // Who leaves is chosen from a fresh list: that list wakes the owner, time only when it has to pass first.
        let rest = crate::plan::shrink_rest(&draft, self);
        let next = now.mono.plus(rest);
        if !rest.is_zero() {
            wake.wake_by(next);
        }
        let fresh = self.last.map(|last| last.plus(self.rules.victim_seen));
        if fresh.is_none_or(|fresh| fresh < next) {
            wake.list_by(next);
        }
    }
}

/// The first of the look times that the last list did not serve.
fn next_look(since: Mono, last: Option<Mono>) -> Mono {
    let Some(last) = last else {
        return since.plus(LOOKS[0]);
    };
    LOOKS
        .iter()
        .map(|pause| since.plus(*pause))
        .find(|look| *look > last)
        .unwrap_or_else(|| last.plus(LOOK_BUSY))
}
