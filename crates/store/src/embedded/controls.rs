//! Kill switches over SQLite: one row a throw; what stands is the newest row of each scope.

use async_trait::async_trait;
use domain::control::Switch;
use rusqlite::{Connection, params};

use super::Inner;
use super::prepare::{Request, int};
use super::read::explain;
use crate::Error;
use crate::control::{Controls, Throw};
use crate::row::{self, control::ThrowRow};

#[async_trait]
impl Controls for Inner {
    async fn throw(&self, throw: &Throw) -> Result<(), Error> {
        let body = row::write(&ThrowRow::from(throw))?;
        self.write(Request::Throw(
            throw.scope.text(),
            int(throw.at.unix_ms()),
            body,
        ))
        .await
    }

    async fn standing(&self) -> Result<Vec<Switch>, Error> {
        self.look();
        let sql = "SELECT n, body FROM control WHERE n IN (SELECT max(n) FROM control GROUP BY scope) ORDER BY scope";
        let rows = self.readers.run(move |db| throws(db, sql, &[])).await?;
        let switches = rows.into_iter().filter_map(|(_, throw)| throw.switch());
        Ok(switches.collect())
    }

    async fn history(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, Throw)>, Error> {
        self.round_trip();
        let before = before.map_or(i64::MAX, int);
        let sql = "SELECT n, body FROM control WHERE n < ?1 ORDER BY n DESC LIMIT ?2";
        self.readers
            .run(move |db| throws(db, sql, &[before, i64::from(limit)]))
            .await
    }
}

/// Adds a throw.
pub(super) fn throw(
    db: &Connection,
    (scope, at, body): (&str, i64, &str),
) -> rusqlite::Result<bool> {
    db.prepare_cached("INSERT INTO control (scope, at, body) VALUES (?1, ?2, ?3)")?
        .execute(params![scope, at, body])?;
    Ok(true)
}

fn throws(db: &Connection, sql: &str, bound: &[i64]) -> Result<Vec<(u64, Throw)>, Error> {
    let rows = db.prepare_cached(sql).and_then(|mut statement| {
        let rows = statement.query_map(rusqlite::params_from_iter(bound), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    });
    let rows = rows.map_err(explain)?;
    rows.into_iter()
        .map(|(n, body)| {
            let row: ThrowRow = row::read("a kill switch", &body)?;
            Ok((u64::try_from(n).unwrap_or_default(), Throw::try_from(row)?))
        })
        .collect()
}
