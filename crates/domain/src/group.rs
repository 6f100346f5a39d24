//! The group aggregate: one partition, one revision, one linearizable object (design 4).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::capacity::{Bounds, Size};
use crate::circle::{Alerts, Circle, Ends};
use crate::event::{Actor, Event, Override};
use crate::hook::Hooks;
use crate::ids::{DeliveryId, EventId, Fence, GroupKey, LaunchHash, PolicyId, Rev, SlotId};
use crate::mutant::{self, Mutant};
use crate::outbox::{self, Delivery};
use crate::policy::Policy;
use crate::schedule;
use crate::slot::{self, Slot};
use crate::time::Timestamp;
use crate::verdict::Verdict;

/// A group as its owner holds it: configuration, state, slots and inbox of one revision.
///
/// Verdicts and commit records are in the same partition but are not read with it; the store refuses a second verdict for an event
/// by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Partition.
    pub key: GroupKey,
    /// Revision of everything below.
    pub rev: Rev,
    /// Highest fence under which a commit was made.
    pub fence: Fence,
    /// What the customer configured.
    pub config: Config,
    /// What runs.
    pub state: State,
    /// Every slot that is open or still watched, ended ones too.
    pub slots: Slots,
    /// Events accepted while the owner was away, to be decided with the next commit.
    pub inbox: BTreeMap<EventId, Event>,
    /// Messages of hooks that are still to be sent, or that servers wait for. What is closed is not read with the group.
    pub outbox: BTreeMap<DeliveryId, Delivery>,
}

/// What the customer configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// For people; not unique.
    pub name: String,
    /// Least and most servers.
    pub bounds: Bounds,
    /// No policy acts sooner than this after another one acted.
    pub cooldown: Duration,
    /// What is launched; the body lies out of line under this hash.
    pub launch: LaunchHash,
    /// The customer's own key-value pairs.
    pub metadata: BTreeMap<String, String>,
    /// Scaling policies.
    pub policies: BTreeMap<PolicyId, Policy>,
    /// Who goes first when the group scales in.
    pub scale_in: ScaleInOrder,
    /// What it does about alerts.
    pub circle: Circle,
    /// A server that builds longer is deleted and replaced. 300 to 14400 s, 3600 by default (design 11).
    pub build_timeout: Duration,
    /// The highest serial that a capability URL of this group ever had.
    pub serials: u32,
    /// Whom the group tells what happens to it, and for whom its servers wait.
    pub hooks: Hooks,
    /// Counts configuration changes; a hold for a configuration error ends when it moves.
    pub generation: u64,
}

/// Who goes first when the group scales in. Servers still building always go before all others (contract 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScaleInOrder {
    /// As v1.0 does.
    #[default]
    OldestFirst,
    /// Keep what has warm caches.
    NewestFirst,
}

impl State {
    /// The earliest of its timers.
    #[must_use]
    pub fn wake(&self) -> Wake {
        let circle = self.alerts.as_ref().and_then(|alerts| alerts.next);
        let earliest = self.timers.values().copied().chain(circle).min();
        earliest.map_or(Wake::Never, Wake::At)
    }
    /// The earliest of its timers and of what waits in its outbox.
    #[must_use]
    pub fn wake_with<'d>(&self, outbox: impl Iterator<Item = &'d Delivery>) -> Wake {
        match (self.wake(), outbox::wake(outbox)) {
            (wake, None) => wake,
            (Wake::At(one), Some(other)) => Wake::At(one.min(other)),
            (Wake::Never, Some(at)) => Wake::At(at),
        }
    }
}

/// What runs. Small: it is rewritten by every commit, whatever the size of the group (figure G7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// How many servers are wanted.
    pub desired: Size,
    /// A grant beyond the bounds, while it lasts.
    pub over: Option<Override>,
    /// Where the group is in its life.
    pub phase: Phase,
    /// Why nothing new is launched, if so.
    pub hold: Option<Hold>,
    /// When policies last acted.
    pub clocks: Clocks,
    /// When servers were last scaled in without force: a quarter of them at most within a minute (design 8).
    pub shrunk: Option<Timestamp>,
    /// Whether the last change of desired was forced: then scale-in is not capped (design 8).
    pub forced: bool,
    /// When each scheduled policy runs next.
    pub timers: BTreeMap<PolicyId, Timestamp>,
    /// The number of the newest message of a hook.
    pub posted: DeliveryId,
    /// What was last said about why the group cannot launch what it wants; none: nothing, or that it can again.
    pub degraded: Option<HoldWhy>,
    /// Whether the servers that a former home of the group may have made are known.
    pub adoption: Adoption,
    /// What is known of alerts; none: there are none, and nothing is to be given up because of them.
    pub alerts: Option<Alerts>,
    /// When alerts ended of late, by the clocks of their sources.
    pub ends: Ends,
}

/// Whether a group that was carried over from a former home knows all of its servers.
///
/// Until it does, nothing of it is launched or deleted: what was copied may lack the last slots, and their servers live (safety 3.10, ADR 0020).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Adoption {
    /// It does, or it has had one home only.
    #[default]
    Done,
    /// It is being copied: nobody owns it yet.
    Copying,
    /// A complete list has to be weighed first, begun when every call of the former home must have ended.
    Due,
}

/// Where a group is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Scales.
    Running,
    /// Refuses events, launches and deletes nothing; doubts are still settled.
    Paused,
    /// Every server is on its way out; then it becomes a tombstone.
    Deleting,
    /// No open slot is left; ended slots are still watched (design 4, rule 4).
    Tombstone,
}

/// When policies last acted; only events that were applied move these (contract 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clocks {
    /// Any policy.
    pub group: Option<Timestamp>,
    /// Each policy.
    pub policy: BTreeMap<PolicyId, Timestamp>,
    /// When desired last rose, whoever asked.
    pub up: Option<Timestamp>,
    /// When desired last fell, whoever asked.
    pub down: Option<Timestamp>,
}

/// Why a group launches nothing new for now; the group shows as degraded with this reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The reason.
    pub why: HoldWhy,
    /// The cloud's own words, cut to 512 bytes.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
    /// It ends by itself then; none: only a configuration change or an explicit retry (converge) ends it.
    pub until: Option<Timestamp>,
    /// How many times in a row, for the next back-off.
    pub strikes: u32,
}

/// Reasons for a hold (safety 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldWhy {
    /// The cloud has no room: 30 s to 10 min.
    NoCapacity,
    /// Quota: 5, 15, 60 min.
    Quota,
    /// The launch configuration is wrong; ends with a configuration change or an explicit retry.
    Config,
    /// The credential is suspect: one probe in 10 min.
    Credential,
    /// Three failed builds in 30 minutes.
    Failures,
    /// Throttled by the cloud (429, 413, 503 with Retry-After), or stopped at the worker by a switch that is known there alone.
    Throttled,
    /// Servers proved slots that the ledger did not have: it was restored from a backup. Ends when the group is resumed (ADR 0012).
    Restored,
}

/// The slots of a group and what they add up to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slots {
    open: BTreeMap<SlotId, Slot>,
    ended: BTreeMap<SlotId, Slot>,
    census: Census,
}

/// What the slots of a group add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Open slots of any state.
    pub open: Size,
    /// Slots that count towards desired.
    pub wanted: Size,
    /// Slots that count against max.
    pub counted: Size,
    /// Slots in service.
    pub active: Size,
    /// Slots in doubt.
    pub in_doubt: Size,
}

impl Census {
    /// The census after one slot moved from `before` to `after`.
    #[must_use]
    pub fn moved(mut self, before: Option<&slot::State>, after: &slot::State) -> Self {
        if let Some(b) = before
            .filter(|b| !(mutant::on(Mutant::CensusForgets) && b.is_open() && !after.is_open()))
        {
            self.tally(b, -1);
        }
        self.tally(after, 1);
        self
    }

    fn tally(&mut self, s: &slot::State, by: i64) {
        let add = |to: &mut Size, yes: bool| {
            if yes {
                *to = to.offset(by);
            }
        };
        add(&mut self.open, s.is_open());
        add(&mut self.wanted, s.is_wanted());
        add(&mut self.counted, s.is_counted());
        add(&mut self.active, matches!(s, slot::State::Active(_)));
        add(&mut self.in_doubt, matches!(s, slot::State::InDoubt(..)));
    }
}

impl Slots {
    /// One slot, open or ended.
    #[must_use]
    pub fn get(&self, id: SlotId) -> Option<&Slot> {
        self.open.get(&id).or_else(|| self.ended.get(&id))
    }
    /// Open slots in order of id.
    pub fn open(&self) -> impl Iterator<Item = &Slot> {
        self.open.values()
    }
    /// Ended slots that are still watched, in order of id.
    pub fn ended(&self) -> impl Iterator<Item = &Slot> {
        self.ended.values()
    }
    /// What they add up to.
    #[must_use]
    pub const fn census(&self) -> Census {
        self.census
    }
    /// Puts a slot in, or its new state in place of the old.
    pub fn put(&mut self, slot: Slot) {
        let before = self
            .open
            .remove(&slot.id)
            .or_else(|| self.ended.remove(&slot.id));
        self.census = self
            .census
            .moved(before.as_ref().map(|s| &s.state), &slot.state);
        let side = if slot.state.is_open() {
            &mut self.open
        } else {
            &mut self.ended
        };
        side.insert(slot.id, slot);
    }
}

impl FromIterator<Slot> for Slots {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut all = Self::default();
        slots.into_iter().for_each(|s| all.put(s));
        all
    }
}

/// Everything that one commit changes: written as one conditional batch, with one commit record (design 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// New configuration, if it changed.
    pub config: Option<Config>,
    /// New state.
    pub state: State,
    /// New and changed slots.
    pub slots: Vec<Slot>,
    /// Verdicts; the store refuses the batch if one of the events has a verdict already.
    pub verdicts: Vec<Verdict>,
    /// Events that go into the inbox.
    pub queued: Vec<Event>,
    /// Events that leave the inbox.
    pub taken: Vec<EventId>,
    /// New and changed messages of hooks. Those that are closed leave the group and are kept as history.
    pub posts: Vec<Delivery>,
    /// Numbers of messages among which none is open any more: a run of them around each that is closed in `posts`, as far as the open ones beside it.
    /// For stores in which one removal of many costs less than many of one; empty in a change that no draft made.
    pub closed: Vec<RangeInclusive<DeliveryId>>,
    /// When the group has to be woken, if that changed: the earliest of its timers.
    pub wake: Option<Wake>,
    /// Why, for the commit record.
    pub cause: Cause,
    /// Who, for the commit record.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

/// When a group has to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Then, or soon after.
    At(Timestamp),
    /// Not at all.
    Never,
}

/// What a commit is for, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The group was created.
    Create,
    /// Its configuration changed.
    Configure,
    /// Paused or resumed.
    Pause,
    /// It is to be deleted.
    Delete,
    /// Events were decided.
    Events,
    /// An event was queued while the owner was away.
    Queue,
    /// Results of calls and lists were settled, slots were issued or sent on their way out.
    Converge,
}

impl Group {
    /// A new group, before its first commit.
    #[must_use]
    pub fn new(key: GroupKey, config: Config) -> Self {
        let state = State {
            desired: config.bounds.min(),
            over: None,
            phase: Phase::Running,
            hold: None,
            clocks: Clocks::default(),
            shrunk: None,
            forced: false,
            timers: BTreeMap::new(),
            posted: DeliveryId(0),
            degraded: None,
            adoption: Adoption::Done,
            alerts: None,
            ends: Ends::new(),
        };
        Self {
            key,
            rev: Rev(0),
            fence: Fence(0),
            config,
            state,
            slots: Slots::default(),
            inbox: BTreeMap::new(),
            outbox: BTreeMap::new(),
        }
    }

    /// When it has to be woken, as committed.
    #[must_use]
    pub fn wake(&self) -> Wake {
        self.state.wake_with(self.outbox.values())
    }

    /// Whether it has nothing to do, now and at any later time, until somebody asks something of it: its owner's pass would change nothing,
    /// launch nothing and look at nothing. Its timers do not count: they are in an index of their own. A group of which this is not sure is
    /// said not to rest, so that "rests" may keep it out of the full pass (safety 3.9).
    #[must_use]
    pub fn rests(&self) -> bool {
        let State {
            desired,
            over,
            phase,
            hold,
            clocks,
            shrunk: _,
            forced: _,
            timers: _,
            posted: _,
            degraded,
            adoption,
            alerts,
            ends: _,
        } = &self.state;
        let is_settled = *adoption == Adoption::Done
            && over.is_none()
            && hold.is_none()
            && degraded.is_none()
            && alerts.is_none();
        let policies = &self.config.policies;
        let knows_policies = clocks.policy.keys().all(|id| policies.contains_key(id));
        let wants_none = match phase {
            Phase::Running | Phase::Paused => {
                *desired == Size::ZERO && self.config.bounds.min() == Size::ZERO
            }
            Phase::Deleting => false,
            Phase::Tombstone => true,
        };
        // Ended slots are watched by lists that the group asks for (design 4, rule 4); those that were handed back stay for ever, and ask for none.
        let mut ended = self.slots.ended.values();
        let is_empty = self.slots.open.is_empty()
            && ended.all(|slot| slot::is_handed_back(&slot.state))
            && self.inbox.is_empty()
            && self.outbox.is_empty();
        is_settled && knows_policies && wants_none && is_empty
    }

    /// Whether the full pass may leave it alone at that time: it rests, no time of it has passed that the index of timers should have woken it for, and
    /// no clock that was ahead has moved a schedule so far that the index would wake it too late.
    #[must_use]
    pub fn rests_at(&self, now: Timestamp) -> bool {
        let is_overdue = self.state.timers.values().any(|at| *at <= now);
        self.rests() && !is_overdue && !schedule::is_astray(&self.config, &self.state.timers, now)
    }

    /// What a committed change made of the group. Folding the same changes in the same order gives the same group, wherever it is done.
    pub fn fold(&mut self, change: Change, fence: Fence) {
        let Change {
            config,
            state,
            slots,
            verdicts: _,
            queued,
            taken,
            posts,
            closed: _,
            wake: _,
            cause: _,
            actor: _,
            at: _,
        } = change;
        self.rev = self.rev.next();
        self.fence = self.fence.max(fence);
        if let Some(config) = config {
            self.config = config;
        }
        if !mutant::on(Mutant::FoldForgetsState) {
            self.state = state;
        }
        slots.into_iter().for_each(|s| self.slots.put(s));
        for id in &taken {
            self.inbox.remove(id);
        }
        self.inbox
            .extend(queued.into_iter().map(|e| (e.id.clone(), e)));
        for post in posts {
            if post.is_open() {
                self.outbox.insert(post.id, post);
            } else {
                self.outbox.remove(&post.id);
            }
        }
    }
}

#[cfg(test)]
mod tests;
