//! What operators see of a supervisor: verdicts by outcome, the groups in memory and their servers, and what lists brought to light.

use std::sync::Arc;
use std::time::Duration;

use chassis::Metrics;
use chassis::metrics::{Counter, Gauge, Latency};
use domain::evidence::{Report, Watch};
use domain::group::{Group, HoldWhy, Phase};
use domain::hold;
use domain::slot::{self, GoneWhy, Slot};
use domain::time::Timestamp;
use domain::verdict::{Outcome, Verdict};

/// The supervisor's metrics.
#[derive(Debug)]
pub(crate) struct Counts {
    verdicts: [(Outcome, Counter); 12],
    groups: Gauge,
    degraded: Gauge,
    slots: Slots<Gauge>,
    adopted: Counter,
    surplus: Counter,
    disowned: Counter,
    strays: Counter,
    not_committed: Counter,
    commits: [(&'static str, Counter); COMMITS.len()],
    commit_took: Latency,
    inbox: Gauge,
    outbox: Gauge,
}

/// What may come of a commit: it is in the store, or a word of [`store::apply::Refused`].
const COMMITS: [&str; 6] = [
    COMMITTED,
    "refused",
    "missing",
    "store",
    "unknown",
    "contended",
];
pub(crate) const COMMITTED: &str = "committed";

/// One thing for each way in which a slot, or the lack of one, matters to operators.
#[derive(Debug, Clone, Default)]
struct Slots<T> {
    open: T,
    active: T,
    in_doubt: T,
    missing: T,
    held: T,
    leaving: T,
    stuck: T,
    disowned: T,
}

impl Counts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let verdict = |outcome: Outcome| {
            let labels = [("outcome", outcome.word())];
            let help = "Events that were decided, by outcome.";
            let counter = metrics.counter_with("supervisor_verdicts_total", help, &labels);
            (outcome, counter)
        };
        let slots = |state| {
            let help = "Slots of the groups in memory; missing are those that desired asks for and nobody has begun, held the same of groups that launch nothing for now for another reason than throttling, leaving those that are to be deleted, stuck those whose deletes do not take their server away, disowned those whose server shows our proof no more.";
            metrics.gauge_with("supervisor_slots", help, &[("state", state)])
        };
        Self {
            verdicts: Outcome::ALL.map(verdict),
            groups: metrics.gauge("supervisor_groups", "Groups in memory."),
            degraded: metrics.gauge(
                "supervisor_groups_degraded",
                "Groups in memory that launch nothing for now, for a reason that they show.",
            ),
            slots: Slots {
                open: slots("open"),
                active: slots("active"),
                in_doubt: slots("in_doubt"),
                missing: slots("missing"),
                held: slots("held"),
                leaving: slots("leaving"),
                stuck: slots("stuck"),
                disowned: slots("disowned"),
            },
            adopted: metrics.counter(
                "supervisor_servers_adopted_total",
                "Servers whose create was never answered, found in a list and bound.",
            ),
            surplus: metrics.counter(
                "supervisor_servers_surplus_total",
                "Servers that showed up late or twice and are deleted.",
            ),
            disowned: metrics.counter(
                "supervisor_servers_disowned_total",
                "Servers of our account without our proof: left alone, or given back where a slot had them; a person must look.",
            ),
            strays: metrics.counter(
                "supervisor_servers_stray_total",
                "Servers that prove a slot which the ledger does not have.",
            ),
            not_committed: metrics.counter(
                "supervisor_commits_failed_total",
                "Decisions that could not be committed, or of which nobody knows.",
            ),
            commits: COMMITS.map(|outcome| {
                let help = "Commits of owners, by what came of them.";
                let labels = [("outcome", outcome)];
                let counter = metrics.counter_with("supervisor_commits_total", help, &labels);
                (outcome, counter)
            }),
            commit_took: metrics.latency(
                "supervisor_commit_seconds_bucket",
                "How long commits took, with the reads and repetitions that they needed.",
                &[],
            ),
            inbox: metrics.gauge(
                "supervisor_inbox_events",
                "Events that were accepted while their owner was away, and wait for it.",
            ),
            outbox: metrics.gauge(
                "supervisor_outbox_messages",
                "Messages to hooks that nobody has taken yet.",
            ),
        }
    }

    /// A commit ended after so long.
    pub(crate) fn commit(&self, outcome: &'static str, took: Duration) {
        let mut counters = self.commits.iter();
        if let Some((_, counter)) = counters.find(|(word, _)| *word == outcome) {
            counter.increment();
        }
        self.commit_took.observe(took);
    }

    /// Events were decided.
    pub(crate) fn decided(&self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            let mut counters = self.verdicts.iter();
            if let Some((_, counter)) = counters.find(|(outcome, _)| *outcome == verdict.outcome) {
                counter.increment();
            }
        }
    }

    /// A list was weighed.
    pub(crate) fn weighed(&self, report: &Report) {
        let count = |of: usize| u64::try_from(of).unwrap_or(u64::MAX);
        self.adopted.add(count(report.adopted.len()));
        self.surplus.add(count(report.surplus.len()));
        self.strays.add(count(report.strays.len()));
    }

    /// A server of our account without our proof came to light, or was given up.
    pub(crate) fn disowned(&self) {
        self.disowned.increment();
    }

    /// Nothing was committed.
    pub(crate) fn refused(&self) {
        self.not_committed.increment();
    }

    /// A group came into memory.
    pub(crate) fn enter(self: &Arc<Self>) -> Share {
        self.groups.add(1);
        Share {
            counts: Arc::clone(self),
            slots: Slots::default(),
            degraded: 0,
            inbox: 0,
            outbox: 0,
        }
    }
}

/// What one group adds to the gauges; taken back when its owner goes, however it goes.
#[derive(Debug)]
pub(crate) struct Share {
    counts: Arc<Counts>,
    slots: Slots<i64>,
    degraded: i64,
    inbox: i64,
    outbox: i64,
}

impl Share {
    /// The group as it is now, and what its owner knows of deletes that came to nothing.
    pub(crate) fn set(&mut self, group: &Group, watch: &Watch, now: Timestamp) {
        let census = group.slots.census();
        let runs = group.state.phase == Phase::Running;
        // A hold that has ended stays in the state until a server enters service: it holds nothing, and nobody is shown it.
        let degraded = runs && hold::is_held(&group.state, now);
        let lack = i64::from(group.state.desired.0) - i64::from(census.wanted.0);
        let lack = if runs { lack.max(0) } else { 0 };
        // A hold for throttling is a few seconds long and begins anew with each create that is stopped at a worker: what such groups lack would never
        // be missing, however long a switch that only the workers know stands.
        let waits = degraded && !is_throttled(group);
        let (missing, held) = if waits { (0, lack) } else { (lack, 0) };
        let of = |is: &dyn Fn(&Slot) -> bool| count(group.slots.open().filter(|s| is(s)).count());
        let slots = Slots {
            open: census.open.0.into(),
            active: census.active.0.into(),
            in_doubt: census.in_doubt.0.into(),
            missing,
            held,
            leaving: i64::from(census.open.less(census.wanted).0),
            stuck: of(&|slot| watch.is_stuck_deleting(slot)),
            disowned: of(&|slot| slot.flags.disowned),
        };
        self.move_to(&slots, i64::from(degraded));
        self.wait(count(group.inbox.len()), count(group.outbox.len()));
    }

    fn wait(&mut self, inbox: i64, outbox: i64) {
        shift(&self.counts.inbox, &mut self.inbox, inbox);
        shift(&self.counts.outbox, &mut self.outbox, outbox);
    }

    fn move_to(&mut self, slots: &Slots<i64>, degraded: i64) {
        let (gauges, mine) = (&self.counts.slots, &mut self.slots);
        shift(&gauges.open, &mut mine.open, slots.open);
        shift(&gauges.active, &mut mine.active, slots.active);
        shift(&gauges.in_doubt, &mut mine.in_doubt, slots.in_doubt);
        shift(&gauges.missing, &mut mine.missing, slots.missing);
        shift(&gauges.held, &mut mine.held, slots.held);
        shift(&gauges.leaving, &mut mine.leaving, slots.leaving);
        shift(&gauges.stuck, &mut mine.stuck, slots.stuck);
        shift(&gauges.disowned, &mut mine.disowned, slots.disowned);
        shift(&self.counts.degraded, &mut self.degraded, degraded);
    }
}

fn is_throttled(group: &Group) -> bool {
    let hold = group.state.hold.as_ref();
    hold.is_some_and(|hold| hold.why == HoldWhy::Throttled)
}

fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

/// Whether a slot gives its server back because that one shows our proof no more: it runs on, is billed, and nobody asked for it.
pub(crate) fn is_given_up(slot: &Slot) -> bool {
    slot.flags.disowned && matches!(slot.state, slot::State::Gone(_, GoneWhy::HandedBack))
}

/// Moves a group's part of a gauge; most commits leave most of them where they are.
fn shift(gauge: &Gauge, from: &mut i64, to: i64) {
    if *from != to {
        gauge.add(to - *from);
        *from = to;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.move_to(&Slots::default(), 0);
        self.wait(0, 0);
        self.counts.groups.add(-1);
    }
}

#[cfg(test)]
mod tests;
