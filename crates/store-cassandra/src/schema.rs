//! The tables, their versions, and who may change them: `holt schema apply` alone, one at a time.
//!
//! A running store only looks whether the version is the one it knows. Each step's statements can be repeated, so that an apply that
//! was cut off is simply run again. `grp` holds everything that is decided under a group's guard; the other tables are plain.

use std::time::Duration;

use chassis::Process;
use scylla::client::session::Session;
use scylla::errors::{ExecutionError, NewSessionError};
use scylla::statement::unprepared::Statement;
use scylla::statement::{Consistency, SerialConsistency};

use crate::driver::{self, Driver};
use crate::{Settings, SettingsError};

/// What takes a keyspace from one version to the next.
const STEPS: [&[&str]; 5] = [TABLES, NOTES, INPUTS, FEED, MEMBERS];

/// The newest schema version.
pub const VERSION: u32 = 5;

const TABLES: &[&str] = &[
    // One partition per group and home. Static columns are the guard: they are written conditionally only, and never expire.
    "CREATE TABLE IF NOT EXISTS grp (
       tenant text, gid text, home_epoch bigint, kind tinyint, id blob,
       rev bigint STATIC, fence bigint STATIC,
       desired bigint, wake bigint, state text, cfg text,
       at bigint, body text, detail text, hash blob, events frozen<list<text>>,
       PRIMARY KEY ((tenant, gid, home_epoch), kind, id)
     ) WITH gc_grace_seconds = 864000 AND compaction = {'class': 'LeveledCompactionStrategy'}",
    "CREATE TABLE IF NOT EXISTS tenant_group (tenant text, gid text, home_epoch bigint, PRIMARY KEY (tenant, gid, home_epoch))",
    "CREATE TABLE IF NOT EXISTS group_bucket (k tinyint, bucket int, PRIMARY KEY (k, bucket))",
    "CREATE TABLE IF NOT EXISTS group_list (bucket int, gid text, tenant text, home_epoch bigint, PRIMARY KEY (bucket, gid, tenant, home_epoch))",
    "CREATE TABLE IF NOT EXISTS timer (part tinyint, at bigint, gid text, tenant text, home_epoch bigint, put bigint,
       PRIMARY KEY (part, at, gid, tenant, home_epoch)) WITH gc_grace_seconds = 3600",
    "CREATE TABLE IF NOT EXISTS hot (part tinyint, gid text, tenant text, home_epoch bigint, at bigint,
       PRIMARY KEY (part, gid, tenant, home_epoch)) WITH default_time_to_live = 900 AND gc_grace_seconds = 3600",
    "CREATE TABLE IF NOT EXISTS control (k tinyint, part tinyint, scope text, n bigint, last bigint STATIC, body text,
       PRIMARY KEY (k, part, scope, n))",
    "CREATE TABLE IF NOT EXISTS launch (tenant text, hash blob, body blob, PRIMARY KEY ((tenant, hash)))",
    "CREATE TABLE IF NOT EXISTS journal_month (tenant text, gid text, home_epoch bigint, month int, PRIMARY KEY ((tenant, gid, home_epoch), month))",
    "CREATE TABLE IF NOT EXISTS journal (tenant text, gid text, home_epoch bigint, month int, rev bigint,
       at bigint, body text, detail text, hashes blob, PRIMARY KEY ((tenant, gid, home_epoch, month), rev))",
];

/// Version 2: notes, each with its own time to live.
const NOTES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS note (shelf tinyint, part int, id blob, at bigint, body text, PRIMARY KEY ((shelf, part), id))",
];

/// Version 3: where alerts come in.
const INPUTS: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS input (id blob, kind tinyint, place text, tenant text, at bigint, body text, PRIMARY KEY (id, kind, place))
       WITH gc_grace_seconds = 864000",
    "CREATE TABLE IF NOT EXISTS tenant_input (tenant text, id blob, PRIMARY KEY (tenant, id))",
];

/// Version 4: what was committed, for an index of history outside. A log a process, in partitions of 10 000 lines; lines live 14 days, the name of
/// their log longer.
const FEED: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS feed_log (k tinyint, log blob, part int, PRIMARY KEY (k, log)) WITH default_time_to_live = 1382400",
    "CREATE TABLE IF NOT EXISTS feed (log blob, part int, n bigint, gid text, tenant text, home_epoch bigint, rev bigint,
       PRIMARY KEY ((log, part), n)) WITH default_time_to_live = 1209600 AND compaction = {'class': 'TimeWindowCompactionStrategy'}",
];

/// Version 5: leases of supervisors. Each ends by itself a minute after its last beat.
const MEMBERS: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS member (colo int, name text, life blob, beat bigint, PRIMARY KEY (colo, name, life))
       WITH gc_grace_seconds = 3600",
];

/// Why a schema cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// There is none, or an older one: run `holt schema apply`.
    #[error(
        "the keyspace {keyspace} has schema version {found}, this build needs {VERSION}: run `holt schema apply`"
    )]
    Older {
        /// The keyspace.
        keyspace: String,
        /// Its version; 0 is none.
        found: u32,
    },
    /// A newer build made it: use that build.
    #[error(
        "the keyspace {keyspace} has schema version {found}, this build knows versions up to {VERSION}"
    )]
    Newer {
        /// The keyspace.
        keyspace: String,
        /// Its version.
        found: u32,
    },
    /// A name that has no place in a statement.
    #[error("{0:?} is no name: letters, digits and '_', beginning with a letter")]
    Name(String),
    /// Another apply runs, or one was cut off less than two minutes ago.
    #[error("another `holt schema apply` is at work, or was within the last two minutes")]
    Busy,
    /// The settings are not whole, or name files that are none.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The cluster cannot be reached.
    #[error("no session with the cluster")]
    Session(#[source] Box<NewSessionError>),
    /// The cluster refused or gave no answer. Run it again.
    #[error("the cluster did not do what was asked")]
    Execution(#[source] Box<ExecutionError>),
    /// The version's row is not what it should be.
    #[error("the schema's version cannot be read: {0}")]
    Unreadable(String),
}

impl From<NewSessionError> for SchemaError {
    fn from(e: NewSessionError) -> Self {
        Self::Session(Box::new(e))
    }
}

impl From<ExecutionError> for SchemaError {
    fn from(e: ExecutionError) -> Self {
        Self::Execution(Box::new(e))
    }
}

/// The version of a keyspace's schema; 0 if there is none.
///
/// # Errors
/// As for every request.
pub async fn check(settings: &Settings) -> Result<u32, SchemaError> {
    let session = driver::builder(settings)?.build().await?;
    version(&session, name(&settings.keyspace)?).await
}

/// Brings a keyspace to this build's version, making it if there is none. Gives the versions before and after.
///
/// # Errors
/// [`SchemaError`]; what was done stays, and a second run goes on from there.
pub async fn apply(process: &Process, settings: &Settings) -> Result<(u32, u32), SchemaError> {
    let session = driver::builder(settings)?.build().await?;
    let keyspace = name(&settings.keyspace)?;
    let datacenter = name(&settings.datacenter)?;
    let mut copies = format!("'{datacenter}': {}", settings.copies);
    for (further, count) in &settings.also {
        copies.push_str(&format!(", '{}': {count}", name(further)?));
    }
    let before = version(&session, keyspace).await?;
    if before > VERSION {
        return Err(SchemaError::Newer {
            keyspace: keyspace.to_owned(),
            found: before,
        });
    }
    if !exists(&session, keyspace).await? {
        run(&session, &format!(
            "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', {copies}}}"
        )).await?;
    }
    for cql in [
        format!(
            "CREATE TABLE IF NOT EXISTS {keyspace}.schema_version (k tinyint PRIMARY KEY, version int)"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {keyspace}.schema_lock (k tinyint PRIMARY KEY, who text)"
        ),
    ] {
        run(&session, &cql).await?;
    }
    session
        .use_keyspace(keyspace, false)
        .await
        .map_err(ExecutionError::from)?;
    let who = format!("{:032x}", process.entropy.u128());
    let lock =
        format!("INSERT INTO schema_lock (k, who) VALUES (0, '{who}') IF NOT EXISTS USING TTL 120");
    if !applied(&session, &lock).await? {
        return Err(SchemaError::Busy);
    }
    let done = steps(&session, keyspace).await;
    let unlock = format!("DELETE FROM schema_lock WHERE k = 0 IF who = '{who}'");
    applied(&session, &unlock).await?;
    done.map(|()| (before, VERSION))
}

/// Takes all steps that are due.
async fn steps(session: &Session, keyspace: &str) -> Result<(), SchemaError> {
    let from = version(session, keyspace).await?;
    for (to, step) in (1..).zip(STEPS) {
        if to <= from {
            continue;
        }
        for cql in step {
            run(session, cql).await?;
        }
        let set = if to == 1 {
            format!("INSERT INTO schema_version (k, version) VALUES (0, {to}) IF NOT EXISTS")
        } else {
            format!(
                "UPDATE schema_version SET version = {to} WHERE k = 0 IF version = {}",
                to - 1
            )
        };
        applied(session, &set).await?;
    }
    Ok(())
}

/// Refuses a schema that this build does not know.
pub(crate) async fn expect_current(driver: &Driver) -> Result<(), SchemaError> {
    let keyspace = driver.keyspace.clone();
    match version(&driver.session, &keyspace).await? {
        VERSION => Ok(()),
        found if found < VERSION => Err(SchemaError::Older { keyspace, found }),
        found => Err(SchemaError::Newer { keyspace, found }),
    }
}

/// Whether a keyspace is there. To make one "if not exists" takes the right to make any, which whoever may only fill this one does not have.
async fn exists(session: &Session, keyspace: &str) -> Result<bool, SchemaError> {
    let unreadable = |e: &dyn std::fmt::Display| SchemaError::Unreadable(e.to_string());
    let select = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let there = session.query_unpaged(select, (keyspace,)).await?;
    let there = there.into_rows_result().map_err(|e| unreadable(&e))?;
    Ok(there.rows_num() > 0)
}

async fn version(session: &Session, keyspace: &str) -> Result<u32, SchemaError> {
    let unreadable = |e: &dyn std::fmt::Display| SchemaError::Unreadable(e.to_string());
    let there = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'schema_version'";
    let there = session.query_unpaged(there, (keyspace,)).await?;
    let there = there.into_rows_result().map_err(|e| unreadable(&e))?;
    if there.rows_num() == 0 {
        return Ok(0);
    }
    let mut select = Statement::new(format!(
        "SELECT version FROM {keyspace}.schema_version WHERE k = 0"
    ));
    select.set_consistency(Consistency::LocalSerial);
    let rows = session.query_unpaged(select, ()).await?;
    let rows = rows.into_rows_result().map_err(|e| unreadable(&e))?;
    let row = rows
        .maybe_first_row::<(i32,)>()
        .map_err(|e| unreadable(&e))?;
    row.map_or(Ok(0), |(version,)| {
        u32::try_from(version).map_err(|e| unreadable(&e))
    })
}

/// Changes the schema; all nodes agree on it afterwards. Slower than other requests.
async fn run(session: &Session, cql: &str) -> Result<(), SchemaError> {
    let mut statement = Statement::new(cql);
    statement.set_request_timeout(Some(Duration::from_secs(60)));
    session.query_unpaged(statement, ()).await?;
    Ok(())
}

/// Whether a conditional statement was applied.
async fn applied(session: &Session, cql: &str) -> Result<bool, SchemaError> {
    let unreadable = |e: &dyn std::fmt::Display| SchemaError::Unreadable(e.to_string());
    let mut statement = Statement::new(cql);
    statement.set_serial_consistency(Some(SerialConsistency::LocalSerial));
    let answer = session.query_unpaged(statement, ()).await?;
    let rows = answer.into_rows_result().map_err(|e| unreadable(&e))?;
    let (place, _) = rows
        .column_specs()
        .get_by_name("[applied]")
        .ok_or_else(|| unreadable(&"no [applied]"))?;
    let row = rows
        .first_row::<scylla::value::Row>()
        .map_err(|e| unreadable(&e))?;
    let applied = row
        .columns
        .get(place)
        .and_then(|v| v.as_ref()?.as_boolean());
    applied.ok_or_else(|| unreadable(&"no [applied]"))
}

/// A name that may stand in a statement.
fn name(text: &str) -> Result<&str, SchemaError> {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if first && rest && text.len() <= 48 {
        return Ok(text);
    }
    Err(SchemaError::Name(text.to_owned()))
}
