use super::*;

fn percent(value: f64) -> Percent {
    Percent::from_double_bits(value.to_bits()).expect("a finite number")
}

fn check(desired: u32, adjust: Adjust, expect: u32) {
    assert_eq!(
        adjust.apply(Size(desired)),
        Size(expect),
        "{adjust:?} of {desired}"
    );
}

#[test]
fn percent_rounds_away_from_zero_as_the_contract_says() {
    for (desired, value, expect) in [
        (5, 5.0, 6),
        (5, 50.0, 8),
        (5, 75.0, 9),
        (5, 0.0001, 6),
        (5, -5.0, 4),
        (5, -50.0, 2),
        (5, -75.0, 1),
        (5, -100.0, 0),
        (5, -300.0, 0),
        (5, -0.0001, 4),
        (10, 10.1, 12),
        (10, 30.0, 13),
        (3, 33.333_333_333_333_336, 5),
        (1000, 0.1, 1002),
        (0, 75.0, 0),
        (0, -75.0, 0),
        (7, 0.0, 7),
        (7, -0.0, 7),
    ] {
        check(desired, Adjust::Percent(percent(value)), expect);
    }
}

#[test]
fn percent_saturates_at_both_ends_of_a_double() {
    check(5, Adjust::Percent(percent(f64::MAX)), u32::MAX);
    check(5, Adjust::Percent(percent(f64::MIN)), 0);
    check(5, Adjust::Percent(percent(f64::from_bits(1))), 6);
    check(5, Adjust::Percent(percent(-f64::from_bits(1))), 4);
    check(0, Adjust::Percent(percent(f64::MAX)), 0);
    check(u32::MAX, Adjust::Percent(percent(100.0)), u32::MAX);
    assert_eq!(Percent::from_double_bits(f64::NAN.to_bits()), None);
    assert_eq!(Percent::from_double_bits(f64::INFINITY.to_bits()), None);
}

#[test]
fn change_and_desired_stop_at_zero_and_at_the_largest_size() {
    check(5, Adjust::Change(3), 8);
    check(5, Adjust::Change(-6), 0);
    check(5, Adjust::Change(i64::MAX), u32::MAX);
    check(5, Adjust::Change(i64::MIN), 0);
    check(5, Adjust::Desired(Size(2)), 2);
}
