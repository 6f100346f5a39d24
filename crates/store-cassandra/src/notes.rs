//! Notes over Cassandra: one row each, written conditionally; they end with their time to live. Searches walk the groups: the index of a fleet's
//! history is not in here.

use async_trait::async_trait;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use store::Error;
use store::note::{Note, Notes, Shelf};
use store::search::{Page, Search, Wanted, walk};

use crate::Inner;
use crate::batch::{answer_ttl, journal_ttl};
use crate::driver::{Outcome, Value, Values, blob, int, long, set, text, tiny};
use crate::read::{each, time};
use scylla::value::CqlValue;

/// Nobody knows whether a note was kept.
#[derive(Debug, thiserror::Error)]
#[error("it is not known whether the note was kept")]
struct Unclear;

/// The partition of a note: answers lie anywhere, what is listed in order lies in one place.
fn place(shelf: Shelf, id: &[u8]) -> [Value; 2] {
    let part = match shelf {
        Shelf::Answers => id.first().copied().unwrap_or_default(),
        Shelf::Staff | Shelf::Places | Shelf::Revocations | Shelf::Homes => 0,
    };
    [tiny(shelf.number()), set(CqlValue::Int(part.into()))]
}

impl Inner {
    fn kept(&self, shelf: Shelf) -> Value {
        match shelf {
            Shelf::Answers => answer_ttl(self.keep),
            Shelf::Staff | Shelf::Places | Shelf::Revocations | Shelf::Homes => {
                journal_ttl(self.keep)
            }
        }
    }

    async fn condition(
        &self,
        statement: &PreparedStatement,
        values: Values,
    ) -> Result<bool, Error> {
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.append_statement(statement.clone());
        match self.driver.decide(&batch, vec![values]).await? {
            Outcome::Applied => Ok(true),
            Outcome::Refused => Ok(false),
            Outcome::Unknown => Err(Error::Unavailable(Box::new(Unclear))),
        }
    }
}

#[async_trait]
impl Notes for Inner {
    async fn keep(&self, shelf: Shelf, note: &Note, before: Option<&str>) -> Result<bool, Error> {
        let (at, body) = (long(note.at.unix_ms()), text(&note.body));
        let s = &self.statements.notes;
        let rest = place(shelf, &note.id).into_iter().chain([blob(&note.id)]);
        match before {
            None => {
                let values = rest.chain([at, body, self.kept(shelf)]).collect();
                self.condition(&s.put, values).await
            }
            Some(before) => {
                let first = [self.kept(shelf), at, body];
                let values = first.into_iter().chain(rest).chain([text(before)]);
                self.condition(&s.swap, values.collect()).await
            }
        }
    }

    async fn forget(&self, shelf: Shelf, id: &[u8], body: &str) -> Result<(), Error> {
        let values = place(shelf, id).into_iter().chain([blob(id), text(body)]);
        let statement = &self.statements.notes.take;
        self.condition(statement, values.collect()).await.map(drop)
    }

    async fn find(&self, shelf: Shelf, id: &[u8]) -> Result<Option<Note>, Error> {
        let values = place(shelf, id).into_iter().chain([blob(id)]).collect();
        let found = self.notes(&self.statements.notes.one, values).await?;
        Ok(found.into_iter().next())
    }

    async fn newest(
        &self,
        shelf: Shelf,
        before: Option<&[u8]>,
        limit: u32,
    ) -> Result<Vec<Note>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let values = place(shelf, &[]).into_iter();
        let s = &self.statements.notes;
        match before {
            None => {
                let values = values.chain([int(u64::from(limit))]).collect();
                self.notes(&s.newest, values).await
            }
            Some(before) => {
                let rest = [blob(before), int(u64::from(limit))];
                self.notes(&s.older, values.chain(rest).collect()).await
            }
        }
    }
}

impl Inner {
    async fn notes(
        &self,
        statement: &PreparedStatement,
        values: Values,
    ) -> Result<Vec<Note>, Error> {
        let pages = self.driver.read(statement, values).await?;
        let mut found = Vec::new();
        each(&pages, |(id, at, body): (Vec<u8>, i64, String)| {
            let at = time(at);
            found.push(Note { id, at, body });
            Ok(())
        })?;
        Ok(found)
    }
}

#[async_trait]
impl Search for Inner {
    async fn find(&self, wanted: &Wanted, limit: u32) -> Result<Page, Error> {
        walk(self, wanted, limit).await
    }
}
