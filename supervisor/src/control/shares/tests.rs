use domain::ids::Incarnation;

use super::*;

fn shares(workers_max: u32) -> Shares {
    Shares::new(NonZeroU32::new(workers_max).expect("not zero"))
}

fn beat(shares: &mut Shares, worker: &str, fares: Fares, second: u64) -> Part {
    let heartbeat = Heartbeat {
        fence: None,
        worker: worker.parse().expect("a name"),
        incarnation: Incarnation::from_u128(1),
        fares,
    };
    shares.beat(&heartbeat, Mono::from_ms(second * 1_000))
}

#[test]
fn a_lone_worker_has_all_but_the_floors_of_those_that_may_come() {
    assert_eq!(beat(&mut shares(1), "a", Fares::Well, 0).share, 1_000);
    assert_eq!(beat(&mut shares(8), "a", Fares::Well, 0).share, 825);
}

#[test]
fn a_worker_that_comes_gets_what_the_others_have_given_back() {
    let mut shares = shares(2);
    assert_eq!(beat(&mut shares, "a", Fares::Well, 0).share, 900);
    assert_eq!(beat(&mut shares, "b", Fares::Well, 0).share, 100);
    assert_eq!(beat(&mut shares, "a", Fares::Well, 1).share, 500);
    assert_eq!(beat(&mut shares, "b", Fares::Well, 1).share, 500);
    // And one that dies leaves its share after as long as it holds.
    assert_eq!(beat(&mut shares, "a", Fares::Well, 10).share, 500);
    assert_eq!(beat(&mut shares, "a", Fares::Well, 11).share, 900);
}

#[test]
fn however_workers_come_and_go_the_shares_never_exceed_the_budget() {
    let mut shares = shares(4);
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut granted: BTreeMap<&str, (u32, u64)> = BTreeMap::new();
    let mut dice = 7_u64;
    for step in 0..5_000_u64 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let name = names[usize::try_from((dice >> 33) % 6).expect("small")];
        let second = step / 3;
        let share = beat(&mut shares, name, Fares::Well, second).share;
        granted.insert(name, (share, second));
        let held: u32 = granted
            .values()
            .filter(|(_, when)| second - when < 10)
            .map(|(share, _)| share)
            .sum();
        assert!(held <= 1_000, "{held} at step {step}: {granted:?}");
    }
}

fn turn(place: u32, of: u32) -> ProbeTurn {
    ProbeTurn::new(place, NonZeroU32::new(of).expect("not zero"))
}

#[test]
fn those_that_fail_take_turns_and_hear_of_each_others_answers() {
    let mut shares = shares(3);
    for name in ["a", "b", "c"] {
        beat(&mut shares, name, Fares::Well, 0);
    }
    assert_eq!(
        beat(&mut shares, "c", Fares::Failing, 1).turn,
        ProbeTurn::ALONE
    );
    assert_eq!(beat(&mut shares, "b", Fares::Failing, 1).turn, turn(0, 2));
    let c = beat(&mut shares, "c", Fares::Failing, 2);
    assert_eq!((c.turn, c.answered), (turn(1, 2), false));
    let a = beat(&mut shares, "a", Fares::Well, 2);
    assert_eq!(a.turn, turn(0, 3), "if it began to fail");
    assert!(!shares.all_well(Mono::from_ms(2_000)));
    assert!(!beat(&mut shares, "b", Fares::Recovering, 3).answered);
    let c = beat(&mut shares, "c", Fares::Failing, 3);
    assert_eq!((c.turn, c.answered), (ProbeTurn::ALONE, true));
}

/// A worker goes by the rarest turn that it is told: with other turns from each, it would probe when none of them meant it to.
#[test]
fn supervisors_tell_the_same_turns_whatever_each_has_seen_before() {
    let (mut old, mut new) = (shares(3), shares(3));
    for second in 0..60 {
        beat(&mut old, "c", Fares::Failing, second);
    }
    for second in 60..120 {
        for name in ["a", "b", "c"] {
            beat(&mut old, name, Fares::Failing, second);
            beat(&mut new, name, Fares::Failing, second);
        }
    }
    for (place, name) in (0..).zip(["a", "b", "c"]) {
        let of_old = beat(&mut old, name, Fares::Failing, 120).turn;
        let of_new = beat(&mut new, name, Fares::Failing, 120).turn;
        assert_eq!((of_old, of_new), (turn(place, 3), turn(place, 3)), "{name}");
    }
}

#[test]
fn an_answered_probe_is_told_once_and_what_was_told_is_not_passed_on() {
    let mut shares = shares(3);
    let (failing, recovering) = (Fares::Failing, Fares::Recovering);
    let table = [
        ("a", failing, false),
        ("b", failing, false),
        ("c", failing, false),
        // a's own probe is answered; then nobody calls there any more, and it says so with every beat.
        ("a", recovering, false),
        ("b", failing, true),
        ("a", recovering, false),
        // b tried, and failed again.
        ("b", failing, false),
        // c only repeats what it was told.
        ("c", failing, true),
        ("c", recovering, false),
        ("b", failing, false),
        ("a", recovering, false),
        // And this is a probe of b's own.
        ("c", failing, false),
        ("b", recovering, false),
        ("c", failing, true),
        ("c", failing, false),
    ];
    for (step, (name, fares, answered)) in (0..).zip(table) {
        let part = beat(&mut shares, name, fares, step / 3);
        assert_eq!(part.answered, answered, "step {step}");
    }
}

#[test]
fn who_fails_only_after_an_answer_is_not_told_of_it() {
    let mut shares = shares(2);
    beat(&mut shares, "a", Fares::Failing, 0);
    beat(&mut shares, "b", Fares::Well, 0);
    beat(&mut shares, "a", Fares::Recovering, 1);
    assert!(!beat(&mut shares, "b", Fares::Failing, 1).answered);
}
