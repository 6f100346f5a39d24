//! What is open to everybody: health, and the document that describes the rest.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use wire::problem::{Code, Problem};

use crate::auth::right::Open;
use crate::context::Context;
use crate::failure::Failure;
use crate::{openapi, page};

/// The `OpenAPI` document of this very api.
#[utoipa::path(
    get, path = "/v2/openapi.json", operation_id = "openapi", tag = "service",
    responses((status = 200, description = "The document", content_type = "application/json")),
)]
pub async fn document(_open: Open) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(openapi::text())
}

/// The same document for people: a page that loads nothing from anywhere and runs no script.
#[utoipa::path(
    get, path = "/v2/docs", operation_id = "docs", tag = "service",
    responses((status = 200, description = "The page", content_type = "text/html", body = String)),
)]
pub async fn docs(_open: Open) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ))
        .body(page::text())
}

/// What a code of a problem means, and what to do: where the member `type` of every problem leads.
#[utoipa::path(
    get, path = "/errors/{code}", operation_id = "showError", tag = "service",
    params(("code" = String, Path, description = "The code of a problem")),
    responses(
        (status = 200, description = "The page", content_type = "text/markdown", body = String),
        (status = 404, description = "not-found", content_type = "application/problem+json", body = Problem),
    ),
)]
pub async fn error(_open: Open, code: web::Path<String>) -> Result<HttpResponse, Failure> {
    let code = Code::parse(&code).ok_or_else(Failure::not_found)?;
    let answer = HttpResponse::Ok()
        .content_type("text/markdown; charset=utf-8")
        .body(code.page());
    Ok(answer)
}

/// Whether the process answers at all.
#[utoipa::path(
    get, path = "/health/live", operation_id = "live", tag = "service",
    responses((status = 200, description = "It answers", content_type = "application/json")),
)]
pub async fn live(_open: Open) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "live": true }))
}

/// Whether every part of the process is ready, and what each says.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "service",
    responses(
        (status = 200, description = "Every part is ready", content_type = "application/json"),
        (status = 503, description = "Some part is not ready, or the process is stopping", content_type = "application/json"),
    ),
)]
pub async fn ready(_open: Open, context: web::Data<Context>) -> HttpResponse {
    let process = &context.process;
    let stopping = process.stop.is_requested();
    let ready = process.health.is_ready() && !stopping;
    let answer = serde_json::json!({ "ready": ready, "stopping": stopping, "checks": process.health.states() });
    if ready {
        HttpResponse::Ok().json(answer)
    } else {
        HttpResponse::ServiceUnavailable().json(answer)
    }
}
