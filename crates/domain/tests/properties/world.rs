//! One group, its owner and a cloud, driven step by step; after every commit an auditor looks at it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::capacity::{Bounds, Size};
use domain::decide::{decide, expire};
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Ask, Event, Force, Override};
use domain::evidence::{
    Around, Extent, Fault, Listing, Proof, Row, Rules, Status, Wake, Watch, weigh,
};
use domain::group::{Cause, Change, Config, Group, Phase, ScaleInOrder};
use domain::ids::{
    ColoId, Fence, GroupId, GroupKey, HomeEpoch, Incarnation, LaunchHash, Nonce, RequestHash,
    ServerId, SlotId,
};
use domain::plan::{Permit, plan};
use domain::policy::Adjust;
use domain::settle::{Outcome, settle};
use domain::slot::{Flags, Slot, State};
use domain::time::{Mono, Now, Timestamp};

use crate::cloud::{Cloud, pick};
use crate::steps::Step;

pub(crate) const TOKEN_LEFT: Duration = Duration::from_secs(600);

/// What a commit came from.
#[derive(Debug)]
pub(crate) enum What {
    Events,
    Plan { permits: usize, again: bool },
    Settle { outcome: Outcome, again: bool },
    Weigh { listing: Listing, again: bool },
    Configure,
    Wake { wake: Wake, idle: bool },
}

/// One commit, or one look at what is due.
pub(crate) struct Turn<'a> {
    pub(crate) before: &'a Group,
    pub(crate) after: &'a Group,
    pub(crate) what: &'a What,
    pub(crate) facts: &'a Facts,
    pub(crate) now: Now,
}

impl Turn<'_> {
    /// Slots that changed, as they were and as they are.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (Option<&Slot>, &Slot)> {
        let slots = self.after.slots.open().chain(self.after.slots.ended());
        slots
            .map(|slot| (self.before.slots.get(slot.id), slot))
            .filter(|(before, slot)| before.is_none_or(|before| before != *slot))
    }
}

pub(crate) type Check = fn(&Turn<'_>) -> Result<(), String>;

/// What the auditor noted by itself, to judge commits without the owner's memory.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// When the present owner began.
    pub(crate) began: u64,
    /// When slots were issued, came into doubt, were bound: under any owner.
    pub(crate) issued: BTreeMap<SlotId, u64>,
    pub(crate) doubt: BTreeMap<SlotId, u64>,
    pub(crate) bound: BTreeMap<SlotId, u64>,
    /// The newest list that the present owner weighed which shows a server, and whether in full.
    pub(crate) shown: BTreeMap<ServerId, (u64, bool)>,
    /// The newest complete one that shows it in full.
    pub(crate) shown_complete: BTreeMap<ServerId, u64>,
    /// Complete lists that the present owner weighed, begun after the server was last shown, without it.
    pub(crate) missing: BTreeMap<ServerId, BTreeSet<u64>>,
    /// Complete lists that the present owner weighed.
    pub(crate) complete: BTreeSet<u64>,
    /// Servers of other tenants' users, and servers that another group holds.
    pub(crate) foreign: BTreeSet<ServerId>,
    pub(crate) elsewhere: BTreeSet<ServerId>,
    /// When a delete of a slot was last handed out.
    pub(crate) deletes: BTreeMap<SlotId, u64>,
    /// When servers in service were given up for a failure.
    pub(crate) failed: Vec<(u64, SlotId)>,
    /// When servers were scaled in without force before this turn.
    pub(crate) shrunk: Option<u64>,
}

pub(crate) struct World {
    pub(crate) group: Group,
    pub(crate) cloud: Cloud,
    pub(crate) facts: Facts,
    watch: Watch,
    around: Around,
    other: Group,
    kept: Vec<Listing>,
    /// What was committed, for whoever wants to fold it again.
    pub(crate) changes: Vec<Change>,
    reports: Vec<(SlotId, Outcome)>,
    used: Option<Permit>,
    ids: u128,
    pub(crate) now: u64,
    check: Check,
}

pub(crate) const fn at(ms: u64) -> Now {
    Now {
        wall: Timestamp::from_unix_ms(1_700_000_000_000 + ms),
        mono: Mono::from_ms(ms),
    }
}

pub(crate) fn actor() -> Actor {
    Actor {
        kind: ActorKind::Caller,
        name: "p".into(),
        request_id: String::new(),
    }
}

pub(crate) fn new_group(n: u128, (min, max): (u32, u32)) -> Group {
    let key = GroupKey {
        tenant: "acme".parse().expect("a tenant id"),
        id: GroupId::new(ColoId(1), n),
        epoch: HomeEpoch(0),
    };
    let config = Config {
        name: "web".into(),
        bounds: Bounds::new(Size(min), Size(max)).expect("bounds"),
        cooldown: Duration::ZERO,
        launch: LaunchHash([1; 32]),
        metadata: BTreeMap::new(),
        policies: BTreeMap::new(),
        scale_in: ScaleInOrder::OldestFirst,
        build_timeout: Duration::from_secs(900),
        generation: 1,
    };
    Group::new(key, config)
}

impl World {
    pub(crate) fn new(check: Check) -> Self {
        Self {
            group: new_group(1, (0, 8)),
            cloud: Cloud::default(),
            facts: Facts::default(),
            watch: Watch::new(Rules::default(), Mono::from_ms(0)),
            around: Around::default(),
            other: new_group(2, (0, 100)),
            kept: Vec::new(),
            changes: Vec::new(),
            reports: Vec::new(),
            used: None,
            ids: 1000,
            now: 1000,
            check,
        }
    }

    /// Plays steps until the check fails.
    pub(crate) fn play(&mut self, steps: &[Step]) -> Result<(), String> {
        steps
            .iter()
            .try_for_each(|step| self.step(step).map_err(|why| format!("{why}, at {step:?}")))
    }

    pub(crate) fn step(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Wait(ms) => self.now += ms,
            Step::Ask(ask, force) => return self.ask(ask, force),
            Step::Plan(permits) => return self.plan(permits),
            Step::Answer(n, how) => {
                if let Some((slot, outcome)) = self.cloud.answer(n, how, self.now) {
                    return self.settle(slot, outcome);
                }
            }
            Step::Execute(n) => {
                self.cloud.execute(n, self.now);
            }
            Step::Again(n) => {
                if let Some((slot, outcome)) = pick(self.reports.iter(), n).cloned() {
                    return self.settle(slot, outcome);
                }
            }
            Step::List(mask) => {
                let listing = self.cloud.list(self.group.key.id, mask, self.now);
                return self.weigh(listing);
            }
            Step::Keep => self
                .kept
                .push(self.cloud.list(self.group.key.id, None, self.now)),
            Step::Deliver(n) => {
                let index = n % self.kept.len().max(1);
                if index < self.kept.len() {
                    let listing = self.kept.remove(index);
                    return self.weigh(listing);
                }
            }
            Step::Boot(n, status) => self.cloud.edit(n, |server| server.status = said(status)),
            Step::Storm(status) => {
                self.cloud
                    .servers
                    .values_mut()
                    .for_each(|server| server.status = said(status));
            }
            Step::Dark(n) => self.cloud.edit(n, |server| server.dark = !server.dark),
            Step::Lose(n) => {
                let id = self.cloud.server(n);
                id.map(|id| self.cloud.servers.remove(&id));
            }
            Step::Strip(n) => self
                .cloud
                .edit(n, |server| (server.proof, server.tampered) = (None, true)),
            Step::Copy(from, to, whose) => self.copy(from, to, whose),
            Step::Restart => self.restart(),
            Step::Void(n) => return self.void(n),
            Step::Deletes(lost) => return self.deletes(lost),
            Step::Bounds(min, more) => {
                let bounds = Bounds::new(Size(min), Size(min + more)).expect("bounds");
                return self.configure(|group| group.config.bounds = bounds);
            }
            Step::Phase(phase) => return self.configure(|group| group.state.phase = phase),
        }
        Ok(())
    }

    fn id(&mut self) -> u128 {
        self.ids += 1;
        self.ids
    }

    /// Makes a change, commits it, lets the owner and the auditor take note, and checks the turn.
    fn commit(&mut self, what: What, change: Change) -> Result<(), String> {
        let before = self.group.clone();
        self.changes.push(change.clone());
        self.group.fold(change, Fence(0));
        self.watch.sync(&self.group, Mono::from_ms(self.now));
        self.around.bind(&self.group);
        let turn = Turn {
            before: &before,
            after: &self.group,
            what: &what,
            facts: &self.facts,
            now: at(self.now),
        };
        let verdict = (self.check)(&turn);
        let changes: Vec<(Option<Slot>, Slot)> = turn
            .changed()
            .map(|(b, a)| (b.cloned(), a.clone()))
            .collect();
        self.note(&changes, before.state.shrunk != self.group.state.shrunk);
        verdict
    }

    fn note(&mut self, changes: &[(Option<Slot>, Slot)], has_shrunk: bool) {
        let (facts, now) = (&mut self.facts, self.now);
        for (before, slot) in changes {
            match &slot.state {
                State::Issued(_) => drop(facts.issued.insert(slot.id, now)),
                State::InDoubt(..) => drop(facts.doubt.entry(slot.id).or_insert(now)),
                State::Accepted(_) | State::Active(_) | State::Surplus(_) => {
                    facts.bound.entry(slot.id).or_insert(now);
                }
                State::Deleting(_, domain::slot::DeleteWhy::Failed)
                    if before
                        .as_ref()
                        .is_some_and(|b| matches!(b.state, State::Active(_))) =>
                {
                    facts.failed.push((now, slot.id));
                }
                State::Configuring(_) | State::Draining(_) | State::Deleting(..) => {}
                State::Failed(_) | State::Lapsed(..) | State::Gone(..) => {}
            }
        }
        if has_shrunk {
            facts.shrunk = Some(now);
        }
    }

    fn ask(&mut self, ask: i64, force: u8) -> Result<(), String> {
        let adjust = if ask == 0 {
            Adjust::Desired(Size(u32::from(force)))
        } else {
            Adjust::Change(ask)
        };
        let until = at(self.now + 300_000).wall;
        let force = match force % 4 {
            0 | 1 => Force::No,
            2 => Force::Gates,
            _ => Force::Override(Override {
                size: Size(10),
                until,
            }),
        };
        self.event(Ask::Adjust(adjust), force)
    }

    fn event(&mut self, ask: Ask, force: Force) -> Result<(), String> {
        let wall = at(self.now).wall;
        let event = Event {
            id: format!("e{}", self.id()).parse().expect("an event id"),
            request: RequestHash([0; 32]),
            ask,
            force,
            actor: actor(),
            received: wall,
            valid_until: wall.plus(Duration::from_secs(600)),
        };
        let mut draft = Draft::new(&self.group, at(self.now));
        expire(&mut draft);
        decide(&mut draft, &[event]);
        let change = draft.finish(Cause::Events, actor());
        self.commit(What::Events, change)
    }

    fn plan(&mut self, permits: u8) -> Result<(), String> {
        let mut permits: Vec<Permit> = (0..permits)
            .map(|_| Permit {
                worker: "w1".parse().expect("a worker name"),
                incarnation: Incarnation::from_u128(1),
                token_left: TOKEN_LEFT,
                slot: SlotId::from_u128(self.id()),
                nonce: Nonce::from_u128(0),
            })
            .collect();
        // A worker may offer once more what was used already.
        permits.extend(self.used.take());
        self.used = permits.first().cloned();
        let mut draft = Draft::new(&self.group, at(self.now));
        expire(&mut draft);
        plan(&mut draft, &self.watch, &permits);
        let once = draft.clone().finish(Cause::Converge, actor());
        plan(&mut draft, &self.watch, &permits);
        let again = draft.finish(Cause::Converge, actor()) == once;
        for permit in &permits {
            let is_new = self.group.slots.get(permit.slot).is_none();
            if is_new && once.slots.iter().any(|slot| slot.id == permit.slot) {
                self.cloud.send(permit.slot, self.now);
            }
        }
        let what = What::Plan {
            permits: permits.len(),
            again,
        };
        self.commit(what, once)
    }

    fn settle(&mut self, slot: SlotId, outcome: Outcome) -> Result<(), String> {
        self.reports.push((slot, outcome.clone()));
        let mut draft = Draft::new(&self.group, at(self.now));
        settle(&mut draft, &mut self.watch, slot, &outcome);
        let once = draft.clone().finish(Cause::Converge, actor());
        settle(&mut draft, &mut self.watch, slot, &outcome);
        let again = draft.finish(Cause::Converge, actor()) == once;
        self.commit(What::Settle { outcome, again }, once)
    }

    fn weigh(&mut self, listing: Listing) -> Result<(), String> {
        self.audit(&listing);
        self.around.note(&listing, Mono::from_ms(self.now));
        let (watch, around, ids) = (&mut self.watch, &self.around, &mut self.ids);
        let mut spare = || {
            *ids += 1;
            SlotId::from_u128(*ids)
        };
        let mut draft = Draft::new(&self.group, at(self.now));
        weigh(&mut draft, watch, &listing, around, &mut spare);
        let once = draft.clone().finish(Cause::Converge, actor());
        weigh(&mut draft, watch, &listing, around, &mut spare);
        let again = draft.finish(Cause::Converge, actor()) == once;
        self.commit(What::Weigh { listing, again }, once)
    }

    /// The auditor reads the list too.
    fn audit(&mut self, listing: &Listing) {
        let (facts, began) = (&mut self.facts, listing.began.ms());
        for Row { server, status, .. } in &listing.rows {
            let full = *status != Status::Unknown;
            let newest = facts.shown.entry(*server).or_insert((began, full));
            if newest.0 <= began {
                *newest = (began, full);
            }
            if full && listing.extent == Extent::Complete {
                let newest = facts.shown_complete.entry(*server).or_insert(began);
                *newest = began.max(*newest);
            }
            if let Some(lists) = facts.missing.get_mut(server) {
                lists.retain(|list| *list > began);
            }
        }
        if listing.extent != Extent::Complete {
            return;
        }
        facts.complete.insert(began);
        let shown: BTreeSet<ServerId> = listing.rows.iter().map(|row| row.server).collect();
        for server in self
            .group
            .slots
            .open()
            .filter_map(|slot| slot.state.server())
        {
            let is_newer = facts
                .shown
                .get(&server)
                .is_none_or(|(seen, _)| began > *seen);
            if !shown.contains(&server) && is_newer {
                facts.missing.entry(server).or_default().insert(began);
            }
        }
    }

    /// A tenant copies the metadata of one of our servers: onto a server of its own (0), onto another of ours (1), or onto one that
    /// another group holds (2).
    fn copy(&mut self, from: usize, to: usize, whose: u8) {
        let slots = self
            .group
            .slots
            .open()
            .chain(self.group.slots.ended())
            .map(|slot| slot.id);
        let Some(proof) = pick(slots.collect::<Vec<_>>().into_iter(), from) else {
            return;
        };
        match whose % 3 {
            0 => {
                let id = self.cloud.make(Some(proof), false);
                self.facts.foreign.insert(id);
            }
            1 => self.cloud.edit(to, |server| {
                (server.proof, server.tampered) = (Some(proof), true)
            }),
            _ => {
                let id = self.cloud.make(Some(proof), true);
                self.cloud.servers.get_mut(&id).expect("just made").tampered = true;
                let slot = SlotId::from_u128(self.id());
                self.other.slots.put(Slot {
                    id: slot,
                    proof: slot,
                    nonce: Nonce::from_u128(0),
                    launch: LaunchHash([1; 32]),
                    state: State::Active(id),
                    flags: Flags::default(),
                    issued: at(self.now).wall,
                    since: at(self.now).wall,
                });
                self.around.bind(&self.other);
                self.facts.elsewhere.insert(id);
            }
        }
    }

    /// The owner dies, and another one starts with the ledger alone.
    fn restart(&mut self) {
        self.watch = Watch::new(Rules::default(), Mono::from_ms(self.now));
        self.watch.sync(&self.group, Mono::from_ms(self.now));
        self.around = Around::default();
        self.around.bind(&self.other);
        self.around.bind(&self.group);
        self.kept.clear();
        let facts = &mut self.facts;
        facts.began = self.now;
        facts.shown.clear();
        facts.shown_complete.clear();
        facts.missing.clear();
        facts.complete.clear();
        facts.deletes.clear();
    }

    fn void(&mut self, n: usize) -> Result<(), String> {
        let due = self.watch.due(&self.group, at(self.now));
        let Some(call) = pick(due.voids.iter(), n).cloned() else {
            return Ok(());
        };
        self.watch.handed_out(call.slot, Mono::from_ms(self.now));
        let outcome = self.cloud.void(call.slot);
        self.settle(call.slot, outcome)
    }

    /// Hands out what deletes are due; reports of those whose bit is set in `lost` get lost.
    fn deletes(&mut self, lost: u8) -> Result<(), String> {
        let due = self.watch.due(&self.group, at(self.now));
        let calls = due.deletes.clone();
        let what = What::Wake {
            wake: due,
            idle: self.is_at_rest(),
        };
        (self.check)(&Turn {
            before: &self.group,
            after: &self.group,
            what: &what,
            facts: &self.facts,
            now: at(self.now),
        })?;
        for (n, call) in calls.iter().enumerate() {
            self.watch.handed_out(call.slot, Mono::from_ms(self.now));
            self.facts.deletes.insert(call.slot, self.now);
            let outcome = self.cloud.delete(call);
            if lost >> (n % 8) & 1 == 0 {
                self.settle(call.slot, outcome)?;
            }
        }
        Ok(())
    }

    fn configure(&mut self, edit: impl FnOnce(&mut Group)) -> Result<(), String> {
        if matches!(self.group.state.phase, Phase::Deleting | Phase::Tombstone) {
            return Ok(());
        }
        let mut wanted = self.group.clone();
        edit(&mut wanted);
        let mut draft = Draft::new(&self.group, at(self.now));
        draft.configure(wanted.config);
        draft.state.phase = wanted.state.phase;
        expire(&mut draft);
        let change = draft.finish(Cause::Configure, actor());
        self.commit(What::Configure, change)
    }

    /// Faults end, everybody answers, and time passes: after this the group must be at rest.
    pub(crate) fn calm(&mut self) -> Result<(), String> {
        self.cloud.servers.values_mut().for_each(|server| {
            server.dark = false;
            if matches!(server.status, Status::Error(..) | Status::Held) {
                server.status = Status::Up;
            }
        });
        if self.group.state.phase == Phase::Paused {
            self.step(&Step::Phase(Phase::Running))?;
        }
        self.event(Ask::Converge, Force::No)?;
        let mut rest = 0;
        for _ in 0..400 {
            let rev = self.group.clone();
            self.now += 31_000;
            while self.cloud.calls.iter().any(|call| !call.is_lost) {
                let n = self
                    .cloud
                    .calls
                    .iter()
                    .position(|call| !call.is_lost)
                    .unwrap_or(0);
                self.step(&Step::Answer(n, 0))?;
            }
            for server in self.cloud.servers.values_mut() {
                if server.status == Status::Building {
                    server.status = Status::Up;
                }
            }
            self.step(&Step::List(None))?;
            self.step(&Step::Plan(9))?;
            self.step(&Step::Void(0))?;
            self.step(&Step::Deletes(0))?;
            let is_same = self.group.slots == rev.slots && self.group.state == rev.state;
            rest = if is_same { rest + 1 } else { 0 };
            // Longer than any wait in between but holds and releases, which the end does not depend on.
            if rest > 70 {
                break;
            }
        }
        Ok(())
    }

    /// Grows the group to one size, and then forces it to another.
    pub(crate) fn grow(&mut self, have: u32, want: u32) -> Result<(), String> {
        self.configure(|group| {
            group.config.bounds = Bounds::new(Size(0), Size(100)).expect("bounds")
        })?;
        for size in [have, want] {
            self.event(Ask::Adjust(Adjust::Desired(Size(size))), Force::Gates)?;
            for _ in 0..12 {
                self.now += 31_000;
                self.plan(40)?;
                while !self.cloud.calls.is_empty() {
                    self.step(&Step::Answer(0, 0))?;
                }
                self.cloud
                    .servers
                    .values_mut()
                    .for_each(|server| server.status = Status::Up);
                self.step(&Step::List(None))?;
                self.step(&Step::Deletes(0))?;
            }
        }
        Ok(())
    }

    /// Whether planning now would do anything.
    pub(crate) fn is_at_rest(&self) -> bool {
        let mut draft = Draft::new(&self.group, at(self.now));
        expire(&mut draft);
        plan(&mut draft, &self.watch, &[]);
        draft.is_empty()
    }

    /// Servers that we caused and that nobody edited, without an open slot.
    pub(crate) fn orphans(&self) -> Vec<ServerId> {
        let bound: BTreeSet<ServerId> = self
            .group
            .slots
            .open()
            .filter_map(|slot| slot.state.server())
            .collect();
        let lost = |(id, server): (&ServerId, &crate::cloud::Server)| {
            (server.ours && !server.tampered && !bound.contains(id)).then_some(*id)
        };
        self.cloud.servers.iter().filter_map(lost).collect()
    }
}

fn said(n: u8) -> Status {
    match n % 8 {
        0..=3 => Status::Up,
        4 => Status::Error(Fault::Other, "fault".into()),
        5 => Status::Error(Fault::NoCapacity, "no valid host".into()),
        6 => Status::Held,
        _ => Status::Building,
    }
}

/// The row of a server in a list.
pub(crate) fn row_of(listing: &Listing, server: ServerId) -> Option<&Row> {
    listing.rows.iter().find(|row| row.server == server)
}

/// Whether a row shows a valid proof of that slot of that group, by our service user.
pub(crate) fn proves(row: &Row, group: GroupId, slot: SlotId) -> bool {
    row.ours && row.proof == Proof::Valid { group, slot }
}
