//! What is read, from one snapshot of the file.

use domain::group::{Group, Slots};
use domain::ids::{
    DeliveryId, EventId, Fence, GroupId, GroupKey, HomeEpoch, Rev, SlotId, TenantId,
};
use domain::outbox::Delivery;
use domain::time::Timestamp;
use domain::verdict::Verdict;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

use super::commit::split_hashes;
use super::prepare::{self, Key, int, record_id};
use super::schema::kind;
use crate::Error;
use crate::group::{Before, CommitRecord};
use crate::parts;
use crate::row::verdict::{RecordRow, VerdictRow};
use crate::row::{
    self, config::ConfigRow, corrupt, event::EventRow, slot::SlotRow, state::StateRow,
};

/// What an error of SQLite means for a caller. Outside a commit's sync, nothing was written.
pub(super) fn explain(e: rusqlite::Error) -> Error {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full(Box::new(e)),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt(e.to_string()),
        Some(_) => Error::Unavailable(Box::new(e)),
        // A column that is not what the schema says.
        None => Error::Corrupt(e.to_string()),
    }
}

/// The internal number of a group.
fn number(db: &Connection, key: &Key) -> Result<Option<i64>, Error> {
    db.prepare_cached("SELECT n FROM grp WHERE id = ?1 AND tenant = ?2 AND epoch = ?3")
        .and_then(|mut s| {
            s.query_row(params![key.id, key.tenant.as_str(), key.epoch], |row| {
                row.get(0)
            })
            .optional()
        })
        .map_err(explain)
}

/// A whole group.
pub(super) fn group(db: &Connection, key: &GroupKey) -> Result<Option<Group>, Error> {
    let Some(n) = number(db, &Key::from(key))? else {
        return Ok(None);
    };
    let (config, rev, fence, state) = db
        .prepare_cached(
            "SELECT cfg.body, id, fence, state FROM item JOIN cfg ON cfg.grp = item.grp
             WHERE item.grp = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 1",
        )
        .and_then(|mut s| {
            s.query_row(params![n, kind::RECORD], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, [u8; 8]>(1)?,
                    row.get::<_, i64>(2)?,
                    row.get::<_, String>(3)?,
                ))
            })
        })
        .map_err(explain)?;
    let state: StateRow = row::read("state", &state)?;
    let config: ConfigRow = row::read("configuration", &config)?;
    let mut slots = Slots::default();
    items(db, n, kind::SLOT, |id, body| {
        let bits = <[u8; 16]>::try_from(id).map_err(|_e| corrupt("slot id", &"not 16 bytes"))?;
        let row: SlotRow = row::read("slot", body)?;
        slots.put(row.into_slot(SlotId::from_u128(u128::from_be_bytes(bits))));
        Ok(())
    })?;
    let mut inbox = std::collections::BTreeMap::new();
    items(db, n, kind::INBOX, |id, body| {
        let id = event_id(id)?;
        let row: EventRow = row::read("event", body)?;
        inbox.insert(id.clone(), row.into_event(id)?);
        Ok(())
    })?;
    let mut outbox = std::collections::BTreeMap::new();
    items(db, n, kind::OUTBOX, |id, body| {
        let delivery = parts::read_delivery(delivery_id(id)?, body)?;
        outbox.insert(delivery.id, delivery);
        Ok(())
    })?;
    Ok(Some(Group {
        key: key.clone(),
        rev: Rev(u64::from_be_bytes(rev)),
        fence: Fence(unsigned(fence)),
        config: config.try_into()?,
        state: state.try_into()?,
        slots,
        inbox,
        outbox,
    }))
}

/// Everything of one kind in a group, in order of id.
fn items(
    db: &Connection,
    n: i64,
    kind: i64,
    mut each: impl FnMut(&[u8], &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut statement = db
        .prepare_cached("SELECT id, body FROM item WHERE grp = ?1 AND kind = ?2 ORDER BY id")
        .map_err(explain)?;
    let mut rows = statement.query(params![n, kind]).map_err(explain)?;
    while let Some(row) = rows.next().map_err(explain)? {
        let id = row.get_ref(0).map_err(explain)?;
        let body = row.get_ref(1).map_err(explain)?;
        each(
            id.as_blob().map_err(|e| corrupt("id", &e))?,
            body.as_str().map_err(|e| corrupt("body", &e))?,
        )?;
    }
    Ok(())
}

fn event_id(id: &[u8]) -> Result<EventId, Error> {
    let text = str::from_utf8(id).map_err(|e| corrupt("event id", &e))?;
    text.parse().map_err(|e| corrupt("event id", &e))
}

fn delivery_id(id: &[u8]) -> Result<DeliveryId, Error> {
    let bytes = <[u8; 8]>::try_from(id).map_err(|_e| corrupt("message number", &"not 8 bytes"))?;
    Ok(DeliveryId(u64::from_be_bytes(bytes)))
}

/// Closed messages of a group's hooks, newest first.
pub(super) fn deliveries(
    db: &Connection,
    key: &Key,
    before: DeliveryId,
    limit: u32,
) -> Result<Vec<Delivery>, Error> {
    let Some(n) = number(db, key)? else {
        return Ok(Vec::new());
    };
    let sql = "SELECT id, body FROM item WHERE grp = ?1 AND kind = ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4";
    let before = before.0.to_be_bytes();
    collect(db, sql, &[&n, &kind::CLOSED, &before, &limit], |row| {
        let id: Vec<u8> = row.get(0).map_err(explain)?;
        let body: String = row.get(1).map_err(explain)?;
        parts::read_delivery(delivery_id(&id)?, &body)
    })
}

pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// The verdict of one event.
pub(super) fn verdict(
    db: &Connection,
    key: &Key,
    event: &EventId,
) -> Result<Option<Verdict>, Error> {
    let Some(n) = number(db, key)? else {
        return Ok(None);
    };
    let body: Option<String> = db
        .prepare_cached("SELECT body FROM item WHERE grp = ?1 AND kind = ?2 AND id = ?3")
        .and_then(|mut s| {
            s.query_row(
                params![n, kind::VERDICT, event.as_str().as_bytes()],
                |row| row.get(0),
            )
            .optional()
        })
        .map_err(explain)?;
    body.map(|body| row::read::<VerdictRow>("verdict", &body)?.into_verdict(event.clone()))
        .transpose()
}

/// Verdicts of a group, newest first: a commit's record follows its verdicts, so rows are in the order of commits.
pub(super) fn verdicts(
    db: &Connection,
    key: &Key,
    before: Before,
    limit: u32,
) -> Result<Vec<Verdict>, Error> {
    let Some(n) = number(db, key)? else {
        return Ok(Vec::new());
    };
    let sql = "SELECT id, body FROM item WHERE grp = ?1 AND kind = ?2 AND at < ?3 AND n < coalesce(
                 (SELECT n FROM item WHERE grp = ?1 AND kind = ?4 AND id < ?5 ORDER BY id DESC LIMIT 1), 0)
               ORDER BY n DESC LIMIT ?6";
    let at = before.at.map_or(i64::MAX, prepare::at);
    let rev = record_id(before.rev.unwrap_or(Rev(u64::MAX)));
    let values: [&dyn rusqlite::ToSql; 6] = [&n, &kind::VERDICT, &at, &kind::RECORD, &rev, &limit];
    collect(db, sql, &values, |row| {
        let id: Vec<u8> = row.get(0).map_err(explain)?;
        let body: String = row.get(1).map_err(explain)?;
        row::read::<VerdictRow>("verdict", &body)?.into_verdict(event_id(&id)?)
    })
}

/// Commit records of a group, newest first, from `from` downwards.
pub(super) fn records(
    db: &Connection,
    key: &Key,
    from: Rev,
    limit: u32,
) -> Result<Vec<CommitRecord>, Error> {
    let Some(n) = number(db, key)? else {
        return Ok(Vec::new());
    };
    let sql = "SELECT id, body, detail, hash FROM item WHERE grp = ?1 AND kind = ?2 AND id <= ?3 ORDER BY id DESC LIMIT ?4";
    let from = record_id(from);
    collect(db, sql, &[&n, &kind::RECORD, &from, &limit], record)
}

/// The journal of a group: what it committed here, and what was appended, oldest first.
pub(super) fn journal(
    db: &Connection,
    key: &Key,
    after: Option<Rev>,
    limit: u32,
) -> Result<Vec<CommitRecord>, Error> {
    let first = after.map_or(Rev(0), Rev::next);
    let n = number(db, key)?.unwrap_or(-1);
    let own = "SELECT id, body, detail, hash FROM item WHERE grp = ?1 AND kind = ?2 AND id >= ?3 ORDER BY id LIMIT ?4";
    let mut all = collect(
        db,
        own,
        &[&n, &kind::RECORD, &record_id(first), &limit],
        record,
    )?;
    let appended = "SELECT rev, body, detail, hash FROM journal
                    WHERE id = ?1 AND tenant = ?2 AND epoch = ?3 AND rev >= ?4 ORDER BY rev LIMIT ?5";
    let tenant = key.tenant.as_str();
    let values: [&dyn rusqlite::ToSql; 5] = [&key.id, &tenant, &key.epoch, &int(first.0), &limit];
    all.extend(collect(db, appended, &values, record)?);
    all.sort_by_key(|r| r.rev);
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all)
}

/// A commit record in the first four columns: id or revision, body, detail, hashes.
pub(super) fn record(row: &Row<'_>) -> Result<CommitRecord, Error> {
    let id = row.get_ref(0).map_err(explain)?;
    let rev = match id {
        rusqlite::types::ValueRef::Integer(rev) => unsigned(rev),
        rusqlite::types::ValueRef::Blob(bytes) => u64::from_be_bytes(
            bytes
                .try_into()
                .map_err(|_e| corrupt("revision", &"not 8 bytes"))?,
        ),
        rusqlite::types::ValueRef::Null
        | rusqlite::types::ValueRef::Real(_)
        | rusqlite::types::ValueRef::Text(_) => return Err(corrupt("revision", &"not a number")),
    };
    let body: String = row.get(1).map_err(explain)?;
    let detail: String = row.get(2).map_err(explain)?;
    let hashes: Vec<u8> = row.get(3).map_err(explain)?;
    let (previous, own) = split_hashes(&hashes)?;
    let parsed: RecordRow = row::read("commit record", &body)?;
    Ok(parsed.into_record(Rev(rev), detail, previous, own))
}

/// Groups that have to be woken by then, earliest first.
pub(super) fn timed(
    db: &Connection,
    by: i64,
    limit: u32,
) -> Result<Vec<(Timestamp, GroupKey)>, Error> {
    let sql =
        "SELECT timer.at, grp.id, grp.tenant, grp.epoch FROM timer JOIN grp ON grp.n = timer.grp
               WHERE timer.at <= ?1 ORDER BY timer.at, timer.grp LIMIT ?2";
    collect(db, sql, &[&by, &limit], |row: &Row<'_>| {
        let at: i64 = row.get(0).map_err(explain)?;
        Ok((Timestamp::from_unix_ms(unsigned(at)), key(row, 1)?))
    })
}

/// A group's key in three columns from `first` on.
pub(super) fn key(row: &Row<'_>, first: usize) -> Result<GroupKey, Error> {
    let id: [u8; 16] = row.get(first).map_err(explain)?;
    let tenant: String = row.get(first + 1).map_err(explain)?;
    let epoch: i64 = row.get(first + 2).map_err(explain)?;
    Ok(GroupKey {
        tenant: tenant.parse().map_err(|e| corrupt("tenant id", &e))?,
        id: GroupId::from_u128(u128::from_be_bytes(id)),
        epoch: HomeEpoch(unsigned(epoch)),
    })
}

/// Where groups are, in order of id: all homes of one group more than `limit`, so that the page can be cut.
pub(super) fn keys(
    db: &Connection,
    tenant: Option<&TenantId>,
    after: Option<GroupId>,
    limit: u32,
) -> Result<Vec<GroupKey>, Error> {
    let after: Vec<u8> = after.map_or_else(Vec::new, |id| id.as_u128().to_be_bytes().to_vec());
    let most = limit.max(1);
    let (all, of_tenant) = (
        "SELECT id, tenant, epoch FROM grp WHERE id > ?1 AND id <= coalesce(
           (SELECT DISTINCT id FROM grp WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2), x'ffffffffffffffffffffffffffffffff')
         ORDER BY id, tenant, epoch",
        "SELECT id, tenant, epoch FROM grp WHERE tenant = ?3 AND id > ?1 AND id <= coalesce(
           (SELECT DISTINCT id FROM grp WHERE tenant = ?3 AND id > ?1 ORDER BY id LIMIT 1 OFFSET ?2), x'ffffffffffffffffffffffffffffffff')
         ORDER BY id, epoch",
    );
    let read = |row: &Row<'_>| key(row, 0);
    match tenant {
        None => collect(db, all, &[&after, &most], read),
        Some(tenant) => collect(db, of_tenant, &[&after, &most, &tenant.as_str()], read),
    }
}

/// A launch body.
pub(super) fn launch(
    db: &Connection,
    tenant: &TenantId,
    hash: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    db.prepare_cached("SELECT body FROM launch WHERE tenant = ?1 AND hash = ?2")
        .and_then(|mut s| {
            s.query_row(params![tenant.as_str(), hash], |row| row.get(0))
                .optional()
        })
        .map_err(explain)
}

/// Rows of `item` after `n` in order of `n`, at most `limit`: number, kind, time, body. Newest records, which hold the state of their
/// groups, are left out.
pub(super) fn items_after(
    db: &Connection,
    n: i64,
    limit: u32,
) -> Result<Vec<(i64, i64, i64, String)>, Error> {
    let sql = "SELECT n, kind, at, CASE kind WHEN 1 THEN body ELSE '' END FROM item WHERE n > ?1
               AND NOT (kind = 4 AND id = (SELECT max(i.id) FROM item i WHERE i.grp = item.grp AND i.kind = 4))
               ORDER BY n LIMIT ?2";
    collect(db, sql, &[&n, &limit], |row| {
        let get = || Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        get().map_err(explain)
    })
}

pub(super) fn collect<T>(
    db: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
    each: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = db.prepare_cached(sql).map_err(explain)?;
    let mut rows = statement.query(values).map_err(explain)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(explain)? {
        found.push(each(row)?);
    }
    Ok(found)
}
