use super::*;

const FAST: Duration = Duration::from_millis(20);

fn at(ms: u64) -> Mono {
    Mono::START + Duration::from_millis(ms)
}

/// A limit of 40 that has learned that calls take 20 ms.
fn taught() -> Concurrency {
    let mut limit = Concurrency::new(40);
    for n in 0..100 {
        limit.ended(at(n), FAST, Ended::Answered);
    }
    limit
}

#[test]
fn late_answers_cut_it_once_per_round_and_silence_cuts_it_more() {
    let slow = Duration::from_millis(1_200);
    let table = [
        // (ended at, took, how, limit afterwards)
        (1_000, slow, Ended::Answered, 28),
        (1_001, slow, Ended::Answered, 28),
        (2_100, slow, Ended::Answered, 28),
        (2_300, slow, Ended::Answered, 19),
        (40_000, Duration::from_secs(30), Ended::Silent, 9),
    ];
    let mut limit = taught();
    assert_eq!(limit.limit(), 40);
    assert!(slow > limit.slow_after());
    for (now, took, how, expected) in table {
        limit.ended(at(now), took, how);
        assert_eq!(limit.limit(), expected, "at {now}");
    }
}

#[test]
fn it_never_falls_below_one_and_grows_by_one_a_round() {
    let mut limit = taught();
    for n in 1..100 {
        limit.ended(at(n * 100_000), Duration::from_secs(30), Ended::Silent);
    }
    assert_eq!(limit.limit(), 1);
    for round in 1..=5_u64 {
        for _ in 0..limit.limit() {
            limit.ended(at(10_000_000 + round), FAST, Ended::Answered);
        }
    }
    assert!((4..=6).contains(&limit.limit()), "{}", limit.limit());
    for _ in 0..2_000 {
        limit.ended(at(20_000_000), FAST, Ended::Answered);
    }
    assert_eq!(limit.limit(), 40);
}

#[test]
fn answers_that_stay_away_cut_it_before_any_time_limit_is_over() {
    let mut limit = taught();
    limit.missing(at(10_000), Duration::from_millis(900));
    assert_eq!(limit.limit(), 40);
    for second in 0..20 {
        limit.missing(at(12_000 + second * 1_100), Duration::from_secs(2 + second));
    }
    assert_eq!(limit.limit(), 1);
}

#[test]
fn a_cloud_that_is_slow_from_the_start_does_not_pass_for_a_fast_one() {
    let mut limit = Concurrency::new(40);
    limit.ended(at(20_000), Duration::from_secs(20), Ended::Answered);
    assert_eq!(limit.limit(), 28);
    assert!(limit.slow_after() < Duration::from_secs(10));
}
