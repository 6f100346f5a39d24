//! One class's calls: those that queue, those under way, and who may go next.

use std::sync::Arc;

use chassis::{Clock, Mono};
use domain::ids::TenantId;
use tokio::sync::Notify;

use super::budget::Bucket;
use super::pause::Pauses;
use super::queue::{Priority, Queue, Ticket};
use super::settings::Lane;
use super::{Admitted, Call, Guard, Refused, State};

/// The traffic of one class.
#[derive(Debug)]
pub(super) struct Traffic {
    bucket: Bucket,
    under_way: u32,
    at_once: u32,
    queue: Queue<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    tenant: TenantId,
    called: Arc<Notify>,
    granted: bool,
    /// When this waiter must ask again, because time alone changes something. Only the first in the queue has one.
    wake: Option<Mono>,
}

impl Traffic {
    pub(super) fn new(clock: &Clock, lane: &Lane) -> Self {
        Self {
            bucket: Bucket::new(clock, lane),
            under_way: 0,
            at_once: lane.at_once.get(),
            queue: Queue::new(),
        }
    }

    /// Takes budget outside the queue.
    pub(super) fn take(&self) -> Result<(), std::time::Duration> {
        self.bucket.take()
    }

    /// One call less is under way.
    pub(super) const fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Lets all go that may, and makes the first of the rest keep the time.
    pub(super) fn pump(&mut self, now: Mono, pauses: &Pauses) {
        let next = loop {
            if self.under_way >= self.at_once {
                break None;
            }
            let Some(ticket) = self.first_free(now, pauses) else {
                break self.first_pause_end(pauses);
            };
            match self.bucket.take() {
                Ok(()) => {
                    self.under_way += 1;
                    if let Some(waiter) = self.queue.serve(ticket) {
                        waiter.granted = true;
                        waiter.called.notify_one();
                    }
                }
                Err(wait) => break Some(now + wait),
            }
        };
        let mut waiting = self.queue.iter_mut().filter(|(_, waiter)| !waiter.granted);
        if let Some((_, first)) = waiting.next()
            && first.wake != next
        {
            first.wake = next;
            first.called.notify_one();
        }
        // One that was first before and is not now would otherwise ask again and again at a time that is over.
        waiting.for_each(|(_, waiter)| waiter.wake = None);
    }

    fn first_free(&self, now: Mono, pauses: &Pauses) -> Option<Ticket> {
        self.queue
            .iter()
            .find(|(_, waiter)| !waiter.granted && pauses.end(&waiter.tenant) <= now)
            .map(|(ticket, _)| ticket)
    }

    fn first_pause_end(&self, pauses: &Pauses) -> Option<Mono> {
        let waiting = self.queue.iter().filter(|(_, waiter)| !waiter.granted);
        waiting.map(|(_, waiter)| pauses.end(&waiter.tenant)).min()
    }
}

/// What a waiter finds when it looks.
pub(super) enum Look {
    Granted,
    Refused(Refused),
    /// Look again when called, or at that time.
    Wait(Mono, Arc<Notify>),
}

/// A place in the queue; dropping it leaves.
pub(super) struct Place<'guard> {
    guard: &'guard Guard,
    call: Call,
    tenant: TenantId,
    ticket: Option<Ticket>,
}

impl<'guard> Place<'guard> {
    pub(super) fn enter(
        guard: &'guard Guard,
        call: Call,
        tenant: &TenantId,
        priority: Priority,
    ) -> Self {
        let waiter = Waiter {
            tenant: tenant.clone(),
            called: Arc::new(Notify::new()),
            granted: false,
            wake: None,
        };
        let mut state = guard.state();
        let traffic = state.traffic.get_mut(&call);
        let ticket = traffic.map(|traffic| traffic.queue.enter(priority, tenant, waiter));
        drop(state);
        Self {
            guard,
            call,
            tenant: tenant.clone(),
            ticket,
        }
    }

    pub(super) fn look(&self, deadline: Mono) -> Look {
        let now = self.guard.now();
        let mut state = self.guard.state();
        let State {
            traffic,
            pauses,
            promised: _,
        } = &mut *state;
        let (Some(traffic), Some(ticket)) = (traffic.get_mut(&self.call), self.ticket) else {
            return Look::Refused(Refused::Late);
        };
        traffic.pump(now, pauses);
        let Some(waiter) = traffic.queue.get(ticket) else {
            return Look::Refused(Refused::Late);
        };
        let paused = pauses.end(&self.tenant);
        if waiter.granted {
            Look::Granted
        } else if paused > deadline {
            Look::Refused(Refused::Paused(paused.saturating_since(now)))
        } else if now >= deadline {
            Look::Refused(Refused::Late)
        } else {
            let until = waiter.wake.map_or(deadline, |wake| wake.min(deadline));
            Look::Wait(until, Arc::clone(&waiter.called))
        }
    }

    /// The grant becomes a leave.
    pub(super) fn into_admitted(mut self) -> Admitted {
        if let Some(ticket) = self.ticket.take() {
            let mut state = self.guard.state();
            if let Some(traffic) = state.traffic.get_mut(&self.call) {
                drop(traffic.queue.leave(ticket));
            }
        }
        Admitted {
            guard: self.guard.clone(),
            call: self.call,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        let now = self.guard.now();
        let mut state = self.guard.state();
        let State {
            traffic,
            pauses,
            promised: _,
        } = &mut *state;
        let Some(traffic) = traffic.get_mut(&self.call) else {
            return;
        };
        // A grant that nobody picked up: the budget is spent, the place among those under way is free again.
        if traffic
            .queue
            .leave(ticket)
            .is_some_and(|waiter| waiter.granted)
        {
            traffic.ended();
        }
        traffic.pump(now, pauses);
    }
}
