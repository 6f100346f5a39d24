//! What a group does about alerts, and what it knows of them.

use std::time::Duration;

use domain::circle::{self, Circle};
use domain::policy::Adjust;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Invalid;
use super::event::CHANGE_MAX;
use super::number::PercentNumber;
use super::time::Moment;
use super::verdict::words;

/// The longest delay of a circle: a day.
pub const DELAY_SECONDS_MAX: u32 = 86_400;

/// How a group circles back: it steps up while an alert is open, and gives servers up slowly after the last one is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CircleSpec {
    /// So many servers more with each step; 1 where neither this nor the percentage is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10000)]
    pub expand_by: Option<u32>,
    /// Or so many percent of the desired size more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expand_by_percent: Option<PercentNumber>,
    /// From one scale-out, whoever caused it, to the next step up.
    #[schema(minimum = 1, maximum = 86400)]
    pub expand_delay_seconds: u32,
    /// So many servers fewer with each step down; 1 where neither this nor the percentage is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10000)]
    pub deflate_by: Option<u32>,
    /// Or so many percent of the desired size fewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deflate_by_percent: Option<PercentNumber>,
    /// From any change of size to the next step down: a scale-out postpones scale-in.
    #[schema(minimum = 1, maximum = 86400)]
    pub deflate_delay_seconds: u32,
    /// From the end of the last alert to the first step down.
    #[schema(maximum = 86400)]
    pub report_delay_seconds: u32,
    /// Help is called for when alerts last so long; 0 is never.
    #[schema(maximum = 86400)]
    pub escalate_after_seconds: u32,
}

impl Default for CircleSpec {
    fn default() -> Self {
        let mut spec = Self::from(Circle::default());
        // A step of one is what neither says; given here, it would stand beside a percentage.
        (spec.expand_by, spec.deflate_by) = (None, None);
        spec
    }
}

impl From<Circle> for CircleSpec {
    fn from(circle: Circle) -> Self {
        let (expand_by, expand_by_percent) = shown(circle.expand, false);
        let (deflate_by, deflate_by_percent) = shown(circle.deflate, true);
        Self {
            expand_by,
            expand_by_percent,
            expand_delay_seconds: seconds(circle.expand_delay),
            deflate_by,
            deflate_by_percent,
            deflate_delay_seconds: seconds(circle.deflate_delay),
            report_delay_seconds: seconds(circle.report_delay),
            escalate_after_seconds: circle.escalate_after.map_or(0, seconds),
        }
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// A step as a number or a percentage; down steps are negative inside, and positive here.
fn shown(step: Adjust, down: bool) -> (Option<u32>, Option<PercentNumber>) {
    match step {
        Adjust::Change(by) => (u32::try_from(by.unsigned_abs()).ok(), None),
        Adjust::Percent(percent) if down => (None, negated(PercentNumber(percent))),
        Adjust::Percent(percent) => (None, Some(PercentNumber(percent))),
        Adjust::Desired(_) => (None, None),
    }
}

/// The same percentage with the other sign: one bit of the double.
fn negated(percent: PercentNumber) -> Option<PercentNumber> {
    let bits = percent.0.double_bits() ^ (1 << 63);
    domain::policy::Percent::from_double_bits(bits).map(PercentNumber)
}

impl CircleSpec {
    /// Checks it.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule it breaks.
    pub fn parse(&self) -> Result<Circle, Invalid> {
        let delay = |field: &str, value: u32, least: u32| {
            if (least..=DELAY_SECONDS_MAX).contains(&value) {
                Ok(Duration::from_secs(value.into()))
            } else {
                Err(Invalid::new(
                    field,
                    format!("must be {least} to {DELAY_SECONDS_MAX}"),
                ))
            }
        };
        let escalate = delay("escalate_after_seconds", self.escalate_after_seconds, 0)?;
        Ok(Circle {
            expand: step("expand_by", self.expand_by, self.expand_by_percent, false)?,
            expand_delay: delay("expand_delay_seconds", self.expand_delay_seconds, 1)?,
            deflate: step("deflate_by", self.deflate_by, self.deflate_by_percent, true)?,
            deflate_delay: delay("deflate_delay_seconds", self.deflate_delay_seconds, 1)?,
            report_delay: delay("report_delay_seconds", self.report_delay_seconds, 0)?,
            escalate_after: Some(escalate).filter(|after| !after.is_zero()),
        })
    }
}

/// One step of a circle.
pub(super) fn step(
    field: &str,
    by: Option<u32>,
    percent: Option<PercentNumber>,
    down: bool,
) -> Result<Adjust, Invalid> {
    let one = || Invalid::new(field, "and its percentage must not both be given");
    match (by, percent) {
        (Some(_), Some(_)) => Err(one()),
        (None, Some(percent)) => {
            let bits = percent.0.double_bits();
            let is_more = bits != 0 && bits >> 63 == 0;
            let signed = if down {
                negated(percent)
            } else {
                Some(percent)
            };
            let signed = signed.filter(|_| is_more);
            let rule = || Invalid::new(format!("{field}_percent"), "must be more than 0");
            signed
                .map(|percent| Adjust::Percent(percent.0))
                .ok_or_else(rule)
        }
        (by, None) => {
            let by = by.unwrap_or(1);
            if by == 0 || u64::from(by) > CHANGE_MAX {
                return Err(Invalid::new(field, "must be 1 to 10000"));
            }
            Ok(Adjust::Change(if down {
                -i64::from(by)
            } else {
                i64::from(by)
            }))
        }
    }
}

/// What a group knows of alerts, and when it looks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Circling {
    /// Alerts that are not over, and those that are heard of regularly; in order of key.
    pub known: Vec<KnownAlert>,
    /// Since when one is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_since: Option<Moment>,
    /// Since when none is open, while there is still something to give up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_since: Option<Moment>,
    /// Help was called for.
    pub escalated: bool,
    /// When it looks again by itself. Absent: it is at max, at min, paused, or waits for whoever was asked whether all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_look: Option<Moment>,
}

/// One alert that a group knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownAlert {
    /// Names it in this group.
    pub key: String,
    /// What its source calls it.
    pub name: String,
    /// How it stands by now.
    pub standing: Standing,
    /// How bad it is.
    pub severity: Severity,
    /// Since when it was said to stand so.
    pub since: Moment,
    /// When it was heard of last.
    pub heard: Moment,
}

words!(
    /// How an alert stands.
    Standing of domain::circle::Standing {
        /// Something is wrong.
        Open,
        /// Something is wrong, and a person knows.
        Acknowledged,
        /// Nothing is wrong, and nothing is to spare.
        Steady,
        /// There is room to spare.
        Spare,
        /// It is over.
        Closed,
        /// Nobody knows.
        Unknown,
        /// A single call for a step.
        Once,
    }
);
words!(
    /// How bad an alert is.
    Severity of domain::circle::Severity {
        /// For information.
        Info,
        /// Something may go wrong.
        Warning,
        /// Something is wrong now.
        Critical,
    }
);

impl From<Severity> for circle::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

impl Circling {
    /// What a group knows at `now`.
    #[must_use]
    pub fn new(alerts: &circle::Alerts, now: Timestamp) -> Self {
        let known = alerts.known.iter().map(|(key, known)| KnownAlert {
            key: key.to_string(),
            name: known.name.clone(),
            standing: known.standing_at(now).into(),
            severity: known.severity.into(),
            since: Moment(known.since),
            heard: Moment(known.heard),
        });
        Self {
            known: known.collect(),
            open_since: alerts.open.map(Moment),
            over_since: alerts.over.map(Moment),
            escalated: alerts.escalated,
            next_look: alerts.next.map(Moment),
        }
    }
}

/// What an input said of an alert, as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskedAlert {
    /// Names it in this group.
    pub key: String,
    /// What its source calls it.
    pub name: String,
    /// How it stood.
    pub standing: Standing,
    /// How bad it was.
    pub severity: Severity,
}

impl From<&circle::Signal> for AskedAlert {
    fn from(signal: &circle::Signal) -> Self {
        Self {
            key: signal.alert.to_string(),
            name: signal.name.clone(),
            standing: signal.standing.into(),
            severity: signal.severity.into(),
        }
    }
}

/// What a group did when it looked again because of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// Called for help.
    Escalate,
    /// Saw to the floor of an input that is silent.
    Floor,
    /// Stepped up, since an alert is open.
    Expand,
    /// Asked whether it is over, before it gives anything up.
    Ask,
    /// Gave a step up, since all are over.
    Deflate,
}

impl From<circle::Turn> for Turn {
    fn from(turn: circle::Turn) -> Self {
        match turn {
            circle::Turn::Escalate => Self::Escalate,
            circle::Turn::Floor(_) => Self::Floor,
            circle::Turn::Expand => Self::Expand,
            circle::Turn::Ask => Self::Ask,
            circle::Turn::Deflate => Self::Deflate,
        }
    }
}

#[cfg(test)]
mod tests;
