//! Slow start: after a stop a class begins with an eighth of its budget and doubles it every ten seconds (design 7). Pure.

use std::time::Duration;

use chassis::Mono;

/// The first share, in thousandths.
const FIRST: u32 = 125;
/// The whole.
pub(super) const WHOLE: u32 = 1_000;
/// Until it doubles.
const DOUBLES_AFTER: Duration = Duration::from_secs(10);

/// How far a class has come back.
#[derive(Debug, Default)]
pub(super) struct Ramp {
    since: Option<Mono>,
}

impl Ramp {
    /// Begins anew at that time.
    pub(super) fn restart(&mut self, at: Mono) {
        self.since = self.since.max(Some(at));
    }

    /// Which share of the budget there is, in thousandths.
    pub(super) fn share(&mut self, now: Mono) -> u32 {
        let Some(since) = self.since else {
            return WHOLE;
        };
        let doubled = now.saturating_since(since).as_millis() / DOUBLES_AFTER.as_millis();
        let share = u32::try_from(doubled)
            .ok()
            .and_then(|times| FIRST.checked_shl(times))
            .filter(|share| *share < WHOLE);
        if share.is_none() {
            self.since = None;
        }
        share.unwrap_or(WHOLE)
    }
}

#[cfg(test)]
mod tests;
