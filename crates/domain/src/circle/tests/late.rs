//! Words that come late.

use super::*;

/// What a source says of an alert with the second at which it came to be so.
fn dated(n: u64, standing: Standing, second: u64) -> Signal {
    Signal {
        at: Some(wall(second)),
        ..signal(n, standing)
    }
}

fn is_open(group: &Group) -> bool {
    let alerts = group.state.alerts.as_ref();
    alerts.is_some_and(|alerts| alerts.open.is_some())
}

#[test]
fn a_beginning_that_comes_after_its_end_opens_nothing() {
    for late in [Standing::Open, Standing::Acknowledged, Standing::Unknown] {
        let mut group = calm(2);
        // The beginning was refused, so the end is of nothing that is known.
        let end = say(&mut group, 30, dated(1, Standing::Closed, 20));
        assert_eq!(end.outcome, Outcome::Unchanged);
        let verdict = say(&mut group, 60, dated(1, late, 10));
        assert_eq!(verdict.outcome, Outcome::Unchanged, "{late:?}");
        let last = verdict.words.last().expect("a word");
        assert_eq!((last.gate, last.word), (Gate::Alert, Word::Stop));
        assert_eq!(
            (group.state.alerts.as_ref(), group.state.desired.0),
            (None, 2)
        );
        let again = say(&mut group, 90, dated(1, Standing::Open, 80));
        assert_eq!(again.outcome, Outcome::Applied, "it began anew");
    }
}

#[test]
fn an_end_that_comes_after_the_next_beginning_closes_nothing() {
    let mut group = calm(2);
    say(&mut group, 0, dated(1, Standing::Open, 0));
    say(&mut group, 40, dated(1, Standing::Open, 30));
    let late = say(&mut group, 50, dated(1, Standing::Closed, 20));
    assert_eq!(late.outcome, Outcome::Unchanged);
    assert!(is_open(&group));
    say(&mut group, 60, dated(1, Standing::Closed, 55));
    assert!(!is_open(&group));
}

#[test]
fn an_alert_that_a_person_knows_stays_so_when_its_beginning_is_said_again() {
    let mut group = calm(10);
    say(&mut group, 0, dated(1, Standing::Open, 0));
    say(&mut group, 60, dated(1, Standing::Acknowledged, 60));
    say(&mut group, 120, dated(1, Standing::Open, 0));
    assert_eq!(run(&mut group, 5 * 3600), [], "nobody is called for help");
}

#[test]
fn what_is_worse_counts_although_it_began_before_what_was_heard_last() {
    let mut group = calm(2);
    let small = Signal {
        at: Some(wall(10)),
        ..warning(1, Action::Step(Some(Adjust::Change(1))))
    };
    say(&mut group, 10, small);
    let worse = say(&mut group, 20, dated(1, Standing::Open, 0));
    assert_eq!((worse.outcome, worse.after.0), (Outcome::Applied, 6));
}

#[test]
fn what_a_person_closed_opens_when_its_source_says_it_again() {
    let mut group = calm(2);
    say(&mut group, 0, dated(1, Standing::Open, 0));
    say(&mut group, 60, signal(1, Standing::Closed));
    assert!(!is_open(&group));
    say(&mut group, 3600, dated(1, Standing::Open, 0));
    assert!(is_open(&group));
}

#[test]
fn a_source_whose_clock_was_ahead_is_heard_once_it_is_right() {
    let mut group = calm(2);
    say(&mut group, 10, dated(1, Standing::Open, 50_000));
    say(&mut group, 20, dated(1, Standing::Closed, 15));
    assert!(
        !is_open(&group),
        "it is right again, and says that it is over"
    );
    say(&mut group, 30, dated(1, Standing::Open, 30));
    say(&mut group, 40, dated(1, Standing::Closed, 60_000));
    assert!(!is_open(&group));
    say(&mut group, 50, dated(1, Standing::Open, 45));
    assert!(is_open(&group));
}

#[test]
fn the_newest_ends_are_remembered_for_a_day_and_change_nothing_else() {
    let mut group = calm(2);
    let most = u64::try_from(ENDS_MAX).expect("a small number");
    for n in 0..=most {
        say(&mut group, 100 + n, dated(n, Standing::Closed, 100 + n));
    }
    assert_eq!(group.state.ends.len(), ENDS_MAX);
    assert_eq!(
        (&group.state.alerts, group.state.wake()),
        (&None, Wake::Never)
    );
    let mut late = |n, second| say(&mut group, second, dated(n, Standing::Open, 50)).outcome;
    assert_eq!(late(1, 1_000), Outcome::Unchanged);
    assert_eq!(late(0, 1_000), Outcome::Applied, "one too many");
    let day = END_KEPT.as_secs();
    assert_eq!(late(2, 101 + day), Outcome::Unchanged);
    assert_ne!(
        late(2, 102 + day),
        Outcome::Unchanged,
        "its end is a day old"
    );
}
