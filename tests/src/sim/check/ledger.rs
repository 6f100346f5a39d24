//! The ledger: what each commit changed, and what it may not change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cloudsim::Sim;
use domain::capacity::Bounds;
use domain::group::{Group, Phase};
use domain::ids::{EventId, GroupKey, ServerId, SlotId};
use domain::outbox::Delivery;
use domain::slot::{CallToken, DeleteWhy, Flags, Hold, Slot, State};
use domain::verdict::Verdict;
use store::memory::Memory;

use super::super::schedule::Regime;
use super::Findings;

/// A list that chose to lapse a slot began at most this long before the commit.
const LIST_AGE_MAX_MS: u64 = 150_000;

/// The ledger as it was looked at last.
#[derive(Default)]
pub(super) struct Ledger {
    groups: BTreeMap<GroupKey, Arc<Group>>,
    /// Every event that was decided.
    decided: BTreeMap<GroupKey, BTreeSet<EventId>>,
    /// Every slot that ever was: its group, and its state.
    slots: BTreeMap<SlotId, (GroupKey, State)>,
    /// Every role that a server has, by the text of its uuid.
    roles: BTreeMap<String, BTreeSet<SlotId>>,
    /// Slots that a backup did not have.
    lost: BTreeSet<SlotId>,
    /// Servers that were on their way out when the ledger went back to a backup: a worker may have their deletes in hand.
    sent_away: BTreeSet<String>,
}

/// Whether a slot is on its way out.
pub(in crate::sim) const fn is_leaving(state: &State) -> bool {
    matches!(
        state,
        State::Draining(_) | State::Deleting(..) | State::Surplus(_)
    )
}

/// Whether a slot's server is asked for, and not yet in service.
pub(in crate::sim) const fn is_coming(state: &State) -> bool {
    matches!(
        state,
        State::Issued(_) | State::Accepted(_) | State::Configuring(_)
    )
}

/// Whether a slot's server is in service or on its way there.
const fn is_in_service(state: &State) -> bool {
    matches!(
        state,
        State::Accepted(_) | State::Configuring(_) | State::Active(_)
    )
}

impl Ledger {
    /// The slot that a tag names.
    pub(super) fn slot(&self, id: &str) -> Option<&(GroupKey, State)> {
        self.slots.get(&id.parse().ok()?)
    }

    /// The states of all slots that a server is bound to, with their groups.
    pub(super) fn roles<'a>(
        &'a self,
        server: &str,
    ) -> impl Iterator<Item = &'a (GroupKey, State)> + 'a {
        let roles = self.roles.get(server).into_iter().flatten();
        roles.filter_map(|id| self.slots.get(id))
    }

    /// The slots of which a proof on a server allows its delete.
    pub(super) fn proofs<'a>(&'a self, server: &str) -> impl Iterator<Item = SlotId> + 'a {
        let roles = self.roles.get(server).into_iter().flatten();
        roles.filter_map(|id| {
            let (key, _) = self.slots.get(id)?;
            Some(self.groups.get(key)?.slots.get(*id)?.proof)
        })
    }

    /// Whether a slot was lost with the store, whether it is in the ledger again or not.
    pub(super) fn is_lost(&self, slot: &str) -> bool {
        slot.parse().is_ok_and(|id| self.lost.contains(&id))
    }

    /// Whether a server was on its way out before the store was lost.
    pub(super) fn is_sent_away(&self, server: &str) -> bool {
        self.sent_away.contains(server)
    }

    /// The store came back from a backup. What it lacks is noted: its servers are there, and a list gives them their slots back (ADR 0012).
    pub(super) fn go_back(&mut self, store: &Memory) {
        self.roles.clear();
        for key in store.keys() {
            let Some(group) = store.group(&key) else {
                continue;
            };
            if let Some(old) = self.groups.insert(key.clone(), Arc::clone(&group)) {
                for slot in old.slots.open().chain(old.slots.ended()) {
                    if group.slots.get(slot.id).is_none() {
                        self.lost.insert(slot.id);
                    }
                    if let (false, Some(server)) = (is_in_service(&slot.state), slot.state.server())
                    {
                        self.sent_away.insert(server.to_string());
                    }
                }
            }
            let verdicts = store.verdicts(&key);
            let decided = verdicts.into_iter().map(|verdict| verdict.event);
            self.decided.insert(key.clone(), decided.collect());
            for slot in group.slots.open().chain(group.slots.ended()) {
                if let Some(server) = slot.state.server() {
                    let roles = self.roles.entry(server.to_string()).or_default();
                    roles.insert(slot.id);
                }
                let known = (key.clone(), slot.state.clone());
                self.slots.insert(slot.id, known);
            }
        }
    }

    /// The most servers that a group may have in service: its limit, or what it counts while a lowered limit is not reached yet.
    pub(super) fn allowed(&self, key: &GroupKey) -> u32 {
        self.groups
            .get(key)
            .map_or(0, |group| limit(group).max(group.slots.census().counted.0))
    }

    pub(super) fn look(
        &mut self,
        store: &Memory,
        truth: &Sim,
        findings: &mut Findings,
        regime: Regime,
    ) {
        for key in store.keys() {
            let Some(group) = store.group(&key) else {
                continue;
            };
            let old = self.groups.insert(key.clone(), Arc::clone(&group));
            if old.as_ref().is_some_and(|old| Arc::ptr_eq(old, &group)) {
                continue;
            }
            self.look_at_limits(old.as_deref(), &group, findings);
            self.look_at_slots(old.as_deref(), &group, (truth, regime), findings);
            self.look_at_verdicts(old.as_deref(), &group, store, findings);
        }
    }

    /// I3: counted slots never grow beyond the limit. A limit that was lowered is reached by and by.
    fn look_at_limits(&self, old: Option<&Group>, new: &Group, findings: &mut Findings) {
        // What a backup lacked takes its place again, whoever has it by now.
        let back = new.slots.open().filter(|s| self.lost.contains(&s.id));
        let back = u32::try_from(back.count()).unwrap_or(0);
        let counted = new.slots.census().counted.0.saturating_sub(back);
        let before = old.map_or(0, |old| old.slots.census().counted.0);
        let limit = limit(new).max(old.map_or(0, |old| {
            // Issued in the same look as the limit was lowered.
            if old.rev.next() == new.rev {
                0
            } else {
                limit(old)
            }
        }));
        if counted > limit && counted > before {
            findings.broken(format!(
                "I3: group {} counts {counted} slots over its limit of {limit}",
                new.key.id
            ));
        }
    }

    fn look_at_slots(
        &mut self,
        old: Option<&Group>,
        new: &Group,
        (truth, regime): (&Sim, Regime),
        findings: &mut Findings,
    ) {
        for slot in new.slots.open().chain(new.slots.ended()) {
            let before = old.and_then(|old| old.slots.get(slot.id));
            if before.is_some_and(|before| before == slot) {
                continue;
            }
            tally_edge(before, slot, findings);
            tracing::debug!(at_ms = truth.now_ms(), group = %new.key.id, rev = new.rev.0, slot = %slot.id, state = ?slot.state, flags = ?slot.flags, "slot");
            self.slots
                .insert(slot.id, (new.key.clone(), slot.state.clone()));
            if matches!(slot.state, State::InDoubt(..)) {
                findings.in_doubt.insert(slot.id);
            }
            if let Some(server) = slot.state.server() {
                self.bind(slot, server, findings);
            }
            if before.is_none_or(|before| claims_more(&before.state, &slot.state)) {
                self.look_at_end(slot, (truth, regime), findings);
            }
        }
    }

    /// A uuid has one role (interleaving H5 of safety 6.1): never two open slots for one server.
    fn bind(&mut self, slot: &Slot, server: ServerId, findings: &mut Findings) {
        let server = server.to_string();
        self.roles
            .entry(server.clone())
            .or_default()
            .insert(slot.id);
        let open = self.roles(&server).filter(|(_, state)| state.is_open());
        if slot.state.is_open() && open.count() > 1 {
            findings.broken(format!("I2: server {server} is bound to two open slots"));
        }
    }

    /// I9: nothing is forgotten that is there.
    fn look_at_end(&self, slot: &Slot, (truth, regime): (&Sim, Regime), findings: &mut Findings) {
        match &slot.state {
            State::Gone(server, why) => {
                let there = truth
                    .server(&server.to_string())
                    .is_some_and(|s| s.deleted.is_none());
                if there && *why != domain::slot::GoneWhy::HandedBack {
                    findings.broken(format!("I9: server {server} is there, its slot is gone"));
                }
            }
            State::Lapsed(..) => {
                let tag = format!("as:{}", slot.id);
                let known = truth.servers().iter().find(|server| {
                    server
                        .asked
                        .as_ref()
                        .is_some_and(|a| a.tags.contains(&tag) && a.metadata.is_none())
                });
                let late = |s: &cloudsim::Server| {
                    s.created_ms + LIST_AGE_MAX_MS >= truth.now_ms() || s.deleted.is_some()
                };
                // A server that a list could have shown. One that somebody else's binding explains is known to the ledger.
                if let Some(server) =
                    known.filter(|s| !late(s) && self.roles(&s.id).next().is_none())
                {
                    findings.broken(format!(
                        "I9: slot {} lapses ({regime:?}), its server {} is there",
                        slot.id, server.id
                    ));
                }
            }
            State::Failed(why) => {
                let tag = format!("as:{}", slot.id);
                let made = truth.counts().creates_by_tag.get(&tag);
                if made.is_some_and(|made| made.servers > 0) {
                    findings.broken(format!(
                        "I9: slot {} failed ({why:?}), and its create was executed",
                        slot.id
                    ));
                }
            }
            State::Issued(_)
            | State::InDoubt(..)
            | State::Accepted(_)
            | State::Configuring(_)
            | State::Active(_)
            | State::Draining(_)
            | State::Deleting(..)
            | State::Surplus(_) => {}
        }
    }

    /// I4: each event once, each verdict going on where the last one ended.
    fn look_at_verdicts(
        &mut self,
        old: Option<&Group>,
        new: &Group,
        store: &Memory,
        findings: &mut Findings,
    ) {
        let decided = self.decided.entry(new.key.clone()).or_default();
        let Some(fresh) = store.verdicts_from(&new.key, decided.len()) else {
            findings.broken(format!("I4: group {} lost verdicts", new.key.id));
            return;
        };
        for verdict in &fresh {
            if !decided.insert(verdict.event.clone()) {
                findings.broken(format!("I4: event {} has two verdicts", verdict.event));
            }
        }
        let groups = [old, Some(new)].into_iter().flatten();
        let bounds: Vec<Bounds> = groups.map(|group| group.config.bounds).collect();
        for pair in fresh.windows(2).filter(|pair| !goes_on(pair, &bounds)) {
            findings.broken(format!(
                "I4: group {}: desired was {} after {} and {} before {}",
                new.key.id, pair[0].after, pair[0].event, pair[1].before, pair[1].event
            ));
        }
        let Some(old) = old.filter(|old| old.rev.next() == new.rev) else {
            return;
        };
        if let Some(line) = unexplained(old, new, &fresh) {
            findings.broken(line);
        }
    }

    /// The rows of the crash table that the death of this process is.
    pub(super) fn crash_rows(&self, name: &str, truth: &Sim) -> Vec<&'static str> {
        let mut rows = Vec::new();
        if name.starts_with("supervisor") {
            let wants = |g: &Group| {
                g.state.phase == Phase::Running && g.state.desired > g.slots.census().wanted
            };
            if self.groups.values().any(|g| wants(g)) {
                rows.push("crash row: supervisor died before it issued");
            }
            if self.groups.values().any(|g| {
                g.slots
                    .open()
                    .any(|s| matches!(s.state, State::Deleting(..)))
            }) {
                rows.push("crash row: supervisor died with a delete committed");
            }
            if self
                .groups
                .values()
                .any(|g| g.outbox.values().any(Delivery::is_open))
            {
                rows.push("crash row: supervisor died with a message to send");
            }
        }
        let open = self.groups.values().flat_map(|g| g.slots.open());
        for slot in open {
            let State::Issued(issue) = &slot.state else {
                continue;
            };
            let arrived = truth
                .counts()
                .creates_by_tag
                .get(&format!("as:{}", slot.id));
            match (issue.worker.to_string() == name, arrived) {
                (true, None) => rows.push("crash row: worker died before its call"),
                (true, Some(_)) => {
                    rows.push("crash row: worker died after its call, before its report")
                }
                (false, None) if name.starts_with("supervisor") => {
                    rows.push("crash row: supervisor died with a slot issued and not handed out");
                }
                (false, Some(_)) if name.starts_with("supervisor") => {
                    rows.push("crash row: supervisor died before the report came");
                }
                (false, _) => {}
            }
        }
        rows
    }
}

/// What a group may have: its bounds, or a grant beyond them.
fn limit(group: &Group) -> u32 {
    let over = group.state.over.map_or(0, |over| over.size.0);
    group.config.bounds.max().0.max(over)
}

/// Whether the second of two verdicts begins where the first ended. A commit that surfaces late is looked at together with the next one: between two
/// commits a grant may have ended, or the bounds have changed, and desired went back into them.
fn goes_on(pair: &[Verdict], bounds: &[Bounds]) -> bool {
    let (ended, began) = (pair[0].after, pair[1].before);
    let mut between = bounds.iter().map(|bounds| bounds.clamp(ended));
    ended == began || pair[0].rev != pair[1].rev && between.any(|size| size == began)
}

/// A change of desired that no verdict, no bounds and no deletion explains.
fn unexplained(old: &Group, new: &Group, fresh: &[Verdict]) -> Option<String> {
    let (was, is) = (old.state.desired, new.state.desired);
    if matches!(new.state.phase, Phase::Deleting | Phase::Tombstone) {
        return None;
    }
    let bounds = [new.config.bounds, old.config.bounds];
    let over = new.state.over.or(old.state.over);
    let clamped = bounds
        .into_iter()
        .flat_map(|b| [Some(b), over.map(|over| b.widened(over.size))])
        .flatten();
    let mut starts = clamped.map(|b| b.clamp(was));
    let mut explained = |size| size == was || starts.any(|start| start == size);
    let (first, last) = match (fresh.first(), fresh.last()) {
        (Some(first), Some(last)) => (first.before, last.after),
        (None, _) | (_, None) => (is, is),
    };
    (!explained(first) || last != is).then(|| {
        format!(
            "I4: group {}: desired was {was}, then {first} to {last} by verdicts, and is {is}",
            new.key.id
        )
    })
}

/// Whether a new state says more of its server than the one before. That the token of a lapsed slot's call is revoked is noted in
/// its state, and says nothing of whether there is a server: one that came late may be in a cell that is down just then.
fn claims_more(before: &State, after: &State) -> bool {
    match (before, after) {
        (State::Lapsed(_, before), State::Lapsed(_, after)) => before != after,
        _ => before != after,
    }
}

/// Counts the slot's edge, and the rule of evidence behind it.
fn tally_edge(before: Option<&Slot>, after: &Slot, findings: &mut Findings) {
    let from = before.map_or("new", |slot| slot.state.word());
    let to = after.state.word();
    if before.is_none_or(|b| b.state != after.state) {
        findings.tally(&format!("edge: {from} to {}", detail(to, &after.state)));
    }
    let rule = match (before.map(|b| &b.state), &after.state) {
        (Some(State::InDoubt(..)), State::Accepted(_)) => {
            Some("rule: adopted from a complete list, or late report")
        }
        (Some(State::InDoubt(..)), State::Failed(_)) => Some("rule: voided in doubt"),
        (Some(State::InDoubt(..)), State::Lapsed(..)) => Some("rule: lapsed"),
        (Some(State::Lapsed(issue, Hold::Counted)), State::Lapsed(_, Hold::Released))
            if issue.token == CallToken::Revoked =>
        {
            Some("rule: released after its token was revoked")
        }
        (Some(State::Lapsed(_, Hold::Counted)), State::Lapsed(_, Hold::Released)) => {
            Some("rule: released by the strict rule")
        }
        (None, State::Surplus(_) | State::Deleting(_, DeleteWhy::Surplus)) => {
            Some("rule: late or doubled server bound as surplus")
        }
        (None, state) if is_in_service(state) => {
            Some("rule: taken in, its slot was not in the ledger")
        }
        (Some(b), State::Gone(..)) if is_in_service(b) => {
            Some("rule: gone, deleted by somebody else")
        }
        (Some(State::Deleting(..)), State::Gone(..)) => Some("rule: gone, deleted by us"),
        _other => None,
    };
    if let Some(rule) = rule {
        findings.tally(rule);
    }
    let flags = before.map_or_else(Flags::default, |b| b.flags);
    for (was, is, word) in [
        (flags.blocked, after.flags.blocked, "flag: blocked"),
        (flags.disowned, after.flags.disowned, "flag: disowned"),
        (flags.held, after.flags.held, "flag: held"),
    ] {
        if is && !was {
            findings.tally(word);
        }
    }
}

fn detail(word: &str, state: &State) -> String {
    match state {
        State::InDoubt(_, why) => format!("{word} ({why:?})"),
        State::Failed(why) => {
            let why = format!("{why:?}");
            let why = why.split('(').next().unwrap_or_default();
            format!("{word} ({why})")
        }
        State::Deleting(_, why) => format!("{word} ({why:?})"),
        State::Gone(_, why) => format!("{word} ({why:?})"),
        State::Lapsed(_, hold) => format!("{word} ({hold:?})"),
        State::Issued(_)
        | State::Accepted(_)
        | State::Configuring(_)
        | State::Active(_)
        | State::Draining(_)
        | State::Surplus(_) => word.to_owned(),
    }
}
