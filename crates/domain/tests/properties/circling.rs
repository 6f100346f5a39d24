//! What must hold while a group circles back for alerts.

use std::time::Duration;

use domain::circle::{Action, AlertKey, Missing, Severity, Signal, Standing, Turn, fire};
use domain::decide::{decide, expire};
use domain::draft::Draft;
use domain::event::{Ask, Event, Force};
use domain::group::{Cause, Group, Wake};
use domain::hook::{Format, Hook, Hooks, Point};
use domain::ids::{Fence, RequestHash};
use domain::outbox::{self, Sent};
use domain::policy::Adjust;
use domain::time::Timestamp;
use domain::verdict::Verdict;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestCaseResult, TestRunner};

use crate::deciding::Run;
use crate::world::{actor, at, new_group};

/// One thing that happens: which alert, how it stands (or a change by hand), how long after the one before, in seconds, and whether (0) nobody
/// woke the group in between, as when its supervisor was away.
type Small = (u8, u8, u64, u8);

fn smalls() -> impl Strategy<Value = Vec<Small>> {
    let after = prop::sample::select(vec![0, 1, 60, 299, 300, 600, 601, 1_800, 4_000]);
    prop::collection::vec((0..3u8, 0..8u8, after, 0..4u8), 1..25)
}

fn ask(small: Small) -> Ask {
    let standing = match small.1 {
        0..=2 => Standing::Open,
        3 => Standing::Acknowledged,
        4 => Standing::Unknown,
        5 | 6 => Standing::Closed,
        _ => return Ask::Adjust(Adjust::Change(if small.0 == 0 { -1 } else { 1 })),
    };
    Ask::Alert(Box::new(Signal {
        alert: AlertKey(small.0.into()),
        name: String::new(),
        standing,
        severity: Severity::Critical,
        action: Action::Step(Some(Adjust::Change(2))),
        missing: Missing::OutOnly,
        hearing: None,
        at: None,
    }))
}

/// What one verdict met and did.
struct Step {
    before: Group,
    verdict: Verdict,
    at: Timestamp,
}

/// Plays a history; between two events the group is woken whenever it asks to be, as a rule.
fn history(smalls: &[Small]) -> (Group, Vec<Step>, u64) {
    let mut group = new_group(1, (2, 9));
    let mut steps = Vec::new();
    let mut now = 1_000_000;
    for (n, small) in smalls.iter().enumerate() {
        let then = now + small.2 * 1_000;
        now = match small.3 {
            0 => then,
            _ => wake(&mut group, &mut steps, now, then),
        };
        pass(&mut group, &mut steps, now, &[event(n, *small, now)]);
    }
    (group, steps, now)
}

fn event(n: usize, small: Small, now: u64) -> Event {
    Event {
        id: format!("e{n}").parse().expect("an event id"),
        request: RequestHash([0; 32]),
        ask: ask(small),
        force: Force::No,
        actor: actor(),
        received: at(now).wall,
        valid_until: at(now).wall.plus(Duration::from_secs(600)),
        trace: None,
    }
}

/// Lets time go by to `then`, waking the group when it asks for it.
fn wake(group: &mut Group, steps: &mut Vec<Step>, from: u64, then: u64) -> u64 {
    let mut now = from;
    for _ in 0..1_000 {
        let Wake::At(next) = group.state.wake() else {
            break;
        };
        let origin = at(0).wall;
        let next = next.since(origin).as_millis();
        let next = u64::try_from(next).unwrap_or(u64::MAX).max(now);
        if next > then {
            break;
        }
        now = next;
        pass(group, steps, now, &[]);
    }
    then
}

fn pass(group: &mut Group, steps: &mut Vec<Step>, now: u64, events: &[Event]) {
    let before = group.clone();
    let mut draft = Draft::new(&before, at(now));
    expire(&mut draft);
    let turn = fire(&mut draft);
    let all: Vec<Event> = events.iter().cloned().chain(turn).collect();
    decide(&mut draft, &all);
    for verdict in draft.verdicts() {
        steps.push(Step {
            before: before.clone(),
            verdict: verdict.clone(),
            at: at(now).wall,
        });
    }
    group.fold(draft.finish(Cause::Events, actor()), Fence(0));
}

fn play(runner: &mut TestRunner, test: impl Fn(&[Step]) -> TestCaseResult) -> Run {
    let tested = runner.run(&smalls(), |smalls| test(&history(&smalls).1));
    tested.map_err(|error| error.to_string())
}

fn holds(yes: bool, why: &str, verdict: &Verdict) -> TestCaseResult {
    if yes {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("{why}: {verdict:?}")))
}

fn is_turn(verdict: &Verdict, wanted: Turn) -> bool {
    verdict.ask == Ask::Turn(wanted)
}

/// When desired last rose before a step.
fn rose(steps: &[Step]) -> Option<Timestamp> {
    let risen = steps
        .iter()
        .rev()
        .find(|step| step.verdict.after > step.verdict.before);
    risen.map(|step| step.at)
}

pub(crate) fn growth_for_alerts_has_one_window(runner: &mut TestRunner) -> Run {
    play(runner, |steps| {
        for (n, step) in steps.iter().enumerate() {
            let verdict = &step.verdict;
            let by_alert = matches!(verdict.ask, Ask::Alert(_) | Ask::Turn(_));
            if by_alert
                && verdict.after > verdict.before
                && let Some(last) = rose(&steps[..n])
            {
                let apart = step.at.since(last);
                holds(apart >= Duration::from_secs(600), "too soon", verdict)?;
            }
        }
        Ok(())
    })
}

pub(crate) fn an_alert_that_is_open_asks_for_nothing_new(runner: &mut TestRunner) -> Run {
    play(runner, |steps| {
        for step in steps {
            let Ask::Alert(signal) = &step.verdict.ask else {
                continue;
            };
            let known = step
                .before
                .state
                .alerts
                .as_ref()
                .and_then(|alerts| alerts.known.get(&signal.alert));
            if known.is_some_and(|known| known.standing == Standing::Open) {
                let quiet = step.verdict.after == step.verdict.before;
                holds(quiet, "it acted again", &step.verdict)?;
            }
        }
        Ok(())
    })
}

pub(crate) fn nothing_is_given_up_while_an_alert_is_open(runner: &mut TestRunner) -> Run {
    play(runner, |steps| {
        for step in steps
            .iter()
            .filter(|step| is_turn(&step.verdict, Turn::Deflate))
        {
            let alerts = step.before.state.alerts.as_ref();
            let open = alerts.is_some_and(|alerts| {
                alerts
                    .known
                    .values()
                    .any(|known| known.standing != Standing::Closed)
            });
            let fell = step.verdict.after < step.verdict.before;
            holds(!(open && fell), "given up", &step.verdict)?;
        }
        Ok(())
    })
}

pub(crate) fn a_scale_out_postpones_scale_in(runner: &mut TestRunner) -> Run {
    play(runner, |steps| {
        for (n, step) in steps.iter().enumerate() {
            let fell = step.verdict.after < step.verdict.before;
            if is_turn(&step.verdict, Turn::Deflate)
                && fell
                && let Some(last) = rose(&steps[..n])
            {
                let apart = step.at.since(last);
                holds(
                    apart >= Duration::from_secs(1_800),
                    "too soon",
                    &step.verdict,
                )?;
            }
        }
        Ok(())
    })
}

/// A group whose recovery is checked: what is asked is answered late, by the number of the alert.
pub(crate) fn nothing_is_given_up_before_whoever_is_asked_agrees(runner: &mut TestRunner) -> Run {
    let tested = runner.run(&smalls(), |smalls| {
        let mut group = new_group(1, (2, 9));
        group.config.hooks = probe();
        let (mut steps, mut now) = (Vec::new(), 1_000_000);
        for (n, small) in smalls.iter().enumerate() {
            now = wake(&mut group, &mut steps, now, now + small.2 * 1_000);
            if small.3 == 3 {
                answer(&mut group, now, small.0);
            }
            let event = event(n, *small, now);
            pass(&mut group, &mut steps, now, &[event]);
        }
        for step in steps
            .iter()
            .filter(|step| is_turn(&step.verdict, Turn::Deflate))
        {
            let fell = step.verdict.after < step.verdict.before;
            let asked = step.before.state.alerts.as_ref().is_some_and(|a| a.asked);
            let agreed = asked && step.before.outbox.is_empty();
            holds(agreed || !fell, "given up unasked", &step.verdict)?;
        }
        Ok(())
    });
    tested.map_err(|error| error.to_string())
}

fn probe() -> Hooks {
    let hook = Hook {
        points: [Point::Over].into(),
        format: Format::Probe,
        url: "https://shop.example/health".into(),
        wait: None,
        skippable: true,
        enabled: true,
        keys: Vec::new(),
    };
    Hooks::from([("well".parse().expect("an id"), hook)])
}

/// What was asked is answered: yes, not yet, or by nobody ever.
fn answer(group: &mut Group, now: u64, how: u8) {
    let sent = match how {
        0 => Sent::Taken,
        1 => Sent::Failed("503".into(), None),
        _ => Sent::Refused("410".into()),
    };
    let before = group.clone();
    let mut draft = Draft::new(&before, at(now));
    for (id, delivery) in &before.outbox {
        outbox::settle(&mut draft, *id, delivery.attempts(), &sent);
    }
    group.fold(draft.finish(Cause::Converge, actor()), Fence(0));
}

pub(crate) fn when_all_is_over_the_group_comes_to_min_and_sleeps(runner: &mut TestRunner) -> Run {
    let tested = runner.run(&smalls(), |mut smalls| {
        // An alert for certain, then every one of them over.
        smalls.push((0, 0, 0, 1));
        smalls.extend((0..3).map(|alert| (alert, 5, 1, 1)));
        let (mut group, mut steps, now) = history(&smalls);
        wake(&mut group, &mut steps, now, now + 7 * 86_400_000);
        prop_assert_eq!(group.state.desired, group.config.bounds.min());
        prop_assert_eq!(group.state.wake(), Wake::Never);
        prop_assert_eq!(&group.state.alerts, &None);
        Ok(())
    });
    tested.map_err(|error| error.to_string())
}
