//! A group whose ledger came back from a backup, and is deleted before anybody looked.

use super::*;
use crate::plan::plan;

/// A group without a slot that is deleted at that second: nothing is open, so it is a tombstone at once.
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
fn its_servers_are_looked_for_taken_in_and_deleted() {
    let mut scene = deleted(10);
    assert!(list_due(&scene, 10).is_some_and(|at| at <= mono(10)));
    let report = scene.weigh(20, Extent::Complete, vec![row(1, 1, Status::Up)]);
    assert_eq!(report.strays, [server(1)]);
    leave(&mut scene, 22);
    let state = &scene.group.slots.get(id(1)).expect("its slot").state;
    assert_eq!(*state, State::Deleting(server(1), DeleteWhy::GroupDeleted));
}

#[test]
fn it_is_looked_at_until_what_was_on_its_way_must_have_come() {
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
