//! One question at a time about one thing: whoever asks the same meanwhile waits for the answer to the question that is under way.
//!
//! No answer is kept here: the last one who waits takes it along. Whoever asks may go away before the answer; then the next one who waits asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

/// What is asked about: the hash of a token, and the epoch of what is revoked.
pub(super) type About = ([u8; 32], u64);

/// Questions under way.
pub(super) struct Flights<T>(Mutex<BTreeMap<About, Flight<T>>>);

struct Flight<T> {
    answer: Arc<OnceCell<T>>,
    /// How many want the answer, with whoever asks.
    seats: usize,
}

/// One who wants the answer, for as long as it is not dropped.
struct Seat<'f, T> {
    flights: &'f Flights<T>,
    about: About,
    answer: Arc<OnceCell<T>>,
}

impl<T: Clone> Flights<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The answer to `question`, or to the one about the same that is under way: `question` is then dropped unasked.
    pub(super) async fn answer(&self, about: About, question: impl Future<Output = T>) -> T {
        let seat = self.join(about);
        let answer = seat.answer.get_or_init(|| question).await;
        answer.clone()
    }

    fn join(&self, about: About) -> Seat<'_, T> {
        let mut flights = self.under_way();
        let flight = flights.entry(about).or_insert_with(|| Flight {
            answer: Arc::new(OnceCell::new()),
            seats: 0,
        });
        flight.seats += 1;
        Seat {
            flights: self,
            about,
            answer: Arc::clone(&flight.answer),
        }
    }
}

impl<T> Flights<T> {
    fn under_way(&self) -> MutexGuard<'_, BTreeMap<About, Flight<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        let mut flights = self.flights.under_way();
        let Some(flight) = flights.get_mut(&self.about) else {
            return;
        };
        flight.seats -= 1;
        if flight.seats == 0 {
            flights.remove(&self.about);
        }
    }
}

#[cfg(test)]
mod tests;
