//! A group that was carried over from a home whose control plane died (safety 3.10, ADR 0020).

use super::*;
use crate::group::Adoption;
use crate::home::{born, rest};
use crate::ids::HomeEpoch;
use crate::plan::{deficit, plan};

/// Begun, called and executed: 10 s, 35 s, 180 s after this owner's beginning.
const SETTLED: u64 = 225;

fn carried(slots: impl IntoIterator<Item = Slot>) -> Scene {
    let mut scene = Scene::new(0, slots);
    scene.group.state.adoption = Adoption::Due;
    scene
}

fn deletes(scene: &Scene, second: u64) -> usize {
    scene.watch.due(&scene.group, at(second)).deletes.len()
}

fn wanted(scene: &Scene, second: u64) -> u32 {
    deficit(&Draft::new(&scene.group, at(second)), &scene.watch)
}

#[test]
fn nothing_is_launched_or_deleted_until_a_complete_list_from_after_the_last_call_of_the_old_home() {
    let leaving = slot(1, State::Deleting(server(1), DeleteWhy::ScaleIn));
    let mut scene = carried([leaving]);
    let rows = || vec![row(1, 1, Status::Up)];
    for (began, extent) in [
        (20, Extent::Complete),
        (SETTLED - 1, Extent::Complete),
        (SETTLED, Extent::Partial),
    ] {
        scene.weigh(began, extent, rows());
        assert_eq!(
            (deletes(&scene, began + 2), wanted(&scene, began + 2)),
            (0, 0)
        );
        assert_eq!(scene.group.state.adoption, Adoption::Due, "{began}");
    }
    let due = scene.watch.due(&scene.group, at(100)).list;
    assert!(
        due.is_some_and(|at| at >= mono(SETTLED)),
        "it asks for one: {due:?}"
    );
    scene.weigh(SETTLED + 1, Extent::Complete, rows());
    assert_eq!(scene.group.state.adoption, Adoption::Done);
    assert_eq!((deletes(&scene, 228), wanted(&scene, 228)), (1, 9));
}

#[test]
fn a_group_in_deletion_waits_too() {
    let mut scene = carried([slot(1, State::Active(server(1)))]);
    scene.group.state.phase = Phase::Deleting;
    let watch = &scene.watch;
    commit(
        &mut scene.group,
        |draft| {
            plan(draft, watch, &[]);
        },
        at(10),
    );
    assert_eq!(*scene.state(1), State::Active(server(1)));
}

#[test]
fn what_the_copy_lacked_is_taken_in_before_anything_else_happens() {
    let mut scene = carried([slot(1, State::Active(server(1)))]);
    let rows = vec![row(1, 1, Status::Up), row(2, 2, Status::Up)];
    let report = scene.weigh(SETTLED + 5, Extent::Complete, rows);
    assert_eq!(report.strays, [server(2)]);
    assert_eq!(*scene.state(2), State::Active(server(2)));
    // As after a restore: somebody looks first, because what was asked for may be lost as well (ADR 0012).
    assert_eq!(scene.group.state.phase, Phase::Paused);
    assert_eq!(scene.group.state.adoption, Adoption::Done);
}

#[test]
fn a_large_project_is_given_an_hour_also_by_a_group_that_has_no_slot() {
    let mut scene = carried([]);
    // Begun too early to end the wait, and the last complete one.
    scene.weigh(20, Extent::Complete, Vec::new());
    for began in [SETTLED, 1800, 3619] {
        scene.weigh(began, Extent::Partial, Vec::new());
        assert_eq!(wanted(&scene, began + 2), 0, "{began}");
    }
    scene.weigh(3620, Extent::Partial, Vec::new());
    assert_eq!(scene.group.state.adoption, Adoption::Done);
    assert_eq!(wanted(&scene, 3622), 9);
}

#[test]
fn a_copy_is_whole_in_small_commits_and_one_that_was_cut_off_goes_on() {
    let mut source = group_of(9, (1..=70).map(|n| slot(n, State::Active(server(n)))));
    for n in 0..40 {
        let event = crate::fixture::event(
            &format!("e{n}"),
            crate::event::Ask::Converge,
            crate::event::Force::No,
            n,
        );
        source.inbox.insert(event.id.clone(), event);
    }
    let wall = at(0).wall;
    let (mut target, first) = born(&source, HomeEpoch(1), wall);
    target.fold(first, source.fence);
    let mut commits = 0;
    while let Some(change) = rest(&source, &target, wall) {
        assert!(change.slots.len() <= Draft::SLOTS_MAX && change.queued.len() <= 32);
        assert_eq!(target.state.adoption, Adoption::Copying);
        target.fold(change, source.fence);
        commits += 1;
    }
    assert_eq!(commits, 4);
    assert_eq!(target.key.epoch, HomeEpoch(1));
    assert_eq!(target.state.adoption, Adoption::Due);
    let same = (&target.slots, &target.inbox, &target.config);
    assert_eq!(same, (&source.slots, &source.inbox, &source.config));
    assert_eq!(rest(&source, &target, wall), None, "nothing twice");
}
