//! What the api counts, for operators: answers, and refusals by code (safety S7: denied calls are seen).

use std::collections::BTreeMap;

use chassis::Metrics;
use chassis::metrics::Counter;
use wire::problem::Code;

/// Counters, made once: a request costs an atomic addition.
#[derive(Debug)]
pub struct Counts {
    done: Counter,
    refused: BTreeMap<Code, Counter>,
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
        Self {
            done: metrics.counter("api_done_total", "Requests that were done."),
            refused: Code::ALL.iter().map(of).collect(),
        }
    }

    /// One request was done.
    pub fn done(&self) {
        self.done.increment();
    }

    /// One request was refused.
    pub fn refused(&self, code: Code) {
        if let Some(counter) = self.refused.get(&code) {
            counter.increment();
        }
    }
}
