//! What a tenant may have and ask.

use actix_web::{HttpResponse, web};
use wire::v2::limits::{Limits, Rate};

use crate::auth::right::{Allowed, Read};
use crate::body::{BODY_BYTES_MAX, DEPTH_MAX};
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{PathOfTenant, Refusals};

/// The limits of a tenant: how much there may be of what, and how much may be asked. Requests above the rate are answered 429.
#[utoipa::path(
    get, path = "/v2/{tenant}/limits", operation_id = "showLimits", tag = "service",
    params(PathOfTenant),
    responses((status = 200, description = "All of them", body = Limits), Refusals),
    security(("token" = [])),
)]
pub async fn show(
    _allowed: Allowed<Read>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    let (count, unit) = context.limiter.rate();
    let seconds = match unit {
        "SECOND" => 1,
        "MINUTE" => 60,
        _ => 3_600,
    };
    let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    Ok(HttpResponse::Ok().json(Limits {
        groups: context.v1.groups,
        policies_per_group: context.v1.policies,
        webhooks_per_policy: context.v1.webhooks,
        servers_per_group: domain::capacity::Size::LIMIT.0,
        body_bytes: number(BODY_BYTES_MAX),
        body_depth: number(DEPTH_MAX),
        requests: Rate { count, seconds },
        webhook_executions_per_group: Rate {
            count: context.v1.executions.get(),
            seconds: 1,
        },
    }))
}
