//! Verdicts as they travel. The order of the fields is that of [`domain::verdict::Verdict`].

use std::time::Duration;

use domain::capacity::Size;
use domain::ids::{EventId, RequestHash, Rev};
use domain::time::Timestamp;
use domain::verdict::{Gate, GateWord, Outcome, Verdict, Word};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::event::{ActorMessage, AskMessage, ForceMessage, NotFinite};
use crate::ports::http::{Micros, Text};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VerdictMessage {
    #[serde_as(as = "Text")]
    event: EventId,
    #[serde_as(as = "Text")]
    request: RequestHash,
    ask: AskMessage,
    force: ForceMessage,
    actor: ActorMessage,
    outcome: OutcomeWord,
    words: Vec<GateWordMessage>,
    before: u32,
    after: u32,
    at_ms: u64,
    rev: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeWord {
    Applied,
    Clamped,
    Unchanged,
    Cooldown,
    Debounced,
    Paused,
    NoSuchPolicy,
    Deleting,
    Expired,
    Noted,
    Waiting,
    Escalated,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct GateWordMessage {
    gate: GateName,
    word: WordMessage,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GateName {
    Age,
    Lifecycle,
    Pause,
    Policy,
    PolicyCooldown,
    GroupCooldown,
    Debounce,
    Alert,
    Missing,
    Window,
    Clamp,
    Change,
}

#[serde_as]
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WordMessage {
    Pass,
    Skipped,
    Wait {
        #[serde_as(as = "Micros")]
        for_us: Duration,
    },
    Stop,
    Capped {
        asked: u32,
        to: u32,
    },
}

impl From<Verdict> for VerdictMessage {
    fn from(verdict: Verdict) -> Self {
        Self {
            event: verdict.event,
            request: verdict.request,
            ask: verdict.ask.into(),
            force: verdict.force.into(),
            actor: verdict.actor.into(),
            outcome: verdict.outcome.into(),
            words: verdict
                .words
                .into_iter()
                .map(GateWordMessage::from)
                .collect(),
            before: verdict.before.0,
            after: verdict.after.0,
            at_ms: verdict.at.unix_ms(),
            rev: verdict.rev.0,
        }
    }
}

impl TryFrom<VerdictMessage> for Verdict {
    type Error = NotFinite;

    fn try_from(message: VerdictMessage) -> Result<Self, NotFinite> {
        Ok(Self {
            event: message.event,
            request: message.request,
            ask: message.ask.try_into()?,
            force: message.force.into(),
            actor: message.actor.into(),
            outcome: message.outcome.into(),
            words: message.words.into_iter().map(GateWord::from).collect(),
            before: Size(message.before),
            after: Size(message.after),
            at: Timestamp::from_unix_ms(message.at_ms),
            rev: Rev(message.rev),
        })
    }
}

impl From<Outcome> for OutcomeWord {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied => Self::Applied,
            Outcome::Clamped => Self::Clamped,
            Outcome::Unchanged => Self::Unchanged,
            Outcome::Cooldown => Self::Cooldown,
            Outcome::Debounced => Self::Debounced,
            Outcome::Paused => Self::Paused,
            Outcome::NoSuchPolicy => Self::NoSuchPolicy,
            Outcome::Deleting => Self::Deleting,
            Outcome::Expired => Self::Expired,
            Outcome::Noted => Self::Noted,
            Outcome::Waiting => Self::Waiting,
            Outcome::Escalated => Self::Escalated,
        }
    }
}

impl From<OutcomeWord> for Outcome {
    fn from(word: OutcomeWord) -> Self {
        match word {
            OutcomeWord::Applied => Self::Applied,
            OutcomeWord::Clamped => Self::Clamped,
            OutcomeWord::Unchanged => Self::Unchanged,
            OutcomeWord::Cooldown => Self::Cooldown,
            OutcomeWord::Debounced => Self::Debounced,
            OutcomeWord::Paused => Self::Paused,
            OutcomeWord::NoSuchPolicy => Self::NoSuchPolicy,
            OutcomeWord::Deleting => Self::Deleting,
            OutcomeWord::Expired => Self::Expired,
            OutcomeWord::Noted => Self::Noted,
            OutcomeWord::Waiting => Self::Waiting,
            OutcomeWord::Escalated => Self::Escalated,
        }
    }
}

impl From<GateWord> for GateWordMessage {
    fn from(said: GateWord) -> Self {
        let gate = match said.gate {
            Gate::Age => GateName::Age,
            Gate::Lifecycle => GateName::Lifecycle,
            Gate::Pause => GateName::Pause,
            Gate::Policy => GateName::Policy,
            Gate::PolicyCooldown => GateName::PolicyCooldown,
            Gate::GroupCooldown => GateName::GroupCooldown,
            Gate::Debounce => GateName::Debounce,
            Gate::Alert => GateName::Alert,
            Gate::Missing => GateName::Missing,
            Gate::Window => GateName::Window,
            Gate::Clamp => GateName::Clamp,
            Gate::Change => GateName::Change,
        };
        let word = match said.word {
            Word::Pass => WordMessage::Pass,
            Word::Skipped => WordMessage::Skipped,
            Word::Wait(wait) => WordMessage::Wait { for_us: wait },
            Word::Stop => WordMessage::Stop,
            Word::Capped { asked, to } => WordMessage::Capped {
                asked: asked.0,
                to: to.0,
            },
        };
        Self { gate, word }
    }
}

impl From<GateWordMessage> for GateWord {
    fn from(message: GateWordMessage) -> Self {
        let gate = match message.gate {
            GateName::Age => Gate::Age,
            GateName::Lifecycle => Gate::Lifecycle,
            GateName::Pause => Gate::Pause,
            GateName::Policy => Gate::Policy,
            GateName::PolicyCooldown => Gate::PolicyCooldown,
            GateName::GroupCooldown => Gate::GroupCooldown,
            GateName::Debounce => Gate::Debounce,
            GateName::Alert => Gate::Alert,
            GateName::Missing => Gate::Missing,
            GateName::Window => Gate::Window,
            GateName::Clamp => Gate::Clamp,
            GateName::Change => Gate::Change,
        };
        let word = match message.word {
            WordMessage::Pass => Word::Pass,
            WordMessage::Skipped => Word::Skipped,
            WordMessage::Wait { for_us } => Word::Wait(for_us),
            WordMessage::Stop => Word::Stop,
            WordMessage::Capped { asked, to } => Word::Capped {
                asked: Size(asked),
                to: Size(to),
            },
        };
        Self { gate, word }
    }
}
