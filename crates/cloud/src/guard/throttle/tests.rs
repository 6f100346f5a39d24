use super::*;

fn at(ms: u64) -> Mono {
    Mono::START + Duration::from_millis(ms)
}

fn after(good: u32, bad: u32) -> Option<Duration> {
    let mut throttle = Throttle::default();
    (0..good).for_each(|_| throttle.heard(at(20_000), true));
    (0..bad).for_each(|_| throttle.heard(at(20_500), false));
    throttle.pace(at(21_000))
}

#[test]
fn calls_follow_what_the_cloud_lately_did() {
    let second = Duration::from_secs(1);
    let table = [
        (0, 0, None),
        (0, 3, None),
        (100, 13, None),
        // 100 good ones in ten seconds: 11 calls a second.
        (100, 14, Some(second * 10 / 110)),
        (50, 50, Some(second * 10 / 55)),
        (0, 4, Some(second * 2)),
        (0, 400, Some(second * 2)),
    ];
    for (good, bad, expected) in table {
        assert_eq!(after(good, bad), expected, "{good} good and {bad} bad");
    }
}

#[test]
fn what_is_older_than_ten_seconds_is_forgotten() {
    let mut throttle = Throttle::default();
    (0..50).for_each(|_| throttle.heard(at(5_000), false));
    assert!(throttle.pace(at(14_999)).is_some());
    assert_eq!(throttle.pace(at(15_000)), None);
    // The same part of the ring, ten seconds on.
    throttle.heard(at(15_000), true);
    assert_eq!(throttle.pace(at(15_000)), None);
}
