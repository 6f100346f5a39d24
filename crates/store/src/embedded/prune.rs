//! Throwing away what has been kept long enough (design 5): a slow pass over all rows, in small pieces between other writes.

use std::time::Duration;

use domain::ids::SlotId;
use domain::time::Timestamp;

use super::Embedded;
use super::inputs;
use super::prepare::{Request, at};
use super::read;
use super::schema::kind;
use crate::Error;
use crate::note::Shelf;
use crate::parts;

/// Rows that one piece looks at.
const PIECE: u32 = 1000;

/// How long rows are kept after their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Verdicts, and answers to writes that named themselves: as long as they may be sent again (safety 3.8). 25 h.
    pub verdicts: Duration,
    /// Ended slots: as long as they are watched (design 4, rule 4). 30 days.
    pub ended: Duration,
    /// Closed messages of hooks, dead letters among them: 30 days.
    pub deliveries: Duration,
    /// Commit records, which are the journal here, and what staff looked at: 13 months.
    pub records: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        let hours = |h: u64| Duration::from_secs(h * 3600);
        Self {
            verdicts: hours(25),
            ended: hours(30 * 24),
            deliveries: hours(30 * 24),
            records: hours(396 * 24),
        }
    }
}

impl Embedded {
    /// Deletes what is older at `now` than `keep` says; gives the number of rows. Once a day is enough. A lapsed slot that still
    /// counts against max, and the newest record of a group, are kept whatever their age.
    ///
    /// # Errors
    /// As for every write; the pass can be begun again.
    pub async fn prune(&self, now: Timestamp, keep: Keep) -> Result<u64, Error> {
        for (shelf, kept) in [
            (Shelf::Answers, keep.verdicts),
            (Shelf::Staff, keep.records),
            (Shelf::Revocations, keep.records),
        ] {
            let limit = Duration::from_millis(now.unix_ms()).saturating_sub(kept);
            let limit = at(Timestamp::from_unix_ms(0).plus(limit));
            self.inner.writer.ask(Request::Clear(shelf, limit)).await?;
        }
        let mut deleted = 0;
        let mut after = 0;
        let prune = inputs::Write::Prune(at(now));
        self.inner.writer.ask(Request::Input(prune)).await?;
        loop {
            let rows = self
                .inner
                .readers
                .run(move |db| read::items_after(db, after, PIECE))
                .await?;
            let Some(last) = rows.last().map(|row| row.0) else {
                return Ok(deleted);
            };
            after = last;
            let mut old = Vec::new();
            for (n, kind, time, body) in rows {
                let kept = match kind {
                    kind::VERDICT => keep.verdicts,
                    kind::RECORD => keep.records,
                    kind::SLOT => keep.ended,
                    kind::CLOSED => keep.deliveries,
                    _ => continue,
                };
                let limit = Duration::from_millis(now.unix_ms()).saturating_sub(kept);
                let limit = Timestamp::from_unix_ms(0).plus(limit);
                if time < at(limit) && (kind != kind::SLOT || is_over(&body)?) {
                    old.push((n, time));
                }
            }
            if !old.is_empty() {
                deleted += u64::try_from(old.len()).unwrap_or(u64::MAX);
                self.inner.writer.ask(Request::Delete(old)).await?;
            }
        }
    }
}

fn is_over(body: &str) -> Result<bool, Error> {
    let slot = parts::read_slot(SlotId::from_u128(0), body)?;
    Ok(parts::is_over(&slot))
}
