use domain::ids::ColoId;

use super::*;

fn at(second: u64) -> Mono {
    Mono::from_ms(second * 1_000)
}

fn crowd(surge: &mut Surge, count: u128, second: u64) {
    for n in 0..count {
        surge.asked_up(GroupId::new(ColoId(1), n), at(second));
    }
}

#[test]
fn more_than_a_fifth_of_the_groups_and_at_least_twenty_are_a_surge() {
    let table = [
        (19, 19, false),
        (20, 99, true),
        (20, 100, false),
        (200, 1_000, false),
        (201, 1_000, true),
        // All of them were made since they were counted.
        (20, 0, true),
    ];
    for (asked, groups, expected) in table {
        let mut surge = Surge::default();
        surge.groups(groups);
        crowd(&mut surge, asked, 10);
        assert_eq!(surge.look(at(11), true), expected, "{asked} of {groups}");
    }
}

#[test]
fn before_the_groups_were_counted_no_crowd_is_a_surge() {
    let mut surge = Surge::default();
    crowd(&mut surge, 200, 10);
    assert!(!surge.look(at(11), true), "of ten thousand, perhaps");
    surge.groups(999);
    assert!(surge.look(at(12), true), "who asked before counts too");
}

#[test]
fn a_group_that_asks_often_is_one_group_and_is_forgotten_after_five_minutes() {
    let mut surge = Surge::default();
    surge.groups(50);
    for second in 0..100 {
        crowd(&mut surge, 10, second);
    }
    assert!(!surge.look(at(100), true));
    crowd(&mut surge, 30, 100);
    assert!(!surge.look(at(400), true), "their time is over");
}

#[test]
fn it_ends_when_the_cloud_does_well_for_two_minutes() {
    let mut surge = Surge::default();
    surge.groups(100);
    crowd(&mut surge, 50, 0);
    assert!(surge.look(at(1), true));
    assert!(surge.look(at(60), false));
    assert!(surge.look(at(61), true));
    assert!(surge.look(at(180), true));
    assert!(!surge.look(at(181), true));
    assert!(!surge.look(at(182), true), "the same crowd is no new surge");
    crowd(&mut surge, 50, 200);
    assert!(surge.look(at(201), true));
}
