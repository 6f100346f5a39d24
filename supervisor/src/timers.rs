//! Wakes groups whose schedules are due. The store keeps the earliest time of each group in an index, so a look costs what is due, however many
//! groups there are; the group's own owner finds out what runs ([`domain::schedule::fire`]).

use std::time::Duration;

use domain::time::Timestamp;

use crate::now;
use crate::owners::{Note, Owners};
use crate::sweep::pause;

/// Groups woken in one look.
const PAGE: u32 = 1_000;
/// Between two looks, at least: what was woken needs a moment to move its timers.
const BREATH: Duration = Duration::from_millis(250);

/// Looks until the process stops. A timer that is set for sooner than `period` from now, while nobody looks, is at most that late.
pub(crate) async fn run(owners: Owners, period: Duration) {
    let seams = owners.seams().clone();
    loop {
        let asked = now(&seams.process).wall;
        let by = asked.plus(period);
        let wait = match seams.stores.groups.timed(by, PAGE).await {
            Ok(timed) => {
                for (_, key) in timed.iter().filter(|(at, _)| *at <= asked) {
                    owners.hint(key, Note::Changed);
                }
                until_next(timed.iter().map(|(at, _)| *at), asked, period)
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "timers cannot be read");
                period
            }
        };
        if !pause(&seams.process, wait).await {
            return;
        }
    }
}

/// What was woken is looked at again soon: an owner that could not commit has to be woken again.
fn until_next(
    timed: impl Iterator<Item = Timestamp>,
    asked: Timestamp,
    period: Duration,
) -> Duration {
    let next = timed.map(|at| at.since(asked)).min();
    next.unwrap_or(period).max(BREATH).min(period)
}
