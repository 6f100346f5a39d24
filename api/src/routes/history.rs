//! History: who changed a group, when, why, and what was before and after.

use actix_web::{HttpResponse, web};
use domain::ids::Rev;
use store::group::{CommitRecord, Level};
use store::search::Wanted;
use wire::v2::Page;
use wire::v2::history::{Cause, Found, Record};
use wire::v2::time::Moment;
use wire::v2::verdict::Outcome;

use crate::auth::right::{Allowed, Audit, InGroup, Read};
use crate::body::{Params, Rows};
use crate::change::trace;
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{OfQuery, PathOfGroup, PathOfTenant, Refusals};

/// Changes of a group, newest first: each with its actor and request id, its cause, and what was before and after.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/history", operation_id = "listHistory", tag = "ledger",
    params(
        PathOfGroup,
        ("from" = Option<u64>, Query, description = "From this revision downwards: `next` of the page before", minimum = 1),
        ("limit" = Option<u32>, Query, description = "How many, 50 if not given", minimum = 1, maximum = 500),
    ),
    responses((status = 200, description = "One page", body = Page<Record>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn list(
    within: InGroup<Read>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&["from", "limit"])?;
    let rule = "must be a revision, at least 1";
    let from = params.number("from", rule)?;
    if from == Some(0) {
        return Err(Failure::parameter("from", rule));
    }
    let limit = params.limit(Rows::LONG)?;
    let groups = &context.stores.groups;
    let records = groups
        .records(&within.key, from.map(Rev), limit, Level::Relaxed)
        .await?;
    if records.is_empty() {
        trace(&context, &within.key, Level::Relaxed).await?;
    }
    let is_full = u32::try_from(records.len()).is_ok_and(|n| n == limit);
    let next = records
        .last()
        .map(|last| last.rev.0)
        .filter(|last| is_full && *last > 1)
        .map(|last| (last - 1).to_string());
    let items: Vec<Record> = records.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(Page { next, items }))
}

/// Query parameters of a search; staff may name a tenant too.
const FILTERS: [&str; 11] = [
    "group", "cause", "actor", "request", "server", "verdict", "text", "from", "to", "after",
    "limit",
];
/// The longest text that is searched for.
const TEXT_MAX: usize = 256;

/// Changes of all groups of a tenant, newest first: who did what, when, in which request.
///
/// A page may have fewer than asked for while there is a next one.
#[utoipa::path(
    get, path = "/v2/{tenant}/history", operation_id = "searchHistory", tag = "ledger",
    params(
        PathOfTenant,
        ("group" = Option<String>, Query, description = "Of this group"),
        ("cause" = Option<Cause>, Query, description = "For this reason"),
        ("actor" = Option<String>, Query, description = "By this subject of a token, webhook or policy"),
        ("request" = Option<String>, Query, description = "In this request"),
        ("server" = Option<String>, Query, description = "That moved the slot of this server"),
        ("verdict" = Option<Outcome>, Query, description = "With a verdict of this outcome"),
        ("text" = Option<String>, Query, description = "With this in what was before and after", max_length = 256),
        ("from" = Option<Moment>, Query, description = "At this moment or later"),
        ("to" = Option<Moment>, Query, description = "Before this moment"),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 50 if not given", minimum = 1, maximum = 500),
    ),
    responses((status = 200, description = "One page", body = Page<Found>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn search(
    allowed: Allowed<Audit>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&FILTERS)?;
    let wanted = Wanted {
        tenant: Some(allowed.tenant.clone()),
        ..wanted(&params)?
    };
    let limit = params.limit(Rows::LONG)?;
    let mut page = context.stores.search.find(&wanted, limit).await;
    if let Ok(page) = &mut page {
        page.items.retain(|found| allowed.caller.sees(found.key.id));
    }
    found(page)
}

/// A page of what was found.
pub(super) fn found(
    page: Result<store::search::Page, store::Error>,
) -> Result<HttpResponse, Failure> {
    let page = page?;
    let one = |found: &store::search::Found| Found {
        tenant: found.key.tenant.to_string(),
        group: found.key.id.to_string(),
        record: shown(&found.record),
    };
    Ok(HttpResponse::Ok().json(Page {
        items: page.items.iter().map(one).collect(),
        next: page.next.map(|place| place.to_string()),
    }))
}

/// What the parameters ask for.
pub(super) fn wanted(params: &Params) -> Result<Wanted, Failure> {
    let moment = "must be a moment such as 2026-11-21T14:05:00Z (write + as %2B)";
    let cause = match params.text("cause") {
        Some(word) => {
            let cause = serde_json::from_value::<Cause>(word.into());
            let rule = "must be create, configure, pause, delete, events, queue or converge";
            Some(cause.map_err(|_error| Failure::parameter("cause", rule))?)
        }
        None => None,
    };
    let outcome = match params.text("verdict") {
        Some(word) => {
            let outcome = serde_json::from_value::<Outcome>(word.into());
            let rule = "must be an outcome of a verdict, such as applied or cooldown";
            Some(outcome.map_err(|_error| Failure::parameter("verdict", rule))?)
        }
        None => None,
    };
    let text = params.text("text");
    if text.is_some_and(|text| text.len() > TEXT_MAX) {
        return Err(Failure::parameter("text", "must have at most 256 bytes"));
    }
    let text = text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Wanted {
        tenant: None,
        group: params.parsed("group", "must be the id of a group")?,
        cause: cause.map(Into::into),
        actor: params.text("actor").map(str::to_owned),
        request: params.text("request").map(str::to_owned),
        server: params.parsed("server", "must be the id of a server")?,
        outcome: outcome.map(Into::into),
        text,
        from: params.parsed::<Moment>("from", moment)?.map(|from| from.0),
        to: params.parsed::<Moment>("to", moment)?.map(|to| to.0),
        after: params.parsed("after", "must be `next` of the page before")?,
    })
}

fn shown(record: &CommitRecord) -> Record {
    Record {
        rev: record.rev.0,
        at: Moment(record.at),
        cause: record.cause.into(),
        actor: (&record.actor).into(),
        // It was written as JSON; if a person's hand made it something else, it is shown as the text that it is.
        change: serde_json::from_str(&record.detail)
            .unwrap_or_else(|_| record.detail.as_str().into()),
        previous: record.previous.to_string(),
        hash: record.hash.to_string(),
    }
}
