//! Datadog: the body is the customer's own template, so fields are found by the names of the variables, in either spelling.

use domain::time::Timestamp;
use serde_json::Value;

use crate::pick::{
    APPLICATION, HOST, cut, fingerprint, host, kept, label, moment, severity, tags, text,
};
use crate::{Alert, Broken, Dated, Found, State};

/// The names under which templates carry a variable.
const TRANSITION: [&str; 3] = ["/alert_transition", "/ALERT_TRANSITION", "/transition"];
const KIND: [&str; 3] = ["/alert_type", "/ALERT_TYPE", "/event_type"];
const CYCLE: [&str; 6] = [
    "/alert_cycle_key",
    "/ALERT_CYCLE_KEY",
    "/cycle_key",
    "/aggreg_key",
    "/AGGREG_KEY",
    "/alert_id",
];
const TITLE: [&str; 5] = [
    "/alert_title",
    "/ALERT_TITLE",
    "/event_title",
    "/EVENT_TITLE",
    "/title",
];
const DATE: [&str; 4] = ["/date", "/DATE", "/last_updated", "/LAST_UPDATED"];

pub(super) fn fits(value: &Value) -> bool {
    text(value, &TRANSITION).is_some()
        || (text(value, &KIND).is_some() && text(value, &CYCLE).is_some())
}

pub(super) fn read(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let transition = text(value, &TRANSITION).filter(|word| !word.starts_with('$'));
    let kind = text(value, &KIND);
    let (state, warns) = match (&transition, &kind) {
        (Some(word), _) => transitioned(word)?,
        (None, Some(word)) => typed(word)?,
        (None, None) => return Err(Broken::Missing(TRANSITION[0].to_owned())),
    };
    let named = text(value, &CYCLE).filter(|word| !word.starts_with('$'));
    let named = named.ok_or_else(|| Broken::Missing(CYCLE[0].to_owned()))?;
    let listed = text(value, &["/tags", "/TAGS"]);
    let mut labels = tags(listed.as_deref().unwrap_or_default().split(','));
    if let Some(scope) = text(value, &["/alert_scope", "/ALERT_SCOPE"]) {
        labels.extend(tags(scope.split(',')));
    }
    let level = match (warns, &kind) {
        (true, _) => Some(crate::Severity::Warning),
        (false, Some(word)) if state != State::Closed => severity(word),
        (false, _) => {
            text(value, &["/alert_priority", "/ALERT_PRIORITY"]).and_then(|word| severity(&word))
        }
    };
    let org = text(value, &["/org_id", "/ORG_ID", "/org/id"]);
    let at = moment(value, &DATE);
    let named_host =
        kept(value, &["/hostname", "/HOSTNAME", "/host"]).or_else(|| label(&labels, &HOST));
    Ok(vec![Found::Alert(Box::new(Alert {
        source: org.map_or_else(
            || "datadog".to_owned(),
            |org| cut(&format!("datadog:{org}")),
        ),
        fingerprint: fingerprint(&named),
        state,
        severity: level,
        name: kept(value, &TITLE).unwrap_or_default(),
        application: label(&labels, &APPLICATION),
        host: named_host.map(|name| host(&name)),
        labels,
        value: crate::pick::number(value, &["/alert_value", "/value"]),
        at: at.unwrap_or(now),
        // The date of the notification, which a renotification has anew.
        dated: Dated::No,
    }))])
}

/// `$ALERT_TRANSITION`: the state, and whether it is a warning.
fn transitioned(word: &str) -> Result<(State, bool), Broken> {
    Ok(match word.to_ascii_lowercase().as_str() {
        "triggered" | "re-triggered" | "renotify" => (State::Open, false),
        "warn" | "re-warn" => (State::Open, true),
        "no data" | "re-no data" => (State::Unknown, false),
        "recovered" => (State::Closed, false),
        _ => return Err(Broken::unknown(TRANSITION[0], word)),
    })
}

/// `$ALERT_TYPE`, where a template has no transition.
fn typed(word: &str) -> Result<(State, bool), Broken> {
    Ok(match word.to_ascii_lowercase().as_str() {
        "error" => (State::Open, false),
        "warning" => (State::Open, true),
        "success" => (State::Closed, false),
        _ => return Err(Broken::unknown(KIND[0], word)),
    })
}
