use super::*;

#[test]
fn a_draw_depends_on_seed_purpose_and_counter_only() {
    let dice = Dice::new(7);
    assert_eq!(dice.draw(1, 2), Dice::new(7).draw(1, 2));
    assert_ne!(dice.draw(1, 2), dice.draw(1, 3));
    assert_ne!(dice.draw(1, 2), dice.draw(2, 2));
    assert_ne!(dice.draw(1, 2), Dice::new(8).draw(1, 2));
}

#[test]
fn rates_are_met_within_a_few_per_mille() {
    let dice = Dice::new(1);
    let hits = (0..100_000).filter(|n| dice.hits(50, 9, *n)).count();
    assert!((4_500..5_500).contains(&hits), "{hits}");
    assert!((0..1_000).all(|n| dice.hits(1000, 9, n)));
    assert!(!(0..1_000).any(|n| dice.hits(0, 9, n)));
}

#[test]
fn spans_include_both_ends() {
    let dice = Dice::new(1);
    let span = Span {
        min_ms: 3,
        max_ms: 5,
    };
    let mut seen = [false; 6];
    for n in 0..100 {
        seen[usize::try_from(dice.within(span, 1, n)).unwrap()] = true;
    }
    assert_eq!(seen, [false, false, false, true, true, true]);
}

#[test]
fn ids_look_like_random_uuids() {
    let id = Dice::new(1).uuid(4, 0);
    assert_eq!(id.get_version_num(), 4);
    assert_ne!(id, Dice::new(1).uuid(4, 1));
}
