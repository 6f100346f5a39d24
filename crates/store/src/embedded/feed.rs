//! The feed of the embedded store: rows of commit records in the order in which they were written, and a note that says how far they were read.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::read::explain;
use super::schema::kind;
use super::search::found;
use super::{Embedded, Inner};
use crate::Error;
use crate::feed::{Batch, Feed, Mark, Next};
use crate::note::{Note, Notes, Shelf};
use crate::search::Found;
use domain::time::Timestamp;

/// The feed, and how far it was read, as the note says it.
#[derive(Debug)]
struct Reading {
    inner: Arc<Inner>,
    name: Vec<u8>,
    place: Mutex<Option<Option<String>>>,
}

impl Embedded {
    /// The changes of all groups for a reader of that name (1 to 64 bytes), from the first one that is kept.
    #[must_use]
    pub fn feed(&self, name: &str) -> Arc<dyn Feed> {
        Arc::new(Reading {
            inner: Arc::clone(&self.inner),
            name: name.as_bytes().to_vec(),
            place: Mutex::default(),
        })
    }
}

impl Reading {
    fn known(&self) -> Option<Option<String>> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.clone()
    }

    fn set(&self, place: Option<Option<String>>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// What the note says; none: there is no note yet.
    async fn place(&self) -> Result<Option<String>, Error> {
        if let Some(place) = self.known() {
            return Ok(place);
        }
        let note = self.inner.find(Shelf::Places, &self.name).await;
        let place = note?.map(|note: Note| note.body);
        self.set(Some(place.clone()));
        Ok(place)
    }
}

#[async_trait]
impl Feed for Reading {
    async fn next(&self, limit: u32) -> Result<Next, Error> {
        let place = self.place().await?;
        let after = place.as_deref().map_or(Ok(0), str::parse::<i64>);
        let after = after.map_err(|e| crate::row::corrupt("place in the feed", &e))?;
        self.inner.round_trip();
        let read = move |db: &Connection| after_row(db, after, limit);
        let (items, last) = self.inner.readers.run(read).await?;
        let mark = Mark(last.to_string());
        Ok(Next::Changes(Batch { items, mark }))
    }

    async fn passed(&self, mark: &Mark) -> Result<(), Error> {
        let before = self.place().await?;
        if before.as_ref() == Some(&mark.0) {
            return Ok(());
        }
        let note = Note {
            id: self.name.clone(),
            at: Timestamp::from_unix_ms(0),
            body: mark.0.clone(),
        };
        let kept = self
            .inner
            .keep(Shelf::Places, &note, before.as_deref())
            .await;
        // Whatever became of it: the note says.
        self.set(None);
        kept.map(drop)
    }
}

fn after_row(db: &Connection, after: i64, limit: u32) -> Result<(Vec<Found>, i64), Error> {
    let sql = "SELECT item.id, item.body, item.detail, item.hash, grp.id, grp.tenant, grp.epoch, item.n
               FROM item JOIN grp ON grp.n = item.grp WHERE item.kind = ?1 AND item.n > ?2 ORDER BY item.n LIMIT ?3";
    let mut statement = db.prepare_cached(sql).map_err(explain)?;
    let mut rows = statement
        .query(params![kind::RECORD, after, limit])
        .map_err(explain)?;
    let (mut items, mut last) = (Vec::new(), after);
    while let Some(row) = rows.next().map_err(explain)? {
        items.push(found(row)?);
        last = row.get(7).map_err(explain)?;
    }
    Ok((items, last))
}
