//! Outcomes as they travel.

use std::time::Duration;

use domain::ids::ServerId;
use domain::settle::Outcome;
use domain::slot::{DoubtWhy, FailWhy};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::ports::http::{Micros, Text};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutcomeMessage {
    Created(#[serde_as(as = "Text")] ServerId),
    NotCreated(FailMessage),
    Throttled {
        #[serde_as(as = "Micros")]
        wait_us: Duration,
    },
    Unknown(DoubtWord),
    TokenRevoked,
    Voided,
    Begun,
    DeleteAccepted(#[serde_as(as = "Text")] ServerId),
    NotFound(#[serde_as(as = "Text")] ServerId),
    Locked(#[serde_as(as = "Text")] ServerId),
    DeleteUnclear(#[serde_as(as = "Text")] ServerId),
    NotOurs(#[serde_as(as = "Text")] ServerId),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FailMessage {
    NotSent,
    Refused(String),
    Quota(String),
    Token,
    Credential(String),
    Throttled,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DoubtWord {
    Timeout,
    Reset,
    Unclear,
    WorkerLost,
}

impl From<Outcome> for OutcomeMessage {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Created(server) => Self::Created(server),
            Outcome::NotCreated(why) => Self::NotCreated(why.into()),
            Outcome::Throttled(wait) => Self::Throttled { wait_us: wait },
            Outcome::Unknown(why) => Self::Unknown(why.into()),
            Outcome::TokenRevoked => Self::TokenRevoked,
            Outcome::Voided => Self::Voided,
            Outcome::Begun => Self::Begun,
            Outcome::DeleteAccepted(server) => Self::DeleteAccepted(server),
            Outcome::NotFound(server) => Self::NotFound(server),
            Outcome::Locked(server) => Self::Locked(server),
            Outcome::DeleteUnclear(server) => Self::DeleteUnclear(server),
            Outcome::NotOurs(server) => Self::NotOurs(server),
        }
    }
}

impl From<OutcomeMessage> for Outcome {
    fn from(message: OutcomeMessage) -> Self {
        match message {
            OutcomeMessage::Created(server) => Self::Created(server),
            OutcomeMessage::NotCreated(why) => Self::NotCreated(why.into()),
            OutcomeMessage::Throttled { wait_us } => Self::Throttled(wait_us),
            OutcomeMessage::Unknown(why) => Self::Unknown(why.into()),
            OutcomeMessage::TokenRevoked => Self::TokenRevoked,
            OutcomeMessage::Voided => Self::Voided,
            OutcomeMessage::Begun => Self::Begun,
            OutcomeMessage::DeleteAccepted(server) => Self::DeleteAccepted(server),
            OutcomeMessage::NotFound(server) => Self::NotFound(server),
            OutcomeMessage::Locked(server) => Self::Locked(server),
            OutcomeMessage::DeleteUnclear(server) => Self::DeleteUnclear(server),
            OutcomeMessage::NotOurs(server) => Self::NotOurs(server),
        }
    }
}

impl From<FailWhy> for FailMessage {
    fn from(why: FailWhy) -> Self {
        match why {
            FailWhy::NotSent => Self::NotSent,
            FailWhy::Refused(text) => Self::Refused(text),
            FailWhy::Quota(text) => Self::Quota(text),
            FailWhy::Token => Self::Token,
            FailWhy::Credential(text) => Self::Credential(text),
            FailWhy::Throttled => Self::Throttled,
        }
    }
}

impl From<FailMessage> for FailWhy {
    fn from(message: FailMessage) -> Self {
        match message {
            FailMessage::NotSent => Self::NotSent,
            FailMessage::Refused(text) => Self::Refused(text),
            FailMessage::Quota(text) => Self::Quota(text),
            FailMessage::Token => Self::Token,
            FailMessage::Credential(text) => Self::Credential(text),
            FailMessage::Throttled => Self::Throttled,
        }
    }
}

impl From<DoubtWhy> for DoubtWord {
    fn from(why: DoubtWhy) -> Self {
        match why {
            DoubtWhy::Timeout => Self::Timeout,
            DoubtWhy::Reset => Self::Reset,
            DoubtWhy::Unclear => Self::Unclear,
            DoubtWhy::WorkerLost => Self::WorkerLost,
        }
    }
}

impl From<DoubtWord> for DoubtWhy {
    fn from(word: DoubtWord) -> Self {
        match word {
            DoubtWord::Timeout => Self::Timeout,
            DoubtWord::Reset => Self::Reset,
            DoubtWord::Unclear => Self::Unclear,
            DoubtWord::WorkerLost => Self::WorkerLost,
        }
    }
}
