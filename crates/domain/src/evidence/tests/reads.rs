//! Projects whose lists leave something out.

use super::*;
use crate::capacity::Size;

const PARTIAL: Extent = Extent::Partial;

fn reads(scene: &Scene, second: u64) -> Vec<SlotId> {
    let due = scene.watch.due(&scene.group, at(second)).reads;
    due.into_iter().map(|read| read.slot).collect()
}

/// Server `n` of slot `n` is read at that second and is up.
fn answer(scene: &mut Scene, n: u128, second: u64) {
    scene.watch.handed_out(id(n), mono(second));
    let read = Listing {
        about: Some(id(n)),
        ..list(second, PARTIAL, vec![row(n, n, Status::Up)])
    };
    let (watch, around) = (&mut scene.watch, &scene.around);
    commit(
        &mut scene.group,
        |d| {
            weigh(d, watch, &read, around, &mut || id(900));
        },
        at(second),
    );
}

#[test]
fn a_booting_server_that_the_list_leaves_out_is_read_until_it_is_up() {
    let mut scene = Scene::new(10, [slot(1, State::Accepted(server(1)))]);
    assert!(reads(&scene, 100).is_empty(), "no list yet");
    scene.weigh(50, PARTIAL, vec![]);
    assert_eq!(reads(&scene, 51), [id(1)]);
    answer(&mut scene, 1, 51);
    assert_eq!(scene.state(1), &State::Active(server(1)));
}

#[test]
fn what_a_list_shows_is_not_read_and_what_is_in_service_seldom() {
    let mut scene = Scene::new(10, actives(2));
    scene.weigh(50, C, vec![row(1, 1, Status::Up), row(2, 2, Status::Up)]);
    assert!(reads(&scene, 2000).is_empty(), "the list was complete");
    scene.weigh(400, PARTIAL, vec![row(1, 1, Status::Up)]);
    assert_eq!(reads(&scene, 401), [id(2)]);
    answer(&mut scene, 2, 401);
    scene.weigh(460, PARTIAL, vec![row(1, 1, Status::Up)]);
    assert!(reads(&scene, 700).is_empty());
    assert_eq!(reads(&scene, 701), [id(2)]);
}

#[test]
fn who_is_to_leave_is_read_before() {
    let mut scene = Scene::new(10, actives(3));
    for n in 1..=3 {
        answer(&mut scene, n, 40);
    }
    scene.weigh(50, PARTIAL, vec![]);
    scene.group.state.desired = Size(2);
    assert!(reads(&scene, 69).is_empty());
    assert_eq!(reads(&scene, 70), [id(1)]);
    answer(&mut scene, 1, 110);
    let mut draft = Draft::new(&scene.group, at(111));
    crate::plan::plan(&mut draft, &scene.watch, &[]);
    let leaves = draft.slot(id(1)).map(|slot| slot.state.clone());
    assert_eq!(leaves, Some(State::Deleting(server(1), DeleteWhy::ScaleIn)));
}

#[test]
fn a_server_in_service_that_is_not_found_twice_is_gone() {
    let mut scene = Scene::new(10, actives(1));
    scene.weigh(400, PARTIAL, vec![]);
    let mut sent = Vec::new();
    for second in 400..=500 {
        if reads(&scene, second).is_empty() {
            continue;
        }
        sent.push(second);
        scene.watch.handed_out(id(1), mono(second));
        let watch = &mut scene.watch;
        let outcome = Outcome::NotFound(server(1));
        commit(
            &mut scene.group,
            |d| settle(d, watch, id(1), &outcome),
            at(second),
        );
    }
    assert_eq!(sent, [400, 430]);
    assert!(matches!(scene.state(1), State::Gone(..)));
}

#[test]
fn a_doubt_is_adopted_by_its_tag_once_the_project_is_known_to_be_large() {
    let mut scene = Scene::new(10, [doubt(1)]);
    for second in [100, 890] {
        scene.weigh(second, PARTIAL, vec![]);
        scene.weigh(second, Extent::Tagged, vec![row(7, 1, Status::Building)]);
        assert_eq!(scene.state(1), &in_doubt(), "perhaps only a bad day");
    }
    scene.weigh(900, Extent::Tagged, vec![row(7, 1, Status::Building)]);
    assert_eq!(scene.state(1), &State::Accepted(server(7)));
}

#[test]
fn a_row_with_the_tag_of_a_doubt_and_without_metadata_is_no_silence() {
    let mut scene = Scene::new(10, [doubt(1)]);
    let mut bare = row(7, 1, Status::Up);
    bare.proof = Proof::None;
    for second in (190..=190 + 7200).step_by(300) {
        scene.weigh(second, Extent::Tagged, vec![bare.clone()]);
    }
    assert_eq!(scene.state(1), &in_doubt());
    for second in (7500..=7500 + 3600).step_by(300) {
        scene.weigh(second, Extent::Tagged, vec![]);
    }
    assert!(matches!(scene.state(1), State::Lapsed(..)));
}

#[test]
fn a_delete_is_asked_again_soon_where_no_list_shows_that_it_helped() {
    for (extent, again) in [(C, 600), (PARTIAL, 120)] {
        let leaving = State::Deleting(server(1), DeleteWhy::ScaleIn);
        let mut scene = Scene::new(10, [slot(1, leaving)]);
        scene.weigh(50, extent, vec![row(1, 1, Status::Up)]);
        scene.watch.handed_out(id(1), mono(60));
        let watch = &mut scene.watch;
        let outcome = Outcome::DeleteAccepted(server(1));
        commit(
            &mut scene.group,
            |d| settle(d, watch, id(1), &outcome),
            at(61),
        );
        let due = |second| scene.watch.due(&scene.group, at(second)).deletes.len();
        assert_eq!((due(60 + again), due(61 + again)), (0, 1), "{extent:?}");
    }
}
