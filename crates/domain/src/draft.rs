//! A change in the making: decisions read the group through it and write into it, and it ends as one [`Change`].
//!
//! `decide`, `settle`, `evidence` and `plan` all take the same draft, one after the other, so that what a commit holds was decided
//! against one view of the group.

use std::collections::BTreeMap;

use crate::capacity::Bounds;
use crate::event::{Actor, Event};
use crate::group::{Cause, Census, Change, Config, Group, HoldWhy, Phase, State};
use crate::ids::{DeliveryId, EventId, SlotId};
use crate::mutant::{self, Mutant};
use crate::outbox::{self, Delivery};
use crate::schedule;
use crate::slot::{IllegalMove, Move, Slot};
use crate::time::Now;
use crate::verdict::Verdict;

/// A change in the making.
#[derive(Debug, Clone)]
pub struct Draft<'g> {
    group: &'g Group,
    now: Now,
    config: Option<Config>,
    /// What runs; decisions write here.
    pub state: State,
    slots: BTreeMap<SlotId, Slot>,
    census: Census,
    verdicts: Vec<Verdict>,
    queued: Vec<Event>,
    taken: Vec<EventId>,
    posts: BTreeMap<DeliveryId, Delivery>,
}

impl<'g> Draft<'g> {
    /// Slots that one commit may change: a batch stays well under the store's limit of 50 KiB (safety 3.2).
    pub const SLOTS_MAX: usize = 32;
    /// Messages of hooks in one commit after which no further slot is moved in it, for the same reason.
    pub const POSTS_MAX: usize = 96;

    /// Nothing changed yet.
    #[must_use]
    pub fn new(group: &'g Group, now: Now) -> Self {
        Self {
            group,
            now,
            config: None,
            state: group.state.clone(),
            slots: BTreeMap::new(),
            census: group.slots.census(),
            verdicts: Vec::new(),
            queued: Vec::new(),
            taken: Vec::new(),
            posts: BTreeMap::new(),
        }
    }
    /// The group as committed.
    #[must_use]
    pub const fn group(&self) -> &'g Group {
        self.group
    }
    /// The configuration as it will be.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.config.as_ref().unwrap_or(&self.group.config)
    }
    /// Both clocks, as the shell read them.
    #[must_use]
    pub const fn now(&self) -> Now {
        self.now
    }
    /// What the slots will add up to.
    #[must_use]
    pub const fn census(&self) -> Census {
        self.census
    }
    /// A slot as it will be.
    #[must_use]
    pub fn slot(&self, id: SlotId) -> Option<&Slot> {
        self.slots.get(&id).or_else(|| self.group.slots.get(id))
    }
    /// All open slots as they will be, in order of id.
    pub fn open(&self) -> impl Iterator<Item = &Slot> {
        let kept = self.group.slots.open();
        let changed = self.slots.values().filter(|slot| slot.state.is_open());
        self.merged(kept, changed)
    }
    /// All ended slots as they will be, in order of id.
    pub fn ended(&self) -> impl Iterator<Item = &Slot> {
        let kept = self.group.slots.ended();
        let changed = self.slots.values().filter(|slot| !slot.state.is_open());
        self.merged(kept, changed)
    }
    /// Both, in order of id, without what was kept but changed. Lazy: this runs in every pass over every slot.
    fn merged<'a>(
        &'a self,
        kept: impl Iterator<Item = &'a Slot>,
        changed: impl Iterator<Item = &'a Slot>,
    ) -> impl Iterator<Item = &'a Slot> {
        let mut kept = kept
            .filter(|slot| !self.slots.contains_key(&slot.id))
            .peekable();
        let mut changed = changed.peekable();
        std::iter::from_fn(move || match (kept.peek(), changed.peek()) {
            (Some(one), Some(other)) if one.id < other.id => kept.next(),
            (Some(_), None) => kept.next(),
            (Some(_) | None, Some(_)) => changed.next(),
            (None, None) => None,
        })
    }
    /// Puts a new or changed slot.
    pub fn put(&mut self, slot: Slot) {
        let before = self.slot(slot.id).map(|s| s.state.clone());
        self.census = self.census.moved(before.as_ref(), &slot.state);
        outbox::moved(self, before.as_ref(), &slot);
        self.slots.insert(slot.id, slot);
    }
    /// Moves a slot.
    ///
    /// # Errors
    /// The state does not allow the move, or there is no such slot: nothing changed, the caller's knowledge is stale.
    pub fn step(&mut self, id: SlotId, step: Move) -> Result<(), IllegalMove> {
        let slot = self.slot(id).ok_or_else(|| IllegalMove {
            from: "missing",
            tried: step.word(),
        })?;
        let mut next = slot.clone();
        next.state = next.state.step(step)?;
        next.since = self.now.wall;
        self.put(next);
        Ok(())
    }
    /// Moves a slot if its state allows it; false when it does not, and nothing changed.
    pub fn try_step(&mut self, id: SlotId, step: Move) -> bool {
        self.step(id, step).is_ok()
    }
    /// Puts a new or changed message into the outbox; one that is closed leaves it.
    pub fn post(&mut self, delivery: Delivery) {
        self.posts.insert(delivery.id, delivery);
    }
    /// A message as it will be: one that is open, or was closed in this very change.
    #[must_use]
    pub fn delivery(&self, id: DeliveryId) -> Option<&Delivery> {
        self.posts.get(&id).or_else(|| self.group.outbox.get(&id))
    }
    /// All open messages as they will be, in the order in which they were caused.
    pub fn outbox(&self) -> impl Iterator<Item = &Delivery> {
        let kept = self.group.outbox.iter();
        let kept = kept.filter(|(id, _)| !self.posts.contains_key(id));
        let changed = self.posts.values().filter(|delivery| delivery.is_open());
        // New ones have higher numbers than all that were there.
        kept.map(|(_, delivery)| delivery).chain(changed)
    }
    /// The numbers of the messages that are closed in this change, in order.
    pub(crate) fn closed(&self) -> impl Iterator<Item = DeliveryId> {
        let closed = self.posts.values().filter(|delivery| !delivery.is_open());
        closed.map(|delivery| delivery.id)
    }
    /// How many messages are open, or were touched.
    pub(crate) fn posts_open(&self) -> usize {
        self.group.outbox.len() + self.posts.len()
    }
    /// Replaces the configuration. A hold for a configuration error ends with it (safety 2.2 `UserError`).
    pub fn configure(&mut self, config: Config) {
        let moved = config.generation != self.config().generation;
        if moved
            && self
                .state
                .hold
                .as_ref()
                .is_some_and(|h| h.why == HoldWhy::Config)
        {
            self.state.hold = None;
        }
        let timers = &mut self.state.timers;
        let before = self.config.as_ref().unwrap_or(&self.group.config);
        schedule::arm(timers, Some(before), &config, self.now.wall);
        self.config = Some(config);
    }
    /// Pauses or resumes. Whoever resumes has looked: a hold after a restored backup ends with it (ADR 0012).
    pub fn turn(&mut self, to: Phase) {
        let why = self.state.hold.as_ref().map(|hold| hold.why);
        if to == Phase::Running && why == Some(HoldWhy::Restored) {
            self.state.hold = None;
        }
        self.state.phase = to;
    }
    /// Sets the timers of a new group; its first change must.
    pub fn arm(&mut self) {
        let config = self.config.as_ref().unwrap_or(&self.group.config);
        schedule::arm(&mut self.state.timers, None, config, self.now.wall);
    }
    /// Least and most servers as they will be: the configured bounds, or a grant beyond them while it lasts (design 8).
    #[must_use]
    pub fn limits(&self) -> Bounds {
        let bounds = self.config().bounds;
        match self.state.over {
            Some(over) if over.until > self.now.wall => bounds.widened(over.size),
            Some(_) | None => bounds,
        }
    }
    /// Verdicts given so far.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }
    /// Adds a verdict; the event leaves the inbox with it.
    pub fn verdict(&mut self, verdict: Verdict) {
        if self.group.inbox.contains_key(&verdict.event) {
            self.taken.push(verdict.event.clone());
        }
        self.verdicts.push(verdict);
    }
    /// Puts an event into the inbox.
    pub fn queue(&mut self, event: Event) {
        self.queued.push(event);
    }
    /// Takes an event out of the inbox without a verdict: it has one already (interleaving H8 of safety 6.1).
    pub fn take(&mut self, event: EventId) {
        self.taken.push(event);
    }
    /// How many slots are new or changed.
    #[must_use]
    pub fn slots_changed(&self) -> usize {
        self.slots.len()
    }
    /// How many more slots may change in this commit. At zero, `evidence` and `plan` leave the rest to the next one, for which the
    /// owner weighs the same lists again. `settle` does not look at it: its reports are as many as the owner took.
    #[must_use]
    pub fn room(&self) -> usize {
        if mutant::on(Mutant::BatchUnbounded) {
            return usize::MAX;
        }
        if self.posts.len() >= Self::POSTS_MAX {
            return 0;
        }
        Self::SLOTS_MAX.saturating_sub(self.slots.len())
    }
    /// Moves a slot if its state allows it and there is room for it in this commit; false when nothing changed.
    pub(crate) fn advance(&mut self, id: SlotId, step: Move) -> bool {
        self.has_room_for(id) && self.try_step(id, step)
    }
    /// Whether a decision may change that slot in this commit: there is room, or the slot changes anyway.
    #[must_use]
    pub fn has_room_for(&self, id: SlotId) -> bool {
        self.room() > 0 || self.slots.contains_key(&id)
    }
    /// Whether committing it would change anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.config.is_none()
            && self.state == self.group.state
            && self.slots.is_empty()
            && self.verdicts.is_empty()
            && self.queued.is_empty()
            && self.taken.is_empty()
            && self.posts.is_empty()
    }
    /// The change to commit.
    #[must_use]
    pub fn finish(mut self, cause: Cause, actor: Actor) -> Change {
        outbox::note_size(&mut self);
        let wake = self.state.wake_with(self.outbox());
        let closed = outbox::closed(&self);
        Change {
            wake: (wake != self.group.wake()).then_some(wake),
            config: self.config,
            state: self.state,
            slots: self.slots.into_values().collect(),
            verdicts: self.verdicts,
            queued: self.queued,
            taken: self.taken,
            posts: self.posts.into_values().collect(),
            closed,
            cause,
            actor,
            at: self.now.wall,
        }
    }
}
