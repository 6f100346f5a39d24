//! Support staff: looking over all tenants, and who looked. Each look is noted before it is answered; one that cannot be noted is not answered.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::ids::TenantId;
use store::note::Shelf;
use store::search::Wanted;
use wire::v2::Page;
use wire::v2::history::{Found, Look};
use wire::v2::time::Moment;

use super::history::{found, wanted};
use crate::auth::right::{Operate, Staff, Support};
use crate::body::{Params, Rows};
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{OfQuery, Refusals};
use crate::{looks, notes};

/// Changes of the groups of all tenants, or of one, newest first. For support; each look is itself recorded.
#[utoipa::path(
    get, path = "/v2/history", operation_id = "searchAllHistory", tag = "operators",
    params(
        ("tenant" = Option<String>, Query, description = "Of this tenant"),
        ("group" = Option<String>, Query, description = "Of this group"),
        ("cause" = Option<wire::v2::history::Cause>, Query, description = "For this reason"),
        ("actor" = Option<String>, Query, description = "By this subject of a token, webhook or policy"),
        ("request" = Option<String>, Query, description = "In this request"),
        ("server" = Option<String>, Query, description = "That moved the slot of this server"),
        ("verdict" = Option<wire::v2::verdict::Outcome>, Query, description = "With a verdict of this outcome"),
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
    staff: Staff<Support>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&[
        "tenant", "group", "cause", "actor", "request", "server", "verdict", "text", "from", "to",
        "after", "limit",
    ])?;
    let tenant: Option<TenantId> = params.parsed("tenant", "must be the id of a tenant")?;
    let wanted = Wanted {
        tenant,
        ..wanted(&params)?
    };
    let limit = params.limit(Rows::LONG)?;
    let now = (context.wall(), &context.process.entropy);
    let look = looks::look(now, &request, &staff.caller.subject, None);
    looks::keep(&*context.stores.notes, &look).await?;
    found(context.stores.search.find(&wanted, limit).await)
}

/// Who of the staff looked at what, and who was refused for want of a right of staff or of `audit`, newest first. For operators.
#[utoipa::path(
    get, path = "/v2/audit", operation_id = "listLooks", tag = "operators",
    params(
        ("before" = Option<String>, Query, description = "Before this look: `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 50 if not given", minimum = 1, maximum = 500),
    ),
    responses((status = 200, description = "One page", body = Page<Look>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn looks(
    _staff: Staff<Operate>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&["before", "limit"])?;
    notes::page(&context, &params, Shelf::Staff, |look: &Look| {
        look.id.clone()
    })
    .await
}
