//! All statements, prepared once at the start.

use std::sync::Arc;

use scylla::client::session::Session;
use scylla::errors::PrepareError;
use scylla::policies::retry::DefaultRetryPolicy;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;

use crate::driver::Driver;

/// Kinds of rows in `grp`, in the order in which they lie in a partition. A group is read by one slice: outbox, head, slots, inbox.
pub(crate) mod kind {
    /// The one head row: id empty.
    pub(crate) const HEAD: i8 = 0;
    /// A slot: id 16 bytes.
    pub(crate) const SLOT: i8 = 1;
    /// An event in the inbox: id is the event's.
    pub(crate) const INBOX: i8 = 2;
    /// A message of a hook that is open: id is its number, 8 bytes, big endian. Read with the group, so it lies before the head; taken out by runs
    /// of numbers, so that no tombstones of single ones gather there.
    pub(crate) const OUTBOX: i8 = -1;
    /// One that is closed.
    pub(crate) const CLOSED: i8 = 5;
}

/// A read at both levels.
#[derive(Debug)]
pub(crate) struct Both {
    pub(crate) serial: PreparedStatement,
    pub(crate) relaxed: PreparedStatement,
}

/// The statements.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) create: PreparedStatement,
    pub(crate) commit: PreparedStatement,
    pub(crate) put_verdict: PreparedStatement,
    pub(crate) put_item: PreparedStatement,
    pub(crate) take_item: PreparedStatement,
    pub(crate) take_closed: PreparedStatement,
    pub(crate) put_record: PreparedStatement,
    pub(crate) group: Both,
    pub(crate) head: Both,
    pub(crate) decided: PreparedStatement,
    pub(crate) verdicts: Both,
    pub(crate) records: Both,
    pub(crate) deliveries: PreparedStatement,
    pub(crate) records_up: PreparedStatement,
    pub(crate) decisions: PreparedStatement,
    pub(crate) list_group: [PreparedStatement; 3],
    pub(crate) of_tenant: PreparedStatement,
    pub(crate) buckets: PreparedStatement,
    pub(crate) bucket: PreparedStatement,
    pub(crate) locate: PreparedStatement,
    pub(crate) put_timer: PreparedStatement,
    pub(crate) take_timer: PreparedStatement,
    pub(crate) timers: PreparedStatement,
    pub(crate) mark: PreparedStatement,
    pub(crate) marked: PreparedStatement,
    pub(crate) clear: PreparedStatement,
    pub(crate) controls: Controls,
    pub(crate) notes: Notes,
    pub(crate) feed: Feed,
    pub(crate) inputs: Box<Inputs>,
    pub(crate) beat: PreparedStatement,
    pub(crate) leave: PreparedStatement,
    pub(crate) leases: PreparedStatement,
    pub(crate) put_launch: PreparedStatement,
    pub(crate) launch: PreparedStatement,
    pub(crate) put_month: PreparedStatement,
    pub(crate) months: PreparedStatement,
    pub(crate) put_journal: PreparedStatement,
    pub(crate) journal: PreparedStatement,
}

/// Kill switches.
#[derive(Debug)]
pub(crate) struct Controls {
    pub(crate) first_throw: PreparedStatement,
    pub(crate) next_throw: PreparedStatement,
    pub(crate) put_throw: PreparedStatement,
    pub(crate) last_throw: PreparedStatement,
    pub(crate) switches: PreparedStatement,
    pub(crate) throws: PreparedStatement,
}

impl Controls {
    async fn prepare(s: &Session) -> Result<Self, PrepareError> {
        Ok(Self {
            first_throw: guarded(s, "UPDATE control SET last = ? WHERE k = 0 IF last = null").await?,
            next_throw: guarded(s, "UPDATE control SET last = ? WHERE k = 0 IF last = ?").await?,
            put_throw: guarded(s, "INSERT INTO control (k, part, scope, n, body) VALUES (0, ?, ?, ?, ?)").await?,
            last_throw: serial(s, "SELECT DISTINCT last FROM control WHERE k = 0").await?,
            switches: plain(s, "SELECT body FROM control WHERE k = 0 AND part = ?").await?,
            throws: plain(s, "SELECT n, body FROM control WHERE k = 0 AND part = 1 AND scope = '' AND n < ? ORDER BY part DESC, scope DESC, n DESC LIMIT ?").await?,
        })
    }
}

/// Notes.
#[derive(Debug)]
pub(crate) struct Notes {
    pub(crate) put: PreparedStatement,
    pub(crate) swap: PreparedStatement,
    pub(crate) take: PreparedStatement,
    pub(crate) one: PreparedStatement,
    pub(crate) newest: PreparedStatement,
    pub(crate) older: PreparedStatement,
}

impl Notes {
    async fn prepare(s: &Session) -> Result<Self, PrepareError> {
        Ok(Self {
            put: guarded(s, "INSERT INTO note (shelf, part, id, at, body) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS USING TTL ?").await?,
            swap: guarded(s, "UPDATE note USING TTL ? SET at = ?, body = ? WHERE shelf = ? AND part = ? AND id = ? IF body = ?").await?,
            take: guarded(s, "DELETE FROM note WHERE shelf = ? AND part = ? AND id = ? IF body = ?").await?,
            one: serial(s, "SELECT id, at, body FROM note WHERE shelf = ? AND part = ? AND id = ?").await?,
            newest: plain(s, "SELECT id, at, body FROM note WHERE shelf = ? AND part = ? ORDER BY id DESC LIMIT ?").await?,
            older: plain(s, "SELECT id, at, body FROM note WHERE shelf = ? AND part = ? AND id < ? ORDER BY id DESC LIMIT ?").await?,
        })
    }
}

/// The feed.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) name: PreparedStatement,
    pub(crate) names: PreparedStatement,
    pub(crate) put: PreparedStatement,
    pub(crate) lines: PreparedStatement,
}

impl Feed {
    async fn prepare(s: &Session) -> Result<Self, PrepareError> {
        Ok(Self {
            name: plain(s, "INSERT INTO feed_log (k, log, part) VALUES (0, ?, ?)").await?,
            names: plain(s, "SELECT log, part FROM feed_log WHERE k = ?").await?,
            put: plain(s, "INSERT INTO feed (log, part, n, gid, tenant, home_epoch, rev) VALUES (?, ?, ?, ?, ?, ?, ?)").await?,
            lines: plain(s, "SELECT n, gid, tenant, home_epoch, rev FROM feed WHERE log = ? AND part = ? AND n > ? LIMIT ?").await?,
        })
    }
}

/// Inputs.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) list: PreparedStatement,
    pub(crate) unlist: PreparedStatement,
    pub(crate) listed: PreparedStatement,
    pub(crate) put: PreparedStatement,
    pub(crate) rows: PreparedStatement,
    pub(crate) remove: PreparedStatement,
}

impl Inputs {
    async fn prepare(s: &Session) -> Result<Self, PrepareError> {
        Ok(Self {
            list: plain(s, "INSERT INTO tenant_input (tenant, id) VALUES (?, ?)").await?,
            unlist: plain(s, "DELETE FROM tenant_input WHERE tenant = ? AND id = ?").await?,
            listed: plain(s, "SELECT id FROM tenant_input WHERE tenant = ? AND id > ? LIMIT ?").await?,
            put: plain(s, "INSERT INTO input (id, kind, place, tenant, at, body) VALUES (?, ?, ?, ?, ?, ?) USING TTL ?").await?,
            rows: plain(s, "SELECT place, tenant, at, body FROM input WHERE id = ? AND kind = ?").await?,
            remove: plain(s, "DELETE FROM input WHERE id = ?").await?,
        })
    }
}

const KEY: &str = "tenant = ? AND gid = ? AND home_epoch = ?";
/// Rows of a page: a group of any sane size is one page, which no commit can tear.
const PAGE: i32 = 5_000;

impl Statements {
    /// Prepares all of them.
    pub(crate) async fn prepare(driver: &Driver) -> Result<Self, PrepareError> {
        let s = &driver.session;
        let head = "UPDATE grp SET rev = ?, fence = ?, desired = ?, hash = ?, state = ?, cfg = ?, wake = ?";
        let create = format!("{head} WHERE {KEY} AND kind = 0 AND id = 0x IF rev = null");
        let commit =
            format!("{head} WHERE {KEY} AND kind = 0 AND id = 0x IF rev = ? AND fence <= ?");
        let insert = "INSERT INTO grp (tenant, gid, home_epoch, kind, id, at, body";
        let group = format!(
            "SELECT kind, id, rev, fence, desired, hash, wake, state, cfg, body FROM grp WHERE {KEY} AND kind <= 2"
        );
        let head = format!(
            "SELECT rev, fence, desired, hash, wake, cfg FROM grp WHERE {KEY} AND kind = 0 AND id = 0x"
        );
        let items = format!("SELECT id, body FROM grp WHERE {KEY} AND kind = 3 AND id IN ?");
        let decided = format!("SELECT id FROM grp WHERE {KEY} AND kind = 3 AND id IN ?");
        let records = |what: &str| {
            format!(
                "SELECT {what} FROM grp WHERE {KEY} AND kind = 4 AND id <= ? ORDER BY kind DESC, id DESC LIMIT ?"
            )
        };
        let journal =
            "INSERT INTO journal (tenant, gid, home_epoch, month, rev, at, body, detail, hashes)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TTL ?";
        Ok(Self {
            create: guarded(s, &create).await?,
            commit: guarded(s, &commit).await?,
            put_verdict: guarded(s, &format!("{insert}) VALUES (?, ?, ?, 3, ?, ?, ?) IF NOT EXISTS USING TTL ?")).await?,
            put_item: guarded(s, &format!("{insert}) VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL ?")).await?,
            take_item: guarded(s, &format!("DELETE FROM grp WHERE {KEY} AND kind = ? AND id = ?")).await?,
            take_closed: guarded(s, &format!("DELETE FROM grp WHERE {KEY} AND kind = -1 AND id >= ? AND id <= ?")).await?,
            put_record: guarded(s, &format!("{insert}, detail, hash, events) VALUES (?, ?, ?, 4, ?, ?, ?, ?, ?, ?) USING TTL ?")).await?,
            group: both(s, &group).await?,
            head: both(s, &head).await?,
            decided: serial(s, &decided).await?,
            verdicts: both(s, &items).await?,
            records: both(s, &records("id, body, detail, hash")).await?,
            deliveries: plain(s, &format!("SELECT id, body FROM grp WHERE {KEY} AND kind = 5 AND id < ? ORDER BY kind DESC, id DESC LIMIT ?")).await?,
            records_up: plain(s, &format!("SELECT id, body, detail, hash FROM grp WHERE {KEY} AND kind = 4 AND id >= ? LIMIT ?")).await?,
            decisions: plain(s, &records("id, at, events")).await?,
            list_group: [
                plain(s, &list("group_bucket", "k, bucket")).await?,
                plain(s, &list("group_list", "bucket, gid, tenant, home_epoch")).await?,
                plain(s, &list("tenant_group", "tenant, gid, home_epoch")).await?,
            ],
            of_tenant: plain(s, "SELECT gid, tenant, home_epoch FROM tenant_group WHERE tenant = ? AND gid > ? LIMIT ?").await?,
            buckets: plain(s, "SELECT bucket FROM group_bucket WHERE k = 0 AND bucket >= ?").await?,
            bucket: plain(s, "SELECT gid, tenant, home_epoch FROM group_list WHERE bucket = ? AND gid > ? LIMIT ?").await?,
            locate: plain(s, "SELECT gid, tenant, home_epoch FROM group_list WHERE bucket = ? AND gid = ?").await?,
            put_timer: plain(s, &format!("{} USING TIMESTAMP ?", list("timer", "part, at, gid, tenant, home_epoch, put"))).await?,
            take_timer: plain(s, "DELETE FROM timer USING TIMESTAMP ? WHERE part = ? AND at = ? AND gid = ? AND tenant = ? AND home_epoch = ?").await?,
            timers: plain(s, "SELECT at, gid, tenant, home_epoch, put, WRITETIME(put) FROM timer WHERE part = ? AND at <= ? LIMIT ?").await?,
            mark: plain(s, "INSERT INTO hot (part, gid, tenant, home_epoch, at) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?").await?,
            marked: plain(s, "SELECT at, gid, tenant, home_epoch FROM hot WHERE part = ?").await?,
            clear: plain(s, "DELETE FROM hot USING TIMESTAMP ? WHERE part = ? AND gid = ? AND tenant = ? AND home_epoch = ?").await?,
            controls: Box::pin(Controls::prepare(s)).await?,
            notes: Box::pin(Notes::prepare(s)).await?,
            feed: Box::pin(Feed::prepare(s)).await?,
            inputs: Box::new(Box::pin(Inputs::prepare(s)).await?),
            beat: plain(s, "INSERT INTO member (colo, name, life, beat) VALUES (?, ?, ?, ?) USING TTL ?").await?,
            leave: plain(s, "DELETE FROM member WHERE colo = ? AND name = ? AND life = ?").await?,
            leases: plain(s, "SELECT name, life, beat FROM member WHERE colo = ?").await?,
            put_launch: plain(s, &list("launch", "tenant, hash, body")).await?,
            launch: plain(s, "SELECT body FROM launch WHERE tenant = ? AND hash = ?").await?,
            put_month: plain(s, &list("journal_month", "tenant, gid, home_epoch, month")).await?,
            months: plain(s, &format!("SELECT month FROM journal_month WHERE {KEY}")).await?,
            put_journal: plain(s, journal).await?,
            journal: plain(s, &format!("SELECT rev, body, detail, hashes FROM journal WHERE {KEY} AND month = ? AND rev >= ? LIMIT ?")).await?,
        })
    }
}

/// A plain insert of all the columns named.
fn list(table: &str, columns: &str) -> String {
    let values = columns.split(',').map(|_| "?").collect::<Vec<_>>();
    let values = values.join(", ");
    format!("INSERT INTO {table} ({columns}) VALUES ({values})")
}

/// Part of a conditional batch: the session's profile never repeats it.
async fn guarded(session: &Session, cql: &str) -> Result<PreparedStatement, PrepareError> {
    session.prepare(cql).await
}

/// A read or a write that may be repeated.
async fn plain(session: &Session, cql: &str) -> Result<PreparedStatement, PrepareError> {
    let mut statement = session.prepare(cql).await?;
    statement.set_is_idempotent(true);
    statement.set_retry_policy(Some(Arc::new(DefaultRetryPolicy::new())));
    statement.set_page_size(PAGE);
    Ok(statement)
}

async fn serial(session: &Session, cql: &str) -> Result<PreparedStatement, PrepareError> {
    let mut statement = plain(session, cql).await?;
    statement.set_consistency(Consistency::LocalSerial);
    Ok(statement)
}

async fn both(session: &Session, cql: &str) -> Result<Both, PrepareError> {
    Ok(Both {
        serial: serial(session, cql).await?,
        relaxed: plain(session, cql).await?,
    })
}
