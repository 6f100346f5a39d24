//! Policies of a group, and when those that have a schedule run.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::draft::Draft;
use domain::group::{Cause, Group};
use domain::ids::PolicyId;
use domain::policy::Policy as Stored;
use domain::policy::Trigger;
use store::group::Level;
use wire::v2::policy::{Policy, Scheduled, check_moments};
use wire::v2::time::Moment;
use wire::v2::{Invalid, Page};

use crate::auth::right::{Crud, InGroup, Read};
use crate::body::{Body, Params, Rows};
use crate::change::{NotChanged, edit, read, seen, seen_or_done};
use crate::context::Context;
use crate::edit::{self, NotEdited};
use crate::etag::{IfMatch, tag};
use crate::failure::Failure;
use crate::openapi::{
    Keyed, OfBody, OfChange, OfMake, OfQuery, OfWrite, PathOfGroup, PathOfPolicy, Refusals,
};
use crate::patch::Patch;
use crate::write::{Answer, no_body, once};

/// The policy of the path; one that cannot be is not there.
pub(super) fn named(request: &HttpRequest) -> Result<PolicyId, Failure> {
    let name = request.match_info().get("policy").unwrap_or_default();
    name.parse().map_err(|_error| Failure::not_found())
}

fn shown(group: &Group, id: &PolicyId) -> Result<Policy, NotEdited> {
    edit::policy(group, id).map(Policy::from)
}

fn answer(group: &Group, id: &PolicyId, status: StatusCode) -> Result<Answer, Failure> {
    let policy = shown(group, id).map_err(|why| Failure::from(NotChanged::from(why)))?;
    Ok(Answer::of(status, &policy).tagged(tag(&policy)))
}

/// The policies of a group, in order of id.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/policies", operation_id = "listPolicies", tag = "policies",
    params(
        PathOfGroup,
        ("after" = Option<String>, Query, description = "After this policy: `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 20 if not given", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "One page", body = Page<Policy>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn list(
    within: InGroup<Read>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&["after", "limit"])?;
    let after: Option<PolicyId> = params.parsed("after", "must be the id of a policy")?;
    let limit = params.limit(Rows::SHORT)?;
    let group = read(&context, &within.key, Level::Relaxed).await?;
    let behind = |id: &PolicyId| after.as_ref().is_none_or(|after| id > after);
    let behind = group.config.policies.values().filter(|one| behind(&one.id));
    let all: Vec<Policy> = behind.map(Policy::from).collect();
    Ok(HttpResponse::Ok().json(super::cut(all, limit, |policy| policy.id.clone())))
}

/// Adds a policy to a group.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/policies", operation_id = "createPolicy", tag = "policies",
    params(PathOfGroup, Keyed),
    request_body = Policy,
    responses((status = 201, description = "The policy; `Location` is its path", body = Policy), Refusals, OfBody, OfChange, OfWrite, OfMake),
    security(("token" = [])),
)]
pub async fn create(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<Policy>,
) -> Result<HttpResponse, Failure> {
    let policy = body.value.parse()?;
    let (key, most) = (&within.key, context.v1.policies);
    once(
        &context,
        Some(&key.tenant),
        (&request, body.hash),
        async |seed| {
            let now = context.wall();
            let add = |draft: &mut Draft<'_>| {
                let there = &draft.config().policies;
                if seed.is_repeated && there.get(&policy.id) == Some(&policy) {
                    return Ok(());
                }
                check_moments(there, &[(policy.id.clone(), policy.clone())].into(), now)?;
                Ok(edit::add_policies(
                    draft,
                    std::slice::from_ref(&policy),
                    most,
                )?)
            };
            let by = (key, within.allowed.actor());
            let group = edit(&context, by, Cause::Configure, add).await?;
            let path = format!(
                "/v2/{}/groups/{}/policies/{}",
                key.tenant, key.id, policy.id
            );
            Ok(answer(&group, &policy.id, StatusCode::CREATED)?.at(path))
        },
    )
    .await
}

/// One policy. Its `ETag` is what `If-Match` of a change may name.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/policies/{policy}", operation_id = "showPolicy", tag = "policies",
    params(PathOfPolicy),
    responses((status = 200, description = "The policy", body = Policy), Refusals),
    security(("token" = [])),
)]
pub async fn show(
    within: InGroup<Read>,
    context: web::Data<Context>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let id = named(&request)?;
    let group = read(&context, &within.key, Level::Relaxed).await?;
    let policy = shown(&group, &id).map_err(|why| Failure::from(NotChanged::from(why)))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, tag(&policy)))
        .json(policy))
}

/// Replaces a policy. Its webhooks and the time when it last acted stay.
#[utoipa::path(
    put, path = "/v2/{tenant}/groups/{group}/policies/{policy}", operation_id = "replacePolicy", tag = "policies",
    params(PathOfPolicy, ("If-Match" = Option<String>, Header, description = "Only if the policy has this `ETag`"), Keyed),
    request_body = Policy,
    responses((status = 200, description = "The policy as it is now", body = Policy), Refusals, OfBody, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn replace(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<Policy>,
) -> Result<HttpResponse, Failure> {
    let id = named(&request)?;
    let asked = (&request, id.clone(), body.hash);
    put(&within, &context, asked, &|_before, _there| {
        Ok(named_so(body.value.clone(), &id)?.parse()?)
    })
    .await
}

/// Changes a policy by a merge patch (RFC 7396): what is not named stays, null takes away.
#[utoipa::path(
    patch, path = "/v2/{tenant}/groups/{group}/policies/{policy}", operation_id = "patchPolicy", tag = "policies",
    params(PathOfPolicy, ("If-Match" = Option<String>, Header, description = "Only if the policy has this `ETag`"), Keyed),
    request_body(content = Object, content_type = "application/merge-patch+json", description = "Members of a policy"),
    responses((status = 200, description = "The policy as it is now", body = Policy), Refusals, OfBody, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn patch(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    patch: Patch,
) -> Result<HttpResponse, Failure> {
    let id = named(&request)?;
    let asked = (&request, id.clone(), patch.hash);
    put(&within, &context, asked, &|before, there| {
        Ok(named_so(patch.apply(before)?, &id)?.parse_over(there)?)
    })
    .await
}

/// Puts what `make` makes of the policy that is there, as it is shown and as it is stored, in its place.
async fn put(
    within: &InGroup<Crud>,
    context: &Context,
    (request, id, hash): (&HttpRequest, PolicyId, domain::ids::RequestHash),
    make: &(dyn Fn(&Policy, &Stored) -> Result<Stored, Failure> + Sync),
) -> Result<HttpResponse, Failure> {
    let if_match = IfMatch::of(request)?;
    let key = &within.key;
    once(context, Some(&key.tenant), (request, hash), async |seed| {
        let now = context.wall();
        let change = |draft: &mut Draft<'_>| {
            let there = edit::policy(draft.group(), &id)?;
            let before = Policy::from(there);
            let made = || {
                make(&before, there).map(|mut after| {
                    after.carry(there);
                    after
                })
            };
            let is_done = || made().is_ok_and(|after| after == *there);
            seen_or_done(&if_match, &tag(&before), seed, is_done)?;
            let after = made()?;
            let both = [(id.clone(), after.clone())].into();
            check_moments(&draft.config().policies, &both, now)?;
            Ok(edit::put_policy(draft, after)?)
        };
        let by = (key, within.allowed.actor());
        let group = edit(context, by, Cause::Configure, change).await?;
        answer(&group, &id, StatusCode::OK)
    })
    .await
}

/// A policy keeps its id.
fn named_so(policy: Policy, id: &PolicyId) -> Result<Policy, Failure> {
    if policy.id == id.as_str() {
        return Ok(policy);
    }
    Err(Invalid::new("id", "must be that of the path: a policy keeps its id").into())
}

/// Deletes a policy with its webhooks, whose URLs die.
#[utoipa::path(
    delete, path = "/v2/{tenant}/groups/{group}/policies/{policy}", operation_id = "deletePolicy", tag = "policies",
    params(PathOfPolicy, ("If-Match" = Option<String>, Header, description = "Only if the policy has this `ETag`"), Keyed),
    responses((status = 204, description = "It is gone"), Refusals, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn delete(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let (id, if_match) = (named(&request)?, IfMatch::of(&request)?);
    let key = &within.key;
    once(
        &context,
        Some(&key.tenant),
        (&request, no_body()),
        async |seed| {
            let remove = |draft: &mut Draft<'_>| {
                match shown(draft.group(), &id) {
                    Err(_) if seed.is_repeated => return Ok(()),
                    there => seen(&if_match, &tag(&there?))?,
                }
                Ok(edit::remove_policy(draft, &id)?)
            };
            let by = (key, within.allowed.actor());
            edit(&context, by, Cause::Configure, remove).await?;
            Ok(Answer::empty())
        },
    )
    .await
}

/// When the policies with a schedule run next, in order of that time.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/schedules", operation_id = "listSchedules", tag = "policies",
    params(PathOfGroup),
    responses((status = 200, description = "All of them", body = Page<Scheduled>), Refusals),
    security(("token" = [])),
)]
pub async fn schedules(
    within: InGroup<Read>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    let group = read(&context, &within.key, Level::Relaxed).await?;
    let next = |id: &PolicyId| group.state.timers.get(id).map(|at| Moment(*at));
    let scheduled = |policy: &Stored| match &policy.trigger {
        Trigger::Schedule(schedule) => Some(Scheduled {
            policy: policy.id.to_string(),
            schedule: schedule.into(),
            next: next(&policy.id),
        }),
        Trigger::Webhook | Trigger::Monitoring => None,
    };
    let mut items: Vec<Scheduled> = group
        .config
        .policies
        .values()
        .filter_map(scheduled)
        .collect();
    items.sort_by_key(|one| (one.next.is_none(), one.next, one.policy.clone()));
    Ok(HttpResponse::Ok().json(Page { items, next: None }))
}
