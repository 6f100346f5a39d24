//! Policies of a group.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use domain::draft::Draft;
use domain::group::{Cause, Group};
use domain::ids::{PolicyId, uuid4};
use domain::policy::{Policy, Trigger};
use wire::v1::json::Json;
use wire::v1::policy::{PolicySpec, list as parse_list, one as parse_one};

use super::Error;
use super::edit::{change, empty, read, rules, shown};
use super::extract::{Asked, At, SMALL, Sent};
use super::groups::{in_order, locate};
use super::page::Wanted;
use super::view::{self, Inline};
use crate::auth::right::{Crud, Read};
use crate::context::Context;
use crate::edit::{self, add_policies, put_policy, remove_policy};

/// A new policy of this id.
pub(super) fn made(id: PolicyId, spec: PolicySpec) -> Policy {
    Policy {
        id,
        name: spec.name,
        adjust: spec.adjust,
        cooldown: spec.cooldown,
        // The old service had none (design 8).
        debounce: Duration::ZERO,
        trigger: spec.trigger,
        webhooks: [].into(),
        written: Some(spec.written.into()),
    }
}

/// The policy of the path.
pub(super) fn find<'g, R>(group: &'g Group, at: &At<R>) -> Result<&'g Policy, Error> {
    let found = edit::policy(group, &at.policy()?);
    found.map_err(|why| Error::not_edited(why, &at.names))
}

/// `GET policies` (row B075).
pub(super) async fn list(
    at: At<Read>,
    context: web::Data<Context>,
    asked: Asked,
) -> Result<HttpResponse, Error> {
    let wanted = Wanted::of(&asked)?;
    let group = read(&context, &at).await?;
    let behind = in_order(&group)
        .into_iter()
        .filter(|id| wanted.is_behind(id.as_str()));
    let items = behind.take(wanted.limit + 1).filter_map(|id| {
        let policy = group.config.policies.get(&id)?;
        Some((
            id.to_string(),
            view::policy(&context, &group.key, policy, Inline::Alone),
        ))
    });
    let base = view::group_link(&context.v1, &group.key, "policies/");
    Ok(shown(
        StatusCode::OK,
        &wanted.page("policies", &base, items.collect()),
    ))
}

/// `POST policies`: all of them or none (rows B076 to B092).
pub(super) async fn create(
    at: At<Crud>,
    context: web::Data<Context>,
    body: Sent<SMALL>,
) -> Result<HttpResponse, Error> {
    let specs = parse_list(&body.0, rules(&context))?;
    let fresh = |spec| {
        Some(made(
            uuid4(context.process.entropy.u128()).parse().ok()?,
            spec,
        ))
    };
    let policies: Vec<Policy> = specs.into_iter().filter_map(fresh).collect();
    let most = context.v1.policies;
    let edit = |draft: &mut Draft<'_>| {
        add_policies(draft, &policies, most).map_err(|why| Error::not_edited(why, &at.names))
    };
    let group = change(&context, &at, Cause::Configure, edit).await?;
    let one = |policy| view::policy(&context, &group.key, policy, Inline::Alone);
    let listed = Json::List(policies.iter().map(one).collect());
    let mut answer = shown(StatusCode::CREATED, &Json::object([("policies", listed)]));
    locate(
        &mut answer,
        &view::group_link(&context.v1, &group.key, "policies/"),
    );
    Ok(answer)
}

/// `GET policies/{p}` (rows B079, B082).
pub(super) async fn show(at: At<Read>, context: web::Data<Context>) -> Result<HttpResponse, Error> {
    let group = read(&context, &at).await?;
    let policy = find(&group, &at)?;
    let policy = view::policy(&context, &group.key, policy, Inline::Alone);
    Ok(shown(StatusCode::OK, &Json::object([("policy", policy)])))
}

/// `PUT policies/{p}`: the whole policy; its id, its webhooks and its clock stay, its type must (rows B080, B093).
pub(super) async fn replace(
    at: At<Crud>,
    context: web::Data<Context>,
    body: Sent<SMALL>,
) -> Result<HttpResponse, Error> {
    let spec = parse_one(&body.0, rules(&context))?;
    let edit = |draft: &mut Draft<'_>| {
        let before = find(draft.group(), &at)?;
        if kind(&before.trigger) != kind(&spec.trigger) {
            return Err(Error::validation("Cannot change type of a scaling policy"));
        }
        let policy = Policy {
            debounce: before.debounce,
            webhooks: before.webhooks.clone(),
            ..made(before.id.clone(), spec.clone())
        };
        put_policy(draft, policy).map_err(|why| Error::not_edited(why, &at.names))
    };
    change(&context, &at, Cause::Configure, edit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

const fn kind(trigger: &Trigger) -> u8 {
    match trigger {
        Trigger::Webhook => 0,
        Trigger::Schedule(_) => 1,
        Trigger::Monitoring => 2,
    }
}

/// `DELETE policies/{p}`: with its webhooks, whose URLs die (row B081, contract 9.2 row 9).
pub(super) async fn delete(
    at: At<Crud>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Error> {
    let edit = |draft: &mut Draft<'_>| {
        let removed = at.policy().map(|id| remove_policy(draft, &id))?;
        removed.map_err(|why| Error::not_edited(why, &at.names))
    };
    change(&context, &at, Cause::Configure, edit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
