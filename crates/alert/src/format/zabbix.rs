//! Zabbix: the parameters of a webhook media type, as docs/alerts.md names them, or the macros' own names.

use domain::time::Timestamp;
use serde_json::Value;

use crate::body::inner;
use crate::pick::{APPLICATION, cut, fingerprint, host, kept, label, moment, need, severity, text};
use crate::{Alert, Broken, Dated, Found, LABELS_MAX, State};

const ID: [&str; 2] = ["/event_id", "/EVENT.ID"];
const VALUE: [&str; 2] = ["/event_value", "/EVENT.VALUE"];
const STATUS: [&str; 4] = [
    "/event_status",
    "/EVENT.STATUS",
    "/trigger_status",
    "/TRIGGER.STATUS",
];

pub(super) fn fits(value: &Value) -> bool {
    text(value, &ID).is_some() && (text(value, &VALUE).is_some() || text(value, &STATUS).is_some())
}

pub(super) fn read(value: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
    let named = need(value, &ID)?;
    let state = state(value)?;
    let mut labels = std::collections::BTreeMap::new();
    if let Some(listed) = text(value, &["/event_tags", "/EVENT.TAGSJSON"])
        && let Ok(Value::Array(tags)) = inner(&listed)
    {
        let pairs = tags.iter().filter_map(|tag| {
            Some((
                kept(tag, &["/tag"])?,
                kept(tag, &["/value"]).unwrap_or_default(),
            ))
        });
        labels.extend(pairs.take(LABELS_MAX));
    }
    if let Some(trigger) = kept(value, &["/trigger_id", "/TRIGGER.ID"]) {
        labels.insert("trigger".to_owned(), trigger);
    }
    let level = text(
        value,
        &[
            "/event_severity",
            "/EVENT.SEVERITY",
            "/event_nseverity",
            "/EVENT.NSEVERITY",
        ],
    );
    let at = moment(value, &["/event_time", "/event_timestamp"]);
    let server = text(value, &["/zabbix_url"]);
    Ok(vec![Found::Alert(Box::new(Alert {
        source: server.map_or_else(
            || "zabbix".to_owned(),
            |server| cut(&format!("zabbix:{server}")),
        ),
        fingerprint: fingerprint(&named),
        state,
        severity: level.and_then(|word| severity(&word)),
        name: kept(value, &["/event_name", "/EVENT.NAME"]).unwrap_or_default(),
        application: label(&labels, &APPLICATION),
        host: kept(
            value,
            &[
                "/host_host",
                "/HOST.HOST",
                "/host_name",
                "/HOST.NAME",
                "/host_ip",
            ],
        )
        .map(|name| host(&name)),
        labels,
        value: None,
        at: at.unwrap_or(now),
        // An update of an event comes with its number, and no time of its own.
        dated: Dated::said(at.filter(|_| state != State::Acknowledged)),
    }))])
}

/// `{EVENT.VALUE}` where it is sent, else a status in words; open and acknowledged where a person knows.
fn state(value: &Value) -> Result<State, Broken> {
    let mut state = match (
        text(value, &VALUE).as_deref(),
        text(value, &STATUS).as_deref(),
    ) {
        (Some("1"), _) => State::Open,
        (Some("0"), _) => State::Closed,
        (_, Some(word)) if word.eq_ignore_ascii_case("problem") => State::Open,
        (_, Some(word))
            if word.eq_ignore_ascii_case("ok") || word.eq_ignore_ascii_case("resolved") =>
        {
            State::Closed
        }
        (_, Some(word)) => return Err(Broken::unknown(STATUS[0], word)),
        (Some(word), None) => return Err(Broken::unknown(VALUE[0], word)),
        (None, None) => return Err(Broken::Missing(VALUE[0].to_owned())),
    };
    let acknowledged = text(value, &["/event_ack_status", "/EVENT.ACK.STATUS"]);
    if state == State::Open && acknowledged.is_some_and(|word| word.eq_ignore_ascii_case("yes")) {
        state = State::Acknowledged;
    }
    Ok(state)
}
