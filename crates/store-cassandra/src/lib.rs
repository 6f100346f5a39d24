//! Cassandra: the store of a fleet. Several processes use one at the same time; it survives the loss of a minority of its nodes.
//!
//! ```text
//! commit, create      ──► one conditional batch on one partition: IF rev = n AND fence <= e, verdicts IF NOT EXISTS
//! serial read         ──► LOCAL_SERIAL: settles what is in flight
//! relaxed read, lists ──► LOCAL_QUORUM; lists and timers are plain tables beside the groups, written before the commit that they tell of
//! ```
//! The driver never repeats a conditional write: an answer that does not say what became of it is `Committed::Unknown`, and
//! `store::apply` finds out by the nonce. Within a process, conditional writes and serial reads of one group go one after the other
//! ([`cells`]): rounds of Paxos that race on one partition only make each other fail.
//!
//! Deliberately absent: statements that are not prepared (but for the schema's), scans of whole tables, decisions, another data
//! centre than the one it was told.
#![warn(missing_docs)]

mod batch;
mod cells;
pub mod choice;
mod controls;
mod driver;
mod feed;
mod groups;
mod inputs;
mod lists;
mod members;
mod notes;
mod read;
mod rest;
pub mod schema;
mod stamps;
mod statements;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::config::duration;
use chassis::{Process, Secret, tls};
use scylla::errors::{NewSessionError, PrepareError};
use serde::{Deserialize, Serialize};
use store::Stores;

use cells::Cells;
use driver::Driver;
pub use driver::{Counts, builder as session_builder};
use stamps::Stamps;
use statements::Statements;

/// How a cluster is reached and used. `[store.cassandra]` in configuration files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Nodes to begin with, each `host:port`; the others are found through them.
    pub contact_points: Vec<String>,
    /// The keyspace of this colo.
    pub keyspace: String,
    /// The data centre that is this colo's: only its nodes are asked (safety 3.10).
    pub datacenter: String,
    /// Copies of every row in that data centre: what `holt schema apply` makes the keyspace with. A running store does not read it.
    pub copies: u32,
    /// The same in further data centres, for a colo that a control plane there may take over (ADR 0020).
    #[serde(default)]
    pub also: BTreeMap<String, u32>,
    /// User, if the cluster asks for one.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// Connections are encrypted with this, and not at all without it: `[store.cassandra.tls]`.
    pub tls: Option<tls::Outside>,
    /// For an answer to one request. Longer than the cluster's own time-outs (`cas_contention_timeout`, `write_request_timeout`).
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// How long after an unclear commit a serial read may still miss what it will do: longer than the cluster's own time-outs together
    /// (safety 3.3).
    #[serde(with = "duration")]
    pub unclear_for: Duration,
    /// How long rows are kept after their time.
    pub keep: Keep,
    /// Whether commits are noted for an index of history outside; follows from which index the process uses.
    #[serde(skip)]
    pub feed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            contact_points: Vec::new(),
            keyspace: String::from("holt"),
            datacenter: String::from("dc1"),
            copies: 3,
            also: BTreeMap::new(),
            user: None,
            password: None,
            tls: None,
            request_timeout: Duration::from_secs(5),
            unclear_for: Duration::from_secs(6),
            keep: Keep::default(),
            feed: false,
        }
    }
}

/// How long rows are kept, by the cluster's own expiry; each from its last write on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Verdicts: as long as an event may be sent again (safety 3.8). 25 h.
    #[serde(with = "duration")]
    pub verdicts: Duration,
    /// Ended slots: as long as they are watched (design 4, rule 4). 30 days.
    #[serde(with = "duration")]
    pub ended: Duration,
    /// Closed messages of hooks, dead letters among them: 30 days.
    #[serde(with = "duration")]
    pub deliveries: Duration,
    /// Commit records and the journal: 13 months.
    #[serde(with = "duration")]
    pub records: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        let hours = |h: u64| Duration::from_secs(h * 3600);
        Self {
            verdicts: hours(25),
            ended: hours(30 * 24),
            deliveries: hours(30 * 24),
            records: hours(396 * 24),
        }
    }
}

/// Why a cluster cannot even be asked. Stop the start; a person must look.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A user without a password, or a password without a user.
    #[error(
        "`store.cassandra.{given}` is set and `store.cassandra.{missing}` is not: both or neither"
    )]
    Login {
        /// The key that is there.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// The section `tls` has something that cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::OutsideError),
}

/// Why a cluster cannot be used. Stop the start; a person must look, unless the cluster is only away.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings are not whole, or name files that are none.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No node answers, or the keyspace is not there (`holt schema apply` makes it).
    #[error(
        "no session with the cluster: are `contact_points`, `datacenter`, `keyspace`, `user` and `tls` right?"
    )]
    Session(#[source] Box<NewSessionError>),
    /// A statement cannot be prepared: the schema is not ours, or the cluster went away.
    #[error("a statement cannot be prepared")]
    Prepare(#[source] Box<PrepareError>),
    /// The schema is not at the version that this build knows, or cannot be read.
    #[error(transparent)]
    Schema(#[from] schema::SchemaError),
}

impl From<NewSessionError> for OpenError {
    fn from(e: NewSessionError) -> Self {
        Self::Session(Box::new(e))
    }
}

impl From<PrepareError> for OpenError {
    fn from(e: PrepareError) -> Self {
        Self::Prepare(Box::new(e))
    }
}

/// An open store. [`Cassandra::stores`] gives the handles that roles use.
#[derive(Debug, Clone)]
pub struct Cassandra {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    process: Process,
    driver: Arc<Driver>,
    statements: Arc<Statements>,
    cells: Cells,
    stamps: Stamps,
    keep: Keep,
    unclear_for: Duration,
    /// Where commits are noted before they are sent, if they are.
    log: Option<feed::Log>,
}

/// Connects, and looks whether the schema is the one that this build knows.
///
/// # Errors
/// [`OpenError`] says why not; nothing was changed.
pub async fn open(process: &Process, settings: &Settings) -> Result<Cassandra, OpenError> {
    let driver = Driver::connect(process, settings).await?;
    schema::expect_current(&driver).await?;
    let statements = Arc::new(Box::pin(Statements::prepare(&driver)).await?);
    let driver = Arc::new(driver);
    let log = || feed::Log::start(process, Arc::clone(&driver), Arc::clone(&statements));
    Ok(Cassandra {
        inner: Arc::new(Inner {
            process: process.clone(),
            log: settings.feed.then(log),
            driver,
            statements,
            cells: Cells::default(),
            stamps: Stamps::default(),
            keep: settings.keep,
            unclear_for: settings.unclear_for,
        }),
    })
}

impl Cassandra {
    /// The handles that roles use.
    #[must_use]
    pub fn stores(&self) -> Stores {
        Stores {
            groups: Arc::clone(&self.inner) as _,
            launches: Arc::clone(&self.inner) as _,
            hints: Arc::clone(&self.inner) as _,
            journal: Arc::clone(&self.inner) as _,
            controls: Arc::clone(&self.inner) as _,
            notes: Arc::clone(&self.inner) as _,
            search: Arc::clone(&self.inner) as _,
            inputs: Arc::clone(&self.inner) as _,
            members: Arc::clone(&self.inner) as _,
            home: store::home::Home::Only,
        }
    }

    /// What was asked of the cluster since the start, for metrics and benches.
    #[must_use]
    pub fn counters(&self) -> Counts {
        self.inner.driver.counts()
    }
}
