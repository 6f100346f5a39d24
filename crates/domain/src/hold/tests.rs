use super::*;
use crate::fixture::{at, group, group_of, server, slot, wall};
use crate::group::Group;
use crate::slot::State as SlotState;

/// Strikes at the given seconds, each by a slot issued at the second beside it, and compares strikes and end of the hold.
fn check(group: &mut Group, why: HoldWhy, strikes: &[(u64, u64)], expect: (u32, Option<u64>)) {
    for (second, issued) in strikes {
        let mut draft = Draft::new(group, at(*second));
        strike(&mut draft, why, "no room", wall(*issued));
        group.state = draft.state.clone();
    }
    let hold = group.state.hold.as_ref().expect("a hold");
    assert_eq!(
        (hold.strikes, hold.until),
        (expect.0, expect.1.map(wall)),
        "{why:?} {strikes:?}"
    );
}

#[test]
fn back_off_grows_per_wave_and_stops_at_its_maximum() {
    let why = HoldWhy::NoCapacity;
    check(&mut group(0, 9, 1), why, &[(10, 5)], (1, Some(40)));
    check(
        &mut group(0, 9, 1),
        why,
        &[(10, 5), (11, 5), (60, 6)],
        (1, Some(40)),
    );
    check(
        &mut group(0, 9, 1),
        why,
        &[(10, 5), (50, 45)],
        (2, Some(110)),
    );
    let waves: Vec<(u64, u64)> = (0..8).map(|n| (1000 * n + 10, 1000 * n + 5)).collect();
    check(&mut group(0, 9, 1), why, &waves, (8, Some(7610)));
    let why = HoldWhy::Quota;
    check(&mut group(0, 9, 1), why, &[(10, 5)], (1, Some(310)));
    check(
        &mut group(0, 9, 1),
        why,
        &[(10, 5), (400, 399)],
        (2, Some(1300)),
    );
    check(
        &mut group(0, 9, 1),
        why,
        &[(10, 5), (400, 399), (1400, 1399)],
        (3, Some(5000)),
    );
}

#[test]
fn a_hold_that_ended_long_ago_does_not_count_as_in_a_row() {
    check(
        &mut group(0, 9, 1),
        HoldWhy::NoCapacity,
        &[(10, 5), (1840, 1839)],
        (1, Some(1870)),
    );
}

#[test]
fn a_hold_of_a_clock_that_was_ahead_swallows_no_later_failure() {
    let (why, ahead) = (HoldWhy::Quota, 3600);
    let mut g = group(0, 9, 1);
    check(
        &mut g,
        why,
        &[(ahead + 10, ahead + 5)],
        (1, Some(ahead + 310)),
    );
    // The clock is right again. What fails was issued before that, all in one wave, or after it.
    let wave = [(11, ahead + 5), (12, ahead + 5), (13, 9)];
    check(&mut g, why, &wave, (1, Some(311)));
    assert!(is_held(&g.state, wall(14)));
    check(&mut g, why, &[(320, 315)], (2, Some(1220)));
}

#[test]
fn of_two_reasons_the_one_that_holds_longer_is_kept() {
    let mut g = group(0, 9, 1);
    check(&mut g, HoldWhy::Quota, &[(10, 5)], (1, Some(310)));
    let mut draft = Draft::new(&g, at(11));
    throttle(&mut draft, Duration::from_secs(5));
    assert_eq!(
        draft.state.hold.as_ref().map(|h| h.why),
        Some(HoldWhy::Quota)
    );
    strike(&mut draft, HoldWhy::Config, "", wall(11));
    assert_eq!(
        draft.state.hold.as_ref().map(|h| h.why),
        Some(HoldWhy::Config)
    );
    strike(&mut draft, HoldWhy::Quota, "", wall(11));
    assert_eq!(
        draft.state.hold.as_ref().map(|h| h.why),
        Some(HoldWhy::Config)
    );
}

#[test]
fn a_throttle_never_shortens_another_and_lasts_an_hour_at_most() {
    let g = group(0, 9, 1);
    let mut draft = Draft::new(&g, at(10));
    for (least, until) in [(60, 70), (5, 70), (90, 100), (1_000_000, 3610)] {
        throttle(&mut draft, Duration::from_secs(least));
        let hold = draft.state.hold.as_ref().expect("a hold");
        assert_eq!(hold.until, Some(wall(until)), "{least}");
    }
}

#[test]
fn three_failures_in_half_an_hour_hold_the_group_until_one_is_old() {
    let failed = |n: u128, second| {
        let mut s = slot(n, SlotState::Deleting(server(n), DeleteWhy::Failed));
        s.since = wall(second);
        s
    };
    let g = group_of(3, [failed(1, 100), failed(2, 1000)]);
    let mut draft = Draft::new(&g, at(1500));
    count_failures(&mut draft, "fault");
    assert_eq!(draft.state.hold, None);
    assert!(may_fail(&draft));
    draft.put(failed(3, 1500));
    count_failures(&mut draft, "fault");
    assert!(!may_fail(&draft));
    let hold = draft.state.hold.clone().expect("a hold");
    assert_eq!(
        (hold.why, hold.until, hold.detail.as_str()),
        (HoldWhy::Failures, Some(wall(1900)), "fault")
    );
    let stuck = slot(
        4,
        SlotState::Gone(server(4), GoneWhy::Deleted(DeleteWhy::ScaleIn)),
    );
    assert!(!is_failure(&stuck));
}

#[test]
fn a_success_of_a_later_launch_ends_a_hold_that_is_over() {
    let mut g = group(0, 9, 1);
    check(&mut g, HoldWhy::NoCapacity, &[(10, 5)], (1, Some(40)));
    let ended = |second, issued| {
        let mut draft = Draft::new(&g, at(second));
        ease(&mut draft, wall(issued));
        draft.state.hold.is_none()
    };
    assert!(!ended(50, 5), "launched before the hold");
    assert!(!ended(39, 11), "the hold still runs");
    assert!(ended(50, 41));
}

#[test]
fn the_clouds_words_are_cut_at_a_character() {
    let long = "ä".repeat(400);
    assert_eq!(cut(&long).len(), 512);
    assert_eq!(cut(&format!("x{long}")).len(), 511);
    assert_eq!(cut("short"), "short");
}
