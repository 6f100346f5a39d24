//! Elasticsearch: the index of history for a fleet.
//!
//! ```text
//! store ──feed──► feeder ──bulk create, `_id` = nonce of the commit──► holt-history-2026.11, one index a month
//! api ──Search──► query of typed filters, the tenant put in here ──► hits ──each checked again──► answer
//! ```
//! Never on the decision path: commits do not wait for it, a process starts without it, and a search that it does not answer is
//! [`store::Error::Unavailable`]. What it lost is made again from the journal ([`Elastic::put`] with whatever the journal holds): every document has
//! the id of its commit, and one that is there already counts as put.
//!
//! Deliberately absent: text of callers in anything that is parsed (safety S31), scripts, wildcards, deep offsets, update and delete of
//! documents, lifecycle policies (old months are dropped as whole indices, which works on every distribution).
#![warn(missing_docs)]

pub mod choice;
mod client;
mod document;
pub mod feeder;
mod query;
mod retention;
mod search;
pub mod template;

use std::sync::Arc;
use std::time::Duration;

use chassis::config::duration;
use chassis::{Process, Secret};
use serde::{Deserialize, Serialize};

use client::Client;
pub use client::{CallError, Put};

/// How the cluster of the index is reached and used. `[history.elasticsearch]` in configuration files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Its nodes, each `http://host:port` or `https://host:port`; asked in turn.
    pub nodes: Vec<String>,
    /// Begins the names of the indices, one a month: letters, digits and `-`. Each installation has its own.
    pub index: String,
    /// User, if the cluster asks for one.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// A key of the cluster's instead of user and password, as it encodes it.
    pub api_key: Option<Secret>,
    /// Copies of every document beside the first: what `holt history apply` writes into the template.
    pub copies: u32,
    /// For the answer to a search.
    #[serde(with = "duration")]
    pub search_timeout: Duration,
    /// For the answer to everything else.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// How long a month's index is kept after the month; then the feeder drops it.
    #[serde(with = "duration")]
    pub keep: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            index: String::from("holt-history"),
            user: None,
            password: None,
            api_key: None,
            copies: 1,
            search_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            keep: Duration::from_secs(396 * 24 * 3600),
        }
    }
}

/// Why an index cannot be used. Stop the start; a person must look. That the cluster is away is none of them.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No node is named.
    #[error("`history.elasticsearch.nodes` is required and empty")]
    NoNodes,
    /// A node's address is none.
    #[error("`history.elasticsearch.nodes`: {0:?} is not http:// or https:// with a host")]
    Node(String),
    /// The name cannot begin the name of an index.
    #[error(
        "`history.elasticsearch.index`: {0:?} is not of lower-case letters, digits and '-', beginning with a letter, at most 64"
    )]
    Index(String),
    /// A user without a password, a password without a user, or a key beside them.
    #[error("`history.elasticsearch`: either `user` and `password`, or `api_key`, or none of them")]
    Credentials,
    /// The client cannot be built: the machine's certificates cannot be read.
    #[error("build the client of the index")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The index of history. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Elastic {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    settings: Settings,
    counts: search::Counts,
    /// Searches at once; more are refused, so that a slow index holds up no more than these.
    searches: tokio::sync::Semaphore,
}

/// Searches at once from one process.
const SEARCHES_MAX: usize = 32;

/// Makes the client; nothing is asked of the cluster.
///
/// # Errors
/// [`OpenError`] says which key is wrong.
pub fn open(process: &Process, settings: &Settings) -> Result<Elastic, OpenError> {
    Ok(Elastic {
        inner: Arc::new(Inner {
            client: Client::new(process, settings)?,
            settings: settings.clone(),
            counts: search::Counts::new(&process.metrics),
            searches: tokio::sync::Semaphore::new(SEARCHES_MAX),
        }),
    })
}

impl Elastic {
    /// Puts changes into their months' indices; those that are there already count as put. All of them were taken or refused when this is `Ok`.
    ///
    /// # Errors
    /// The cluster is away or cannot take more now; some may be in. The same again later does no harm.
    pub async fn put(&self, changes: &[store::search::Found]) -> Result<Put, CallError> {
        self.inner
            .client
            .put(&self.inner.settings.index, changes)
            .await
    }

    /// Makes everything that was put visible to searches. For tests and benches: the index does it by itself once a second.
    ///
    /// # Errors
    /// The cluster is away.
    pub async fn refresh(&self) -> Result<(), CallError> {
        self.inner.client.refresh(&self.inner.settings.index).await
    }
}
