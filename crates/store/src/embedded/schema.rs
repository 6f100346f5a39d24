//! The tables, their versions, and how a file is recognised.
//!
//! `grp` numbers the groups. `item` has everything that belongs to a group, one kind of row each, in one rowid table with one unique
//! index: the rows that a commit adds go to the end of the file, and their index entries to one place in it (dependencies 2: separate
//! tables, or one without rowids, cost two to four times the CPU). The newest commit record of a group carries its state, revision and
//! fence: a commit appends, and rewrites no head row. What a customer configured and launch bodies are only written when they change.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::OpenError;

/// Marks a file as ours: "Holt" in ASCII.
const APPLICATION: u32 = 0x486f_6c74;

/// What takes a file from one version to the next; a new file takes all of them.
const MIGRATIONS: [&str; 6] = [TABLES, APPENDS, TIMERS, CONTROL, NOTES, INPUTS];

/// The newest schema version.
pub const VERSION: u32 = 6;

/// Kinds of rows in `item`.
pub(super) mod kind {
    /// A slot: id 16 bytes.
    pub(crate) const SLOT: i64 = 1;
    /// A verdict: id is the event's.
    pub(crate) const VERDICT: i64 = 2;
    /// An event in the inbox: id is the event's.
    pub(crate) const INBOX: i64 = 3;
    /// A commit record: id is its revision, 8 bytes, big endian. It is the journal's row too, and the newest holds the
    /// group's state.
    pub(crate) const RECORD: i64 = 4;
    /// A message of a hook that is open: id is its number, 8 bytes, big endian.
    pub(crate) const OUTBOX: i64 = 5;
    /// One that is closed: it leaves the group and is kept as history.
    pub(crate) const CLOSED: i64 = 6;
}

const TABLES: &str = "
CREATE TABLE grp (
  n INTEGER PRIMARY KEY,
  id BLOB NOT NULL, tenant TEXT NOT NULL, epoch INTEGER NOT NULL,
  rev INTEGER NOT NULL, fence INTEGER NOT NULL, desired INTEGER NOT NULL, hash BLOB NOT NULL,
  state TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX grp_key ON grp (id, tenant, epoch);
CREATE INDEX grp_tenant ON grp (tenant, id, epoch);
CREATE TABLE cfg (grp INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE item (
  n INTEGER PRIMARY KEY,
  grp INTEGER NOT NULL, kind INTEGER NOT NULL, id BLOB NOT NULL,
  at INTEGER NOT NULL, body TEXT NOT NULL, detail TEXT, hash BLOB
) STRICT;
CREATE UNIQUE INDEX item_key ON item (grp, kind, id);
CREATE TABLE launch (n INTEGER PRIMARY KEY, tenant TEXT NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX launch_key ON launch (tenant, hash);
";

/// Version 2: what a commit rewrote in `grp` goes with its record. Records whose group is elsewhere (a fleet that moved in) get a
/// table, and support staff get views.
const APPENDS: &str = "
ALTER TABLE item ADD COLUMN fence INTEGER;
ALTER TABLE item ADD COLUMN desired INTEGER;
ALTER TABLE item ADD COLUMN state TEXT;
UPDATE item SET (fence, desired, state) = (SELECT g.fence, g.desired, g.state FROM grp g WHERE g.n = item.grp)
  WHERE kind = 4 AND id = (SELECT unhex(printf('%016x', g.rev)) FROM grp g WHERE g.n = item.grp);
ALTER TABLE grp DROP COLUMN rev;
ALTER TABLE grp DROP COLUMN fence;
ALTER TABLE grp DROP COLUMN desired;
ALTER TABLE grp DROP COLUMN hash;
ALTER TABLE grp DROP COLUMN state;
CREATE TABLE journal (
  n INTEGER PRIMARY KEY,
  id BLOB NOT NULL, tenant TEXT NOT NULL, epoch INTEGER NOT NULL, rev INTEGER NOT NULL,
  at INTEGER NOT NULL, body TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX journal_key ON journal (id, tenant, epoch, rev);
CREATE VIEW groups AS
  SELECT grp.n, tenant, lower(hex(grp.id)) AS id, epoch, r.fence, r.desired, r.state, cfg.body AS config
  FROM grp JOIN cfg ON cfg.grp = grp.n
  JOIN item r ON r.n = (SELECT i.n FROM item i WHERE i.grp = grp.n AND i.kind = 4 ORDER BY i.id DESC LIMIT 1);
CREATE VIEW slots AS
  SELECT grp, lower(hex(id)) AS slot, datetime(at / 1000, 'unixepoch') AS since, body FROM item WHERE kind = 1;
CREATE VIEW verdicts AS
  SELECT grp, CAST(id AS TEXT) AS event, datetime(at / 1000, 'unixepoch') AS at, body FROM item WHERE kind = 2;
CREATE VIEW records AS
  SELECT grp, lower(hex(id)) AS rev, datetime(at / 1000, 'unixepoch') AS at, body, detail, lower(hex(hash)) AS hashes
  FROM item WHERE kind = 4;
";

/// Version 3: when groups have to be woken.
const TIMERS: &str = "
CREATE TABLE timer (grp INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE INDEX timer_at ON timer (at, grp);
";

/// Version 4: kill switches, one row a throw.
const CONTROL: &str = "
CREATE TABLE control (n INTEGER PRIMARY KEY, scope TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX control_scope ON control (scope, n);
";

/// Version 5: notes, and the index of history. `history` is filled from `item` behind the commits, which pay nothing for it; `n` is that of `item`.
const NOTES: &str = "
CREATE TABLE note (shelf INTEGER NOT NULL, id BLOB NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (shelf, id)) STRICT, WITHOUT ROWID;
CREATE INDEX note_at ON note (shelf, at);
CREATE TABLE history (
  n INTEGER PRIMARY KEY, tenant TEXT NOT NULL, id BLOB NOT NULL, rev INTEGER NOT NULL, at INTEGER NOT NULL,
  cause TEXT NOT NULL, actor TEXT NOT NULL, request TEXT NOT NULL
) STRICT;
CREATE INDEX history_tenant ON history (tenant, at, id, rev);
CREATE INDEX history_group ON history (id, at, rev);
CREATE INDEX history_actor ON history (actor, at, id, rev);
CREATE INDEX history_at ON history (at, id, rev);
CREATE VIRTUAL TABLE history_text USING fts5(detail, content='', contentless_delete=1, tokenize='trigram case_sensitive 1');
";

/// Version 6: where alerts come in; one row for the input, and one for each of its notes.
const INPUTS: &str = "
CREATE TABLE input (
  n INTEGER PRIMARY KEY,
  id BLOB NOT NULL, kind INTEGER NOT NULL, place TEXT NOT NULL, tenant TEXT NOT NULL,
  at INTEGER NOT NULL, until INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX input_key ON input (id, kind, place);
CREATE INDEX input_tenant ON input (tenant, id) WHERE kind = 0;
CREATE INDEX input_until ON input (until) WHERE kind > 0;
";

/// Looks at a file without changing it.
pub(super) fn inspect(path: &Path) -> Result<(), OpenError> {
    let empty = match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(OpenError::NotOurs(path.to_owned())),
        Ok(found) => found.len() == 0,
        Err(e) if e.kind() == io::ErrorKind::NotFound => true,
        Err(e) => return Err(OpenError::Io(path.to_owned(), e)),
    };
    if empty {
        return Ok(());
    }
    if !may_be_ours(path).map_err(|e| OpenError::Io(path.to_owned(), e))? {
        return Err(OpenError::NotOurs(path.to_owned()));
    }
    // Not read-only: what a killed process left in the log must be taken over before anything is read. It stays in the log.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let facts = Connection::open_with_flags(path, flags).and_then(|c| {
        c.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        facts(&c)
    });
    match facts {
        Ok(Facts {
            application: APPLICATION,
            version,
            ..
        }) if version > VERSION => Err(OpenError::Newer {
            path: path.to_owned(),
            found: version,
            known: VERSION,
        }),
        Ok(Facts {
            application: APPLICATION,
            ..
        }) => Ok(()),
        // A start that was killed before its first transaction.
        Ok(Facts {
            application: 0,
            version: 0,
            tables: 0,
        }) => Ok(()),
        Ok(_) => Err(OpenError::NotOurs(path.to_owned())),
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(OpenError::NotOurs(path.to_owned()))
        }
        Err(e) => Err(OpenError::Sqlite(path.to_owned(), e)),
    }
}

/// Looks at the first bytes, so that most foreign files are not even opened. The mark may still be in the log only.
fn may_be_ours(path: &Path) -> io::Result<bool> {
    let mut header = [0; 72];
    if File::open(path)?.read(&mut header)? < header.len() {
        return Ok(false);
    }
    let mark = u32::from_be_bytes([header[68], header[69], header[70], header[71]]);
    Ok(header.starts_with(b"SQLite format 3\0") && (mark == 0 || mark == APPLICATION))
}

struct Facts {
    application: u32,
    version: u32,
    tables: u32,
}

fn facts(connection: &Connection) -> rusqlite::Result<Facts> {
    let number = |sql| connection.query_row(sql, [], |row| row.get(0));
    Ok(Facts {
        application: number("PRAGMA application_id")?,
        version: number("PRAGMA user_version")?,
        tables: number("SELECT count(*) FROM sqlite_master")?,
    })
}

/// Makes the tables, or brings them to this version.
pub(super) fn set_up(connection: &mut Connection, pages_max: Option<u32>) -> rusqlite::Result<()> {
    // The page size is fixed with the first page that is written.
    connection.execute_batch(
        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
    )?;
    if let Some(pages) = pages_max {
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    }
    migrate(connection, MIGRATIONS.len())
}

/// Takes the file through the migrations up to version `to`, in one transaction.
pub(super) fn migrate(connection: &mut Connection, to: usize) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = facts(&tx)?.version;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    let due = MIGRATIONS.get(done..to).unwrap_or(&[]);
    if due.is_empty() {
        return Ok(());
    }
    for step in due {
        tx.execute_batch(step)?;
    }
    tx.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {};",
        done + due.len()
    ))?;
    tx.commit()
}

/// Settings of every connection. `synchronous = FULL`: in WAL mode each commit is synced before it returns.
pub(super) fn tune(connection: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    // Plans never depend on bound values: without this, SQLite compiles some statements anew for each value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0;
         PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 0;
         PRAGMA cache_size = -{cache_kib};"
    ))
}
