//! Traces where they cross a process border: the words of `domain`, and those of `chassis`, which knows none of ours.

use std::num::NonZeroU128;

use chassis::trace::Context;
use domain::trace::Trace;

/// What a span may be a child of.
#[must_use]
pub const fn context(trace: Trace) -> Context {
    Context {
        trace: trace.id.get(),
        span: trace.span,
    }
}

/// What is passed on, so that others' spans become its children. None where nothing is traced.
#[must_use]
pub fn trace(context: Context) -> Option<Trace> {
    NonZeroU128::new(context.trace).map(|id| Trace {
        id,
        span: context.span,
    })
}
