//! Permits: how many creates a worker may promise to begin. A poll offers them, a commit spends them, a call uses them up (design 2).

use super::Guard;

/// Permits held for one poll. What is not taken goes back when it is dropped.
#[derive(Debug)]
#[must_use = "the permits go back when the reservation is dropped"]
pub struct Reservation {
    guard: Guard,
    left: u32,
}

/// One permit, held from the reservation until the call has ended.
#[derive(Debug)]
#[must_use = "the permit goes back when it is dropped"]
pub struct Permit {
    guard: Guard,
}

impl Reservation {
    pub(super) const fn new(guard: Guard, left: u32) -> Self {
        Self { guard, left }
    }

    /// How many are left: what the poll offers.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// Gives back what is beyond `most`.
    pub fn keep(&mut self, most: u32) {
        let beyond = self.left.saturating_sub(most);
        self.left -= beyond;
        self.guard.give_back(beyond);
    }

    /// Takes one for one operation. None: more operations came than were offered; the operation is refused as not sent.
    pub fn take(&mut self) -> Option<Permit> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit {
            guard: self.guard.clone(),
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.guard.give_back(self.left);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.guard.give_back(1);
    }
}
