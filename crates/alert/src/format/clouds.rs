//! `CloudWatch` alarms through SNS, and Rackspace Monitoring.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde_json::Value;

use super::has;
use crate::body::inner;
use crate::pick::{cut, fingerprint, host, kept, label, moment, need, text};
use crate::{Alert, Broken, Dated, Found, Severity, State};

pub(super) fn is_cloudwatch(value: &Value) -> bool {
    has(value, &["Type", "MessageId", "TopicArn"]) || has(value, &["AlarmName", "NewStateValue"])
}

/// The envelope calls itself text and holds the alarm as a text: both are read here. A bare alarm (raw delivery) is one, too.
pub(super) fn cloudwatch(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let Some(kind) = text(value, &["/Type"]).filter(|_| has(value, &["TopicArn"])) else {
        return alarm(value, value, now);
    };
    match &*kind {
        "Notification" => {
            let message = need(value, &["/Message"])?;
            alarm(value, &inner(&message)?, now)
        }
        "SubscriptionConfirmation" => {
            let link = need(value, &["/SubscribeURL"])?;
            Err(Broken::Confirm(link.chars().take(1_500).collect()))
        }
        "UnsubscribeConfirmation" => Ok(vec![Found::PassedOver("the subscription has ended")]),
        other => Err(Broken::unknown("/Type", other)),
    }
}

fn alarm(envelope: &Value, alarm: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let word = need(alarm, &["/NewStateValue"])?;
    let state = match &*word {
        "ALARM" => State::Open,
        "OK" => State::Closed,
        "INSUFFICIENT_DATA" => State::Unknown,
        other => return Err(Broken::unknown("/NewStateValue", other)),
    };
    let named = need(alarm, &["/AlarmArn", "/AlarmName"])?;
    let at = moment(alarm, &["/StateChangeTime"]).or_else(|| moment(envelope, &["/Timestamp"]));
    let mut labels = BTreeMap::new();
    let listed = alarm
        .pointer("/Trigger/Dimensions")
        .and_then(Value::as_array);
    for dimension in listed.into_iter().flatten() {
        let name = kept(dimension, &["/name", "/Name"]);
        if let (Some(name), Some(value)) = (name, kept(dimension, &["/value", "/Value"])) {
            labels.insert(name, value);
        }
    }
    for (name, pointer) in [
        ("region", "/Region"),
        ("namespace", "/Trigger/Namespace"),
        ("metric", "/Trigger/MetricName"),
    ] {
        if let Some(text) = kept(alarm, &[pointer]) {
            labels.insert(name.to_owned(), text);
        }
    }
    let account = text(alarm, &["/AWSAccountId"]);
    Ok(vec![Found::Alert(Box::new(Alert {
        source: account.map_or_else(
            || "cloudwatch".to_owned(),
            |account| cut(&format!("cloudwatch:{account}")),
        ),
        fingerprint: fingerprint(&named),
        state,
        severity: None,
        name: kept(alarm, &["/AlarmName"]).unwrap_or_default(),
        application: label(
            &labels,
            &["AutoScalingGroupName", "ServiceName", "LoadBalancerName"],
        ),
        host: label(&labels, &["InstanceId"]),
        labels,
        value: None,
        at: at.unwrap_or(now),
        dated: Dated::said(at),
    }))])
}

pub(super) fn is_maas(value: &Value) -> bool {
    has(value, &["details", "alarm"]) && (has(value, &["event_id"]) || has(value, &["eventID"]))
}

/// Rackspace Monitoring: an alarm is its entity, its check and itself.
pub(super) fn maas(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let word = need(value, &["/details/state"])?;
    let (state, level) = match &*word {
        "OK" => (State::Closed, None),
        "WARNING" => (State::Open, Some(Severity::Warning)),
        "CRITICAL" => (State::Open, Some(Severity::Critical)),
        other => return Err(Broken::unknown("/details/state", other)),
    };
    if text(value, &["/alarm/disabled"]).is_some_and(|word| word == "true") {
        return Ok(vec![Found::PassedOver("the alarm is disabled")]);
    }
    let alarm = need(value, &["/alarm/id", "/alarm_id"])?;
    let entity = text(value, &["/entity/id", "/entity_id"]).unwrap_or_default();
    let check = text(value, &["/check/id", "/check_id"]).unwrap_or_default();
    let at = moment(value, &["/details/timestamp"]);
    let tenant = text(value, &["/tenant_id"]);
    let mut labels = crate::pick::labels(value.pointer("/entity/metadata"));
    for (name, pointer) in [
        ("alarm", "/alarm/label"),
        ("check", "/check/label"),
        ("entity", "/entity/label"),
    ] {
        if let Some(text) = kept(value, &[pointer]) {
            labels.insert(name.to_owned(), text);
        }
    }
    Ok(vec![Found::Alert(Box::new(Alert {
        source: tenant.map_or_else(
            || "maas".to_owned(),
            |tenant| cut(&format!("maas:{tenant}")),
        ),
        fingerprint: fingerprint(&format!("{entity}:{check}:{alarm}")),
        state,
        severity: level,
        name: kept(value, &["/alarm/label", "/check/label"]).unwrap_or_default(),
        application: label(&labels, &crate::pick::APPLICATION),
        host: kept(value, &["/entity/label", "/details/target"]).map(|name| host(&name)),
        labels,
        value: None,
        at: at.unwrap_or(now),
        dated: Dated::said(at),
    }))])
}
