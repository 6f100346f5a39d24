//! Which index answers searches: the store's own, or one outside. One section of configuration and one way to open it, for every role.

use chassis::Process;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Stores;

use crate::{Elastic, OpenError, Settings};

/// Kinds of indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The store's own: an index in the embedded one; a walk over the groups in a cluster.
    #[default]
    Store,
    /// An Elasticsearch that is fed by supervisors.
    Elasticsearch,
}

/// Which index a process uses: its section `history` in the configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Place {
    /// Which of the two.
    pub kind: Kind,
    /// The cluster.
    pub elasticsearch: Settings,
}

impl Place {
    /// Whether what is committed has to be noted for an index outside of the store.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        self.kind == Kind::Elasticsearch
    }

    /// The index outside of the store, if one is used. Nothing is asked of it.
    ///
    /// # Errors
    /// [`OpenError`] says which key is wrong.
    pub fn open(&self, process: &Process) -> Result<Option<Elastic>, OpenError> {
        match self.kind {
            Kind::Store => Ok(None),
            Kind::Elasticsearch => crate::open(process, &self.elasticsearch).map(Some),
        }
    }
}

/// The same stores, with searches answered by that index if there is one.
#[must_use]
pub fn searching(stores: Stores, index: Option<&Elastic>) -> Stores {
    match index {
        None => stores,
        Some(index) => Stores {
            search: Arc::new(index.clone()),
            ..stores
        },
    }
}
