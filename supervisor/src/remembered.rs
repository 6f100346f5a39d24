//! The verdicts that an owner made last, so that whoever waits for one, and the doubles of a burst, cost no round trip.

use std::collections::{BTreeMap, VecDeque};

use domain::ids::EventId;
use domain::verdict::Verdict;

/// Verdicts remembered: several full commits.
const KEPT: usize = 256;

/// Verdicts by their events; the oldest is forgotten for the newest, whatever their names are.
#[derive(Default)]
pub(crate) struct Remembered {
    /// Boxed: most groups decide little, and a map makes room for eleven at once.
    by_event: BTreeMap<EventId, Box<Verdict>>,
    oldest: VecDeque<EventId>,
}

impl Remembered {
    pub(crate) fn note(&mut self, verdict: Verdict) {
        let event = verdict.event.clone();
        if self
            .by_event
            .insert(event.clone(), Box::new(verdict))
            .is_some()
        {
            return;
        }
        self.oldest.push_back(event);
        if self.oldest.len() > KEPT
            && let Some(forgotten) = self.oldest.pop_front()
        {
            self.by_event.remove(&forgotten);
        }
    }

    pub(crate) fn get(&self, event: &EventId) -> Option<&Verdict> {
        self.by_event.get(event).map(Box::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use domain::capacity::Size;
    use domain::event::{Actor, ActorKind, Ask, Force};
    use domain::ids::{RequestHash, Rev};
    use domain::time::Timestamp;
    use domain::verdict::Outcome;

    use super::*;

    fn verdict(event: &str) -> Verdict {
        Verdict {
            event: event.parse().expect("an id"),
            request: RequestHash([0; 32]),
            ask: Ask::Converge,
            force: Force::No,
            actor: Actor {
                kind: ActorKind::System,
                name: String::new(),
                request_id: String::new(),
                from: None,
            },
            outcome: Outcome::Applied,
            words: Vec::new(),
            before: Size(0),
            after: Size(0),
            at: Timestamp::from_unix_ms(0),
            rev: Rev(1),
        }
    }

    #[test]
    fn the_newest_are_kept_however_their_events_are_named() {
        let mut remembered = Remembered::default();
        let falling = (0..2 * KEPT).map(|n| format!("event-{:04}", 2 * KEPT - n));
        let rising = (0..KEPT).map(|n| format!("zz-{n:04}"));
        for name in rising.chain(falling) {
            let new = verdict(&name);
            let event = new.event.clone();
            remembered.note(new);
            assert!(remembered.get(&event).is_some(), "{name} was just made");
        }
        assert_eq!(remembered.by_event.len(), KEPT);
        assert_eq!(remembered.oldest.len(), KEPT);
        remembered.note(verdict("event-0001"));
        assert_eq!(remembered.oldest.len(), KEPT, "the same once more");
    }
}
