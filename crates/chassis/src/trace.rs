//! Traces: spans, gathered in memory and sent to a collector by OTLP over HTTP, as JSON (OpenTelemetry protocol 1.x).
//!
//! ```text
//! begin / child --> Span --drop--> queue (bounded; full: dropped and counted) --> POST {endpoint}/v1/traces (tried once)
//! ```
//! Nobody waits for it: neither a slow collector nor none at all holds anything up. A tracer that is off makes no span, takes no random
//! number and allocates nothing.
//!
//! Deliberately absent: a process-wide tracer, context in thread-locals (whoever makes a span says of what), and attributes that somebody
//! else wrote at length: bodies, headers and secrets have no place in a trace.
mod otlp;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{Clock, Entropy, Mono, Process, http, metrics::Counter};

/// Spans that may wait to be sent; more are dropped.
const WAITING_MAX: usize = 4_096;
/// Spans in one message.
const BATCH_MAX: usize = 512;
/// Spans are gathered for so long before they are sent.
const GATHER: Duration = Duration::from_millis(500);
/// For one message.
const DEADLINE: Duration = Duration::from_secs(5);
/// A longer value of an attribute is cut.
const VALUE_CHARS_MAX: usize = 128;

/// The `telemetry.traces` section of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The collector's root, as `http://127.0.0.1:4318`; none: nothing is traced.
    pub endpoint: Option<String>,
    /// One in so many is traced of what no caller asked to be traced; 0: none of it.
    pub one_in: u32,
    /// Traces that begin here in a second, at most, whoever asks for them.
    pub per_second: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: None,
            one_in: 100,
            per_second: 50,
        }
    }
}

/// Why there is no tracer: stop the start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("configuration key `telemetry.traces.endpoint`: {0:?} is no http or https address")]
    Endpoint(String),
    /// There is no HTTP client.
    #[error("build the client of the trace collector")]
    Client(#[from] http::Error),
}

/// What a span is, or may become, a child of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace; not zero.
    pub trace: u128,
    /// The span; not zero.
    pub span: u64,
}

/// On which side of a message a span stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers somebody who waits.
    Server,
    /// Does what was asked for earlier.
    Consumer,
}

/// Makes spans, or none; cheap to clone.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

struct Inner {
    clock: Clock,
    entropy: Entropy,
    one_in: u32,
    per_second: u32,
    began: Mutex<Began>,
    ended: mpsc::Sender<Ended>,
    dropped: Counter,
}

/// How many traces began in the second that runs.
#[derive(Default)]
struct Began {
    second: u64,
    traces: u32,
}

/// A span under way; dropping it ends it.
pub struct Span {
    inner: Arc<Inner>,
    began: Mono,
    ended: Ended,
}

/// A span as it is sent.
#[derive(Debug)]
struct Ended {
    name: &'static str,
    kind: Kind,
    context: Context,
    parent: Option<u64>,
    /// Wall time in µs since 1970, and how long it took.
    end_us: u64,
    took: Duration,
    failed: Option<&'static str>,
    attributes: Vec<(&'static str, String)>,
}

impl Tracer {
    /// Makes no spans.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Begins to trace, if the settings name a collector. `service` is how traces name this process.
    ///
    /// # Errors
    /// [`Error`]: stop the start. Whether a collector answers there is not asked.
    pub fn start(
        process: &Process,
        settings: &Settings,
        service: &'static str,
    ) -> Result<Self, Error> {
        let Some(endpoint) = &settings.endpoint else {
            return Ok(Self::off());
        };
        let is_plain = endpoint.starts_with("http://");
        if !is_plain && !endpoint.starts_with("https://") {
            return Err(Error::Endpoint(endpoint.clone()));
        }
        let client = http::client(&http::Settings {
            total_timeout: DEADLINE,
            // Plain HTTP works on a machine without a certificate store.
            trust: if is_plain {
                http::Trust::Only(Vec::new())
            } else {
                http::Trust::Machine
            },
            user_agent: service,
            ..http::Settings::default()
        })?;
        let help = "Spans that could not be kept or sent.";
        let dropped = process.metrics.counter("traces_dropped_total", help);
        let (ended, spans) = mpsc::channel(WAITING_MAX);
        let sender = otlp::Sender {
            client,
            url: format!("{}/v1/traces", endpoint.trim_end_matches('/')),
            service,
            dropped: dropped.clone(),
        };
        let send = send(process.clone(), sender, spans);
        drop(process.tasks.spawn("traces", send));
        Ok(Self(Some(Arc::new(Inner {
            clock: process.clock.clone(),
            entropy: process.entropy.clone(),
            one_in: settings.one_in,
            per_second: settings.per_second,
            began: Mutex::default(),
            ended,
            dropped,
        }))))
    }

    /// Whether spans are made at all.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The first span here of a trace that a caller began and keeps (`asked`), or of a new one. None: this one is not traced.
    #[must_use]
    pub fn begin(&self, asked: Option<Context>, name: &'static str, kind: Kind) -> Option<Span> {
        let inner = self.0.as_ref()?;
        let chosen = asked.is_some()
            || (inner.one_in > 0 && inner.entropy.below(u64::from(inner.one_in)) == 0);
        (chosen && inner.has_room()).then(|| {
            let trace = asked.map_or_else(|| inner.entropy.u128() | 1, |context| context.trace);
            Span::new(inner, (trace, asked.map(|c| c.span)), name, kind)
        })
    }

    /// A further span of a trace that is kept. None: nothing is traced here, or there is no trace.
    #[must_use]
    pub fn child(&self, of: Option<Context>, name: &'static str, kind: Kind) -> Option<Span> {
        let (inner, of) = (self.0.as_ref()?, of?);
        Some(Span::new(inner, (of.trace, Some(of.span)), name, kind))
    }
}

impl Inner {
    /// Counts one more trace, unless this second has had all that it may.
    fn has_room(&self) -> bool {
        let second = self.clock.mono().as_millis() / 1_000;
        let mut began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        if began.second != second {
            *began = Began { second, traces: 0 };
        }
        let room = began.traces < self.per_second;
        began.traces += u32::from(room);
        room
    }
}

impl Span {
    fn new(
        inner: &Arc<Inner>,
        (trace, parent): (u128, Option<u64>),
        name: &'static str,
        kind: Kind,
    ) -> Self {
        let context = Context {
            trace,
            span: inner.entropy.u64() | 1,
        };
        Self {
            began: inner.clock.mono(),
            inner: Arc::clone(inner),
            ended: Ended {
                name,
                kind,
                context,
                parent,
                end_us: 0,
                took: Duration::ZERO,
                failed: None,
                attributes: Vec::new(),
            },
        }
    }

    /// What further spans may be children of.
    #[must_use]
    pub const fn context(&self) -> Context {
        self.ended.context
    }

    /// Says something about it. For ids, words and numbers; never for what must not be read by operators.
    pub fn set(&mut self, name: &'static str, value: impl fmt::Display) {
        let mut value = value.to_string();
        if let Some((end, _)) = value.char_indices().nth(VALUE_CHARS_MAX) {
            value.truncate(end);
        }
        self.ended.attributes.push((name, value));
    }

    /// It came to nothing.
    pub const fn fail(&mut self, why: &'static str) {
        self.ended.failed = Some(why);
    }

    /// It began earlier than it was made.
    pub const fn began_at(&mut self, at: Mono) {
        self.began = at;
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let clock = &self.inner.clock;
        let ended = Ended {
            end_us: clock.unix_ms().saturating_mul(1_000),
            took: clock.mono().saturating_since(self.began),
            attributes: std::mem::take(&mut self.ended.attributes),
            ..self.ended
        };
        if self.inner.ended.try_send(ended).is_err() {
            self.inner.dropped.increment();
        }
    }
}

/// Sends what has ended, until the process stops; what ends by then is still sent.
async fn send(process: Process, sender: otlp::Sender, mut spans: mpsc::Receiver<Ended>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while !process.stop.is_requested() {
        tokio::select! {
            biased;
            () = process.stop.requested() => {}
            _count = spans.recv_many(&mut batch, BATCH_MAX) => {}
        }
        if batch.len() < BATCH_MAX {
            process.clock.sleep(GATHER).await;
        }
        while let Ok(span) = spans.try_recv() {
            batch.push(span);
            if batch.len() >= BATCH_MAX {
                break;
            }
        }
        sender.send(&batch).await;
        batch.clear();
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracer").field(&self.is_on()).finish()
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ended.fmt(f)
    }
}

#[cfg(test)]
mod tests;
