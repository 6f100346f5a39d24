//! A group's configuration: replaced as a whole.

use actix_web::{HttpResponse, web};
use domain::draft::Draft;
use domain::event::Actor;
use domain::group::{Cause, Change, Phase};
use domain::ids::LaunchHash;
use domain::time::Now;
use store::apply::View;
use wire::v2::group::{Group, GroupSpec, Parsed};

use super::groups::{Locked, change, full, put_launch};
use crate::auth::right::{Crud, InGroup};
use crate::body::Body;
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{OfBody, OfChange, Refusals};

/// Replaces the configuration. Desired is moved into new bounds at once; servers that run keep the launch configuration they have.
///
/// A paused group takes it too, and acts on it when it is resumed. A launch configuration that is left out stays.
#[utoipa::path(
    put, path = "/v2/{tenant}/groups/{group}/config", operation_id = "configureGroup", tag = "groups",
    params(("tenant" = String, Path, description = "The tenant"), ("group" = String, Path, description = "The group's id")),
    request_body = GroupSpec,
    responses((status = 200, description = "The group as it is now", body = Group), Refusals, OfBody, OfChange),
    security(("token" = [])),
)]
pub async fn replace(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    body: Body<GroupSpec>,
) -> Result<HttpResponse, Failure> {
    let parsed = body.value.parse()?;
    let launch = match &body.value.launch {
        Some(launch) => Some(put_launch(&context, &within.key.tenant, launch).await?),
        None => None,
    };
    let now = context.now();
    let actor = within.allowed.actor();
    let decide = |view: View<'_>| configure(&view, now, &actor, (&parsed, launch));
    let group = change(&context, &within.key, decide).await?;
    Ok(HttpResponse::Ok().json(full(&context, &group, true).await?))
}

fn configure(
    view: &View<'_>,
    now: Now,
    actor: &Actor,
    (parsed, launch): (&Parsed, Option<LaunchHash>),
) -> Result<Option<Change>, Locked> {
    match view.group.state.phase {
        Phase::Running | Phase::Paused => {}
        Phase::Deleting => return Err(Locked::Deleting),
        Phase::Tombstone => return Err(Locked::Gone),
    }
    let mut draft = Draft::new(view.group, now);
    let before = draft.config();
    let launch = launch.unwrap_or(before.launch);
    let mut config = parsed.clone().config(launch, before.generation + 1);
    // What this surface cannot say stays: capability URLs, schedules, hooks, and how v1.0 wrote a policy.
    config.serials = before.serials;
    config.hooks.clone_from(&before.hooks);
    for policy in config.policies.values_mut() {
        if let Some(before) = before.policies.get(&policy.id) {
            policy.carry(before);
        }
    }
    draft.configure(config);
    // Into the new bounds at once, whatever the cooldowns (contract 3.6).
    let desired = draft.limits().clamp(draft.state.desired);
    if desired != draft.state.desired {
        draft.state.desired = desired;
        draft.state.forced = false;
    }
    Ok(Some(draft.finish(Cause::Configure, actor.clone())))
}
