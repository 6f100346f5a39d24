//! Groups, their configuration and state, and the limits of a tenant.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::capacity::Size;
use domain::draft::Draft;
use domain::group::{Cause, Config, Group, Phase, ScaleInOrder};
use domain::ids::{GroupId, LaunchHash, PolicyId, uuid4};
use store::apply::Refused;
use store::group::Level;
use wire::problem::Code;
use wire::v1::group::{CreateSpec, create as parse_create, replacement};
use wire::v1::json::Json;

use super::Error;
use super::edit::{change, empty, is_there, read, rules, shown};
use super::extract::{Asked, At, LARGE, SMALL, Sent};
use super::page::Wanted;
use super::policies::made;
use super::validate::validated;
use super::view::{self, Inline};
use crate::auth::right::{Crud, Read};
use crate::context::Context;
use crate::edit::fits;
use crate::failure::Failure;
use crate::tenant;

/// A server that builds longer is deleted and replaced (contract 4.4).
const BUILD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3600);

/// `GET groups` (rows B014, B015).
pub(super) async fn list(
    at: At<Read>,
    context: web::Data<Context>,
    asked: Asked,
) -> Result<HttpResponse, Error> {
    let wanted = Wanted::of(&asked)?;
    let tenant = &at.names.tenant;
    let mut items = Vec::new();
    let keys = tenant::groups(&context, tenant).await?;
    for key in keys
        .into_iter()
        .filter(|key| at.allowed.caller.sees(key.id))
    {
        let id = key.id.to_string();
        if items.len() > wanted.limit {
            break;
        }
        if !wanted.is_behind(&id) {
            continue;
        }
        let group = context.stores.groups.read(&key, Level::Relaxed).await?;
        if let Some(group) = group.filter(is_there) {
            items.push((id, view::in_list(&context, &group)));
        }
    }
    let base = context.v1.link(tenant, "");
    Ok(shown(StatusCode::OK, &wanted.page("groups", &base, items)))
}

/// `POST groups` (rows B001 to B008).
pub(super) async fn create(
    at: At<Crud>,
    context: web::Data<Context>,
    body: Sent<LARGE>,
) -> Result<HttpResponse, Error> {
    if at.allowed.caller.groups.is_some() {
        let text = "a token that is limited to certain groups cannot create others";
        return Err(Failure::new(Code::GroupsLimited, text).into());
    }
    let mut spec = parse_create(&body.0, rules(&context))?;
    let tenant = &at.names.tenant;
    // A new group launches its min at once; one that wants nothing yet may be made.
    if spec.group.bounds.min() > Size::ZERO && context.v1.is_suspended(tenant) {
        return Err(Error::suspended(&at.names));
    }
    spec.launch = validated(&context, tenant, spec.launch).await?;
    quota(&context, &at).await?;
    let written = spec.launch.bytes();
    let launch = context.stores.launches.put(tenant, &written).await?;
    let id = GroupId::new(context.colo, context.process.entropy.u128());
    let key = context.key(tenant.clone(), id);
    let (config, order) = configured(&context, spec, launch);
    fits(&config).map_err(|why| Error::not_edited(why, &at.names))?;
    let group = Group::new(key.clone(), config);
    let mut draft = Draft::new(&group, context.now());
    draft.arm();
    let first = draft.finish(Cause::Create, at.actor());
    context.mark(&key).await;
    let made = store::apply::create(&context.process, &*context.stores.groups, group, first).await;
    let group = made.map_err(|refused| match refused {
        // 112 random bits came twice.
        Refused::Decision(store::apply::AlreadyExists) => Error::unavailable("The id was taken."),
        Refused::Store(error) => error.into(),
        Refused::Missing | Refused::Unknown | Refused::Contended => Error::unavailable(
            "It is not known whether the group was made: list groups before trying again.",
        ),
    })?;
    context.poke(&key);
    // Nothing is read after the commit: what could not be read would be told as if nothing had been done.
    let launch = view::launch(&written, true);
    let body = view::manifest(&context, &group, launch, &order, Inline::Alone);
    let mut answer = shown(StatusCode::CREATED, &Json::object([("group", body)]));
    locate(&mut answer, &view::group_link(&context.v1, &key, ""));
    Ok(answer)
}

/// Says where what was made is.
pub(super) fn locate(answer: &mut HttpResponse, href: &str) {
    if let Ok(value) = header::HeaderValue::from_str(href) {
        answer.headers_mut().insert(header::LOCATION, value);
    }
}

/// The configuration of a new group, and its policies in the order of the request.
fn configured(context: &Context, spec: CreateSpec, launch: LaunchHash) -> (Config, Vec<PolicyId>) {
    let policies: Vec<_> = spec
        .policies
        .into_iter()
        .filter_map(|policy| {
            Some(made(
                uuid4(context.process.entropy.u128()).parse().ok()?,
                policy,
            ))
        })
        .collect();
    let order = policies.iter().map(|policy| policy.id.clone()).collect();
    let config = Config {
        name: spec.group.name,
        bounds: spec.group.bounds,
        cooldown: spec.group.cooldown,
        launch,
        metadata: spec.group.metadata,
        policies: policies
            .into_iter()
            .map(|policy| (policy.id.clone(), policy))
            .collect(),
        scale_in: ScaleInOrder::OldestFirst,
        circle: domain::circle::Circle::default(),
        build_timeout: BUILD_TIMEOUT,
        serials: 0,
        hooks: std::collections::BTreeMap::new(),
        generation: 1,
    };
    (config, order)
}

/// Groups that are being deleted do not count (contract 2.7).
async fn quota<R>(context: &Context, at: &At<R>) -> Result<(), Error> {
    let tenant = &at.names.tenant;
    if tenant::has_room(context, tenant).await? {
        return Ok(());
    }
    let most = context.v1.groups;
    let text = format!("Allowed limit of {most} scaling groups reached by tenant {tenant}");
    Err(Error::over("ScalingGroupOverLimitError", text))
}

/// The launch configuration that the group names.
pub(super) async fn launched(context: &Context, group: &Group, open: bool) -> Result<Json, Error> {
    let known = &context.known;
    let body = known
        .launch(&context.stores, &group.key.tenant, group.config.launch)
        .await?;
    Ok(body.map_or(Json::Null, |body| view::launch(&body, open)))
}

/// `GET groups/{g}`: the manifest (rows B013, B026 to B029).
pub(super) async fn show(
    at: At<Read>,
    context: web::Data<Context>,
    asked: Asked,
) -> Result<HttpResponse, Error> {
    let group = read(&context, &at).await?;
    let webhooks = asked
        .text("webhooks")
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let inline = if webhooks {
        Inline::Webhooks {
            urls: at.is_admin(),
        }
    } else {
        Inline::Alone
    };
    let order = in_order(&group);
    let launch = launched(&context, &group, at.is_admin()).await?;
    let body = view::manifest(&context, &group, launch, &order, inline);
    Ok(shown(StatusCode::OK, &Json::object([("group", body)])))
}

/// Policies in order of id.
pub(super) fn in_order(group: &Group) -> Vec<PolicyId> {
    group.config.policies.keys().cloned().collect()
}

/// `GET groups/{g}/state` (rows B023 to B025).
pub(super) async fn state(
    at: At<Read>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Error> {
    let group = read(&context, &at).await?;
    let state = view::state(&context, &group);
    Ok(shown(StatusCode::OK, &Json::object([("group", state)])))
}

/// `GET groups/{g}/config`.
pub(super) async fn config(
    at: At<Read>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Error> {
    let group = read(&context, &at).await?;
    let configuration = view::configuration(&group);
    Ok(shown(
        StatusCode::OK,
        &Json::object([("groupConfiguration", configuration)]),
    ))
}

/// `PUT groups/{g}/config`: the whole configuration; desired is moved into new bounds at once, whatever the cooldowns (contract 3.6).
pub(super) async fn configure(
    at: At<Crud>,
    context: web::Data<Context>,
    body: Sent<SMALL>,
) -> Result<HttpResponse, Error> {
    let spec = replacement(&body.0)?;
    let suspended = context.v1.is_suspended(&at.names.tenant);
    let edit = |draft: &mut Draft<'_>| {
        // Before anything is stored (contract 9.2 row 6).
        if suspended {
            return Err(Error::suspended(&at.names));
        }
        let mut config = draft.config().clone();
        config.name.clone_from(&spec.name);
        config.metadata.clone_from(&spec.metadata);
        (config.bounds, config.cooldown) = (spec.bounds, spec.cooldown);
        config.generation += 1;
        draft.configure(config);
        let desired = draft.limits().clamp(draft.state.desired);
        if desired != draft.state.desired {
            draft.state.desired = desired;
            draft.state.forced = false;
        }
        Ok(())
    };
    change(&context, &at, Cause::Configure, edit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `DELETE groups/{g}` (rows B018, B019, B177 to B181). With `force` its servers go too.
pub(super) async fn delete(
    at: At<Crud>,
    context: web::Data<Context>,
    asked: Asked,
) -> Result<HttpResponse, Error> {
    let force = asked.flag("force", false)?;
    let edit = |draft: &mut Draft<'_>| {
        if draft.state.desired > Size::ZERO && !force {
            let (group, tenant) = (&at.names.group, &at.names.tenant);
            let text = format!("Group {group} for tenant {tenant} still has entities.");
            return Err(Error::forbidden("GroupNotEmptyError", text));
        }
        draft.state.phase = Phase::Deleting;
        draft.state.desired = Size::ZERO;
        draft.state.forced = true;
        draft.state.timers.clear();
        Ok(())
    };
    change(&context, &at, Cause::Delete, edit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `GET limits`, as JSON or as XML (rows B155, B156).
pub(super) async fn limits(
    at: At<Read>,
    context: web::Data<Context>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let service = &context.v1;
    let absolute = [
        ("maxGroups", service.groups),
        ("maxPoliciesPerGroup", service.policies),
        ("maxWebhooksPerPolicy", service.webhooks),
    ];
    let accept = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("xml")) {
        let lines =
            absolute.map(|(name, value)| format!("<limit name=\"{name}\" value=\"{value}\"/>"));
        let namespace = "http://docs.openstack.org/common/api/v1.0";
        let body = format!(
            "<limits xmlns=\"{namespace}\"><absolute>{}</absolute></limits>",
            lines.concat()
        );
        return Ok(HttpResponse::Ok()
            .content_type("application/xml")
            .body(body));
    }
    let tenant = regex_of(at.names.tenant.as_str());
    let (requests, unit) = context.limiter.rate();
    let rate = |uri: &str, regex: &str, unit: &str, value: u32| {
        let limit = Json::object([
            ("unit", Json::of(unit)),
            ("value", Json::count(value)),
            ("verb", Json::of("ALL")),
        ]);
        Json::object([
            ("uri", Json::of(uri)),
            ("regex", Json::of(regex)),
            ("limit", Json::List(vec![limit])),
        ])
    };
    let rates = vec![
        rate("/v1.0/*", &format!("/v1\\.0/{tenant}/.+"), unit, requests),
        rate(
            "/v1.0/execute/*",
            "/v1\\.0/execute/(.*)",
            "SECOND",
            service.executions.get(),
        ),
    ];
    let absolute = Json::object(absolute.map(|(name, value)| (name, Json::count(value))));
    let limits = Json::object([("absolute", absolute), ("rate", Json::List(rates))]);
    Ok(shown(StatusCode::OK, &Json::object([("limits", limits)])))
}

/// A tenant's name in a regular expression: of what it may hold, only the dot means something there.
fn regex_of(tenant: &str) -> String {
    tenant.replace('.', "\\.")
}
