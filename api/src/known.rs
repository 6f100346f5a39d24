//! What never changes and is therefore asked of the store once: whose a group is, when it was made, and launch configurations, which are
//! named by what is in them. Only what is there is remembered; that something is not there may change at any moment.

use std::sync::Arc;

use domain::ids::{GroupId, GroupKey, LaunchHash, Rev, TenantId};
use domain::time::Timestamp;
use moka::sync::Cache;
use store::group::Level;
use store::{Error, Stores};

/// Groups that are remembered.
const GROUPS: u64 = 100_000;
/// Bytes of launch configurations that are remembered.
const LAUNCH_BYTES: u64 = 32 << 20;

/// A launch configuration of a tenant.
type Launch = (TenantId, LaunchHash);

/// What is remembered.
#[derive(Debug)]
pub(crate) struct Known {
    located: Cache<GroupId, GroupKey>,
    created: Cache<GroupId, Timestamp>,
    launches: Cache<Launch, Arc<[u8]>>,
}

impl Known {
    pub(crate) fn new() -> Self {
        let weight = |_: &Launch, body: &Arc<[u8]>| u32::try_from(body.len()).unwrap_or(u32::MAX);
        Self {
            located: Cache::new(GROUPS),
            created: Cache::new(GROUPS),
            launches: Cache::builder()
                .max_capacity(LAUNCH_BYTES)
                .weigher(weight)
                .build(),
        }
    }

    /// Whose a group is.
    pub(crate) async fn locate(
        &self,
        stores: &Stores,
        group: GroupId,
    ) -> Result<Option<GroupKey>, Error> {
        let known = self.located.get(&group);
        if let Some(key) = known.filter(|key| stores.home.is_current(key.epoch)) {
            return Ok(Some(key));
        }
        let key = stores.groups.locate(group).await?;
        if let Some(key) = &key {
            self.located.insert(group, key.clone());
        }
        Ok(key)
    }

    /// When a group was made; none: its first record is past its time.
    pub(crate) async fn created(
        &self,
        stores: &Stores,
        key: &GroupKey,
    ) -> Result<Option<Timestamp>, Error> {
        if let Some(at) = self.created.get(&key.id) {
            return Ok(Some(at));
        }
        let groups = &stores.groups;
        let first = groups.records(key, Some(Rev(1)), 1, Level::Relaxed).await?;
        let at = first.first().map(|record| record.at);
        if let Some(at) = at {
            self.created.insert(key.id, at);
        }
        Ok(at)
    }

    /// A launch configuration.
    pub(crate) async fn launch(
        &self,
        stores: &Stores,
        tenant: &TenantId,
        hash: LaunchHash,
    ) -> Result<Option<Arc<[u8]>>, Error> {
        let name = (tenant.clone(), hash);
        if let Some(body) = self.launches.get(&name) {
            return Ok(Some(body));
        }
        let body = stores.launches.get(tenant, hash).await?;
        let body: Option<Arc<[u8]>> = body.map(Into::into);
        if let Some(body) = &body {
            self.launches.insert(name, Arc::clone(body));
        }
        Ok(body)
    }
}
