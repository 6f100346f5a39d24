//! What the log proves, with real files and with a simulated machine: each life below is opened on what the one before left behind.

use domain::ids::{ServerId, WorkerName};

use super::*;
use crate::host::{Machine, Place};

fn life(bits: u128) -> Incarnation {
    Incarnation::from_u128(bits)
}

fn slot(bits: u128) -> SlotId {
    SlotId::from_u128(bits)
}

fn open(place: &Place, incarnation: u128) -> Begun {
    let name: WorkerName = "w".parse().unwrap();
    Begun::open(place.take(&name).unwrap(), life(incarnation)).unwrap()
}

fn on_both(test: impl Fn(&Place)) {
    let folder = tempfile::tempdir().unwrap();
    test(&Place::Folder(folder.path().to_owned()));
    test(&Place::Machine(Machine::new()));
}

#[test]
fn a_slot_is_sent_once_and_its_outcome_is_told_again() {
    on_both(|place| {
        let begun = open(place, 1);
        assert_eq!(begun.begin(slot(1)).unwrap(), Begin::Send);
        assert_eq!(begun.begin(slot(1)).unwrap(), Begin::Known(Outcome::Begun));
        assert_eq!(begun.void(slot(1), life(1)).unwrap(), Outcome::Begun);
        let created = Outcome::Created(ServerId::from_u128(9));
        begun.ended(slot(1), &created);
        assert_eq!(begun.begin(slot(1)).unwrap(), Begin::Known(created.clone()));
        assert_eq!(begun.void(slot(1), life(1)).unwrap(), created);
    });
}

#[test]
fn what_this_life_voided_it_never_begins() {
    on_both(|place| {
        let begun = open(place, 1);
        assert_eq!(begun.void(slot(1), life(1)).unwrap(), Outcome::Voided);
        assert_eq!(begun.begin(slot(1)).unwrap(), Begin::Voided);
        assert_eq!(begun.void(slot(1), life(1)).unwrap(), Outcome::Voided);
    });
}

#[test]
fn a_void_is_written_down_before_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Folder(folder.path().to_owned());
    let begun = open(&place, 1);
    begun.void(slot(5), life(1)).unwrap();
    let log = std::fs::read_to_string(folder.path().join(format!("w.{}.begun", life(1)))).unwrap();
    assert!(log.ends_with(&format!("v {}\n", slot(5))), "{log}");
}

#[test]
fn a_successor_voids_what_a_dead_life_did_not_mark_and_nothing_else() {
    on_both(|place| {
        let dead = open(place, 1);
        dead.begin(slot(1)).unwrap();
        dead.void(slot(2), life(1)).unwrap();
        drop(dead);
        let begun = open(place, 2);
        for (of, expected) in [
            (1, Outcome::Begun),
            (2, Outcome::Voided),
            (3, Outcome::Voided),
        ] {
            assert_eq!(
                begun.void(slot(of), life(1)).unwrap(),
                expected,
                "slot {of}"
            );
        }
        assert_eq!(
            begun.void(slot(1), life(7)).unwrap(),
            Outcome::Begun,
            "no such log"
        );
        drop(begun);
        let third = open(place, 3);
        assert_eq!(third.void(slot(1), life(1)).unwrap(), Outcome::Begun);
        assert_eq!(third.void(slot(1), life(2)).unwrap(), Outcome::Voided);
    });
}

#[test]
fn after_a_reboot_nothing_is_voided() {
    let machine = Machine::new();
    let place = Place::Machine(machine.clone());
    drop(open(&place, 1));
    machine.reboot();
    assert_eq!(
        open(&place, 2).void(slot(1), life(1)).unwrap(),
        Outcome::Begun
    );
}

#[test]
fn a_log_that_is_cut_or_damaged_voids_no_more_than_it_proves() {
    let boot = "b-1";
    let whole = |lines: &[&str]| {
        let mut log = marks::header(boot);
        lines
            .iter()
            .for_each(|line| log.extend_from_slice(line.as_bytes()));
        log
    };
    let begun = format!("b {}\n", slot(1));
    let voided = format!("v {}\n", slot(2));
    let cut = &format!("b {}", slot(3))[..20];
    let table: [(Option<Vec<u8>>, [bool; 3]); 8] = [
        (Some(whole(&[&begun, &voided])), [false, true, true]),
        (Some(whole(&[&begun, cut])), [false, true, true]),
        (Some(whole(&[&begun, cut, "\n"])), [false, false, false]),
        (Some(whole(&[&begun, "\n"])), [false, false, false]),
        (
            Some(whole(&[&begun.replace('b', "x")])),
            [false, false, false],
        ),
        (Some(begun.clone().into_bytes()), [false, false, false]),
        (Some(Vec::new()), [false, false, false]),
        (None, [false, false, false]),
    ];
    for (log, expected) in table {
        let past = Past::read(log.as_deref(), boot);
        let shown = [1, 2, 3].map(|of| past.shows_unbegun(slot(of)));
        assert_eq!(shown, expected, "{:?}", log.map(String::from_utf8));
        let elsewhere = Past::read(Some(&whole(&[&begun])), "b-2");
        assert!(!elsewhere.shows_unbegun(slot(3)));
    }
}

#[test]
fn after_a_mark_that_could_not_be_written_one_is_tried_until_it_can_and_proves_nothing() {
    let machine = Machine::new();
    let begun = open(&Place::Machine(machine.clone()), 1);
    assert!(begun.can_write());
    machine.fill(true);
    assert!(begun.can_write(), "nobody has tried");
    assert!(begun.begin(slot(1)).is_err());
    assert!(!begun.can_write());
    machine.fill(false);
    assert!(begun.can_write());
    // It was not denied, and may be begun after all.
    assert_eq!(begun.begin(slot(1)).unwrap(), Begin::Send);
    drop(begun);
    let next = open(&Place::Machine(machine), 2);
    assert_eq!(next.void(slot(1), life(1)).unwrap(), Outcome::Begun);
    assert_eq!(next.void(slot(2), life(1)).unwrap(), Outcome::Voided);
}

#[test]
fn what_memory_forgot_the_log_still_knows() {
    on_both(|place| {
        let begun = open(place, 1);
        begun.begin(slot(1)).unwrap();
        begun.own().marks.forget_all();
        assert_eq!(begun.void(slot(1), life(1)).unwrap(), Outcome::Begun);
        assert_eq!(begun.void(slot(2), life(1)).unwrap(), Outcome::Voided);
        assert_eq!(begun.begin(slot(2)).unwrap(), Begin::Voided);
    });
}
