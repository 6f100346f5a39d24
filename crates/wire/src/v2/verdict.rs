//! Verdicts: what was asked, what each gate said, what was done.

use std::net::IpAddr;

use domain::capacity::Size;
use domain::event;
use domain::policy::Adjust;
use domain::verdict;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::circle::{AskedAlert, Turn};
use super::event::Grant;
use super::number::PercentNumber;
use super::time::Moment;

/// The one durable answer that every event gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verdict {
    /// The event's id.
    pub event: String,
    /// The outcome in one word.
    pub outcome: Outcome,
    /// What was asked.
    pub asked: Asked,
    /// What it was allowed to skip.
    pub force: Force,
    /// The grant that came with it.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// Desired before.
    pub before: u32,
    /// Desired after.
    pub after: u32,
    /// Every gate that was asked, in order; the one that stopped the event is the last.
    pub gates: Vec<GateWord>,
    /// Who asked.
    pub actor: Actor,
    /// When it was decided.
    pub at: Moment,
    /// The group's revision that holds it.
    pub rev: u64,
}

/// What was asked; exactly one of the fields is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// What this policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// So many servers more, or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<i64>,
    /// So many percent more, or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_percent: Option<PercentNumber>,
    /// Exactly so many servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<u32>,
    /// A new look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converge: Option<bool>,
    /// What an input said of an alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AskedAlert>,
    /// The group looked again because of alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
}

/// Who or what asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Actor {
    /// What kind of cause.
    pub kind: ActorKind,
    /// The subject of the token, or the name of what acted.
    pub name: String,
    /// The request that brought it; empty where there was none.
    pub request_id: String,
    /// The address that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub from: Option<IpAddr>,
}

/// What one gate said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GateWord {
    /// Which gate.
    pub gate: Gate,
    /// Its word.
    pub word: Word,
    /// With `wait`: how long from the decision until it would have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// With `capped`: the size that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<u32>,
    /// With `capped`: the size that was let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident of $($path:ident)::+ { $($(#[$case_doc:meta])* $case:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$case_doc])* $case),+ }

        impl From<$($path)::+> for $name {
            fn from(case: $($path)::+) -> Self {
                use $($path)::+ as Theirs;
                match case { $(Theirs::$case => Self::$case),+ }
            }
        }
    };
}
pub(super) use words;

words!(
    /// The outcome of an event in one word.
    Outcome of verdict::Outcome {
        /// Desired changed to exactly what was asked.
        Applied,
        /// Desired changed, but a bound or grant capped it.
        Clamped,
        /// Desired is already there.
        Unchanged,
        /// Refused: the group or the policy acted too recently.
        Cooldown,
        /// Refused: the policy acted a moment ago.
        Debounced,
        /// Refused: the group is paused.
        Paused,
        /// Refused: the group has no such policy.
        NoSuchPolicy,
        /// Refused: the group is being deleted.
        Deleting,
        /// Too old when it was decided.
        Expired,
        /// Taken note of; nothing is to be done.
        Noted,
        /// Not now: the group looks again by itself.
        Waiting,
        /// Help was called for.
        Escalated,
    }
);
impl From<Outcome> for verdict::Outcome {
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

words!(
    /// The gates that an event passes, in the order in which they are asked.
    Gate of verdict::Gate {
        /// Is the event still valid?
        Age,
        /// Is the group there to be scaled?
        Lifecycle,
        /// Is it paused?
        Pause,
        /// Does the policy exist?
        Policy,
        /// The policy's own cooldown.
        PolicyCooldown,
        /// The group's cooldown.
        GroupCooldown,
        /// The policy's debounce.
        Debounce,
        /// Is the alert news, and does it still ask for anything?
        Alert,
        /// Is an input silent that holds the group?
        Missing,
        /// The windows of stepping up and down because of alerts.
        Window,
        /// The bounds, or the grant.
        Clamp,
        /// Would something change at all?
        Change,
    }
);
words!(
    /// Kinds of cause.
    ActorKind of event::ActorKind {
        /// A person or program with a token.
        Caller,
        /// An anonymous capability URL.
        Capability,
        /// A schedule.
        Schedule,
        /// An input for alerts.
        Input,
        /// Holt itself.
        System,
    }
);

/// What a gate said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Go on.
    Pass,
    /// Would have stopped it, but the event is forced.
    Skipped,
    /// Stopped it, for now.
    Wait,
    /// Stopped it.
    Stop,
    /// Capped what was asked.
    Capped,
}

/// What an event was allowed to skip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Force {
    /// Nothing.
    No,
    /// Cooldowns, debounce and alert state.
    Gates,
    /// Those, and the group's bounds.
    Override,
}

impl From<&verdict::Verdict> for Verdict {
    fn from(v: &verdict::Verdict) -> Self {
        let (force, grant) = match v.force {
            event::Force::No => (Force::No, None),
            event::Force::Gates => (Force::Gates, None),
            event::Force::Override(over) => (Force::Override, Some(over.into())),
        };
        Self {
            event: v.event.to_string(),
            outcome: v.outcome.into(),
            asked: (&v.ask).into(),
            force,
            grant,
            before: v.before.0,
            after: v.after.0,
            gates: v.words.iter().map(GateWord::from).collect(),
            actor: (&v.actor).into(),
            at: Moment(v.at),
            rev: v.rev.0,
        }
    }
}

impl From<event::Override> for Grant {
    fn from(over: event::Override) -> Self {
        Self {
            size: over.size.0,
            until: Moment(over.until),
        }
    }
}

impl From<&event::Ask> for Asked {
    fn from(ask: &event::Ask) -> Self {
        let none = Self::default();
        match ask {
            event::Ask::Policy(id) => Self {
                policy: Some(id.to_string()),
                ..none
            },
            event::Ask::Adjust(Adjust::Change(by)) => Self {
                change: Some(*by),
                ..none
            },
            event::Ask::Adjust(Adjust::Percent(percent)) => Self {
                change_percent: Some(PercentNumber(*percent)),
                ..none
            },
            event::Ask::Adjust(Adjust::Desired(Size(size))) => Self {
                desired: Some(*size),
                ..none
            },
            event::Ask::Alert(signal) => Self {
                alert: Some((&**signal).into()),
                ..none
            },
            event::Ask::Turn(turn) => Self {
                turn: Some((*turn).into()),
                ..none
            },
            event::Ask::Converge => Self {
                converge: Some(true),
                ..none
            },
        }
    }
}

impl From<&event::Actor> for Actor {
    fn from(actor: &event::Actor) -> Self {
        Self {
            kind: actor.kind.into(),
            name: actor.name.clone(),
            request_id: actor.request_id.clone(),
            from: actor.from,
        }
    }
}

impl From<&verdict::GateWord> for GateWord {
    fn from(said: &verdict::GateWord) -> Self {
        let plain = |word| Self {
            gate: said.gate.into(),
            word,
            wait_ms: None,
            asked: None,
            to: None,
        };
        match said.word {
            verdict::Word::Pass => plain(Word::Pass),
            verdict::Word::Skipped => plain(Word::Skipped),
            verdict::Word::Stop => plain(Word::Stop),
            verdict::Word::Wait(left) => {
                let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                Self {
                    wait_ms: Some(ms),
                    ..plain(Word::Wait)
                }
            }
            verdict::Word::Capped { asked, to } => Self {
                asked: Some(asked.0),
                to: Some(to.0),
                ..plain(Word::Capped)
            },
        }
    }
}
