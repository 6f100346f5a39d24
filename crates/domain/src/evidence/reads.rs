//! Projects with more servers than one list can show: what a list left out is read one by one (design 4, rule 5).

use std::collections::BTreeSet;
use std::time::Duration;

use crate::draft::Draft;
use crate::group::{Group, Phase};
use crate::ids::{ServerId, SlotId};
use crate::slot::{Slot, State};
use crate::time::{Mono, Now};

use super::{Track, Wake, Watch};

/// Between two reads of a server that boots.
const READ_BUSY: Duration = Duration::from_secs(30);
/// Between two reads of a server in service: each of them is a call of its own.
const READ_STEADY: Duration = Duration::from_secs(5 * 60);

/// A read of one server that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadCall {
    /// The slot.
    pub slot: SlotId,
    /// The server that is bound to it.
    pub server: ServerId,
}

impl Watch {
    /// Whether the latest list of the project left something out, so that absence from it says nothing.
    pub(crate) fn falls_short(&self) -> bool {
        self.last > self.complete
    }

    /// The servers that the latest list did not show, and that somebody has to know about.
    pub(super) fn due_reads(&self, group: &Group, now: Now, wake: &mut Wake) {
        if !self.falls_short() {
            return;
        }
        let draft = Draft::new(group, now);
        let leaving: BTreeSet<SlotId> = match group.state.phase {
            Phase::Running => crate::plan::next_to_leave(&draft, self).collect(),
            Phase::Paused | Phase::Deleting | Phase::Tombstone => BTreeSet::new(),
        };
        for slot in group.slots.open() {
            let pause = match slot.state {
                State::Active(_) if leaving.contains(&slot.id) => self.rules.victim_seen / 2,
                State::Active(_) => READ_STEADY,
                State::Accepted(_) | State::Configuring(_) => READ_BUSY,
                State::Issued(_)
                | State::InDoubt(..)
                | State::Draining(_)
                | State::Deleting(..)
                | State::Surplus(_)
                | State::Failed(_)
                | State::Lapsed(..)
                | State::Gone(..) => continue,
            };
            if let Some(track) = self.track(slot.id) {
                self.due_read((slot, track), pause, now.mono, wake);
            }
        }
    }

    fn due_read(
        &self,
        (slot, track): (&Slot, &Track),
        pause: Duration,
        now: Mono,
        wake: &mut Wake,
    ) {
        let seen = track.seen.map(|(began, _)| began);
        // The latest list showed it after all.
        let is_shown = seen.is_some() && seen >= self.last;
        let Some(server) = slot.state.server().filter(|_| !is_shown) else {
            return;
        };
        let rest = seen.or(track.bound).map_or(now, |at| at.plus(pause));
        let at = match (track.asked, track.again) {
            (Some(asked), _) => asked.plus(self.rules.begin + self.rules.call),
            // A second witness of its absence, or the rest that a worker asked for.
            (None, Some(again)) if track.not_found.is_some() => again,
            (None, Some(again)) => again.max(rest),
            (None, None) => rest,
        };
        if at > now {
            wake.wake_by(at);
        } else {
            let slot = slot.id;
            wake.reads.push(ReadCall { slot, server });
        }
    }
}
