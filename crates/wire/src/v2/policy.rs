//! Policies: what they ask, what runs them, and their capability URLs.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ids::{PolicyId, WebhookId};
use domain::policy::{self, Adjust, Trigger};
use domain::schedule::{self, BadCron, Cron};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Invalid;
use super::event::{check_adjust, one_adjust, policy_id};
use super::group::{check_cooldown, check_metadata, check_name, kept_or, seconds, whole_seconds};
use super::number::PercentNumber;
use super::object::optional;
use super::time::Moment;

/// Policies of one group.
pub const POLICIES_MAX: usize = 100;
/// Longest debounce (design 8).
pub const DEBOUNCE_SECONDS_MAX: u32 = 300;
/// Longest cron text that is read.
const CRON_MAX: usize = 255;

/// A rule that turns "this happened" into a new size. Exactly one of `change`, `change_percent` and `desired` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its id within the group: letters, digits, `-`, `_`.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    pub id: String,
    /// What people call it; the id where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// So many servers more, or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -10000, maximum = 10000)]
    pub change: Option<i64>,
    /// So many percent of the desired size more, or fewer, rounded away from zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_percent: Option<PercentNumber>,
    /// Exactly so many servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 10000)]
    pub desired: Option<u32>,
    /// It may run again this long after it last acted.
    #[serde(default)]
    #[schema(maximum = 86400)]
    pub cooldown_seconds: u32,
    /// The first event acts; further ones within this time get the verdict `debounced`.
    #[serde(default)]
    #[schema(maximum = 300)]
    pub debounce_seconds: u32,
    /// When it runs by itself; absent: only events and webhooks run it.
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub schedule: Option<Schedule>,
}

/// When a policy runs by itself, in UTC. Exactly one of `at` and `cron` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Once, at this moment, which must be in the future when it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// Again and again: minute, hour, day of month, month, day of week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255, example = "0 6 * * mon-fri")]
    pub cron: Option<String>,
}

/// A scheduled policy and when it runs next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scheduled {
    /// The policy's id.
    pub policy: String,
    /// What it was told.
    pub schedule: Schedule,
    /// The next run; absent: it never runs again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Moment>,
}

/// What a customer says of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    /// For people; not unique.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// The customer's own key-value pairs; nothing is done with them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// A capability URL of a policy: whoever has it can run the policy by a POST, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its id; no secret.
    pub id: String,
    /// For people.
    pub name: String,
    /// The customer's own key-value pairs.
    pub metadata: BTreeMap<String, String>,
    /// The URL: in the answers to its creation and to a rotation, and never again. Store it where passwords are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl WebhookSpec {
    /// Checks it.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule it breaks.
    pub fn check(&self) -> Result<(), Invalid> {
        check_name("name", &self.name)?;
        check_metadata(&self.metadata).map(drop)
    }

    /// Checks what a patch made of `before`: only the members that it changed. The others stay, also where only `/v1.0` takes them so.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule it breaks.
    pub fn check_over(&self, before: &Self) -> Result<(), Invalid> {
        if self.name != before.name {
            check_name("name", &self.name)?;
        }
        if self.metadata != before.metadata {
            check_metadata(&self.metadata).map(drop)?;
        }
        Ok(())
    }
}

impl Webhook {
    /// The view of a webhook, with its URL for those who are told it now.
    #[must_use]
    pub fn new(id: WebhookId, webhook: &policy::Webhook, url: Option<String>) -> Self {
        Self {
            id: id.to_string(),
            name: webhook.name.clone(),
            metadata: webhook.metadata.clone(),
            url,
        }
    }
}

impl From<&Webhook> for WebhookSpec {
    fn from(webhook: &Webhook) -> Self {
        Self {
            name: webhook.name.clone(),
            metadata: webhook.metadata.clone(),
        }
    }
}

/// Checks the policies of a group; of one that is `there` already, what differs.
pub(super) fn check_policies(
    policies: &[Policy],
    there: &BTreeMap<PolicyId, policy::Policy>,
) -> Result<BTreeMap<PolicyId, policy::Policy>, Invalid> {
    if policies.len() > POLICIES_MAX {
        return Err(Invalid::new("policies", "must not be more than 100"));
    }
    let mut checked = BTreeMap::new();
    for (at, policy) in policies.iter().enumerate() {
        let here = format!("policies[{at}]");
        let id: Option<PolicyId> = policy.id.parse().ok();
        let parsed = match id.and_then(|id| there.get(&id)) {
            Some(there) => policy.parse_over(there),
            None => policy.parse(),
        };
        let parsed = parsed.map_err(|invalid| invalid.within(&here))?;
        if checked.insert(parsed.id.clone(), parsed).is_some() {
            return Err(Invalid::new("id", "is used by another policy of the group").within(&here));
        }
    }
    Ok(checked)
}

impl Policy {
    /// Checks everything but whether a moment is in the future: one that stays as it was may be past.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule it breaks.
    pub fn parse(&self) -> Result<policy::Policy, Invalid> {
        Ok(policy::Policy {
            adjust: self.check_ask()?,
            name: self.check_own_name()?,
            debounce: self.check_debounce()?,
            trigger: self.check_trigger()?,
            id: policy_id("id", &self.id)?,
            cooldown: check_cooldown(self.cooldown_seconds)?,
            webhooks: BTreeMap::new(),
            written: None,
        })
    }

    /// Checks what a patch made of `there`: only the members that it changed. The others stay as they are, also where only `/v1.0` takes them
    /// so.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule it breaks.
    pub fn parse_over(&self, there: &policy::Policy) -> Result<policy::Policy, Invalid> {
        let before = Self::from(there);
        let ask = |policy: &Self| (policy.change, policy.change_percent, policy.desired);
        let debounce_stays = self.debounce_seconds == before.debounce_seconds;
        let cooldown_stays = self.cooldown_seconds == before.cooldown_seconds;
        Ok(policy::Policy {
            adjust: kept_or(ask(self) == ask(&before), &there.adjust, || {
                self.check_ask()
            })?,
            name: kept_or(self.name == before.name, &there.name, || {
                self.check_own_name()
            })?,
            debounce: kept_or(debounce_stays, &there.debounce, || self.check_debounce())?,
            trigger: kept_or(self.schedule == before.schedule, &there.trigger, || {
                self.check_trigger()
            })?,
            id: policy_id("id", &self.id)?,
            cooldown: kept_or(cooldown_stays, &there.cooldown, || {
                check_cooldown(self.cooldown_seconds)
            })?,
            webhooks: BTreeMap::new(),
            written: None,
        })
    }

    fn check_ask(&self) -> Result<Adjust, Invalid> {
        let one_rule = "one of change, change_percent and desired must be given, and only one";
        let adjust = one_adjust(self.change, self.change_percent, self.desired)
            .map_err(|field| Invalid::new(field, one_rule))?;
        check_adjust(adjust.ok_or_else(|| Invalid::new("change", one_rule))?)
    }

    fn check_own_name(&self) -> Result<String, Invalid> {
        let Some(name) = &self.name else {
            return Ok(self.id.clone());
        };
        check_name("name", name).map(|()| name.clone())
    }

    fn check_debounce(&self) -> Result<Duration, Invalid> {
        if self.debounce_seconds > DEBOUNCE_SECONDS_MAX {
            return Err(Invalid::new("debounce_seconds", "must be 0 to 300"));
        }
        Ok(seconds(self.debounce_seconds))
    }

    fn check_trigger(&self) -> Result<Trigger, Invalid> {
        match &self.schedule {
            Some(schedule) => {
                let parsed = schedule.parse();
                parsed
                    .map(Trigger::Schedule)
                    .map_err(|invalid| invalid.within("schedule"))
            }
            None => Ok(Trigger::Webhook),
        }
    }
}

impl Schedule {
    fn parse(&self) -> Result<schedule::Schedule, Invalid> {
        match (&self.at, &self.cron) {
            (Some(at), None) => Ok(schedule::Schedule::At(at.0)),
            (None, Some(cron)) if cron.len() > CRON_MAX => {
                Err(Invalid::new("cron", "must have at most 255 characters"))
            }
            (None, Some(cron)) => {
                let bad = |error: BadCron| Invalid::new("cron", format!("cannot be used: {error}"));
                Cron::parse(cron).map(schedule::Schedule::Cron).map_err(bad)
            }
            (None, None) => Err(Invalid::new("at", "or cron must be given")),
            (Some(_), Some(_)) => Err(Invalid::new("cron", "must not be given beside at")),
        }
    }
}

/// Refuses moments that are past at `now`, unless they stood there before: a policy that has run may be written again as it is.
///
/// # Errors
/// [`Invalid`] names the first policy's moment.
pub fn check_moments(
    before: &BTreeMap<PolicyId, policy::Policy>,
    after: &BTreeMap<PolicyId, policy::Policy>,
    now: Timestamp,
) -> Result<(), Invalid> {
    let past = |policy: &&policy::Policy| match &policy.trigger {
        Trigger::Schedule(schedule::Schedule::At(at)) => {
            let stood = before.get(&policy.id);
            *at <= now && stood.is_none_or(|stood| stood.trigger != policy.trigger)
        }
        Trigger::Schedule(schedule::Schedule::Cron(_)) | Trigger::Webhook | Trigger::Monitoring => {
            false
        }
    };
    match after.values().find(past) {
        Some(_) => Err(Invalid::new("schedule.at", "must be in the future")),
        None => Ok(()),
    }
}

impl From<&schedule::Schedule> for Schedule {
    fn from(schedule: &schedule::Schedule) -> Self {
        let (at, cron) = match schedule {
            schedule::Schedule::At(at) => (Some(Moment(*at)), None),
            schedule::Schedule::Cron(cron) => (None, Some(cron.text().to_owned())),
        };
        Self { at, cron }
    }
}

impl From<&policy::Policy> for Policy {
    fn from(policy: &policy::Policy) -> Self {
        let (change, change_percent, desired) = match policy.adjust {
            Adjust::Change(by) => (Some(by), None, None),
            Adjust::Percent(percent) => (None, Some(PercentNumber(percent)), None),
            Adjust::Desired(size) => (None, None, Some(size.0)),
        };
        Self {
            id: policy.id.to_string(),
            name: Some(policy.name.clone()),
            change,
            change_percent,
            desired,
            cooldown_seconds: whole_seconds(policy.cooldown),
            debounce_seconds: whole_seconds(policy.debounce),
            schedule: match &policy.trigger {
                Trigger::Schedule(schedule) => Some(schedule.into()),
                Trigger::Webhook | Trigger::Monitoring => None,
            },
        }
    }
}

#[cfg(test)]
mod tests;
