//! The row of a group's state: small, rewritten by every commit whatever the size of the group (figure G7).

use std::collections::BTreeMap;

use domain::capacity::Size;
use domain::circle::AlertKey;
use domain::event::Override;
use domain::group::{Adoption, Clocks, Hold, State};
use domain::ids::{DeliveryId, PolicyId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::circle::AlertsRow;
use super::corrupt;
use super::words::{HoldRow, PhaseRow};
use crate::Error;

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StateRow {
    d: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<OverrideRow>,
    p: PhaseRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<HeldRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<u64>,
    #[serde_as(as = "BTreeMap<DisplayFromStr, _>")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    cp: BTreeMap<PolicyId, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    f: bool,
    #[serde_as(as = "BTreeMap<DisplayFromStr, _>")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ti: BTreeMap<PolicyId, u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    n: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g: Option<HoldRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cu: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cd: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    al: Option<AlertsRow>,
    #[serde_as(as = "BTreeMap<DisplayFromStr, _>")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ae: BTreeMap<AlertKey, u64>,
    #[serde(default, skip_serializing_if = "is_none_yet")]
    ad: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(posted: &u64) -> bool {
    *posted == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_none_yet(adoption: &u8) -> bool {
    *adoption == 0
}

/// A grant: size, until.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct OverrideRow(u32, u64);

#[derive(Debug, Serialize, Deserialize)]
struct HeldRow {
    w: HoldRow,
    d: String,
    s: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    u: Option<u64>,
    n: u32,
}

impl From<Override> for OverrideRow {
    fn from(grant: Override) -> Self {
        Self(grant.size.0, grant.until.unix_ms())
    }
}

impl From<OverrideRow> for Override {
    fn from(OverrideRow(size, until): OverrideRow) -> Self {
        Self {
            size: Size(size),
            until: Timestamp::from_unix_ms(until),
        }
    }
}

impl From<&State> for StateRow {
    fn from(state: &State) -> Self {
        let State {
            desired,
            over,
            phase,
            hold,
            clocks,
            shrunk,
            forced,
            timers,
            posted,
            degraded,
            adoption,
            alerts,
            ends,
        } = state;
        let Clocks {
            group,
            policy,
            up,
            down,
        } = clocks;
        Self {
            d: desired.0,
            o: over.map(OverrideRow::from),
            p: (*phase).into(),
            h: hold.as_ref().map(HeldRow::from),
            c: group.map(Timestamp::unix_ms),
            cp: policy
                .iter()
                .map(|(id, at)| (id.clone(), at.unix_ms()))
                .collect(),
            s: shrunk.map(Timestamp::unix_ms),
            f: *forced,
            ti: timers
                .iter()
                .map(|(id, at)| (id.clone(), at.unix_ms()))
                .collect(),
            n: posted.0,
            g: degraded.map(HoldRow::from),
            cu: up.map(Timestamp::unix_ms),
            cd: down.map(Timestamp::unix_ms),
            ad: match adoption {
                Adoption::Done => 0,
                Adoption::Copying => 1,
                Adoption::Due => 2,
            },
            al: alerts.as_ref().map(AlertsRow::from),
            ae: ends.iter().map(|(key, at)| (*key, at.unix_ms())).collect(),
        }
    }
}

impl TryFrom<StateRow> for State {
    type Error = Error;
    fn try_from(row: StateRow) -> Result<Self, Error> {
        let policy = row.cp.into_iter();
        let timers = row.ti.into_iter();
        Ok(Self {
            desired: Size(row.d),
            over: row.o.map(Override::from),
            phase: row.p.into(),
            hold: row.h.map(Hold::from),
            clocks: Clocks {
                group: row.c.map(Timestamp::from_unix_ms),
                policy: policy
                    .map(|(id, at)| (id, Timestamp::from_unix_ms(at)))
                    .collect(),
                up: row.cu.map(Timestamp::from_unix_ms),
                down: row.cd.map(Timestamp::from_unix_ms),
            },
            shrunk: row.s.map(Timestamp::from_unix_ms),
            forced: row.f,
            timers: timers
                .map(|(id, at)| (id, Timestamp::from_unix_ms(at)))
                .collect(),
            posted: DeliveryId(row.n),
            degraded: row.g.map(Into::into),
            adoption: match row.ad {
                0 => Adoption::Done,
                1 => Adoption::Copying,
                2 => Adoption::Due,
                other => return Err(corrupt("adoption of a state", &other)),
            },
            alerts: row.al.map(TryInto::try_into).transpose()?,
            ends: row
                .ae
                .into_iter()
                .map(|(key, at)| (key, Timestamp::from_unix_ms(at)))
                .collect(),
        })
    }
}

impl From<&Hold> for HeldRow {
    fn from(hold: &Hold) -> Self {
        let Hold {
            why,
            detail,
            since,
            until,
            strikes,
        } = hold;
        Self {
            w: (*why).into(),
            d: detail.clone(),
            s: since.unix_ms(),
            u: until.map(Timestamp::unix_ms),
            n: *strikes,
        }
    }
}

impl From<HeldRow> for Hold {
    fn from(row: HeldRow) -> Self {
        Self {
            why: row.w.into(),
            detail: row.d,
            since: Timestamp::from_unix_ms(row.s),
            until: row.u.map(Timestamp::from_unix_ms),
            strikes: row.n,
        }
    }
}
