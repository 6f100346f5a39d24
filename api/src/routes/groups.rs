//! Groups: made, shown, paused, deleted. These changes are committed here, through the same guarded `store::apply` that the owner uses;
//! the owner is told afterwards.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use domain::capacity::Size;
use domain::draft::Draft;
use domain::event::Actor;
use domain::group::{Cause, Change, Group as Aggregate, Phase};
use domain::ids::{Fence, GroupId, GroupKey, LaunchHash, Rev, TenantId};
use domain::time::Now;
use store::apply::{Refused, View, apply};
use store::group::Level;
use wire::problem::Code;
use wire::v2::group::{Group, GroupSpec, Launch};
use wire::v2::time::Moment;
use wire::v2::{Invalid, Page};

use crate::auth::right::{Allowed, Crud, InGroup, Read};
use crate::body::{Body, Params};
use crate::context::Context;
use crate::failure::Failure;
use crate::launch;
use crate::openapi::{OfBody, OfChange, OfQuery, Refusals};

/// Groups on a page.
const LIMIT_DEFAULT: u32 = 20;
/// The most.
const LIMIT_MAX: u32 = 100;

/// Creates a group. Desired begins at min.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups", operation_id = "createGroup", tag = "groups",
    params(("tenant" = String, Path, description = "The tenant")),
    request_body = GroupSpec,
    responses((status = 201, description = "The group; `Location` is its path", body = Group), Refusals, OfBody),
    security(("token" = [])),
)]
pub async fn create(
    allowed: Allowed<Crud>,
    context: web::Data<Context>,
    body: Body<GroupSpec>,
) -> Result<HttpResponse, Failure> {
    if allowed.caller.groups.is_some() {
        return Err(Failure::new(
            Code::GroupsLimited,
            "a token that is limited to certain groups cannot create others",
        ));
    }
    let parsed = body.value.parse()?;
    let launch = body
        .value
        .launch
        .as_ref()
        .ok_or_else(|| Invalid::new("launch", "is missing"))?;
    let hash = put_launch(&context, &allowed.tenant, launch).await?;
    let key = Context::key(
        allowed.tenant.clone(),
        GroupId::new(context.colo, context.process.entropy.u128()),
    );
    let group = Aggregate::new(key.clone(), parsed.config(hash, 1));
    let first = Draft::new(&group, context.now()).finish(Cause::Create, allowed.actor());
    context.mark(&key).await;
    let made = store::apply::create(&context.process, &*context.stores.groups, group, first).await;
    let group = made.map_err(|refused| match refused {
        // 112 random bits came twice.
        Refused::Decision(store::apply::AlreadyExists) => {
            Failure::new(Code::Internal, "the id was taken; try again")
        }
        Refused::Missing => not_committed(Refused::Missing),
        Refused::Store(error) => not_committed(Refused::Store(error)),
        Refused::Unknown => not_committed(Refused::Unknown),
        Refused::Contended => not_committed(Refused::Contended),
    })?;
    context.poke(&key);
    let path = format!("/v2/{}/groups/{}", key.tenant, key.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, path))
        .json(full(&context, &group, true).await?))
}

/// The tenant's groups in order of id, without launch configurations.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups", operation_id = "listGroups", tag = "groups",
    params(
        ("tenant" = String, Path, description = "The tenant"),
        ("after" = Option<String>, Query, description = "After this group: `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 20 if not given; a page may have fewer", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "One page", body = Page<Group>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn list(
    allowed: Allowed<Read>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&["after", "limit"])?;
    let after: Option<GroupId> = params.parsed("after", "must be the id of a group")?;
    let limit = params.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    let groups = &context.stores.groups;
    let page = groups
        .of_tenant(&allowed.tenant, after, limit)
        .await
        .map_err(|error| Failure::store(&error))?;
    let mut items = Vec::with_capacity(page.items.len());
    for key in page.items.iter().filter(|key| allowed.caller.sees(key.id)) {
        let group = groups
            .read(key, Level::Relaxed)
            .await
            .map_err(|error| Failure::store(&error))?;
        let there = group.filter(|group| group.state.phase != Phase::Tombstone);
        items.extend(there.map(|group| Group::new(&group, context.wall())));
    }
    Ok(HttpResponse::Ok().json(Page {
        items,
        next: page.next.map(|id| id.to_string()),
    }))
}

/// One group.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}", operation_id = "showGroup", tag = "groups",
    params(("tenant" = String, Path, description = "The tenant"), ("group" = String, Path, description = "The group's id")),
    responses((status = 200, description = "The group", body = Group), Refusals),
    security(("token" = [])),
)]
pub async fn show(
    within: InGroup<Read>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    let group = context
        .stores
        .groups
        .read(&within.key, Level::Relaxed)
        .await;
    let group = group
        .map_err(|error| Failure::store(&error))?
        .filter(|group| group.state.phase != Phase::Tombstone);
    let group = group.ok_or_else(Failure::not_found)?;
    let open = within.allowed.also(domain::access::Right::Crud).is_ok();
    Ok(HttpResponse::Ok().json(full(&context, &group, open).await?))
}

/// Pauses a group: it refuses events, launches and deletes nothing. Doing it twice changes nothing.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/pause", operation_id = "pauseGroup", tag = "groups",
    params(("tenant" = String, Path, description = "The tenant"), ("group" = String, Path, description = "The group's id")),
    responses((status = 200, description = "The group, paused", body = Group), Refusals, OfChange),
    security(("token" = [])),
)]
pub async fn pause(
    within: InGroup<Crud>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    turn(within, &context, Phase::Paused).await
}

/// Resumes a paused group. Doing it twice changes nothing.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/resume", operation_id = "resumeGroup", tag = "groups",
    params(("tenant" = String, Path, description = "The tenant"), ("group" = String, Path, description = "The group's id")),
    responses((status = 200, description = "The group, running", body = Group), Refusals, OfChange),
    security(("token" = [])),
)]
pub async fn resume(
    within: InGroup<Crud>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    turn(within, &context, Phase::Running).await
}

/// Deletes a group with all its servers. Without `force` only a group that wants none.
///
/// Its servers are deleted in the background; the group shows as `deleting` until the last one is gone. Doing it twice changes nothing.
#[utoipa::path(
    delete, path = "/v2/{tenant}/groups/{group}", operation_id = "deleteGroup", tag = "groups",
    params(
        ("tenant" = String, Path, description = "The tenant"),
        ("group" = String, Path, description = "The group's id"),
        ("force" = Option<bool>, Query, description = "Delete it with the servers that it still wants"),
    ),
    responses((status = 202, description = "The group, on its way out", body = Group), Refusals, OfQuery, OfChange),
    security(("token" = [])),
)]
pub async fn delete(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let force = params
        .only(&["force"])?
        .parsed("force", "must be true or false")?
        .unwrap_or(false);
    let (now, actor) = (context.now(), within.allowed.actor());
    let group = change(&context, &within.key, |view| {
        remove(&view, now, &actor, force)
    })
    .await?;
    Ok(HttpResponse::Accepted().json(full(&context, &group, true).await?))
}

async fn turn(
    within: InGroup<Crud>,
    context: &Context,
    to: Phase,
) -> Result<HttpResponse, Failure> {
    let (now, actor) = (context.now(), within.allowed.actor());
    let decide = |view: View<'_>| match view.group.state.phase {
        Phase::Deleting => Err(Locked::Deleting),
        Phase::Tombstone => Err(Locked::Gone),
        phase @ (Phase::Running | Phase::Paused) if phase == to => Ok(None),
        Phase::Running | Phase::Paused => {
            let mut draft = Draft::new(view.group, now);
            draft.state.phase = to;
            Ok(Some(draft.finish(Cause::Pause, actor.clone())))
        }
    };
    let group = change(context, &within.key, decide).await?;
    Ok(HttpResponse::Ok().json(full(context, &group, true).await?))
}

fn remove(view: &View<'_>, now: Now, actor: &Actor, force: bool) -> Result<Option<Change>, Locked> {
    let state = &view.group.state;
    match state.phase {
        Phase::Tombstone => return Err(Locked::Gone),
        Phase::Deleting => return Ok(None),
        Phase::Running | Phase::Paused => {}
    }
    if state.desired > Size::ZERO && !force {
        return Err(Locked::NotEmpty);
    }
    let mut draft = Draft::new(view.group, now);
    draft.state.phase = Phase::Deleting;
    draft.state.desired = Size::ZERO;
    draft.state.forced = true;
    Ok(Some(draft.finish(Cause::Delete, actor.clone())))
}

/// Why a group does not take a change of its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    /// It is being deleted.
    Deleting,
    /// It was deleted.
    Gone,
    /// It wants servers, and force was not asked for.
    NotEmpty,
}

impl From<Locked> for Failure {
    fn from(locked: Locked) -> Self {
        match locked {
            Locked::Deleting => Self::new(
                Code::GroupDeleting,
                "a group that is being deleted takes no changes",
            ),
            Locked::Gone => Self::not_found(),
            Locked::NotEmpty => Self::new(
                Code::GroupNotEmpty,
                "scale the group to zero first, or delete it with force=true",
            ),
        }
    }
}

/// Commits a change of configuration or phase under the guard, and tells the owner.
pub(super) async fn change(
    context: &Context,
    key: &GroupKey,
    decide: impl FnMut(View<'_>) -> Result<Option<Change>, Locked> + Send,
) -> Result<Aggregate, Failure> {
    context.mark(key).await;
    let changed = apply(
        &context.process,
        &*context.stores.groups,
        key,
        Fence(0),
        None,
        decide,
    )
    .await;
    let group = changed.map_err(not_committed)?;
    context.poke(key);
    Ok(group)
}

fn not_committed(refused: Refused<Locked>) -> Failure {
    match refused {
        Refused::Decision(locked) => locked.into(),
        Refused::Missing => Failure::not_found(),
        Refused::Store(error) => Failure::store(&error),
        Refused::Unknown => Failure::new(
            Code::OutcomeUnknown,
            "look at the group before trying again",
        ),
        Refused::Contended => Failure::new(
            Code::Busy,
            "others keep changing the group; nothing was done, try again",
        ),
    }
}

/// Stores a launch configuration before the commit that names it (design 4).
pub(super) async fn put_launch(
    context: &Context,
    tenant: &TenantId,
    launch: &Launch,
) -> Result<LaunchHash, Failure> {
    let body = launch::check(launch)?;
    context
        .stores
        .launches
        .put(tenant, &body)
        .await
        .map_err(|error| Failure::store(&error))
}

/// The view of one group with everything; secrets of its launch configuration only if `open`.
pub(super) async fn full(
    context: &Context,
    group: &Aggregate,
    open: bool,
) -> Result<Group, Failure> {
    let stores = &context.stores;
    let body = stores
        .launches
        .get(&group.key.tenant, group.config.launch)
        .await
        .map_err(|error| Failure::store(&error))?;
    let first = stores
        .groups
        .records(&group.key, Some(Rev(1)), 1, Level::Relaxed)
        .await
        .map_err(|error| Failure::store(&error))?;
    let mut view = Group::new(group, context.wall());
    view.launch = body.and_then(|body| launch::view(&body, open));
    view.created = first.first().map(|record| Moment(record.at));
    Ok(view)
}
