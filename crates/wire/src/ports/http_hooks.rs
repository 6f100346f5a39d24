//! The hooks port over HTTP: [`routes`] for a supervisor, [`HttpHooks`] for a lane.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::StatusCode;
use actix_web::web;
use async_trait::async_trait;
use chassis::Secret;
use chassis::http::Trust;
use domain::hook::{Format, Key, KeyKind};
use domain::ids::{DeliveryId, HookId, TenantId};
use domain::outbox::Sent;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::Role;
use super::hooks::{Hooks, HooksError, Parcel, Room, Tried};
use super::http::{Door, Failure, Guard, Insider, KeyMessage, Micros, Peer, PeerError};
use super::http::{Refusal, Text, read};
use crate::hooks::message::Message;

/// A lane that is busy with thousands of tenants.
const ROOM_BYTES_MAX: usize = 1024 * 1024;
/// A thousand messages, some 2 KiB each.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Beyond the wait, for the way there and back.
const FETCH_GRACE: Duration = Duration::from_secs(5);
/// A report is answered once it is durable, or within a moment; the rest is for the way there and back.
const TRIED_WITHIN: Duration = Duration::from_secs(15);

const FETCH: &str = "/internal/hooks/fetch";
const TRIED: &str = "/internal/hooks/tried";

#[derive(Debug, Serialize, Deserialize)]
struct Acknowledged {}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct RoomMessage {
    messages: u32,
    of_one: u32,
    #[serde_as(as = "Vec<Text>")]
    full: Vec<TenantId>,
    #[serde_as(as = "Micros")]
    wait_us: Duration,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct ParcelMessage {
    group: KeyMessage,
    id: u64,
    made: u32,
    #[serde_as(as = "Text")]
    hook: HookId,
    format: FormatWord,
    url: String,
    keys: Vec<KeyText>,
    message: Message,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FormatWord {
    Webhook,
    CloudEvents,
    Slack,
    PagerDuty,
    Probe,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeyText {
    kind: KindWord,
    sealed: String,
    until_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindWord {
    Hmac,
    Ed25519,
    Address,
    Routing,
    Bearer,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct TriedMessage {
    group: KeyMessage,
    id: u64,
    made: u32,
    sent: SentWord,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SentWord {
    Taken,
    Failed {
        why: String,
        #[serde_as(as = "Option<Micros>")]
        after_us: Option<Duration>,
    },
    Refused {
        why: String,
    },
    Nobody,
}

impl From<Room> for RoomMessage {
    fn from(room: Room) -> Self {
        Self {
            messages: room.messages,
            of_one: room.of_one,
            full: room.full,
            wait_us: room.wait,
        }
    }
}

impl From<RoomMessage> for Room {
    fn from(message: RoomMessage) -> Self {
        Self {
            messages: message.messages,
            of_one: message.of_one,
            full: message.full,
            wait: message.wait_us,
        }
    }
}

impl From<Parcel> for ParcelMessage {
    fn from(parcel: Parcel) -> Self {
        let key = |key: Key| KeyText {
            kind: match key.kind {
                KeyKind::Hmac => KindWord::Hmac,
                KeyKind::Ed25519 => KindWord::Ed25519,
                KeyKind::Address => KindWord::Address,
                KeyKind::Routing => KindWord::Routing,
                KeyKind::Bearer => KindWord::Bearer,
            },
            sealed: key.sealed,
            until_ms: key.until.map(Timestamp::unix_ms),
        };
        Self {
            group: KeyMessage::from(&parcel.group),
            id: parcel.id.0,
            made: parcel.made,
            hook: parcel.hook,
            format: match parcel.format {
                Format::Webhook => FormatWord::Webhook,
                Format::CloudEvents => FormatWord::CloudEvents,
                Format::Slack => FormatWord::Slack,
                Format::PagerDuty => FormatWord::PagerDuty,
                Format::Probe => FormatWord::Probe,
            },
            url: parcel.url,
            keys: parcel.keys.into_iter().map(key).collect(),
            message: parcel.message,
        }
    }
}

impl From<ParcelMessage> for Parcel {
    fn from(message: ParcelMessage) -> Self {
        let key = |key: KeyText| Key {
            kind: match key.kind {
                KindWord::Hmac => KeyKind::Hmac,
                KindWord::Ed25519 => KeyKind::Ed25519,
                KindWord::Address => KeyKind::Address,
                KindWord::Routing => KeyKind::Routing,
                KindWord::Bearer => KeyKind::Bearer,
            },
            sealed: key.sealed,
            public: None,
            until: key.until_ms.map(Timestamp::from_unix_ms),
        };
        Self {
            group: message.group.into(),
            id: DeliveryId(message.id),
            made: message.made,
            hook: message.hook,
            format: match message.format {
                FormatWord::Webhook => Format::Webhook,
                FormatWord::CloudEvents => Format::CloudEvents,
                FormatWord::Slack => Format::Slack,
                FormatWord::PagerDuty => Format::PagerDuty,
                FormatWord::Probe => Format::Probe,
            },
            url: message.url,
            keys: message.keys.into_iter().map(key).collect(),
            message: message.message,
        }
    }
}

impl From<Tried> for TriedMessage {
    fn from(tried: Tried) -> Self {
        Self {
            group: KeyMessage::from(&tried.group),
            id: tried.id.0,
            made: tried.made,
            sent: match tried.sent {
                Sent::Taken => SentWord::Taken,
                Sent::Failed(why, after_us) => SentWord::Failed { why, after_us },
                Sent::Refused(why) => SentWord::Refused { why },
                Sent::Nobody => SentWord::Nobody,
            },
        }
    }
}

impl From<TriedMessage> for Tried {
    fn from(message: TriedMessage) -> Self {
        Self {
            group: message.group.into(),
            id: DeliveryId(message.id),
            made: message.made,
            sent: match message.sent {
                SentWord::Taken => Sent::Taken,
                SentWord::Failed { why, after_us } => Sent::Failed(why, after_us),
                SentWord::Refused { why } => Sent::Refused(why),
                SentWord::Nobody => Sent::Nobody,
            },
        }
    }
}

/// The supervisor's side. Serve it on a listener that only roles reach; whoever lacks the key gets 401, and whoever has another role 403, before anything is read.
pub fn routes(hooks: Arc<dyn Hooks>, guard: impl Into<Guard>) -> impl HttpServiceFactory {
    let door = Door {
        guard: guard.into(),
        caller: Role::Hooks,
    };
    web::scope("/internal/hooks")
        .app_data(web::Data::new(door))
        .app_data(web::Data::new(hooks))
        .service(
            web::resource("/fetch")
                .app_data(web::PayloadConfig::new(ROOM_BYTES_MAX))
                .route(web::post().to(fetch)),
        )
        .service(
            web::resource("/tried")
                .app_data(web::PayloadConfig::new(BYTES_MAX))
                .route(web::post().to(tried)),
        )
}

async fn fetch(
    _: Insider,
    hooks: web::Data<Arc<dyn Hooks>>,
    body: web::Bytes,
) -> Result<web::Json<Vec<ParcelMessage>>, Refusal> {
    let room = Room::from(read::<RoomMessage>(&body)?);
    let parcels = hooks.fetch(room).await.map_err(refusal)?;
    let parcels = parcels.into_iter().map(ParcelMessage::from);
    Ok(web::Json(parcels.collect()))
}

async fn tried(
    _: Insider,
    hooks: web::Data<Arc<dyn Hooks>>,
    body: web::Bytes,
) -> Result<web::Json<Acknowledged>, Refusal> {
    let tried: Vec<TriedMessage> = read(&body)?;
    let tried = tried.into_iter().map(Tried::from).collect();
    let again = hooks.tried(tried).await.map_err(refusal)?;
    if again.is_empty() {
        return Ok(web::Json(Acknowledged {}));
    }
    // A lane of an older version says all of them again.
    Err(Refusal {
        refused: again,
        ..refusal(HooksError::Unreachable)
    })
}

fn refusal(error: HooksError) -> Refusal {
    match error {
        HooksError::Unreachable => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unreachable"),
        HooksError::Refused => Refusal::new(StatusCode::FORBIDDEN, "refused"),
    }
}

fn error(failure: &Failure) -> HooksError {
    match failure {
        Failure::Refused(refusal) if [400, 401, 403, 413].contains(&refusal.status) => {
            HooksError::Refused
        }
        Failure::NoAnswer | Failure::Refused(_) => HooksError::Unreachable,
    }
}

/// The lane's side of one supervisor.
#[derive(Debug, Clone)]
pub struct HttpHooks {
    peer: Peer,
}

impl HttpHooks {
    /// A client of the supervisor at an address (`https://host:port`). Nothing is sent yet.
    ///
    /// # Errors
    /// [`PeerError`]: stop the start.
    pub fn new(
        address: &str,
        key: impl Into<Option<Secret>>,
        trust: Trust,
    ) -> Result<Self, PeerError> {
        let peer = Peer::new(address, key.into(), trust)?;
        Ok(Self { peer })
    }
}

#[async_trait]
impl Hooks for HttpHooks {
    async fn fetch(&self, room: Room) -> Result<Vec<Parcel>, HooksError> {
        let within = room.wait + FETCH_GRACE;
        let message = RoomMessage::from(room);
        let reply: Result<Vec<ParcelMessage>, Failure> =
            self.peer.post(FETCH, &message, within, BYTES_MAX).await;
        let reply = reply.map_err(|failure| error(&failure))?;
        Ok(reply.into_iter().map(Parcel::from).collect())
    }

    async fn tried(&self, tried: Vec<Tried>) -> Result<Vec<usize>, HooksError> {
        let message: Vec<TriedMessage> = tried.into_iter().map(TriedMessage::from).collect();
        let answer: Result<Acknowledged, Failure> =
            self.peer.post(TRIED, &message, TRIED_WITHIN, 1024).await;
        match answer {
            Ok(Acknowledged {}) => Ok(Vec::new()),
            // Without places, as of a supervisor of an older version, it is all of them.
            Err(Failure::Refused(refusal)) if !refusal.refused.is_empty() => Ok(refusal.refused),
            Err(failure) => Err(error(&failure)),
        }
    }
}

#[cfg(test)]
mod tests;
