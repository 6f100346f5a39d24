//! New Relic's three generations of webhooks (features S5, S6).

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde_json::Value;

use super::has;
use crate::pick::{cut, fingerprint, host, kept, labels, moment, need, severity, tags, text};
use crate::{Alert, Broken, Dated, Found, Severity, State};

pub(super) fn is_legacy(value: &Value) -> bool {
    let field = |name: &str| value.get(name).is_some_and(Value::is_object);
    field("alert") && value.pointer("/alert/alert_policy_name").is_some() || field("deployment")
}

/// A form whose field `alert` is an object, or that object posted as JSON. Deployments come to the same address.
pub(super) fn legacy(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let Some(alert) = value.get("alert") else {
        let deployment = value.get("deployment").is_some();
        return if deployment {
            Ok(vec![Found::PassedOver("a deployment is no alert")])
        } else {
            Err(Broken::Missing("/alert".to_owned()))
        };
    };
    let words = need(alert, &["/long_description"])
        .map_err(|_missing| Broken::Missing("/alert/long_description".to_owned()))?;
    let state = match () {
        () if words.starts_with("Alert opened")
            || words.starts_with("Alert escalated to downtime") =>
        {
            State::Open
        }
        () if words.starts_with("Alert ended") || words.starts_with("Alert downtime recovered") => {
            State::Closed
        }
        () if words.starts_with("Alert canceled") => State::Closed,
        () if words.starts_with("Alert acknowledged") => State::Acknowledged,
        () => return Err(Broken::unknown("/alert/long_description", &words)),
    };
    let link = need(alert, &["/alert_url"])
        .map_err(|_missing| Broken::Missing("/alert/alert_url".to_owned()))?;
    let servers = alert.get("servers").and_then(Value::as_array);
    let server = servers.and_then(|all| text(all.first()?, &[""]));
    let at = moment(alert, &["/created_at"]);
    Ok(one(Alert {
        source: source(alert, "/account_name"),
        fingerprint: fingerprint(&link),
        state,
        severity: text(alert, &["/severity"]).and_then(|word| severity(&word)),
        name: kept(alert, &["/message", "/short_description"]).unwrap_or_default(),
        application: kept(alert, &["/application_name"]),
        host: server.map(|name| host(&name)),
        labels: labels_of(
            alert,
            &[
                ("policy", "/alert_policy_name"),
                ("account", "/account_name"),
            ],
        ),
        value: None,
        at: at.unwrap_or(now),
        // `created_at` is the time of this message: it differs between an alert and its repetition, not between two deliveries.
        dated: Dated::said(at),
    }))
}

pub(super) fn is_incident(value: &Value) -> bool {
    has(value, &["current_state"]) && (has(value, &["incident_id"]) || has(value, &["policy_name"]))
}

/// `current_state` open, acknowledged or closed.
pub(super) fn incident(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let word = need(value, &["/current_state"])?;
    let state = match word.to_ascii_lowercase().as_str() {
        "open" | "test" => State::Open,
        "acknowledged" => State::Acknowledged,
        "closed" => State::Closed,
        _ => return Err(Broken::unknown("/current_state", &word)),
    };
    if word.eq_ignore_ascii_case("test") {
        return Ok(vec![Found::PassedOver("a test notification")]);
    }
    let named = need(value, &["/incident_id", "/incident_url"])?;
    let target = |field: &str| kept(value, &[&format!("/targets/0/{field}")]);
    let kind = target("type").unwrap_or_default();
    let is_server = kind.eq_ignore_ascii_case("server") || kind.eq_ignore_ascii_case("host");
    let name = target("name");
    let at = moment(value, &["/timestamp"]);
    let mut labels = labels_of(
        value,
        &[
            ("policy", "/policy_name"),
            ("condition", "/condition_name"),
            ("account", "/account_id"),
        ],
    );
    labels.extend(labels_at(value, "/targets/0/labels"));
    Ok(one(Alert {
        source: source(value, "/account_id"),
        fingerprint: fingerprint(&named),
        state,
        severity: text(value, &["/severity"]).and_then(|word| severity(&word)),
        name: kept(value, &["/condition_name", "/details"]).unwrap_or_default(),
        application: name.clone().filter(|_| !is_server),
        host: name.filter(|_| is_server).map(|name| host(&name)),
        labels,
        value: None,
        at: at.unwrap_or(now),
        dated: Dated::said(at),
    }))
}

pub(super) fn is_workflow(value: &Value) -> bool {
    has(value, &["state"]) && (has(value, &["issueUrl"]) || has(value, &["workflowName"]))
}

/// The default template of workflows.
pub(super) fn workflow(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let word = need(value, &["/state"])?;
    let acknowledged =
        text(value, &["/trigger"]).is_some_and(|trigger| trigger.contains("ACKNOWLEDGED"));
    let state = match word.to_ascii_uppercase().as_str() {
        "CREATED" | "ACTIVATED" if acknowledged => State::Acknowledged,
        "CREATED" | "ACTIVATED" => State::Open,
        "ACKNOWLEDGED" => State::Acknowledged,
        "CLOSED" | "RESOLVED" => State::Closed,
        _ => return Err(Broken::unknown("/state", &word)),
    };
    let named = need(value, &["/id", "/issueUrl"])?;
    let (created, updated) = (
        moment(value, &["/createdAt"]),
        moment(value, &["/updatedAt"]),
    );
    let at = match state {
        State::Open => created,
        State::Acknowledged | State::Closed | State::Unknown | State::Once => updated.or(created),
    };
    let mut labels = labels_of(
        value,
        &[
            ("workflow", "/workflowName"),
            ("policy", "/alertPolicyNames/0"),
            ("condition", "/alertConditionNames/0"),
        ],
    );
    let given = value
        .get("tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    labels.extend(tags(given.filter_map(Value::as_str)));
    labels.extend(labels_at(value, "/labels"));
    Ok(one(Alert {
        source: source(value, "/accountId"),
        fingerprint: fingerprint(&named),
        state,
        severity: text(value, &["/priority"]).and_then(|word| severity(&word)),
        name: kept(value, &["/title"]).unwrap_or_default(),
        application: kept(value, &["/impactedEntities/0"]),
        host: kept(value, &["/labels/host"]).map(|name| host(&name)),
        labels,
        value: None,
        at: at.unwrap_or(now),
        dated: Dated::said(at),
    }))
}

fn one(mut alert: Alert) -> Vec<Found> {
    // What has no word of its own is no small matter there.
    if alert.severity.is_none() && alert.state != State::Closed {
        alert.severity = Some(Severity::Critical);
    }
    vec![Found::Alert(Box::new(alert))]
}

fn source(value: &Value, account: &str) -> String {
    text(value, &[account]).map_or_else(
        || "newrelic".to_owned(),
        |account| cut(&format!("newrelic:{account}")),
    )
}

fn labels_of(value: &Value, named: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = named.iter();
    pairs
        .filter_map(|(name, pointer)| Some(((*name).to_owned(), kept(value, &[pointer])?)))
        .collect()
}

fn labels_at(value: &Value, pointer: &str) -> BTreeMap<String, String> {
    labels(value.pointer(pointer))
}
