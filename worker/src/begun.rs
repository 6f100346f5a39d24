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
//!
//! Memory holds the marks of hours, and of older ones what proves nearly every slot not to be among them. Only for the others the log of this life
//! is read, and then not under the lock, for which each create and each poll waits.

mod forgotten;
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

    /// What memory knows of a slot.
    fn outcome(&self, slot: SlotId) -> Option<Outcome> {
        self.marks.get(slot).map(|fate| match fate {
            Fate::Begun => Outcome::Begun,
            Fate::Ended(outcome) => outcome.clone(),
            Fate::Voided => Outcome::Voided,
        })
    }

    /// Voids a slot that was surely not begun: written down first.
    fn void(&mut self, slot: SlotId) -> io::Result<Outcome> {
        self.write(marks::VOIDED, slot)?;
        self.marks.set(slot, Fate::Voided);
        Ok(Outcome::Voided)
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
    pub fn reads_for(&self, slot: SlotId, incarnation: Incarnation) -> bool {
        if incarnation != self.incarnation {
            return true;
        }
        let own = self.own();
        own.marks.get(slot).is_none() && own.marks.may_have_forgotten(slot)
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

    /// Safe against a [`Begun::begin`] of the same slot at any moment: both look at the marks and change them under one hold of the lock. If that one
    /// comes first, its mark is found here; if it comes later, the slot is voided. The log tells only of marks that memory had forgotten before.
    fn void_own(&self, slot: SlotId) -> io::Result<Outcome> {
        let generation = {
            let mut own = self.own();
            if let Some(known) = own.outcome(slot) {
                return Ok(known);
            }
            if !own.marks.may_have_forgotten(slot) {
                return own.void(slot);
            }
            own.marks.generation()
        };
        // What was marked until now stands in whole lines that no append changes, so it is read as it is. Whatever else is read, in whole or in part,
        // concerns marks made since, and of those memory knows below.
        let log = self.host.read(self.incarnation)?;
        if !Past::read(log.as_deref(), &self.boot).shows_unbegun(slot) {
            return Ok(Outcome::Begun);
        }
        let mut own = self.own();
        if let Some(known) = own.outcome(slot) {
            return Ok(known);
        }
        if own.marks.generation() != generation {
            // A mark of this very slot may have come and been forgotten meanwhile, though that takes as many others as a generation has.
            return Ok(Outcome::Begun);
        }
        own.void(slot)
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
