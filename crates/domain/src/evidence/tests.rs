use super::*;
use crate::fixture::{
    actives, at, commit, group_of, id, issue, list, mono, row, secs, server, slot, wall,
};
use crate::group::{Group, HoldWhy, Phase};
use crate::settle::{Outcome, settle};
use crate::slot::{DeleteWhy, DoubtWhy, FailWhy, GoneWhy, Hold, Slot, State};

mod adoption;
mod due;
mod health;
mod reads;
mod restored;
mod revoked;

/// A group and its owner's memory, to weigh one listing after the other.
pub(super) struct Scene {
    pub(super) group: Group,
    pub(super) watch: Watch,
    pub(super) around: Around,
    spare: u128,
}

impl Scene {
    /// An owner that began at second 0 and found those slots at second `noticed`.
    pub(super) fn new(noticed: u64, slots: impl IntoIterator<Item = Slot>) -> Self {
        let group = group_of(9, slots);
        let mut watch = Watch::new(Rules::default(), mono(0));
        watch.sync(&group, mono(noticed));
        Self {
            group,
            watch,
            around: Around::default(),
            spare: 500,
        }
    }

    /// Weighs and commits a listing begun at that second, twice; the second time must change nothing.
    pub(super) fn weigh(&mut self, began: u64, extent: Extent, rows: Vec<Row>) -> Report {
        let listing = list(began, extent, rows);
        let (watch, around, spare) = (&mut self.watch, &mut self.around, &mut self.spare);
        around.note(&listing, mono(began + 1));
        around.read_all(mono(began + 1));
        let mut next = || {
            *spare += 1;
            id(*spare)
        };
        let mut report = Report::default();
        commit(
            &mut self.group,
            |d| report = weigh(d, watch, &listing, around, &mut next),
            at(began + 1),
        );
        let mut draft = Draft::new(&self.group, at(began + 1));
        weigh(
            &mut draft,
            &mut self.watch,
            &listing,
            &self.around,
            &mut next,
        );
        assert!(
            draft.is_empty(),
            "weighed twice: {:?}",
            draft.finish(crate::group::Cause::Converge, crate::fixture::actor())
        );
        report
    }

    /// The state of a slot.
    pub(super) fn state(&self, n: u128) -> &State {
        &self.group.slots.get(id(n)).expect("a slot").state
    }
}

fn doubt(n: u128) -> Slot {
    slot(n, State::InDoubt(issue(100), DoubtWhy::Timeout))
}

fn in_doubt() -> State {
    State::InDoubt(issue(100), DoubtWhy::Timeout)
}

/// One listing at second 50 against slot 1, which came into doubt at second 10.
fn check(slots: Vec<Slot>, extent: Extent, rows: Vec<Row>, expect: &State) -> Scene {
    let mut scene = Scene::new(10, slots);
    scene.weigh(50, extent, rows);
    assert_eq!(scene.state(1), expect);
    scene
}

const C: Extent = Extent::Complete;

#[test]
fn a_doubt_is_bound_to_its_server_from_a_complete_list_only() {
    let candidate = || vec![row(7, 1, Status::Building)];
    check(vec![doubt(1)], C, candidate(), &State::Accepted(server(7)));
    check(
        vec![doubt(1)],
        C,
        vec![row(7, 1, Status::Up)],
        &State::Active(server(7)),
    );
    check(vec![doubt(1)], Extent::Partial, candidate(), &in_doubt());
    check(vec![doubt(1)], Extent::Tagged, candidate(), &in_doubt());
}

#[test]
fn only_a_server_of_ours_with_a_proof_for_this_very_slot_and_no_other_role_is_bound() {
    let foreign = Row {
        ours: false,
        ..row(7, 1, Status::Up)
    };
    check(vec![doubt(1)], C, vec![foreign], &in_doubt());
    let other_slot = row(7, 2, Status::Up);
    check(vec![doubt(1), doubt(2)], C, vec![other_slot], &in_doubt());
    let other_group = Row {
        proof: Proof::Valid {
            group: GroupId::from_u128(1),
            slot: id(1),
        },
        ..row(7, 1, Status::Up)
    };
    check(vec![doubt(1)], C, vec![other_group], &in_doubt());
    let bound = slot(2, State::Active(server(7)));
    let scene = check(
        vec![doubt(1), bound],
        C,
        vec![row(7, 1, Status::Up)],
        &in_doubt(),
    );
    assert!(
        scene.group.slots.get(id(2)).expect("slot 2").flags.disowned,
        "its proof names another slot"
    );
    let gone = slot(2, State::Gone(server(7), GoneWhy::External));
    check(
        vec![doubt(1), gone],
        C,
        vec![row(7, 1, Status::Up)],
        &in_doubt(),
    );
}

#[test]
fn a_server_with_a_role_in_another_group_is_left_alone() {
    let mut other = group_of(1, [slot(9, State::Active(server(7)))]);
    other.key.id = GroupId::from_u128(1);
    let mut scene = Scene::new(10, [doubt(1)]);
    scene.around.bind(&other);
    let report = scene.weigh(50, C, vec![row(7, 1, Status::Up)]);
    assert_eq!((scene.state(1), report), (&in_doubt(), Report::default()));
    scene.around.forget(other.key.id);
    scene.weigh(60, C, vec![row(7, 1, Status::Up)]);
    assert_eq!(scene.state(1), &State::Active(server(7)));
}

#[test]
fn of_several_candidates_the_lowest_is_bound_and_the_rest_are_surplus() {
    let rows = vec![
        row(9, 1, Status::Up),
        row(7, 1, Status::Up),
        row(8, 1, Status::Up),
    ];
    let scene = check(vec![doubt(1)], C, rows, &State::Active(server(7)));
    assert_eq!(scene.state(501), &State::Surplus(server(8)));
    assert_eq!(scene.state(502), &State::Surplus(server(9)));
    assert_eq!(scene.group.slots.get(id(502)).expect("slot").proof, id(1));
}

#[test]
fn an_issued_slot_is_bound_by_a_list_only_when_its_report_is_overdue() {
    let issued = || vec![slot(1, State::Issued(issue(100)))];
    let candidate = || vec![row(7, 1, Status::Up)];
    check(issued(), C, candidate(), &State::Issued(issue(100)));
    let mut scene = Scene::new(5, issued());
    scene.weigh(50, C, candidate());
    assert_eq!(scene.state(1), &State::Active(server(7)));
}

#[test]
fn a_server_of_an_ended_slot_is_bound_as_surplus_from_any_list() {
    for state in [
        State::Failed(FailWhy::NotSent),
        State::Lapsed(issue(100), Hold::Counted),
        State::Lapsed(issue(100), Hold::Released),
        State::Gone(server(3), GoneWhy::External),
        State::Active(server(3)),
        State::Deleting(server(3), DeleteWhy::ScaleIn),
    ] {
        for extent in [C, Extent::Partial, Extent::Tagged] {
            let mut scene = Scene::new(10, [slot(1, state.clone())]);
            let report = scene.weigh(50, extent, vec![row(7, 1, Status::Up)]);
            assert_eq!(report.surplus, [(id(501), server(7))], "{state:?}");
            assert_eq!(scene.state(501), &State::Surplus(server(7)));
            assert!(
                scene
                    .weigh(60, extent, vec![row(7, 1, Status::Up)])
                    .surplus
                    .is_empty()
            );
        }
    }
}

#[test]
fn a_server_that_comes_back_after_it_was_gone_is_surplus_unless_the_list_is_old() {
    for (why, began, surplus) in [
        (GoneWhy::Deleted(DeleteWhy::ScaleIn), 50, true),
        (GoneWhy::External, 50, true),
        (GoneWhy::HandedBack, 50, false),
    ] {
        let mut scene = Scene::new(10, [slot(1, State::Gone(server(7), why))]);
        let report = scene.weigh(began, C, vec![row(7, 1, Status::Up)]);
        assert_eq!(!report.surplus.is_empty(), surplus, "{why:?}");
    }
    // It ended under this owner at second 60; the list began before.
    let mut scene = Scene::new(10, [slot(1, State::Active(server(7)))]);
    scene
        .group
        .slots
        .put(slot(1, State::Gone(server(7), GoneWhy::External)));
    scene.watch.sync(&scene.group, mono(60));
    assert!(
        scene
            .weigh(59, C, vec![row(7, 1, Status::Up)])
            .surplus
            .is_empty()
    );
    assert!(
        !scene
            .weigh(61, C, vec![row(7, 1, Status::Up)])
            .surplus
            .is_empty()
    );
}

#[test]
fn a_server_of_ours_without_proof_or_slot_is_reported_and_not_touched() {
    let bare = Row {
        proof: Proof::None,
        ..row(7, 1, Status::Up)
    };
    let foreign = Row {
        ours: false,
        ..bare.clone()
    };
    let dark = Row {
        proof: Proof::Unreadable,
        ..row(7, 1, Status::Unknown)
    };
    for (row, disowned, strays) in [
        (bare, vec![server(7)], vec![]),
        (foreign, vec![], vec![]),
        (dark, vec![], vec![]),
        (row(7, 44, Status::Up), vec![], vec![server(7)]),
    ] {
        let mut scene = Scene::new(10, actives(1));
        let before = scene.group.slots.clone();
        let report = scene.weigh(50, Extent::Partial, vec![row]);
        assert_eq!((report.disowned, report.strays), (disowned, strays));
        assert_eq!(scene.group.slots, before);
    }
}

#[test]
fn what_a_list_shows_of_a_surplus_server_outweighs_an_older_list() {
    let stripped = Row {
        proof: Proof::None,
        ..row(7, 1, Status::Up)
    };
    let mut scene = Scene::new(10, [slot(1, State::Failed(FailWhy::NotSent))]);
    let (group, watch) = (&mut scene.group, &mut scene.watch);
    let mut around = Around::default();
    around.note(&list(40, C, vec![row(7, 1, Status::Up)]), mono(41));
    around.read_all(mono(50));
    // Both in one draft, as lists that wait together are weighed.
    let lists = [
        list(60, C, vec![row(7, 1, Status::Up)]),
        list(50, C, vec![stripped]),
    ];
    let weigh_both = |draft: &mut Draft<'_>| {
        for listing in &lists {
            weigh(draft, watch, listing, &around, &mut || id(501));
        }
    };
    commit(group, weigh_both, at(61));
    assert!(
        !scene
            .group
            .slots
            .get(id(501))
            .expect("surplus")
            .flags
            .disowned
    );
}

/// Lists at the given seconds, none with a candidate; slot 1 came into doubt at second 10, so quiesce ends at 190.
fn check_lapse(lists: &[(u64, Extent)], lapses: bool) {
    let mut scene = Scene::new(10, [doubt(1)]);
    for (began, extent) in lists {
        scene.weigh(*began, *extent, vec![]);
    }
    assert_eq!(
        matches!(scene.state(1), State::Lapsed(_, Hold::Counted)),
        lapses,
        "{lists:?}"
    );
}

#[test]
fn a_doubt_lapses_by_two_complete_lists_after_quiesce_and_apart() {
    let p = Extent::Partial;
    check_lapse(&[(190, C), (220, C)], true);
    check_lapse(&[(190, C), (200, C), (219, C)], false);
    check_lapse(&[(190, C), (200, C), (220, C)], true);
    check_lapse(&[(189, C), (220, C)], false);
    check_lapse(&[(190, p), (220, C)], false);
    check_lapse(&[(190, C), (220, p), (300, p)], false);
    check_lapse(&[(220, C), (190, C)], true);
    check_lapse(&[(100, C), (130, C), (160, C)], false);
}

#[test]
fn a_candidate_seen_between_begins_the_wait_anew() {
    let mut scene = Scene::new(10, [doubt(1)]);
    scene.weigh(190, C, vec![]);
    scene.weigh(200, Extent::Partial, vec![row(7, 1, Status::Up)]);
    scene.weigh(221, C, vec![]);
    assert_eq!(scene.state(1), &in_doubt());
    scene.weigh(251, C, vec![]);
    assert!(matches!(scene.state(1), State::Lapsed(..)));
}

#[test]
fn a_server_is_bound_by_its_proof_only_once_all_roles_were_read() {
    // Another owner bound server 7 to another group, and the tenant copied this group's metadata onto it (simulator, schedule 100504).
    let mut scene = Scene::new(10, [slot(1, State::Active(server(8)))]);
    let listing = list(300, C, vec![row(7, 1, Status::Up)]);
    let mut draft = Draft::new(&scene.group, at(301));
    let mut spare = || id(501);
    let around = &mut scene.around;
    around.note(&listing, mono(230));
    let unsure = weigh(&mut draft, &mut scene.watch, &listing, around, &mut spare);
    assert!(draft.is_empty() && unsure.unsure);
    around.read_all(mono(239));
    let unsure = weigh(&mut draft, &mut scene.watch, &listing, around, &mut spare);
    assert!(draft.is_empty() && unsure.unsure, "read too long ago");
    around.read_all(mono(240));
    let sure = weigh(&mut draft, &mut scene.watch, &listing, around, &mut spare);
    assert_eq!(sure.surplus, [(id(501), server(7))]);
    assert!(!sure.unsure);
}

#[test]
fn the_role_of_a_late_server_is_read_after_it_was_first_met() {
    // Another owner bound server 7 at second 260, and the tenant copied this group's metadata onto it (simulator, schedule 500129).
    let mut scene = Scene::new(10, [slot(1, State::Active(server(8)))]);
    let listing = list(300, C, vec![row(7, 1, Status::Up)]);
    let mut draft = Draft::new(&scene.group, at(301));
    let mut spare = || id(501);
    let around = &mut scene.around;
    around.read_all(mono(250));
    around.note(&listing, mono(301));
    let unsure = weigh(&mut draft, &mut scene.watch, &listing, around, &mut spare);
    assert!(draft.is_empty() && unsure.unsure);
    around.read_all(mono(301));
    let again = list(302, C, vec![row(7, 1, Status::Up)]);
    let sure = weigh(&mut draft, &mut scene.watch, &again, around, &mut spare);
    assert_eq!(sure.surplus, [(id(501), server(7))]);
}

#[test]
fn the_role_of_a_late_server_is_read_after_it_first_showed_this_proof() {
    // Known for long by the proof of another slot, by which another owner bound it at second 260; then the tenant copied this group's
    // metadata onto it (simulator, schedule 701174).
    let mut scene = Scene::new(10, [slot(1, State::Active(server(8)))]);
    let mut spare = || id(501);
    let around = &mut scene.around;
    around.note(&list(200, C, vec![row(7, 2, Status::Up)]), mono(201));
    around.read_all(mono(250));
    let listing = list(300, C, vec![row(7, 1, Status::Up)]);
    around.note(&listing, mono(301));
    let mut draft = Draft::new(&scene.group, at(301));
    let unsure = weigh(&mut draft, &mut scene.watch, &listing, around, &mut spare);
    assert!(draft.is_empty() && unsure.unsure);
    around.read_all(mono(302));
    let again = list(303, C, vec![row(7, 1, Status::Up)]);
    let sure = weigh(&mut draft, &mut scene.watch, &again, around, &mut spare);
    assert_eq!(sure.surplus, [(id(501), server(7))]);
}

#[test]
fn an_unknown_row_that_may_be_the_server_keeps_the_doubt() {
    let dark = |n| Row {
        proof: Proof::Unreadable,
        ours: false,
        ..row(n, 1, Status::Unknown)
    };
    let mut scene = Scene::new(10, [doubt(1), slot(2, State::Active(server(8)))]);
    for began in [190, 220, 250] {
        scene.weigh(began, C, vec![dark(7), dark(8)]);
    }
    assert_eq!(scene.state(1), &in_doubt(), "server 7 may be ours");
    // Known before the slot was issued here, or bound: it is not this call's server.
    let known = || {
        let mut scene = Scene::new(100, [doubt(1), slot(2, State::Active(server(8)))]);
        scene.around.note(&list(50, C, vec![dark(7)]), mono(51));
        scene
    };
    let mut scene = known();
    scene.watch.issued(id(1));
    for began in [280, 310] {
        scene.weigh(began, C, vec![dark(7), dark(8)]);
    }
    assert!(matches!(scene.state(1), State::Lapsed(..)));
    // Found in the ledger: another owner may have called before this one saw the row (simulator, schedule 100226).
    let mut scene = known();
    for began in [280, 310] {
        scene.weigh(began, C, vec![dark(7), dark(8)]);
    }
    assert_eq!(scene.state(1), &in_doubt(), "server 7 may be ours");
}

#[test]
fn a_large_project_lapses_a_doubt_after_an_hour_of_empty_tagged_lists() {
    let t = Extent::Tagged;
    let every = |pause: usize, last: u64| {
        (190..=last)
            .step_by(pause)
            .map(|s| (s, t))
            .collect::<Vec<_>>()
    };
    check_lapse(&every(300, 190 + 3600), true);
    check_lapse(&every(300, 190 + 3599), false);
    check_lapse(&every(1000, 190 + 8000), false);
}

#[test]
fn a_list_by_the_tag_of_one_slot_says_nothing_about_another() {
    let mut scene = Scene::new(10, [doubt(1), doubt(2)]);
    for began in (190..=190 + 3600).step_by(300) {
        scene.weigh(began, Extent::Tagged, vec![]);
    }
    assert!(matches!(scene.state(1), State::Lapsed(..)));
    assert!(scene.state(2).is_open());
}

#[test]
fn a_lapsed_slot_is_released_by_a_complete_list_after_its_token_is_dead() {
    // Noticed at 10, token 100 s, caches 360 s: dead at 470.
    for (began, extent, rows, released) in [
        (470, C, vec![], true),
        (469, C, vec![], false),
        (470, Extent::Partial, vec![], false),
        (470, C, vec![row(7, 1, Status::Up)], false),
    ] {
        let mut scene = Scene::new(10, [slot(1, State::Lapsed(issue(100), Hold::Counted))]);
        scene.weigh(began, extent, rows);
        assert_eq!(
            matches!(scene.state(1), State::Lapsed(_, Hold::Released)),
            released,
            "{began}"
        );
    }
}

#[test]
fn an_unreported_call_comes_into_doubt_after_its_void_was_asked_in_vain() {
    let scene = Scene::new(10, [slot(1, State::Issued(issue(100)))]);
    for (now, doubtful) in [(64, false), (65, true)] {
        let mut draft = Draft::new(&scene.group, at(now));
        overdue(&mut draft, &scene.watch);
        assert_eq!(draft.census().in_doubt.0 == 1, doubtful, "{now}");
    }
}
