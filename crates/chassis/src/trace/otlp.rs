//! Spans as OTLP says them in JSON: ids as hexadecimal digits, times as texts of nanoseconds, enumerations as numbers.
use serde_json::{Value, json};

use super::{Ended, Kind};
use crate::{http::Client, metrics::Counter};

/// The way to a collector.
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) url: String,
    pub(super) service: &'static str,
    pub(super) dropped: Counter,
}

impl Sender {
    /// Sends spans, once: a trace with a gap is better than a process that keeps what nobody takes.
    pub(super) async fn send(&self, spans: &[Ended]) {
        if spans.is_empty() {
            return;
        }
        let body = message(self.service, spans).to_string();
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .body(body);
        let answer = request.send().await;
        let taken = answer
            .and_then(reqwest::Response::error_for_status)
            .map(|_answer| ());
        if let Err(error) = taken {
            let count = u64::try_from(spans.len()).unwrap_or(u64::MAX);
            self.dropped.add(count);
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, spans = count, "the trace collector took nothing");
        }
    }
}

/// An `ExportTraceServiceRequest`.
pub(super) fn message(service: &str, spans: &[Ended]) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({
        "resourceSpans": [{
            "resource": { "attributes": [attribute("service.name", service)] },
            "scopeSpans": [{
                "scope": { "name": "holt", "version": env!("CARGO_PKG_VERSION") },
                "spans": spans,
            }],
        }],
    })
}

fn span(span: &Ended) -> Value {
    let took_us = u64::try_from(span.took.as_micros()).unwrap_or(u64::MAX);
    let begin_us = span.end_us.saturating_sub(took_us);
    let attributes = span.attributes.iter();
    let attributes: Vec<Value> = attributes
        .map(|(name, value)| attribute(name, value))
        .collect();
    let mut said = json!({
        "traceId": format!("{:032x}", span.context.trace),
        "spanId": format!("{:016x}", span.context.span),
        "name": span.name,
        "kind": match span.kind { Kind::Server => 2, Kind::Consumer => 5 },
        "startTimeUnixNano": format!("{begin_us}000"),
        "endTimeUnixNano": format!("{}000", span.end_us),
        "attributes": attributes,
    });
    if let Some(parent) = span.parent {
        said["parentSpanId"] = format!("{parent:016x}").into();
    }
    if let Some(why) = span.failed {
        said["status"] = json!({ "code": 2, "message": why });
    }
    said
}

fn attribute(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}
