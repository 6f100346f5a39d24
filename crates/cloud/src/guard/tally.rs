//! What operators see of the guard: requests by class and answer, and how each class fares.

use std::collections::BTreeMap;

use chassis::Process;
use chassis::metrics::{Counter, Gauge};

use super::breaker::Phase;
use super::{Call, Heard};

/// Counters and gauges of one guard.
#[derive(Debug)]
pub(super) struct Tally {
    requests: BTreeMap<(Call, &'static str), Counter>,
    phases: BTreeMap<Call, Gauge>,
    refusals: BTreeMap<Call, Counter>,
}

impl Tally {
    pub(super) fn new(process: &Process) -> Self {
        let requests = Call::ALL
            .into_iter()
            .flat_map(|call| Heard::WORDS.map(|word| (call, word)))
            .map(|(call, answer)| {
                let labels = [("call", call.word()), ("answer", answer)];
                let help = "Requests sent to the cloud, by class and answer.";
                let counter = process
                    .metrics
                    .counter_with("cloud_requests_total", help, &labels);
                ((call, answer), counter)
            })
            .collect();
        let phases = Call::ALL.into_iter().map(|call| {
            let help = "Breaker of a class of calls: 0 closed, 1 half open, 2 open.";
            let labels = [("call", call.word())];
            let gauge = process
                .metrics
                .gauge_with("cloud_breaker_phase", help, &labels);
            (call, gauge)
        });
        let refusals = Call::ALL.into_iter().map(|call| {
            let help = "Calls that the guard did not let through, by class.";
            let labels = [("call", call.word())];
            let counter = process
                .metrics
                .counter_with("cloud_refused_total", help, &labels);
            (call, counter)
        });
        Self {
            requests,
            phases: phases.collect(),
            refusals: refusals.collect(),
        }
    }

    pub(super) fn heard(&self, call: Call, heard: Heard) {
        if let Some(counter) = self.requests.get(&(call, heard.word())) {
            counter.increment();
        }
    }

    pub(super) fn refused(&self, call: Call) {
        if let Some(counter) = self.refusals.get(&call) {
            counter.increment();
        }
    }

    pub(super) fn phase(&self, call: Call, phase: Phase) {
        if let Some(gauge) = self.phases.get(&call) {
            gauge.set(match phase {
                Phase::Closed => 0,
                Phase::HalfOpen => 1,
                Phase::Open => 2,
            });
        }
    }
}
