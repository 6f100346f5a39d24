//! What needs no token: capability URLs, and health.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::event::{ActorKind, Ask};
use domain::group::Group;
use domain::ids::{PolicyId, WebhookId};
use domain::time::Timestamp;
use store::group::Level;
use wire::v1::json::Json;

use super::Error;
use super::act::send;
use super::edit::{empty, is_there, shown};
use crate::auth::right::Open;
use crate::context::Context;
use crate::origin::Origin;
use crate::submit::NotAccepted;

/// A schedule this late is a sign of illness (row B127).
const LATE_MS: u64 = 60_000;
/// More late groups than this are not counted.
const LATE_COUNTED: u32 = 1_000;

/// `POST /v1.0/execute/{version}/{hash}`: runs the policy of a capability URL. Blind: whatever comes of it, and whatever the text is, the answer is
/// 202 without a body (rows B138 to B142), once the event is durable. Only where it cannot be made durable it is 503 (design 11), and to
/// who has a URL and uses it too often 413. What came of it is in the tenant's verdicts.
pub(super) async fn execute(
    _open: Open,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Error> {
    let (_version, text) = path.into_inner();
    let done = empty(StatusCode::ACCEPTED);
    let Some(capability) = context.v1.seal.open(&text) else {
        return Ok(done);
    };
    if let Err(wait) = context.executions.take(&capability.group) {
        return Err(Error::too_much(wait));
    }
    let (known, stores) = (&context.known, &context.stores);
    let Some(key) = known.locate(stores, capability.group).await? else {
        return Ok(done);
    };
    let group = stores
        .groups
        .read(&key, Level::Relaxed)
        .await?
        .filter(is_there);
    let Some((policy, webhook)) = group
        .as_ref()
        .and_then(|group| find(group, capability.serial))
    else {
        return Ok(done);
    };
    if context.v1.is_suspended(&key.tenant) {
        tracing::warn!(group.id = %key.id, %webhook, "a capability of a suspended tenant was used");
        return Ok(done);
    }
    let origin = Origin::of(&request);
    let actor = origin.actor(ActorKind::Capability, webhook.to_string());
    let cause = (actor, origin.trace);
    match send(&context, &key, Ask::Policy(policy), cause).await {
        Ok(_) | Err(NotAccepted::NoGroup | NotAccepted::IdReused) => Ok(done),
        Err(NotAccepted::Busy(wait)) => Err(Error::too_much(wait)),
        Err(NotAccepted::Unavailable | NotAccepted::Unknown) => Err(Error::unavailable(
            "The event could not be stored: try again.",
        )),
    }
}

/// The policy and webhook of a serial number.
fn find(group: &Group, serial: u32) -> Option<(PolicyId, WebhookId)> {
    group.config.policies.values().find_map(|policy| {
        let mut webhooks = policy.webhooks.iter();
        let (id, _) = webhooks.find(|(_, webhook)| webhook.serial == serial)?;
        Some((policy.id.clone(), *id))
    })
}

/// `GET /health` (row B127): always 200; probes must read the body (contract 1.7). `/health/ready` says it by its status.
pub(super) async fn health(_open: Open, context: web::Data<Context>) -> HttpResponse {
    let now = context.wall();
    let long_ago = Timestamp::from_unix_ms(now.unix_ms().saturating_sub(LATE_MS));
    let groups = &context.stores.groups;
    let late = groups.timed(long_ago, LATE_COUNTED, &|_| true).await;
    let oldest = late
        .as_ref()
        .ok()
        .and_then(|late| late.first())
        .map(|(at, _)| now.since(*at).as_secs());
    let counted = late.as_ref().map_or(0, Vec::len);
    let check = |healthy: bool, details: Json| {
        Json::object([("healthy", Json::Bool(healthy)), ("details", details)])
    };
    let events = Json::object([
        ("late", Json::count(counted)),
        ("oldest_seconds", Json::count(oldest.unwrap_or_default())),
    ]);
    let ready = context.process.health.is_ready();
    let healthy = ready && late.is_ok() && counted == 0;
    let body = Json::object([
        ("healthy", Json::Bool(healthy)),
        ("process", check(ready, Json::object([]))),
        ("store", check(late.is_ok(), Json::object([]))),
        ("scheduler", check(late.is_ok() && counted == 0, events)),
    ]);
    shown(StatusCode::OK, &body)
}
