//! Inputs as the edge knows them: read once a second at most, and parsed once.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use chassis::config::Rate;
use domain::ids::{GroupId, InputId, TenantId};
use domain::time::Timestamp;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use wire::v2::input::{InputSpec, Parsed};

use crate::context::Context;
use crate::failure::Failure;
use crate::limits::Limiter;
use crate::settings::Limits;

/// A change of an input is seen by every process within this.
const FRESH: Duration = Duration::from_secs(1);
/// A new name of a group is seen by every process within this.
const NAMES_FRESH: Duration = Duration::from_secs(5);

/// What is kept of an input in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What was configured.
    pub(crate) spec: InputSpec,
    /// The serial of its URL and secret.
    pub(crate) serial: u32,
    /// The one before, and until when it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<(u32, u64)>,
}

impl Kept {
    /// Whether a URL of that serial leads to the input now.
    pub(crate) fn is_good(&self, serial: u32, now: Timestamp) -> bool {
        let before = self
            .before
            .is_some_and(|(before, until)| before == serial && now.unix_ms() < until);
        self.serial == serial || before
    }
}

/// An input, ready for use.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) tenant: TenantId,
    pub(crate) id: InputId,
    pub(crate) created: Timestamp,
    pub(crate) kept: Kept,
    pub(crate) parsed: Parsed,
}

/// Groups of a tenant by their whole names.
pub(crate) type Names = Arc<BTreeMap<String, Vec<GroupId>>>;

/// What the edge remembers of inputs.
#[derive(Debug)]
pub(crate) struct Books {
    /// How often one input may send.
    pub(crate) limiter: Limiter<InputId>,
    pub(super) loaded: Cache<InputId, Option<Arc<Loaded>>>,
    pub(super) names: Cache<TenantId, Names>,
}

impl Books {
    pub(crate) fn new(process: &Process, alerts: NonZeroU32) -> Self {
        let limits = Limits {
            requests: Rate::PerSecond(alerts),
            burst: alerts,
        };
        Self {
            limiter: Limiter::new(process, &limits),
            loaded: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(FRESH)
                .build(),
            names: Cache::builder()
                .max_capacity(1_000)
                .time_to_live(NAMES_FRESH)
                .build(),
        }
    }

    /// Forgets what was known of an input: it was changed here.
    pub(crate) fn forget(&self, id: InputId) {
        self.loaded.invalidate(&id);
    }
}

/// The input of that id, whoever's it is.
pub(crate) async fn load(context: &Context, id: InputId) -> Result<Option<Arc<Loaded>>, Failure> {
    if let Some(known) = context.books.loaded.get(&id) {
        return Ok(known);
    }
    let found = context.stores.inputs.get(id).await?;
    let loaded = found.map(ready).transpose()?.map(Arc::new);
    context.books.loaded.insert(id, loaded.clone());
    Ok(loaded)
}

/// Reads a stored input.
pub(crate) fn ready(input: store::input::Input) -> Result<Loaded, Failure> {
    let corrupt = |why: &dyn std::fmt::Display| {
        Failure::from(store::Error::Corrupt(format!("input {}: {why}", input.id)))
    };
    let kept: Kept = serde_json::from_str(&input.body).map_err(|error| corrupt(&error))?;
    let parsed = kept.spec.parse().map_err(|error| corrupt(&error))?;
    Ok(Loaded {
        tenant: input.tenant,
        id: input.id,
        created: input.created,
        kept,
        parsed,
    })
}
