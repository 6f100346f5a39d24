//! What inputs say of alerts, as it travels. The order of the fields is that of [`domain::circle::Signal`].

use std::time::Duration;

use domain::capacity::Size;
use domain::circle::{Action, AlertKey, Missing, Severity, Signal, Standing, Turn};
use domain::policy::{Adjust, Percent};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::event::NotFinite;
use crate::ports::http::{Micros, Text};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SignalMessage {
    #[serde_as(as = "Text")]
    alert: AlertKey,
    name: String,
    standing: StandingWord,
    severity: SeverityWord,
    action: ActionMessage,
    missing: MissingMessage,
    #[serde_as(as = "Option<Micros>")]
    hearing_us: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StandingWord {
    Open,
    Acknowledged,
    Steady,
    Spare,
    Closed,
    Unknown,
    Once,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SeverityWord {
    Info,
    Warning,
    Critical,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionMessage {
    Step,
    StepChange(i64),
    /// The bits of the double, as for every percentage.
    StepPercentBits(u64),
    StepDesired(u32),
    Notify,
    Nothing,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MissingMessage {
    OutOnly,
    Hold,
    Floor(u32),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TurnMessage {
    Escalate,
    Floor(u32),
    Expand,
    Ask,
    Deflate,
}

macro_rules! both_ways {
    ($domain:ident, $word:ident: $($case:ident)+) => {
        impl From<$domain> for $word {
            fn from(value: $domain) -> Self {
                match value { $($domain::$case => Self::$case,)+ }
            }
        }
        impl From<$word> for $domain {
            fn from(word: $word) -> Self {
                match word { $($word::$case => Self::$case,)+ }
            }
        }
    };
}
both_ways!(Standing, StandingWord: Open Acknowledged Steady Spare Closed Unknown Once);
both_ways!(Severity, SeverityWord: Info Warning Critical);

impl From<Signal> for SignalMessage {
    fn from(signal: Signal) -> Self {
        Self {
            alert: signal.alert,
            name: signal.name,
            standing: signal.standing.into(),
            severity: signal.severity.into(),
            action: signal.action.into(),
            missing: signal.missing.into(),
            hearing_us: signal.hearing,
            at_ms: signal.at.map(Timestamp::unix_ms),
        }
    }
}

impl TryFrom<SignalMessage> for Signal {
    type Error = NotFinite;

    fn try_from(message: SignalMessage) -> Result<Self, NotFinite> {
        Ok(Self {
            alert: message.alert,
            name: message.name,
            standing: message.standing.into(),
            severity: message.severity.into(),
            action: message.action.try_into()?,
            missing: message.missing.into(),
            hearing: message.hearing_us,
            at: message.at_ms.map(Timestamp::from_unix_ms),
        })
    }
}

impl From<Action> for ActionMessage {
    fn from(action: Action) -> Self {
        match action {
            Action::Step(None) => Self::Step,
            Action::Step(Some(Adjust::Change(by))) => Self::StepChange(by),
            Action::Step(Some(Adjust::Percent(percent))) => {
                Self::StepPercentBits(percent.double_bits())
            }
            Action::Step(Some(Adjust::Desired(size))) => Self::StepDesired(size.0),
            Action::Notify => Self::Notify,
            Action::Nothing => Self::Nothing,
        }
    }
}

impl TryFrom<ActionMessage> for Action {
    type Error = NotFinite;

    fn try_from(message: ActionMessage) -> Result<Self, NotFinite> {
        Ok(match message {
            ActionMessage::Step => Self::Step(None),
            ActionMessage::StepChange(by) => Self::Step(Some(Adjust::Change(by))),
            ActionMessage::StepPercentBits(bits) => {
                let percent = Percent::from_double_bits(bits).ok_or(NotFinite)?;
                Self::Step(Some(Adjust::Percent(percent)))
            }
            ActionMessage::StepDesired(size) => Self::Step(Some(Adjust::Desired(Size(size)))),
            ActionMessage::Notify => Self::Notify,
            ActionMessage::Nothing => Self::Nothing,
        })
    }
}

impl From<Missing> for MissingMessage {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::OutOnly => Self::OutOnly,
            Missing::Hold => Self::Hold,
            Missing::Floor(size) => Self::Floor(size.0),
        }
    }
}

impl From<MissingMessage> for Missing {
    fn from(message: MissingMessage) -> Self {
        match message {
            MissingMessage::OutOnly => Self::OutOnly,
            MissingMessage::Hold => Self::Hold,
            MissingMessage::Floor(size) => Self::Floor(Size(size)),
        }
    }
}

impl From<Turn> for TurnMessage {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Escalate => Self::Escalate,
            Turn::Floor(size) => Self::Floor(size.0),
            Turn::Expand => Self::Expand,
            Turn::Ask => Self::Ask,
            Turn::Deflate => Self::Deflate,
        }
    }
}

impl From<TurnMessage> for Turn {
    fn from(message: TurnMessage) -> Self {
        match message {
            TurnMessage::Escalate => Self::Escalate,
            TurnMessage::Floor(size) => Self::Floor(Size(size)),
            TurnMessage::Expand => Self::Expand,
            TurnMessage::Ask => Self::Ask,
            TurnMessage::Deflate => Self::Deflate,
        }
    }
}
