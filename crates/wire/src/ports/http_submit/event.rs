//! Events as they travel. The order of the fields is that of [`domain::event::Event`].

use domain::capacity::Size;
use domain::event::{Actor, ActorKind, Ask, Event, Force, Override};
use domain::ids::{EventId, PolicyId, RequestHash};
use domain::policy::{Adjust, Percent};
use domain::time::Timestamp;
use domain::trace::Trace;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::alert::{SignalMessage, TurnMessage};
use crate::ports::http::Text;

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EventMessage {
    #[serde_as(as = "Text")]
    id: EventId,
    #[serde_as(as = "Text")]
    request: RequestHash,
    ask: AskMessage,
    force: ForceMessage,
    actor: ActorMessage,
    received_ms: u64,
    valid_until_ms: u64,
    /// As a `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde_as(as = "Option<Text>")]
    trace: Option<Trace>,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AskMessage {
    Policy(#[serde_as(as = "Text")] PolicyId),
    Change(i64),
    /// The bits of the double, so that it stays exactly what the caller's JSON denoted (contract 3.1).
    PercentBits(u64),
    Desired(u32),
    Converge,
    Alert(Box<SignalMessage>),
    Turn(TurnMessage),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ForceMessage {
    No,
    Gates,
    Override { size: u32, until_ms: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ActorMessage {
    kind: ActorWord,
    name: String,
    request_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<std::net::IpAddr>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActorWord {
    Caller,
    Capability,
    Schedule,
    Input,
    System,
}

/// A percentage that is infinite or no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the percentage is not a finite number")]
pub(super) struct NotFinite;

impl From<Event> for EventMessage {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            request: event.request,
            ask: event.ask.into(),
            force: event.force.into(),
            actor: event.actor.into(),
            received_ms: event.received.unix_ms(),
            valid_until_ms: event.valid_until.unix_ms(),
            trace: event.trace,
        }
    }
}

impl TryFrom<EventMessage> for Event {
    type Error = NotFinite;

    fn try_from(message: EventMessage) -> Result<Self, NotFinite> {
        Ok(Self {
            id: message.id,
            request: message.request,
            ask: message.ask.try_into()?,
            force: message.force.into(),
            actor: message.actor.into(),
            received: Timestamp::from_unix_ms(message.received_ms),
            valid_until: Timestamp::from_unix_ms(message.valid_until_ms),
            trace: message.trace,
        })
    }
}

impl From<Ask> for AskMessage {
    fn from(ask: Ask) -> Self {
        match ask {
            Ask::Policy(id) => Self::Policy(id),
            Ask::Adjust(Adjust::Change(by)) => Self::Change(by),
            Ask::Adjust(Adjust::Percent(percent)) => Self::PercentBits(percent.double_bits()),
            Ask::Adjust(Adjust::Desired(size)) => Self::Desired(size.0),
            Ask::Converge => Self::Converge,
            Ask::Alert(signal) => Self::Alert(Box::new((*signal).into())),
            Ask::Turn(turn) => Self::Turn(turn.into()),
        }
    }
}

impl TryFrom<AskMessage> for Ask {
    type Error = NotFinite;

    fn try_from(message: AskMessage) -> Result<Self, NotFinite> {
        Ok(match message {
            AskMessage::Policy(id) => Self::Policy(id),
            AskMessage::Change(by) => Self::Adjust(Adjust::Change(by)),
            AskMessage::PercentBits(bits) => {
                let percent = Percent::from_double_bits(bits).ok_or(NotFinite)?;
                Self::Adjust(Adjust::Percent(percent))
            }
            AskMessage::Desired(size) => Self::Adjust(Adjust::Desired(Size(size))),
            AskMessage::Converge => Self::Converge,
            AskMessage::Alert(signal) => Self::Alert(Box::new((*signal).try_into()?)),
            AskMessage::Turn(turn) => Self::Turn(turn.into()),
        })
    }
}

impl From<Force> for ForceMessage {
    fn from(force: Force) -> Self {
        match force {
            Force::No => Self::No,
            Force::Gates => Self::Gates,
            Force::Override(grant) => Self::Override {
                size: grant.size.0,
                until_ms: grant.until.unix_ms(),
            },
        }
    }
}

impl From<ForceMessage> for Force {
    fn from(message: ForceMessage) -> Self {
        match message {
            ForceMessage::No => Self::No,
            ForceMessage::Gates => Self::Gates,
            ForceMessage::Override { size, until_ms } => Self::Override(Override {
                size: Size(size),
                until: Timestamp::from_unix_ms(until_ms),
            }),
        }
    }
}

impl From<Actor> for ActorMessage {
    fn from(actor: Actor) -> Self {
        let kind = match actor.kind {
            ActorKind::Caller => ActorWord::Caller,
            ActorKind::Capability => ActorWord::Capability,
            ActorKind::Schedule => ActorWord::Schedule,
            ActorKind::Input => ActorWord::Input,
            ActorKind::System => ActorWord::System,
        };
        Self {
            kind,
            name: actor.name,
            request_id: actor.request_id,
            from: actor.from,
        }
    }
}

impl From<ActorMessage> for Actor {
    fn from(message: ActorMessage) -> Self {
        let kind = match message.kind {
            ActorWord::Caller => ActorKind::Caller,
            ActorWord::Capability => ActorKind::Capability,
            ActorWord::Schedule => ActorKind::Schedule,
            ActorWord::Input => ActorKind::Input,
            ActorWord::System => ActorKind::System,
        };
        Self {
            kind,
            name: message.name,
            request_id: message.request_id,
            from: message.from,
        }
    }
}
