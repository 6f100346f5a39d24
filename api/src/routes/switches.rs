//! Kill switches, for operators (design 7). Kept in the store with who, why and until; supervisors read them every second, workers hear of them
//! with the next heartbeat.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::control::Scope;
use store::control::Throw;
use wire::v2::switch::{self, Switch, SwitchSpec};
use wire::v2::time::Moment;
use wire::v2::{Invalid, Page};

use crate::auth::right::{Operate, Staff};
use crate::body::{Body, Params, Rows};
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{Keyed, OfBody, OfQuery, OfScope, OfWrite, Refusals};
use crate::write::{Answer, no_body, once};

/// The switches that stand, in order of scope.
///
/// What the break-glass file of a process says, and what the surge guard does by itself, is not among them: those hold without the store.
#[utoipa::path(
    get, path = "/v2/switches", operation_id = "listSwitches", tag = "operators",
    responses((status = 200, description = "All of them", body = Page<Switch>), Refusals),
    security(("token" = [])),
)]
pub async fn list(
    _staff: Staff<Operate>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    let standing = context.stores.controls.standing().await?;
    let now = context.wall();
    let items: Vec<Switch> = standing
        .iter()
        .filter(|switch| switch.stands(now))
        .map(Switch::from)
        .collect();
    Ok(HttpResponse::Ok().json(Page { items, next: None }))
}

/// Sets the switch of a scope, in place of the one that stands there. It holds within 5 s.
#[utoipa::path(
    put, path = "/v2/switches/{scope}", operation_id = "setSwitch", tag = "operators",
    params(("scope" = String, Path, description = "`global`, `colo:NUMBER`, `tenant:ID` or `group:ID`"), Keyed),
    request_body = SwitchSpec,
    responses((status = 200, description = "The switch", body = Switch), Refusals, OfBody, OfWrite),
    security(("token" = [])),
)]
pub async fn set(
    staff: Staff<Operate>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    body: Body<SwitchSpec>,
) -> Result<HttpResponse, Failure> {
    let scope = scope(&path)?;
    let who = &staff.caller.subject;
    once(&context, None, (&request, body.hash), async |_seed| {
        let switch = body.value.parse(scope, who, context.wall())?;
        let answer = Answer::of(StatusCode::OK, &Switch::from(&switch));
        keep(&context, &Throw::from(switch)).await?;
        Ok(answer)
    })
    .await
}

/// Takes the switch of a scope back. Where none stands, nothing happens.
#[utoipa::path(
    delete, path = "/v2/switches/{scope}", operation_id = "clearSwitch", tag = "operators",
    params(
        ("scope" = String, Path, description = "`global`, `colo:NUMBER`, `tenant:ID` or `group:ID`"),
        ("why" = Option<String>, Query, description = "Why: at most 500 characters"),
        Keyed,
    ),
    responses((status = 204, description = "None stands there any more"), Refusals, OfQuery, OfScope, OfWrite),
    security(("token" = [])),
)]
pub async fn clear(
    staff: Staff<Operate>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let scope = scope(&path)?;
    let params = params.only(&["why"])?;
    let why = match params.text("why") {
        Some(text) => switch::why(text).ok_or_else(|| Failure::parameter("why", switch::RULE))?,
        None => String::new(),
    };
    once(&context, None, (&request, no_body()), async |_seed| {
        let standing = context.stores.controls.standing().await?;
        if standing.iter().any(|switch| switch.scope == scope) {
            let throw = Throw {
                scope,
                mode: None,
                who: staff.caller.subject.to_string(),
                why,
                at: context.wall(),
                until: None,
            };
            keep(&context, &throw).await?;
        }
        Ok(Answer::empty())
    })
    .await
}

/// Who did what to which switch, newest first.
#[utoipa::path(
    get, path = "/v2/switches/history", operation_id = "listThrows", tag = "operators",
    params(
        ("before" = Option<u64>, Query, description = "Older than this number: `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 50 if not given", minimum = 1, maximum = 500),
    ),
    responses((status = 200, description = "One page", body = Page<switch::Throw>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn history(
    _staff: Staff<Operate>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&["before", "limit"])?;
    let before = params.number("before", "must be a number")?;
    let limit = params.limit(Rows::LONG)?;
    let throws = context.stores.controls.history(before, limit).await?;
    let is_full = throws.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = throws
        .last()
        .filter(|_| is_full)
        .map(|(n, _)| n.to_string());
    let items: Vec<switch::Throw> = throws.into_iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(Page { items, next }))
}

fn shown((number, throw): (u64, Throw)) -> switch::Throw {
    switch::Throw {
        number,
        scope: throw.scope.text(),
        mode: throw.mode.map(switch::Mode::from),
        who: throw.who,
        why: throw.why,
        at: Moment(throw.at),
        until: throw.until.map(Moment),
    }
}

async fn keep(context: &Context, throw: &Throw) -> Result<(), Failure> {
    context.stores.controls.throw(throw).await?;
    let mode = throw
        .mode
        .map_or("taken back", domain::control::Mode::as_str);
    tracing::warn!(
        scope = throw.scope.text(),
        mode,
        who = throw.who,
        why = throw.why,
        "a kill switch was thrown"
    );
    Ok(())
}

fn scope(text: &str) -> Result<Scope, Failure> {
    let rule = "must be global, colo:NUMBER, tenant:ID or group:ID";
    Scope::parse(text).ok_or_else(|| Failure::from(Invalid::new("scope", rule)))
}
