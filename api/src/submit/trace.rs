//! The first span of an event here, under that of its caller if the caller keeps one.

use chassis::Process;
use chassis::trace::{Kind, Span};
use domain::event::Event;
use domain::ids::GroupKey;
use wire::trace::{context, trace};

use super::{Accepted, NotAccepted};

/// Decides whether the event is traced; if it is, what becomes of it hangs under the span.
pub(super) fn begin(process: &Process, key: &GroupKey, event: &mut Event) -> Option<Span> {
    let tracer = &process.tracer;
    if !tracer.is_on() {
        return None;
    }
    let span = tracer.begin(event.trace.map(context), "api.submit", Kind::Server);
    event.trace = span.as_ref().and_then(|span| trace(span.context()));
    let mut span = span?;
    span.set("holt.tenant", &key.tenant);
    span.set("holt.group", key.id);
    span.set("holt.event", &event.id);
    Some(span)
}

/// What became of it.
pub(super) fn end(span: &mut Span, accepted: &Result<Accepted, NotAccepted>) {
    match accepted {
        Ok(Accepted::Decided(verdict)) => span.set("holt.outcome", verdict.outcome.word()),
        Ok(Accepted::Queued(_)) => span.set("holt.outcome", "queued"),
        Err(NotAccepted::NoGroup) => span.fail("no such group"),
        Err(NotAccepted::IdReused) => span.fail("id used with another request"),
        Err(NotAccepted::Busy(_)) => span.fail("too much waits"),
        Err(NotAccepted::Unavailable) => span.fail("store not available"),
        Err(NotAccepted::Unknown) => span.fail("not known whether accepted"),
    }
}
