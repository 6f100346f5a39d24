//! Alerts that open and close at random, whatever the weather, and what a group promises about them.
//!
//! It acts at once and again, has one window for
//! growing, gives nothing up while one is open, puts scale-in off after every growth, and comes to rest when all are over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::Entropy;
use chassis::spawn::TaskHandle;
use domain::circle::{Action, AlertKey, Circle, Missing, Severity, Signal, Standing, Turn};
use domain::event::{Ask, Force};
use domain::group::{Group, Phase};
use domain::ids::GroupKey;
use domain::policy::Adjust;
use domain::time::Timestamp;
use domain::verdict::{Outcome, Verdict};

use super::client::{Post, event};
use super::strike::{Blow, index};
use super::world::World;

/// Between two growths for alerts.
const EXPAND_DELAY: Duration = Duration::from_secs(120);
/// From any change of size to the next step down.
const DEFLATE_DELAY: Duration = Duration::from_secs(60);
/// Longest pause between two things that monitoring says.
const PACE: Duration = Duration::from_secs(150);
/// Alerts of one group.
const ALERTS: u64 = 3;
/// Wall clocks of two processes differ by so much without any fault.
const SKEW: Duration = Duration::from_secs(3);

/// How every group circles.
pub(super) fn circle() -> Circle {
    Circle {
        expand: Adjust::Change(2),
        expand_delay: EXPAND_DELAY,
        deflate: Adjust::Change(-1),
        deflate_delay: DEFLATE_DELAY,
        report_delay: Duration::from_secs(45),
        escalate_after: Some(Duration::from_secs(300)),
    }
}

/// Says of alerts that they are open, known of, not to be seen or over, and when the fair period begins that all are over.
pub(super) fn monitor(world: &Arc<World>, keys: &[GroupKey]) {
    let (world, keys) = (Arc::clone(world), keys.to_vec());
    let root = world.root.clone();
    drop(root.tasks.spawn("monitor", watch(world, keys)));
}

async fn watch(world: Arc<World>, keys: Vec<GroupKey>) {
    let (clock, dice) = (world.root.clock.clone(), world.dice("monitor"));
    let end = chassis::Mono::START + world.schedule.foul;
    let mut said = Vec::new();
    let mut n = 0;
    while clock.mono() < end {
        clock.sleep(dice.up_to(PACE)).await;
        n += 1;
        let key = &keys[index(&dice, keys.len())];
        let alert = dice.below(ALERTS);
        let standing = match dice.below(8) {
            0..=3 => Standing::Open,
            4 => Standing::Acknowledged,
            5 => Standing::Unknown,
            _ => Standing::Closed,
        };
        said.push(say(&world, key, (n, alert, standing), &dice));
    }
    // An end that overtakes a beginning that nobody has acknowledged yet would leave the alert open for ever.
    for one in said {
        // One that ended with its run says nothing.
        one.join().await.unwrap_or_default();
    }
    clock.sleep_until(end + Duration::from_secs(5)).await;
    for key in &keys {
        for alert in 0..ALERTS {
            n += 1;
            drop(say(&world, key, (n, alert, Standing::Closed), &dice));
        }
    }
}

fn say(
    world: &Arc<World>,
    key: &GroupKey,
    (n, alert, standing): (u64, u64, Standing),
    dice: &Entropy,
) -> TaskHandle<()> {
    let signal = Signal {
        alert: AlertKey(alert),
        name: String::new(),
        standing,
        severity: Severity::Critical,
        action: Action::Step(None),
        missing: Missing::OutOnly,
        hearing: None,
        at: None,
    };
    let ask = Ask::Alert(Box::new(signal));
    let post = Post {
        world: Arc::clone(world),
        api: index(dice, world.schedule.size.apis),
        owner: index(dice, world.schedule.size.supervisors),
        key: key.clone(),
        event: event(world, &format!("alert-{n}"), ask, Force::No),
        sent: 0,
    };
    world.checker.tally("alert: said");
    world.root.tasks.spawn("alert", post.until_acknowledged())
}

/// What the verdicts of a group show, in the order in which they were decided.
pub(super) fn judge(world: &World, group: &Group, lines: &mut Vec<String>) {
    if world.schedule.case.is_some() {
        return;
    }
    let strikes = world.schedule.strikes.iter();
    let is_wrong = |blow: Blow| matches!(blow, Blow::Jump(..) | Blow::Drift(..));
    let mut seen = Seen {
        clocks_are_right: !strikes.into_iter().any(|strike| is_wrong(strike.blow)),
        ..Seen::default()
    };
    for verdict in world.store.verdicts(&group.key) {
        if let Some(turn) = turn_of(&verdict) {
            world.checker.tally(&format!("alert: turn {turn:?}"));
        }
        if let Some(why) = seen.judge(&verdict) {
            lines.push(format!(
                "alerts: group {}: {why}: {verdict:?}",
                group.key.id
            ));
        }
    }
    // A clock that is an hour ahead finds every event expired, the last end of an alert too.
    if seen.clocks_are_right
        && group.state.phase == Phase::Running
        && group.state.hold.is_none()
        && let Some(alerts) = &group.state.alerts
    {
        lines.push(format!(
            "alerts: group {} does not come to rest: wants {}, {alerts:?}",
            group.key.id, group.state.desired
        ));
    }
}

fn turn_of(verdict: &Verdict) -> Option<Turn> {
    match verdict.ask {
        Ask::Turn(turn) => Some(turn),
        Ask::Alert(_) | Ask::Policy(_) | Ask::Adjust(_) | Ask::Converge => None,
    }
}

/// What the verdicts so far have said.
#[derive(Debug, Default)]
struct Seen {
    clocks_are_right: bool,
    standing: BTreeMap<AlertKey, Standing>,
    grew: Option<Timestamp>,
}

impl Seen {
    /// Why a verdict breaks a promise, if it does.
    fn judge(&mut self, verdict: &Verdict) -> Option<&'static str> {
        let (grew, fell) = (
            verdict.after > verdict.before,
            verdict.after < verdict.before,
        );
        let since = self.grew.map(|at| verdict.at.since(at) + SKEW);
        let too_soon = |delay| self.clocks_are_right && since.is_some_and(|since| since < delay);
        let why = match (&verdict.ask, turn_of(verdict)) {
            (Ask::Alert(signal), _) if grew => {
                let known = self.standing.get(&signal.alert);
                if known == Some(&Standing::Open) {
                    Some("an alert that was open acted again")
                } else {
                    too_soon(EXPAND_DELAY).then_some("growth for alerts has one window")
                }
            }
            (_, Some(Turn::Expand)) if grew => {
                let open = self.standing.values().any(|s| *s != Standing::Unknown);
                if open {
                    too_soon(EXPAND_DELAY).then_some("growth for alerts has one window")
                } else {
                    Some("it grew, and nothing was open")
                }
            }
            (_, Some(Turn::Deflate)) if fell && !self.standing.is_empty() => {
                Some("servers were given up while an alert was open")
            }
            (_, Some(Turn::Deflate)) if fell => {
                too_soon(DEFLATE_DELAY).then_some("a scale-out postpones scale-in")
            }
            _ => None,
        };
        if grew {
            self.grew = Some(verdict.at);
        }
        self.hear(verdict);
        why
    }

    fn hear(&mut self, verdict: &Verdict) {
        let Ask::Alert(signal) = &verdict.ask else {
            return;
        };
        if matches!(verdict.outcome, Outcome::Expired | Outcome::Deleting) {
            return;
        }
        match signal.standing {
            Standing::Closed => {
                self.standing.remove(&signal.alert);
            }
            Standing::Open
            | Standing::Acknowledged
            | Standing::Unknown
            | Standing::Steady
            | Standing::Spare
            | Standing::Once => {
                self.standing.insert(signal.alert, signal.standing);
            }
        }
    }
}
