//! A group's partition in its new home, made of what can be seen of the old one (safety 3.10): the same configuration, state, slots, inbox and
//! outbox, in commits that are small enough for a store. Until the last of them nobody owns it.

use crate::draft::Draft;
use crate::event::{Actor, ActorKind, Event};
use crate::group::{Adoption, Cause, Change, Group};
use crate::ids::{GroupKey, HomeEpoch};
use crate::outbox::Delivery;
use crate::slot::Slot;
use crate::time::Timestamp;
use crate::verdict::Verdict;

/// Events of an inbox in one commit.
const EVENTS_MAX: usize = 32;

/// The partition before anything is in it, and its first commit. The source is whole: of one that is itself [`Adoption::Copying`], what it lacks would be lost.
#[must_use]
pub fn born(source: &Group, epoch: HomeEpoch, at: Timestamp) -> (Group, Change) {
    let key = GroupKey {
        epoch,
        ..source.key.clone()
    };
    let mut group = Group::new(key, source.config.clone());
    group.state = source.state.clone();
    group.state.adoption = Adoption::Copying;
    let first = change(&group, source, at);
    (group, first)
}

/// The next commit of a copy; none: it is whole, and may be owned. What is there already is left out, so a copy that was cut off goes on.
#[must_use]
pub fn rest(source: &Group, target: &Group, at: Timestamp) -> Option<Change> {
    if target.state.adoption != Adoption::Copying {
        return None;
    }
    let slots = source.slots.ended().chain(source.slots.open());
    let slots = slots.filter(|slot| target.slots.get(slot.id).is_none());
    let slots: Vec<Slot> = slots.take(Draft::SLOTS_MAX).cloned().collect();
    let queued = source.inbox.values();
    let queued = queued.filter(|event| !target.inbox.contains_key(&event.id));
    let queued: Vec<Event> = queued.take(EVENTS_MAX).cloned().collect();
    let posts = source.outbox.values();
    let posts = posts.filter(|post| !target.outbox.contains_key(&post.id));
    let posts: Vec<Delivery> = posts.take(Draft::POSTS_MAX).cloned().collect();
    let mut next = change(target, source, at);
    if slots.is_empty() && queued.is_empty() && posts.is_empty() {
        next.state.adoption = Adoption::Due;
    }
    Some(Change {
        slots,
        queued,
        posts,
        ..next
    })
}

/// A commit of a copy that brings verdicts over, so that an event that comes again is the one that was decided (I4). They are held by the copy's
/// revision from then on: pages of verdicts go by it.
#[must_use]
pub fn decided(source: &Group, target: &Group, verdicts: Vec<Verdict>, at: Timestamp) -> Change {
    let rev = target.rev.next();
    let verdicts = verdicts.into_iter();
    Change {
        verdicts: verdicts.map(|verdict| Verdict { rev, ..verdict }).collect(),
        ..change(target, source, at)
    }
}

fn change(target: &Group, source: &Group, at: Timestamp) -> Change {
    Change {
        config: None,
        state: target.state.clone(),
        slots: Vec::new(),
        verdicts: Vec::new(),
        queued: Vec::new(),
        taken: Vec::new(),
        posts: Vec::new(),
        closed: Vec::new(),
        wake: Some(source.wake()),
        cause: Cause::Converge,
        actor: Actor {
            kind: ActorKind::System,
            name: "takeover".into(),
            request_id: String::new(),
            from: None,
        },
        at,
    }
}
