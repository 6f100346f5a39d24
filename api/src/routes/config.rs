//! A group's configuration: shown, replaced as a whole, or patched.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::draft::Draft;
use domain::event::Actor;
use domain::group::{Cause, Change, Config, Group as Aggregate, Phase};
use domain::ids::LaunchHash;
use domain::time::Now;
use store::apply::View;
use store::group::Level;
use wire::problem::Code;
use wire::v2::group::{Group, GroupSpec, Parsed};
use wire::v2::policy::check_moments;

use super::groups::{answer, put_launch};
use crate::auth::right::{Crud, InGroup, Read};
use crate::body::Body;
use crate::change::{NotChanged, change_or, read, seen_or_done};
use crate::context::Context;
use crate::etag::{IfMatch, tag};
use crate::failure::Failure;
use crate::openapi::{Keyed, OfBody, OfChange, OfWrite, PathOfGroup, Refusals};
use crate::patch::Patch;
use crate::write::{Answer, once};
use crate::{launch, tenant};

/// Changes of others that one patch gives way to.
const TRIES: u32 = 8;

/// The configuration as it could be sent back. Its `ETag` is what `If-Match` of a change may name.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/config", operation_id = "showConfig", tag = "groups",
    params(PathOfGroup),
    responses((status = 200, description = "The configuration", body = GroupSpec), Refusals),
    security(("token" = [])),
)]
pub async fn show(
    within: InGroup<Read>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    let group = read(&context, &within.key, Level::Relaxed).await?;
    let open = within.allowed.also(domain::access::Right::Crud).is_ok();
    let shown = written(&context, &group, open).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, config_tag(&group.config)))
        .json(shown))
}

/// Replaces the configuration. Desired is moved into new bounds at once; servers that run keep the launch configuration they have.
///
/// A paused group takes it too, and acts on it when it is resumed. A launch configuration that is left out stays. Policies that are left
/// out are deleted with their webhooks; those that stay keep theirs.
#[utoipa::path(
    put, path = "/v2/{tenant}/groups/{group}/config", operation_id = "configureGroup", tag = "groups",
    params(PathOfGroup, ("If-Match" = Option<String>, Header, description = "Only if the configuration has this `ETag`"), Keyed),
    request_body = GroupSpec,
    responses((status = 200, description = "The group as it is now", body = Group), Refusals, OfBody, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn replace(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<GroupSpec>,
) -> Result<HttpResponse, Failure> {
    let parsed = body.value.parse()?;
    let if_match = IfMatch::of(&request)?;
    let key = &within.key;
    tenant::may_scale(&context, &key.tenant)?;
    once(
        &context,
        Some(&key.tenant),
        (&request, body.hash),
        async |seed| {
            let launch = match &body.value.launch {
                Some(launch) => Some(put_launch(&context, &key.tenant, launch).await?),
                None => None,
            };
            let (now, actor) = (context.now(), within.allowed.actor());
            let decide = |view: View<'_>| {
                let before = &view.group.config;
                let is_done = || configured(before, (&parsed, launch)) == *before;
                seen_or_done(&if_match, &config_tag(before), seed, is_done)?;
                configure(&view, now, &actor, (&parsed, launch))
            };
            let group = change_or(&context, key, decide).await??;
            tagged(&context, &group).await
        },
    )
    .await
}

/// Changes the configuration by a merge patch (RFC 7396): what is not named stays, null takes away.
///
/// Lists are replaced as a whole; policies have paths of their own. What stays is not checked again: `/v1.0` may have made it by rules of its own.
#[utoipa::path(
    patch, path = "/v2/{tenant}/groups/{group}/config", operation_id = "patchConfig", tag = "groups",
    params(PathOfGroup, ("If-Match" = Option<String>, Header, description = "Only if the configuration has this `ETag`"), Keyed),
    request_body(content = Object, content_type = "application/merge-patch+json", description = "Members of a configuration"),
    responses((status = 200, description = "The group as it is now", body = Group), Refusals, OfBody, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn patch(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    patch: Patch,
) -> Result<HttpResponse, Failure> {
    let if_match = IfMatch::of(&request)?;
    let key = &within.key;
    tenant::may_scale(&context, &key.tenant)?;
    once(
        &context,
        Some(&key.tenant),
        (&request, patch.hash),
        async |seed| {
            for _ in 0..TRIES {
                let from = read(&context, key, Level::Serial).await?;
                let before = written(&context, &from, true).await?;
                let made = || patch.apply(&before);
                let is_done = || made().is_ok_and(|after| after == before);
                seen_or_done(&if_match, &config_tag(&from.config), seed, is_done)?;
                let after: GroupSpec = made()?;
                let parsed = after.parse_over(&from.config)?;
                let launch = match &after.launch {
                    Some(launch) if before.launch.as_ref() != Some(launch) => {
                        Some(put_launch(&context, &key.tenant, launch).await?)
                    }
                    Some(_) | None => None,
                };
                let (now, actor) = (context.now(), within.allowed.actor());
                let decide = |view: View<'_>| {
                    if view.group.config != from.config {
                        return Err(NotChanged::Moved);
                    }
                    configure(&view, now, &actor, (&parsed, launch))
                };
                match change_or(&context, key, decide).await? {
                    Ok(group) => return tagged(&context, &group).await,
                    Err(NotChanged::Moved) => {}
                    Err(why) => return Err(why.into()),
                }
            }
            let detail = "others keep changing the configuration; nothing was done, try again";
            Err(Failure::new(Code::Busy, detail))
        },
    )
    .await
}

/// The configuration as a customer would write it; secrets of its launch configuration only if `open`.
async fn written(context: &Context, group: &Aggregate, open: bool) -> Result<GroupSpec, Failure> {
    let known = &context.known;
    let body = known
        .launch(&context.stores, &group.key.tenant, group.config.launch)
        .await?;
    let launch = body.and_then(|body| launch::view(&body, open));
    Ok(GroupSpec::new(&group.config, launch))
}

/// The tag of a configuration: the launch configuration counts by its hash.
fn config_tag(config: &Config) -> String {
    tag(&(GroupSpec::new(config, None), config.launch.to_string()))
}

async fn tagged(context: &Context, group: &Aggregate) -> Result<Answer, Failure> {
    let answer = answer(context, group, StatusCode::OK).await?;
    Ok(answer.tagged(config_tag(&group.config)))
}

/// What a configuration becomes. What this surface cannot say here stays: capability URLs, hooks, and how v1.0 wrote a policy.
fn configured(before: &Config, (parsed, launch): (&Parsed, Option<LaunchHash>)) -> Config {
    let launch = launch.unwrap_or(before.launch);
    let mut config = parsed.clone().config(launch, before.generation);
    config.serials = before.serials;
    config.hooks.clone_from(&before.hooks);
    for policy in config.policies.values_mut() {
        if let Some(before) = before.policies.get(&policy.id) {
            policy.carry(before);
        }
    }
    config
}

fn configure(
    view: &View<'_>,
    now: Now,
    actor: &Actor,
    (parsed, launch): (&Parsed, Option<LaunchHash>),
) -> Result<Option<Change>, NotChanged> {
    match view.group.state.phase {
        Phase::Running | Phase::Paused => {}
        Phase::Deleting => return Err(NotChanged::Deleting),
        Phase::Tombstone => return Err(NotChanged::Gone),
    }
    let mut draft = Draft::new(view.group, now);
    let before = draft.config();
    check_moments(&before.policies, &parsed.policies, now.wall)?;
    let mut config = configured(before, (parsed, launch));
    config.generation += 1;
    draft.configure(config);
    // Into the new bounds at once, whatever the cooldowns (contract 3.6).
    let desired = draft.limits().clamp(draft.state.desired);
    if desired != draft.state.desired {
        draft.state.desired = desired;
        draft.state.forced = false;
    }
    Ok(Some(draft.finish(Cause::Configure, actor.clone())))
}
