//! Groups: made, shown, paused, deleted. These changes are committed here, through the same guarded `store::apply` that the owner uses;
//! the owner is told afterwards.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::capacity::Size;
use domain::draft::Draft;
use domain::event::Actor;
use domain::group::{Cause, Change, Group as Aggregate, Phase};
use domain::ids::{GroupId, LaunchHash, TenantId};
use domain::time::Now;
use store::apply::{Refused, View};
use store::group::Level;
use wire::problem::Code;
use wire::v2::group::{Group, GroupSpec, Launch};
use wire::v2::policy::check_moments;
use wire::v2::time::Moment;
use wire::v2::{Invalid, Page};

use crate::auth::right::{Allowed, Crud, InGroup, Read};
use crate::body::{Body, Params, Rows};
use crate::change::{NotChanged, change, committed, not_committed, read, seen_or_done};
use crate::context::Context;
use crate::edit::fits;
use crate::etag::IfMatch;
use crate::failure::Failure;
use crate::openapi::{
    Keyed, OfBody, OfChange, OfQuery, OfWrite, PathOfGroup, PathOfTenant, Refusals,
};
use crate::write::{Answer, Seed, no_body, once};
use crate::{launch, tenant};

/// Creates a group. Desired begins at min.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups", operation_id = "createGroup", tag = "groups",
    params(PathOfTenant, Keyed),
    request_body = GroupSpec,
    responses((status = 201, description = "The group; `Location` is its path", body = Group), Refusals, OfBody, OfWrite),
    security(("token" = [])),
)]
pub async fn create(
    allowed: Allowed<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<GroupSpec>,
) -> Result<HttpResponse, Failure> {
    if allowed.caller.groups.is_some() {
        return Err(Failure::new(
            Code::GroupsLimited,
            "a token that is limited to certain groups cannot create others",
        ));
    }
    tenant::may_scale(&context, &allowed.tenant)?;
    once(
        &context,
        Some(&allowed.tenant),
        (&request, body.hash),
        async |seed| make(&allowed, &context, &body.value, seed).await,
    )
    .await
}

async fn make(
    allowed: &Allowed<Crud>,
    context: &Context,
    spec: &GroupSpec,
    seed: Seed,
) -> Result<Answer, Failure> {
    let parsed = spec.parse()?;
    check_moments(&[].into(), &parsed.policies, context.wall())?;
    let given = spec.launch.as_ref();
    let launch = given.ok_or_else(|| Invalid::new("launch", "is missing"))?;
    let tenant = &allowed.tenant;
    if !tenant::has_room(context, tenant).await? {
        let most = context.v1.groups;
        let detail = format!("a tenant may have {most} groups, not more");
        return Err(Failure::new(Code::LimitReached, detail).at("limit", most.to_string()));
    }
    let hash = put_launch(context, tenant, launch).await?;
    let key = context.key(tenant.clone(), GroupId::new(context.colo, seed.u128()));
    let group = Aggregate::new(key.clone(), parsed.config(hash, 1));
    fits(&group.config).map_err(|why| Failure::from(NotChanged::from(why)))?;
    let mut draft = Draft::new(&group, context.now());
    draft.arm();
    let first = draft.finish(Cause::Create, allowed.actor());
    context.mark(&key).await;
    let made = store::apply::create(&context.process, &*context.stores.groups, group, first).await;
    let group = match made {
        Ok(group) => group,
        // An earlier try under the same key made it, for the id is made of the key: also where its note is gone, as a later try was refused.
        Err(Refused::Decision(store::apply::AlreadyExists)) if seed.is_keyed => {
            let there = read(context, &key, Level::Serial).await;
            there.map_err(committed)?
        }
        // 112 random bits came twice.
        Err(Refused::Decision(store::apply::AlreadyExists)) => {
            return Err(Failure::new(Code::Internal, "the id was taken; try again"));
        }
        Err(refused) => return Err(not_committed(&refused)),
    };
    context.poke(&key);
    let path = format!("/v2/{}/groups/{}", key.tenant, key.id);
    Ok(answer(context, &group, StatusCode::CREATED).await?.at(path))
}

/// The tenant's groups in order of id, without launch configurations.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups", operation_id = "listGroups", tag = "groups",
    params(
        PathOfTenant,
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
    let limit = params.limit(Rows::SHORT)?;
    let groups = &context.stores.groups;
    let page = groups.of_tenant(&allowed.tenant, after, limit).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for key in page.items.iter().filter(|key| allowed.caller.sees(key.id)) {
        let group = groups.read(key, Level::Relaxed).await?;
        let there = group.filter(|group| group.state.phase != Phase::Tombstone);
        items.extend(there.map(|group| Group::new(&group, context.wall())));
    }
    Ok(HttpResponse::Ok().json(Page {
        items,
        next: page.next.map(|id| id.to_string()),
    }))
}

/// One group. Its `ETag` changes with every commit; that of its configuration (`/config`) only when somebody configures it.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}", operation_id = "showGroup", tag = "groups",
    params(PathOfGroup),
    responses((status = 200, description = "The group", body = Group), Refusals),
    security(("token" = [])),
)]
pub async fn show(
    within: InGroup<Read>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    let group = read(&context, &within.key, Level::Relaxed).await?;
    let open = within.allowed.also(domain::access::Right::Crud).is_ok();
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, rev_tag(&group)))
        .json(full(&context, &group, open).await?))
}

/// Pauses a group: it refuses events, launches and deletes nothing. Doing it twice changes nothing.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/pause", operation_id = "pauseGroup", tag = "groups",
    params(PathOfGroup, ("If-Match" = Option<String>, Header, description = "Only if the group has this `ETag`"), Keyed),
    responses((status = 200, description = "The group, paused", body = Group), Refusals, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn pause(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    turn(within, &context, &request, Phase::Paused).await
}

/// Resumes a paused group. Doing it twice changes nothing.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/resume", operation_id = "resumeGroup", tag = "groups",
    params(PathOfGroup, ("If-Match" = Option<String>, Header, description = "Only if the group has this `ETag`"), Keyed),
    responses((status = 200, description = "The group, running", body = Group), Refusals, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn resume(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    turn(within, &context, &request, Phase::Running).await
}

/// Deletes a group with all its servers. Without `force` only a group that wants none.
///
/// Its servers are deleted in the background; the group shows as `deleting` until the last one is gone. Doing it twice changes nothing.
#[utoipa::path(
    delete, path = "/v2/{tenant}/groups/{group}", operation_id = "deleteGroup", tag = "groups",
    params(
        PathOfGroup,
        ("force" = Option<bool>, Query, description = "Delete it with the servers that it still wants"),
        ("If-Match" = Option<String>, Header, description = "Only if the group has this `ETag`"),
        Keyed,
    ),
    responses((status = 202, description = "The group, on its way out", body = Group), Refusals, OfQuery, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn delete(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let force = params
        .only(&["force"])?
        .parsed("force", "must be true or false")?
        .unwrap_or(false);
    let if_match = IfMatch::of(&request)?;
    let key = &within.key;
    once(
        &context,
        Some(&key.tenant),
        (&request, no_body()),
        async |seed| {
            let (now, actor) = (context.now(), within.allowed.actor());
            let decide = |view: View<'_>| {
                let phase = view.group.state.phase;
                let is_done = || matches!(phase, Phase::Deleting | Phase::Tombstone);
                seen_or_done(&if_match, &rev_tag(view.group), seed, is_done)?;
                // An empty group is gone a moment after the try that did it.
                if seed.is_repeated && is_done() {
                    return Ok(None);
                }
                remove(&view, now, &actor, force)
            };
            let group = change(&context, key, decide).await?;
            answer(&context, &group, StatusCode::ACCEPTED).await
        },
    )
    .await
}

async fn turn(
    within: InGroup<Crud>,
    context: &Context,
    request: &HttpRequest,
    to: Phase,
) -> Result<HttpResponse, Failure> {
    let if_match = IfMatch::of(request)?;
    let key = &within.key;
    once(
        context,
        Some(&key.tenant),
        (request, no_body()),
        async |seed| {
            let (now, actor) = (context.now(), within.allowed.actor());
            let decide = |view: View<'_>| {
                let is_done = || view.group.state.phase == to;
                seen_or_done(&if_match, &rev_tag(view.group), seed, is_done)?;
                match view.group.state.phase {
                    Phase::Deleting => Err(NotChanged::Deleting),
                    Phase::Tombstone => Err(NotChanged::Gone),
                    phase @ (Phase::Running | Phase::Paused) if phase == to => Ok(None),
                    Phase::Running | Phase::Paused => {
                        let mut draft = Draft::new(view.group, now);
                        draft.turn(to);
                        Ok(Some(draft.finish(Cause::Pause, actor.clone())))
                    }
                }
            };
            let group = change(context, key, decide).await?;
            answer(context, &group, StatusCode::OK).await
        },
    )
    .await
}

/// The tag of a group: its revision.
fn rev_tag(group: &Aggregate) -> String {
    format!("\"{}\"", group.rev)
}

fn remove(
    view: &View<'_>,
    now: Now,
    actor: &Actor,
    force: bool,
) -> Result<Option<Change>, NotChanged> {
    let state = &view.group.state;
    match state.phase {
        Phase::Tombstone => return Err(NotChanged::Gone),
        Phase::Deleting => return Ok(None),
        Phase::Running | Phase::Paused => {}
    }
    if state.desired > Size::ZERO && !force {
        return Err(NotChanged::NotEmpty);
    }
    let mut draft = Draft::new(view.group, now);
    draft.state.phase = Phase::Deleting;
    draft.state.desired = Size::ZERO;
    draft.state.forced = true;
    Ok(Some(draft.finish(Cause::Delete, actor.clone())))
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
        .map_err(Failure::from)
}

/// The answer to a write that was committed: the group with everything.
pub(super) async fn answer(
    context: &Context,
    group: &Aggregate,
    status: StatusCode,
) -> Result<Answer, Failure> {
    let shown = full(context, group, true).await.map_err(committed)?;
    Ok(Answer::of(status, &shown).tagged(rev_tag(group)))
}

/// The view of one group with everything; secrets of its launch configuration only if `open`.
pub(super) async fn full(
    context: &Context,
    group: &Aggregate,
    open: bool,
) -> Result<Group, Failure> {
    let (known, stores) = (&context.known, &context.stores);
    let body = known
        .launch(stores, &group.key.tenant, group.config.launch)
        .await?;
    let mut view = Group::new(group, context.wall());
    view.launch = body.and_then(|body| launch::view(&body, open));
    view.created = known.created(stores, &group.key).await?.map(Moment);
    Ok(view)
}
