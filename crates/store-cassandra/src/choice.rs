//! Which store a process uses: the embedded one, or a cluster. One section of configuration and one way to open it, for every role.

use std::path::PathBuf;
use std::sync::Arc;

use chassis::Process;
use serde::{Deserialize, Serialize};
use store::Stores;
use store::embedded::{self, Embedded};
use store::feed::Feed;

use crate::{Cassandra, Settings};

/// Kinds of stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// SQLite inside this process: one machine.
    #[default]
    Embedded,
    /// A cluster that several processes share.
    Cassandra,
}

/// Where the store of a process is: its section `store` in the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Which of the two.
    pub kind: Kind,
    /// The file of the embedded store.
    pub path: PathBuf,
    /// The cluster.
    pub cassandra: Settings,
}

impl Place {
    /// The same; a cluster's commits are noted for an index of history outside if they are to be.
    #[must_use]
    pub const fn feeding(mut self, is_fed: bool) -> Self {
        self.cassandra.feed = is_fed;
        self
    }
}

/// A store that is open.
#[derive(Debug, Clone)]
pub enum Opened {
    /// SQLite inside this process.
    Embedded(Embedded),
    /// A session with a cluster.
    Cassandra(Cassandra),
}

/// Why a store cannot be opened. Stop the start; a person must look.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be used.
    #[error("open the embedded store (`store.path`)")]
    Embedded(#[from] embedded::OpenError),
    /// The cluster cannot be used.
    #[error("open the cluster (`store.cassandra`)")]
    Cassandra(#[from] crate::OpenError),
}

/// Opens the store of that kind, an embedded one with these settings; what describes the other one is not looked at.
///
/// # Errors
/// [`OpenError`] says which and why not.
pub async fn open(
    process: &Process,
    place: &Place,
    settings: embedded::Settings,
) -> Result<Opened, OpenError> {
    Ok(match place.kind {
        Kind::Embedded => Opened::Embedded(embedded::open(&place.path, process, settings)?),
        Kind::Cassandra => {
            Opened::Cassandra(Box::pin(crate::open(process, &place.cassandra)).await?)
        }
    })
}

impl Opened {
    /// The handles that roles use.
    #[must_use]
    pub fn stores(&self) -> Stores {
        match self {
            Self::Embedded(store) => store.stores(),
            Self::Cassandra(store) => store.stores(),
        }
    }

    /// The embedded store, which forgets old rows only when it is told to; a cluster's rows expire by themselves.
    #[must_use]
    pub const fn embedded(&self) -> Option<&Embedded> {
        match self {
            Self::Embedded(store) => Some(store),
            Self::Cassandra(_) => None,
        }
    }

    /// What was committed, for a reader of that name. A cluster has what was noted since [`Settings::feed`] is set.
    #[must_use]
    pub fn feed(&self, name: &str) -> Arc<dyn Feed> {
        match self {
            Self::Embedded(store) => store.feed(name),
            Self::Cassandra(store) => store.feed(name),
        }
    }

    /// Ends what waits, and gives the file up. A session ends with its last handle.
    pub async fn close(&self) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::Cassandra(_) => {}
        }
    }
}
