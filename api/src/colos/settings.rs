//! What an api is told of the other colos.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chassis::Secret;
use chassis::config::duration;
use serde::{Deserialize, Serialize};

/// The other colos of the installation: `[api.colos]`. Without any, every request is answered here, whatever colo its group names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Colos {
    /// The apis of every other colo by its number, each as `https://host:port`; plain HTTP only on loopback. Those of one colo are tried in
    /// turn.
    pub apis: BTreeMap<String, Vec<String>>,
    /// What signs forwarded requests, at least 32 characters each, the same in every colo: the first one signs, all are believed, so that
    /// they can be rotated.
    pub keys: Vec<Secret>,
    /// Believe these certificates alone when asking other colos; none: the machine's.
    pub ca_file: Option<PathBuf>,
    /// For connecting to one api of another colo.
    #[serde(with = "duration")]
    pub connect: Duration,
    /// For a forwarded request as a whole, from the end of its body to the answer: at most 60 s.
    #[serde(with = "duration")]
    pub deadline: Duration,
}

impl Default for Colos {
    fn default() -> Self {
        Self {
            apis: BTreeMap::new(),
            keys: Vec::new(),
            ca_file: None,
            connect: Duration::from_secs(1),
            deadline: Duration::from_secs(10),
        }
    }
}
