//! One group, its owner and a cloud, driven step by step; after every commit an auditor looks at it.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::capacity::{Bounds, Size};
use domain::decide::{decide, expire};
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Ask, Event, Force, Override};
use domain::evidence::{Around, Fault, Listing, Proof, Row, Rules, Status, Watch, weigh};
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

use crate::auditor::{Check, Facts, TOKEN_LEFT, Turn, What};
use crate::cloud::{Cloud, pick};
use crate::steps::Step;

pub(crate) struct World {
    pub(crate) group: Group,
    pub(crate) cloud: Cloud,
    pub(crate) facts: Facts,
    pub(crate) watch: Watch,
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
        from: None,
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
        circle: domain::circle::Circle::default(),
        build_timeout: Duration::from_secs(900),
        serials: 0,
        hooks: BTreeMap::new(),
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
        self.facts.note(&changes, self.group.state.forced, self.now);
        verdict
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

    pub(crate) fn event(&mut self, ask: Ask, force: Force) -> Result<(), String> {
        let wall = at(self.now).wall;
        let event = Event {
            id: format!("e{}", self.id()).parse().expect("an event id"),
            request: RequestHash([0; 32]),
            ask,
            force,
            actor: actor(),
            received: wall,
            valid_until: wall.plus(Duration::from_secs(600)),
            trace: None,
        };
        let mut draft = Draft::new(&self.group, at(self.now));
        expire(&mut draft);
        decide(&mut draft, &[event]);
        let change = draft.finish(Cause::Events, actor());
        self.commit(What::Events, change)
    }

    pub(crate) fn plan(&mut self, permits: u8) -> Result<(), String> {
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
        if outcome == Outcome::TokenRevoked {
            self.facts.revoked.entry(slot).or_insert(self.now);
        }
        let mut draft = Draft::new(&self.group, at(self.now));
        settle(&mut draft, &mut self.watch, slot, &outcome);
        let once = draft.clone().finish(Cause::Converge, actor());
        settle(&mut draft, &mut self.watch, slot, &outcome);
        let again = draft.finish(Cause::Converge, actor()) == once;
        self.commit(What::Settle { outcome, again }, once)
    }

    fn weigh(&mut self, listing: Listing) -> Result<(), String> {
        self.facts.audit(&listing, &self.group);
        self.around.note(&listing, Mono::from_ms(self.now));
        self.around.read_all(Mono::from_ms(self.now));
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
        facts.dark.clear();
        facts.missing.clear();
        facts.complete.clear();
        facts.partial = None;
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

    pub(crate) fn configure(&mut self, edit: impl FnOnce(&mut Group)) -> Result<(), String> {
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
