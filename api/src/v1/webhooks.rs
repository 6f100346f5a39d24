//! Webhooks of a policy. Their URLs let whoever has them in, so reading them needs the right to make them (contract 1.2).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use domain::draft::Draft;
use domain::group::Cause;
use domain::ids::WebhookId;
use domain::policy::{Policy, Webhook};
use wire::v1::json::Json;
use wire::v1::webhook::{WebhookSpec, list as parse_list, whole as parse_whole};

use super::Error;
use super::edit::{change, empty, read, shown};
use super::extract::{Asked, At, SMALL, Sent};
use super::groups::locate;
use super::page::Wanted;
use super::policies::find;
use super::view;
use crate::auth::right::Crud;
use crate::context::Context;
use crate::edit::{self, add_webhooks, put_webhook, remove_webhook};

/// `GET webhooks` (row B128).
pub(super) async fn list(
    at: At<Crud>,
    context: web::Data<Context>,
    asked: Asked,
) -> Result<HttpResponse, Error> {
    let wanted = Wanted::of(&asked)?;
    let group = read(&context, &at).await?;
    let policy = find(&group, &at)?;
    let items = policy.webhooks.iter().filter_map(|(id, hook)| {
        let text = id.to_string();
        let shown = || view::webhook(&context, &group.key, (&policy.id, id, hook), true);
        wanted.is_behind(&text).then(|| (text, shown()))
    });
    let base = view::group_link(
        &context.v1,
        &group.key,
        &format!("policies/{}/webhooks/", policy.id),
    );
    let items = items.take(wanted.limit + 1).collect();
    Ok(shown(
        StatusCode::OK,
        &wanted.page("webhooks", &base, items),
    ))
}

/// `POST webhooks`: all of them or none (rows B129 to B132, B143).
pub(super) async fn create(
    at: At<Crud>,
    context: web::Data<Context>,
    body: Sent<SMALL>,
) -> Result<HttpResponse, Error> {
    let specs = parse_list(&body.0)?;
    let fresh = |spec: WebhookSpec| {
        let id = WebhookId::random(context.process.entropy.u128());
        (id, (spec.name, spec.metadata))
    };
    let new: Vec<_> = specs.into_iter().map(fresh).collect();
    let most = context.v1.webhooks;
    let edit = |draft: &mut Draft<'_>| {
        let added = at
            .policy()
            .map(|policy| add_webhooks(draft, &policy, &new, most))?;
        added.map_err(|why| Error::not_edited(why, &at.names))
    };
    let group = change(&context, &at, Cause::Configure, edit).await?;
    let policy = find(&group, &at)?;
    let made = new
        .iter()
        .filter_map(|(id, _)| Some((id, policy.webhooks.get(id)?)));
    let one = |(id, hook)| view::webhook(&context, &group.key, (&policy.id, id, hook), true);
    let listed = Json::List(made.map(one).collect());
    let mut answer = shown(StatusCode::CREATED, &Json::object([("webhooks", listed)]));
    let collection = format!("policies/{}/webhooks/", policy.id);
    locate(
        &mut answer,
        &view::group_link(&context.v1, &group.key, &collection),
    );
    Ok(answer)
}

fn hook<'p, R>(policy: &'p Policy, at: &At<R>) -> Result<(WebhookId, &'p Webhook), Error> {
    let id = at.webhook()?;
    let webhook = edit::webhook(policy, id);
    let webhook = webhook.map_err(|why| Error::not_edited(why, &at.names))?;
    Ok((id, webhook))
}

/// `GET webhooks/{w}` (row B133).
pub(super) async fn show(at: At<Crud>, context: web::Data<Context>) -> Result<HttpResponse, Error> {
    let group = read(&context, &at).await?;
    let policy = find(&group, &at)?;
    let (id, webhook) = hook(policy, &at)?;
    let webhook = view::webhook(&context, &group.key, (&policy.id, &id, webhook), true);
    Ok(shown(StatusCode::OK, &Json::object([("webhook", webhook)])))
}

/// `PUT webhooks/{w}`: name and metadata; its id and URL stay (rows B134, B135).
pub(super) async fn replace(
    at: At<Crud>,
    context: web::Data<Context>,
    body: Sent<SMALL>,
) -> Result<HttpResponse, Error> {
    let spec = parse_whole(&body.0)?;
    let edit = |draft: &mut Draft<'_>| {
        let policy = find(draft.group(), &at)?.id.clone();
        let words = (spec.name.clone(), spec.metadata.clone());
        let put = put_webhook(draft, &policy, (at.webhook()?, words));
        put.map_err(|why| Error::not_edited(why, &at.names))
    };
    change(&context, &at, Cause::Configure, edit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `DELETE webhooks/{w}` (row B136). Its URL dies with it.
pub(super) async fn delete(
    at: At<Crud>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Error> {
    let edit = |draft: &mut Draft<'_>| {
        let policy = find(draft.group(), &at)?.id.clone();
        let removed = remove_webhook(draft, &policy, at.webhook()?);
        removed.map_err(|why| Error::not_edited(why, &at.names))
    };
    change(&context, &at, Cause::Configure, edit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
