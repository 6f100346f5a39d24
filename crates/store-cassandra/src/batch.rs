//! One change as one conditional batch on the group's partition.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::group::{Change, Wake};
use domain::ids::{DeliveryId, GroupKey, Nonce, Rev};
use domain::time::Timestamp;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, MaybeUnset};
use store::Error;
use store::group::{CommitRecord, Guard};
use store::parts;

use crate::Keep;
use crate::cells::Head;
use crate::driver::{Value, Values, blob, int, long, set, text, tiny};
use crate::statements::{Statements, kind};

/// A batch, ready to be sent, and the head that it leaves.
pub(crate) struct Ready {
    pub(crate) batch: Batch,
    pub(crate) values: Vec<Values>,
    pub(crate) after: Head,
}

/// What a change is put on.
pub(crate) struct Base<'a> {
    pub(crate) key: &'a GroupKey,
    pub(crate) guard: Guard,
    /// None: there must be no such group.
    pub(crate) head: Option<Head>,
    /// What the change's commit record says was before.
    pub(crate) before: parts::Previous<'a>,
}

/// Makes the batch. `whole` is what is written; `told` is the change that the commit record tells of (for a new group they differ).
pub(crate) fn ready(
    statements: &Statements,
    keep: Keep,
    base: &Base<'_>,
    (whole, told): (&Change, &Change),
    nonce: Nonce,
) -> Result<Ready, Error> {
    let record = parts::sealed(told, base.guard.rev.next(), nonce, base.before);
    let mut list = List::new(base.key);
    let after = Head {
        rev: record.rev,
        fence: base.guard.fence,
        desired: whole.state.desired,
        hash: record.hash,
        wake: wake(whole.wake, base.head),
    };
    list.head(statements, base, whole, &after)?;
    list.verdicts(statements, keep, whole)?;
    list.slots(statements, keep, whole)?;
    list.inbox(statements, whole)?;
    list.outbox(statements, keep, whole)?;
    list.record(statements, keep, whole, &record)?;
    Ok(Ready {
        batch: list.batch,
        values: list.values,
        after,
    })
}

/// When the group has to be woken after the change.
fn wake(change: Option<Wake>, head: Option<Head>) -> Option<Timestamp> {
    match change {
        None => head?.wake,
        Some(Wake::At(at)) => Some(at),
        Some(Wake::Never) => None,
    }
}

/// The partition's key.
pub(crate) fn key(key: &GroupKey) -> [Value; 3] {
    [
        text(key.tenant.as_str()),
        text(&key.id.to_string()),
        long(key.epoch.0),
    ]
}

/// The id of a commit record's row: its revision, so that order of bytes is order of revisions.
pub(crate) fn record_id(rev: Rev) -> Value {
    blob(&rev.0.to_be_bytes())
}

/// A time to live in seconds; 0 is for ever. The longest that Cassandra takes is 20 years.
fn ttl(keep: Duration) -> Value {
    int(keep.as_secs().clamp(1, 20 * 365 * 24 * 3600))
}

fn for_ever() -> Value {
    int(0)
}

struct List {
    key: [Value; 3],
    batch: Batch,
    values: Vec<Values>,
}

impl List {
    fn new(group: &GroupKey) -> Self {
        Self {
            key: key(group),
            batch: Batch::new(BatchType::Unlogged),
            values: Vec::new(),
        }
    }

    fn push(&mut self, statement: &PreparedStatement, values: Values) {
        self.batch.append_statement(statement.clone());
        self.values.push(values);
    }

    /// The values of an insert: the partition's key, and the rest.
    fn row(&self, rest: impl IntoIterator<Item = Value>) -> Values {
        self.key.iter().cloned().chain(rest).collect()
    }

    fn head(
        &mut self,
        statements: &Statements,
        base: &Base<'_>,
        change: &Change,
        after: &Head,
    ) -> Result<(), Error> {
        let config = match &change.config {
            Some(config) => text(&parts::config(config)?),
            None => MaybeUnset::Unset,
        };
        let wake = match change.wake {
            None => MaybeUnset::Unset,
            Some(Wake::At(at)) => long(at.unix_ms()),
            Some(Wake::Never) => MaybeUnset::Set(None),
        };
        let mut values = vec![
            long(after.rev.0),
            long(after.fence.0),
            long(u64::from(after.desired.0)),
            blob(&after.hash.0),
            text(&parts::state(&change.state)?),
            config,
            wake,
        ];
        values.extend(self.key.iter().cloned());
        if base.head.is_some() {
            values.extend([long(base.guard.rev.0), long(base.guard.fence.0)]);
            self.push(&statements.commit, values);
        } else {
            self.push(&statements.create, values);
        }
        Ok(())
    }

    /// An event that stands twice in one batch keeps its first verdict.
    fn verdicts(&mut self, s: &Statements, keep: Keep, change: &Change) -> Result<(), Error> {
        let mut seen = BTreeMap::new();
        for verdict in &change.verdicts {
            seen.entry(&verdict.event).or_insert(verdict);
        }
        for (event, verdict) in seen {
            let rest = [
                blob(event.as_str().as_bytes()),
                long(verdict.at.unix_ms()),
                text(&parts::verdict(verdict)?),
                ttl(keep.verdicts),
            ];
            self.push(&s.put_verdict, self.row(rest));
        }
        Ok(())
    }

    /// All rows of a batch have one time stamp: of two writes to one row the later one must be the only one.
    fn slots(&mut self, s: &Statements, keep: Keep, change: &Change) -> Result<(), Error> {
        let last: BTreeMap<_, _> = change.slots.iter().map(|slot| (slot.id, slot)).collect();
        for (id, slot) in last {
            let kept = if parts::is_over(slot) {
                ttl(keep.ended)
            } else {
                for_ever()
            };
            let rest = [
                tiny(kind::SLOT),
                blob(&id.as_u128().to_be_bytes()),
                long(slot.since.unix_ms()),
                text(&parts::slot(slot)?),
                kept,
            ];
            self.push(&s.put_item, self.row(rest));
        }
        Ok(())
    }

    fn inbox(&mut self, s: &Statements, change: &Change) -> Result<(), Error> {
        let queued: BTreeMap<_, _> = change.queued.iter().map(|e| (&e.id, e)).collect();
        for event in change.taken.iter().filter(|id| !queued.contains_key(id)) {
            let rest = [tiny(kind::INBOX), blob(event.as_str().as_bytes())];
            self.push(&s.take_item, self.row(rest));
        }
        for (id, event) in queued {
            let rest = [
                tiny(kind::INBOX),
                blob(id.as_str().as_bytes()),
                long(event.received.unix_ms()),
                text(&parts::event(event)?),
                for_ever(),
            ];
            self.push(&s.put_item, self.row(rest));
        }
        Ok(())
    }

    /// A message stands in one of two places: open, or closed. Closed ones leave the first with the whole run of numbers around them: one tombstone,
    /// which covers those of earlier runs. A tombstone for each message would lie in the way of every read of the group for ten days, and past
    /// 100 000 of them no node reads.
    fn outbox(&mut self, s: &Statements, keep: Keep, change: &Change) -> Result<(), Error> {
        let number = |id: &DeliveryId| blob(&id.0.to_be_bytes());
        for run in &change.closed {
            let ends = [number(run.start()), number(run.end())];
            self.push(&s.take_closed, self.row(ends));
        }
        let is_out = |id: &DeliveryId| change.closed.iter().any(|run| run.contains(id));
        let last: BTreeMap<_, _> = change.posts.iter().map(|d| (d.id, d)).collect();
        for (id, delivery) in last {
            let (to, from, kept) = if delivery.is_open() {
                (kind::OUTBOX, kind::CLOSED, for_ever())
            } else {
                (kind::CLOSED, kind::OUTBOX, ttl(keep.deliveries))
            };
            if delivery.is_open() || !is_out(&id) {
                self.push(&s.take_item, self.row([tiny(from), number(&id)]));
            }
            let rest = [
                tiny(to),
                number(&id),
                long(delivery.made.unix_ms()),
                text(&parts::delivery(delivery)?),
                kept,
            ];
            self.push(&s.put_item, self.row(rest));
        }
        Ok(())
    }

    fn record(
        &mut self,
        s: &Statements,
        keep: Keep,
        change: &Change,
        record: &CommitRecord,
    ) -> Result<(), Error> {
        let events = change.verdicts.iter().map(|v| v.event.as_str().to_owned());
        let events = events.map(CqlValue::Text).collect();
        let rest = [
            record_id(record.rev),
            long(record.at.unix_ms()),
            text(&parts::record(record)?),
            text(&record.detail),
            blob(&hashes(record)),
            set(CqlValue::List(events)),
            ttl(keep.records),
        ];
        self.push(&s.put_record, self.row(rest));
        Ok(())
    }
}

/// The previous hash and its own, in one column.
pub(crate) fn hashes(record: &CommitRecord) -> [u8; 64] {
    let mut both = [0; 64];
    both[..32].copy_from_slice(&record.previous.0);
    both[32..].copy_from_slice(&record.hash.0);
    both
}

/// A time to live for the journal.
pub(crate) fn journal_ttl(keep: Keep) -> Value {
    ttl(keep.records)
}

/// How long an answer to a write is kept: as long as a verdict.
pub(crate) fn answer_ttl(keep: Keep) -> Value {
    ttl(keep.verdicts)
}
