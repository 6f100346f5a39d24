//! What a supervisor adds to the traces of events: the commit that decides one, and the commit that settles what a worker did for it.

use chassis::trace::{Kind, Span};
use chassis::{Mono, Tracer};
use domain::event::Event;
use domain::ids::EventId;
use domain::trace::Trace;
use domain::verdict::Verdict;
use wire::ports::ops::{Done, Report};
use wire::trace::{context, trace};

use crate::owner::Owner;

/// The events of one commit that are traced; most often none.
pub(crate) type Traced = Vec<(EventId, Trace)>;

/// Which of these are traced.
pub(crate) fn traced(events: &[Event]) -> Traced {
    let traced = events
        .iter()
        .filter_map(|event| Some((event, event.trace?)));
    traced
        .map(|(event, trace)| (event.id.clone(), trace))
        .collect()
}

impl Owner {
    /// Ends a span for each traced event of a commit that began then: its verdict, or why there is none. What the group asks of workers from
    /// now on belongs to the trace of the event that changed desired last.
    pub(crate) fn show_commit(
        &mut self,
        began: Mono,
        traced: &[(EventId, Trace)],
        verdicts: Result<&[Verdict], &'static str>,
    ) {
        let tracer = &self.seams.process.tracer;
        if !tracer.is_on() {
            return;
        }
        let changes = |verdict: &&Verdict| verdict.before != verdict.after;
        let changed = verdicts.unwrap_or_default().iter().rfind(changes);
        if changed.is_some() {
            self.trace = None;
        }
        for (event, of) in traced {
            let span = tracer.child(Some(context(*of)), "supervisor.commit", Kind::Server);
            let Some(mut span) = span else { continue };
            span.began_at(began);
            span.set("holt.group", self.key.id);
            span.set("holt.event", event);
            span.set("holt.events_in_commit", traced.len());
            match verdicts {
                Ok(verdicts) => {
                    let verdict = verdicts.iter().find(|verdict| verdict.event == *event);
                    verdict
                        .into_iter()
                        .for_each(|verdict| show(&mut span, verdict));
                }
                Err(why) => span.fail(why),
            }
            if changed.is_some_and(|verdict| verdict.event == *event) {
                self.trace = trace(span.context());
            }
        }
    }
}

fn show(span: &mut Span, verdict: &Verdict) {
    span.set("holt.outcome", verdict.outcome.word());
    span.set("holt.desired.before", verdict.before.0);
    span.set("holt.desired.after", verdict.after.0);
}

/// A span of a report, to be held until what it says is durable.
pub(crate) fn of_report(tracer: &Tracer, report: &Report) -> Option<Span> {
    let mut span = tracer.child(
        report.trace.map(context),
        "supervisor.settle",
        Kind::Consumer,
    )?;
    if let Done::Slot { slot, .. } = &report.result {
        span.set("holt.slot", slot);
    }
    Some(span)
}
