//! What a launch configuration names, asked of the cloud (row B056): through the owner's side and a worker, for the edge holds no credentials.

use std::time::Duration;

use domain::ids::TenantId;
use wire::ports::ops::Names;
use wire::v1::launch::LaunchSpec;

use super::Error;
use crate::context::Context;

/// Whoever stores a configuration waits so long for the cloud, and no longer.
const WITHIN: Duration = Duration::from_secs(5);

/// The configuration, if the cloud has nothing against it. A cloud that gives no answer keeps nobody from storing one: it is then marked
/// unvalidated, and what Nova refuses later shows as ERROR in the group's state (design 11; the old service answered 400).
///
/// # Errors
/// 400 with a line for each reference that cannot be used.
pub(super) async fn validated(
    context: &Context,
    tenant: &TenantId,
    spec: LaunchSpec,
) -> Result<LaunchSpec, Error> {
    let (image, flavor) = spec.references();
    let names = flavor.and_then(|flavor| Names::safe(flavor, image));
    let found = match names {
        Some(names) => {
            let asked = context.owner.look_up(tenant, names);
            let clock = &context.process.clock;
            clock.timeout(WITHIN, asked).await.ok().flatten()
        }
        None => None,
    };
    match found {
        Some(found) => Ok(spec.weighed(found)?),
        None => Ok(spec.unvalidated()),
    }
}
