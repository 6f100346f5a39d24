//! Policies: what they ask, and what runs them (contract 2.5).

use std::time::Duration;

use domain::capacity::Size;
use domain::policy::{Adjust, Percent, Trigger};
use domain::schedule::{BadCron, Cron, Schedule};
use domain::time::Timestamp;

use super::json::Json;
use super::{Invalid, Members, at, name};

/// Policies of one request, at most.
pub const AT_ONCE_MAX: usize = 100;
/// Longest cooldown in seconds.
const COOLDOWN_MAX: u64 = 86_400;

/// What a customer says of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySpec {
    /// For people; not unique.
    pub name: String,
    /// What it asks.
    pub adjust: Adjust,
    /// How long it rests.
    pub cooldown: Duration,
    /// What runs it.
    pub trigger: Trigger,
    /// The JSON it was written in.
    pub written: String,
}

/// The moment of a request, and what this service takes.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Schedules must lie after it.
    pub now: Timestamp,
    /// Whether policies of the type `cloud_monitoring` are taken (row B094).
    pub monitoring: bool,
}

/// Reads a list of 1 to `most` items.
pub(super) fn each<T>(
    body: &Json,
    place: &str,
    most: usize,
    one: impl Fn(&Json) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    let items = body
        .items()
        .filter(|items| (1..=most).contains(&items.len()));
    let items =
        items.ok_or_else(|| Invalid::of(place, &format!("must be a list of 1 to {most}")))?;
    let item = |(at, item)| one(item).map_err(|invalid| invalid.within(&format!("{place}[{at}]")));
    items.iter().enumerate().map(item).collect()
}

/// Reads what POST takes: a list of them (row B077).
///
/// # Errors
/// [`Invalid`].
pub fn list(body: &Json, rules: Rules) -> Result<Vec<PolicySpec>, Invalid> {
    each(body, "policies", AT_ONCE_MAX, |item| one(item, rules))
}

/// Reads one policy: what PUT takes, and each of a list.
///
/// # Errors
/// [`Invalid`]: rows B083 to B110.
pub fn one(value: &Json, rules: Rules) -> Result<PolicySpec, Invalid> {
    let optional = ["change", "changePercent", "desiredCapacity", "args"];
    let members = Members::of(value, "policy", &["name", "cooldown", "type"], &optional)?;
    Ok(PolicySpec {
        name: name(members.need("name"))?,
        adjust: adjust(&members)?,
        cooldown: cooldown(members.need("cooldown"))?,
        trigger: trigger(members.need("type"), members.get("args"), rules)?,
        written: value.to_ascii(),
    })
}

fn adjust(members: &Members<'_>) -> Result<Adjust, Invalid> {
    let given = ["change", "changePercent", "desiredCapacity"].map(|name| members.get(name));
    match given {
        [Some(change), None, None] => {
            let by = change.integer().filter(|by| *by != 0);
            by.map(Adjust::Change)
                .ok_or_else(|| Invalid::of("change", "must be a whole number, not 0"))
        }
        [None, Some(percent), None] => {
            let bits = percent.double().filter(|bits| bits << 1 != 0);
            bits.and_then(Percent::from_double_bits)
                .map(Adjust::Percent)
                .ok_or_else(|| Invalid::of("changePercent", "must be a number, not 0"))
        }
        [None, None, Some(desired)] => {
            let size = desired.integer().filter(|size| *size >= 0);
            // More than any group can have is as good as the most.
            size.map(|size| Adjust::Desired(Size(u32::try_from(size).unwrap_or(u32::MAX))))
                .ok_or_else(|| Invalid::of("desiredCapacity", "must be a whole number, 0 or more"))
        }
        [None, None, None]
        | [Some(_), Some(_), _]
        | [Some(_), _, Some(_)]
        | [_, Some(_), Some(_)] => {
            let rule = "must have exactly one of change, changePercent and desiredCapacity";
            Err(Invalid::of("policy", rule))
        }
    }
}

/// A number of seconds, fractions kept to the millisecond (figures beyond are of no use to a cooldown).
fn cooldown(value: &Json) -> Result<Duration, Invalid> {
    let invalid = || Invalid::of("cooldown", "must be a number from 0 to 86400");
    let text = value.number().ok_or_else(invalid)?;
    let seconds = value.double().map(f64::from_bits).ok_or_else(invalid)?;
    let most = f64::from(u32::try_from(COOLDOWN_MAX).unwrap_or(u32::MAX));
    if !(0.0..=most).contains(&seconds) {
        return Err(invalid());
    }
    // In range, so an exponent that nobody can count with makes less than a millisecond of it.
    Ok(Duration::from_millis(milliseconds(text).unwrap_or(0)))
}

/// The whole milliseconds of a number of seconds as JSON writes it, with an exponent or without, by its digits: `1.500e2` is 150 s. What it is
/// shown as is its text, so nothing else may be made of it. None: its exponent is beyond counting.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim_start_matches('-');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let figures = digits.trim_start_matches('0');
    if figures.is_empty() {
        return Some(0);
    }
    let leading = digits.len() - figures.len();
    let exponent: i64 = exponent.parse().ok()?;
    // So many figures stand before the point of a number of seconds, and three more before that of milliseconds.
    let before = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
    let before = before.checked_add(exponent)?.checked_add(3)?;
    let length = usize::try_from(before.max(0)).ok()?;
    let zeros = std::iter::repeat('0');
    let milli: String = figures.chars().chain(zeros).take(length).collect();
    if milli.is_empty() {
        return Some(0);
    }
    milli.parse().ok()
}

fn trigger(kind: &Json, args: Option<&Json>, rules: Rules) -> Result<Trigger, Invalid> {
    let missing = || Invalid::of("args", "is missing");
    match kind.text() {
        Some("webhook") if args.is_some() => Err(Invalid::of(
            "args",
            "must not be given for a webhook policy",
        )),
        Some("webhook") => Ok(Trigger::Webhook),
        Some("schedule") => schedule(args.ok_or_else(missing)?, rules.now).map(Trigger::Schedule),
        Some("cloud_monitoring") => {
            Members::of(
                args.ok_or_else(missing)?,
                "args",
                &["check", "alarm_criteria"],
                &[],
            )?;
            if rules.monitoring {
                Ok(Trigger::Monitoring)
            } else {
                Err(Invalid::of("cloud_monitoring", "policy disabled"))
            }
        }
        _ => Err(Invalid::of(
            "type",
            "must be webhook, schedule or cloud_monitoring",
        )),
    }
}

fn schedule(args: &Json, now: Timestamp) -> Result<Schedule, Invalid> {
    let members = Members::of(args, "args", &[], &["at", "cron"])?;
    match (members.get("at"), members.get("cron")) {
        (Some(at), None) => {
            let moment = at.text().and_then(at::parse).ok_or_else(|| {
                Invalid::of(
                    "args.at",
                    "must be a moment such as 2030-12-05T03:12:09Z, in UTC",
                )
            })?;
            if moment <= now {
                let shown: String = at.text().unwrap_or_default().chars().take(40).collect();
                let text = format!("Invalid \"{shown}\" datetime: It must be in the future");
                return Err(Invalid {
                    kind: super::Kind::Validation,
                    text,
                });
            }
            Ok(Schedule::At(moment))
        }
        (None, Some(cron)) => {
            let text = cron
                .text()
                .ok_or_else(|| Invalid::of("args.cron", "must be a text"))?;
            let bad =
                |error: BadCron| Invalid::of("args.cron", &format!("cannot be used: {error}"));
            Cron::parse(text).map(Schedule::Cron).map_err(bad)
        }
        (None, None) | (Some(_), Some(_)) => {
            Err(Invalid::of("args", "must have exactly one of at and cron"))
        }
    }
}

#[cfg(test)]
mod tests;
