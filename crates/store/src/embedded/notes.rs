//! Notes over SQLite.

use async_trait::async_trait;
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Inner;
use super::prepare::{Request, at};
use super::read::explain;
use super::writer::Closed;
use crate::Error;
use crate::group::Committed;
use crate::note::{Note, Notes, Shelf};

#[async_trait]
impl Notes for Inner {
    async fn keep(&self, shelf: Shelf, note: &Note, before: Option<&str>) -> Result<bool, Error> {
        self.round_trip();
        let request = Request::Keep(shelf, note.clone(), before.map(str::to_owned));
        match self.writer.ask(request).await? {
            Committed::Applied => Ok(true),
            Committed::Conflict(_) => Ok(false),
            Committed::Unknown => Err(Error::Unavailable(Box::new(Closed))),
        }
    }

    async fn forget(&self, shelf: Shelf, id: &[u8], body: &str) -> Result<(), Error> {
        self.write(Request::Forget(shelf, id.to_vec(), body.to_owned()))
            .await
    }

    async fn find(&self, shelf: Shelf, id: &[u8]) -> Result<Option<Note>, Error> {
        self.round_trip();
        let id = id.to_vec();
        let sql = "SELECT id, at, body FROM note WHERE shelf = ?1 AND id = ?2";
        let read = move |db: &Connection| {
            let mut statement = db.prepare_cached(sql)?;
            statement
                .query_row(params![shelf.number(), id], note)
                .optional()
        };
        self.readers
            .small(move |db| read(db).map_err(explain))
            .await
    }

    async fn newest(
        &self,
        shelf: Shelf,
        before: Option<&[u8]>,
        limit: u32,
    ) -> Result<Vec<Note>, Error> {
        // Revocations are read again and again because time passed; whoever lists them does so now and then.
        if shelf == Shelf::Revocations {
            self.look();
        } else {
            self.round_trip();
        }
        let before = before.map(<[u8]>::to_vec);
        let sql = "SELECT id, at, body FROM note WHERE shelf = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3";
        let read = move |db: &Connection| {
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![shelf.number(), before, limit], note)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        self.readers.run(move |db| read(db).map_err(explain)).await
    }
}

fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
    let at: i64 = row.get(1)?;
    Ok(Note {
        id: row.get(0)?,
        at: Timestamp::from_unix_ms(u64::try_from(at).unwrap_or(0)),
        body: row.get(2)?,
    })
}

/// Writes a note; false if what is there is not what should be.
pub(super) fn keep(
    db: &Connection,
    shelf: Shelf,
    note: &Note,
    before: Option<&str>,
) -> rusqlite::Result<bool> {
    let rows = match before {
        None => db
            .prepare_cached(
                "INSERT OR IGNORE INTO note (shelf, id, at, body) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![shelf.number(), note.id, at(note.at), note.body])?,
        Some(before) => db
            .prepare_cached(
                "UPDATE note SET at = ?3, body = ?4 WHERE shelf = ?1 AND id = ?2 AND body = ?5",
            )?
            .execute(params![
                shelf.number(),
                note.id,
                at(note.at),
                note.body,
                before
            ])?,
    };
    Ok(rows > 0)
}

/// Takes a note away.
pub(super) fn forget(
    db: &Connection,
    shelf: Shelf,
    id: &[u8],
    body: &str,
) -> rusqlite::Result<bool> {
    let rows = db
        .prepare_cached("DELETE FROM note WHERE shelf = ?1 AND id = ?2 AND body = ?3")?
        .execute(params![shelf.number(), id, body])?;
    Ok(rows > 0)
}

/// Throws away what was written before then.
pub(super) fn clear(db: &Connection, shelf: Shelf, before: i64) -> rusqlite::Result<bool> {
    let rows = db
        .prepare_cached("DELETE FROM note WHERE shelf = ?1 AND at < ?2")?
        .execute(params![shelf.number(), before])?;
    Ok(rows > 0)
}
