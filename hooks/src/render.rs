//! Messages in the form that a receiver understands.

use domain::hook::Format;
use serde_json::{Value, json};
use wire::hooks::message::{Data, Message};

/// Where `PagerDuty` takes events, where the hook names no other address.
pub const PAGER_DUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// A body and its media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The media type.
    pub media_type: &'static str,
    /// The body.
    pub body: String,
}

/// Renders a message. `routing` is the key that belongs to a `PagerDuty` address.
#[must_use]
pub fn render(format: Format, message: &Message, routing: Option<&str>) -> Rendered {
    match format {
        Format::Webhook => Rendered {
            media_type: "application/json",
            body: serde_json::to_string(message).unwrap_or_default(),
        },
        Format::CloudEvents => Rendered {
            media_type: "application/cloudevents+json",
            body: cloud_event(message).to_string(),
        },
        Format::Slack => Rendered {
            media_type: "application/json",
            body: json!({ "text": sentence(message) }).to_string(),
        },
        Format::PagerDuty => Rendered {
            media_type: "application/json",
            body: incident(message, routing.unwrap_or_default()).to_string(),
        },
        // A question has no body.
        Format::Probe => Rendered {
            media_type: "text/plain",
            body: String::new(),
        },
    }
}

fn cloud_event(message: &Message) -> Value {
    let data = &message.data;
    let subject = data.server.as_deref().or(data.incident.as_deref());
    let mut event = json!({
        "specversion": "1.0",
        "id": message.id,
        "source": format!("/v2/{}/groups/{}", data.tenant, data.group),
        "type": format!("holt.{}", message.kind),
        "time": message.timestamp,
        "datacontenttype": "application/json",
        "data": data,
    });
    if let (Some(subject), Some(object)) = (subject, event.as_object_mut()) {
        object.insert(String::from("subject"), json!(subject));
    }
    event
}

/// Events v2: the same incident opens once, however often it is said, and closes.
fn incident(message: &Message, routing: &str) -> Value {
    let data = &message.data;
    let key = data.incident.clone().unwrap_or_else(|| message.id.clone());
    let action = if data.over == Some(true) {
        "resolve"
    } else {
        "trigger"
    };
    json!({
        "routing_key": routing,
        "event_action": action,
        "dedup_key": key,
        "client": "Holt",
        "payload": {
            "summary": sentence(message),
            "source": format!("{}/{}", data.tenant, data.group),
            "severity": if message.kind == "alert.escalated" { "critical" } else { "error" },
            "timestamp": message.timestamp,
            "group": data.group_name,
            "class": message.kind,
            "custom_details": data,
        },
    })
}

/// One sentence for people.
#[must_use]
pub fn sentence(message: &Message) -> String {
    let data = &message.data;
    let group = &data.group_name;
    let server = data.server.as_deref().unwrap_or("a server");
    let text = match message.kind.as_str() {
        "server.before_active" => format!("{group}: server {server} is up{}", waits(data)),
        "server.active" => format!("{group}: server {server} is in service"),
        "server.before_delete" => format!("{group}: server {server} left service{}", waits(data)),
        "server.gone" => format!("{group}: server {server} is gone ({})", reason(data)),
        "group.scaled" => format!(
            "{group}: desired size {} to {}",
            data.before.unwrap_or_default(),
            data.after.unwrap_or_default()
        ),
        "group.degraded" if data.over == Some(true) => format!("{group}: launches servers again"),
        "group.degraded" => format!(
            "{group}: cannot launch servers ({}){}",
            reason(data),
            detail(data)
        ),
        "alert.escalated" if data.over == Some(true) => {
            format!("{group}: the alert is over{}", detail(data))
        }
        "alert.over" => format!("{group}: the alert is over{}", detail(data)),
        "alert.escalated" => format!("{group}: an alert stays open{}", detail(data)),
        other => format!("{group}: {other}"),
    };
    escaped(&text)
}

fn reason(data: &Data) -> &str {
    data.reason.as_deref().unwrap_or("no reason known")
}

fn detail(data: &Data) -> String {
    let detail = data.detail.as_deref();
    detail.map_or_else(String::new, |detail| format!(": {detail}"))
}

fn waits(data: &Data) -> String {
    data.wait.as_ref().map_or_else(String::new, |wait| {
        format!(
            " and waits until {} (then: {})",
            wait.deadline, wait.default
        )
    })
}

/// Chat programs read some characters as markup; names and details come from customers and clouds.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
