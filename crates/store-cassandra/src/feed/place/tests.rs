use std::ops::RangeInclusive;

use super::*;

const AT: u64 = 5;

fn name() -> Name {
    "0a".to_owned()
}

fn minute(minutes: u64) -> Mono {
    Mono::START + Duration::from_secs(60 * minutes)
}

impl Beyond {
    /// Lines are put into the index, and the place moves as far as it can.
    fn put(&mut self, at: &mut u64, lines: RangeInclusive<u64>, now: Mono) {
        self.done(lines.map(|n| (name(), n)));
        self.advance(&name(), at, now);
    }
}

/// Lines 6 to 10 are not there, and 11 to 20 are in the index.
fn with_a_hole() -> Beyond {
    let (mut beyond, mut at) = (Beyond::default(), AT);
    let found = beyond.found(&name(), (AT, AT), Some(11), minute(0));
    assert_eq!(found, None, "it is waited");
    assert_eq!(beyond.read_on(&name(), AT, minute(1)), 10, "it is read on");
    beyond.put(&mut at, 11..=20, minute(1));
    assert_eq!((at, beyond.count(&name())), (AT, 0));
    beyond
}

#[test]
fn lines_that_do_not_come_for_an_hour_are_lost_and_counted_and_the_log_is_read_on() {
    let mut beyond = with_a_hole();
    let from = beyond.read_on(&name(), AT, minute(59));
    assert_eq!(from, 20);
    assert_eq!(beyond.found(&name(), (AT, from), None, minute(59)), None);
    assert_eq!(beyond.read_on(&name(), AT, minute(60)), AT);
    // Of those behind, which were read, some have expired by now.
    let jump = beyond.found(&name(), (AT, AT), Some(14), minute(60));
    assert_eq!(jump, Some(Jump { to: 20, lost: 5 }));
    assert_eq!(beyond.read_on(&name(), 20, minute(60)), 20);
    // Or all of them.
    let jump = with_a_hole().found(&name(), (AT, AT), None, minute(60));
    assert_eq!(jump, Some(Jump { to: 20, lost: 5 }));
}

#[test]
fn lines_that_come_late_are_read_and_what_lies_behind_them_is_not_read_again() {
    let (mut beyond, mut at) = (with_a_hole(), AT);
    assert_eq!(beyond.found(&name(), (AT, AT), Some(6), minute(60)), None);
    assert!(!beyond.has(&(name(), 6)) && beyond.has(&(name(), 20)));
    beyond.put(&mut at, 6..=7, minute(60));
    assert_eq!(at, 7);
    assert_eq!(beyond.read_on(&name(), 7, minute(60)), 7, "more may come");
    assert_eq!(beyond.found(&name(), (7, 7), Some(11), minute(60)), None);
    let from = beyond.read_on(&name(), 7, minute(119));
    assert_eq!(from, 20, "the others have an hour again");
    assert_eq!(beyond.read_on(&name(), 7, minute(120)), 7);
    assert_eq!(beyond.found(&name(), (7, 7), Some(8), minute(120)), None);
    beyond.put(&mut at, 8..=10, minute(120));
    assert_eq!(at, 20);
    assert!(!beyond.has(&(name(), 21)));
    assert_eq!(beyond.found(&name(), (20, 20), Some(21), minute(120)), None);
    assert_eq!(beyond.read_on(&name(), 20, minute(120)), 20);
}

#[test]
fn a_log_without_missing_lines_is_read_from_its_place() {
    let (mut beyond, mut at) = (Beyond::default(), AT);
    assert_eq!(beyond.found(&name(), (AT, AT), Some(6), minute(0)), None);
    // One of them waits for its commit.
    beyond.put(&mut at, 7..=9, minute(0));
    assert_eq!((at, beyond.count(&name())), (AT, 3));
    assert_eq!(beyond.read_on(&name(), AT, minute(0)), AT);
    beyond.put(&mut at, 6..=6, minute(1));
    assert_eq!((at, beyond.count(&name())), (9, 0));
    assert_eq!(beyond.found(&name(), (9, 9), None, minute(1)), None);
}

#[test]
fn the_note_forgets_logs_that_nobody_names_any_more() {
    let logs = ["0a", "0b", "0c"].map(|name| (name.to_owned(), 7));
    let mut place = Place {
        logs: BTreeMap::from(logs),
        ..Place::default()
    };
    let mut beyond = Beyond::default();
    beyond.done([("0b".to_owned(), 9)]);
    let named = BTreeMap::from([("0c".to_owned(), 0)]);
    place.forget(&named, &beyond);
    let left: Vec<&str> = place.logs.keys().map(String::as_str).collect();
    assert_eq!(left, ["0b", "0c"]);
}
