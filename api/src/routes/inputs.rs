//! Inputs of a tenant: made, shown, changed, tried, and taken away. Alerts themselves come in elsewhere ([`crate::intake`]).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::decide::{decide, expire};
use domain::draft::Draft;
use domain::ids::{GroupId, InputId};
use store::group::Level;
use wire::problem::Code;
use wire::v2::Page;
use wire::v2::input::{
    INPUTS_MAX, Input, InputSpec, Rejected, Rotate, Trial, TrialAlert, TrialGroup, TrialSample,
};
use wire::v2::time::Moment;

use crate::auth::right::{Allowed, Crud, Read};
use crate::body::{Body, arrive};
use crate::context::Context;
use crate::failure::Failure;
use crate::intake::{Kept, Loaded, groups_of, ready, rejected_of, signal_event, wanted};
use crate::openapi::{Keyed, OfBody, OfMake, OfWrite, PathOfInput, PathOfTenant, Refusals};
use crate::origin::Origin;
use crate::told::Told;
use crate::write::{Answer, no_body, once};

type Names = web::Path<(String, String)>;

/// Makes an input. Its URL, and its secret if it has one, are in the answer, once.
#[utoipa::path(
    post, path = "/v2/{tenant}/inputs", operation_id = "createInput", tag = "inputs",
    params(PathOfTenant, Keyed),
    request_body = InputSpec,
    responses((status = 201, description = "The input, with its URL", body = Input), Refusals, OfBody, OfWrite, OfMake),
    security(("token" = [])),
)]
pub async fn create(
    allowed: Allowed<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<InputSpec>,
) -> Result<HttpResponse, Failure> {
    not_limited(&allowed)?;
    body.value.parse()?;
    can_tell(&context)?;
    let tenant = &allowed.tenant;
    let asked = (&request, body.hash);
    once(&context, Some(tenant), asked, async |seed| {
        let there = all(&context, tenant).await?;
        let id = InputId::new(context.colo, seed.u128());
        // An earlier try of the same write made it.
        if let Some(made) = there.iter().find(|input| input.id == id) {
            let path = format!("/v2/{tenant}/inputs/{id}");
            return Ok(telling(StatusCode::CREATED, made).at(path));
        }
        if there.len() >= INPUTS_MAX {
            let full = Failure::new(Code::LimitReached, "a tenant may have 100 inputs");
            return Err(full.at("inputs", "100"));
        }
        let kept = Kept {
            spec: body.value,
            serial: 1,
            before: None,
        };
        let input = put(&context, (tenant.clone(), id, context.wall()), kept).await?;
        let path = format!("/v2/{tenant}/inputs/{id}");
        Ok(telling(StatusCode::CREATED, &input).at(path))
    })
    .await
}

/// The inputs of a tenant, in order of id: at most 100. Without URLs and secrets.
#[utoipa::path(
    get, path = "/v2/{tenant}/inputs", operation_id = "listInputs", tag = "inputs",
    params(PathOfTenant),
    responses((status = 200, description = "All of them", body = Page<Input>), Refusals),
    security(("token" = [])),
)]
pub async fn list(
    allowed: Allowed<Read>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    let inputs = all(&context, &allowed.tenant).await?;
    let items: Vec<Input> = inputs.iter().map(view).collect();
    Ok(HttpResponse::Ok().json(Page { items, next: None }))
}

/// One input, without its URL and secret.
#[utoipa::path(
    get, path = "/v2/{tenant}/inputs/{input}", operation_id = "showInput", tag = "inputs",
    params(PathOfInput),
    responses((status = 200, description = "The input", body = Input), Refusals),
    security(("token" = [])),
)]
pub async fn show(
    allowed: Allowed<Read>,
    context: web::Data<Context>,
    path: Names,
) -> Result<HttpResponse, Failure> {
    let input = find(&context, &allowed.tenant, &path).await?;
    Ok(HttpResponse::Ok().json(view(&input)))
}

/// Replaces what is configured of an input. Its URL and secret stay.
#[utoipa::path(
    put, path = "/v2/{tenant}/inputs/{input}", operation_id = "replaceInput", tag = "inputs",
    params(PathOfInput, Keyed),
    request_body = InputSpec,
    responses((status = 200, description = "The input", body = Input), Refusals, OfBody, OfWrite),
    security(("token" = [])),
)]
pub async fn replace(
    allowed: Allowed<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<InputSpec>,
    path: Names,
) -> Result<HttpResponse, Failure> {
    not_limited(&allowed)?;
    body.value.parse()?;
    let asked = (&request, body.hash);
    once(&context, Some(&allowed.tenant), asked, async |_seed| {
        let before = find(&context, &allowed.tenant, &path).await?;
        let kept = Kept {
            spec: body.value,
            ..before.kept
        };
        let input = put(&context, (before.tenant, before.id, before.created), kept).await?;
        Ok(Answer::of(StatusCode::OK, &view(&input)))
    })
    .await
}

/// Takes an input away, with what was kept of it. Alerts that are open stay open in their groups.
#[utoipa::path(
    delete, path = "/v2/{tenant}/inputs/{input}", operation_id = "deleteInput", tag = "inputs",
    params(PathOfInput, Keyed),
    responses((status = 204, description = "It is gone"), Refusals, OfWrite),
    security(("token" = [])),
)]
pub async fn delete(
    allowed: Allowed<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: Names,
) -> Result<HttpResponse, Failure> {
    not_limited(&allowed)?;
    let asked = (&request, no_body());
    once(&context, Some(&allowed.tenant), asked, async |seed| {
        match find(&context, &allowed.tenant, &path).await {
            Ok(input) => {
                let inputs = &context.stores.inputs;
                inputs.remove(&input.tenant, input.id).await?;
                context.books.forget(input.id);
            }
            Err(failure) if seed.is_repeated && failure.code == Code::NotFound => {}
            Err(failure) => return Err(failure),
        }
        Ok(Answer::empty())
    })
    .await
}

/// Gives an input another URL and secret, and shows them, once. Those from before are good for as long as the request says.
#[utoipa::path(
    post, path = "/v2/{tenant}/inputs/{input}/rotate", operation_id = "rotateInput", tag = "inputs",
    params(PathOfInput, Keyed),
    request_body = Rotate,
    responses((status = 200, description = "The input, with its new URL", body = Input), Refusals, OfBody, OfWrite, OfMake),
    security(("token" = [])),
)]
pub async fn rotate(
    allowed: Allowed<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<Rotate>,
    path: Names,
) -> Result<HttpResponse, Failure> {
    not_limited(&allowed)?;
    let grace = body.value.grace_seconds;
    if grace > 86_400 {
        return Err(wire::v2::Invalid::new("grace_seconds", "must be 0 to 86400").into());
    }
    can_tell(&context)?;
    let asked = (&request, body.hash);
    once(&context, Some(&allowed.tenant), asked, async |_seed| {
        let before = find(&context, &allowed.tenant, &path).await?;
        let until = context.wall().unix_ms() + u64::from(grace) * 1_000;
        let kept = Kept {
            serial: before.kept.serial.saturating_add(1),
            before: (grace > 0).then_some((before.kept.serial, until)),
            spec: before.kept.spec,
        };
        let input = put(&context, (before.tenant, before.id, before.created), kept).await?;
        Ok(telling(StatusCode::OK, &input))
    })
    .await
}

/// What was not acted on in the last 7 days, newest first, with the reason: at most 256 bodies.
#[utoipa::path(
    get, path = "/v2/{tenant}/inputs/{input}/rejected", operation_id = "listRejected", tag = "inputs",
    params(PathOfInput),
    responses((status = 200, description = "All of them", body = Page<Rejected>), Refusals),
    security(("token" = [])),
)]
pub async fn rejected(
    allowed: Allowed<Read>,
    context: web::Data<Context>,
    path: Names,
) -> Result<HttpResponse, Failure> {
    let input = find(&context, &allowed.tenant, &path).await?;
    let items = rejected_of(&context, input.id, context.wall()).await?;
    Ok(HttpResponse::Ok().json(Page { items, next: None }))
}

/// Says what would be done with a body, and does nothing. The body is whatever a sender would send.
#[utoipa::path(
    post, path = "/v2/{tenant}/inputs/{input}/test", operation_id = "testInput", tag = "inputs",
    params(PathOfInput),
    request_body(content = String, description = "Whatever the input's format says", content_type = "application/json"),
    responses((status = 200, description = "What would be done", body = Trial), Refusals, OfBody),
    security(("token" = [])),
)]
pub async fn test(
    allowed: Allowed<Read>,
    context: web::Data<Context>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    not_limited(&allowed)?;
    let id = request.match_info().get("input").unwrap_or_default();
    let input = find_by(&context, &allowed.tenant, id).await?;
    let bytes = arrive(&context, payload.into_inner(), alert::BODY_BYTES_MAX).await?;
    let media = request.headers().get(header::CONTENT_TYPE);
    let media = media
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let content = crate::intake::read(&input, media, &bytes, context.wall());
    let content = content.map_err(|why| Failure::new(Code::AlertUnreadable, why.to_string()))?;
    let mut alerts = Vec::new();
    for alert in &content.alerts {
        alerts.push(tried(&context, &input, alert, &Origin::of(&request)).await?);
    }
    let sample = |sample: &alert::Sample| TrialSample {
        host: sample.host.clone(),
        value: sample.value.to_string(),
    };
    Ok(HttpResponse::Ok().json(Trial {
        format: content.format.as_str().to_owned(),
        alerts,
        samples: content.samples.iter().map(sample).collect(),
        broken: content.broken.iter().map(ToString::to_string).collect(),
        passed_over: content
            .passed_over
            .iter()
            .map(|why| (*why).to_owned())
            .collect(),
    }))
}

/// What would become of one alert, in each group that it is for.
async fn tried(
    context: &Context,
    input: &Loaded,
    alert: &alert::Alert,
    origin: &Origin,
) -> Result<TrialAlert, Failure> {
    let mut groups = Vec::new();
    for one in wanted(input, alert) {
        let wanted = match &one {
            alert::route::Wanted::Id(id) => id.to_string(),
            alert::route::Wanted::Named(name) => name.clone(),
        };
        let found = groups_of(context, &input.tenant, vec![one]).await?;
        if found.is_empty() {
            groups.push(TrialGroup {
                id: None,
                wanted: wanted.clone(),
                verdict: None,
            });
        }
        for id in found {
            let verdict = verdict(context, input, (alert, id), origin).await?;
            groups.push(TrialGroup {
                // An id is taken from the route as it stands there: without a verdict, no group of the tenant has it.
                id: verdict.as_ref().map(|_| id.to_string()),
                wanted: wanted.clone(),
                verdict: verdict.map(Box::new),
            });
        }
    }
    let severity = input.parsed.severity(alert);
    let action = match input.parsed.action(severity) {
        domain::circle::Action::Step(_) => "step",
        domain::circle::Action::Notify => "notify",
        domain::circle::Action::Nothing => "nothing",
    };
    Ok(TrialAlert {
        // An alert always has a JSON form.
        alert: serde_json::to_value(alert).unwrap_or_default(),
        severity: severity.as_str().to_owned(),
        action: action.to_owned(),
        groups,
    })
}

/// The verdict that the event would get by the group as it is; none: there is no such group.
async fn verdict(
    context: &Context,
    input: &Loaded,
    (alert, id): (&alert::Alert, GroupId),
    origin: &Origin,
) -> Result<Option<wire::v2::verdict::Verdict>, Failure> {
    let key = context.key(input.tenant.clone(), id);
    let group = context.stores.groups.read(&key, Level::Relaxed).await?;
    let event = signal_event(context, input, (alert, id, None), origin);
    let Some((group, event)) = group.zip(event) else {
        return Ok(None);
    };
    let mut draft = Draft::new(&group, context.now());
    expire(&mut draft);
    decide(&mut draft, &[event]);
    Ok(draft.verdicts().first().map(Into::into))
}

/// An input may reach every group of its tenant.
fn not_limited<R>(allowed: &Allowed<R>) -> Result<(), Failure> {
    if allowed.caller.groups.is_some() {
        return Err(Failure::new(
            Code::GroupsLimited,
            "an input may reach every group of its tenant",
        ));
    }
    Ok(())
}

async fn all(context: &Context, tenant: &domain::ids::TenantId) -> Result<Vec<Loaded>, Failure> {
    let most = u32::try_from(INPUTS_MAX).unwrap_or(u32::MAX);
    let inputs = context.stores.inputs.of_tenant(tenant, None, most).await;
    inputs?.into_iter().map(ready).collect()
}

async fn find(
    context: &Context,
    tenant: &domain::ids::TenantId,
    path: &Names,
) -> Result<Loaded, Failure> {
    find_by(context, tenant, &path.1).await
}

/// The input as it is stored, if it is the tenant's.
async fn find_by(
    context: &Context,
    tenant: &domain::ids::TenantId,
    id: &str,
) -> Result<Loaded, Failure> {
    let id: InputId = id.parse().map_err(|_error| Failure::not_found())?;
    let found = context.stores.inputs.get(id).await?;
    let own = found.filter(|input| input.tenant == *tenant);
    ready(own.ok_or_else(Failure::not_found)?)
}

async fn put(
    context: &Context,
    (tenant, id, created): (domain::ids::TenantId, InputId, domain::time::Timestamp),
    kept: Kept,
) -> Result<Loaded, Failure> {
    let body = serde_json::to_string(&kept)
        .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
    let input = store::input::Input {
        tenant,
        id,
        created,
        body,
    };
    context.stores.inputs.put(&input).await?;
    context.books.forget(id);
    ready(input)
}

/// The answer that tells an input's URL and secret.
fn telling(status: StatusCode, input: &Loaded) -> Answer {
    let by = input.parsed.verify.as_ref().map(|verify| verify.by);
    Answer::of(status, &view(input)).telling(Told::input(input.id, input.kept.serial, by))
}

/// Without keys there is no URL to tell.
fn can_tell(context: &Context) -> Result<(), Failure> {
    let probe = context.v1.input(InputId::new(context.colo, 0), 1);
    probe.map(drop).ok_or_else(|| {
        let detail = "the operator has set up no key for URLs (`v1.capabilities`)";
        Failure::new(Code::NotConfigured, detail)
    })
}

/// The view of an input, without its URL and secret.
fn view(input: &Loaded) -> Input {
    Input {
        id: input.id.to_string(),
        spec: input.kept.spec.clone(),
        url: None,
        secret: None,
        created: Moment(input.created),
    }
}
