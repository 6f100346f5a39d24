//! One operation: its last checks, its one call, and what came of it.

mod create;
mod delete;
mod look;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chassis::Mono;
use chassis::shutdown::Gate;
use chassis::trace::{Kind, Span};
use cloud::guard::{self, Permit, Priority};
use domain::ids::{SlotId, TenantId};
use domain::trace::Trace;
use tokio::sync::OwnedSemaphorePermit;
use wire::ports::ops::{self, Call, Done, Op, Subject, Wait};
use wire::trace::{context, trace};

pub(crate) use delete::Victim;

use create::{Attempt, NOT_SENT};

use crate::Shared;
use crate::classify;
use crate::measure::{Class, Ended, word};
use crate::report::Pending;
use crate::tokens::Offered;

/// The worker as seen by what came from one supervisor. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hands {
    pub(crate) shared: Arc<Shared>,
    /// Which supervisor: its reports go there first.
    pub(crate) supervisor: usize,
}

/// What holds for everything that came in reply to one poll.
#[derive(Debug)]
pub(crate) struct Terms {
    /// What is not begun by then is never begun (rule H2).
    pub(crate) deadline: Mono,
    /// The tokens that the poll offered, and no others (rule H3).
    pub(crate) tokens: Arc<Offered>,
    /// Keeps the process from ending before all of it is reported. None: it is already to stop, and nothing of it begins.
    pub(crate) _gate: Option<Gate>,
}

/// What an operation may use while it is under way.
#[derive(Debug)]
pub(crate) enum Leave {
    /// To create one server.
    Permit(Permit),
    /// To do one other thing.
    Seat(OwnedSemaphorePermit),
    /// It needs nothing.
    Free,
    /// It was not offered: it is not begun.
    None,
}

/// What came of an operation, and when the look at the cloud began that it rests on, if it is one.
type Came = (Done, Option<Mono>);

impl Hands {
    pub(crate) const fn new(shared: Arc<Shared>, supervisor: usize) -> Self {
        Self { shared, supervisor }
    }

    /// Starts an operation as a task.
    pub(crate) fn start(&self, op: Op, terms: Arc<Terms>, leave: Leave) {
        self.shared.under_way.fetch_add(1, Ordering::Relaxed);
        let hands = self.clone();
        let tasks = &self.shared.process.tasks;
        drop(tasks.spawn("operation", async move {
            hands.carry_out(op, &terms, leave).await
        }));
    }

    async fn carry_out(self, op: Op, terms: &Terms, leave: Leave) {
        let Op {
            id,
            key,
            call,
            trace,
        } = op;
        let class = Class::of(&call);
        let clock = &self.shared.process.clock;
        let start = clock.mono();
        let slot = slot_of(&call);
        let tracer = &self.shared.process.tracer;
        let span = tracer.child(trace.map(context), "worker.execute", Kind::Consumer);
        let (result, began) = self.perform(&key, call, terms, leave).await;
        self.shared.under_way.fetch_sub(1, Ordering::Relaxed);
        let took = clock.mono().saturating_since(start);
        self.shared.measure.ended(&Ended {
            class,
            key: &key,
            slot,
            result: &result,
            took,
        });
        let trace = span.map_or(trace, |span| show(span, class, slot, &result));
        let pending = Pending {
            op: id,
            key,
            result,
            trace,
            began,
        };
        self.shared.deliver(self.supervisor, pending).await;
    }

    /// `leave` is given back as soon as the call is over, before the report is sent.
    async fn perform(&self, key: &Subject, call: Call, terms: &Terms, leave: Leave) -> Came {
        match (call, key, leave) {
            (Call::Create(call), Subject::Group(key), Leave::Permit(permit)) => {
                let slot = call.slot;
                let attempt = self.create(key, *call, terms).await;
                drop(permit);
                (self.sure(slot, attempt).await, None)
            }
            (Call::Create(call), _, _) => {
                (self.sure(call.slot, Attempt::Unsent(NOT_SENT)).await, None)
            }
            (Call::Void { slot, incarnation }, _, _) => (self.void(slot, incarnation).await, None),
            (
                Call::Delete {
                    slot,
                    proof,
                    server,
                    priority,
                },
                Subject::Group(key),
                Leave::Seat(_seat),
            ) => {
                let victim = Victim {
                    slot,
                    proof,
                    server,
                };
                (self.delete(key, victim, priority, terms).await, None)
            }
            (Call::Read { slot, server }, key, Leave::Seat(_seat)) => {
                self.read(tenant_of(key), slot, server, terms).await
            }
            (Call::List, key, Leave::Seat(_seat)) => self.list(tenant_of(key), None, terms).await,
            (Call::ListTagged { slot }, key, Leave::Seat(_seat)) => {
                self.list(tenant_of(key), Some(slot), terms).await
            }
            (Call::SignIn, key, Leave::Seat(_seat)) => (self.sign_in(tenant_of(key)).await, None),
            (Call::LookUp(names), key, Leave::Seat(_seat)) => {
                (self.look_up(tenant_of(key), &names, terms).await, None)
            }
            (
                Call::Delete { .. }
                | Call::Read { .. }
                | Call::List
                | Call::ListTagged { .. }
                | Call::SignIn
                | Call::LookUp(_),
                _,
                _,
            ) => (Done::Nothing(classify::not_offered()), None),
        }
    }

    async fn sign_in(&self, tenant: &TenantId) -> Done {
        Done::SignedIn(
            self.shared
                .tokens
                .sign_in(tenant)
                .await
                .map_err(|e| classify::no_token(&e)),
        )
    }

    /// Waits for a turn at the cloud, until the operation is too late.
    async fn admit(
        &self,
        call: guard::Call,
        whose: impl Into<guard::Whose<'_>>,
        priority: Priority,
        deadline: Mono,
    ) -> Result<guard::Admitted, Wait> {
        if self.shared.process.stop.is_requested() {
            return Err(classify::stopping());
        }
        let admitted = self
            .shared
            .guard
            .admit(call, whose, priority, deadline)
            .await;
        admitted.map_err(|refused| classify::refused(&refused))
    }

    /// Whether an operation must not begin any more.
    fn is_too_late(&self, deadline: Mono) -> bool {
        self.shared.process.clock.mono() >= deadline || self.shared.process.stop.is_requested()
    }
}

/// The guard's word for a priority.
const fn priority(of: ops::Priority) -> Priority {
    match of {
        ops::Priority::Doubt => Priority::Doubt,
        ops::Priority::UserDelete => Priority::Delete,
        ops::Priority::BelowMin => Priority::BelowMin,
        ops::Priority::ScaleOut => Priority::ScaleUp,
        ops::Priority::Rolling => Priority::Rolling,
        ops::Priority::Housekeeping => Priority::Housekeeping,
    }
}

pub(crate) const fn tenant_of(subject: &Subject) -> &TenantId {
    subject.tenant()
}

/// Ends the span of an operation; what becomes of its report is its child.
fn show(mut span: Span, class: Class, slot: Option<SlotId>, result: &Done) -> Option<Trace> {
    span.set("holt.call", class.word());
    if let Some(slot) = slot {
        span.set("holt.slot", slot);
    }
    span.set("holt.outcome", word(result));
    trace(span.context())
}

fn slot_of(call: &Call) -> Option<SlotId> {
    match call {
        Call::Create(create) => Some(create.slot),
        Call::Delete { slot, .. }
        | Call::Void { slot, .. }
        | Call::Read { slot, .. }
        | Call::ListTagged { slot } => Some(*slot),
        Call::List | Call::SignIn | Call::LookUp(_) => None,
    }
}
