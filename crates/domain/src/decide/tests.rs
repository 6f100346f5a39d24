use super::*;
use crate::fixture::{at, event, group, policy, secs, wall, with_policy};
use crate::group::{Group, Hold};

/// Decides one event at second 100 and compares the outcome, the new desired size and the last gate.
fn check(group: &Group, event: &Event, expect: (Outcome, u32, GateWord)) -> Verdict {
    let mut draft = Draft::new(group, at(100));
    decide(&mut draft, std::slice::from_ref(event));
    let verdict = draft.verdicts()[0].clone();
    let last = *verdict.words.last().expect("at least one word");
    assert_eq!((verdict.outcome, verdict.after.0, last), expect);
    assert_eq!(draft.state.desired, verdict.after);
    assert_eq!(verdict.rev, group.rev.next());
    let gates: Vec<Gate> = verdict.words.iter().map(|w| w.gate).collect();
    assert!(gates.is_sorted(), "gates are asked in order: {gates:?}");
    verdict
}

const fn said(gate: Gate, word: Word) -> GateWord {
    GateWord { gate, word }
}

const DONE: GateWord = said(Gate::Change, Word::Pass);

fn up(by: i64) -> Ask {
    Ask::Adjust(Adjust::Change(by))
}

fn by_policy(id: &str) -> Ask {
    Ask::Policy(id.parse().expect("a policy id"))
}

fn over(size: u32, until: u64) -> Override {
    Override {
        size: Size(size),
        until: wall(until),
    }
}

#[test]
fn an_adjustment_is_applied_clamped_or_changes_nothing() {
    let g = group(1, 5, 3);
    check(
        &g,
        &event("a", up(2), Force::No, 100),
        (Outcome::Applied, 5, DONE),
    );
    check(
        &g,
        &event("a", up(3), Force::No, 100),
        (Outcome::Clamped, 5, DONE),
    );
    check(
        &g,
        &event("a", up(-9), Force::No, 100),
        (Outcome::Clamped, 1, DONE),
    );
    let nothing = said(Gate::Change, Word::Stop);
    check(
        &g,
        &event("a", up(0), Force::No, 100),
        (Outcome::Unchanged, 3, nothing),
    );
    let g = group(1, 5, 5);
    let verdict = check(
        &g,
        &event("a", up(1), Force::No, 100),
        (Outcome::Unchanged, 5, nothing),
    );
    let capped = Word::Capped {
        asked: Size(6),
        to: Size(5),
    };
    assert!(verdict.words.contains(&said(Gate::Clamp, capped)));
}

#[test]
fn the_first_gate_that_stops_an_event_gives_its_outcome() {
    let mut g = with_policy(group(0, 9, 3), policy("p", Adjust::Change(1), 60, 0));
    let late = Event {
        valid_until: wall(99),
        ..event("a", by_policy("gone"), Force::Gates, 0)
    };
    check(
        &g,
        &late,
        (Outcome::Expired, 3, said(Gate::Age, Word::Stop)),
    );
    let gone = event("a", by_policy("gone"), Force::Gates, 100);
    check(
        &g,
        &gone,
        (Outcome::NoSuchPolicy, 3, said(Gate::Policy, Word::Stop)),
    );
    g.state.phase = Phase::Paused;
    check(
        &g,
        &gone,
        (Outcome::Paused, 3, said(Gate::Pause, Word::Stop)),
    );
    g.state.phase = Phase::Deleting;
    check(
        &g,
        &gone,
        (Outcome::Deleting, 3, said(Gate::Lifecycle, Word::Stop)),
    );
    g.state.phase = Phase::Tombstone;
    check(
        &g,
        &gone,
        (Outcome::Deleting, 3, said(Gate::Lifecycle, Word::Stop)),
    );
}

#[test]
fn cooldowns_stop_until_they_have_passed_and_zero_never_blocks() {
    let mut g = with_policy(group(0, 9, 3), policy("p", Adjust::Change(1), 60, 0));
    g.config.cooldown = secs(30);
    let ask = event("a", by_policy("p"), Force::No, 100);
    for (policy_ran, group_ran, expect) in [
        (None, None, (Outcome::Applied, 4, DONE)),
        (Some(40), Some(70), (Outcome::Applied, 4, DONE)),
        (
            Some(41),
            Some(71),
            (
                Outcome::Cooldown,
                3,
                said(Gate::PolicyCooldown, Word::Wait(secs(1))),
            ),
        ),
        (
            Some(40),
            Some(71),
            (
                Outcome::Cooldown,
                3,
                said(Gate::GroupCooldown, Word::Wait(secs(1))),
            ),
        ),
    ] {
        g.state.clocks.group = group_ran.map(wall);
        g.state.clocks.policy = policy_ran
            .map(|t| ("p".parse().expect("id"), wall(t)))
            .into_iter()
            .collect();
        check(&g, &ask, expect);
    }
    // A direct adjustment knows only the group's cooldown.
    g.state.clocks.policy = [("p".parse().expect("id"), wall(99))].into();
    g.state.clocks.group = Some(wall(70));
    check(
        &g,
        &event("a", up(1), Force::No, 100),
        (Outcome::Applied, 4, DONE),
    );
    g.config.cooldown = Duration::ZERO;
    g.state.clocks.group = Some(wall(100));
    check(
        &g,
        &event("a", up(1), Force::No, 100),
        (Outcome::Applied, 4, DONE),
    );
}

#[test]
fn debounce_stops_siblings_of_the_one_that_acted() {
    let g = with_policy(group(0, 9, 3), policy("p", Adjust::Change(1), 0, 10));
    let mut draft = Draft::new(&g, at(100));
    decide(
        &mut draft,
        &[
            event("a", by_policy("p"), Force::No, 100),
            event("b", by_policy("p"), Force::No, 100),
            event("c", by_policy("p"), Force::Gates, 100),
        ],
    );
    let outcomes: Vec<Outcome> = draft.verdicts().iter().map(|v| v.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Applied, Outcome::Debounced, Outcome::Applied]
    );
    assert!(
        draft.verdicts()[2]
            .words
            .contains(&said(Gate::Debounce, Word::Skipped))
    );
    assert!(
        draft.verdicts()[2]
            .words
            .contains(&said(Gate::GroupCooldown, Word::Pass))
    );
}

#[test]
fn force_skips_what_time_would_open_and_nothing_else() {
    let mut g = with_policy(group(0, 9, 3), policy("p", Adjust::Change(1), 60, 0));
    g.config.cooldown = secs(60);
    g.state.clocks.group = Some(wall(99));
    g.state.clocks.policy = [("p".parse().expect("id"), wall(99))].into();
    let forced = event("a", by_policy("p"), Force::Gates, 100);
    let verdict = check(&g, &forced, (Outcome::Applied, 4, DONE));
    assert!(
        verdict
            .words
            .contains(&said(Gate::PolicyCooldown, Word::Skipped))
    );
    assert!(
        verdict
            .words
            .contains(&said(Gate::GroupCooldown, Word::Skipped))
    );
    g.config.bounds = Bounds::new(Size(0), Size(3)).expect("bounds");
    check(
        &g,
        &forced,
        (Outcome::Unchanged, 3, said(Gate::Change, Word::Stop)),
    );
    g.state.phase = Phase::Paused;
    check(
        &g,
        &forced,
        (Outcome::Paused, 3, said(Gate::Pause, Word::Stop)),
    );
}

#[test]
fn an_override_passes_the_bounds_to_its_size_until_its_time() {
    let g = group(2, 5, 4);
    for (ask, size, until, expect, recorded) in [
        (up(4), 8, 200, (Outcome::Applied, 8, DONE), true),
        (up(9), 8, 200, (Outcome::Clamped, 8, DONE), true),
        (up(1), 8, 200, (Outcome::Applied, 5, DONE), false),
        (up(4), 8, 100, (Outcome::Clamped, 5, DONE), false),
        (up(-4), 0, 200, (Outcome::Applied, 0, DONE), true),
        (up(-4), 1, 200, (Outcome::Clamped, 1, DONE), true),
    ] {
        let mut draft = Draft::new(&g, at(100));
        let force = Force::Override(over(size, until));
        decide(&mut draft, &[event("a", ask.clone(), force, 100)]);
        assert_eq!(
            draft.state.over.is_some(),
            recorded,
            "{ask:?} over {size} until {until}"
        );
        check(&g, &event("a", ask, force, 100), expect);
    }
}

#[test]
fn a_grant_ends_with_its_time_and_desired_is_clamped_again() {
    let mut g = group(2, 5, 8);
    g.state.over = Some(over(8, 100));
    g.state.forced = true;
    let mut draft = Draft::new(&g, at(99));
    expire(&mut draft);
    assert!(draft.is_empty());
    let mut draft = Draft::new(&g, at(100));
    expire(&mut draft);
    assert_eq!(
        (draft.state.desired, draft.state.over, draft.state.forced),
        (Size(5), None, false)
    );
}

#[test]
fn while_a_grant_lasts_others_stay_within_it() {
    let mut g = group(2, 5, 7);
    g.state.over = Some(over(8, 200));
    check(
        &g,
        &event("a", up(-1), Force::No, 100),
        (Outcome::Applied, 6, DONE),
    );
    check(
        &g,
        &event("a", up(5), Force::No, 100),
        (Outcome::Clamped, 8, DONE),
    );
    // A smaller grant of somebody else takes nothing away.
    let force = Force::Override(over(6, 150));
    check(
        &g,
        &event("a", up(1), force, 100),
        (Outcome::Applied, 8, DONE),
    );
}

#[test]
fn a_shorter_grant_of_somebody_else_takes_nothing_away() {
    let mut g = group(2, 5, 8);
    g.state.over = Some(over(8, 900));
    for (size, until, recorded) in [
        (8, 160, over(8, 900)),
        (9, 160, over(8, 900)),
        (8, 900, over(8, 900)),
        (8, 901, over(8, 901)),
    ] {
        let mut draft = Draft::new(&g, at(100));
        let ask = Ask::Adjust(Adjust::Desired(Size(8)));
        let force = Force::Override(over(size, until));
        decide(&mut draft, &[event("a", ask, force, 100)]);
        assert_eq!(draft.verdicts()[0].outcome, Outcome::Unchanged);
        assert_eq!(draft.state.over, Some(recorded), "{size} until {until}");
    }
}

#[test]
fn converge_ends_the_holds_that_wait_for_a_person() {
    for (why, ends) in [
        (HoldWhy::Config, true),
        (HoldWhy::Failures, true),
        (HoldWhy::Quota, false),
        (HoldWhy::NoCapacity, false),
        (HoldWhy::Credential, false),
        (HoldWhy::Throttled, false),
    ] {
        let mut g = group(0, 9, 3);
        g.state.hold = Some(Hold {
            why,
            detail: String::new(),
            since: wall(1),
            until: None,
            strikes: 1,
        });
        let mut draft = Draft::new(&g, at(100));
        decide(&mut draft, &[event("a", Ask::Converge, Force::No, 100)]);
        assert_eq!(draft.state.hold.is_none(), ends, "{why:?}");
        assert_eq!(draft.verdicts()[0].outcome, Outcome::Unchanged);
        assert_eq!(draft.state.clocks, g.state.clocks);
    }
}

#[test]
fn one_id_gets_one_verdict_and_refusals_move_no_clock() {
    let mut g = group(0, 4, 3);
    g.config.cooldown = secs(60);
    let mut draft = Draft::new(&g, at(100));
    let burst = vec![event("a", up(1), Force::No, 100); 50];
    decide(&mut draft, &burst);
    decide(&mut draft, &burst);
    assert_eq!(draft.verdicts().len(), 1);
    assert_eq!(draft.state.clocks.group, Some(wall(100)));
    g.state.desired = Size(4);
    let mut draft = Draft::new(&g, at(100));
    decide(&mut draft, &burst);
    assert_eq!(draft.verdicts()[0].outcome, Outcome::Unchanged);
    assert_eq!(draft.state.clocks.group, None);
}

#[test]
fn the_mark_of_force_follows_the_last_change() {
    let g = group(0, 9, 3);
    let mut draft = Draft::new(&g, at(100));
    decide(&mut draft, &[event("a", up(-1), Force::Gates, 100)]);
    assert!(draft.state.forced);
    decide(&mut draft, &[event("b", up(0), Force::No, 100)]);
    assert!(draft.state.forced, "nothing changed");
    decide(&mut draft, &[event("c", up(1), Force::No, 100)]);
    assert!(!draft.state.forced);
}

#[test]
fn clocks_of_policies_that_are_gone_are_forgotten() {
    let mut g = with_policy(group(0, 9, 3), policy("p", Adjust::Change(1), 60, 0));
    g.state.clocks.policy = [("p", 1), ("q", 2)]
        .map(|(id, t)| (id.parse().expect("id"), wall(t)))
        .into();
    let mut draft = Draft::new(&g, at(100));
    expire(&mut draft);
    assert_eq!(draft.state.clocks.policy.len(), 1);
}
