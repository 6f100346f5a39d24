//! Bodies of launch configurations that were needed lately.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::{LaunchHash, TenantId};
use store::launch::Launches;

/// Bodies kept at most; each is at most 2 MB, most are a few hundred bytes.
const KEPT_MAX: usize = 256;

type Kept = BTreeMap<(TenantId, LaunchHash), Arc<[u8]>>;

/// A small cache over the store. Bodies never change under their hash, so nothing in it can be stale.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cache {
    kept: Arc<Mutex<Kept>>,
}

impl Cache {
    /// The body, from the cache or the store; none if the store has none.
    pub(crate) async fn get(
        &self,
        launches: &dyn Launches,
        tenant: &TenantId,
        hash: LaunchHash,
    ) -> Result<Option<Arc<[u8]>>, store::Error> {
        let place = (tenant.clone(), hash);
        if let Some(body) = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&place)
        {
            return Ok(Some(Arc::clone(body)));
        }
        let Some(body) = launches.get(tenant, hash).await? else {
            return Ok(None);
        };
        let body: Arc<[u8]> = body.into();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.pop_first();
        }
        kept.insert(place, Arc::clone(&body));
        Ok(Some(body))
    }
}
