//! The row of a group's configuration: written when it changes, not with every commit.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::capacity::{Bounds, Size};
use domain::group::Config;
use domain::ids::{LaunchHash, PolicyId};
use domain::policy::{Adjust, Percent, Policy};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::words::ScaleInRow;
use super::{corrupt, ms};
use crate::Error;

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ConfigRow {
    n: String,
    lo: u32,
    hi: u32,
    cd: u64,
    #[serde_as(as = "DisplayFromStr")]
    l: LaunchHash,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    m: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    p: Vec<PolicyRow>,
    si: ScaleInRow,
    bt: u64,
    g: u64,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct PolicyRow {
    #[serde_as(as = "DisplayFromStr")]
    i: PolicyId,
    n: String,
    a: AdjustRow,
    cd: u64,
    db: u64,
}

/// What is asked of the desired size; a percentage as the bits of its double, so that it comes back exactly.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum AdjustRow {
    #[serde(rename = "change")]
    Change(i64),
    #[serde(rename = "percent")]
    Percent(u64),
    #[serde(rename = "desired")]
    Desired(u32),
}

impl From<Adjust> for AdjustRow {
    fn from(adjust: Adjust) -> Self {
        match adjust {
            Adjust::Change(by) => Self::Change(by),
            Adjust::Percent(percent) => Self::Percent(percent.double_bits()),
            Adjust::Desired(Size(size)) => Self::Desired(size),
        }
    }
}

impl TryFrom<AdjustRow> for Adjust {
    type Error = Error;
    fn try_from(row: AdjustRow) -> Result<Self, Error> {
        Ok(match row {
            AdjustRow::Change(by) => Self::Change(by),
            AdjustRow::Percent(bits) => Self::Percent(
                Percent::from_double_bits(bits)
                    .ok_or_else(|| corrupt("adjustment", &"not a number"))?,
            ),
            AdjustRow::Desired(size) => Self::Desired(Size(size)),
        })
    }
}

impl From<&Config> for ConfigRow {
    fn from(config: &Config) -> Self {
        let Config {
            name,
            bounds,
            cooldown,
            launch,
            metadata,
            policies,
            scale_in,
            build_timeout,
            generation,
        } = config;
        Self {
            n: name.clone(),
            lo: bounds.min().0,
            hi: bounds.max().0,
            cd: ms(*cooldown),
            l: *launch,
            m: metadata.clone(),
            p: policies.values().map(PolicyRow::from).collect(),
            si: (*scale_in).into(),
            bt: ms(*build_timeout),
            g: *generation,
        }
    }
}

impl TryFrom<ConfigRow> for Config {
    type Error = Error;
    fn try_from(row: ConfigRow) -> Result<Self, Error> {
        let policies = row.p.into_iter().map(|p| {
            let policy = Policy::try_from(p)?;
            Ok((policy.id.clone(), policy))
        });
        Ok(Self {
            name: row.n,
            bounds: Bounds::new(Size(row.lo), Size(row.hi)).map_err(|e| corrupt("bounds", &e))?,
            cooldown: Duration::from_millis(row.cd),
            launch: row.l,
            metadata: row.m,
            policies: policies.collect::<Result<_, Error>>()?,
            scale_in: row.si.into(),
            build_timeout: Duration::from_millis(row.bt),
            generation: row.g,
        })
    }
}

impl From<&Policy> for PolicyRow {
    fn from(policy: &Policy) -> Self {
        let Policy {
            id,
            name,
            adjust,
            cooldown,
            debounce,
        } = policy;
        Self {
            i: id.clone(),
            n: name.clone(),
            a: (*adjust).into(),
            cd: ms(*cooldown),
            db: ms(*debounce),
        }
    }
}

impl TryFrom<PolicyRow> for Policy {
    type Error = Error;
    fn try_from(row: PolicyRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.i,
            name: row.n,
            adjust: row.a.try_into()?,
            cooldown: Duration::from_millis(row.cd),
            debounce: Duration::from_millis(row.db),
        })
    }
}
