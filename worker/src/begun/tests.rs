//! What the log proves, with real files and with a simulated machine: each life below is opened on what the one before left behind.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use domain::ids::{ServerId, WorkerName};

use super::forgotten::Forgotten;
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

/// The log of the first life in that folder.
fn log_in(folder: &Path) -> PathBuf {
    folder.join(format!("w.{}.begun", life(1)))
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
    let log = fs::read_to_string(log_in(folder.path())).unwrap();
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

#[test]
fn a_create_that_was_not_sent_reads_no_log_however_many_were_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let begun = open(&Place::Folder(folder.path().to_owned()), 1);
    for of in 1..=100 {
        begun.begin(slot(of)).unwrap();
    }
    begun.own().marks.forget_all();
    // A log that is not there voids nothing.
    fs::remove_file(log_in(folder.path())).unwrap();
    assert!(!begun.reads_for(slot(101), life(1)));
    assert_eq!(begun.void(slot(101), life(1)).unwrap(), Outcome::Voided);
    assert_eq!(begun.begin(slot(101)).unwrap(), Begin::Voided);
    assert!(begun.reads_for(slot(100), life(1)));
    assert_eq!(begun.void(slot(100), life(1)).unwrap(), Outcome::Begun);
}

#[test]
fn each_forgotten_slot_is_known_and_few_others_are_taken_for_one() {
    // Spread as random ids are.
    let spread = |of: u128| slot(of.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let mut forgotten = Forgotten::default();
    assert!(!forgotten.may_have(spread(1)));
    (1..=100_000).for_each(|of| forgotten.add(spread(of)));
    assert!((1..=100_000).all(|of| forgotten.may_have(spread(of))));
    let others = 100_001..=200_000;
    let taken = others.filter(|of| forgotten.may_have(spread(*of))).count();
    assert!(taken < 100, "{taken}");
}

/// Asks about a slot that is not known to be unbegun, and does something while the log is being read.
fn void_meanwhile(of: SlotId, meanwhile: impl FnOnce(&Begun)) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let begun = open(&Place::Folder(folder.path().to_owned()), 1);
    begun.begin(slot(1)).unwrap();
    begun.own().marks.forget_all();
    assert!(begun.reads_for(of, life(1)));
    // A pipe in the place of the log: opening it waits for the reader, and the reader waits for its end.
    let path = log_in(folder.path());
    let log = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    thread::scope(|scope| {
        let asked = scope.spawn(|| begun.void(of, life(1)).unwrap());
        let mut pipe = fs::OpenOptions::new().write(true).open(&path).unwrap();
        meanwhile(&begun);
        pipe.write_all(&log).unwrap();
        drop(pipe);
        asked.join().unwrap()
    })
}

/// In the filter it looks like slot 1: its four places there are the same two.
const LIKE_SLOT_1: SlotId = SlotId::from_u128(1 << 24);

#[test]
fn while_a_log_is_read_creates_can_begin() {
    let others_begin = |begun: &Begun| {
        assert!(begun.own.try_lock().is_ok(), "whoever begins would wait");
        assert_eq!(begun.begin(slot(2)).unwrap(), Begin::Send);
    };
    assert_eq!(void_meanwhile(slot(1), others_begin), Outcome::Begun);
    assert_eq!(void_meanwhile(LIKE_SLOT_1, others_begin), Outcome::Voided);
}

#[test]
fn what_begins_while_the_log_is_read_for_it_is_not_voided() {
    let it_begins = |begun: &Begun| {
        assert!(begun.own.try_lock().is_ok(), "whoever begins would wait");
        assert_eq!(begun.begin(LIKE_SLOT_1).unwrap(), Begin::Send);
    };
    assert_eq!(void_meanwhile(LIKE_SLOT_1, it_begins), Outcome::Begun);
    let and_is_forgotten = |begun: &Begun| {
        it_begins(begun);
        begun.own().marks.forget_all();
    };
    assert_eq!(
        void_meanwhile(LIKE_SLOT_1, and_is_forgotten),
        Outcome::Begun
    );
}
