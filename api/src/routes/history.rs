//! History: who changed a group, when, why, and what was before and after.

use actix_web::{HttpResponse, web};
use domain::ids::Rev;
use store::group::{CommitRecord, Level};
use wire::v2::Page;
use wire::v2::history::Record;
use wire::v2::time::Moment;

use crate::auth::right::{InGroup, Read};
use crate::body::Params;
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{OfQuery, Refusals};

/// Records on a page.
const LIMIT_DEFAULT: u32 = 50;
/// The most.
const LIMIT_MAX: u32 = 500;

/// Changes of a group, newest first: each with its actor and request id, its cause, and what was before and after.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/history", operation_id = "listHistory", tag = "ledger",
    params(
        ("tenant" = String, Path, description = "The tenant"),
        ("group" = String, Path, description = "The group's id"),
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
    let from: Option<u64> = params.parsed("from", rule)?;
    if from == Some(0) {
        return Err(Failure::parameter("from", rule));
    }
    let limit = params.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    let groups = &context.stores.groups;
    let records = groups
        .records(&within.key, from.map(Rev), limit, Level::Relaxed)
        .await
        .map_err(|error| Failure::store(&error))?;
    if records.is_empty() {
        let group = groups.read(&within.key, Level::Relaxed).await;
        group
            .map_err(|error| Failure::store(&error))?
            .ok_or_else(Failure::not_found)?;
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
