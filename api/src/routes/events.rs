//! Scale events: accepted here, decided by the owner of the group.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::access::Right;
use domain::control::Switch;
use domain::decide::{decide, expire};
use domain::draft::Draft;
use domain::event::{Event, Force, is_own};
use domain::hold::is_held;
use domain::ids::EventId;
use store::group::Level;
use wire::problem::Code;
use wire::v2::Invalid;
use wire::v2::event::{DryRun, EventRequest, Queued};
use wire::v2::time::Moment;
use wire::v2::verdict::Verdict;

use crate::auth::right::{InGroup, Read, Trigger};
use crate::body::Body;
use crate::change::read;
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{OfBody, PathOfEvent, PathOfGroup, Refusals};
use crate::submit::{Accepted, NotAccepted};
use crate::{tenant, write};

/// What no caller may name an event ([`is_own`]).
const OWN_RULE: &str = "must not be of a form that Holt gives ids itself: `schedule-` or `circle-` with anything, `alert-` or `v1-` with 32 hexadecimal digits";

/// A path of three names. Under a name of its own, or the document would have its places twice.
type Names = web::Path<(String, String, String)>;

/// Sends a scale event and waits for its verdict.
///
/// An answer, 200 or 202, means that the event is durable. The same `Idempotency-Key` gets the same verdict, however often it comes;
/// without one, an id is made. A verdict is no promise of servers: it says what is wanted now; the ledger shows what becomes of it.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/events", operation_id = "sendEvent", tag = "events",
    params(
        PathOfGroup,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters; scoped to the group. Not `schedule-` or `circle-` with anything, nor `alert-` or `v1-` with 32 hexadecimal digits: Holt makes such ids itself"),
    ),
    request_body = EventRequest,
    responses(
        (status = 200, description = "Decided", body = Verdict),
        (status = 202, description = "Accepted while the group's owner is away; it will be decided", body = Queued),
        Refusals, OfBody,
    ),
    security(("token" = [])),
)]
pub async fn send(
    within: InGroup<Trigger>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<EventRequest>,
) -> Result<HttpResponse, Failure> {
    tenant::may_scale(&context, &within.key.tenant)?;
    let id = event_id(&context, &request)?;
    let now = context.wall();
    let asked = body.value.parse(now)?;
    match asked.force {
        Force::Override(_) => within.allowed.also(Right::ExceedLimits)?,
        Force::No | Force::Gates => {}
    }
    let event = Event {
        id,
        request: body.hash,
        ask: asked.ask,
        force: asked.force,
        actor: within.allowed.actor(),
        received: now,
        valid_until: now.plus(asked.valid_for),
        trace: within.allowed.origin.trace,
    };
    let accepted = context.submit(&within.key, event).await;
    Ok(match accepted.map_err(refused)? {
        Accepted::Decided(verdict) => HttpResponse::Ok().json(Verdict::from(&*verdict)),
        Accepted::Queued(event) => HttpResponse::Accepted().json(queued(&event)),
    })
}

/// Says what would be decided about an event, and what would come of it now. Nothing is stored, and nothing happens.
///
/// Needs what the event itself would need. What waits in the group's inbox is decided first, as it would be.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/events/dry-run", operation_id = "dryRun", tag = "events",
    params(PathOfGroup),
    request_body = EventRequest,
    responses((status = 200, description = "What would be", body = DryRun), Refusals, OfBody),
    security(("token" = [])),
)]
pub async fn dry_run(
    within: InGroup<Trigger>,
    context: web::Data<Context>,
    body: Body<EventRequest>,
) -> Result<HttpResponse, Failure> {
    tenant::may_scale(&context, &within.key.tenant)?;
    let now = context.now();
    let asked = body.value.parse(now.wall)?;
    match asked.force {
        Force::Override(_) => within.allowed.also(Right::ExceedLimits)?,
        Force::No | Force::Gates => {}
    }
    let group = read(&context, &within.key, Level::Serial).await?;
    let standing = context.stores.controls.standing().await?;
    let id = format!("dry-run-{:032x}", context.process.entropy.u128());
    let event = Event {
        id: id.parse().map_err(|_error| Failure::not_found())?,
        request: body.hash,
        ask: asked.ask,
        force: asked.force,
        actor: within.allowed.actor(),
        received: now.wall,
        valid_until: now.wall.plus(asked.valid_for),
        trace: None,
    };
    let mut draft = Draft::new(&group, now);
    expire(&mut draft);
    let waiting: Vec<Event> = group.inbox.values().cloned().collect();
    decide(&mut draft, &waiting);
    decide(&mut draft, std::slice::from_ref(&event));
    let verdict = draft.verdicts().last().ok_or_else(Failure::not_found)?;
    let covering = |switch: &&Switch| {
        let key = &group.key;
        let colo = key.id.home().unwrap_or(context.colo);
        let of_group = Some(key.id);
        switch.stands(now.wall) && switch.scope.covers(colo, &key.tenant, of_group)
    };
    let wanted = draft.census().wanted;
    let launch = if is_held(&draft.state, now.wall) {
        None
    } else {
        Some(())
    };
    Ok(HttpResponse::Ok().json(DryRun {
        verdict: verdict.into(),
        launches: launch.map_or(0, |()| draft.state.desired.less(wanted).0),
        removals: wanted.less(draft.state.desired).0,
        switches: standing.iter().filter(covering).map(Into::into).collect(),
    }))
}

/// What became of an event.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/events/{event}", operation_id = "showEvent", tag = "events",
    params(PathOfEvent),
    responses(
        (status = 200, description = "Decided", body = Verdict),
        (status = 202, description = "Not decided yet", body = Queued),
        Refusals,
    ),
    security(("token" = [])),
)]
pub async fn show(
    within: InGroup<Read>,
    context: web::Data<Context>,
    path: Names,
) -> Result<HttpResponse, Failure> {
    let (_tenant, _group, event) = path.into_inner();
    let id: EventId = event.parse().map_err(|_error| Failure::not_found())?;
    let groups = &context.stores.groups;
    let verdict = groups.verdict(&within.key, &id).await?;
    if let Some(verdict) = verdict {
        return Ok(HttpResponse::Ok().json(Verdict::from(&verdict)));
    }
    let group = groups.read(&within.key, Level::Serial).await?;
    let waiting = group
        .as_ref()
        .and_then(|group| group.inbox.get(&id))
        .ok_or_else(Failure::not_found)?;
    Ok(HttpResponse::Accepted().json(queued(waiting)))
}

/// The event's name: the key of the request, or one that is made up.
fn event_id(context: &Context, request: &HttpRequest) -> Result<EventId, Failure> {
    let made = || format!("holt-{:032x}", context.process.entropy.u128());
    let id = write::key(request)?.map_or_else(made, str::to_owned);
    let rule = "must be 1 to 128 visible ASCII characters, given once";
    let id: EventId = id
        .parse()
        .map_err(|_error| Failure::new(Code::InvalidHeader, rule).at("Idempotency-Key", rule))?;
    if is_own(&id) {
        return Err(Invalid::new("Idempotency-Key", OWN_RULE).into());
    }
    Ok(id)
}

fn queued(event: &Event) -> Queued {
    Queued {
        queued: true,
        event: event.id.to_string(),
        valid_until: Moment(event.valid_until),
    }
}

fn refused(why: NotAccepted) -> Failure {
    match why {
        NotAccepted::NoGroup => Failure::not_found(),
        NotAccepted::IdReused => {
            let rule = "came with another request before";
            Failure::new(Code::KeyReused, "use a new key for a new event")
                .at("Idempotency-Key", rule)
        }
        NotAccepted::Busy(wait) => {
            Failure::new(Code::Busy, "send it again under the same Idempotency-Key").after(wait)
        }
        NotAccepted::Unavailable => Failure::new(
            Code::Unavailable,
            "the event was not accepted; send it again under the same Idempotency-Key",
        ),
        NotAccepted::Unknown => Failure::new(
            Code::OutcomeUnknown,
            "send the event again under the same Idempotency-Key: it is decided once",
        ),
    }
}
