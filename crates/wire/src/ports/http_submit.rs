//! The submit port over HTTP: [`routes`] for a supervisor, [`HttpSubmit`] for an api process.

mod alert;
mod event;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::StatusCode;
use actix_web::web;
use async_trait::async_trait;
use chassis::Secret;
use chassis::http::Trust;
use domain::event::Event;
use domain::ids::{GroupKey, TenantId};
use domain::verdict::Verdict;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::Role;
use super::http::{
    Door, Failure, Guard, Insider, KeyMessage, Peer, PeerError, Refusal, Text, read,
};
use super::http_ops::LookedUpMessage;
use super::ops::{LookedUp, Names};
use super::submit::{Submit, SubmitError};
use event::EventMessage;
use verdict::VerdictMessage;

/// An event, and a verdict: ids, names of at most some hundred bytes, a dozen words.
const BYTES_MAX: usize = 64 * 1024;
/// A hint that takes longer is not worth waiting for.
const POKE_WITHIN: Duration = Duration::from_secs(1);
/// A look at the cloud goes through a worker; whoever asks for longer has given up.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

const SUBMIT: &str = "/internal/submit/event";
const POKE: &str = "/internal/submit/poke";
const LOOK_UP: &str = "/internal/submit/look-up";

#[derive(Debug, Serialize, Deserialize)]
struct SubmitMessage {
    key: KeyMessage,
    event: EventMessage,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct LookUpMessage {
    #[serde_as(as = "Text")]
    tenant: TenantId,
    flavor: String,
    image: Option<String>,
}

/// What was found, if somebody could say.
#[derive(Debug, Serialize, Deserialize)]
struct FoundMessage {
    found: Option<LookedUpMessage>,
}

/// The hint came.
#[derive(Debug, Serialize, Deserialize)]
struct Poked {}

/// The supervisor's side. Serve it on a listener that only api processes reach; whoever lacks the key gets 401, and whoever has another role 403, before anything is read.
pub fn routes(submit: Arc<dyn Submit>, guard: impl Into<Guard>) -> impl HttpServiceFactory {
    let door = Door {
        guard: guard.into(),
        caller: Role::Api,
    };
    web::scope("/internal/submit")
        .app_data(web::Data::new(door))
        .app_data(web::Data::new(submit))
        .app_data(web::PayloadConfig::new(BYTES_MAX))
        .route("/event", web::post().to(take_event))
        .route("/poke", web::post().to(take_poke))
        .route("/look-up", web::post().to(take_look_up))
}

async fn take_event(
    _: Insider,
    submit: web::Data<Arc<dyn Submit>>,
    body: web::Bytes,
) -> Result<web::Json<VerdictMessage>, Refusal> {
    let SubmitMessage { key, event } = read(&body)?;
    let event = Event::try_from(event)
        .map_err(|_error| Refusal::new(StatusCode::BAD_REQUEST, "message"))?;
    let verdict = submit.submit(&GroupKey::from(key), event).await;
    verdict
        .map(|verdict| web::Json(verdict.into()))
        .map_err(|error| refusal(&error))
}

async fn take_poke(
    _: Insider,
    submit: web::Data<Arc<dyn Submit>>,
    body: web::Bytes,
) -> Result<web::Json<Poked>, Refusal> {
    let key: KeyMessage = read(&body)?;
    submit.poke(&GroupKey::from(key)).await;
    Ok(web::Json(Poked {}))
}

async fn take_look_up(
    _: Insider,
    submit: web::Data<Arc<dyn Submit>>,
    body: web::Bytes,
) -> Result<web::Json<FoundMessage>, Refusal> {
    let message: LookUpMessage = read(&body)?;
    let found = match Names::safe(&message.flavor, message.image.as_deref()) {
        Some(names) => submit.look_up(&message.tenant, names).await,
        None => None,
    };
    let found = found.map(LookedUpMessage::from);
    Ok(web::Json(FoundMessage { found }))
}

const NOT_OWNER: &str = "not_owner";
const NO_GROUP: &str = "no_group";
const ID_REUSED: &str = "id_reused";
const BUSY: &str = "busy";
const UNAVAILABLE: &str = "unavailable";

fn refusal(error: &SubmitError) -> Refusal {
    match error {
        SubmitError::Unreachable => Refusal::new(StatusCode::BAD_GATEWAY, "unreachable"),
        SubmitError::NotOwner => Refusal::new(StatusCode::MISDIRECTED_REQUEST, NOT_OWNER),
        SubmitError::NoGroup => Refusal::new(StatusCode::NOT_FOUND, NO_GROUP),
        SubmitError::IdReused => Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, ID_REUSED),
        SubmitError::Busy { retry_after } => Refusal {
            retry_after_ms: Some(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX)),
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, BUSY)
        },
        SubmitError::Unavailable => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE),
    }
}

/// Whatever is not one of the port's own words says nothing about the event: the inbox is then the way, and the id makes a double harmless.
fn error(failure: Failure) -> SubmitError {
    let refusal = match failure {
        Failure::NoAnswer => return SubmitError::Unreachable,
        Failure::Refused(refusal) => refusal,
    };
    match refusal.code.as_str() {
        NOT_OWNER => SubmitError::NotOwner,
        NO_GROUP => SubmitError::NoGroup,
        ID_REUSED => SubmitError::IdReused,
        BUSY => SubmitError::Busy {
            retry_after: Duration::from_millis(refusal.retry_after_ms.unwrap_or(1000)),
        },
        UNAVAILABLE => SubmitError::Unavailable,
        _ => SubmitError::Unreachable,
    }
}

/// The api's side of one supervisor.
#[derive(Debug, Clone)]
pub struct HttpSubmit {
    peer: Peer,
    within: Duration,
}

impl HttpSubmit {
    /// A client of the supervisor at an address (`https://host:port`), which has `within` to connect and answer: later it counts as
    /// unreachable. Nothing is sent yet.
    ///
    /// # Errors
    /// [`PeerError`]: stop the start.
    pub fn new(
        address: &str,
        key: impl Into<Option<Secret>>,
        trust: Trust,
        within: Duration,
    ) -> Result<Self, PeerError> {
        let peer = Peer::new(address, key.into(), trust)?;
        Ok(Self { peer, within })
    }
}

#[async_trait]
impl Submit for HttpSubmit {
    async fn submit(&self, key: &GroupKey, event: Event) -> Result<Verdict, SubmitError> {
        let message = SubmitMessage {
            key: key.into(),
            event: event.into(),
        };
        let answer: Result<VerdictMessage, Failure> = self
            .peer
            .post(SUBMIT, &message, self.within, BYTES_MAX)
            .await;
        let verdict = answer.map_err(error)?;
        // A verdict that makes no sense here is none.
        Verdict::try_from(verdict).map_err(|_error| SubmitError::Unreachable)
    }

    async fn poke(&self, key: &GroupKey) {
        let answer: Result<Poked, Failure> = self
            .peer
            .post(POKE, &KeyMessage::from(key), POKE_WITHIN, BYTES_MAX)
            .await;
        if let Err(failure) = answer {
            tracing::debug!(group.id = %key.id, ?failure, "a hint was lost");
        }
    }

    async fn look_up(&self, tenant: &TenantId, names: Names) -> Option<LookedUp> {
        let message = LookUpMessage {
            tenant: tenant.clone(),
            flavor: names.flavor,
            image: names.image,
        };
        let peer = &self.peer;
        let answer: Result<FoundMessage, Failure> = peer
            .post(LOOK_UP, &message, LOOK_UP_WITHIN, BYTES_MAX)
            .await;
        answer.ok()?.found.map(LookedUp::from)
    }
}

#[cfg(test)]
mod tests;
