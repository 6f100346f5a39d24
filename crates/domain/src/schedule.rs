//! When a policy runs by itself: once at a moment, or as a cron text says, in UTC (contract 2.5 and 3.5).
//!
//! The next time of each scheduled policy stands in the group's state ([`arm`] puts it there whenever the configuration changes). [`fire`] turns what is
//! due into events and moves the times on; the commit that holds the verdicts holds the new times too, so that nothing runs
//! twice and nothing is lost, whoever dies. An outage makes one late run, not a burst.

mod cron;

use std::collections::BTreeMap;

pub use cron::{BadCron, Cron};

use crate::draft::Draft;
use crate::event::{Actor, ActorKind, Ask, Event, Force, OF_SCHEDULES};
use crate::group::{Config, Phase};
use crate::ids::{PolicyId, RequestHash};
use crate::policy::Trigger;
use crate::time::Timestamp;

/// When a policy runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Once. A moment that was missed is made up for, however late (contract row B123).
    At(Timestamp),
    /// Again and again. Of several times that were missed, one is made up for.
    Cron(Cron),
}

impl Schedule {
    /// The first time strictly after `after`; none: never again.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(*at).filter(|at| *at > after),
            Self::Cron(cron) => cron.next(after),
        }
    }
}

fn of<'c>(config: &'c Config, id: &PolicyId) -> Option<&'c Schedule> {
    match config.policies.get(id).map(|policy| &policy.trigger) {
        Some(Trigger::Schedule(schedule)) => Some(schedule),
        Some(Trigger::Webhook | Trigger::Monitoring) | None => None,
    }
}

/// Next times for what `after` schedules newly or differently than `before`; what neither added nor changed keeps its time (contract 9.2 row 10).
pub(crate) fn arm(
    times: &mut BTreeMap<PolicyId, Timestamp>,
    before: Option<&Config>,
    after: &Config,
    now: Timestamp,
) {
    times.retain(|id, _| of(after, id).is_some());
    for id in after.policies.keys() {
        let Some(schedule) = of(after, id) else {
            continue;
        };
        if before.and_then(|before| of(before, id)) == Some(schedule) {
            continue;
        }
        match schedule.next(now) {
            Some(next) => times.insert(id.clone(), next),
            None => times.remove(id),
        };
    }
}

/// The next times of cron texts that a clock which was ahead moved too far (I8): later than the second time from now on, which the next one may
/// be by a clock that is a little behind. Each with the time that it has to have. If that has run within the last 25 h, it is not run twice: its event
/// has its verdict still.
fn astray(
    config: &Config,
    times: &BTreeMap<PolicyId, Timestamp>,
    now: Timestamp,
) -> impl Iterator<Item = (PolicyId, Timestamp)> {
    times.iter().filter_map(move |(id, at)| {
        let Some(Schedule::Cron(cron)) = of(config, id) else {
            return None;
        };
        let next = cron.next(now).filter(|next| next < at)?;
        let second = cron.next(next)?;
        (second < *at).then(|| (id.clone(), next))
    })
}

/// Whether a clock that was ahead moved a schedule so far that only the group's owner, in its next pass, brings it back.
pub(crate) fn is_astray(
    config: &Config,
    times: &BTreeMap<PolicyId, Timestamp>,
    now: Timestamp,
) -> bool {
    astray(config, times, now).next().is_some()
}

/// Brings back the times of schedules that a clock which was ahead moved too far.
///
/// It goes through every cron text, so it is not for passes that somebody's events cause; the full pass wakes a group that needs it ([`Group::rests_at`](crate::group::Group::rests_at)).
pub fn correct(draft: &mut Draft<'_>) {
    let now = draft.now().wall;
    let astray: Vec<_> = astray(draft.config(), &draft.state.timers, now).collect();
    draft.state.timers.extend(astray);
}

/// The events of schedules that are due, at most `room`, earliest first; their next times are set with them. The rest is due still.
///
/// An event's id is made of the policy and the planned time, so that it is decided once. A group that is being deleted runs none.
pub fn fire(draft: &mut Draft<'_>, room: usize) -> Vec<Event> {
    match draft.state.phase {
        Phase::Running | Phase::Paused => {}
        Phase::Deleting | Phase::Tombstone => {
            draft.state.timers.clear();
            return Vec::new();
        }
    }
    let now = draft.now().wall;
    let mut due: Vec<(Timestamp, PolicyId)> = draft
        .state
        .timers
        .iter()
        .filter(|(_, at)| **at <= now)
        .map(|(id, at)| (*at, id.clone()))
        .collect();
    due.sort_unstable();
    due.truncate(room);
    let fired = due.into_iter().filter_map(|(at, id)| {
        // By a clock that is behind, the next time is counted from the time that was planned.
        let next = of(draft.config(), &id).and_then(|schedule| schedule.next(now.max(at)));
        match next {
            Some(next) => draft.state.timers.insert(id.clone(), next),
            None => draft.state.timers.remove(&id),
        };
        event(&id, at)
    });
    fired.collect()
}

/// None only for an id that no event can have; a policy's id is short enough.
fn event(policy: &PolicyId, at: Timestamp) -> Option<Event> {
    Some(Event {
        id: format!("{OF_SCHEDULES}{policy}-{}", at.unix_ms())
            .parse()
            .ok()?,
        request: RequestHash([0; 32]),
        ask: Ask::Policy(policy.clone()),
        force: Force::No,
        actor: Actor {
            kind: ActorKind::Schedule,
            name: policy.to_string(),
            request_id: String::new(),
            from: None,
        },
        received: at,
        // However late: contract row B123.
        valid_until: Timestamp::from_unix_ms(u64::MAX >> 1),
        trace: None,
    })
}

#[cfg(test)]
mod tests;
