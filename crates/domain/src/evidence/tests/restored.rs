//! A group whose ledger came back from a backup.

use super::*;
use crate::plan::plan;

/// A group without a slot that is deleted, before anybody looked, at that second: nothing is open, so it is a tombstone at once.
fn deleted(second: u64) -> Scene {
    let mut scene = Scene::new(0, []);
    leave(&mut scene, second);
    assert_eq!(scene.group.state.phase, Phase::Tombstone);
    scene
}

fn leave(scene: &mut Scene, second: u64) {
    let watch = &scene.watch;
    commit(
        &mut scene.group,
        |draft| {
            draft.state.phase = Phase::Deleting;
            plan(draft, watch, &[]);
        },
        at(second),
    );
    scene.watch.sync(&scene.group, mono(second));
}

fn list_due(scene: &Scene, second: u64) -> Option<Mono> {
    scene.watch.due(&scene.group, at(second)).list
}

#[test]
fn servers_of_a_group_that_is_deleted_before_they_were_seen_are_looked_for_taken_in_and_deleted() {
    let mut scene = deleted(10);
    assert!(list_due(&scene, 10).is_some_and(|at| at <= mono(10)));
    let report = scene.weigh(20, Extent::Complete, vec![row(1, 1, Status::Up)]);
    assert_eq!(report.strays, [server(1)]);
    leave(&mut scene, 22);
    let state = &scene.group.slots.get(id(1)).expect("its slot").state;
    assert_eq!(*state, State::Deleting(server(1), DeleteWhy::GroupDeleted));
}

#[test]
fn a_tombstone_is_looked_at_until_what_was_on_its_way_must_have_come() {
    let mut scene = deleted(10);
    // Began 10 s, called 35 s and executed 180 s after this owner's beginning at the latest.
    for began in [20, 120, 224] {
        scene.weigh(began, Extent::Complete, Vec::new());
        assert!(list_due(&scene, began + 2).is_some(), "{began}");
    }
    scene.weigh(225, Extent::Complete, Vec::new());
    assert_eq!(list_due(&scene, 227), None);
}

#[test]
fn who_finds_a_tombstone_without_slots_does_not_look_after_it() {
    let scene = deleted(10);
    let mut successor = Watch::new(Rules::default(), mono(30));
    successor.sync(&scene.group, mono(30));
    assert_eq!(successor.due(&scene.group, at(30)).list, None);
}

#[test]
fn a_server_whose_slot_a_restored_ledger_lacks_gets_it_back_and_the_group_pauses() {
    let mut scene = Scene::new(10, actives(1));
    let rows = || {
        vec![
            row(1, 1, Status::Up),
            row(7, 44, Status::Up),
            row(8, 45, Status::Building),
        ]
    };
    scene.weigh(50, Extent::Complete, rows());
    assert_eq!(scene.state(44), &State::Active(server(7)));
    assert_eq!(scene.state(45), &State::Accepted(server(8)));
    let held = scene.group.state.hold.as_ref().map(|hold| hold.why);
    assert_eq!(
        (scene.group.state.phase, held),
        (Phase::Paused, Some(HoldWhy::Restored))
    );
    // Whatever is too many by the old size stays until somebody has looked.
    let mut draft = Draft::new(&scene.group, at(60));
    plan(&mut draft, &scene.watch, &[]);
    assert!(draft.is_empty());
    draft.turn(Phase::Running);
    assert!(draft.state.hold.is_none());
}
