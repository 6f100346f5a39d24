//! How far logs have been read: the place of each, which the reader's note says, and what of the lines beyond is in the index already.
//!
//! A place moves over one line after the other. Lines that are not there stand in its way: they have expired unread, or were written in another data
//! centre and come late. Reading goes on behind such a *hole* at once; the place is moved over it when nothing came for an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chassis::Mono;
use serde::{Deserialize, Serialize};

/// Lines that are missing for so long have expired: a data centre that was cut off hands on what it has within minutes of its return.
const HOLE: Duration = Duration::from_secs(3600);

/// Names of logs, as hexadecimal digits.
pub(super) type Name = String;
/// A line: its log and number.
pub(super) type Line = (Name, u64);

/// What the note says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// Who reads.
    pub(super) who: String,
    /// Counts writes, so that each shows.
    pub(super) beat: u64,
    /// The last line of each log before which all are in the index.
    pub(super) logs: BTreeMap<Name, u64>,
}

impl Place {
    /// Forgets logs whose name is gone: it outlives their lines, and a process that lives renews it.
    pub(super) fn forget(&mut self, named: &BTreeMap<Name, u64>, beyond: &Beyond) {
        self.logs
            .retain(|name, _| named.contains_key(name) || beyond.count(name) > 0);
    }
}

/// A log that lacks lines right behind its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hole {
    /// The first line behind them.
    end: u64,
    /// All lines from that one to this are in the index. One less than `end`: none is.
    reach: u64,
    /// When the last of them came, or it was found that they are missing.
    since: Mono,
    /// Whether one came, so that the next may be there too.
    comes: bool,
}

impl Hole {
    fn is_waited_for(&self, now: Mono) -> bool {
        now.saturating_since(self.since) < HOLE
    }
}

/// A place that is moved over lines which never came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jump {
    /// To where.
    pub(super) to: u64,
    /// How many lines are missing.
    pub(super) lost: u64,
}

/// What is in the index beyond the places of its logs.
#[derive(Debug, Default)]
pub(super) struct Beyond {
    done: BTreeSet<Line>,
    holes: BTreeMap<Name, Hole>,
}

impl Beyond {
    /// These lines are in the index now.
    pub(super) fn done(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.done.extend(lines);
    }

    /// Whether a line is in the index.
    pub(super) fn has(&self, line: &Line) -> bool {
        let behind = |hole: &Hole| (hole.end..=hole.reach).contains(&line.1);
        self.done.contains(line) || self.holes.get(&line.0).is_some_and(behind)
    }

    /// How many lines of a log are in the index while others before them are not.
    pub(super) fn count(&self, name: &Name) -> u64 {
        let all = (name.clone(), 0)..=(name.clone(), u64::MAX);
        self.done.range(all).count() as u64
    }

    /// After which line a log is read on: behind a hole while its lines are waited for; from before it when they may be there.
    pub(super) fn read_on(&self, name: &Name, at: u64, now: Mono) -> u64 {
        let hole = self.holes.get(name);
        hole.filter(|hole| !hole.comes && hole.is_waited_for(now))
            .map_or(at, |hole| hole.reach)
    }

    /// Takes in which line is the first after that from which was read on; none: there is none. Where lines were waited for in vain, it says how the
    /// place moves.
    pub(super) fn found(
        &mut self,
        name: &Name,
        (at, from): (u64, u64),
        first: Option<u64>,
        now: Mono,
    ) -> Option<Jump> {
        if from != at {
            return None;
        }
        let hole = self.holes.get(name).copied();
        // What was there behind the hole may have expired itself meanwhile.
        let is_empty = |hole: &Hole| first.is_none_or(|first| first >= hole.end);
        if let Some(mut hole) = hole.filter(is_empty) {
            if hole.is_waited_for(now) {
                hole.comes = false;
                self.holes.insert(name.clone(), hole);
                return None;
            }
            self.holes.remove(name);
            return Some(Jump {
                to: hole.reach,
                lost: hole.end.saturating_sub(at + 1),
            });
        }
        if let Some(end) = first.filter(|first| *first > at + 1) {
            let hole = Hole {
                end,
                reach: end - 1,
                since: now,
                comes: false,
            };
            self.holes.insert(name.clone(), hole);
        }
        None
    }

    /// Moves a place over the lines that are in the index now.
    pub(super) fn advance(&mut self, name: &Name, at: &mut u64, now: Mono) {
        let before = *at;
        self.pass(name, at);
        let Some(mut hole) = self.holes.remove(name) else {
            return;
        };
        self.pass(name, &mut hole.reach);
        if *at + 1 >= hole.end {
            *at = hole.reach.max(*at);
            return;
        }
        if *at != before {
            (hole.since, hole.comes) = (now, true);
        }
        self.holes.insert(name.clone(), hole);
    }

    fn pass(&mut self, name: &Name, at: &mut u64) {
        while self.done.remove(&(name.clone(), *at + 1)) {
            *at += 1;
        }
    }
}

#[cfg(test)]
mod tests;
