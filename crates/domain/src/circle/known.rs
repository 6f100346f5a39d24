//! What the known alerts add up to at one moment.

use std::collections::BTreeMap;

use super::{Action, Alerts, Known, Missing, Severity, Signal, Standing, late};
use crate::capacity::Size;
use crate::policy::Adjust;
use crate::time::Timestamp;

impl Known {
    pub(super) fn new(signal: &Signal, before: Option<&Self>, now: Timestamp) -> Self {
        let same = before.filter(|before| before.standing == signal.standing);
        // Whoever acknowledges, or knows nothing any more, says nothing new about how bad it is.
        let says_less = matches!(signal.standing, Standing::Acknowledged | Standing::Unknown);
        let kept = before.filter(|_| says_less);
        let severity = kept.map_or(signal.severity, |before| before.severity);
        let action = kept.map_or(signal.action, |before| before.action);
        Self {
            name: signal.name.clone(),
            standing: signal.standing,
            severity,
            action,
            missing: signal.missing,
            hearing: signal.hearing,
            since: same.map_or(now, |before| before.since),
            heard: now,
            at: late::told(signal, now).max(before.and_then(|before| before.at)),
        }
    }

    /// How it stands by now: who is not heard of when it should be is unknown.
    #[must_use]
    pub fn standing_at(&self, now: Timestamp) -> Standing {
        match self.hearing {
            Some(every) if self.heard.rest(every, now).is_zero() => Standing::Unknown,
            Some(_) | None => self.standing,
        }
    }

    /// Whether something is wrong, as far as is known.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        match self.standing_at(now) {
            Standing::Open | Standing::Acknowledged => true,
            Standing::Steady
            | Standing::Spare
            | Standing::Closed
            | Standing::Unknown
            | Standing::Once => false,
        }
    }
}

impl Alerts {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            began: now,
            known: BTreeMap::new(),
            open: None,
            over: None,
            stepped: None,
            escalated: false,
            asked: false,
            turns: 0,
            next: None,
        }
    }
}

/// The known alerts at one moment, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent questions, each asked by its name"
)]
pub(super) struct Sum {
    /// The worst open alert for which the group is to step up, and by how much.
    pub(super) step: Option<(Severity, Option<Adjust>)>,
    /// One is open.
    pub(super) open: bool,
    /// One is open that no person knows of.
    pub(super) unattended: bool,
    /// The group does not grow.
    pub(super) held: bool,
    /// The group gives nothing up.
    pub(super) kept: bool,
    /// Nobody knows how one stands.
    pub(super) unknown: bool,
    /// One says that there is room to spare.
    pub(super) spare: bool,
    /// The group has at least so many servers.
    pub(super) floor: Option<Size>,
}

impl Sum {
    pub(super) fn of(alerts: &Alerts, now: Timestamp) -> Self {
        let mut sum = Self::default();
        for known in alerts.known.values() {
            sum.add(known, now);
        }
        sum
    }

    fn add(&mut self, known: &Known, now: Timestamp) {
        match known.standing_at(now) {
            Standing::Open | Standing::Acknowledged => {
                self.open = true;
                self.kept = true;
                self.unattended |= known.standing == Standing::Open;
                let worse = self
                    .step
                    .is_none_or(|(severity, _)| known.severity > severity);
                match known.action {
                    Action::Step(by) if worse => self.step = Some((known.severity, by)),
                    Action::Step(_) | Action::Notify | Action::Nothing => {}
                }
            }
            Standing::Steady => self.kept = true,
            Standing::Unknown => {
                self.kept = true;
                self.unknown = true;
                match known.missing {
                    Missing::OutOnly => {}
                    Missing::Hold => self.held = true,
                    Missing::Floor(size) => self.floor = self.floor.max(Some(size)),
                }
            }
            Standing::Spare => self.spare = true,
            Standing::Closed | Standing::Once => {}
        }
    }
}
