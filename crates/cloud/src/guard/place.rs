//! A place in the queue of one class, from arrival until the call may be made, or is given up.

use std::sync::Arc;

use chassis::Mono;
use tokio::sync::Notify;

use super::lane::Waiter;
use super::queue::{Priority, Ticket};
use super::standing::Whose;
use super::{Admitted, Call, Guard, Refused, State};

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
    ticket: Option<Ticket>,
}

impl<'guard> Place<'guard> {
    pub(super) fn enter(
        guard: &'guard Guard,
        call: Call,
        whose: Whose<'_>,
        priority: Priority,
    ) -> Self {
        let mut state = guard.state();
        let traffic = state.traffic.get_mut(&call);
        let waiter = Waiter::new(whose);
        let ticket = traffic.map(|traffic| traffic.queue.enter(priority, whose.tenant, waiter));
        drop(state);
        Self {
            guard,
            call,
            ticket,
        }
    }

    pub(super) fn look(&self, deadline: Mono) -> Look {
        let now = self.guard.now();
        let mut state = self.guard.state();
        let State { traffic, gates, .. } = &mut *state;
        let (Some(traffic), Some(ticket)) = (traffic.get_mut(&self.call), self.ticket) else {
            return Look::Refused(Refused::Late);
        };
        traffic.pump(now, gates);
        let Some(waiter) = traffic.queue.get(ticket) else {
            return Look::Refused(Refused::Late);
        };
        // Also one that was granted its turn: whatever was stopped meanwhile must not begin.
        if let Some(refused) = traffic.refusal(now, gates, waiter) {
            return Look::Refused(refused);
        }
        if waiter.granted.is_some() {
            return Look::Granted;
        }
        let paused = gates.pauses.end(waiter.whose());
        let open = traffic.ready(now, gates);
        if paused > deadline {
            Look::Refused(Refused::Paused(paused.saturating_since(now)))
        } else if open > deadline {
            Look::Refused(Refused::Open(open.saturating_since(now)))
        } else if now >= deadline {
            Look::Refused(Refused::Late)
        } else {
            let until = waiter.wake.map_or(deadline, |wake| wake.min(deadline));
            Look::Wait(until, Arc::clone(&waiter.called))
        }
    }

    /// The grant becomes a leave.
    pub(super) fn into_admitted(mut self) -> Admitted {
        let mut number = 0;
        if let Some(ticket) = self.ticket.take() {
            let mut state = self.guard.state();
            let traffic = state.traffic.get_mut(&self.call);
            let waiter = traffic.and_then(|traffic| traffic.queue.leave(ticket));
            number = waiter.and_then(|waiter| waiter.granted).unwrap_or_default();
        }
        Admitted {
            guard: self.guard.clone(),
            call: self.call,
            number,
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
        let State { traffic, gates, .. } = &mut *state;
        let Some(traffic) = traffic.get_mut(&self.call) else {
            return;
        };
        // A grant that nobody picked up: the budget is spent, the place among those under way is free again.
        let left = traffic.queue.leave(ticket);
        if let Some(number) = left.and_then(|waiter| waiter.granted) {
            traffic.ended(number);
        }
        traffic.pump(now, gates);
    }
}
