use super::*;

#[test]
fn sizes_stop_at_their_ends() {
    assert_eq!(Size(3).offset(-5), Size::ZERO);
    assert_eq!(Size(3).offset(i64::MIN), Size::ZERO);
    assert_eq!(Size(3).offset(i64::MAX), Size(u32::MAX));
    assert_eq!(Size(3).less(Size(5)), Size::ZERO);
    assert_eq!(Size(5).less(Size(3)), Size(2));
}

#[test]
fn bounds_hold_by_construction_and_a_grant_widens_one_side() {
    assert_eq!(Bounds::new(Size(3), Size(2)), Err(BoundsError::MinAboveMax));
    assert_eq!(
        Bounds::new(Size(3), Size(10_001)),
        Err(BoundsError::MaxAboveLimit)
    );
    let bounds = Bounds::new(Size(2), Size(5)).expect("bounds");
    assert_eq!(
        [0, 2, 4, 5, 9].map(|n| bounds.clamp(Size(n)).0),
        [2, 2, 4, 5, 5]
    );
    let widened = |n| {
        let bounds = bounds.widened(Size(n));
        (bounds.min().0, bounds.max().0)
    };
    assert_eq!(
        [1, 3, 8, u32::MAX].map(widened),
        [(1, 5), (2, 5), (2, 8), (2, 10_000)]
    );
}
