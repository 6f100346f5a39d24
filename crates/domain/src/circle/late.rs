//! Words that come late: of one alert, what is older than what was heard of it changes nothing.
//!
//! A sender that was refused tries again, and what it said next may have been taken meanwhile. A beginning that comes after its end would open an
//! alert that nobody ends, so ends are remembered for a while; an end that comes after the next beginning would close what is open.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{AlertKey, Signal, Standing};
use crate::group::State;
use crate::time::Timestamp;

/// Ends that one group remembers, the newest ones: they are in its state, which every commit writes.
pub const ENDS_MAX: usize = 64;
/// For so long an end is remembered. Senders of alerts give up what was refused sooner.
pub const END_KEPT: Duration = Duration::from_secs(86_400);

/// When alerts ended, as their sources say.
pub type Ends = BTreeMap<AlertKey, Timestamp>;

/// When an alert came to stand so. A source whose clock is ahead must not silence what it says once its clock is right.
pub(super) fn told(signal: &Signal, now: Timestamp) -> Option<Timestamp> {
    signal.at.map(|at| at.min(now))
}

/// Whether something newer was heard of the alert. What is worse than what is known of an open one counts all the same.
pub(super) fn is_late(state: &State, signal: &Signal, now: Timestamp) -> bool {
    let alerts = state.alerts.as_ref();
    let known = alerts.and_then(|alerts| alerts.known.get(&signal.alert));
    let last = match signal.standing {
        Standing::Open | Standing::Acknowledged | Standing::Unknown => {
            let as_bad = known.filter(|known| signal.severity <= known.severity);
            let end = state.ends.get(&signal.alert).copied();
            let end = end.filter(|end| is_kept(*end, now));
            as_bad.and_then(|known| known.at).max(end)
        }
        // Of two ends of one alert the second is as good as the first.
        Standing::Closed => known.and_then(|known| known.at),
        Standing::Steady | Standing::Spare | Standing::Once => None,
    };
    signal.at.zip(last).is_some_and(|(at, last)| at < last)
}

/// Remembers an end, if it is one, and forgets those that are old or too many.
pub(super) fn remember(ends: &mut Ends, signal: &Signal, now: Timestamp) {
    ends.retain(|_, end| is_kept(*end, now));
    let Some(at) = told(signal, now).filter(|_| signal.standing == Standing::Closed) else {
        return;
    };
    let end = ends.entry(signal.alert).or_insert(at);
    *end = at.max(*end);
    if ends.len() > ENDS_MAX {
        let oldest = ends.iter().min_by_key(|(_, end)| **end);
        if let Some(alert) = oldest.map(|(alert, _)| *alert) {
            ends.remove(&alert);
        }
    }
}

fn is_kept(end: Timestamp, now: Timestamp) -> bool {
    !end.rest(END_KEPT, now).is_zero()
}
