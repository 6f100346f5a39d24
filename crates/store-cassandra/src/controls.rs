//! Kill switches over Cassandra: one partition with what stands and what was done, one conditional batch a throw, numbered by it.

use async_trait::async_trait;
use domain::control::Switch;
use scylla::statement::batch::{Batch, BatchType};
use store::control::{Controls, Throw};
use store::{Error, parts};

use crate::Inner;
use crate::driver::{Outcome, Value, int, long, text, tiny, unsigned};
use crate::read::each;

/// Others that may throw at the same moment, at most; people do.
const TRIES: u32 = 16;
/// Parts of the partition.
const STANDING: i8 = 0;
const HISTORY: i8 = 1;

/// Nobody knows whether a throw was kept: the caller throws again, which is allowed.
#[derive(Debug, thiserror::Error)]
#[error("it is not known whether the switch was thrown")]
struct Unclear;

#[async_trait]
impl Controls for Inner {
    async fn throw(&self, throw: &Throw) -> Result<(), Error> {
        let body = parts::throw(throw)?;
        for _ in 0..TRIES {
            let last = self.last_throw().await?;
            match self.throw_after(last, throw, &body).await? {
                Outcome::Applied => return Ok(()),
                Outcome::Refused => {}
                Outcome::Unknown => break,
            }
        }
        Err(Error::Unavailable(Box::new(Unclear)))
    }

    async fn standing(&self) -> Result<Vec<Switch>, Error> {
        let values = vec![tiny(STANDING)];
        let pages = self
            .driver
            .read(&self.statements.controls.switches, values)
            .await?;
        let mut found = Vec::new();
        each(&pages, |(body,): (&str,)| {
            found.extend(parts::read_throw(body)?.switch());
            Ok(())
        })?;
        Ok(found)
    }

    async fn history(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, Throw)>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let values = vec![long(before.unwrap_or(u64::MAX)), int(u64::from(limit))];
        let pages = self
            .driver
            .read(&self.statements.controls.throws, values)
            .await?;
        let mut found = Vec::new();
        each(&pages, |(n, body): (i64, &str)| {
            found.push((unsigned(n), parts::read_throw(body)?));
            Ok(())
        })?;
        Ok(found)
    }
}

impl Inner {
    /// The number of the last throw; none before the first.
    async fn last_throw(&self) -> Result<Option<u64>, Error> {
        let statement = &self.statements.controls.last_throw;
        let pages = self.driver.read(statement, Vec::new()).await?;
        let mut last = None;
        each(&pages, |(n,): (Option<i64>,)| {
            last = n.map(unsigned);
            Ok(())
        })?;
        Ok(last)
    }

    /// Keeps a throw as the next one after `last`, unless somebody else was first.
    async fn throw_after(
        &self,
        last: Option<u64>,
        throw: &Throw,
        body: &str,
    ) -> Result<Outcome, Error> {
        let s = &self.statements.controls;
        let next = last.map_or(1, |n| n.saturating_add(1));
        let mut batch = Batch::new(BatchType::Unlogged);
        let mut values = Vec::new();
        match last {
            None => {
                batch.append_statement(s.first_throw.clone());
                values.push(vec![long(next)]);
            }
            Some(last) => {
                batch.append_statement(s.next_throw.clone());
                values.push(vec![long(next), long(last)]);
            }
        }
        let row = |part, scope: &str, n| -> Vec<Value> {
            vec![tiny(part), text(scope), long(n), text(body)]
        };
        for row in [
            row(STANDING, &throw.scope.text(), 0),
            row(HISTORY, "", next),
        ] {
            batch.append_statement(s.put_throw.clone());
            values.push(row);
        }
        self.driver.decide(&batch, values).await
    }
}
