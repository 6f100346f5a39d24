//! Which store a process uses: the embedded one, or a cluster. One section of configuration and one way to open it, for every role.

use std::path::Path;

use chassis::Process;
use serde::{Deserialize, Serialize};
use store::Stores;
use store::embedded::{self, Embedded};

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

/// Opens the store of that kind; the settings of the other one are not looked at.
///
/// # Errors
/// [`OpenError`] says which and why not.
pub async fn open(
    process: &Process,
    kind: Kind,
    (path, settings): (&Path, embedded::Settings),
    cluster: &Settings,
) -> Result<Opened, OpenError> {
    Ok(match kind {
        Kind::Embedded => Opened::Embedded(embedded::open(path, process, settings)?),
        Kind::Cassandra => Opened::Cassandra(Box::pin(crate::open(process, cluster)).await?),
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

    /// Ends what waits, and gives the file up. A session ends with its last handle.
    pub async fn close(&self) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::Cassandra(_) => {}
        }
    }
}
