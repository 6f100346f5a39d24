//! The rows of what a group knows of alerts, of what an input says of one, and of how a group circles back.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::capacity::Size;
use domain::circle::{Action, AlertKey, Alerts, Circle, Known, Missing, Signal, Turn};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::config::AdjustRow;
use super::ms;
use super::words::{SeverityRow, StandingRow};
use crate::Error;

/// What a group knows of alerts.
#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AlertsRow {
    b: u64,
    #[serde_as(as = "BTreeMap<DisplayFromStr, _>")]
    k: BTreeMap<AlertKey, KnownRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    v: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<SeverityRow>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    e: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    q: bool,
    t: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KnownRow {
    n: String,
    s: StandingRow,
    v: SeverityRow,
    a: ActionRow,
    #[serde(default, skip_serializing_if = "MissingRow::is_default")]
    m: MissingRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<u64>,
    t: u64,
    h: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ActionRow {
    Step(Option<AdjustRow>),
    Notify,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MissingRow {
    #[default]
    OutOnly,
    Hold,
    Floor(u32),
}

/// What an input says of one alert.
#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SignalRow {
    #[serde_as(as = "DisplayFromStr")]
    i: AlertKey,
    n: String,
    s: StandingRow,
    v: SeverityRow,
    a: ActionRow,
    #[serde(default, skip_serializing_if = "MissingRow::is_default")]
    m: MissingRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<u64>,
}

/// A turn of the circle.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TurnRow {
    Escalate,
    Floor(u32),
    Expand,
    Ask,
    Deflate,
}

/// How a group circles back.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct CircleRow {
    u: AdjustRow,
    ud: u64,
    d: AdjustRow,
    dd: u64,
    rd: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<u64>,
}

impl MissingRow {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

const fn time(at: u64) -> Timestamp {
    Timestamp::from_unix_ms(at)
}

impl From<&Alerts> for AlertsRow {
    fn from(alerts: &Alerts) -> Self {
        let Alerts {
            began,
            known,
            open,
            over,
            stepped,
            escalated,
            asked,
            turns,
            next,
        } = alerts;
        Self {
            b: began.unix_ms(),
            k: known
                .iter()
                .map(|(key, known)| (*key, known.into()))
                .collect(),
            o: open.map(Timestamp::unix_ms),
            v: over.map(Timestamp::unix_ms),
            s: stepped.map(SeverityRow::from),
            e: *escalated,
            q: *asked,
            t: *turns,
            n: next.map(Timestamp::unix_ms),
        }
    }
}

impl TryFrom<AlertsRow> for Alerts {
    type Error = Error;
    fn try_from(row: AlertsRow) -> Result<Self, Error> {
        let known = row
            .k
            .into_iter()
            .map(|(key, known)| Ok((key, known.try_into()?)));
        Ok(Self {
            began: time(row.b),
            known: known.collect::<Result<_, Error>>()?,
            open: row.o.map(time),
            over: row.v.map(time),
            stepped: row.s.map(Into::into),
            escalated: row.e,
            asked: row.q,
            turns: row.t,
            next: row.n.map(time),
        })
    }
}

impl From<&Known> for KnownRow {
    fn from(known: &Known) -> Self {
        let Known {
            name,
            standing,
            severity,
            action,
            missing,
            hearing,
            since,
            heard,
            at,
        } = known;
        Self {
            n: name.clone(),
            s: (*standing).into(),
            v: (*severity).into(),
            a: (*action).into(),
            m: (*missing).into(),
            e: hearing.map(ms),
            t: since.unix_ms(),
            h: heard.unix_ms(),
            d: at.map(Timestamp::unix_ms),
        }
    }
}

impl TryFrom<KnownRow> for Known {
    type Error = Error;
    fn try_from(row: KnownRow) -> Result<Self, Error> {
        Ok(Self {
            name: row.n,
            standing: row.s.into(),
            severity: row.v.into(),
            action: row.a.try_into()?,
            missing: row.m.into(),
            hearing: row.e.map(Duration::from_millis),
            since: time(row.t),
            heard: time(row.h),
            at: row.d.map(time),
        })
    }
}

impl From<&Signal> for SignalRow {
    fn from(signal: &Signal) -> Self {
        let Signal {
            alert,
            name,
            standing,
            severity,
            action,
            missing,
            hearing,
            at,
        } = signal;
        Self {
            i: *alert,
            n: name.clone(),
            s: (*standing).into(),
            v: (*severity).into(),
            a: (*action).into(),
            m: (*missing).into(),
            e: hearing.map(ms),
            d: at.map(Timestamp::unix_ms),
        }
    }
}

impl TryFrom<SignalRow> for Signal {
    type Error = Error;
    fn try_from(row: SignalRow) -> Result<Self, Error> {
        Ok(Self {
            alert: row.i,
            name: row.n,
            standing: row.s.into(),
            severity: row.v.into(),
            action: row.a.try_into()?,
            missing: row.m.into(),
            hearing: row.e.map(Duration::from_millis),
            at: row.d.map(time),
        })
    }
}

impl From<Action> for ActionRow {
    fn from(action: Action) -> Self {
        match action {
            Action::Step(by) => Self::Step(by.map(AdjustRow::from)),
            Action::Notify => Self::Notify,
            Action::Nothing => Self::Nothing,
        }
    }
}

impl TryFrom<ActionRow> for Action {
    type Error = Error;
    fn try_from(row: ActionRow) -> Result<Self, Error> {
        Ok(match row {
            ActionRow::Step(by) => Self::Step(by.map(TryInto::try_into).transpose()?),
            ActionRow::Notify => Self::Notify,
            ActionRow::Nothing => Self::Nothing,
        })
    }
}

impl From<Missing> for MissingRow {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::OutOnly => Self::OutOnly,
            Missing::Hold => Self::Hold,
            Missing::Floor(Size(size)) => Self::Floor(size),
        }
    }
}

impl From<MissingRow> for Missing {
    fn from(row: MissingRow) -> Self {
        match row {
            MissingRow::OutOnly => Self::OutOnly,
            MissingRow::Hold => Self::Hold,
            MissingRow::Floor(size) => Self::Floor(Size(size)),
        }
    }
}

impl From<Turn> for TurnRow {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Escalate => Self::Escalate,
            Turn::Floor(Size(size)) => Self::Floor(size),
            Turn::Expand => Self::Expand,
            Turn::Ask => Self::Ask,
            Turn::Deflate => Self::Deflate,
        }
    }
}

impl From<TurnRow> for Turn {
    fn from(row: TurnRow) -> Self {
        match row {
            TurnRow::Escalate => Self::Escalate,
            TurnRow::Floor(size) => Self::Floor(Size(size)),
            TurnRow::Expand => Self::Expand,
            TurnRow::Ask => Self::Ask,
            TurnRow::Deflate => Self::Deflate,
        }
    }
}

impl From<Circle> for CircleRow {
    fn from(circle: Circle) -> Self {
        let Circle {
            expand,
            expand_delay,
            deflate,
            deflate_delay,
            report_delay,
            escalate_after,
        } = circle;
        Self {
            u: expand.into(),
            ud: ms(expand_delay),
            d: deflate.into(),
            dd: ms(deflate_delay),
            rd: ms(report_delay),
            e: escalate_after.map(ms),
        }
    }
}

impl TryFrom<CircleRow> for Circle {
    type Error = Error;
    fn try_from(row: CircleRow) -> Result<Self, Error> {
        Ok(Self {
            expand: row.u.try_into()?,
            expand_delay: Duration::from_millis(row.ud),
            deflate: row.d.try_into()?,
            deflate_delay: Duration::from_millis(row.dd),
            report_delay: Duration::from_millis(row.rd),
            escalate_after: row.e.map(Duration::from_millis),
        })
    }
}
