//! One request inside the writer's transaction: check everything, then write everything.

use std::collections::HashMap;

use domain::capacity::Size;
use domain::group::{Config, Wake};
use domain::ids::{EventId, LaunchHash, RecordHash, TenantId};
use rusqlite::{Connection, OptionalExtension, params};

use super::prepare::{Batch, Item, Key, at, int, record_id};
use super::schema::kind;
use super::search;
use crate::Error;
use crate::group::{CommitRecord, Committed, Conflict};
use crate::record;
use crate::row::{self, config::ConfigRow, corrupt, verdict::RecordRow};

/// Why a request failed inside the transaction.
#[derive(Debug)]
pub(super) enum Failed {
    /// SQLite failed: the whole transaction is undone.
    Sqlite(rusqlite::Error),
    /// What is stored cannot be understood.
    Store(Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(e: rusqlite::Error) -> Self {
        Self::Sqlite(e)
    }
}

impl From<Error> for Failed {
    fn from(e: Error) -> Self {
        Self::Store(e)
    }
}

/// The newest commit of a group, as the guard needs it.
#[derive(Debug, Clone)]
struct Head {
    n: i64,
    rev: [u8; 8],
    fence: i64,
    desired: u32,
    hashes: Vec<u8>,
}

/// The heads that the writer saw last. It is the only one that writes, so what it remembers is what the file says, until a transaction is
/// undone: then it forgets everything.
#[derive(Debug, Default)]
pub(super) struct Heads(HashMap<Key, Head>);

/// Heads remembered at most, about 16 MiB.
const HEADS_MAX: usize = 64 * 1024;

impl Heads {
    /// To be called when a transaction was undone.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    fn of(&mut self, db: &Connection, key: &Key) -> rusqlite::Result<Option<&mut Head>> {
        if !self.0.contains_key(key) {
            let Some(head) = head(db, key)? else {
                return Ok(None);
            };
            if self.0.len() >= HEADS_MAX {
                self.0.clear();
            }
            self.0.insert(key.clone(), head);
        }
        Ok(self.0.get_mut(key))
    }
}

fn number(db: &Connection, key: &Key) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT n FROM grp WHERE id = ?1 AND tenant = ?2 AND epoch = ?3")?
        .query_row(params![key.id, key.tenant.as_str(), key.epoch], |row| {
            row.get(0)
        })
        .optional()
}

fn head(db: &Connection, key: &Key) -> rusqlite::Result<Option<Head>> {
    let Some(n) = number(db, key)? else {
        return Ok(None);
    };
    db.prepare_cached(
        "SELECT id, fence, desired, hash FROM item WHERE grp = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 1",
    )?
    .query_row(params![n, kind::RECORD], |row| {
        Ok(Head {
            n,
            rev: row.get(0)?,
            fence: row.get(1)?,
            desired: row.get(2)?,
            hashes: row.get(3)?,
        })
    })
    .optional()
}

/// Commits a change under its guard. A refusal has written nothing.
pub(super) fn commit(
    db: &Connection,
    heads: &mut Heads,
    batch: &Batch,
) -> Result<Committed, Failed> {
    let Some(head) = heads.of(db, &batch.key)? else {
        return Ok(Committed::Conflict(Conflict::Missing));
    };
    if head.rev != record_id(batch.guard.rev) || head.fence > int(batch.guard.fence.0) {
        return Ok(Committed::Conflict(Conflict::Moved));
    }
    let decided = write_verdicts(db, head.n, batch)?;
    if !decided.is_empty() {
        return Ok(Committed::Conflict(Conflict::Decided(decided)));
    }
    let configured = match &batch.config {
        Some((after, _)) => record::configured(&config(db, head.n)?, after),
        None => Vec::new(),
    };
    let desired = (Size(head.desired), batch.desired);
    let (_, previous) = split_hashes(&head.hashes)?;
    let record = record::seal(batch.record.clone(), desired, &configured, previous);
    write_parts(db, head.n, batch, &record)?;
    *head = Head {
        n: head.n,
        rev: record_id(record.rev),
        fence: int(batch.guard.fence.0),
        desired: batch.desired.0,
        hashes: hashes(&record).to_vec(),
    };
    Ok(Committed::Applied)
}

/// Makes a group. A refusal has written nothing.
pub(super) fn create(db: &Connection, batch: &Batch) -> Result<Committed, Failed> {
    if number(db, &batch.key)?.is_some() {
        return Ok(Committed::Conflict(Conflict::Exists));
    }
    let record = record::seal(
        batch.record.clone(),
        (Size::ZERO, batch.desired),
        &[],
        record::GENESIS,
    );
    let key = &batch.key;
    db.prepare_cached("INSERT INTO grp (id, tenant, epoch) VALUES (?1, ?2, ?3)")?
        .execute(params![key.id, key.tenant.as_str(), key.epoch])?;
    let n = db.last_insert_rowid();
    write_verdicts(db, n, batch)?;
    write_parts(db, n, batch, &record)?;
    Ok(Committed::Applied)
}

/// Writes the verdicts, or says which events of the batch have some already: then nothing is written.
fn write_verdicts(db: &Connection, n: i64, batch: &Batch) -> rusqlite::Result<Vec<EventId>> {
    // An event that stands twice in one batch keeps its first verdict.
    let sql = "INSERT OR IGNORE INTO item (grp, kind, id, at, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    if let [(event, item)] = batch.verdicts.as_slice() {
        // One statement both looks and writes: most commits decide one event.
        let is_new = insert(db, sql, n, kind::VERDICT, item)?;
        return Ok(if is_new {
            Vec::new()
        } else {
            vec![event.clone()]
        });
    }
    let decided = decided(db, n, batch)?;
    if decided.is_empty() {
        for (_, item) in &batch.verdicts {
            insert(db, sql, n, kind::VERDICT, item)?;
        }
    }
    Ok(decided)
}

/// Which events of the batch have verdicts already: all of them, so that the caller takes all out at once.
fn decided(db: &Connection, n: i64, batch: &Batch) -> rusqlite::Result<Vec<EventId>> {
    let mut known = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM item WHERE grp = ?1 AND kind = ?2 AND id = ?3)",
    )?;
    let mut found = Vec::new();
    for (event, item) in &batch.verdicts {
        if known.query_row(params![n, kind::VERDICT, item.id], |row| row.get(0))? {
            found.push(event.clone());
        }
    }
    Ok(found)
}

/// The configuration before: read only when it changes.
fn config(db: &Connection, n: i64) -> Result<Config, Failed> {
    let body: String = db
        .prepare_cached("SELECT body FROM cfg WHERE grp = ?1")?
        .query_row([n], |row| row.get(0))?;
    let row: ConfigRow = row::read("configuration", &body)?;
    Ok(row.try_into()?)
}

fn write_parts(
    db: &Connection,
    n: i64,
    batch: &Batch,
    record: &CommitRecord,
) -> rusqlite::Result<()> {
    if let Some((_, body)) = &batch.config {
        db.prepare_cached("INSERT INTO cfg (grp, body) VALUES (?1, ?2) ON CONFLICT (grp) DO UPDATE SET body = excluded.body")?
            .execute(params![n, body])?;
    }
    for item in &batch.slots {
        put(db, n, kind::SLOT, item)?;
    }
    for event in &batch.taken {
        db.prepare_cached("DELETE FROM item WHERE grp = ?1 AND kind = ?2 AND id = ?3")?
            .execute(params![n, kind::INBOX, event.as_str().as_bytes()])?;
    }
    for item in &batch.queued {
        put(db, n, kind::INBOX, item)?;
    }
    for (items, to, from) in [
        (&batch.open, kind::OUTBOX, kind::CLOSED),
        (&batch.closed, kind::CLOSED, kind::OUTBOX),
    ] {
        for item in items {
            db.prepare_cached("DELETE FROM item WHERE grp = ?1 AND kind = ?2 AND id = ?3")?
                .execute(params![n, from, item.id])?;
            put(db, n, to, item)?;
        }
    }
    wake(db, n, batch.wake)?;
    db.prepare_cached(
        "INSERT INTO item (grp, kind, id, at, body, detail, hash, fence, desired, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        n,
        kind::RECORD,
        record_id(record.rev),
        int(record.at.unix_ms()),
        batch.record_row,
        record.detail,
        hashes(record),
        int(batch.guard.fence.0),
        batch.desired.0,
        batch.state
    ])?;
    Ok(())
}

/// Notes when the group has to be woken, if that changed.
fn wake(db: &Connection, n: i64, wake: Option<Wake>) -> rusqlite::Result<()> {
    match wake {
        None => return Ok(()),
        Some(Wake::At(time)) => db
            .prepare_cached("INSERT INTO timer (grp, at) VALUES (?1, ?2) ON CONFLICT (grp) DO UPDATE SET at = excluded.at")?
            .execute(params![n, at(time)])?,
        Some(Wake::Never) => db
            .prepare_cached("DELETE FROM timer WHERE grp = ?1")?
            .execute([n])?,
    };
    Ok(())
}

fn put(db: &Connection, n: i64, kind: i64, item: &Item) -> rusqlite::Result<()> {
    let sql = "INSERT INTO item (grp, kind, id, at, body) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (grp, kind, id) DO UPDATE SET at = excluded.at, body = excluded.body";
    insert(db, sql, n, kind, item)?;
    Ok(())
}

/// Whether a row was written.
fn insert(db: &Connection, sql: &str, n: i64, kind: i64, item: &Item) -> rusqlite::Result<bool> {
    let rows = db
        .prepare_cached(sql)?
        .execute(params![n, kind, item.id, item.at, item.body])?;
    Ok(rows > 0)
}

/// The previous hash and its own, in one column.
fn hashes(record: &CommitRecord) -> [u8; 64] {
    let mut both = [0; 64];
    both[..32].copy_from_slice(&record.previous.0);
    both[32..].copy_from_slice(&record.hash.0);
    both
}

/// Stores a launch body, once per tenant.
pub(super) fn launch(
    db: &Connection,
    tenant: &TenantId,
    hash: LaunchHash,
    body: &[u8],
) -> rusqlite::Result<bool> {
    let rows = db
        .prepare_cached("INSERT OR IGNORE INTO launch (tenant, hash, body) VALUES (?1, ?2, ?3)")?
        .execute(params![tenant.as_str(), hash.0, body])?;
    Ok(rows > 0)
}

/// Adds records to the journal. Those that this store committed itself are in it already.
pub(super) fn append(db: &Connection, key: &Key, records: &[CommitRecord]) -> Result<bool, Failed> {
    let group = number(db, key)?;
    let mut wrote = false;
    for record in records {
        let known: bool = match group {
            Some(n) => db
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM item WHERE grp = ?1 AND kind = ?2 AND id = ?3)",
                )?
                .query_row(params![n, kind::RECORD, record_id(record.rev)], |row| {
                    row.get(0)
                })?,
            None => false,
        };
        if known {
            continue;
        }
        let body = row::write(&RecordRow::from(record))?;
        let rows = db
            .prepare_cached(
                "INSERT OR IGNORE INTO journal (id, tenant, epoch, rev, at, body, detail, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                key.id,
                key.tenant.as_str(),
                key.epoch,
                int(record.rev.0),
                int(record.at.unix_ms()),
                body,
                record.detail,
                hashes(record)
            ])?;
        wrote |= rows > 0;
    }
    Ok(wrote)
}

/// Deletes rows of `item` whose time is still the given one, and what the index of history says of them.
pub(super) fn delete(db: &Connection, rows: &[(i64, i64)]) -> rusqlite::Result<bool> {
    let mut statement = db.prepare_cached("DELETE FROM item WHERE n = ?1 AND at = ?2")?;
    let mut wrote = false;
    for (n, at) in rows {
        if statement.execute(params![n, at])? > 0 {
            search::forget(db, *n)?;
            wrote = true;
        }
    }
    Ok(wrote)
}

/// Reads the two hashes of a record.
pub(super) fn split_hashes(both: &[u8]) -> Result<(RecordHash, RecordHash), Error> {
    let wrong = || corrupt("hashes of a record", &"not 64 bytes");
    let (previous, own) = both.split_at_checked(32).ok_or_else(wrong)?;
    let previous = previous.try_into().map_err(|_e| wrong())?;
    let own = own.try_into().map_err(|_e| wrong())?;
    Ok((RecordHash(previous), RecordHash(own)))
}
