//! The lines of a begun-log, and what is remembered of them.
//!
//! ```text
//! holt-begun 1 <boot id>
//! b <slot>      begun
//! v <slot>      voided
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use domain::ids::SlotId;
use domain::settle::Outcome;

use super::forgotten::Forgotten;

/// The letter of a create that was begun.
pub(super) const BEGUN: u8 = b'b';
/// The letter of a create that never will be.
pub(super) const VOIDED: u8 = b'v';

const HEADER: &str = "holt-begun 1 ";
/// Letter, blank, 26 characters of the slot, line end.
const LINE_BYTES: usize = 29;
/// Marks of one generation: at ten creates a second, almost two hours, in some 5 MB. Two generations are kept, because a double of an
/// operation comes within seconds if at all (it must be begun within 10 s of its own poll). A void does not count on that: it reads the log
/// where the slot may be a forgotten one.
const GENERATION_MAX: usize = 1 << 16;

/// What became of a slot's create in this life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Begun,
    Ended(Outcome),
    Voided,
}

/// The marks of this life, the older ones forgotten at some time.
#[derive(Debug, Default)]
pub(super) struct Marks {
    recent: BTreeMap<SlotId, Fate>,
    older: BTreeMap<SlotId, Fate>,
    /// Those of all generations before these two.
    forgotten: Forgotten,
    generation: u64,
}

impl Marks {
    pub(super) fn get(&self, slot: SlotId) -> Option<&Fate> {
        self.recent.get(&slot).or_else(|| self.older.get(&slot))
    }

    pub(super) fn set(&mut self, slot: SlotId, fate: Fate) {
        if self.recent.len() >= GENERATION_MAX {
            self.begin_generation();
        }
        self.recent.insert(slot, fate);
    }

    fn begin_generation(&mut self) {
        let recent = std::mem::take(&mut self.recent);
        let oldest = std::mem::replace(&mut self.older, recent);
        self.generation += 1;
        for (slot, fate) in oldest {
            match fate {
                Fate::Begun | Fate::Ended(_) => self.forgotten.add(slot),
                // It was never begun: to say so again is right.
                Fate::Voided => {}
            }
        }
    }

    #[cfg(test)]
    pub(super) fn forget_all(&mut self) {
        self.begin_generation();
        self.begin_generation();
    }

    /// Whether a slot that [`Marks::get`] does not know may have been begun. False is proof: what was begun is marked here before it is sent, and
    /// from here a mark of it goes nowhere but among the forgotten ones.
    pub(super) fn may_have_forgotten(&self, slot: SlotId) -> bool {
        self.forgotten.may_have(slot)
    }

    /// The number of the present generation: while it stays the same, nothing is forgotten.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }
}

/// What the log of a life proves.
#[derive(Debug)]
pub(super) struct Past {
    begun: BTreeSet<SlotId>,
    /// Whether a slot that it does not name was surely not begun.
    proves: bool,
}

impl Past {
    /// A log that proves nothing.
    pub(super) const fn nothing() -> Self {
        Self {
            begun: BTreeSet::new(),
            proves: false,
        }
    }

    /// Reads a log. One of another boot, or with a line that is none, proves nothing: something that was written may be lost. A last line
    /// without its end is a write that never returned, so what it was to allow was not done.
    pub(super) fn read(log: Option<&[u8]>, boot: &str) -> Self {
        let Some(log) = log else {
            return Self::nothing();
        };
        let whole = log
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let mut lines = log[..whole].split_inclusive(|byte| *byte == b'\n');
        if lines.next() != Some(&header(boot)[..]) {
            return Self::nothing();
        }
        let mut past = Self {
            begun: BTreeSet::new(),
            proves: true,
        };
        for line in lines {
            match parse(line) {
                Some((BEGUN, slot)) => {
                    past.begun.insert(slot);
                }
                Some((VOIDED, _)) => {}
                Some(_) | None => past.proves = false,
            }
        }
        past
    }

    pub(super) fn shows_unbegun(&self, slot: SlotId) -> bool {
        self.proves && !self.begun.contains(&slot)
    }
}

/// The first line of a log.
pub(super) fn header(boot: &str) -> Vec<u8> {
    format!("{HEADER}{boot}\n").into_bytes()
}

/// One line, without an allocation: it is written before every create.
pub(super) fn line(letter: u8, slot: SlotId) -> [u8; LINE_BYTES] {
    let mut line = [b' '; LINE_BYTES];
    line[0] = letter;
    line[LINE_BYTES - 1] = b'\n';
    let mut text = &mut line[2..LINE_BYTES - 1];
    // The text of a slot fits exactly, so this cannot fail; if it could, the line would not parse, which proves nothing.
    write!(text, "{slot}").unwrap_or_default();
    line
}

fn parse(line: &[u8]) -> Option<(u8, SlotId)> {
    let line: &[u8; LINE_BYTES] = line.try_into().ok()?;
    let text = std::str::from_utf8(&line[2..LINE_BYTES - 1]).ok()?;
    let slot = text.parse().ok()?;
    (line[1] == b' ').then_some((line[0], slot))
}
