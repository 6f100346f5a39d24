//! What must hold after the fair period: everything that was promised has happened, and nothing is left over.

use std::collections::BTreeSet;

use domain::group::{Group, Phase};
use domain::ids::GroupKey;
use domain::slot::{State, is_handed_back};

use super::check::Findings;
use super::world::{USER, World};

/// Judges the end of a run.
pub fn judge(world: &World, keys: &[GroupKey], findings: &mut Findings) {
    let groups: Vec<_> = keys.iter().filter_map(|k| world.store.group(k)).collect();
    if groups.len() < keys.len() {
        let line = "I1: a group is gone without a tombstone".to_owned();
        findings.violations.push(line);
    }
    let mut lines = Vec::new();
    for group in &groups {
        match group.state.phase {
            Phase::Running => running(world, group, findings, &mut lines),
            Phase::Paused => {
                lines.push(format!("liveness: group {} is still paused", group.key.id))
            }
            Phase::Deleting | Phase::Tombstone => leaving(group, &mut lines),
        }
        super::hooks::judge(world, group, &mut lines);
        super::alerts::judge(world, group, &mut lines);
        if !group.inbox.is_empty() && group.state.phase == Phase::Running {
            lines.push(format!(
                "I4: group {} has events without a verdict",
                group.key.id
            ));
        }
    }
    left_over(world, groups.iter().map(AsRef::as_ref), &mut lines);
    for (event, key) in &findings.acknowledged {
        let tombstone = world
            .store
            .group(key)
            .is_some_and(|g| g.state.phase != Phase::Running);
        if !tombstone && !world.store.is_decided(key, event) {
            lines.push(format!(
                "I4: event {event} was acknowledged and has no verdict"
            ));
        }
    }
    findings.violations.extend(lines);
}

/// A group that runs has exactly what it wants.
fn running(world: &World, group: &Group, findings: &mut Findings, lines: &mut Vec<String>) {
    if let Some(hold) = &group.state.hold {
        *findings
            .tally
            .entry(format!("end: group held ({:?})", hold.why))
            .or_default() += 1;
        return;
    }
    let truth = world.sky.truth();
    let active: Vec<String> = group
        .slots
        .open()
        .filter(|s| matches!(s.state, State::Active(_)))
        .filter_map(|s| s.state.server().map(|id| id.to_string()))
        .collect();
    let there = active
        .iter()
        .filter(|id| truth.server(id).is_some_and(|s| s.deleted.is_none()))
        .count();
    let open = usize::try_from(group.slots.census().open.0).unwrap_or(0);
    let wanted = usize::try_from(group.state.desired.0).unwrap_or(0);
    // A server without our proof is neither activated nor a victim of a scale-in: it takes a place as it is, perhaps beyond what the group wants,
    // and is shown (I2 beats I1).
    let disowned = group.slots.open().filter(|s| s.flags.disowned);
    let (kept, served) = disowned.fold((0, 0), |(all, active), slot| {
        let is_active = matches!(slot.state, State::Active(_));
        (all + 1, active + usize::from(is_active))
    });
    if kept > 0 && open >= wanted && open - kept <= wanted && open - kept == active.len() - served {
        return;
    }
    if active.len() != wanted || there != wanted || open != wanted {
        let states: Vec<_> = group.slots.open().map(|s| s.state.word()).collect();
        lines.push(format!(
            "liveness: group {} wants {wanted}, has {} active, {there} in the cloud, open {states:?}",
            group.key.id,
            active.len()
        ));
    }
}

/// A deleted group has nothing left.
fn leaving(group: &Group, lines: &mut Vec<String>) {
    let open: Vec<_> = group.slots.open().map(|s| s.state.word()).collect();
    if group.state.phase != Phase::Tombstone || !open.is_empty() {
        lines.push(format!(
            "liveness: group {} is to be deleted and still has {open:?}",
            group.key.id
        ));
    }
}

/// I1: no server of ours is in no slot, unless it went back to its tenant.
fn left_over<'a>(world: &World, groups: impl Iterator<Item = &'a Group>, lines: &mut Vec<String>) {
    let mut known = BTreeSet::new();
    for group in groups {
        for slot in group.slots.open().chain(group.slots.ended()) {
            if slot.state.is_open() || is_handed_back(&slot.state) {
                known.extend(slot.state.server().map(|id| id.to_string()));
            }
        }
    }
    let truth = world.sky.truth();
    let ours = truth
        .living()
        .filter(|s| s.user == USER && s.deleted.is_none());
    for server in ours {
        let asked = server.asked.as_ref().and_then(|a| a.metadata.as_ref());
        let stripped = asked.is_some_and(|m| *m != server.metadata);
        if !known.contains(&server.id) && !stripped {
            lines.push(format!(
                "I1: server {} is in the cloud and in no open slot",
                server.id
            ));
        }
    }
}
