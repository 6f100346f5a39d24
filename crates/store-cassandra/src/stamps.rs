//! Time stamps of plain writes, where one that arrives late must not undo one that was sent later.

use std::sync::{Mutex, PoisonError};

use crate::driver::{Value, long};

/// The time stamp of a row, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// One that the cluster shows.
    pub(crate) const fn of(us: u64) -> Self {
        Self(us)
    }

    /// As it is bound to a statement.
    pub(crate) fn value(self) -> Value {
        long(self.0)
    }
}

/// Gives time stamps out: the time by the clock of this process, and each later than the one before, whatever the clock does.
#[derive(Debug, Default)]
pub(crate) struct Stamps(Mutex<u64>);

impl Stamps {
    /// The next one.
    pub(crate) fn next(&self, unix_ms: u64) -> Stamp {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = unix_ms.saturating_mul(1_000).max(*last + 1);
        Stamp(*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_stamp_is_later_than_the_one_before_also_when_the_clock_goes_back() {
        let stamps = Stamps::default();
        let given = [7, 7, 3, 8].map(|ms| stamps.next(ms));
        assert_eq!(given, [7_000, 7_001, 7_002, 8_000].map(Stamp));
    }
}
