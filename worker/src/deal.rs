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
    /// What it was offered last came back.
    was_idle: bool,
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
        let others_wait = (0..)
            .zip(seats.iter())
            .any(|(other, seat)| other != supervisor && seat.is_hungry);
        let fair = (free + all).div_ceil(live.max(1));
        let mut count = 0;
        if let Some(seat) = seats.get_mut(supervisor) {
            let gives_way = seat.was_idle && others_wait && fair <= 1;
            if !gives_way {
                count = fair.saturating_sub(seat.offered).min(most).min(free);
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

impl Part {
    /// The poll came back, and that many creates with it.
    pub(crate) fn came_back(&self, creates: usize) {
        if let Some(seat) = self.deal.lock().get_mut(self.supervisor) {
            seat.was_idle = creates == 0;
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
