//! `PagerDuty`'s Events version 2: what a tool that knows nothing of Holt can often send anyway.

use domain::time::Timestamp;
use serde_json::Value;

use super::has;
use crate::pick::{fingerprint, host, kept, label, labels, moment, need, severity, text};
use crate::{Alert, Broken, Dated, Found, State};

pub(super) fn fits(value: &Value) -> bool {
    has(value, &["event_action"]) && (has(value, &["payload"]) || has(value, &["dedup_key"]))
}

pub(super) fn read(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let word = need(value, &["/event_action"])?;
    let state = match &*word {
        "trigger" => State::Open,
        "acknowledge" => State::Acknowledged,
        "resolve" => State::Closed,
        other => return Err(Broken::unknown("/event_action", other)),
    };
    // Without a key nobody could ever say that it is over.
    let named = need(value, &["/dedup_key"])?;
    let mut all = labels(value.pointer("/payload/custom_details"));
    for (name, pointer) in [
        ("component", "/payload/component"),
        ("group", "/payload/group"),
        ("class", "/payload/class"),
    ] {
        if let Some(text) = kept(value, &[pointer]) {
            all.insert(name.to_owned(), text);
        }
    }
    let at = moment(value, &["/payload/timestamp"]);
    Ok(vec![Found::Alert(Box::new(Alert {
        source: "pagerduty".to_owned(),
        fingerprint: fingerprint(&named),
        state,
        severity: text(value, &["/payload/severity"]).and_then(|word| severity(&word)),
        name: kept(value, &["/payload/summary"]).unwrap_or_default(),
        application: label(&all, &crate::pick::APPLICATION),
        host: kept(value, &["/payload/source"]).map(|name| host(&name)),
        labels: all,
        value: None,
        at: at.unwrap_or(now),
        dated: Dated::said(at.filter(|_| state == State::Open)),
    }))])
}
