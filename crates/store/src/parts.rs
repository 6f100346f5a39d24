//! The parts of a group as texts, and the commit record of a change: for stores that live in packages of their own.
//!
//! Every store keeps the same texts, so that what one wrote, another can take over. Each text has its reader beside it; an id that is the
//! key of its row is not in the text.

use domain::capacity::Size;
use domain::event::Event;
use domain::group::{Change, Config, Group, State};
use domain::ids::{DeliveryId, EventId, Nonce, RecordHash, Rev, SlotId};
use domain::outbox::Delivery;
use domain::slot::{GoneWhy, Hold, Slot, State as Place};
use domain::verdict::Verdict;

use crate::Error;
use crate::control::Throw;
use crate::group::CommitRecord;
use crate::record;
use crate::row::control::ThrowRow;
use crate::row::verdict::{RecordRow, VerdictRow};
use crate::row::{
    self, config::ConfigRow, event::EventRow, outbox::DeliveryRow, slot::SlotRow, state::StateRow,
};

/// The text of a configuration.
///
/// # Errors
/// None in practice: it has a JSON form.
pub fn config(config: &Config) -> Result<String, Error> {
    row::write(&ConfigRow::from(config))
}

/// The configuration of a text.
///
/// # Errors
/// [`Error::Corrupt`]: a person must look.
pub fn read_config(text: &str) -> Result<Config, Error> {
    row::read::<ConfigRow>("configuration", text)?.try_into()
}

/// The text of a state.
///
/// # Errors
/// As [`config`].
pub fn state(state: &State) -> Result<String, Error> {
    row::write(&StateRow::from(state))
}

/// The state of a text.
///
/// # Errors
/// As [`read_config`].
pub fn read_state(text: &str) -> Result<State, Error> {
    row::read::<StateRow>("state", text)?.try_into()
}

/// The text of a slot, without its id.
///
/// # Errors
/// As [`config`].
pub fn slot(slot: &Slot) -> Result<String, Error> {
    row::write(&SlotRow::from(slot))
}

/// The slot of that id.
///
/// # Errors
/// As [`read_config`].
pub fn read_slot(id: SlotId, text: &str) -> Result<Slot, Error> {
    Ok(row::read::<SlotRow>("slot", text)?.into_slot(id))
}

/// The text of a queued event, without its id.
///
/// # Errors
/// As [`config`].
pub fn event(event: &Event) -> Result<String, Error> {
    row::write(&EventRow::from(event))
}

/// The queued event of that id.
///
/// # Errors
/// As [`read_config`].
pub fn read_event(id: EventId, text: &str) -> Result<Event, Error> {
    row::read::<EventRow>("event", text)?.into_event(id)
}

/// The text of a message of a hook, without its number.
///
/// # Errors
/// As [`config`].
pub fn delivery(delivery: &Delivery) -> Result<String, Error> {
    row::write(&DeliveryRow::from(delivery))
}

/// The message of that number.
///
/// # Errors
/// As [`read_config`].
pub fn read_delivery(id: DeliveryId, text: &str) -> Result<Delivery, Error> {
    Ok(row::read::<DeliveryRow>("message of a hook", text)?.into_delivery(id))
}

/// The text of a verdict, without its event's id.
///
/// # Errors
/// As [`config`].
pub fn verdict(verdict: &Verdict) -> Result<String, Error> {
    row::write(&VerdictRow::from(verdict))
}

/// The verdict on that event.
///
/// # Errors
/// As [`read_config`].
pub fn read_verdict(event: EventId, text: &str) -> Result<Verdict, Error> {
    row::read::<VerdictRow>("verdict", text)?.into_verdict(event)
}

/// The text of a commit record, without its revision, detail and hashes.
///
/// # Errors
/// As [`config`].
pub fn record(record: &CommitRecord) -> Result<String, Error> {
    row::write(&RecordRow::from(record))
}

/// The commit record of that revision. `hashes` is the previous hash and its own, 64 bytes.
///
/// # Errors
/// As [`read_config`].
pub fn read_record(
    rev: Rev,
    text: &str,
    detail: String,
    hashes: &[u8],
) -> Result<CommitRecord, Error> {
    let (previous, own) = hashes
        .split_at_checked(32)
        .ok_or_else(|| row::corrupt("hashes of a record", &"not 64 bytes"))?;
    let row: RecordRow = row::read("commit record", text)?;
    Ok(row.into_record(rev, detail, hash(previous)?, hash(own)?))
}

/// The hash of 32 bytes.
///
/// # Errors
/// [`Error::Corrupt`] if there are more or fewer.
pub fn hash(bytes: &[u8]) -> Result<RecordHash, Error> {
    let bytes = bytes.try_into();
    bytes
        .map(RecordHash)
        .map_err(|e| row::corrupt("hash of a record", &e))
}

/// The text of a throw of a kill switch.
///
/// # Errors
/// As [`config`].
pub fn throw(throw: &Throw) -> Result<String, Error> {
    row::write(&ThrowRow::from(throw))
}

/// The throw of a text.
///
/// # Errors
/// As [`read_config`].
pub fn read_throw(text: &str) -> Result<Throw, Error> {
    row::read::<ThrowRow>("a kill switch", text)?.try_into()
}

/// What was before a change, as its commit record needs it.
#[derive(Debug, Clone, Copy)]
pub struct Previous<'a> {
    /// Desired size.
    pub desired: Size,
    /// Configuration; only read if the change has a new one.
    pub config: Option<&'a Config>,
    /// Hash of the record before; [`record::GENESIS`] if the change is the first.
    pub hash: RecordHash,
}

/// The commit record that a change leaves at `rev`, with its place in the chain.
#[must_use]
pub fn sealed(change: &Change, rev: Rev, nonce: Nonce, before: Previous<'_>) -> CommitRecord {
    let configured = match (before.config, &change.config) {
        (Some(before), Some(after)) => record::configured(before, after),
        (None, _) | (_, None) => Vec::new(),
    };
    let desired = (before.desired, change.state.desired);
    let opened = record::open(change, rev, nonce);
    record::seal(opened, desired, &configured, before.hash)
}

/// A new group's first change together with what the group holds before it: everything that its first commit has to write.
/// The commit record is of `first` alone.
#[must_use]
pub fn born(group: &Group, first: &Change) -> Change {
    let mut whole = first.clone();
    whole.config.get_or_insert_with(|| group.config.clone());
    let slots = group.slots.open().chain(group.slots.ended());
    let changed = |id| first.slots.iter().any(|s| s.id == id);
    whole
        .slots
        .extend(slots.filter(|s| !changed(s.id)).cloned());
    let kept =
        |id: &EventId| !first.taken.contains(id) && !first.queued.iter().any(|e| e.id == *id);
    let inbox = group.inbox.values().filter(|e| kept(&e.id));
    whole.queued.extend(inbox.cloned());
    let posted = |id| first.posts.iter().any(|d| d.id == id);
    let outbox = group.outbox.values().filter(|d| !posted(d.id));
    whole.posts.extend(outbox.cloned());
    whole
}

/// Whether a slot is past everything: ended, and counted against nothing (design 4). Such a slot may be forgotten 30 days later.
///
/// One whose server was handed back never is: that server still proves this very slot, and without the slot it would be taken in again, and deleted
/// with its group.
#[must_use]
pub const fn is_over(slot: &Slot) -> bool {
    match slot.state {
        Place::Gone(_, GoneWhy::HandedBack) => false,
        Place::Failed(_) | Place::Gone(..) | Place::Lapsed(_, Hold::Released) => true,
        Place::Lapsed(_, Hold::Counted)
        | Place::Issued(_)
        | Place::InDoubt(..)
        | Place::Accepted(_)
        | Place::Configuring(_)
        | Place::Active(_)
        | Place::Draining(_)
        | Place::Deleting(..)
        | Place::Surplus(_) => false,
    }
}
