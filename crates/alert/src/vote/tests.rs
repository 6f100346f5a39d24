use super::*;

const fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_ms(second * 1_000)
}

fn rule() -> Rule {
    Rule {
        idle: false,
        above: Milli(80_000),
        below: Some(Milli(30_000)),
        lasting: Duration::from_secs(300),
        share: 51,
        missing_after: Duration::from_secs(120),
    }
}

fn sample(host: &str, percent: i64, second: u64) -> Sample {
    Sample {
        host: host.to_owned(),
        value: Milli(percent * 1_000),
        at: at(second),
    }
}

/// What is known of one server after these samples.
fn voter(host: &str, samples: &[(i64, u64)]) -> Voter {
    let mut known: Option<Voter> = None;
    for (percent, second) in samples {
        known = rule()
            .hear(known.as_ref(), &sample(host, *percent, *second))
            .or(known);
    }
    known.unwrap()
}

fn lasting(host: &str, percent: i64) -> Voter {
    voter(
        host,
        &[(percent, 0), (percent, 100), (percent, 200), (percent, 300)],
    )
}

fn said(voters: &[Voter]) -> Said {
    rule().count(voters, at(300)).said
}

#[test]
fn a_condition_must_have_held_for_the_whole_time() {
    assert_eq!(said(&[lasting("a", 90)]), Said::More);
    assert_eq!(
        said(&[voter("a", &[(90, 100), (90, 200), (90, 300)])]),
        Said::Stay,
        "too short"
    );
    assert_eq!(
        said(&[voter("a", &[(90, 0), (50, 100), (90, 200), (90, 300)])]),
        Said::Stay,
        "interrupted"
    );
}

/// A defect of the predecessor: after a breach of one side, one sample of the other counted as if it had lasted.
#[test]
fn changing_sides_begins_the_time_anew() {
    let flipped = voter("a", &[(90, 0), (90, 100), (90, 200), (10, 300)]);
    assert_eq!(said(std::slice::from_ref(&flipped)), Said::Stay);
    assert_eq!(flipped.since, at(300));
}

/// A defect of the predecessor: its state had room for one host.
#[test]
fn every_server_is_remembered_by_itself() {
    assert_eq!(
        said(&[lasting("a", 90), lasting("b", 90), lasting("c", 10)]),
        Said::More
    );
    assert_eq!(
        said(&[lasting("a", 90), lasting("b", 50), lasting("c", 10)]),
        Said::Stay
    );
    assert_eq!(
        said(&[lasting("a", 10), lasting("b", 10), lasting("c", 90)]),
        Said::Fewer
    );
}

#[test]
fn half_is_not_more_than_half() {
    assert_eq!(said(&[lasting("a", 90), lasting("b", 50)]), Said::Stay);
}

#[test]
fn servers_that_are_missing_do_not_vote_and_too_many_of_them_say_nothing() {
    let gone = |host: &str| voter(host, &[(90, 0)]);
    assert_eq!(said(&[]), Said::Nothing);
    assert_eq!(said(&[gone("a")]), Said::Nothing);
    let count = rule().count(&[gone("a"), lasting("b", 10)], at(300));
    assert_eq!(
        (count.said, count.heard, count.missing),
        (Said::Fewer, 1, 1)
    );
    assert_eq!(
        said(&[gone("a"), gone("b"), lasting("c", 10)]),
        Said::Nothing
    );
    let later = rule().count(
        &[
            gone("a"),
            gone("b"),
            voter("c", &[(10, 300), (10, 400), (10, 500), (10, 600)]),
        ],
        at(600),
    );
    assert_eq!(
        (later.said, later.missing),
        (Said::Fewer, 0),
        "who left is forgotten"
    );
}

#[test]
fn a_gap_begins_the_time_anew() {
    let with_gap = voter("a", &[(90, 0), (90, 100), (90, 300)]);
    assert_eq!(with_gap.since, at(300));
}

#[test]
fn what_comes_late_changes_nothing() {
    let known = lasting("a", 90);
    assert_eq!(rule().hear(Some(&known), &sample("a", 10, 250)), None);
}

#[test]
fn idle_is_turned_round() {
    let rule = Rule {
        idle: true,
        ..rule()
    };
    for (idle, used) in [(0, 100), (7, 93), (100, 0), (103, 103)] {
        let heard = rule.hear(None, &sample("a", idle, 0)).unwrap();
        assert_eq!(heard.value, Milli(used * 1_000), "{idle}");
    }
}

#[test]
fn without_a_lower_bound_whoever_does_not_ask_for_more_holds_nothing() {
    let rule = Rule {
        below: None,
        ..rule()
    };
    let calm = rule.hear(None, &sample("a", 79, 0)).unwrap();
    assert_eq!(calm.side, Side::Low);
}
