use super::*;
use crate::fixture::{issue, server};

fn states() -> Vec<State> {
    let s = server(7);
    vec![
        State::Issued(issue(9)),
        State::InDoubt(issue(9), DoubtWhy::Timeout),
        State::Accepted(s),
        State::Configuring(s),
        State::Active(s),
        State::Draining(s),
        State::Deleting(s, DeleteWhy::ScaleIn),
        State::Surplus(s),
        State::Failed(FailWhy::NotSent),
        State::Lapsed(issue(9), Hold::Counted),
        State::Lapsed(issue(9), Hold::Released),
        State::Gone(s, GoneWhy::External),
    ]
}

fn moves() -> Vec<Move> {
    vec![
        Move::Bind(server(8)),
        Move::Doubt(DoubtWhy::Reset),
        Move::Fail(FailWhy::NotSent),
        Move::Lapse,
        Move::Release,
        Move::Configure,
        Move::Activate,
        Move::Drain,
        Move::Delete(DeleteWhy::Stuck),
        Move::Vanish,
        Move::HandBack,
    ]
}

/// Each state in order, with the word of the state after each of the moves in order; `.` where the move is illegal.
#[test]
fn every_state_allows_its_moves_and_no_others() {
    let expect = [
        "issued: accepted in-doubt failed . . . . . . . .",
        "in-doubt: accepted . failed lapsed . . . . . . .",
        "accepted: . . . . . configuring active draining deleting gone gone",
        "configuring: . . . . . . active draining deleting gone gone",
        "active: . . . . . . . draining deleting gone gone",
        "draining: . . . . . . . . deleting gone gone",
        "deleting: . . . . . . . . . gone gone",
        "surplus: . . . . . . . . deleting gone gone",
        "failed: . . . . . . . . . . .",
        "lapsed: . . . . lapsed . . . . . .",
        "lapsed: . . . . . . . . . . .",
        "gone: . . . . . . . . . . .",
    ];
    for (state, expect) in states().into_iter().zip(expect) {
        let words: Vec<&str> = moves()
            .into_iter()
            .map(|step| state.clone().step(step).map_or(".", |next| next.word()))
            .collect();
        assert_eq!(format!("{}: {}", state.word(), words.join(" ")), expect);
    }
}

#[test]
fn an_ended_slot_never_opens_and_a_bound_server_stays_bound() {
    for state in states() {
        for step in moves() {
            let Ok(next) = state.clone().step(step.clone()) else {
                continue;
            };
            assert!(state.is_open() || !next.is_open(), "{state:?} {step:?}");
            assert!(
                state.server().is_none() || state.server() == next.server(),
                "{state:?} {step:?}"
            );
        }
    }
}

#[test]
fn what_counts_is_what_may_exist_and_is_not_on_its_way_out() {
    let counts = |is: fn(&State) -> bool| -> Vec<&'static str> {
        states().iter().filter(|s| is(s)).map(State::word).collect()
    };
    assert_eq!(
        counts(State::is_wanted),
        ["issued", "in-doubt", "accepted", "configuring", "active"]
    );
    assert_eq!(
        counts(State::is_counted),
        [
            "issued",
            "in-doubt",
            "accepted",
            "configuring",
            "active",
            "lapsed"
        ]
    );
    assert_eq!(
        counts(|s| !s.is_open()),
        ["failed", "lapsed", "lapsed", "gone"]
    );
}

#[test]
fn how_a_server_ended_follows_from_where_it_was() {
    let gone = |state: State, step: Move| match state.step(step) {
        Ok(State::Gone(_, why)) => Some(why),
        Ok(_) | Err(_) => None,
    };
    let s = server(7);
    assert_eq!(
        gone(State::Active(s), Move::Vanish),
        Some(GoneWhy::External)
    );
    let deleting = State::Deleting(s, DeleteWhy::Stuck);
    assert_eq!(
        gone(deleting.clone(), Move::Vanish),
        Some(GoneWhy::Deleted(DeleteWhy::Stuck))
    );
    assert_eq!(gone(deleting, Move::HandBack), Some(GoneWhy::HandedBack));
}

#[test]
fn an_illegal_move_names_state_and_move() {
    let error = State::Active(server(7))
        .step(Move::Lapse)
        .expect_err("illegal");
    assert_eq!(error.to_string(), "a slot that is active cannot lapse");
}
