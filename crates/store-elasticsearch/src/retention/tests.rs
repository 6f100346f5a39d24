//! Which months are past their time.

use super::*;

#[test]
fn a_month_is_dropped_when_all_of_it_is_past_its_time() {
    // 2026-11-29T04:00:00Z
    let now = Timestamp::from_unix_ms(1_795_924_800_000);
    let keep = Duration::from_secs(30 * 24 * 3600);
    assert_eq!(oldest_kept(now, keep), (2026, 10));
    assert_eq!(
        oldest_kept(now, Duration::from_secs(u64::MAX / 2)),
        (1970, 1)
    );
}

#[test]
fn only_names_of_months_are_months() {
    assert_eq!(month_of("-2026.11"), Some((2026, 11)));
    for other in [
        "",
        "-2026.13",
        "-2026.00",
        "-2026.1",
        "-26.11",
        "-2026.11-old",
        "2026.11",
        "-2026-11",
        "-+026.11",
    ] {
        assert_eq!(month_of(other), None, "{other}");
    }
}
