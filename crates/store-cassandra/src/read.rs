//! Rows into what they stand for.

use std::collections::BTreeMap;

use domain::capacity::Size;
use domain::group::{Config, Group, Slots};
use domain::ids::{DeliveryId, EventId, Fence, GroupId, GroupKey, HomeEpoch, Rev, SlotId};
use domain::outbox::Delivery;
use domain::time::Timestamp;
use domain::verdict::Verdict;
use scylla::deserialize::row::DeserializeRow;
use scylla::response::query_result::QueryRowsResult;
use store::group::{CommitRecord, Level};
use store::{Error, parts};

use crate::Inner;
use crate::batch::key;
use crate::cells::Head;
use crate::driver::{Values, unreadable, unsigned};
use crate::statements::{Both, kind};
use scylla::statement::prepared::PreparedStatement;

/// Reads that commits may tear before the next one is given up; only groups of more than a page can be torn at all.
const TRIES: u32 = 8;

/// A row of a whole group: kind, id, rev, fence, desired, hash, wake, state, cfg, body.
#[derive(Debug, scylla::DeserializeRow)]
struct Part<'a> {
    kind: i8,
    id: &'a [u8],
    rev: i64,
    fence: i64,
    desired: Option<i64>,
    hash: Option<&'a [u8]>,
    wake: Option<i64>,
    state: Option<&'a str>,
    cfg: Option<&'a str>,
    body: Option<&'a str>,
}

/// A group's head row alone.
#[derive(Debug, scylla::DeserializeRow)]
struct HeadRow<'a> {
    rev: i64,
    fence: i64,
    desired: i64,
    hash: &'a [u8],
    wake: Option<i64>,
    cfg: &'a str,
}

impl Both {
    pub(crate) const fn at(&self, level: Level) -> &PreparedStatement {
        match level {
            Level::Serial => &self.serial,
            Level::Relaxed => &self.relaxed,
        }
    }
}

/// Goes through all rows of all pages.
pub(crate) fn each<'p, R: DeserializeRow<'p, 'p>>(
    pages: &'p [QueryRowsResult],
    mut take: impl FnMut(R) -> Result<(), Error>,
) -> Result<(), Error> {
    for page in pages {
        for row in page.rows::<R>().map_err(unreadable)? {
            take(row.map_err(unreadable)?)?;
        }
    }
    Ok(())
}

impl Inner {
    /// A whole group, and its head. A group of more than one page is read again if a commit came between its pages.
    pub(crate) async fn group(
        &self,
        group: &GroupKey,
        level: Level,
    ) -> Result<Option<(Group, Head)>, Error> {
        let statement = self.statements.group.at(level);
        for _ in 0..TRIES {
            let pages = self.driver.read(statement, key(group).into()).await?;
            let mut read = Reading::new(group);
            each(&pages, |part| read.take(&part))?;
            if !read.torn {
                return read.done();
            }
        }
        Err(Error::Unavailable(
            "others keep changing the group while it is read".into(),
        ))
    }

    /// A group's head and configuration.
    pub(crate) async fn head(
        &self,
        group: &GroupKey,
        level: Level,
    ) -> Result<Option<(Head, Config)>, Error> {
        let statement = self.statements.head.at(level);
        let pages = self.driver.read(statement, key(group).into()).await?;
        let mut found = None;
        each(&pages, |row: HeadRow<'_>| {
            let head = Head {
                rev: Rev(unsigned(row.rev)),
                fence: Fence(unsigned(row.fence)),
                desired: size(row.desired)?,
                hash: parts::hash(row.hash)?,
                wake: row.wake.map(time),
            };
            found = Some((head, parts::read_config(row.cfg)?));
            Ok(())
        })?;
        Ok(found)
    }

    /// Verdicts on these events, by event.
    pub(crate) async fn verdicts_on(
        &self,
        group: &GroupKey,
        events: &[EventId],
        level: Level,
    ) -> Result<BTreeMap<EventId, Verdict>, Error> {
        let values = with_events(group, events);
        let statement = self.statements.verdicts.at(level);
        let pages = self.driver.read(statement, values).await?;
        let mut found = BTreeMap::new();
        each(&pages, |(id, body): (&[u8], &str)| {
            let event = event_id(id)?;
            found.insert(event.clone(), parts::read_verdict(event, body)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Which of these events have verdicts. Serial.
    pub(crate) async fn decided(
        &self,
        group: &GroupKey,
        events: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        let values = with_events(group, events);
        let pages = self.driver.read(&self.statements.decided, values).await?;
        let mut found = Vec::new();
        each(&pages, |(id,): (&[u8],)| {
            found.push(event_id(id)?);
            Ok(())
        })?;
        Ok(found)
    }
}

fn with_events(group: &GroupKey, events: &[EventId]) -> Values {
    let ids = events.iter().map(|e| e.as_str().as_bytes().to_vec());
    let ids = ids.map(scylla::value::CqlValue::Blob).collect();
    let list = crate::driver::set(scylla::value::CqlValue::List(ids));
    key(group).into_iter().chain([list]).collect()
}

/// A group on its way out of rows.
struct Reading<'k> {
    key: &'k GroupKey,
    rev: Option<i64>,
    torn: bool,
    head: Option<(Head, Config, domain::group::State)>,
    slots: Slots,
    inbox: BTreeMap<EventId, domain::event::Event>,
    outbox: BTreeMap<DeliveryId, Delivery>,
}

impl<'k> Reading<'k> {
    fn new(key: &'k GroupKey) -> Self {
        Self {
            key,
            rev: None,
            torn: false,
            head: None,
            slots: Slots::default(),
            inbox: BTreeMap::new(),
            outbox: BTreeMap::new(),
        }
    }

    fn take(&mut self, part: &Part<'_>) -> Result<(), Error> {
        // The revision is static: every row of one page shows the same.
        self.torn |= *self.rev.get_or_insert(part.rev) != part.rev;
        match part.kind {
            kind::HEAD => self.head = Some(head(part)?),
            kind::SLOT => {
                let bits = <[u8; 16]>::try_from(part.id).map_err(|e| corrupt("slot id", &e))?;
                let id = SlotId::from_u128(u128::from_be_bytes(bits));
                self.slots
                    .put(parts::read_slot(id, there("slot", part.body)?)?);
            }
            kind::INBOX => {
                let id = event_id(part.id)?;
                let event = parts::read_event(id.clone(), there("event", part.body)?)?;
                self.inbox.insert(id, event);
            }
            kind::OUTBOX => {
                let delivery = delivery(part.id, there("message of a hook", part.body)?)?;
                self.outbox.insert(delivery.id, delivery);
            }
            other => return Err(corrupt("kind of a row", &other)),
        }
        Ok(())
    }

    fn done(self) -> Result<Option<(Group, Head)>, Error> {
        let Some((head, config, state)) = self.head else {
            if self.rev.is_some() {
                return Err(corrupt("group", &"no head"));
            }
            return Ok(None);
        };
        let group = Group {
            key: self.key.clone(),
            rev: head.rev,
            fence: head.fence,
            config,
            state,
            slots: self.slots,
            inbox: self.inbox,
            outbox: self.outbox,
        };
        Ok(Some((group, head)))
    }
}

fn head(part: &Part<'_>) -> Result<(Head, Config, domain::group::State), Error> {
    let head = Head {
        rev: Rev(unsigned(part.rev)),
        fence: Fence(unsigned(part.fence)),
        desired: size(there("desired", part.desired)?)?,
        hash: parts::hash(there("hash", part.hash)?)?,
        wake: part.wake.map(time),
    };
    let config = parts::read_config(there("configuration", part.cfg)?)?;
    let state = parts::read_state(there("state", part.state)?)?;
    Ok((head, config, state))
}

/// A message of a hook out of its row.
pub(crate) fn delivery(id: &[u8], body: &str) -> Result<Delivery, Error> {
    let id = <[u8; 8]>::try_from(id).map_err(|e| corrupt("message number", &e))?;
    parts::read_delivery(DeliveryId(u64::from_be_bytes(id)), body)
}

fn there<T>(what: &str, value: Option<T>) -> Result<T, Error> {
    value.ok_or_else(|| corrupt(what, &"not there"))
}

fn corrupt(what: &str, why: &dyn std::fmt::Display) -> Error {
    Error::Corrupt(format!("{what}: {why}"))
}

fn size(value: i64) -> Result<Size, Error> {
    u32::try_from(value)
        .map(Size)
        .map_err(|e| corrupt("desired", &e))
}

/// A time out of its column.
pub(crate) fn time(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unsigned(ms))
}

fn event_id(id: &[u8]) -> Result<EventId, Error> {
    let text = str::from_utf8(id).map_err(|e| corrupt("event id", &e))?;
    text.parse().map_err(|e| corrupt("event id", &e))
}

/// An event's id as it stands in a list.
pub(crate) fn event_named(text: &str) -> Result<EventId, Error> {
    text.parse().map_err(|e| corrupt("event id", &e))
}

/// A group's key in three columns.
pub(crate) fn group_key(gid: &str, tenant: &str, epoch: i64) -> Result<GroupKey, Error> {
    let id: GroupId = gid.parse().map_err(|e| corrupt("group id", &e))?;
    Ok(GroupKey {
        tenant: tenant.parse().map_err(|e| corrupt("tenant id", &e))?,
        id,
        epoch: HomeEpoch(unsigned(epoch)),
    })
}

/// Commit records out of their rows: id, body, detail, hashes.
pub(crate) fn records(pages: &[QueryRowsResult]) -> Result<Vec<CommitRecord>, Error> {
    let mut found = Vec::new();
    each(
        pages,
        |(id, body, detail, hashes): (&[u8], &str, String, &[u8])| {
            let rev = <[u8; 8]>::try_from(id).map_err(|e| corrupt("revision", &e))?;
            let rev = Rev(u64::from_be_bytes(rev));
            found.push(parts::read_record(rev, body, detail, hashes)?);
            Ok(())
        },
    )?;
    Ok(found)
}
