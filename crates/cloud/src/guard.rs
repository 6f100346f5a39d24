//! What stands before every call: budget, turns, permits, pauses. One guard per colo and worker.
//!
//! A call passes the gates in this order: *pause* (the cloud asked to wait), *turn* (priority, tenants in turns), *concurrency*
//! (calls under way), *budget* (token bucket). [`Guard::heard`] is told of every answer, which is where limits learn.
//!
//! Deliberately absent: any knowledge of HTTP, and a way around the gates.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::metrics::Counter;
use chassis::{Clock, Entropy, Mono, Process};
use domain::ids::TenantId;

mod budget;
mod lane;
mod pause;
mod permit;
mod queue;
mod settings;

pub use pause::Scope;
pub use permit::{Permit, Reservation};
pub use queue::Priority;
pub use settings::{Lane, Settings};

use lane::{Look, Place, Traffic};
use pause::Pauses;

/// The classes of calls, each with a budget of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Create one server.
    Create,
    /// Delete one server.
    Delete,
    /// Read one server, or the versions of the API.
    Get,
    /// List servers.
    List,
    /// Sign in.
    Auth,
}

impl Call {
    const ALL: [Self; 5] = [
        Self::Create,
        Self::Delete,
        Self::Get,
        Self::List,
        Self::Auth,
    ];

    /// The word in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Get => "get",
            Self::List => "list",
            Self::Auth => "auth",
        }
    }
}

/// Why a call may not be made. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The budget had no room before the deadline.
    #[error("the budget has no room before the deadline")]
    Late,
    /// The cloud asked to wait for longer than the deadline: this much longer from now.
    #[error("the cloud asked to wait")]
    Paused(Duration),
}

/// What the cloud was heard to say, as far as it bears on how much to ask of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It did what was asked, or said no for a reason of ours (4xx).
    Served,
    /// It asked to wait.
    Throttled(Scope, Duration),
    /// No answer, or 5xx.
    Sick,
}

impl Heard {
    const fn word(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Throttled(..) => "throttled",
            Self::Sick => "sick",
        }
    }
}

/// The guard of one colo. Cheap to clone; every clone is the same guard.
#[derive(Debug, Clone)]
pub struct Guard {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    entropy: Entropy,
    settings: Settings,
    counters: BTreeMap<(Call, &'static str), Counter>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    traffic: BTreeMap<Call, Traffic>,
    pauses: Pauses,
    /// Permits that are reserved for a poll or held by an operation.
    promised: u32,
}

/// Leave for one call, given by [`Guard::admit`]; hold it until the call has ended.
#[derive(Debug)]
#[must_use = "the call counts as ended when its leave is dropped"]
pub struct Admitted {
    guard: Guard,
    call: Call,
}

impl Guard {
    /// A guard with full buckets.
    #[must_use]
    pub fn new(process: &Process, settings: Settings) -> Self {
        let traffic = Call::ALL
            .into_iter()
            .map(|call| (call, Traffic::new(&process.clock, settings.lane(call))))
            .collect();
        let words = [
            Heard::Served,
            Heard::Sick,
            Heard::Throttled(Scope::Colo, Duration::ZERO),
        ];
        let counters = Call::ALL
            .into_iter()
            .flat_map(|call| words.map(|heard| (call, heard.word())))
            .map(|(call, answer)| {
                let labels = [("call", call.word()), ("answer", answer)];
                let help = "Requests sent to the cloud, by class and answer.";
                let counter = process
                    .metrics
                    .counter_with("cloud_requests_total", help, &labels);
                ((call, answer), counter)
            })
            .collect();
        let state = State {
            traffic,
            pauses: Pauses::default(),
            promised: 0,
        };
        Self {
            shared: Arc::new(Shared {
                clock: process.clock.clone(),
                entropy: process.entropy.clone(),
                settings,
                counters,
                state: Mutex::new(state),
            }),
        }
    }

    /// Sets permits aside for one poll, `most` at the most: none while the colo is paused, never more than can begin in time
    /// ([`Settings::offer_window`]) or be under way.
    pub fn reserve(&self, most: u32) -> Reservation {
        let now = self.now();
        let mut state = self.state();
        let free = if state.pauses.colo_end() > now {
            0
        } else {
            self.shared
                .settings
                .promised_max()
                .saturating_sub(state.promised)
        };
        let count = free.min(most);
        state.promised += count;
        drop(state);
        Reservation::new(self.clone(), count)
    }

    /// Waits for a call's turn, until `deadline` at the most. Dropping the future gives the place in the queue up.
    ///
    /// # Errors
    /// [`Refused`]: nothing was sent and no budget is used. A create then ends as not sent.
    pub async fn admit(
        &self,
        call: Call,
        tenant: &TenantId,
        priority: Priority,
        deadline: Mono,
    ) -> Result<Admitted, Refused> {
        let place = Place::enter(self, call, tenant, priority);
        loop {
            match place.look(deadline) {
                Look::Granted => return Ok(place.into_admitted()),
                Look::Refused(refused) => return Err(refused),
                Look::Wait(until, called) => tokio::select! {
                    biased;
                    () = called.notified() => {}
                    () = self.shared.clock.sleep_until(until) => {}
                },
            }
        }
    }

    /// Takes the budget of one more request that belongs to a call already admitted, or to none (a sign-in, the second read after a 401).
    /// It goes before those that queue.
    ///
    /// # Errors
    /// [`Refused`]: nothing may be sent.
    pub(crate) async fn charge(
        &self,
        call: Call,
        tenant: &TenantId,
        deadline: Mono,
    ) -> Result<(), Refused> {
        loop {
            let now = self.now();
            let until = {
                let state = self.state();
                let paused = state.pauses.end(tenant);
                if paused > deadline {
                    return Err(Refused::Paused(paused.saturating_since(now)));
                }
                if paused > now {
                    paused
                } else {
                    match state.traffic.get(&call).map(Traffic::take) {
                        None | Some(Ok(())) => return Ok(()),
                        Some(Err(wait)) => now + wait,
                    }
                }
            };
            if until > deadline {
                return Err(Refused::Late);
            }
            self.shared.clock.sleep_until(until).await;
        }
    }

    /// Takes note of an answer, or of its absence, `took` after the request went out.
    pub fn heard(&self, call: Call, tenant: &TenantId, heard: Heard, took: Duration) {
        if let Some(counter) = self.shared.counters.get(&(call, heard.word())) {
            counter.increment();
        }
        tracing::trace!(
            call = call.word(),
            answer = heard.word(),
            ?took,
            "heard from the cloud"
        );
        match heard {
            Heard::Served | Heard::Sick => {}
            Heard::Throttled(scope, wait) => {
                let wait = wait.min(self.shared.settings.pause_max);
                // So that all who were told to wait do not come back in one instant.
                let jitter = self
                    .shared
                    .entropy
                    .up_to(wait / 10 + Duration::from_millis(100));
                let now = self.now();
                let mut state = self.state();
                state.pauses.extend(scope, tenant, now, now + wait + jitter);
            }
        }
    }

    fn now(&self) -> Mono {
        self.shared.clock.mono()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, permits: u32) {
        let mut state = self.state();
        state.promised = state.promised.saturating_sub(permits);
    }

    fn ended(&self, call: Call) {
        let now = self.now();
        let mut state = self.state();
        let State {
            traffic,
            pauses,
            promised: _,
        } = &mut *state;
        if let Some(traffic) = traffic.get_mut(&call) {
            traffic.ended();
            traffic.pump(now, pauses);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.guard.ended(self.call);
    }
}

#[cfg(test)]
mod tests;
