//! The service's ledger as its file shows it, read from outside: what was acknowledged must be in it, also after a kill.
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// What the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Verdicts.
    pub verdicts: u64,
    /// Slots whose create was answered and the answer recorded.
    pub bound: u64,
}

/// Reads the file; the service may be running.
pub fn read(path: &Path) -> anyhow::Result<Held> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file = Connection::open_with_flags(path, flags)?;
    file.busy_timeout(std::time::Duration::from_secs(5))?;
    let count = |sql: &str| {
        file.query_row(sql, [], |row| row.get::<_, u32>(0))
            .map(u64::from)
    };
    Ok(Held {
        verdicts: count("SELECT count(*) FROM item WHERE kind = 2")?,
        bound: count(
            "SELECT count(*) FROM item WHERE kind = 1 AND json_extract(body, '$.s.accepted', '$.s.configuring', '$.s.active')
             <> '[null,null,null]'",
        )?,
    })
}
