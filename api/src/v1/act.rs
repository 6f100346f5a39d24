//! What makes a group do something: policies executed, pause, resume, converge. Bodies are not read (contract 1.1).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use domain::draft::Draft;
use domain::event::{Actor, Ask, Event, Force, OF_V1};
use domain::group::{Cause, Phase};
use domain::ids::{GroupKey, RequestHash};
use domain::trace::Trace;
use domain::verdict::Outcome;
use wire::v1::json::Json;
use wire::v2::event::VALID_DEFAULT;

use super::Error;
use super::edit::{change, empty, read, shown};
use super::extract::{At, Names};
use crate::auth::right::{Crud, Trigger};
use crate::context::Context;
use crate::submit::{Accepted, NotAccepted};

/// `POST policies/{p}/execute` (rows B158 to B174).
pub(super) async fn execute(
    at: At<Trigger>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Error> {
    // A group that is not there is said before a policy that is none.
    let key = at.key()?;
    let policy = match at.policy() {
        Ok(policy) => policy,
        Err(error) => return Err(read(&context, &at).await.err().unwrap_or(error)),
    };
    if context.v1.is_suspended(&at.names.tenant) {
        return Err(Error::suspended(&at.names));
    }
    let outcome = ask(&context, &key, Ask::Policy(policy), at.cause(), &at.names).await?;
    match outcome {
        None | Some(Outcome::Applied | Outcome::Clamped) => {
            Ok(shown(StatusCode::ACCEPTED, &Json::object([])))
        }
        Some(refused) => Err(why_not(refused, &at.names)),
    }
}

fn why_not(outcome: Outcome, names: &Names) -> Error {
    let Names {
        tenant,
        group,
        policy,
        ..
    } = names;
    let cannot = |why: &str| {
        let text = format!(
            "Cannot execute scaling policy {policy} for group {group} for tenant {tenant}: {why}"
        );
        Error::forbidden("CannotExecutePolicyError", text)
    };
    match outcome {
        Outcome::Cooldown | Outcome::Debounced => cannot("Cooldowns not met."),
        Outcome::Unchanged
        | Outcome::Applied
        | Outcome::Clamped
        | Outcome::Noted
        | Outcome::Waiting
        | Outcome::Escalated => cannot("No change in servers"),
        Outcome::Paused => Error::paused(names, &format!("execute policy {policy}")),
        Outcome::NoSuchPolicy => Error::no_policy(names),
        Outcome::Deleting => Error::no_group(names),
        Outcome::Expired => Error::unavailable("The event was too old when it was decided."),
        #[expect(
            unreachable_patterns,
            reason = "outcomes of gates that are still being built"
        )]
        _ => cannot("It is held."),
    }
}

/// Sends an event to the owner of the group. None: it is durable, and not decided yet.
pub(super) async fn ask(
    context: &Context,
    key: &GroupKey,
    ask: Ask,
    cause: (Actor, Option<Trace>),
    names: &Names,
) -> Result<Option<Outcome>, Error> {
    let accepted = send(context, key, ask, cause).await;
    accepted.map_err(|why| match why {
        NotAccepted::NoGroup => Error::no_group(names),
        NotAccepted::Busy(wait) => Error::too_much(wait),
        NotAccepted::IdReused | NotAccepted::Unavailable | NotAccepted::Unknown => {
            Error::unavailable("The event could not be stored: try again.")
        }
    })
}

/// The same, for those who have no names to say.
pub(super) async fn send(
    context: &Context,
    key: &GroupKey,
    ask: Ask,
    (actor, trace): (Actor, Option<Trace>),
) -> Result<Option<Outcome>, NotAccepted> {
    let now = context.wall();
    let id = format!("{OF_V1}{:032x}", context.process.entropy.u128());
    let event = Event {
        id: id.parse().map_err(|_error| NotAccepted::Unavailable)?,
        request: RequestHash([0; 32]),
        ask,
        force: Force::No,
        actor,
        received: now,
        valid_until: now.plus(VALID_DEFAULT),
        trace,
    };
    Ok(match context.submit(key, event).await? {
        Accepted::Decided(verdict) => Some(verdict.outcome),
        Accepted::Queued(_) => None,
    })
}

/// `POST converge` (row B176): looks again now.
pub(super) async fn converge(
    at: At<Trigger>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Error> {
    let key = at.key()?;
    if context.v1.is_suspended(&at.names.tenant) {
        return Err(Error::suspended(&at.names));
    }
    match ask(&context, &key, Ask::Converge, at.cause(), &at.names).await? {
        Some(Outcome::Paused) => Err(Error::paused(&at.names, "converge")),
        Some(Outcome::Deleting) => Err(Error::no_group(&at.names)),
        _ => Ok(empty(StatusCode::NO_CONTENT)),
    }
}

/// `POST pause` (row B175): refuses events, launches and deletes nothing. Twice is as good as once.
pub(super) async fn pause(
    at: At<Crud>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Error> {
    turn(&at, &context, Phase::Paused).await
}

/// `POST resume` (row B175).
pub(super) async fn resume(
    at: At<Crud>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Error> {
    turn(&at, &context, Phase::Running).await
}

async fn turn(at: &At<Crud>, context: &Context, to: Phase) -> Result<HttpResponse, Error> {
    let edit = |draft: &mut Draft<'_>| {
        draft.turn(to);
        Ok(())
    };
    change(context, at, Cause::Pause, edit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
