//! How many creates each supervisor is offered, where there are several: an equal part of what the guard allows, so that those that have
//! no work cannot hold what the others need. Pure: how much is free is an argument.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What supervisors hold of the permits. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Deal {
    seats: Arc<Mutex<Vec<Seat>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seat {
    offered: u32,
    /// It could be offered nothing.
    is_hungry: bool,
    /// When it was offered something last, counted in offers.
    turn: u64,
    /// How often it gave way since.
    gave_way: usize,
}

/// What one poll may offer; dropping it ends the offer.
#[derive(Debug)]
pub(crate) struct Part {
    deal: Deal,
    supervisor: usize,
    pub(crate) count: u32,
    /// Others wait for what is offered here: not for long, then.
    pub(crate) is_short: bool,
}

impl Deal {
    pub(crate) fn new(supervisors: usize) -> Self {
        Self {
            seats: Arc::new(Mutex::new(vec![Seat::default(); supervisors])),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part of one supervisor, of which `live` answer: `free` is what the guard allows beyond what is offered already, `most` what one
    /// poll may offer.
    pub(crate) fn part(&self, supervisor: usize, live: u32, most: u32, free: u32) -> Part {
        let mut seats = self.lock();
        let all: u32 = seats.iter().map(|seat| seat.offered).sum();
        let own = seats.get(supervisor).copied().unwrap_or_default();
        let hungry = (0..)
            .zip(seats.iter())
            .filter(|(other, seat)| *other != supervisor && seat.is_hungry);
        let longest = hungry.map(|(_, seat)| seat.turn).min();
        let others_wait = longest.is_some();
        let next = seats.iter().map(|seat| seat.turn).max().unwrap_or(0) + 1;
        let patience = seats.len();
        let fair = (free + all).div_ceil(live.max(1));
        let mut count = 0;
        if let Some(seat) = seats.get_mut(supervisor) {
            // To whoever has waited for longer, and not for ever: that one may be dead, or come back late.
            let is_later = longest.is_some_and(|turn| turn < own.turn);
            if fair <= 1 && is_later && seat.gave_way < patience {
                seat.gave_way += 1;
            } else {
                count = fair.saturating_sub(seat.offered).min(most).min(free);
            }
            if count > 0 {
                (seat.turn, seat.gave_way) = (next, 0);
            }
            seat.offered += count;
            seat.is_hungry = seat.offered == 0;
        }
        drop(seats);
        Part {
            deal: self.clone(),
            supervisor,
            count,
            is_short: others_wait,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(seat) = self.deal.lock().get_mut(self.supervisor) {
            seat.offered = seat.offered.saturating_sub(self.count);
        }
    }
}

#[cfg(test)]
mod tests;
