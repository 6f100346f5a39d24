//! Messages of hooks: what was sent, what was not and why, and who waits.

use domain::outbox::{self, About, How, Sending};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hook::{Answer, Point};
use super::time::Moment;
use crate::hooks::message::message_id;

/// One message to one hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Its number in the group; later ones are larger.
    pub delivery: u64,
    /// What receivers see as `webhook-id`.
    pub message: String,
    /// To whom.
    pub hook: String,
    /// What happened.
    pub point: Point,
    /// The server that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Its slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// When.
    pub made: Moment,
    /// How far it got.
    pub state: State,
    /// How many times it was tried.
    pub attempts: u32,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Moment>,
    /// When it was taken, or became a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Moment>,
    /// What was wrong with the last attempt, or why it is a dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The server that waits for the answer, or waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Waited>,
}

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DeliveryState)]
pub enum State {
    /// To be sent, now or later.
    Due,
    /// The receiver took it.
    Taken,
    /// A dead letter.
    Dead,
}

/// A server that waits for an answer, or waited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waited {
    /// Since when.
    pub since: Moment,
    /// Until when, as heartbeats stand.
    pub deadline: Moment,
    /// What is done when nobody answers.
    pub default: Answer,
    /// How it ended; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What was done then: absent where nothing was answered or due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Moment>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WaitOutcome)]
pub enum Outcome {
    /// Somebody answered.
    Answered,
    /// Nobody did in time.
    Deadline,
    /// The message can never reach its receiver.
    Undeliverable,
    /// Somebody with the right to do so skipped the step.
    Skipped,
    /// Nothing waits for it any more: the server left, the hook was removed, another hook abandoned.
    Withdrawn,
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answered {
    /// The message.
    pub message: String,
    /// What was said: `continue`, `abandon` or `heartbeat`.
    pub said: String,
    /// After a heartbeat: until when the server waits now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Moment>,
}

/// How a wait ended, and with which answer.
#[must_use]
pub fn outcome(how: How) -> (Outcome, Option<Answer>) {
    match how {
        How::Answered(answer) => (Outcome::Answered, Some(answer.into())),
        How::Deadline(answer) => (Outcome::Deadline, Some(answer.into())),
        How::Undeliverable(answer) => (Outcome::Undeliverable, Some(answer.into())),
        How::Skipped => (Outcome::Skipped, None),
        How::Withdrawn => (Outcome::Withdrawn, None),
    }
}

impl Delivery {
    /// What is shown of a message.
    #[must_use]
    pub fn new(group: domain::ids::GroupId, delivery: &outbox::Delivery) -> Self {
        let (server, slot) = match &delivery.about {
            About::Server { slot, server, .. } => {
                (Some(server.to_string()), Some(slot.to_string()))
            }
            About::Size { .. } | About::Trouble { .. } | About::Incident { .. } => (None, None),
        };
        let (state, next, ended, trouble) = sending(&delivery.sending);
        Self {
            delivery: delivery.id.0,
            message: message_id(group, delivery.id),
            hook: delivery.hook.to_string(),
            point: delivery.point.into(),
            server,
            slot,
            made: Moment(delivery.made),
            state,
            attempts: delivery.attempts(),
            next: next.map(Moment),
            ended: ended.map(Moment),
            trouble,
            wait: delivery.wait.as_ref().map(waited),
        }
    }
}

type Progress = (State, Option<Timestamp>, Option<Timestamp>, Option<String>);

fn sending(sending: &Sending) -> Progress {
    match sending {
        Sending::Due(attempts) => {
            let next = attempts.since.plus(attempts.pause);
            (State::Due, Some(next), None, attempts.trouble.clone())
        }
        Sending::Taken { at, .. } => (State::Taken, None, Some(*at), None),
        Sending::Dead { at, why, .. } => (State::Dead, None, Some(*at), Some(why.clone())),
    }
}

fn waited(wait: &outbox::Wait) -> Waited {
    let ended = wait.ended.map(|(how, at)| (outcome(how), at));
    Waited {
        since: Moment(wait.since),
        deadline: Moment(wait.since.plus(wait.length)),
        default: wait.terms.default.into(),
        outcome: ended.map(|((outcome, _), _)| outcome),
        answer: ended.and_then(|((_, answer), _)| answer),
        ended: ended.map(|(_, at)| Moment(at)),
    }
}
