//! Answers of receivers: an address that lets whoever has it answer one message, once (issue 7, item 4).

use actix_web::{HttpRequest, HttpResponse, web};
use domain::draft::Draft;
use domain::event::ActorKind;
use domain::group::Cause;
use domain::hook::Answer;
use domain::ids::DeliveryId;
use domain::outbox::{self, NotTaken};
use domain::time::Timestamp;
use store::apply::View;
use wire::hooks::message::message_id;
use wire::v2::delivery::Answered;
use wire::v2::time::Moment;

use super::deliveries::not_taken;
use super::hooks::keys;
use crate::auth::right::Open;
use crate::change::{NotChanged, change};
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{OfChange, OfOpen, OfWait};
use crate::origin::Origin;

/// What a receiver says.
#[derive(Debug, Clone, Copy)]
enum Said {
    Answer(Answer),
    Heartbeat,
}

/// Answers a message for which a server waits. No token: the address is the right, for this one message. Nothing is read of a body.
#[utoipa::path(
    post, path = "/v2/hooks/{token}/{answer}", operation_id = "answerHook", tag = "hooks",
    params(
        ("token" = String, Path, description = "From `wait.answer_url` of the message"),
        ("answer" = String, Path, description = "`continue`, `abandon` or `heartbeat`"),
    ),
    responses((status = 200, description = "It counts", body = Answered), OfOpen, OfChange, OfWait),
)]
pub async fn answer(
    _open: Open,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (token, word) = path.into_inner();
    // Forged ones are known before anything is read.
    let (group, id) = keys(&context)?
        .answers(&token)
        .ok_or_else(Failure::not_found)?;
    let said = match &*word {
        "continue" => Said::Answer(Answer::Continue),
        "abandon" => Said::Answer(Answer::Abandon),
        "heartbeat" => Said::Heartbeat,
        _ => return Err(Failure::not_found()),
    };
    if let Err(wait) = context.answers.take(&group) {
        let detail = "answers for this group come too often";
        return Err(Failure::new(wire::problem::Code::TooManyRequests, detail).after(wait));
    }
    let located = context.known.locate(&context.stores, group).await;
    let key = located?.ok_or_else(Failure::not_found)?;
    let actor = Origin::of(&request).actor(ActorKind::Capability, message_id(group, id));
    let now = context.now();
    let mut taken = Err(NotTaken::Unknown);
    let decide = |view: View<'_>| {
        let mut draft = Draft::new(view.group, now);
        taken = say(&mut draft, id, said);
        let change = taken
            .is_ok()
            .then(|| draft.finish(Cause::Converge, actor.clone()));
        Ok::<_, NotChanged>(change)
    };
    change(&context, &key, decide).await?;
    match taken {
        Ok(deadline) => Ok(HttpResponse::Ok().json(Answered {
            message: message_id(group, id),
            said: word,
            deadline: deadline.map(Moment),
        })),
        Err(why) => Err(not_taken(&context, &key, id, why).await),
    }
}

fn say(draft: &mut Draft<'_>, id: DeliveryId, said: Said) -> Result<Option<Timestamp>, NotTaken> {
    match said {
        Said::Answer(answer) => outbox::complete(draft, id, answer).map(|()| None),
        Said::Heartbeat => outbox::heartbeat(draft, id).map(Some),
    }
}
