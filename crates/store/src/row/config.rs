//! The row of a group's configuration: written when it changes, not with every commit.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::capacity::{Bounds, Size};
use domain::circle::Circle;
use domain::group::Config;
use domain::ids::{LaunchHash, PolicyId, WebhookId};
use domain::policy::{Adjust, Percent, Policy, Trigger, Webhook};
use domain::schedule::{Cron, Schedule};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::circle::CircleRow;
use super::hook::HookRow;
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ci: Option<CircleRow>,
    bt: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    s: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ho: Vec<HookRow>,
    g: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(serials: &u32) -> bool {
    *serials == 0
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<TriggerRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    h: Vec<WebhookRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<String>,
}

/// What runs a policy; none: its capability URLs.
#[derive(Debug, Serialize, Deserialize)]
enum TriggerRow {
    #[serde(rename = "at")]
    At(u64),
    #[serde(rename = "cron")]
    Cron(String),
    #[serde(rename = "monitoring")]
    Monitoring,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct WebhookRow {
    #[serde_as(as = "DisplayFromStr")]
    i: WebhookId,
    n: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    m: BTreeMap<String, String>,
    s: u32,
}

impl TriggerRow {
    fn of(trigger: &Trigger) -> Option<Self> {
        match trigger {
            Trigger::Webhook => None,
            Trigger::Schedule(Schedule::At(at)) => Some(Self::At(at.unix_ms())),
            Trigger::Schedule(Schedule::Cron(cron)) => Some(Self::Cron(cron.text().to_owned())),
            Trigger::Monitoring => Some(Self::Monitoring),
        }
    }

    fn into_trigger(row: Option<Self>) -> Result<Trigger, Error> {
        Ok(match row {
            None => Trigger::Webhook,
            Some(Self::At(at)) => Trigger::Schedule(Schedule::At(Timestamp::from_unix_ms(at))),
            Some(Self::Cron(text)) => {
                let cron = Cron::parse(&text).map_err(|e| corrupt("schedule", &e))?;
                Trigger::Schedule(Schedule::Cron(cron))
            }
            Some(Self::Monitoring) => Trigger::Monitoring,
        })
    }
}

impl From<(&WebhookId, &Webhook)> for WebhookRow {
    fn from((id, webhook): (&WebhookId, &Webhook)) -> Self {
        let Webhook {
            name,
            metadata,
            serial,
        } = webhook;
        Self {
            i: *id,
            n: name.clone(),
            m: metadata.clone(),
            s: *serial,
        }
    }
}

impl WebhookRow {
    fn into_webhook(self) -> (WebhookId, Webhook) {
        let webhook = Webhook {
            name: self.n,
            metadata: self.m,
            serial: self.s,
        };
        (self.i, webhook)
    }
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
            circle,
            build_timeout,
            serials,
            hooks,
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
            ci: (*circle != Circle::default()).then(|| (*circle).into()),
            bt: ms(*build_timeout),
            s: *serials,
            ho: hooks.iter().map(HookRow::from).collect(),
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
            circle: row
                .ci
                .map_or_else(|| Ok(Circle::default()), Circle::try_from)?,
            build_timeout: Duration::from_millis(row.bt),
            serials: row.s,
            hooks: row.ho.into_iter().map(HookRow::into_hook).collect(),
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
            trigger,
            webhooks,
            written,
        } = policy;
        Self {
            i: id.clone(),
            n: name.clone(),
            a: (*adjust).into(),
            cd: ms(*cooldown),
            db: ms(*debounce),
            t: TriggerRow::of(trigger),
            h: webhooks.iter().map(WebhookRow::from).collect(),
            w: written.as_deref().map(str::to_owned),
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
            trigger: TriggerRow::into_trigger(row.t)?,
            webhooks: row.h.into_iter().map(WebhookRow::into_webhook).collect(),
            written: row.w.map(Into::into),
        })
    }
}
