//! Projects too large for complete lists: slots are looked for by their own tags (design 4, rules 4 and 5; ADR 0013).

use std::sync::Arc;
use std::time::Duration;

use domain::evidence::{Extent, Listing, Report};
use domain::ids::SlotId;
use domain::slot::{Hold, Slot, State};
use domain::time::{Mono, Timestamp};
use wire::ports::ops::{Call, Priority, Subject};

use crate::duty::ANSWER_MAX;
use crate::now;
use crate::owner::Owner;
use crate::project::Project;

/// Between two looks for what may have come late or twice: such a list is a call for one slot.
const LOOK_STEADY: Duration = Duration::from_secs(15 * 60);
/// So many of those after one list: each is a call, and the budget of lists is small.
const STEADY_MAX: usize = 8;
/// What ended longer ago than this is not looked for: nothing known executes a call so late.
const LATE_MAX: Duration = Duration::from_secs(2 * 3600);

impl Owner {
    /// After a list that left something out: asks by tag for every doubt, and now and then for every other slot, whose server may
    /// have come late or twice and be shown by no list.
    pub(crate) fn ask_by_tag(&mut self, listings: &[(Arc<Listing>, Project)], reports: &[Report]) {
        for ((list, _), report) in listings.iter().zip(reports) {
            // What it showed could not be bound yet: the roles of all groups are read again, then this list is made again.
            if let Some(slot) = list.about.filter(|_| report.unsure) {
                self.tagged.remove(&slot);
            }
        }
        let is_short = |list: &Listing| list.extent == Extent::Partial && list.about.is_none();
        let partial = listings.iter().any(|(list, _)| is_short(list));
        let Some(group) = self.group.as_ref().filter(|_| partial) else {
            return;
        };
        let now = now(&self.seams.process);
        let slots = &group.slots;
        self.tagged.retain(|slot, _| slots.get(*slot).is_some());
        // What was lost with its worker.
        for (_, (slot, _)) in self
            .looks
            .extract_if(.., |_, (_, at)| now.mono.since(*at) >= ANSWER_MAX)
        {
            self.tagged.remove(&slot);
        }
        let mut due: Vec<(Priority, Option<Mono>, SlotId)> = slots
            .open()
            .chain(slots.ended())
            .filter_map(|slot| {
                let last = self.tagged.get(&slot.id).copied();
                Some((urgency(slot, last, (now.mono, now.wall))?, last, slot.id))
            })
            .collect();
        // Doubts, then whoever has waited longest; the rest after the next list.
        due.sort();
        let is_steady =
            |(priority, ..): &(Priority, Option<Mono>, SlotId)| *priority != Priority::Doubt;
        let doubts = due.iter().filter(|one| !is_steady(one)).count();
        due.truncate(doubts + STEADY_MAX);
        for (priority, _, slot) in due {
            let subject = Subject::Group(self.key.clone());
            let call = Call::ListTagged { slot };
            let handout = &self.seams.handout;
            if let Some(op) = handout.queue(subject, (call, None), priority, None) {
                self.looks.insert(op, (slot, now.mono));
                self.tagged.insert(slot, now.mono);
            }
        }
    }
}

/// Whether a slot is to be asked for now, and how urgently.
fn urgency(slot: &Slot, last: Option<Mono>, (now, wall): (Mono, Timestamp)) -> Option<Priority> {
    let has_rested = last.is_none_or(|last| now.since(last) >= LOOK_STEADY);
    let watched = has_rested.then_some(Priority::Housekeeping);
    match &slot.state {
        // Nothing else settles these.
        State::InDoubt(..) | State::Lapsed(_, Hold::Counted) => Some(Priority::Doubt),
        // Its report decides first.
        State::Issued(_) => None,
        State::Accepted(_)
        | State::Configuring(_)
        | State::Active(_)
        | State::Draining(_)
        | State::Deleting(..)
        | State::Surplus(_) => watched,
        State::Failed(_) | State::Lapsed(_, Hold::Released) | State::Gone(..) => {
            watched.filter(|_| wall.since(slot.since) < LATE_MAX)
        }
    }
}
