//! What every operation leaves for operators: one count by class and outcome, one log line.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chassis::Metrics;
use chassis::metrics::{Counter, Latency};
use domain::ids::SlotId;
use domain::settle::Outcome;
use wire::ports::ops::{Call, Done, Subject, group_of};

use crate::execute::tenant_of;

/// What kind of operation it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Create,
    Delete,
    Void,
    Read,
    List,
    ListTagged,
    SignIn,
    LookUp,
}

impl Class {
    pub(crate) const fn of(call: &Call) -> Self {
        match call {
            Call::Create(_) => Self::Create,
            Call::Delete { .. } => Self::Delete,
            Call::Void { .. } => Self::Void,
            Call::Read { .. } => Self::Read,
            Call::List => Self::List,
            Call::ListTagged { .. } => Self::ListTagged,
            Call::SignIn => Self::SignIn,
            Call::LookUp(_) => Self::LookUp,
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Void => "void",
            Self::Read => "read",
            Self::List => "list",
            Self::ListTagged => "list_tagged",
            Self::SignIn => "sign_in",
            Self::LookUp => "look_up",
        }
    }
}

/// An operation that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended<'operation> {
    pub(crate) class: Class,
    pub(crate) key: &'operation Subject,
    pub(crate) slot: Option<SlotId>,
    pub(crate) result: &'operation Done,
    pub(crate) took: Duration,
}

/// How many operations of one class came to one outcome, and how long they took.
type Ends = (Counter, Latency);

/// The counters of one worker.
#[derive(Debug)]
pub(crate) struct Measure {
    metrics: Metrics,
    // The registry makes a text of the labels at every look-up; this does not.
    counters: Mutex<BTreeMap<(Class, &'static str), Ends>>,
}

impl Measure {
    pub(crate) const fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            counters: Mutex::new(BTreeMap::new()),
        }
    }

    pub(crate) fn ended(&self, ended: &Ended<'_>) {
        let Ended {
            class,
            key,
            slot,
            result,
            took,
        } = *ended;
        let outcome = word(result);
        self.count(class, outcome, took);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (tenant, group, slot) = (
            tenant_of(key),
            group_of(key),
            slot.map(tracing::field::display),
        );
        let group = group.map(tracing::field::display);
        let call = class.word();
        match class {
            Class::Create | Class::Delete => {
                tracing::info!(%tenant, group.id = group, slot, call, outcome, duration_ms, "operation ended");
            }
            Class::Void
            | Class::Read
            | Class::List
            | Class::ListTagged
            | Class::SignIn
            | Class::LookUp => {
                tracing::debug!(%tenant, group.id = group, slot, call, outcome, duration_ms, "operation ended");
            }
        }
    }

    fn count(&self, class: Class, outcome: &'static str, took: Duration) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let (counter, latency) = counters.entry((class, outcome)).or_insert_with(|| {
            let labels = [("class", class.word()), ("outcome", outcome)];
            let help = "Operations that ended, by class and outcome.";
            let counter = self
                .metrics
                .counter_with("worker_operations_total", help, &labels);
            let help = "How long operations took, with their wait for the budget.";
            let labels = [("class", class.word())];
            let name = "worker_operation_seconds_bucket";
            (counter, self.metrics.latency(name, help, &labels))
        });
        counter.increment();
        latency.observe(took);
    }
}

pub(crate) const fn word(done: &Done) -> &'static str {
    match done {
        Done::Slot { outcome, .. } => match outcome {
            Outcome::Created(_) => "created",
            Outcome::NotCreated(_) => "not_created",
            Outcome::Throttled(_) => "throttled",
            Outcome::Unknown(_) => "unknown",
            Outcome::TokenRevoked => "token_revoked",
            Outcome::Voided => "voided",
            Outcome::Begun => "begun",
            Outcome::DeleteAccepted(_) => "delete_accepted",
            Outcome::NotFound(_) => "not_found",
            Outcome::Locked(_) => "locked",
            Outcome::DeleteUnclear(_) => "delete_unclear",
            Outcome::NotOurs(_) => "not_ours",
        },
        Done::Listed { .. } => "listed",
        Done::Read { .. } => "read",
        Done::SignedIn(Ok(())) => "signed_in",
        Done::SignedIn(Err(_)) => "not_signed_in",
        Done::LookedUp(_) => "looked_up",
        Done::Nothing(_) => "nothing",
    }
}
