//! Alertmanager's webhook version 4, and Grafana's, which has the same shape and more.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde_json::Value;

use super::has;
use crate::decimal::Milli;
use crate::pick::{
    APPLICATION, HOST, cut, fingerprint, host, kept, label, labels, moment, number, severity, text,
};
use crate::{Alert, Broken, Dated, Found, State};

/// What Grafana calls an alert about missing data or a failing query, in place of its rule's name.
const NO_DATA: [&str; 2] = ["DatasourceNoData", "DatasourceError"];
/// The label that has the rule's name then.
const RULE: &str = "rulename";

pub(super) fn is_alertmanager(value: &Value) -> bool {
    has(value, &["alerts", "status"]) && value.get("alerts").is_some_and(Value::is_array)
}

pub(super) fn is_grafana(value: &Value) -> bool {
    let own = ["orgId", "appVersion", "state"]
        .iter()
        .any(|field| has(value, &[field]));
    is_alertmanager(value) && own
}

pub(super) fn alertmanager(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    read("alertmanager", value, now)
}

pub(super) fn grafana(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let source = text(value, &["/orgId"])
        .map_or_else(|| "grafana".to_owned(), |org| format!("grafana:{org}"));
    let found = read(&cut(&source), value, now)?;
    Ok(found.into_iter().map(without_data).collect())
}

/// A rule of Grafana that has no data, or whose query fails, fires under another name: nobody knows how what it looks at stands (inputs, rule h).
fn without_data(found: Found) -> Found {
    let Found::Alert(mut alert) = found else {
        return found;
    };
    if NO_DATA.contains(&&*alert.name) {
        if alert.state == State::Open {
            alert.state = State::Unknown;
        }
        if let Some(rule) = alert.labels.get(RULE) {
            alert.name.clone_from(rule);
        }
    }
    Found::Alert(alert)
}

fn read(source: &str, value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let alerts = value.get("alerts").and_then(Value::as_array);
    let alerts = alerts.ok_or_else(|| Broken::Missing("/alerts".to_owned()))?;
    let one = |(at, alert): (usize, &Value)| match one(source, at, value, alert, now) {
        Ok(alert) => Found::Alert(Box::new(alert)),
        Err(why) => Found::Broken(why),
    };
    Ok(alerts.iter().enumerate().map(one).collect())
}

fn one(
    source: &str,
    at: usize,
    body: &Value,
    alert: &Value,
    now: Timestamp,
) -> Result<Alert, Broken> {
    let place = format!("/alerts/{at}/status");
    // A custom template may leave the status of single alerts out.
    let status = text(alert, &["/status"]).or_else(|| text(body, &["/status"]));
    let status = status.ok_or_else(|| Broken::Missing(place.clone()))?;
    let state = match &*status {
        "firing" | "alerting" => State::Open,
        "resolved" | "ok" => State::Closed,
        "no_data" | "nodata" => State::Unknown,
        other => return Err(Broken::unknown(&place, other)),
    };
    let labels = merged(body.get("commonLabels"), alert.get("labels"));
    let named = text(alert, &["/fingerprint"]).map(|text| fingerprint(&text));
    let named = named.or_else(|| by_labels(alert.get("labels")));
    let named = named.ok_or_else(|| Broken::Missing(format!("/alerts/{at}/fingerprint")))?;
    let (since, until) = (moment(alert, &["/startsAt"]), moment(alert, &["/endsAt"]));
    let (time, dated) = match state {
        State::Closed => (until.or(since), Dated::said(until)),
        State::Open | State::Acknowledged | State::Unknown | State::Once => {
            (since, since.map_or(Dated::No, |_began| Dated::Began))
        }
    };
    let name = labels
        .get("alertname")
        .cloned()
        .or_else(|| kept(body, &["/title"]));
    Ok(Alert {
        source: source.to_owned(),
        fingerprint: named,
        state,
        severity: labels.get("severity").and_then(|word| severity(word)),
        name: name.unwrap_or_default(),
        application: label(&labels, &APPLICATION),
        host: label(&labels, &HOST).map(|text| host(&text)),
        value: value(alert),
        at: time.unwrap_or(now),
        dated,
        labels,
    })
}

/// The first of Grafana's values in order of its name, or an annotation that says it.
fn value(alert: &Value) -> Option<Milli> {
    let values = alert.get("values").and_then(Value::as_object);
    let mut named: Vec<_> = values.into_iter().flatten().collect();
    named.sort_by(|one, other| one.0.cmp(other.0));
    let mut numbers = named
        .into_iter()
        .filter_map(|(_, value)| number(value, &[""]));
    numbers
        .next()
        .or_else(|| number(alert, &["/annotations/value"]))
}

/// An alert's own labels, and those of its group where it has none of that name.
fn merged(common: Option<&Value>, own: Option<&Value>) -> BTreeMap<String, String> {
    let mut all = labels(own);
    for (name, value) in labels(common) {
        if all.len() < crate::LABELS_MAX {
            all.entry(name).or_insert(value);
        }
    }
    all
}

/// Where no fingerprint comes: an alert is its labels.
fn by_labels(own: Option<&Value>) -> Option<String> {
    let pairs = labels(own);
    let text: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    (!text.is_empty()).then(|| fingerprint(&text.join(",")))
}
