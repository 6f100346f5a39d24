//! Webhooks of a policy: capability URLs, told once when they are made and once when they are rotated.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::draft::Draft;
use domain::group::{Cause, Group};
use domain::ids::{PolicyId, RequestHash, WebhookId};
use domain::policy::Webhook as Stored;
use store::group::Level;
use wire::problem::Code;
use wire::v2::Page;
use wire::v2::policy::{Webhook, WebhookSpec};

use super::policies::named;
use crate::auth::right::{Crud, InGroup, Read};
use crate::body::{Body, Params, Rows};
use crate::change::{NotChanged, edit, read, seen, seen_or_done};
use crate::context::Context;
use crate::edit::{self, NotEdited};
use crate::etag::{IfMatch, tag};
use crate::failure::Failure;
use crate::openapi::{
    Keyed, OfBody, OfChange, OfMake, OfQuery, OfWrite, PathOfPolicy, PathOfWebhook, Refusals,
};
use crate::patch::Patch;
use crate::told::Told;
use crate::write::{Answer, Seed, no_body, once};

fn webhook_named(request: &HttpRequest) -> Result<WebhookId, Failure> {
    let name = request.match_info().get("webhook").unwrap_or_default();
    name.parse().map_err(|_error| Failure::not_found())
}

fn find<'g>(group: &'g Group, policy: &PolicyId, id: WebhookId) -> Result<&'g Stored, NotEdited> {
    edit::webhook(edit::policy(group, policy)?, id)
}

/// What the tag of a webhook is made of: rotating changes it too.
fn tagged(id: WebhookId, webhook: &Stored) -> String {
    tag(&(Webhook::new(id, webhook, None), webhook.serial))
}

fn failed(why: NotEdited) -> Failure {
    NotChanged::from(why).into()
}

/// The answer to a write; `telling` adds the URL.
fn answer(
    group: &Group,
    (policy, id): (&PolicyId, WebhookId),
    (status, telling): (StatusCode, bool),
) -> Result<Answer, Failure> {
    let webhook = find(group, policy, id).map_err(failed)?;
    let answer = Answer::of(status, &Webhook::new(id, webhook, None)).tagged(tagged(id, webhook));
    Ok(if telling {
        answer.telling(Told::webhook(group.key.id, webhook.serial))
    } else {
        answer
    })
}

/// Without keys there is no URL to tell.
fn can_tell(context: &Context, within: &InGroup<Crud>) -> Result<(), Failure> {
    let probe = context.v1.capability(&within.key, 0);
    probe.map(drop).ok_or_else(|| {
        let detail = "the operator has configured no keys for capability URLs";
        Failure::new(Code::NotConfigured, detail)
    })
}

/// The webhooks of a policy, in order of id, without their URLs.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/policies/{policy}/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    params(
        PathOfPolicy,
        ("after" = Option<String>, Query, description = "After this webhook: `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 20 if not given", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "One page", body = Page<Webhook>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn list(
    within: InGroup<Read>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let policy = named(&request)?;
    let params = params.only(&["after", "limit"])?;
    let after: Option<WebhookId> = params.parsed("after", "must be the id of a webhook")?;
    let limit = params.limit(Rows::SHORT)?;
    let group = read(&context, &within.key, Level::Relaxed).await?;
    let policy = edit::policy(&group, &policy).map_err(failed)?;
    let behind = |id: WebhookId| after.is_none_or(|after| id > after);
    let behind = policy.webhooks.iter().filter(|(id, _)| behind(**id));
    let all: Vec<Webhook> = behind
        .map(|(id, webhook)| Webhook::new(*id, webhook, None))
        .collect();
    Ok(HttpResponse::Ok().json(super::cut(all, limit, |webhook| webhook.id.clone())))
}

/// Makes a webhook. The answer has its URL, which is told now and never again.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/policies/{policy}/webhooks", operation_id = "createWebhook", tag = "webhooks",
    params(PathOfPolicy, Keyed),
    request_body = WebhookSpec,
    responses((status = 201, description = "The webhook with its URL; `Location` is its path", body = Webhook), Refusals, OfBody, OfChange, OfWrite, OfMake),
    security(("token" = [])),
)]
pub async fn create(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<WebhookSpec>,
) -> Result<HttpResponse, Failure> {
    let policy = named(&request)?;
    body.value.check()?;
    can_tell(&context, &within)?;
    let spec = body.value;
    let (key, most) = (&within.key, context.v1.webhooks);
    once(
        &context,
        Some(&key.tenant),
        (&request, body.hash),
        async |seed: Seed| {
            let id = WebhookId::random(seed.u128());
            let words = (spec.name.clone(), spec.metadata.clone());
            let add = |draft: &mut Draft<'_>| {
                if seed.is_repeated && find(draft.group(), &policy, id).is_ok() {
                    return Ok(());
                }
                Ok(edit::add_webhooks(
                    draft,
                    &policy,
                    &[(id, words.clone())],
                    most,
                )?)
            };
            let by = (key, within.allowed.actor());
            let group = edit(&context, by, Cause::Configure, add).await?;
            let base = format!("/v2/{}/groups/{}", key.tenant, key.id);
            let path = format!("{base}/policies/{policy}/webhooks/{id}");
            Ok(answer(&group, (&policy, id), (StatusCode::CREATED, true))?.at(path))
        },
    )
    .await
}

/// One webhook, without its URL.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/policies/{policy}/webhooks/{webhook}", operation_id = "showWebhook", tag = "webhooks",
    params(PathOfWebhook),
    responses((status = 200, description = "The webhook", body = Webhook), Refusals),
    security(("token" = [])),
)]
pub async fn show(
    within: InGroup<Read>,
    context: web::Data<Context>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let (policy, id) = (named(&request)?, webhook_named(&request)?);
    let group = read(&context, &within.key, Level::Relaxed).await?;
    let webhook = find(&group, &policy, id).map_err(failed)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, tagged(id, webhook)))
        .json(Webhook::new(id, webhook, None)))
}

/// Gives a webhook another name and other metadata; its URL stays.
#[utoipa::path(
    put, path = "/v2/{tenant}/groups/{group}/policies/{policy}/webhooks/{webhook}", operation_id = "replaceWebhook", tag = "webhooks",
    params(PathOfWebhook, ("If-Match" = Option<String>, Header, description = "Only if the webhook has this `ETag`"), Keyed),
    request_body = WebhookSpec,
    responses((status = 200, description = "The webhook as it is now", body = Webhook), Refusals, OfBody, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn replace(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<WebhookSpec>,
) -> Result<HttpResponse, Failure> {
    let spec = body.value;
    put(&within, &context, (&request, body.hash), &|_there| {
        spec.check()?;
        Ok(spec.clone())
    })
    .await
}

/// Changes a webhook by a merge patch (RFC 7396): what is not named stays, null takes away.
#[utoipa::path(
    patch, path = "/v2/{tenant}/groups/{group}/policies/{policy}/webhooks/{webhook}", operation_id = "patchWebhook", tag = "webhooks",
    params(PathOfWebhook, ("If-Match" = Option<String>, Header, description = "Only if the webhook has this `ETag`"), Keyed),
    request_body(content = Object, content_type = "application/merge-patch+json", description = "Members of a webhook"),
    responses((status = 200, description = "The webhook as it is now", body = Webhook), Refusals, OfBody, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn patch(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    patch: Patch,
) -> Result<HttpResponse, Failure> {
    put(&within, &context, (&request, patch.hash), &|there| {
        let after: WebhookSpec = patch.apply(there)?;
        after.check_over(there)?;
        Ok(after)
    })
    .await
}

/// Puts what `make` makes of the webhook that is there, and checks, in its place.
async fn put(
    within: &InGroup<Crud>,
    context: &Context,
    (request, hash): (&HttpRequest, RequestHash),
    make: &(dyn Fn(&WebhookSpec) -> Result<WebhookSpec, Failure> + Sync),
) -> Result<HttpResponse, Failure> {
    let (policy, id) = (named(request)?, webhook_named(request)?);
    let if_match = IfMatch::of(request)?;
    let key = &within.key;
    once(context, Some(&key.tenant), (request, hash), async |seed| {
        let change = |draft: &mut Draft<'_>| {
            let there = find(draft.group(), &policy, id)?;
            let before = WebhookSpec::from(&Webhook::new(id, there, None));
            let is_done = || make(&before).is_ok_and(|after| after == before);
            seen_or_done(&if_match, &tagged(id, there), seed, is_done)?;
            let after = make(&before)?;
            Ok(edit::put_webhook(
                draft,
                &policy,
                (id, (after.name, after.metadata)),
            )?)
        };
        let by = (key, within.allowed.actor());
        let group = edit(context, by, Cause::Configure, change).await?;
        answer(&group, (&policy, id), (StatusCode::OK, false))
    })
    .await
}

/// Gives a webhook another URL, told in this answer and never again. The old one dies at once.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/policies/{policy}/webhooks/{webhook}/rotate", operation_id = "rotateWebhook", tag = "webhooks",
    params(PathOfWebhook, ("If-Match" = Option<String>, Header, description = "Only if the webhook has this `ETag`"), Keyed),
    responses((status = 200, description = "The webhook with its new URL", body = Webhook), Refusals, OfChange, OfWrite, OfMake),
    security(("token" = [])),
)]
pub async fn rotate(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let (policy, id) = (named(&request)?, webhook_named(&request)?);
    let if_match = IfMatch::of(&request)?;
    can_tell(&context, &within)?;
    let key = &within.key;
    once(
        &context,
        Some(&key.tenant),
        (&request, no_body()),
        async |_seed| {
            let rotate = |draft: &mut Draft<'_>| {
                let now = tagged(id, find(draft.group(), &policy, id)?);
                // Also if it is repeated: nothing kept tells this write's own change from somebody else's, whose URL must not end.
                seen(&if_match, &now)?;
                Ok(edit::rotate_webhook(draft, &policy, id)?)
            };
            let by = (key, within.allowed.actor());
            let group = edit(&context, by, Cause::Configure, rotate).await?;
            answer(&group, (&policy, id), (StatusCode::OK, true))
        },
    )
    .await
}

/// Deletes a webhook. Its URL dies at once.
#[utoipa::path(
    delete, path = "/v2/{tenant}/groups/{group}/policies/{policy}/webhooks/{webhook}", operation_id = "deleteWebhook", tag = "webhooks",
    params(PathOfWebhook, ("If-Match" = Option<String>, Header, description = "Only if the webhook has this `ETag`"), Keyed),
    responses((status = 204, description = "It is gone"), Refusals, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn delete(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let (policy, id) = (named(&request)?, webhook_named(&request)?);
    let if_match = IfMatch::of(&request)?;
    let key = &within.key;
    once(
        &context,
        Some(&key.tenant),
        (&request, no_body()),
        async |seed| {
            let remove = |draft: &mut Draft<'_>| {
                match find(draft.group(), &policy, id) {
                    Err(_) if seed.is_repeated => return Ok(()),
                    there => seen(&if_match, &tagged(id, there?))?,
                }
                Ok(edit::remove_webhook(draft, &policy, id)?)
            };
            let by = (key, within.allowed.actor());
            edit(&context, by, Cause::Configure, remove).await?;
            Ok(Answer::empty())
        },
    )
    .await
}
