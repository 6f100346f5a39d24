//! A request in the form in which the writer executes it: everything that can be done outside the writer thread is done here.

use domain::capacity::Size;
use domain::event::Event;
use domain::group::{Change, Config, Group, Wake};
use domain::ids::{EventId, GroupKey, LaunchHash, Nonce, Rev, TenantId};
use domain::outbox::Delivery;
use domain::time::Timestamp;

use crate::Error;
use crate::group::{CommitRecord, Guard};
use crate::note::{Note, Shelf};
use crate::parts;
use crate::record;
use crate::row::verdict::{RecordRow, VerdictRow};
use crate::row::{self, config::ConfigRow, event::EventRow, slot::SlotRow, state::StateRow};

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Request {
    /// A new group.
    Create(Box<Batch>),
    /// A change of a group.
    Commit(Box<Batch>),
    /// A launch body.
    Launch(TenantId, LaunchHash, Vec<u8>),
    /// Records of a group for the journal.
    Append(Key, Vec<CommitRecord>),
    /// A throw of a kill switch: scope, time, row.
    Throw(String, i64, String),
    /// A note on a shelf: what it must say before, if it must be there.
    Keep(Shelf, Note, Option<String>),
    /// A note to take away: shelf, id, what it must say.
    Forget(Shelf, Vec<u8>, String),
    /// Notes of a shelf to throw away: those written before then.
    Clear(Shelf, i64),
    /// At most so many more commit records for the index of history.
    Index(u32),
    /// Rows of inputs.
    Input(super::inputs::Write),
    /// Rows of `item` to delete, each if it is still as old as it was when it was chosen.
    Delete(Vec<(i64, i64)>),
}

/// The partition, as its columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) id: [u8; 16],
    pub(super) tenant: TenantId,
    pub(super) epoch: i64,
}

impl From<&GroupKey> for Key {
    fn from(key: &GroupKey) -> Self {
        Self {
            id: key.id.as_u128().to_be_bytes(),
            tenant: key.tenant.clone(),
            epoch: int(key.epoch.0),
        }
    }
}

/// One change as rows.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) key: Key,
    pub(super) guard: Guard,
    pub(super) desired: Size,
    pub(super) state: String,
    /// The configuration, and its row.
    pub(super) config: Option<(Config, String)>,
    pub(super) slots: Vec<Item>,
    pub(super) verdicts: Vec<(EventId, Item)>,
    pub(super) queued: Vec<Item>,
    pub(super) taken: Vec<EventId>,
    /// Messages of hooks: open ones, and closed ones.
    pub(super) open: Vec<Item>,
    pub(super) closed: Vec<Item>,
    pub(super) wake: Option<Wake>,
    /// Still without what was before.
    pub(super) record: CommitRecord,
    pub(super) record_row: String,
}

/// One row of `item`.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: Vec<u8>,
    pub(super) at: i64,
    pub(super) body: String,
}

impl Batch {
    /// Bytes of its rows, without what SQLite adds.
    pub(super) fn bytes(&self) -> u64 {
        let item = |i: &Item| i.id.len() + i.body.len() + 8;
        let bytes = self.state.len()
            + self.config.as_ref().map_or(0, |(_, row)| row.len())
            + self.slots.iter().map(item).sum::<usize>()
            + self.verdicts.iter().map(|(_, i)| item(i)).sum::<usize>()
            + self.queued.iter().map(item).sum::<usize>()
            + self
                .open
                .iter()
                .chain(&self.closed)
                .map(item)
                .sum::<usize>()
            + self.record_row.len()
            + self.record.detail.len()
            + 64;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// SQLite's integers are signed. Counters and times beyond half of `u64` do not occur; they would be kept as the largest.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Prepares a change for a group that exists.
pub(super) fn commit(
    key: &GroupKey,
    guard: Guard,
    change: &Change,
    nonce: Nonce,
) -> Result<Batch, Error> {
    let record = record::open(change, guard.rev.next(), nonce);
    let slots = change.slots.iter().map(|slot| {
        Ok(Item {
            id: slot.id.as_u128().to_be_bytes().to_vec(),
            at: int(slot.since.unix_ms()),
            body: row::write(&SlotRow::from(slot))?,
        })
    });
    let verdicts = change.verdicts.iter().map(|verdict| {
        let item = Item {
            id: verdict.event.as_str().as_bytes().to_vec(),
            at: int(verdict.at.unix_ms()),
            body: row::write(&VerdictRow::from(verdict))?,
        };
        Ok((verdict.event.clone(), item))
    });
    let config = change.config.as_ref();
    let posts = |open: bool| {
        let posts = change.posts.iter().filter(move |d| d.is_open() == open);
        posts.map(post).collect::<Result<Vec<_>, Error>>()
    };
    Ok(Batch {
        key: key.into(),
        guard,
        desired: change.state.desired,
        state: row::write(&StateRow::from(&change.state))?,
        config: config.map(configured).transpose()?,
        slots: slots.collect::<Result<_, Error>>()?,
        verdicts: verdicts.collect::<Result<_, Error>>()?,
        queued: change
            .queued
            .iter()
            .map(queued)
            .collect::<Result<_, Error>>()?,
        taken: change.taken.clone(),
        open: posts(true)?,
        closed: posts(false)?,
        wake: change.wake,
        record_row: row::write(&RecordRow::from(&record))?,
        record,
    })
}

/// Prepares a new group: what it holds before its first change, and the change.
pub(super) fn create(group: &Group, first: &Change, nonce: Nonce) -> Result<Batch, Error> {
    let guard = Guard {
        rev: group.rev,
        fence: group.fence,
    };
    let whole = parts::born(group, first);
    let mut batch = commit(&group.key, guard, &whole, nonce)?;
    batch.record = record::open(first, guard.rev.next(), nonce);
    Ok(batch)
}

fn configured(config: &Config) -> Result<(Config, String), Error> {
    Ok((config.clone(), row::write(&ConfigRow::from(config))?))
}

fn queued(event: &Event) -> Result<Item, Error> {
    Ok(Item {
        id: event.id.as_str().as_bytes().to_vec(),
        at: int(event.received.unix_ms()),
        body: row::write(&EventRow::from(event))?,
    })
}

fn post(delivery: &Delivery) -> Result<Item, Error> {
    Ok(Item {
        id: delivery.id.0.to_be_bytes().to_vec(),
        at: at(delivery.made),
        body: parts::delivery(delivery)?,
    })
}

/// The id of a commit record's row: its revision, so that order of bytes is order of revisions.
pub(super) fn record_id(rev: Rev) -> [u8; 8] {
    rev.0.to_be_bytes()
}

/// A time as its column.
pub(super) fn at(time: Timestamp) -> i64 {
    int(time.unix_ms())
}
