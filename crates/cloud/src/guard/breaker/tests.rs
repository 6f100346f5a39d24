use std::num::NonZeroU32;

use super::*;

fn at(ms: u64) -> Mono {
    Mono::START + Duration::from_millis(ms)
}

fn opened(probe: &mut Probe) -> Breaker {
    let mut breaker = Breaker::default();
    for n in 0..5 {
        assert_eq!(breaker.bad(at(n), at(n), probe), n == 4, "the {n}th");
    }
    assert_eq!(breaker.phase(), Phase::Open);
    breaker
}

#[test]
fn five_failures_in_a_row_open_it_and_single_ones_do_not() {
    let mut probe = Probe::new();
    let mut breaker = Breaker::default();
    for n in 0..40 {
        let is_bad = n % 5 != 4;
        if is_bad && n % 10 < 5 {
            breaker.bad(at(n), at(n), &mut probe);
        } else {
            breaker.good(at(n), at(n));
        }
    }
    assert_eq!(breaker.phase(), Phase::Closed);
    assert_eq!(opened(&mut probe).phase(), Phase::Open);
}

#[test]
fn more_than_half_of_twenty_opens_it() {
    let mut probe = Probe::new();
    let mut breaker = Breaker::default();
    let mut opened_at = None;
    for n in 0..60 {
        // Two of three fail, never five in a row.
        let opens = if n % 3 == 0 {
            breaker.good(at(n), at(n));
            false
        } else {
            breaker.bad(at(n), at(n), &mut probe)
        };
        if opens {
            opened_at = Some(n);
            break;
        }
    }
    assert_eq!(opened_at, Some(19));
}

#[test]
fn an_open_one_lets_one_probe_through_in_ten_seconds() {
    let mut probe = Probe::new();
    let mut breaker = opened(&mut probe);
    let ready = breaker.ready(at(10), &probe);
    assert_eq!(ready, at(10_004));
    breaker.begin(ready, &mut probe);
    assert_eq!(breaker.ready(at(10_010), &probe), at(20_004));
    // Another class of the same colo shares the probe.
    let mut other = opened(&mut probe);
    assert!(other.ready(at(10_010), &probe) >= at(20_004));
    other.rest(at(60_000));
    assert_eq!(other.ready(at(30_000), &probe), at(60_000));
    probe.turn = None;
    assert_eq!(breaker.ready(at(50_000), &probe), at(51_000));
}

#[test]
fn who_takes_turns_probes_first_at_its_place_and_then_once_in_a_round() {
    let turn = |place, of| NonZeroU32::new(of).map(|of| ProbeTurn::new(place, of));
    let mut probe = Probe::new();
    probe.turn = turn(2, 4);
    let mut breaker = opened(&mut probe);
    assert_eq!(breaker.ready(at(10), &probe), at(30_004));
    breaker.begin(at(30_004), &mut probe);
    assert_eq!(breaker.ready(at(30_010), &probe), at(70_004));
    // Two of the others have recovered, or want nothing any more.
    probe.turn = turn(0, 2);
    assert_eq!(breaker.ready(at(30_020), &probe), at(50_004));
    // A class that opens meanwhile neither brings it forward nor puts it off.
    assert!(opened(&mut probe).ready(at(30_030), &probe) >= at(50_004));
    assert_eq!(breaker.ready(at(30_040), &probe), at(50_004));
}

#[test]
fn it_feels_its_way_back_by_one_call_a_second() {
    let mut probe = Probe::new();
    let mut breaker = opened(&mut probe);
    // An answer to a call from before says nothing about now.
    assert!(!breaker.good(at(1), at(5_000)));
    assert_eq!(breaker.phase(), Phase::Open);
    breaker.begin(at(10_004), &mut probe);
    assert!(!breaker.good(at(10_004), at(10_050)));
    assert_eq!(breaker.phase(), Phase::HalfOpen);
    assert_eq!(breaker.ready(at(10_060), &probe), at(10_060));
    breaker.begin(at(10_060), &mut probe);
    assert_eq!(breaker.ready(at(10_070), &probe), at(11_060));
    assert!(!breaker.good(at(10_060), at(10_080)));
    breaker.begin(at(11_060), &mut probe);
    assert!(breaker.good(at(11_060), at(11_100)), "the third closes it");
    assert_eq!(breaker.phase(), Phase::Closed);
}

#[test]
fn one_failure_on_the_way_back_opens_it_again() {
    let mut probe = Probe::new();
    let mut breaker = opened(&mut probe);
    breaker.hears_of_life(at(3_000));
    assert_eq!(breaker.phase(), Phase::HalfOpen);
    assert!(!breaker.bad(at(100), at(3_100), &mut probe), "sent before");
    assert!(breaker.bad(at(3_050), at(3_200), &mut probe));
    assert_eq!(breaker.ready(at(3_300), &probe), at(13_200));
}

#[test]
fn one_that_may_be_called_and_is_not_counts_for_nothing_until_it_is() {
    let mut probe = Probe::new();
    let mut breaker = opened(&mut probe);
    // Its probe is due at 10.004 s.
    for (ms, seen) in [
        (10_000, Phase::Open),
        (11_000, Phase::Open),
        (40_999, Phase::Open),
        (41_000, Phase::Closed),
    ] {
        breaker.look(at(ms), true, &probe);
        assert_eq!(breaker.seen(), seen, "{ms}");
    }
    assert_eq!(breaker.phase(), Phase::HalfOpen);
    // Who is told no turn meanwhile keeps what it has.
    probe.turn = None;
    breaker.look(at(42_000), true, &probe);
    assert_eq!(breaker.seen(), Phase::Closed);
    // One call goes out, and one failure opens it.
    breaker.begin(at(50_000), &mut probe);
    assert_eq!(breaker.seen(), Phase::HalfOpen);
    assert_eq!(breaker.ready(at(50_001), &probe), at(51_000));
    assert!(breaker.bad(at(50_000), at(50_100), &mut probe));
    assert_eq!(breaker.seen(), Phase::Open);
}

#[test]
fn who_may_not_probe_or_does_is_not_quiet() {
    for (turn, is_idle) in [(None, true), (Some(ProbeTurn::ALONE), false)] {
        let mut probe = Probe::new();
        let mut breaker = opened(&mut probe);
        probe.turn = turn;
        for second in 0..600 {
            breaker.look(at(second * 1_000), is_idle, &probe);
        }
        assert_eq!(breaker.seen(), Phase::Open);
    }
    // A probe each ten seconds is not silence either.
    let mut probe = Probe::new();
    let mut breaker = opened(&mut probe);
    for second in 0..600 {
        let now = at(second * 1_000);
        breaker.look(now, true, &probe);
        assert_eq!(breaker.seen(), Phase::Open);
        if breaker.ready(now, &probe) <= now {
            breaker.begin(now, &mut probe);
            breaker.bad(now, now, &mut probe);
        }
    }
}
