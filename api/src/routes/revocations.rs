//! Ending tokens before their time, for operators (safety S5). Kept in the store; every api reads them every other second.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use store::note::{Note, Shelf};
use wire::v2::Page;
use wire::v2::revocation::{Revocation, RevocationSpec};

use crate::auth::right::{Operate, Staff};
use crate::body::{Body, Params};
use crate::context::Context;
use crate::failure::Failure;
use crate::notes;
use crate::openapi::{Keyed, OfBody, OfQuery, OfWrite, Refusals};
use crate::write::{Answer, once};

/// What was ended, newest first.
#[utoipa::path(
    get, path = "/v2/revocations", operation_id = "listRevocations", tag = "operators",
    params(
        ("before" = Option<String>, Query, description = "Before this one: `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 50 if not given", minimum = 1, maximum = 500),
    ),
    responses((status = 200, description = "One page", body = Page<Revocation>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn list(
    _staff: Staff<Operate>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&["before", "limit"])?;
    let name = |one: &Revocation| one.id.clone();
    notes::page(&context, &params, Shelf::Revocations, name).await
}

/// Ends tokens: those that fit all that is named, and were issued before. Signed ones and those of a Keystone alike. At every api within 5 s.
///
/// Whoever needs one again gets a new token, a second later at the earliest. What was ended cannot be taken back.
#[utoipa::path(
    post, path = "/v2/revocations", operation_id = "revokeTokens", tag = "operators",
    params(Keyed),
    request_body = RevocationSpec,
    responses((status = 201, description = "They are ended", body = Revocation), Refusals, OfBody, OfWrite),
    security(("token" = [])),
)]
pub async fn create(
    staff: Staff<Operate>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<RevocationSpec>,
) -> Result<HttpResponse, Failure> {
    let who = &staff.caller.subject;
    once(&context, None, (&request, body.hash), async |seed| {
        let at = context.wall();
        let random = seed.u128().to_be_bytes();
        let id = notes::id(
            at,
            u64::from_be_bytes(*random.first_chunk().unwrap_or(&[0; 8])),
        );
        let revocation = body.value.parse(notes::text_of(&id), who, at)?;
        let text = serde_json::to_string(&revocation).unwrap_or_default();
        let note = Note { id, at, body: text };
        let shelves = &*context.stores.notes;
        shelves.keep(Shelf::Revocations, &note, None).await?;
        // Here at once; where that fails, with the next look.
        if context.revoked.read(shelves).await.is_err() {
            tracing::debug!("ended tokens are read with the next look");
        }
        tracing::warn!(
            subject = revocation.subject,
            tenant = revocation.tenant,
            before = %revocation.before,
            who = revocation.who,
            why = revocation.why,
            "tokens were ended"
        );
        Ok(Answer::of(StatusCode::CREATED, &revocation))
    })
    .await
}
