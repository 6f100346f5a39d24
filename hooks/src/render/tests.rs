use domain::time::Timestamp;
use wire::hooks::message::Waits;
use wire::v2::time::Moment;

use super::*;

fn message(kind: &str) -> Message {
    let at = Moment(Timestamp::from_unix_ms(1_767_268_800_000));
    Message {
        id: "msg_g_7".into(),
        kind: kind.into(),
        timestamp: at,
        data: Data {
            tenant: "acme".into(),
            group: "g".into(),
            group_name: "web <1>".into(),
            hook: "configure".into(),
            attempt: 1,
            server: Some("s".into()),
            slot: None,
            reason: None,
            detail: None,
            before: None,
            after: None,
            incident: None,
            over: None,
            wait: Some(Waits {
                deadline: at,
                longest: at,
                remaining_s: 300,
                default: "abandon".into(),
                answer_url: Some("https://holt/v2/hooks/t".into()),
            }),
        },
    }
}

fn trouble(over: bool) -> Message {
    let mut message = message("group.degraded");
    message.data.server = None;
    message.data.wait = None;
    message.data.reason = Some("quota".into());
    message.data.incident = Some("g/degraded".into());
    message.data.over = Some(over);
    message
}

fn value(format: Format, message: &Message) -> Value {
    serde_json::from_str(&render(format, message, Some("key")).body).unwrap()
}

#[test]
fn a_webhook_has_type_timestamp_and_data() {
    let body = value(Format::Webhook, &message("server.before_active"));
    assert_eq!(body["type"], "server.before_active");
    assert_eq!(body["timestamp"], "2026-01-01T12:00:00.000Z");
    assert_eq!(body["data"]["wait"]["remaining_s"], 300);
    assert_eq!(body["data"]["before"], Value::Null, "absent, not null");
}

#[test]
fn a_cloud_event_has_every_attribute_that_must_be_there() {
    let rendered = render(Format::CloudEvents, &message("server.active"), None);
    assert_eq!(rendered.media_type, "application/cloudevents+json");
    let body: Value = serde_json::from_str(&rendered.body).unwrap();
    for (key, expected) in [
        ("specversion", "1.0"),
        ("id", "msg_g_7"),
        ("source", "/v2/acme/groups/g"),
        ("type", "holt.server.active"),
        ("subject", "s"),
        ("time", "2026-01-01T12:00:00.000Z"),
    ] {
        assert_eq!(body[key], expected, "{key}");
    }
}

#[test]
fn an_incident_opens_and_is_resolved_under_one_key() {
    let open = value(Format::PagerDuty, &trouble(false));
    let over = value(Format::PagerDuty, &trouble(true));
    assert_eq!(open["event_action"], "trigger");
    assert_eq!(over["event_action"], "resolve");
    assert_eq!(open["dedup_key"], over["dedup_key"]);
    assert_eq!(open["routing_key"], "key");
    assert_eq!(open["payload"]["severity"], "error");
    for must in ["summary", "source"] {
        assert!(open["payload"][must].is_string(), "{must}");
    }
}

#[test]
fn every_message_is_a_sentence_without_markup() {
    for kind in domain::hook::Point::ALL.map(domain::hook::Point::word) {
        let text = sentence(&message(kind));
        assert!(text.starts_with("web &lt;1&gt;: "), "{text}");
        assert!(!text.contains(kind), "{text}: a sentence of its own");
    }
    let text = value(Format::Slack, &trouble(false))["text"].clone();
    assert_eq!(text, "web &lt;1&gt;: cannot launch servers (quota)");
}
