//! What belongs to a tenant as a whole, for both surfaces: its groups, how many it may have, whether its account is suspended.

use domain::group::{Group, Phase};
use domain::ids::{GroupKey, TenantId};
use store::Error;
use store::group::Level;
use wire::problem::Code;

use crate::context::Context;
use crate::failure::Failure;

/// Keys of groups in one read.
const KEYS: u32 = 1_000;

/// Whether a group is still one for its owner: not deleted, nor about to be.
pub(crate) fn is_there(group: &Group) -> bool {
    match group.state.phase {
        Phase::Running | Phase::Paused => true,
        Phase::Deleting | Phase::Tombstone => false,
    }
}

/// Where all groups of the tenant are, in order of id, tombstones included.
pub(crate) async fn groups(context: &Context, tenant: &TenantId) -> Result<Vec<GroupKey>, Error> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let groups = &context.stores.groups;
        let page = groups.of_tenant(tenant, after, KEYS).await?;
        keys.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(keys);
        }
    }
}

/// Refuses what scales for a tenant whose account is suspended.
pub(crate) fn may_scale(context: &Context, tenant: &TenantId) -> Result<(), Failure> {
    if context.v1.is_suspended(tenant) {
        let detail = "the account is suspended: it may look and delete, and nothing scales";
        return Err(Failure::new(Code::TenantSuspended, detail));
    }
    Ok(())
}

/// Whether the tenant may have another group. Those that are being deleted do not count; groups are looked at only when it matters.
pub(crate) async fn has_room(context: &Context, tenant: &TenantId) -> Result<bool, Error> {
    let most = usize::try_from(context.v1.groups).unwrap_or(usize::MAX);
    let keys = groups(context, tenant).await?;
    if keys.len() < most {
        return Ok(true);
    }
    let mut there = 0;
    for key in keys {
        let group = context.stores.groups.read(&key, Level::Relaxed).await?;
        there += usize::from(group.as_ref().is_some_and(is_there));
    }
    Ok(there < most)
}
