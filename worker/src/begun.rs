//! The begun-log: which creates this life of the worker has begun, written just before each is sent, and which it will never begin.
//!
//! What it proves (design 4, rule 2; interleaving H1 of safety 6.1):
//!
//! | asked about | found | answer |
//! |---|---|---|
//! | this life | no mark | voided: written down first, and refused if it comes later |
//! | this life | mark | begun, or what came of the call |
//! | a dead life of this name, same boot | no mark | voided: the lock proves it dead |
//! | a dead life of this name, same boot | mark | begun |
//! | anything else (other boot, log gone or unreadable) | | begun: voids nothing |
//!
//! The log is not synced: the page cache outlives the process, and a machine that crashed has another boot id.

mod marks;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::{Incarnation, SlotId};
use domain::mutant::{Rule, off};
use domain::settle::Outcome;

use crate::host::{Error, Host, Log};
use marks::{Fate, Marks, Past};

/// Logs of dead lives that are kept in memory: after a crash many slots are asked about in a row.
const PAST_MAX: usize = 4;

/// What a create may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// It is marked: send it, now, once.
    Send,
    /// It was sent before, and this came of it, as far as known: never send it again, report this.
    Known(Outcome),
    /// It was voided: never send it.
    Voided,
}

/// The begun-log of this life, and those of the dead lives of this name.
#[derive(Debug)]
pub struct Begun {
    host: Host,
    incarnation: Incarnation,
    boot: String,
    own: Mutex<Own>,
    past: Mutex<BTreeMap<Incarnation, Arc<Past>>>,
}

#[derive(Debug)]
struct Own {
    log: Log,
    marks: Marks,
    /// The slot of the last mark, if that one could not be written.
    unwritten: Option<SlotId>,
}

impl Own {
    /// Writes a mark down; what it says is not remembered here.
    fn write(&mut self, letter: u8, slot: SlotId) -> io::Result<()> {
        let written = self.log.append(&marks::line(letter, slot));
        self.unwritten = written.is_err().then_some(slot);
        written
    }
}

impl Begun {
    /// Starts the log of a new life.
    ///
    /// # Errors
    /// [`Error`]: stop the start.
    pub fn open(host: Host, incarnation: Incarnation) -> Result<Self, Error> {
        let mut log = host.create(incarnation)?;
        let boot = host.boot();
        log.append(&marks::header(&boot))
            .map_err(|source| Error::Io {
                what: "write begun-log of",
                place: incarnation.to_string(),
                source,
            })?;
        Ok(Self {
            host,
            incarnation,
            boot,
            own: Mutex::new(Own {
                log,
                marks: Marks::default(),
                unwritten: None,
            }),
            past: Mutex::default(),
        })
    }

    /// The last check of a create: marks it as begun, unless it was begun or voided before.
    ///
    /// # Errors
    /// When the mark could not be written: do not send it.
    pub fn begin(&self, slot: SlotId) -> io::Result<Begin> {
        let mut own = self.own();
        match own.marks.get(slot) {
            Some(Fate::Begun) => return Ok(Begin::Known(Outcome::Begun)),
            Some(Fate::Ended(outcome)) => return Ok(Begin::Known(outcome.clone())),
            Some(Fate::Voided) => return Ok(Begin::Voided),
            None => {}
        }
        if !off(Rule::MarkBeforeCall) {
            own.write(marks::BEGUN, slot)?;
            own.marks.set(slot, Fate::Begun);
        }
        Ok(Begin::Send)
    }

    /// Whether marks can be written, as far as is known: creates that could not be begun are not to be asked for. After a mark that could not
    /// be, tries anew: that the slot is voided is a line that proves nothing by itself, wherever it stands.
    pub fn can_write(&self) -> bool {
        let mut own = self.own();
        let Some(slot) = own.unwritten else {
            return true;
        };
        let can_write = own.write(marks::VOIDED, slot).is_ok();
        if can_write {
            tracing::warn!("the begun-log can be written again");
        }
        can_write
    }

    /// Remembers what came of a create that was begun, for doubles of it.
    pub fn ended(&self, slot: SlotId, outcome: &Outcome) {
        self.own().marks.set(slot, Fate::Ended(outcome.clone()));
    }

    /// Whether [`Begun::void`] may have to read a file.
    #[must_use]
    pub fn reads_for(&self, incarnation: Incarnation) -> bool {
        incarnation != self.incarnation || self.own().marks.has_forgotten()
    }

    /// Answers whether a create was begun by that life; if it was not, it never will be. Call it where blocking
    /// is allowed, if it [may read](Begun::reads_for).
    ///
    /// # Errors
    /// When the void could not be written down: nothing may be answered.
    pub fn void(&self, slot: SlotId, incarnation: Incarnation) -> io::Result<Outcome> {
        if incarnation == self.incarnation || off(Rule::VoidByIncarnation) {
            return self.void_own(slot);
        }
        let past = self.past(incarnation);
        Ok(if past.shows_unbegun(slot) {
            Outcome::Voided
        } else {
            Outcome::Begun
        })
    }

    fn void_own(&self, slot: SlotId) -> io::Result<Outcome> {
        let mut own = self.own();
        match own.marks.get(slot) {
            Some(Fate::Begun) => return Ok(Outcome::Begun),
            Some(Fate::Ended(outcome)) => return Ok(outcome.clone()),
            Some(Fate::Voided) => return Ok(Outcome::Voided),
            None => {}
        }
        if own.marks.has_forgotten() {
            // Memory is bounded, the log is not.
            let log = self.host.read(self.incarnation)?;
            if !Past::read(log.as_deref(), &self.boot).shows_unbegun(slot) {
                return Ok(Outcome::Begun);
            }
        }
        own.write(marks::VOIDED, slot)?;
        own.marks.set(slot, Fate::Voided);
        Ok(Outcome::Voided)
    }

    fn past(&self, incarnation: Incarnation) -> Arc<Past> {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = past.get(&incarnation) {
            return Arc::clone(known);
        }
        let read = match self.host.read(incarnation) {
            Ok(log) => Past::read(log.as_deref(), &self.boot),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, %incarnation, "a begun-log cannot be read: it voids nothing");
                Past::nothing()
            }
        };
        let read = Arc::new(read);
        if past.len() >= PAST_MAX {
            past.pop_first();
        }
        past.insert(incarnation, Arc::clone(&read));
        read
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
