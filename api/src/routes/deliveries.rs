//! Messages of hooks: what was sent and what was not, why, and doing something about it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::draft::Draft;
use domain::group::Cause;
use domain::ids::{DeliveryId, GroupKey};
use domain::outbox::{self, How, NotTaken};
use store::apply::View;
use store::group::Level;
use wire::hooks::message::answer_word;
use wire::problem::Code;
use wire::v2::Page;
use wire::v2::delivery::Delivery;

use crate::auth::right::{InGroup, Read, Trigger};
use crate::body::{Params, Rows};
use crate::change::{NotChanged, change, trace};
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{
    Keyed, OfChange, OfQuery, OfWait, OfWrite, PathOfDelivery, PathOfGroup, Refusals,
};
use crate::write::{Answer, no_body, once};

type Names = web::Path<(String, String, String)>;

/// Messages of a group's hooks, newest first: those that are still to be sent or waited for, and those of the last 30 days, dead letters among
/// them.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/deliveries", operation_id = "listDeliveries", tag = "hooks",
    params(
        PathOfGroup,
        ("before" = Option<u64>, Query, description = "Numbered below this: `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 50 if not given", minimum = 1, maximum = 500),
    ),
    responses((status = 200, description = "One page", body = Page<Delivery>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn list(
    within: InGroup<Read>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&["before", "limit"])?;
    let before = params.number("before", "must be the number of a delivery")?;
    let limit = params.limit(Rows::LONG)?;
    let group = trace(&context, &within.key, Level::Relaxed).await?;
    let groups = &context.stores.groups;
    let closed = groups
        .deliveries(&within.key, before.map(DeliveryId), limit)
        .await?;
    let below = DeliveryId(before.unwrap_or(u64::MAX));
    let open = group.outbox.range(..below).map(|(_, open)| open);
    let mut all: Vec<_> = open.chain(&closed).collect();
    all.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
    // One that was closed between the two reads is in both.
    all.dedup_by_key(|delivery| delivery.id);
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_full = all.len() >= most;
    all.truncate(most);
    let next = all.last().filter(|_| is_full).map(|d| d.id.to_string());
    let items = all.into_iter().map(|d| Delivery::new(within.key.id, d));
    Ok(HttpResponse::Ok().json(Page {
        items: items.collect::<Vec<_>>(),
        next,
    }))
}

/// Sends a message once more: a dead letter, or one that was taken. What waited for it has long gone on.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/deliveries/{delivery}/redeliver", operation_id = "redeliver", tag = "hooks",
    params(PathOfDelivery, Keyed),
    responses((status = 202, description = "It is due now", body = Delivery), Refusals, OfChange, OfWait, OfWrite),
    security(("token" = [])),
)]
pub async fn redeliver(
    within: InGroup<Trigger>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: Names,
) -> Result<HttpResponse, Failure> {
    let id = number(&path)?;
    let key = &within.key;
    let asked = (&request, no_body());
    once(&context, Some(&key.tenant), asked, async |_seed| {
        let closed = closed(&context, key, id).await?;
        let closed = closed.ok_or_else(|| {
            let detail = "the message is still to be sent, or there is none of this number";
            Failure::new(Code::NotWaiting, detail)
        })?;
        let (now, actor) = (context.now(), within.allowed.actor());
        let decide = |view: View<'_>| {
            let mut draft = Draft::new(view.group, now);
            outbox::again(&mut draft, closed.clone());
            let change = (!draft.is_empty()).then(|| draft.finish(Cause::Converge, actor.clone()));
            Ok::<_, NotChanged>(change)
        };
        let group = change(&context, key, decide).await?;
        let shown = group.outbox.get(&id).unwrap_or(&closed);
        Ok(Answer::of(
            StatusCode::ACCEPTED,
            &Delivery::new(key.id, shown),
        ))
    })
    .await
}

/// Lets a server go on without waiting for a step.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/deliveries/{delivery}/skip", operation_id = "skipDelivery", tag = "hooks",
    params(PathOfDelivery, Keyed),
    responses((status = 204, description = "The server goes on"), Refusals, OfChange, OfWait, OfWrite),
    security(("token" = [])),
)]
pub async fn skip(
    within: InGroup<Trigger>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: Names,
) -> Result<HttpResponse, Failure> {
    let id = number(&path)?;
    let key = &within.key;
    let asked = (&request, no_body());
    once(&context, Some(&key.tenant), asked, async |seed| {
        let (now, actor) = (context.now(), within.allowed.actor());
        let mut refused = None;
        let decide = |view: View<'_>| {
            let mut draft = Draft::new(view.group, now);
            refused = outbox::skip(&mut draft, id).err();
            let is_done = refused.is_none();
            let change = is_done.then(|| draft.finish(Cause::Converge, actor.clone()));
            Ok::<_, NotChanged>(change)
        };
        change(&context, key, decide).await?;
        match refused {
            None => Ok(Answer::empty()),
            // An earlier try of the same write did it.
            Some(NotTaken::Over(How::Skipped)) if seed.is_repeated => Ok(Answer::empty()),
            Some(why) => Err(not_taken(&context, key, id, why).await),
        }
    })
    .await
}

fn number(path: &Names) -> Result<DeliveryId, Failure> {
    let number = path.2.parse().map_err(|_error| Failure::not_found())?;
    Ok(DeliveryId(number))
}

/// A message that is closed.
pub(super) async fn closed(
    context: &Context,
    key: &GroupKey,
    id: DeliveryId,
) -> Result<Option<outbox::Delivery>, Failure> {
    let groups = &context.stores.groups;
    let found = groups.deliveries(key, Some(id.next()), 1).await?;
    Ok(found.into_iter().find(|delivery| delivery.id == id))
}

/// Why an answer changed nothing, in words that its sender can act on; what left the outbox says so from the history.
pub(super) async fn not_taken(
    context: &Context,
    key: &GroupKey,
    id: DeliveryId,
    why: NotTaken,
) -> Failure {
    let why =
        match why {
            NotTaken::Unknown => match closed(context, key, id).await {
                Ok(Some(delivery)) => delivery.wait.map_or(NotTaken::NotWaiting, |wait| match wait
                    .ended
                {
                    Some((how, _)) => NotTaken::Over(how),
                    None => NotTaken::Unknown,
                }),
                Ok(None) => NotTaken::Unknown,
                Err(failure) => return failure,
            },
            known @ (NotTaken::NotWaiting | NotTaken::Over(_) | NotTaken::NotSkippable) => known,
        };
    let detail = match why {
        NotTaken::Unknown => return Failure::not_found(),
        NotTaken::NotWaiting => String::from("nothing waits for the answer to this message"),
        NotTaken::NotSkippable => String::from("the hook does not let this step be skipped"),
        NotTaken::Over(how) => {
            format!("the wait is over: {}", ended(how))
        }
    };
    Failure::new(Code::NotWaiting, detail)
}

fn ended(how: How) -> String {
    match how {
        How::Answered(answer) => format!("somebody answered `{}` before", answer_word(answer)),
        How::Deadline(answer) => {
            format!(
                "its deadline passed, and `{}` was done",
                answer_word(answer)
            )
        }
        How::Undeliverable(answer) => {
            let answer = answer_word(answer);
            format!("the message could not be delivered, and `{answer}` was done")
        }
        How::Skipped => String::from("the step was skipped"),
        How::Withdrawn => {
            String::from("nothing waits any more: the server left, or the hook was removed")
        }
    }
}
