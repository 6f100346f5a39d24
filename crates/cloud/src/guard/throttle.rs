//! Client-side throttling: a cloud that refuses is asked for little more than it lately did (safety 3.11, K = 1.1). Pure.

use std::time::Duration;

use chassis::Mono;

/// Answers older than this are forgotten.
const WINDOW: Duration = Duration::from_secs(10);
/// The window is kept in so many parts of one second.
const PARTS: usize = 10;
/// K, in tenths: how many answers of any kind are fine for ten good ones.
const K_TENTHS: u32 = 11;
/// So many bad answers in a window cost nothing: single failures are life.
const FREE: u32 = 3;
/// However little comes back, so many calls in a window go out: the breaker is what stops everything.
const LEAST: u32 = 5;

/// What one class's calls came to in the last ten seconds.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    parts: [(u64, u32, u32); PARTS],
}

impl Throttle {
    /// An answer came, or was missing.
    pub(super) fn heard(&mut self, now: Mono, good: bool) {
        let second = second(now);
        let part = &mut self.parts[place(second)];
        if part.0 != second {
            *part = (second, 0, 0);
        }
        part.1 += 1;
        part.2 += u32::from(good);
    }

    /// The least time between two calls while more is refused than should be; none while all is well.
    pub(super) fn pace(&self, now: Mono) -> Option<Duration> {
        let oldest = (second(now) + 1).saturating_sub(PARTS as u64);
        let (asked, good) = self
            .parts
            .iter()
            .filter(|(second, ..)| *second >= oldest)
            .fold((0, 0), |(asked, good), part| {
                (asked + part.1, good + part.2)
            });
        let fine = good * K_TENTHS / 10;
        (asked > fine + FREE).then(|| WINDOW / fine.max(LEAST))
    }
}

fn second(now: Mono) -> u64 {
    now.as_millis() / 1_000
}

fn place(second: u64) -> usize {
    usize::try_from(second % PARTS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
