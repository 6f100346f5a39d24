//! The surge guard: when very many groups ask for more servers at once, something outside is wrong more likely than all of them are right
//! (design 7; the architecture text's worry after EBS 2011). Pure: time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ids::GroupId;
use domain::time::Mono;

/// Groups count that asked within this.
const WITHIN: Duration = Duration::from_secs(300);
/// Fewer are no surge, however small the colo.
const GROUPS_MIN: usize = 20;
/// More than one in so many of all groups is a surge.
const PART: usize = 5;
/// It is over when the cloud did well for so long with no such crowd.
const WELL_FOR: Duration = Duration::from_secs(120);

/// Who asked lately, and whether that is too many.
#[derive(Debug, Default)]
pub(super) struct Surge {
    asked: BTreeMap<GroupId, Mono>,
    /// None: they were not counted yet, and a crowd cannot be told from a few of many.
    groups: Option<usize>,
    is_on: bool,
    well_since: Option<Mono>,
    /// What came before this belongs to a surge that is over.
    from: Mono,
}

impl Surge {
    /// A group asked for more. Schedules do not come here: their owner chose the hour.
    pub(super) fn asked_up(&mut self, group: GroupId, now: Mono) {
        self.asked.insert(group, now);
    }

    /// So many groups there are.
    pub(super) fn groups(&mut self, count: usize) {
        self.groups = Some(count);
    }

    /// Whether the colo is to be slowed. `well`: all workers see the cloud do well.
    pub(super) fn look(&mut self, now: Mono, well: bool) -> bool {
        let from = self.from;
        self.asked
            .retain(|_, at| now.since(*at) < WITHIN && *at >= from);
        let asked = self.asked.len();
        let is_part = |groups: usize| asked * PART > groups.max(asked);
        let is_crowd = asked >= GROUPS_MIN && self.groups.is_some_and(is_part);
        if is_crowd && !self.is_on {
            self.is_on = true;
            self.well_since = None;
        }
        if !self.is_on {
            return false;
        }
        // A crowd that keeps the cloud well is no danger: it ends by the cloud's health, not by the crowd's patience.
        self.well_since = if well {
            self.well_since.or(Some(now))
        } else {
            None
        };
        if self
            .well_since
            .is_some_and(|since| now.since(since) >= WELL_FOR)
        {
            self.is_on = false;
            self.from = now;
        }
        self.is_on
    }
}

#[cfg(test)]
mod tests;
