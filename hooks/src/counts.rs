//! What the lane did, for operators.

use chassis::metrics::{Counter, Metrics};
use domain::outbox::Sent;

/// Attempts by what came of them.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    taken: Counter,
    failed: Counter,
    refused: Counter,
}

impl Counts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let help = "Attempts of the hooks lane to send a message, by what came of them.";
        let of = |result| metrics.counter_with("hooks_attempts_total", help, &[("result", result)]);
        Self {
            taken: of("taken"),
            failed: of("failed"),
            refused: of("refused"),
        }
    }

    pub(crate) fn tried(&self, sent: &Sent) {
        match sent {
            Sent::Taken => self.taken.increment(),
            Sent::Failed(..) | Sent::Nobody => self.failed.increment(),
            Sent::Refused(_) => self.refused.increment(),
        }
    }
}
