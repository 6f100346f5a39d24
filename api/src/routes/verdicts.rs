//! Verdicts: why a group has the size it has.

use actix_web::{HttpResponse, web};
use domain::ids::Rev;
use domain::time::Timestamp;
use store::group::{Before, Level};
use wire::v2::Page;
use wire::v2::time::Moment;
use wire::v2::verdict::Verdict;

use crate::auth::right::{InGroup, Read};
use crate::body::{Params, Rows};
use crate::change::trace;
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{OfQuery, PathOfGroup, Refusals};

/// Verdicts of one commit never lie on two pages.
const COMMIT_MAX: u32 = 64;

/// Verdicts, newest first, in the order of commits: the clocks of those who decided may differ. "Why did it not scale at 14:05" is `at=..T14:05:00Z&limit=5`: what had been decided by then.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/verdicts", operation_id = "listVerdicts", tag = "events",
    params(
        PathOfGroup,
        ("at" = Option<Moment>, Query, description = "Decided at this moment or before"),
        ("before" = Option<u64>, Query, description = "Of revisions before this one: `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 50 if not given; a page may have up to 63 more", minimum = 1, maximum = 500),
    ),
    responses((status = 200, description = "One page", body = Page<Verdict>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn list(
    within: InGroup<Read>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&["at", "before", "limit"])?;
    let rule = "must be a moment such as 2026-11-21T14:05:00Z (write + as %2B)";
    let at = params.parsed::<Moment>("at", rule)?;
    let rev = params.number("before", "must be `next` of the page before")?;
    let before = Before {
        rev: rev.map(Rev),
        at: at.map(|at| Timestamp::from_unix_ms(at.0.unix_ms() + 1)),
    };
    let limit = params.limit(Rows::LONG)?;
    let groups = &context.stores.groups;
    let verdicts = groups
        .verdicts(&within.key, before, limit + COMMIT_MAX)
        .await?;
    if verdicts.is_empty() {
        trace(&context, &within.key, Level::Relaxed).await?;
    }
    Ok(HttpResponse::Ok().json(page(&verdicts, limit)))
}

fn page(verdicts: &[domain::verdict::Verdict], limit: u32) -> Page<Verdict> {
    let wanted = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .min(verdicts.len());
    let last = wanted.checked_sub(1).and_then(|last| verdicts.get(last));
    let more = verdicts[wanted..]
        .iter()
        .take_while(|verdict| last.is_some_and(|last| last.rev == verdict.rev))
        .count();
    let items: Vec<Verdict> = verdicts[..wanted + more]
        .iter()
        .map(Verdict::from)
        .collect();
    let rest = verdicts.len() > items.len();
    Page {
        next: items
            .last()
            .filter(|_| rest)
            .map(|last| last.rev.to_string()),
        items,
    }
}
