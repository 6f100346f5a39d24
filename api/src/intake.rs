//! Alerts on their way in: who sends them, what they say, which groups they are for, and the events that those groups get.
//!
//! A URL whose text is a keyed MAC of the input leads here; it is stored nowhere ([`crate::v1::capability`]). What can be read becomes
//! one event per alert and group, under an id made of source, fingerprint, state and time, or of the message that its sender signed where the
//! alert has no time: sending it again is harmless. What cannot be read, or is for no group, is kept for seven days for people to see, and acted
//! on by nobody. Too much is answered 503, because senders of alerts drop what is answered 4xx (inputs, rule b).

mod deliver;
mod inputs;
mod rejected;
mod verify;
mod votes;

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use alert::{Content, How, MediaType};
use domain::ids::GroupId;
use domain::time::Timestamp;
use wire::problem::Code;
use wire::v2::input::Received;

use crate::auth::right::Open;
use crate::body::arrive;
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::OfIntake;
use crate::origin::Origin;
use crate::submit::NotAccepted;
use crate::tenant::may_scale;

use deliver::Delivered;
pub(crate) use deliver::{groups_of, signal_event, wanted};
pub(crate) use inputs::ready;
pub(crate) use inputs::{Books, Kept, Loaded, load};
use rejected::{Among, Lost};
pub(crate) use rejected::{list as rejected_of, reject};
use verify::MessageId;
pub(crate) use verify::shown as shown_secret;

/// Where each of so many events is asked for.
const DECISIONS_SHOWN: usize = 20;
/// A sender that is refused for its number comes back after this.
const OVERLOADED_RETRY: Duration = Duration::from_secs(2);

/// Takes alerts. No token: the address is the right, and the input may ask for a proof besides.
///
/// 202 means that every alert that could be read is durable with each group that it is for. Sending the same body again changes nothing.
#[utoipa::path(
    post, path = "/in/{key}", operation_id = "sendAlerts", tag = "inputs",
    params(("key" = String, Path, description = "From `url` of the input")),
    request_body(content = String, description = "Whatever the input's format says, at most 4 MiB and 1000 alerts", content_type = "application/json"),
    responses((status = 202, description = "Taken", body = Received), OfIntake),
)]
pub(crate) async fn receive(
    _open: Open,
    context: web::Data<Context>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = request.match_info().get("key").unwrap_or_default();
    let (id, serial) = context
        .v1
        .seal
        .open_input(key)
        .ok_or_else(Failure::not_found)?;
    if let Err(wait) = context.books.limiter.take(&id) {
        return Err(Failure::new(Code::Overloaded, "this input sends too often").after(wait));
    }
    let now = context.wall();
    let input = load(&context, id)
        .await?
        .filter(|input| input.kept.is_good(serial, now));
    let input = input.ok_or_else(Failure::not_found)?;
    may_scale(&context, &input.tenant)?;
    let bytes = arrive(&context, payload.into_inner(), alert::BODY_BYTES_MAX).await;
    let bytes = bytes.map_err(|failure| {
        if failure.code == Code::BodyTooLarge {
            let detail = "a body with alerts may have 4 MiB: send them in several";
            return Failure::new(Code::BodyTooLarge, detail);
        }
        failure
    })?;
    let media = request.headers().get(header::CONTENT_TYPE);
    let media = media
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let message = match verify::verify(&context, &input, (&request, serial), &bytes) {
        Ok(message) => message,
        Err(why) => {
            reject(&context, input.id, (media, &bytes), (why, Among::All)).await;
            return Err(Failure::new(Code::SignatureInvalid, why));
        }
    };
    let content = match read(&input, media, &bytes, now) {
        Ok(content) => content,
        Err(why) => {
            let why = why.to_string();
            reject(&context, input.id, (media, &bytes), (&why, Among::All)).await;
            return Err(Failure::new(Code::AlertUnreadable, why));
        }
    };
    let said = (&content, message.as_ref());
    let taken = take(&context, &input, said, &Origin::of(&request)).await?;
    let complaints = complaints(&taken);
    if !complaints.is_empty() {
        // Whoever sends all that it measures sends what is for no group every time.
        let among = if taken.received.broken.is_empty() {
            Among::Same(&taken.lost)
        } else {
            Among::All
        };
        let why = complaints.join("; ");
        reject(&context, input.id, (media, &bytes), (&why, among)).await;
    }
    Ok(HttpResponse::Accepted().json(taken.received))
}

/// Reads a body as the input says.
pub(crate) fn read(
    input: &Loaded,
    media: &str,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Content, alert::Broken> {
    let how = match (&input.parsed.mapping, input.parsed.format) {
        (Some(mapping), _) => How::Mapped(mapping),
        (None, Some(format)) => How::As(format),
        (None, None) => How::Recognised,
    };
    alert::read(how, MediaType::of(media), bytes, now)
}

/// Why a body was not acted on as a whole, for the input's owner. An id of no group is told although another group took the alert: it is a slip.
fn complaints(taken: &Taken<'_>) -> Vec<String> {
    let received = &taken.received;
    let mut complaints = received.broken.clone();
    if received.unrouted > 0 {
        complaints.push(format!(
            "{} alerts or samples are for no group: no route fits, or no group has the name or the id",
            received.unrouted
        ));
    }
    let nowhere = taken.nowhere.iter();
    complaints.extend(nowhere.map(|id| format!("no group has the id {id}")));
    complaints
}

/// What became of a body.
struct Taken<'a> {
    received: Received,
    /// Ids that no group has.
    nowhere: BTreeSet<GroupId>,
    /// What is for no group.
    lost: BTreeSet<Lost<'a>>,
}

/// Turns what was read into events, and gets all of them acknowledged.
async fn take<'a>(
    context: &Context,
    input: &Loaded,
    (content, message): (&'a Content, Option<&MessageId>),
    origin: &Origin,
) -> Result<Taken<'a>, Failure> {
    let mut received = Received {
        format: content.format.as_str().to_owned(),
        alerts: content.alerts.len(),
        samples: content.samples.len(),
        broken: content.broken.iter().map(ToString::to_string).collect(),
        passed_over: content
            .passed_over
            .iter()
            .map(|why| (*why).to_owned())
            .collect(),
        ..Received::default()
    };
    let mut events = Vec::new();
    // The groups of each alert and each sample.
    let mut groups = Vec::new();
    for alert in &content.alerts {
        let found = groups_of(context, &input.tenant, wanted(input, alert)).await?;
        for group in &found {
            let event = signal_event(context, input, (alert, *group, message), origin);
            events.push((*group, event));
        }
        groups.push(found);
    }
    if !content.samples.is_empty() {
        let counted = votes::count(context, input, &content.samples, origin).await?;
        match counted {
            Some(counted) => {
                events.extend(counted.events);
                groups.extend(counted.groups);
            }
            None => received
                .broken
                .push("the input has no rule for metrics (`metrics`)".to_owned()),
        }
    }
    let events: Vec<_> = events
        .into_iter()
        .filter_map(|(group, event)| Some((group, event?)))
        .collect();
    let Delivered { done, nowhere } = deliver::deliver(context, &input.tenant, events)
        .await
        .map_err(refused)?;
    let is_lost = |found: &Vec<GroupId>| found.iter().all(|group| nowhere.contains(group));
    let lost = rejected::named(content).zip(&groups);
    let lost: Vec<Lost<'_>> = lost
        .filter_map(|(one, found)| is_lost(found).then_some(one))
        .collect();
    received.unrouted = lost.len();
    received.events = done.len();
    let link = |(group, event): &(GroupId, String)| {
        format!("/v2/{}/groups/{group}/events/{event}", input.tenant)
    };
    received.decisions = done.iter().take(DECISIONS_SHOWN).map(link).collect();
    Ok(Taken {
        received,
        nowhere,
        lost: lost.into_iter().collect(),
    })
}

fn refused(why: NotAccepted) -> Failure {
    match why {
        NotAccepted::Busy(wait) => {
            Failure::new(Code::Overloaded, "too many alerts wait for a group")
                .after(wait.max(OVERLOADED_RETRY))
        }
        NotAccepted::NoGroup | NotAccepted::IdReused | NotAccepted::Unavailable => Failure::new(
            Code::Unavailable,
            "not every alert was taken; send the body again",
        ),
        NotAccepted::Unknown => Failure::new(
            Code::OutcomeUnknown,
            "send the body again: each alert is taken once",
        ),
    }
}
