//! Holt's own plain formats, for scripts and agents, and two envelopes that hold any other.

use domain::time::Timestamp;
use serde_json::Value;

use super::{Format, has};
use crate::body::inner;
use crate::pick::{
    APPLICATION, HOST, fingerprint, host, kept, label, labels, moment, need, number, severity, text,
};
use crate::{Alert, Broken, Dated, Found, Sample, State};

pub(super) fn is_plain(value: &Value) -> bool {
    let one = |value: &Value| has(value, &["fingerprint", "state"]);
    one(value)
        || value
            .get("alerts")
            .and_then(Value::as_array)
            .is_some_and(|all| all.first().is_some_and(one))
}

/// One alert, or `alerts` with several.
pub(super) fn plain(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let many = value.get("alerts").and_then(Value::as_array);
    let all = many.map_or_else(|| vec![value], |many| many.iter().collect());
    let one = |alert: &Value| {
        one(alert, now).map_or_else(Found::Broken, |alert| Found::Alert(Box::new(alert)))
    };
    Ok(all.into_iter().map(one).collect())
}

fn one(value: &Value, now: Timestamp) -> Result<Alert, Broken> {
    let word = need(value, &["/state"])?;
    let state = match word.to_ascii_lowercase().as_str() {
        "open" => State::Open,
        "acknowledged" => State::Acknowledged,
        "closed" => State::Closed,
        "unknown" => State::Unknown,
        "once" => State::Once,
        _ => return Err(Broken::unknown("/state", &word)),
    };
    let all = labels(value.get("labels"));
    let at = moment(value, &["/at"]);
    Ok(Alert {
        source: kept(value, &["/source"]).unwrap_or_else(|| "plain".to_owned()),
        fingerprint: fingerprint(&need(value, &["/fingerprint"])?),
        state,
        severity: match text(value, &["/severity"]) {
            Some(word) => Some(severity(&word).ok_or_else(|| Broken::unknown("/severity", &word))?),
            None => None,
        },
        name: kept(value, &["/name", "/fingerprint"]).unwrap_or_default(),
        application: kept(value, &["/application"]).or_else(|| label(&all, &APPLICATION)),
        host: kept(value, &["/host"])
            .or_else(|| label(&all, &HOST))
            .map(|name| host(&name)),
        labels: all,
        value: number(value, &["/value"]),
        at: at.unwrap_or(now),
        dated: Dated::said(at),
    })
}

fn sample_list(value: &Value) -> Option<Vec<&Value>> {
    let is_sample = |value: &Value| has(value, &["host", "value"]) && !has(value, &["state"]);
    let listed = value
        .get("samples")
        .or(Some(value))
        .and_then(Value::as_array);
    match listed {
        Some(all) => all.iter().all(is_sample).then(|| all.iter().collect()),
        None => is_sample(value).then(|| vec![value]),
    }
}

pub(super) fn is_samples(value: &Value) -> bool {
    sample_list(value).is_some_and(|all| !all.is_empty())
}

/// One sample, a list, or `samples` with a list: host, value, time (features A2). `idle` percent is turned round into use (A3).
pub(super) fn samples(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let listed = value
        .get("samples")
        .or(Some(value))
        .and_then(Value::as_array);
    let all = listed.map_or_else(|| vec![value], |all| all.iter().collect());
    let one = |sample: &Value| match sample_of(sample, now) {
        Ok(sample) => Found::Sample(sample),
        Err(why) => Found::Broken(why),
    };
    Ok(all.into_iter().map(one).collect())
}

fn sample_of(value: &Value, now: Timestamp) -> Result<Sample, Broken> {
    let named = host(&need(value, &["/host"])?);
    let word = need(value, &["/value"])?;
    let number = word
        .parse()
        .map_err(|_error| Broken::unknown("/value", &word))?;
    Ok(Sample {
        host: named,
        value: number,
        at: moment(value, &["/time", "/at", "/timestamp"]).unwrap_or(now),
    })
}

pub(super) fn is_cloudevents(value: &Value) -> bool {
    let one = |value: &Value| has(value, &["specversion", "id", "source", "type"]);
    one(value)
        || value
            .as_array()
            .is_some_and(|all| all.first().is_some_and(one))
}

/// One event, or a batch; what its data is, is recognised. An alert without an account of its own is of the event's source.
pub(super) fn cloudevents(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let Some(batch) = value.as_array() else {
        return event(value, now);
    };
    let mut all = Vec::new();
    for one in batch.iter().take(crate::ALERTS_MAX + 1) {
        match event(one, now) {
            Ok(found) => all.extend(found),
            Err(why) => all.push(Found::Broken(why)),
        }
    }
    Ok(all)
}

fn event(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let source = need(value, &["/source"])?;
    let mut found = match value.get("data") {
        Some(Value::String(text)) => within(&inner(text)?, now)?,
        Some(data) => within(data, now)?,
        None => return Err(Broken::Missing("/data".to_owned())),
    };
    let time = moment(value, &["/time"]);
    for one in &mut found {
        if let Found::Alert(alert) = one {
            if alert.source == "plain" {
                alert.source = crate::pick::cut(&source);
            }
            if let Some(time) = time.filter(|_| alert.dated == Dated::No) {
                (alert.at, alert.dated) = (time, Dated::Said);
            }
        }
    }
    Ok(found)
}

pub(super) fn is_stackstorm(value: &Value) -> bool {
    has(value, &["trigger", "payload"])
}

/// `{trigger, payload}`, as `StackStorm`'s generic webhook takes it.
pub(super) fn stackstorm(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let payload = value
        .get("payload")
        .ok_or_else(|| Broken::Missing("/payload".to_owned()))?;
    within(payload, now)
}

/// What is inside an envelope. Envelopes hold no envelopes.
fn within(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    match Format::recognise(value) {
        None | Some(Format::CloudEvents | Format::StackStorm | Format::Mapped) => {
            Err(Broken::NotRecognised)
        }
        Some(format) => format.read(value, now),
    }
}
