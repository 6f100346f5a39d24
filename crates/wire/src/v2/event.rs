//! Scale events: what a caller may ask, and the answer while there is no verdict yet.

use std::time::Duration;

use domain::capacity::Size;
use domain::circle::{Action, AlertKey, Missing, Severity, Signal, Standing};
use domain::event::{Ask, Force, Override};
use domain::ids::PolicyId;
use domain::policy::Adjust;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Invalid;
use super::number::PercentNumber;
use super::object::optional;
use super::switch::Switch;
use super::time::Moment;
use super::verdict::Verdict;

/// How long an event waits for its decision where it does not say: then its verdict is `expired` (safety 3.8).
pub const VALID_DEFAULT: Duration = Duration::from_secs(600);
/// The longest it may wait: verdicts are kept for an hour longer, so that a late double still meets its verdict.
pub const VALID_SECONDS_MAX: u32 = 86_400;
/// The longest grant beyond a group's bounds.
pub const OVERRIDE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// The largest change of servers by number that one event or policy may ask.
pub const CHANGE_MAX: u64 = 10_000;

/// One request to scale. Exactly one of `policy`, `change`, `change_percent`, `desired`, `converge` and `close_alert` is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRequest {
    /// Do what this policy of the group says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub policy: Option<String>,
    /// This many servers more, or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -10000, maximum = 10000)]
    pub change: Option<i64>,
    /// This many percent of the desired size more, or fewer, rounded away from zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_percent: Option<PercentNumber>,
    /// Exactly this many servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 10000)]
    pub desired: Option<u32>,
    /// `true`: look again now, and try again what only an explicit wish tries again; desired stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converge: Option<bool>,
    /// An alert that the group knows is over, whatever its source says: its key, from `circling` of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 16, max_length = 16)]
    pub close_alert: Option<String>,
    /// Skip cooldowns, debounce and alert state. Nothing skips kill switch, budget, quota or ownership.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Pass the group's max or min for a while; needs `force` and the right `exceed-limits`.
    #[serde(
        default,
        rename = "override",
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub grant: Option<Grant>,
    /// When this much time passed without a decision, the verdict is `expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86400)]
    pub valid_for_seconds: Option<u32>,
}

/// A grant beyond the bounds of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// How far it goes, above max or below min.
    #[schema(maximum = 10000)]
    pub size: u32,
    /// When it ends: at most 30 days from now. Desired is then put back into the bounds.
    pub until: Moment,
}

/// What an [`EventRequest`] asks, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What.
    pub ask: Ask,
    /// What it may skip.
    pub force: Force,
    /// How long it may wait.
    pub valid_for: Duration,
}

impl EventRequest {
    /// Checks the request at `now`.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule it breaks.
    pub fn parse(&self, now: Timestamp) -> Result<Asked, Invalid> {
        let seconds = self.valid_for_seconds;
        if seconds.is_some_and(|s| s == 0 || s > VALID_SECONDS_MAX) {
            return Err(Invalid::new("valid_for_seconds", "must be 1 to 86400"));
        }
        Ok(Asked {
            ask: self.ask()?,
            force: self.force(now)?,
            valid_for: seconds.map_or(VALID_DEFAULT, |s| Duration::from_secs(s.into())),
        })
    }

    fn ask(&self) -> Result<Ask, Invalid> {
        let one_rule = "one of policy, change, change_percent, desired, converge and close_alert must be given, and only one";
        let adjust = one_adjust(self.change, self.change_percent, self.desired)
            .map_err(|field| Invalid::new(field, one_rule))?;
        let given = [
            ("policy", self.policy.is_some()),
            ("converge", self.converge.is_some()),
            ("change", adjust.is_some()),
            ("close_alert", self.close_alert.is_some()),
        ];
        let mut given = given
            .into_iter()
            .filter_map(|(field, yes)| yes.then_some(field));
        if given.next().is_none() {
            return Err(Invalid::new("policy", one_rule));
        }
        if let Some(field) = given.next() {
            return Err(Invalid::new(field, one_rule));
        }
        if let Some(key) = &self.close_alert {
            return closed_by_hand(key);
        }
        match (&self.policy, self.converge, adjust) {
            (Some(policy), _, _) => Ok(Ask::Policy(policy_id("policy", policy)?)),
            (None, Some(false), _) => {
                Err(Invalid::new("converge", "must be true where it is given"))
            }
            (None, Some(true), _) | (None, None, None) => Ok(Ask::Converge),
            (None, None, Some(adjust)) => check_adjust(adjust).map(Ask::Adjust),
        }
    }

    fn force(&self, now: Timestamp) -> Result<Force, Invalid> {
        let Some(grant) = self.grant else {
            return Ok(if self.force { Force::Gates } else { Force::No });
        };
        if !self.force {
            return Err(Invalid::new("override", "needs \"force\": true"));
        }
        if grant.size > Size::LIMIT.0 {
            return Err(Invalid::new(
                "override.size",
                "must not be larger than 10000",
            ));
        }
        let until = grant.until.0;
        if until <= now || until.since(now) > OVERRIDE_MAX {
            return Err(Invalid::new(
                "override.until",
                "must be in the future, at most 30 days from now",
            ));
        }
        Ok(Force::Override(Override {
            size: Size(grant.size),
            until,
        }))
    }
}

/// Somebody says that an alert is over. Its source may say otherwise again: then it opens anew.
fn closed_by_hand(key: &str) -> Result<Ask, Invalid> {
    let key = key
        .parse::<AlertKey>()
        .map_err(|error| Invalid::new("close_alert", format!("must be {}", error.rule)))?;
    Ok(Ask::Alert(Box::new(Signal {
        alert: key,
        name: String::from("closed by hand"),
        standing: Standing::Closed,
        severity: Severity::Info,
        action: Action::Nothing,
        missing: Missing::OutOnly,
        hearing: None,
        at: None,
    })))
}

/// The adjustment that is given, if one is; an error is the name of a second one.
pub(super) fn one_adjust(
    change: Option<i64>,
    percent: Option<PercentNumber>,
    desired: Option<u32>,
) -> Result<Option<Adjust>, &'static str> {
    match (change, percent, desired) {
        (None, None, None) => Ok(None),
        (Some(by), None, None) => Ok(Some(Adjust::Change(by))),
        (None, Some(percent), None) => Ok(Some(Adjust::Percent(percent.0))),
        (None, None, Some(size)) => Ok(Some(Adjust::Desired(Size(size)))),
        (_, Some(_), _) => Err("change_percent"),
        (Some(_), None, Some(_)) => Err("desired"),
    }
}

pub(super) fn check_adjust(adjust: Adjust) -> Result<Adjust, Invalid> {
    match adjust {
        Adjust::Change(by) if by.unsigned_abs() > CHANGE_MAX => {
            Err(Invalid::new("change", "must be -10000 to 10000"))
        }
        Adjust::Desired(size) if size > Size::LIMIT => {
            Err(Invalid::new("desired", "must be 0 to 10000"))
        }
        Adjust::Change(_) | Adjust::Desired(_) | Adjust::Percent(_) => Ok(adjust),
    }
}

pub(super) fn policy_id(field: &str, text: &str) -> Result<PolicyId, Invalid> {
    text.parse().map_err(|error: domain::ids::ParseIdError| {
        Invalid::new(field, format!("must be {}", error.rule))
    })
}

/// What would come of an event now. Nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DryRun {
    /// The verdict that it would get; its id and revision are of no event.
    pub verdict: Verdict,
    /// Servers that would then be missing and would be launched, as permits come; 0 while launches are held.
    pub launches: u32,
    /// Servers that would then be too many and would leave, step by step.
    pub removals: u32,
    /// Kill switches that stand over the group: they hold calls to the cloud back, whatever is decided.
    pub switches: Vec<Switch>,
}

/// The answer to an event that was accepted while the owner of the group cannot be reached: it is durable and will be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queued {
    /// Always true.
    pub queued: bool,
    /// Ask for the verdict under this id.
    pub event: String,
    /// Without a decision by then, its verdict is `expired`.
    pub valid_until: Moment,
}

#[cfg(test)]
mod tests;
