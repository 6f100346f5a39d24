//! Wakes groups whose schedules are due. The store keeps the earliest time of each group in an index, so a look costs what is due, however many
//! groups there are; the group's own owner finds out what runs ([`domain::schedule::fire`]).

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ids::GroupKey;
use domain::time::{Mono, Timestamp};

use crate::owners::{Note, Owners};
use crate::sweep::pause;
use crate::{mono, now};

/// Groups read in one look: those that were woken and have not committed yet come first again, so it must hold what is in hand and what is new.
const PAGE: u32 = 2_000;
/// Between two looks, at least: what was woken needs a moment to move its timers.
const BREATH: Duration = Duration::from_millis(250);
/// Between two looks while more is due than one look shows: what commits meanwhile makes room for as many others.
const BREATH_BUSY: Duration = Duration::from_millis(100);
/// Who was woken and is still due after this could not commit, and is woken again.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks until the process stops. A timer that is set for sooner than `period` from now, while nobody looks, is at most that late.
pub(crate) async fn run(owners: Owners, period: Duration) {
    let seams = owners.seams().clone();
    let mut woken = Woken::default();
    loop {
        let asked = now(&seams.process).wall;
        let by = asked.plus(period);
        let is_mine = |key: &GroupKey| seams.shards.is_mine(key);
        let wait = match seams.stores.groups.timed(by, PAGE, &is_mine).await {
            Ok(timed) => {
                let is_full = timed.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
                let next = until_next(timed.iter().map(|(at, _)| *at), asked, period);
                let due = timed.into_iter().filter(|(at, _)| *at <= asked);
                let due = due.map(|(_, key)| key);
                for key in woken.wake(due, mono(&seams.process)) {
                    owners.hint(&key, Note::Changed);
                }
                if is_full && next == BREATH {
                    BREATH_BUSY
                } else {
                    next
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "timers cannot be read: groups whose time has come are woken later"
                );
                period
            }
        };
        if !pause(&seams.process, wait).await {
            return;
        }
    }
}

/// Who was woken and has not moved its timers yet, and since when. To wake an owner again that is about to commit would cost it a read.
#[derive(Default)]
struct Woken(BTreeMap<GroupKey, Mono>);

impl Woken {
    /// Who of those that are due is to be woken now; what is due no more is forgotten.
    fn wake(&mut self, due: impl Iterator<Item = GroupKey>, now: Mono) -> Vec<GroupKey> {
        let before = std::mem::take(&mut self.0);
        let mut wake = Vec::new();
        for key in due {
            let known = before.get(&key).copied();
            let since = known.filter(|since| now.since(*since) < AGAIN);
            if since.is_none() {
                wake.push(key.clone());
            }
            self.0.insert(key, since.unwrap_or(now));
        }
        wake
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

#[cfg(test)]
mod tests {
    use domain::ids::{GroupId, HomeEpoch};

    use super::*;

    fn key(number: u128) -> GroupKey {
        GroupKey {
            tenant: "acme".parse().unwrap(),
            id: GroupId::new(domain::ids::ColoId(1), number),
            epoch: HomeEpoch(0),
        }
    }

    #[test]
    fn who_was_woken_is_left_alone_until_it_must_have_failed() {
        let (mut woken, at) = (Woken::default(), Mono::from_ms);
        let due = || [key(1), key(2)].into_iter();
        assert_eq!(woken.wake(due(), at(0)), [key(1), key(2)]);
        assert!(woken.wake(due(), at(999)).is_empty());
        // One committed; it is forgotten, and woken at once when it is due again.
        assert_eq!(woken.wake([key(2)].into_iter(), at(1_000)), [key(2)]);
        assert_eq!(woken.wake(due(), at(1_100)), [key(1)]);
    }
}
