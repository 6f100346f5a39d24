//! What the api counts, for operators: answers, and refusals by code (safety S7: denied calls are seen).

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::Metrics;
use chassis::metrics::{Counter, Latency};
use domain::access::Right;
use wire::problem::Code;

/// Counters, made once: a request costs an atomic addition.
#[derive(Debug)]
pub struct Counts {
    done: Counter,
    refused: BTreeMap<Code, Counter>,
    missing: BTreeMap<Right, Counter>,
    took: Latency,
    forwarded: Counter,
    not_forwarded: Counter,
    queued: Counter,
}

impl Counts {
    /// Registers all of them, so that a scraper sees those at zero too.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let of = |code: &Code| {
            let help = "Requests that were refused, by code.";
            let labels = [("code", code.as_str())];
            (
                *code,
                metrics.counter_with("api_refused_total", help, &labels),
            )
        };
        let lacking = |right: Right| {
            let help = "Requests that were refused for a right that their token lacks.";
            let labels = [("right", right.as_str())];
            let counter = metrics.counter_with("api_missing_right_total", help, &labels);
            (right, counter)
        };
        let passed = |outcome| {
            let help = "Requests for other colos, by whether one of them answered.";
            metrics.counter_with("api_forwarded_total", help, &[("outcome", outcome)])
        };
        Self {
            forwarded: passed("answered"),
            not_forwarded: passed("unreachable"),
            queued: metrics.counter(
                "api_events_queued_total",
                "Events that were accepted into the inboxes of their groups, because no owner answered.",
            ),
            done: metrics.counter("api_done_total", "Requests that were done."),
            refused: Code::ALL.iter().map(of).collect(),
            missing: Right::ALL.into_iter().map(lacking).collect(),
            took: metrics.latency(
                "api_request_seconds_bucket",
                "How long requests took, whatever came of them.",
                &[],
            ),
        }
    }

    /// One request was done.
    pub fn done(&self) {
        self.done.increment();
    }

    /// One request took so long.
    pub fn took(&self, time: Duration) {
        self.took.observe(time);
    }

    /// One request for another colo was answered there, or not.
    pub fn forwarded(&self, answered: bool) {
        let counter = if answered {
            &self.forwarded
        } else {
            &self.not_forwarded
        };
        counter.increment();
    }

    /// One event was accepted without its owner.
    pub fn queued(&self) {
        self.queued.increment();
    }

    /// One request was refused.
    pub fn refused(&self, code: Code) {
        if let Some(counter) = self.refused.get(&code) {
            counter.increment();
        }
    }

    /// One request was refused for want of this right.
    pub fn missing(&self, right: Right) {
        if let Some(counter) = self.missing.get(&right) {
            counter.increment();
        }
    }
}
