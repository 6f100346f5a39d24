//! The row of a verdict, and of a commit record. The event's id and the revision are the rows' keys.

use std::time::Duration;

use domain::capacity::Size;
use domain::event::Actor;
use domain::group::Cause;
use domain::ids::{EventId, Nonce, RecordHash, RequestHash, Rev};
use domain::time::Timestamp;
use domain::verdict::{GateWord, Verdict, Word};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::event::{ActorRow, AskRow, ForceRow};
use super::ms;
use super::words::{CauseRow, GateRow, OutcomeRow};
use crate::Error;
use crate::group::CommitRecord;

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct VerdictRow {
    o: OutcomeRow,
    b: u32,
    x: u32,
    g: Vec<(GateRow, WordRow)>,
    #[serde_as(as = "DisplayFromStr")]
    q: RequestHash,
    a: AskRow,
    f: ForceRow,
    w: ActorRow,
    t: u64,
    r: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WordRow {
    Pass,
    Skipped,
    Wait(u64),
    Stop,
    Capped(u32, u32),
}

impl From<&Verdict> for VerdictRow {
    fn from(verdict: &Verdict) -> Self {
        let Verdict {
            event: _,
            request,
            ask,
            force,
            actor,
            outcome,
            words,
            before,
            after,
            at,
            rev,
        } = verdict;
        Self {
            o: (*outcome).into(),
            b: before.0,
            x: after.0,
            g: words
                .iter()
                .map(|w| (w.gate.into(), w.word.into()))
                .collect(),
            q: *request,
            a: ask.into(),
            f: (*force).into(),
            w: actor.into(),
            t: at.unix_ms(),
            r: rev.0,
        }
    }
}

impl VerdictRow {
    /// The verdict on that event.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the row breaks a rule of the vocabulary.
    pub(crate) fn into_verdict(self, event: EventId) -> Result<Verdict, Error> {
        Ok(Verdict {
            event,
            request: self.q,
            ask: self.a.try_into()?,
            force: self.f.into(),
            actor: self.w.into(),
            outcome: self.o.into(),
            words: self
                .g
                .into_iter()
                .map(|(gate, word)| GateWord {
                    gate: gate.into(),
                    word: word.into(),
                })
                .collect(),
            before: Size(self.b),
            after: Size(self.x),
            at: Timestamp::from_unix_ms(self.t),
            rev: Rev(self.r),
        })
    }
}

impl From<Word> for WordRow {
    fn from(word: Word) -> Self {
        match word {
            Word::Pass => Self::Pass,
            Word::Skipped => Self::Skipped,
            Word::Wait(wait) => Self::Wait(ms(wait)),
            Word::Stop => Self::Stop,
            Word::Capped { asked, to } => Self::Capped(asked.0, to.0),
        }
    }
}

impl From<WordRow> for Word {
    fn from(row: WordRow) -> Self {
        match row {
            WordRow::Pass => Self::Pass,
            WordRow::Skipped => Self::Skipped,
            WordRow::Wait(ms) => Self::Wait(Duration::from_millis(ms)),
            WordRow::Stop => Self::Stop,
            WordRow::Capped(asked, to) => Self::Capped {
                asked: Size(asked),
                to: Size(to),
            },
        }
    }
}

/// The row of a commit record but for its detail and hashes, which have columns of their own.
#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RecordRow {
    #[serde_as(as = "DisplayFromStr")]
    n: Nonce,
    c: CauseRow,
    w: ActorRow,
    t: u64,
}

impl From<&CommitRecord> for RecordRow {
    fn from(record: &CommitRecord) -> Self {
        let CommitRecord {
            rev: _,
            nonce,
            cause,
            actor,
            at,
            detail: _,
            previous: _,
            hash: _,
        } = record;
        Self {
            n: *nonce,
            c: (*cause).into(),
            w: actor.into(),
            t: at.unix_ms(),
        }
    }
}

impl RecordRow {
    /// Why and by whom, for the index of history.
    pub(crate) fn caused(self) -> (Cause, Actor) {
        (self.c.into(), self.w.into())
    }

    /// The record with what lies in other columns.
    pub(crate) fn into_record(
        self,
        rev: Rev,
        detail: String,
        previous: RecordHash,
        hash: RecordHash,
    ) -> CommitRecord {
        CommitRecord {
            rev,
            nonce: self.n,
            cause: self.c.into(),
            actor: self.w.into(),
            at: Timestamp::from_unix_ms(self.t),
            detail,
            previous,
            hash,
        }
    }
}
