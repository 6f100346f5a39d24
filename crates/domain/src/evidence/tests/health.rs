//! Rows and absences of servers that are bound.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;

/// One row at second 50 of slot 1 with server 7; compares its state and whether the group is held.
fn check(state: State, row: Row, expect: &State, hold: Option<HoldWhy>) {
    let mut scene = Scene::new(10, [slot(1, state)]);
    scene.weigh(50, Extent::Partial, vec![row]);
    assert_eq!(scene.state(1), expect);
    assert_eq!(scene.group.state.hold.as_ref().map(|h| h.why), hold);
}

fn error(fault: Fault) -> Status {
    Status::Error(fault, "fault".into())
}

#[test]
fn each_status_of_a_bound_server_has_its_row() {
    let booting = || State::Accepted(server(7));
    let active = || State::Active(server(7));
    let deleting = |why| State::Deleting(server(7), why);
    for (state, status, expect, hold) in [
        (booting(), Status::Up, active(), None),
        (State::Configuring(server(7)), Status::Up, active(), None),
        (booting(), Status::Building, booting(), None),
        (booting(), Status::Held, booting(), None),
        (booting(), Status::Leaving, booting(), None),
        (
            booting(),
            error(Fault::NoCapacity),
            deleting(DeleteWhy::NoCapacity),
            Some(HoldWhy::NoCapacity),
        ),
        (
            booting(),
            error(Fault::Quota),
            deleting(DeleteWhy::Quota),
            Some(HoldWhy::Quota),
        ),
        (
            booting(),
            error(Fault::Other),
            deleting(DeleteWhy::Failed),
            None,
        ),
        (
            active(),
            error(Fault::NoCapacity),
            deleting(DeleteWhy::Failed),
            None,
        ),
        (active(), Status::Building, active(), None),
        (active(), Status::Held, active(), None),
        (
            deleting(DeleteWhy::ScaleIn),
            error(Fault::Other),
            deleting(DeleteWhy::ScaleIn),
            None,
        ),
        (
            State::Surplus(server(7)),
            Status::Up,
            State::Surplus(server(7)),
            None,
        ),
    ] {
        check(state, row(7, 1, status), &expect, hold);
    }
}

#[test]
fn a_held_server_keeps_its_place_and_shows_it() {
    let mut scene = Scene::new(10, [slot(1, State::Active(server(7)))]);
    for (began, status, held) in [
        (50, Status::Held, true),
        (60, Status::Leaving, true),
        (70, Status::Up, false),
    ] {
        scene.weigh(began, Extent::Partial, vec![row(7, 1, status)]);
        assert_eq!(
            scene.group.slots.get(id(1)).expect("slot 1").flags.held,
            held
        );
    }
}

#[test]
fn only_a_full_row_without_our_proof_disowns_a_server() {
    let stripped = Row {
        proof: Proof::None,
        ..row(7, 1, error(Fault::Other))
    };
    let dark = Row {
        proof: Proof::Unreadable,
        ours: false,
        ..row(7, 1, Status::Unknown)
    };
    let not_ours = Row {
        ours: false,
        ..row(7, 1, Status::Up)
    };
    let wrong_slot = row(7, 2, Status::Up);
    for (row, disowned) in [
        (stripped, true),
        (dark, false),
        (not_ours, true),
        (wrong_slot, true),
        (row(7, 1, Status::Up), false),
    ] {
        let mut scene = Scene::new(10, [slot(1, State::Active(server(7)))]);
        scene.weigh(50, Extent::Partial, vec![row.clone()]);
        assert_eq!(
            scene.group.slots.get(id(1)).expect("slot 1").flags.disowned,
            disowned,
            "{row:?}"
        );
        assert_eq!(
            scene.state(1),
            &State::Active(server(7)),
            "and it stays where it is"
        );
    }
}

#[test]
fn a_server_whose_proof_cannot_be_judged_is_not_taken_for_one_of_a_dead_cell() {
    for (status, is_dark) in [(Status::Unknown, true), (Status::Up, false)] {
        let mut scene = Scene::new(10, [slot(1, State::Active(server(7)))]);
        let unread = Row {
            proof: Proof::Unreadable,
            ..row(7, 1, status)
        };
        for began in [50, 4_000] {
            scene.weigh(began, Extent::Complete, vec![unread.clone()]);
        }
        assert_eq!(scene.watch.is_dark(id(1), mono(4_001)), is_dark);
    }
}

#[test]
fn a_proof_that_is_back_ends_the_disowning() {
    let mut scene = Scene::new(10, [slot(1, State::Active(server(7)))]);
    let stripped = Row {
        proof: Proof::None,
        ..row(7, 1, Status::Up)
    };
    scene.weigh(50, C, vec![stripped]);
    scene.weigh(60, C, vec![row(7, 1, Status::Up)]);
    assert!(!scene.group.slots.get(id(1)).expect("slot 1").flags.disowned);
}

#[test]
fn an_older_observation_never_overwrites_a_newer_one() {
    let mut scene = Scene::new(10, [slot(1, State::Active(server(7)))]);
    scene.weigh(60, C, vec![row(7, 1, Status::Up)]);
    scene.weigh(50, C, vec![row(7, 1, error(Fault::Other))]);
    assert_eq!(scene.state(1), &State::Active(server(7)));
}

#[test]
fn three_complete_lists_without_a_server_prove_it_gone() {
    let p = Extent::Partial;
    for (lists, gone) in [
        (vec![(20, C), (25, C), (30, C)], true),
        (vec![(20, C), (25, C)], false),
        (vec![(20, C), (20, C), (20, C)], false),
        (vec![(20, C), (25, p), (30, C), (35, p)], false),
        // Begun before the server was bound.
        (vec![(9, C), (25, C), (30, C)], false),
    ] {
        let mut scene = Scene::new(10, [slot(1, State::Active(server(7)))]);
        for (began, extent) in &lists {
            scene.weigh(*began, *extent, vec![]);
        }
        assert_eq!(
            scene.state(1) == &State::Gone(server(7), GoneWhy::External),
            gone,
            "{lists:?}"
        );
    }
}

#[test]
fn a_server_that_is_seen_or_unknown_between_is_not_gone() {
    for status in [Status::Up, Status::Unknown] {
        let mut scene = Scene::new(
            10,
            [slot(1, State::Deleting(server(7), DeleteWhy::ScaleIn))],
        );
        let mut seen = row(7, 1, status);
        if seen.status == Status::Unknown {
            (seen.proof, seen.ours) = (Proof::Unreadable, false);
        }
        scene.weigh(20, C, vec![]);
        scene.weigh(25, C, vec![]);
        scene.weigh(30, Extent::Partial, vec![seen]);
        scene.weigh(28, C, vec![]);
        scene.weigh(35, C, vec![]);
        scene.weigh(40, C, vec![]);
        assert!(scene.state(1).is_open());
        scene.weigh(45, C, vec![]);
        assert_eq!(
            scene.state(1),
            &State::Gone(server(7), GoneWhy::Deleted(DeleteWhy::ScaleIn))
        );
    }
}

#[test]
fn a_server_that_builds_too_long_is_deleted_as_stuck() {
    let mut scene = Scene::new(10, [slot(1, State::Accepted(server(7)))]);
    scene.group.config.build_timeout = secs(300);
    scene.weigh(308, C, vec![row(7, 1, Status::Building)]);
    assert_eq!(scene.state(1), &State::Accepted(server(7)));
    scene.weigh(309, C, vec![row(7, 1, Status::Building)]);
    assert_eq!(
        scene.state(1),
        &State::Deleting(server(7), DeleteWhy::Stuck)
    );
}

#[test]
fn failures_are_replaced_within_the_budget_and_then_the_group_holds() {
    let mut scene = Scene::new(10, actives(5));
    let rows = (1..=5).map(|n| row(n, n, error(Fault::Other))).collect();
    scene.weigh(50, C, rows);
    assert_eq!(
        scene.group.slots.census().active.0,
        2,
        "three of five may be replaced"
    );
    let hold = scene.group.state.hold.as_ref().expect("a hold");
    assert_eq!(
        (hold.why, hold.until),
        (HoldWhy::Failures, Some(wall(51 + 1800)))
    );
}

#[test]
fn a_paused_group_deletes_nothing() {
    let mut scene = Scene::new(10, actives(1));
    scene.group.state.phase = Phase::Paused;
    scene.weigh(50, C, vec![row(1, 1, error(Fault::Other))]);
    assert_eq!(scene.state(1), &State::Active(server(1)));
    scene.group.state.phase = Phase::Running;
    scene.weigh(60, C, vec![row(1, 1, error(Fault::Other))]);
    assert!(matches!(scene.state(1), State::Deleting(..)));
}

/// Another owner bound the server, and its tenant put the metadata of another group's server onto it: its row goes to that group (simulator, 1004897).
#[test]
fn a_server_whose_row_went_to_another_group_is_not_gone() {
    let mut scene = Scene::new(0, actives(1));
    let shown = Arc::new(BTreeSet::from([server(1)]));
    for began in [10, 20, 30, 40] {
        let listing = Listing {
            shown: Arc::clone(&shown),
            ..list(began, Extent::Complete, Vec::new())
        };
        let (watch, around) = (&mut scene.watch, &scene.around);
        commit(
            &mut scene.group,
            |d| drop(weigh(d, watch, &listing, around, &mut || id(900))),
            at(began + 1),
        );
    }
    let state = &scene.group.slots.get(id(1)).expect("its slot").state;
    assert_eq!(*state, State::Active(server(1)));
}
