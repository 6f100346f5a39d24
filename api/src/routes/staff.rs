//! Support staff: looking over all tenants, and who looked. Each look is noted before it is answered; one that cannot be noted is not answered.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::ids::TenantId;
use store::note::{Note, Shelf};
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

/// The longest query that a look is noted with.
const ASKED_MAX: usize = 4 * 1024;

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
    note(&context, &staff, &request).await?;
    found(context.stores.search.find(&wanted, limit).await)
}

/// Who of the staff looked at what, newest first. For operators.
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
    let rule = "must be `next` of the page before";
    let before = match params.text("before") {
        Some(text) => Some(id_of(text).ok_or_else(|| Failure::parameter("before", rule))?),
        None => None,
    };
    let limit = params.limit(Rows::LONG)?;
    let notes = &context.stores.notes;
    let found = notes
        .newest(Shelf::Staff, before.as_deref(), limit + 1)
        .await?;
    let all: Vec<Look> = found.iter().filter_map(look).collect();
    Ok(HttpResponse::Ok().json(super::cut(all, limit, |look| look.id.clone())))
}

async fn note(
    context: &Context,
    staff: &Staff<Support>,
    request: &HttpRequest,
) -> Result<(), Failure> {
    let at = context.wall();
    let random = context.process.entropy.u64().to_be_bytes();
    let id: Vec<u8> = at
        .unix_ms()
        .to_be_bytes()
        .into_iter()
        .chain(random)
        .collect();
    let asked = format!("{}?{}", request.path(), request.query_string());
    let look = Look {
        id: text_of(&id),
        at: Moment(at),
        who: staff.caller.subject.to_string(),
        request_id: staff.origin().request_id.clone(),
        from: staff.origin().address,
        asked: asked.chars().take(ASKED_MAX).collect(),
    };
    let note = Note {
        id,
        at,
        body: serde_json::to_string(&look).unwrap_or_default(),
    };
    let kept = context.stores.notes.keep(Shelf::Staff, &note, None).await;
    kept.map(drop).map_err(Failure::from)
}

fn look(note: &Note) -> Option<Look> {
    serde_json::from_str(&note.body).ok()
}

pub(super) fn text_of(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn id_of(text: &str) -> Option<Vec<u8>> {
    let hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    (0..16)
        .map(byte)
        .collect::<Option<Vec<u8>>>()
        .filter(|_| hex)
}
