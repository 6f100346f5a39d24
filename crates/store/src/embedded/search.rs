//! The index of history over SQLite: a table with who, why and when of every commit record, and its words (FTS5).
//!
//! It follows behind the commits, so that these pay nothing for it: a search first has the writer put in what is missing. A store that was never
//! searched and is long has too much to put in at once: then the groups are walked, and the index grows with each search and with
//! [`Embedded::index`].

use async_trait::async_trait;
use domain::ids::{GroupId, GroupKey, HomeEpoch};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::commit::Failed;
use super::prepare::{Request, at, int};
use super::read::{explain, record};
use super::schema::kind;
use super::{Embedded, Inner};
use crate::Error;
use crate::group::CommitRecord;
use crate::record::{cause_word, outcome_word};
use crate::row::verdict::RecordRow;
use crate::row::{self, corrupt};
use crate::search::{Found, Page, Search, Wanted, walk};

/// Records that go into the index in one piece, between commits.
const PIECE: u32 = 256;
/// Pieces before one search, at most.
const PIECES: u32 = 40;

#[async_trait]
impl Search for Inner {
    async fn find(&self, wanted: &Wanted, limit: u32) -> Result<Page, Error> {
        if !self.catch_up(PIECES).await? {
            return walk(self, wanted, limit).await;
        }
        self.round_trip();
        let wanted = wanted.clone();
        self.readers.run(move |db| find(db, &wanted, limit)).await
    }
}

impl Embedded {
    /// Brings the index of history up to date. Once a minute is enough: a search does it for what is missing.
    ///
    /// # Errors
    /// As for every write; it can be begun again.
    pub async fn index(&self) -> Result<(), Error> {
        self.inner.catch_up(u32::MAX).await.map(drop)
    }
}

impl Inner {
    /// Puts at most so many pieces into the index; false if more is missing.
    async fn catch_up(&self, pieces: u32) -> Result<bool, Error> {
        for _ in 0..pieces {
            if self.readers.run(is_whole).await? {
                return Ok(true);
            }
            self.write(Request::Index(PIECE)).await?;
        }
        self.readers.run(is_whole).await
    }
}

/// The newest row of `item` that the index has seen, and whether records follow it. Rows are only ever added at the end: the newest record
/// of a group is never deleted, so the largest `n` of a record is never used again.
fn is_whole(db: &Connection) -> Result<bool, Error> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM item WHERE kind = ?1 AND n > (SELECT coalesce(max(n), 0) FROM history))";
    db.prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([kind::RECORD], |row| row.get(0)))
        .map_err(explain)
}

/// Puts the next records into the index; false if there are none.
pub(super) fn index(db: &Connection, limit: u32) -> Result<bool, Failed> {
    let sql = "SELECT item.n, grp.tenant, grp.id, item.id, item.at, item.body, item.detail FROM item JOIN grp ON grp.n = item.grp
               WHERE item.kind = ?1 AND item.n > (SELECT coalesce(max(n), 0) FROM history) ORDER BY item.n LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![kind::RECORD, limit])?;
    let mut wrote = false;
    while let Some(found) = rows.next()? {
        let n: i64 = found.get(0)?;
        let rev: [u8; 8] = found.get(3)?;
        let body: String = found.get(5)?;
        let parsed: RecordRow = row::read("commit record", &body)?;
        let (cause, actor) = parsed.caused();
        db.prepare_cached(
            "INSERT INTO history (n, tenant, id, rev, at, cause, actor, request) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            n,
            found.get::<_, String>(1)?,
            found.get::<_, Vec<u8>>(2)?,
            int(u64::from_be_bytes(rev)),
            found.get::<_, i64>(4)?,
            cause_word(cause),
            actor.name,
            actor.request_id
        ])?;
        db.prepare_cached("INSERT INTO history_text (rowid, detail) VALUES (?1, ?2)")?
            .execute(params![n, found.get::<_, String>(6)?])?;
        wrote = true;
    }
    Ok(wrote)
}

/// Takes a row out of the index.
pub(super) fn forget(db: &Connection, n: i64) -> rusqlite::Result<()> {
    let known = db
        .prepare_cached("DELETE FROM history WHERE n = ?1")?
        .execute([n])?;
    if known > 0 {
        db.prepare_cached("DELETE FROM history_text WHERE rowid = ?1")?
            .execute([n])?;
    }
    Ok(())
}

/// Conditions and what is bound to them. All texts are ours; what callers say is bound (safety S31).
#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    bound: Vec<Value>,
}

impl Conditions {
    /// Adds a condition, in which `?` stands for the value.
    fn add(&mut self, text: &str, values: impl IntoIterator<Item = Value>) {
        self.texts.push(text.to_owned());
        self.bound.extend(values);
    }
}

fn conditions(wanted: &Wanted) -> Conditions {
    let bytes = |id: GroupId| Value::Blob(id.as_u128().to_be_bytes().to_vec());
    let mut all = Conditions::default();
    if let Some(tenant) = &wanted.tenant {
        all.add("h.tenant = ?", [Value::Text(tenant.to_string())]);
    }
    if let Some(group) = wanted.group {
        all.add("h.id = ?", [bytes(group)]);
    }
    if let Some(cause) = wanted.cause {
        all.add("h.cause = ?", [Value::Text(cause_word(cause).to_owned())]);
    }
    if let Some(actor) = &wanted.actor {
        all.add("h.actor = ?", [Value::Text(actor.clone())]);
    }
    if let Some(request) = &wanted.request {
        all.add("h.request = ?", [Value::Text(request.clone())]);
    }
    inside(&mut all, wanted);
    if let Some(from) = wanted.from {
        all.add("h.at >= ?", [Value::Integer(at(from))]);
    }
    if let Some(to) = wanted.to {
        all.add("h.at < ?", [Value::Integer(at(to))]);
    }
    if let Some(place) = wanted.after {
        let values = [
            Value::Integer(at(place.at)),
            bytes(place.group),
            Value::Integer(int(place.rev.0)),
        ];
        all.add("(h.at, h.id, h.rev) < (?, ?, ?)", values);
    }
    if let Some(text) = &wanted.text {
        // The index finds texts of three characters and more; the exact look that follows finds all.
        if text.chars().count() >= 3 {
            let phrase = format!("\"{}\"", text.replace('"', "\"\""));
            all.add(
                "h.n IN (SELECT rowid FROM history_text WHERE history_text MATCH ?)",
                [Value::Text(phrase)],
            );
        }
        all.add("instr(item.detail, ?) > 0", [Value::Text(text.clone())]);
    }
    all
}

/// Conditions on what a detail holds: found by its words, then looked at exactly.
fn inside(all: &mut Conditions, wanted: &Wanted) {
    let mut held = |word: String, list: &str, place: u8| {
        all.add(
            "h.n IN (SELECT rowid FROM history_text WHERE history_text MATCH ?)",
            [Value::Text(format!("\"{word}\""))],
        );
        let exact = format!(
            "CASE WHEN json_valid(item.detail) THEN EXISTS
               (SELECT 1 FROM json_each(item.detail, '$.{list}') e WHERE json_extract(e.value, '$[{place}]') = ?) ELSE FALSE END"
        );
        all.add(&exact, [Value::Text(word)]);
    };
    if let Some(server) = wanted.server {
        held(server.to_string(), "slots", 2);
    }
    if let Some(outcome) = wanted.outcome {
        held(outcome_word(outcome).to_owned(), "events", 1);
    }
}

fn find(db: &Connection, wanted: &Wanted, limit: u32) -> Result<Page, Error> {
    let mut conditions = conditions(wanted);
    conditions.texts.push("TRUE".to_owned());
    let sql = format!(
        "SELECT item.id, item.body, item.detail, item.hash, grp.id, grp.tenant, grp.epoch
         FROM history h JOIN item ON item.n = h.n JOIN grp ON grp.n = item.grp
         WHERE {} ORDER BY h.at DESC, h.id DESC, h.rev DESC LIMIT ?",
        conditions.texts.join(" AND ")
    );
    conditions.bound.push(Value::Integer(i64::from(limit) + 1));
    let mut statement = db.prepare_cached(&sql).map_err(explain)?;
    let mut rows = statement
        .query(params_from_iter(conditions.bound))
        .map_err(explain)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().map_err(explain)? {
        items.push(found(row)?);
    }
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let rest = items.len() > wanted;
    items.truncate(wanted);
    let next = items.last().filter(|_| rest).map(Found::place);
    Ok(Page { items, next })
}

pub(super) fn found(row: &Row<'_>) -> Result<Found, Error> {
    let record: CommitRecord = record(row)?;
    let id: [u8; 16] = row.get(4).map_err(explain)?;
    let tenant: String = row.get(5).map_err(explain)?;
    let epoch: i64 = row.get(6).map_err(explain)?;
    let key = GroupKey {
        tenant: tenant.parse().map_err(|e| corrupt("tenant id", &e))?,
        id: GroupId::from_u128(u128::from_be_bytes(id)),
        epoch: HomeEpoch(u64::try_from(epoch).unwrap_or(0)),
    };
    Ok(Found { key, record })
}
