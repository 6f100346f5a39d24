use super::*;
use crate::evidence::Rules;
use crate::fixture::{at, commit, group_of, id, issue, mono, secs, server, slot, wall};
use crate::group::Group;
use crate::ids::LaunchHash;
use crate::slot::{DeleteWhy, GoneWhy};

fn issued() -> Group {
    group_of(1, [slot(1, State::Issued(issue(3600)))])
}

fn in_doubt(why: DoubtWhy) -> Group {
    group_of(1, [slot(1, State::InDoubt(issue(3600), why))])
}

fn deleting() -> Group {
    group_of(0, [slot(1, State::Deleting(server(7), DeleteWhy::ScaleIn))])
}

/// Settles one outcome of slot 1 at second 100, twice, and compares the slot's new state and the hold.
fn check(group: &Group, outcome: &Outcome, state: &State, hold: Option<(HoldWhy, Option<u64>)>) {
    let mut watch = Watch::new(Rules::default(), mono(0));
    let mut draft = Draft::new(group, at(100));
    settle(&mut draft, &mut watch, id(1), outcome);
    let once = draft
        .clone()
        .finish(crate::group::Cause::Converge, crate::fixture::actor());
    settle(&mut draft, &mut watch, id(1), outcome);
    let twice = draft.finish(crate::group::Cause::Converge, crate::fixture::actor());
    assert_eq!(once, twice, "{outcome:?} settled twice");
    let after = once.slots.first().map_or_else(
        || group.slots.get(id(1)).expect("slot 1").state.clone(),
        |s| s.state.clone(),
    );
    assert_eq!(&after, state, "{outcome:?}");
    let held = once.state.hold.map(|h| (h.why, h.until));
    assert_eq!(
        held,
        hold.map(|(why, until)| (why, until.map(wall))),
        "{outcome:?}"
    );
}

#[test]
fn each_outcome_of_a_create_has_its_row() {
    let i = || issue(3600);
    let doubt = |why| State::InDoubt(i(), why);
    let failed = State::Failed;
    let no = |why| Outcome::NotCreated(why);
    for (outcome, state, hold) in [
        (
            Outcome::Created(server(7)),
            State::Accepted(server(7)),
            None,
        ),
        (
            Outcome::Unknown(DoubtWhy::Timeout),
            doubt(DoubtWhy::Timeout),
            None,
        ),
        (
            Outcome::Unknown(DoubtWhy::Reset),
            doubt(DoubtWhy::Reset),
            None,
        ),
        (
            Outcome::Unknown(DoubtWhy::Unclear),
            doubt(DoubtWhy::Unclear),
            None,
        ),
        (Outcome::Voided, failed(FailWhy::NotSent), None),
        (Outcome::TokenRevoked, State::Issued(i()), None),
        (Outcome::Begun, doubt(DoubtWhy::WorkerLost), None),
        (no(FailWhy::NotSent), failed(FailWhy::NotSent), None),
        (no(FailWhy::Token), failed(FailWhy::Token), None),
        (
            no(FailWhy::Refused("no such image".into())),
            failed(FailWhy::Refused("no such image".into())),
            Some((HoldWhy::Config, None)),
        ),
        (
            no(FailWhy::Quota("cores".into())),
            failed(FailWhy::Quota("cores".into())),
            Some((HoldWhy::Quota, Some(400))),
        ),
        (
            no(FailWhy::Credential("forbidden".into())),
            failed(FailWhy::Credential("forbidden".into())),
            Some((HoldWhy::Credential, Some(700))),
        ),
        (
            no(FailWhy::Throttled),
            failed(FailWhy::Throttled),
            Some((HoldWhy::Throttled, Some(130))),
        ),
        (
            Outcome::Throttled(secs(7)),
            failed(FailWhy::Throttled),
            Some((HoldWhy::Throttled, Some(107))),
        ),
    ] {
        check(&issued(), &outcome, &state, hold);
    }
}

#[test]
fn a_doubt_ends_with_the_late_answer_of_its_call() {
    let group = in_doubt(DoubtWhy::WorkerLost);
    let same = State::InDoubt(issue(3600), DoubtWhy::WorkerLost);
    check(
        &group,
        &Outcome::Created(server(7)),
        &State::Accepted(server(7)),
        None,
    );
    check(
        &group,
        &Outcome::Voided,
        &State::Failed(FailWhy::NotSent),
        None,
    );
    check(
        &group,
        &Outcome::NotCreated(FailWhy::NotSent),
        &State::Failed(FailWhy::NotSent),
        None,
    );
    check(&group, &Outcome::Unknown(DoubtWhy::Timeout), &same, None);
    check(&group, &Outcome::Begun, &same, None);
}

#[test]
fn a_late_answer_never_moves_a_slot_that_has_gone_on() {
    for state in [
        State::Active(server(7)),
        State::Deleting(server(7), DeleteWhy::ScaleIn),
        State::Gone(server(7), GoneWhy::External),
        State::Failed(FailWhy::NotSent),
        State::Lapsed(issue(3600), Hold::Counted),
    ] {
        let group = group_of(1, [slot(1, state.clone())]);
        for outcome in [
            Outcome::Created(server(8)),
            Outcome::NotCreated(FailWhy::Quota("late".into())),
            Outcome::Throttled(secs(7)),
            Outcome::Unknown(DoubtWhy::Timeout),
            Outcome::Voided,
            Outcome::Begun,
        ] {
            check(&group, &outcome, &state, None);
        }
    }
}

#[test]
fn a_late_202_for_a_surplus_server_closes_its_slot() {
    let mut twin = slot(2, State::Surplus(server(7)));
    twin.proof = id(1);
    let released = State::Lapsed(issue(3600), Hold::Released);
    for state in [
        State::Issued(issue(3600)),
        State::InDoubt(issue(3600), DoubtWhy::Timeout),
        State::Lapsed(issue(3600), Hold::Counted),
    ] {
        let group = group_of(1, [slot(1, state), twin.clone()]);
        check(&group, &Outcome::Created(server(7)), &released, None);
    }
}

#[test]
fn a_refusal_of_an_older_launch_configuration_holds_nothing() {
    let mut group = issued();
    group.config.launch = LaunchHash([2; 32]);
    let why = FailWhy::Refused("no such image".into());
    check(
        &group,
        &Outcome::NotCreated(why.clone()),
        &State::Failed(why),
        None,
    );
}

#[test]
fn a_second_401_in_a_row_makes_the_credential_suspect() {
    let mut watch = Watch::new(Rules::default(), mono(0));
    let mut group = group_of(
        2,
        [
            slot(1, State::Issued(issue(9))),
            slot(2, State::Issued(issue(9))),
        ],
    );
    let token = Outcome::NotCreated(FailWhy::Token);
    for slot in [1, 2] {
        commit(
            &mut group,
            |d| settle(d, &mut watch, id(slot), &token),
            at(10),
        );
    }
    assert_eq!(group.state.hold, None, "both calls used the same token");
    group.slots.put(slot(3, State::Issued(issue(9))));
    watch.sync(&group, mono(20));
    commit(&mut group, |d| settle(d, &mut watch, id(3), &token), at(30));
    assert_eq!(group.state.hold.map(|h| h.why), Some(HoldWhy::Credential));
}

#[test]
fn outcomes_of_deletes_flag_and_never_end_a_slot_alone() {
    let group = deleting();
    for (outcome, blocked, disowned) in [
        (Outcome::DeleteAccepted(server(7)), false, false),
        (Outcome::NotFound(server(7)), false, false),
        (Outcome::Locked(server(7)), true, false),
        (Outcome::DeleteUnclear(server(7)), false, false),
        (Outcome::NotOurs(server(7)), false, true),
        (Outcome::NotOurs(server(8)), false, false),
        (Outcome::Locked(server(8)), false, false),
    ] {
        let mut watch = Watch::new(Rules::default(), mono(0));
        let mut draft = Draft::new(&group, at(100));
        settle(&mut draft, &mut watch, id(1), &outcome);
        let slot = draft.slot(id(1)).expect("slot 1");
        assert_eq!(
            (slot.flags.blocked, slot.flags.disowned),
            (blocked, disowned),
            "{outcome:?}"
        );
        assert!(slot.state.is_open());
    }
}

#[test]
fn two_404s_of_two_calls_apart_prove_a_server_gone() {
    // Seconds of hand-out of the first and second call, whether the second report repeats the first, and what is expected.
    for (first, second, again, gone) in [
        (10, 40, false, true),
        (10, 39, false, false),
        (10, 60, true, false),
    ] {
        let mut watch = Watch::new(Rules::default(), mono(0));
        let mut group = deleting();
        watch.sync(&group, mono(1));
        let lost = Outcome::NotFound(server(7));
        watch.handed_out(id(1), mono(first));
        commit(
            &mut group,
            |d| settle(d, &mut watch, id(1), &lost),
            at(first + 1),
        );
        if !again {
            watch.handed_out(id(1), mono(second));
        }
        commit(
            &mut group,
            |d| settle(d, &mut watch, id(1), &lost),
            at(second + 1),
        );
        assert_eq!(
            !group.slots.get(id(1)).expect("slot 1").state.is_open(),
            gone,
            "{first} {second} {again}"
        );
    }
}
