//! What `OpenStack` itself sends: Aodh's alarms, and the receivers that Senlin and Heat offer in the same place.

use domain::time::Timestamp;
use serde_json::Value;

use super::has;
use crate::pick::{cut, fingerprint, kept, label, labels, need, number, severity, text};
use crate::{Alert, Broken, Dated, Found, State};

pub(super) fn is_aodh(value: &Value) -> bool {
    has(value, &["alarm_id", "current", "previous"])
}

/// Aodh says no time: the state itself, and when it arrived, is all there is.
pub(super) fn aodh(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let word = need(value, &["/current"])?;
    let state = match &*word {
        "alarm" => State::Open,
        "ok" => State::Closed,
        "insufficient data" => State::Unknown,
        other => return Err(Broken::unknown("/current", other)),
    };
    let named = need(value, &["/alarm_id"])?;
    let mut all = labels(value.get("reason_data"));
    all.extend(labels(value.get("user_metadata")));
    Ok(vec![Found::Alert(Box::new(Alert {
        source: "aodh".to_owned(),
        fingerprint: fingerprint(&named),
        state,
        severity: text(value, &["/severity"]).and_then(|word| severity(&word)),
        name: kept(value, &["/alarm_name"]).unwrap_or_default(),
        application: label(&all, &crate::pick::APPLICATION),
        host: None,
        labels: all,
        value: number(value, &["/reason_data/most_recent"]),
        at: now,
        dated: Dated::No,
    }))])
}

/// A receiver of Senlin: parameters, no state.
pub(super) fn senlin(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    once("senlin", value, now)
}

/// A signal of Heat: anything, no state.
pub(super) fn heat(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    once("heat", value, now)
}

fn once(source: &str, value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    if !value.is_object() {
        return Err(Broken::NotRecognised);
    }
    let named = text(value, &["/id", "/request_id"]);
    Ok(vec![Found::Alert(Box::new(Alert {
        source: source.to_owned(),
        fingerprint: named
            .as_deref()
            .map_or_else(|| source.to_owned(), fingerprint),
        state: State::Once,
        severity: None,
        name: cut(source),
        application: None,
        host: None,
        labels: labels(Some(value)),
        value: number(value, &["/count", "/params/count"]),
        at: now,
        // With an id of its own it is one call, whenever it comes.
        dated: Dated::No,
    }))])
}
