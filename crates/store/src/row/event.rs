//! The row of an event in the inbox, and the parts that it shares with verdicts. The event's id is the row's key.

use domain::event::{Actor, Ask, Event, Force, Override};
use domain::ids::{EventId, PolicyId, RequestHash};
use domain::time::Timestamp;
use domain::trace::Trace;
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use std::net::IpAddr;

use super::circle::{SignalRow, TurnRow};
use super::config::AdjustRow;
use super::state::OverrideRow;
use super::words::KindRow;
use crate::Error;

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventRow {
    #[serde_as(as = "DisplayFromStr")]
    q: RequestHash,
    a: AskRow,
    f: ForceRow,
    w: ActorRow,
    t: u64,
    u: u64,
    /// As a `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde_as(as = "Option<DisplayFromStr>")]
    p: Option<Trace>,
}

/// What is asked.
#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AskRow {
    Policy(PolicyRow),
    Adjust(AdjustRow),
    Converge,
    Alert(Box<SignalRow>),
    Turn(TurnRow),
}

/// A policy's id in its text form.
#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PolicyRow(#[serde_as(as = "DisplayFromStr")] PolicyId);

/// What may be skipped.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForceRow {
    No,
    Gates,
    Override(OverrideRow),
}

/// Who: kind, name, request.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ActorRow(
    KindRow,
    String,
    String,
    #[serde(default, skip_serializing_if = "Option::is_none")] Option<IpAddr>,
);

impl From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
        let Event {
            id: _,
            request,
            ask,
            force,
            actor,
            received,
            valid_until,
            trace,
        } = event;
        Self {
            q: *request,
            a: ask.into(),
            f: (*force).into(),
            w: actor.into(),
            t: received.unix_ms(),
            u: valid_until.unix_ms(),
            p: *trace,
        }
    }
}

impl EventRow {
    /// The event of that id.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the row breaks a rule of the vocabulary.
    pub(crate) fn into_event(self, id: EventId) -> Result<Event, Error> {
        Ok(Event {
            id,
            request: self.q,
            ask: self.a.try_into()?,
            force: self.f.into(),
            actor: self.w.into(),
            received: Timestamp::from_unix_ms(self.t),
            valid_until: Timestamp::from_unix_ms(self.u),
            trace: self.p,
        })
    }
}

impl From<&Ask> for AskRow {
    fn from(ask: &Ask) -> Self {
        match ask {
            Ask::Policy(id) => Self::Policy(PolicyRow(id.clone())),
            Ask::Adjust(adjust) => Self::Adjust((*adjust).into()),
            Ask::Converge => Self::Converge,
            Ask::Alert(signal) => Self::Alert(Box::new((&**signal).into())),
            Ask::Turn(turn) => Self::Turn((*turn).into()),
        }
    }
}

impl TryFrom<AskRow> for Ask {
    type Error = Error;
    fn try_from(row: AskRow) -> Result<Self, Error> {
        Ok(match row {
            AskRow::Policy(PolicyRow(id)) => Self::Policy(id),
            AskRow::Adjust(adjust) => Self::Adjust(adjust.try_into()?),
            AskRow::Converge => Self::Converge,
            AskRow::Alert(signal) => Self::Alert(Box::new((*signal).try_into()?)),
            AskRow::Turn(turn) => Self::Turn(turn.into()),
        })
    }
}

impl From<Force> for ForceRow {
    fn from(force: Force) -> Self {
        match force {
            Force::No => Self::No,
            Force::Gates => Self::Gates,
            Force::Override(grant) => Self::Override(grant.into()),
        }
    }
}

impl From<ForceRow> for Force {
    fn from(row: ForceRow) -> Self {
        match row {
            ForceRow::No => Self::No,
            ForceRow::Gates => Self::Gates,
            ForceRow::Override(grant) => Self::Override(Override::from(grant)),
        }
    }
}

impl From<&Actor> for ActorRow {
    fn from(actor: &Actor) -> Self {
        let Actor {
            kind,
            name,
            request_id,
            from,
        } = actor;
        Self((*kind).into(), name.clone(), request_id.clone(), *from)
    }
}

impl From<ActorRow> for Actor {
    fn from(ActorRow(kind, name, request_id, from): ActorRow) -> Self {
        Self {
            kind: kind.into(),
            name,
            request_id,
            from,
        }
    }
}
