//! Inputs over SQLite: one table, the input itself as the note without a place.

use std::time::Duration;

use async_trait::async_trait;
use domain::ids::{InputId, TenantId};
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Inner;
use super::prepare::{Request, at, int};
use super::read::explain;
use crate::Error;
use crate::input::{Input, Inputs, Note, Part};
use crate::row::corrupt;

/// The kind of the input itself.
const SELF: i64 = 0;

/// The kind of a note.
const fn kind(part: Part) -> i64 {
    match part {
        Part::Rejected => 1,
        Part::Voter => 2,
    }
}

/// What the writer does to inputs.
#[derive(Debug)]
pub(super) enum Write {
    /// A row: id, kind, place, tenant, time, when it may go, body.
    Put(Box<Line>),
    /// All rows of an input of that tenant.
    Remove(TenantId, InputId),
    /// Rows that may go.
    Prune(i64),
}

/// One row.
#[derive(Debug)]
pub(super) struct Line {
    id: [u8; 16],
    kind: i64,
    place: String,
    tenant: String,
    at: i64,
    until: i64,
    body: String,
}

const fn bytes(id: InputId) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}

#[async_trait]
impl Inputs for Inner {
    async fn put(&self, input: &Input) -> Result<(), Error> {
        let line = Line {
            id: bytes(input.id),
            kind: SELF,
            place: String::new(),
            tenant: input.tenant.to_string(),
            at: at(input.created),
            until: i64::MAX,
            body: input.body.clone(),
        };
        self.write(Request::Input(Write::Put(Box::new(line)))).await
    }

    async fn get(&self, id: InputId) -> Result<Option<Input>, Error> {
        self.round_trip();
        let sql = "SELECT id, tenant, at, body FROM input WHERE id = ?1 AND kind = 0";
        let read = move |db: &Connection| {
            let found = db
                .prepare_cached(sql)
                .and_then(|mut statement| statement.query_row([bytes(id)], raw).optional());
            found.map_err(explain)?.map(input).transpose()
        };
        self.readers.small(read).await
    }

    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<InputId>,
        limit: u32,
    ) -> Result<Vec<Input>, Error> {
        self.round_trip();
        let tenant = tenant.to_string();
        let after = after.map_or_else(Vec::new, |id| bytes(id).to_vec());
        let sql = "SELECT id, tenant, at, body FROM input WHERE kind = 0 AND tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let read = move |db: &Connection| {
            let rows = db.prepare_cached(sql).and_then(|mut statement| {
                let rows = statement.query_map(params![tenant, after, limit], raw)?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            });
            rows.map_err(explain)?.into_iter().map(input).collect()
        };
        self.readers.run(read).await
    }

    async fn remove(&self, tenant: &TenantId, id: InputId) -> Result<(), Error> {
        let remove = Write::Remove(tenant.clone(), id);
        self.write(Request::Input(remove)).await
    }

    async fn note(
        &self,
        id: InputId,
        part: Part,
        note: &Note,
        keep: Duration,
    ) -> Result<(), Error> {
        let line = Line {
            id: bytes(id),
            kind: kind(part),
            place: note.place.clone(),
            tenant: String::new(),
            at: at(note.at),
            until: int(note.at.plus(keep).unix_ms()),
            body: note.body.clone(),
        };
        self.write(Request::Input(Write::Put(Box::new(line)))).await
    }

    async fn notes(&self, id: InputId, part: Part, now: Timestamp) -> Result<Vec<Note>, Error> {
        self.round_trip();
        let now = at(now);
        let sql = "SELECT place, at, body FROM input WHERE id = ?1 AND kind = ?2 AND until >= ?3 ORDER BY place";
        let read = move |db: &Connection| {
            let rows = db.prepare_cached(sql).and_then(|mut statement| {
                let rows = statement.query_map(params![bytes(id), kind(part), now], |row| {
                    Ok(Note {
                        place: row.get(0)?,
                        at: time(row.get(1)?),
                        body: row.get(2)?,
                    })
                })?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            });
            rows.map_err(explain)
        };
        self.readers.run(read).await
    }
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(u64::try_from(ms).unwrap_or_default())
}

type Raw = (Vec<u8>, String, i64, String);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn input((id, tenant, at, body): Raw) -> Result<Input, Error> {
    let id: [u8; 16] = id
        .as_slice()
        .try_into()
        .map_err(|e| corrupt("id of an input", &e))?;
    Ok(Input {
        tenant: tenant
            .parse()
            .map_err(|e| corrupt("tenant of an input", &e))?,
        id: InputId::from_u128(u128::from_be_bytes(id)),
        created: time(at),
        body,
    })
}

/// Executes a write inside the writer's transaction; says whether anything changed.
pub(super) fn write(db: &Connection, write: &Write) -> rusqlite::Result<bool> {
    match write {
        Write::Put(line) => {
            let Line {
                id,
                kind,
                place,
                tenant,
                at,
                until,
                body,
            } = &**line;
            let sql = "INSERT INTO input (id, kind, place, tenant, at, until, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                       ON CONFLICT (id, kind, place) DO UPDATE SET at = excluded.at, until = excluded.until, body = excluded.body";
            db.prepare_cached(sql)?
                .execute(params![id, kind, place, tenant, at, until, body])?;
            Ok(true)
        }
        Write::Remove(tenant, id) => {
            let sql =
                "SELECT EXISTS (SELECT 1 FROM input WHERE id = ?1 AND kind = 0 AND tenant = ?2)";
            let mut owned = db.prepare_cached(sql)?;
            let is_theirs: bool =
                owned.query_row(params![bytes(*id), tenant.as_str()], |row| row.get(0))?;
            if !is_theirs {
                return Ok(false);
            }
            db.prepare_cached("DELETE FROM input WHERE id = ?1")?
                .execute([bytes(*id)])?;
            Ok(true)
        }
        Write::Prune(now) => {
            let rows = db
                .prepare_cached("DELETE FROM input WHERE kind > 0 AND until < ?1")?
                .execute([now])?;
            Ok(rows > 0)
        }
    }
}
