use super::*;
use crate::decide::{decide, expire};
use crate::draft::Draft;
use crate::event::{Ask, Event, Force};
use crate::fixture::{at, commit, event, group, secs, wall};
use crate::group::{Group, Phase, Wake};
use crate::hook::{Format, Hook, Point};
use crate::outbox::About;
use crate::verdict::{Gate, Outcome, Verdict, Word};

mod asked;
mod forced;
mod late;

const MINUTE: u64 = 60;

/// Bounds 2 to 10, steps of 3 up and 2 down, 10 min up, 30 min down, 5 min to report, help after an hour.
fn calm(desired: u32) -> Group {
    let mut group = group(2, 10, desired);
    group.config.circle.expand = Adjust::Change(3);
    group.config.circle.deflate = Adjust::Change(-2);
    group
}

fn signal(n: u64, standing: Standing) -> Signal {
    Signal {
        alert: AlertKey(n),
        name: format!("alert {n}"),
        standing,
        severity: Severity::Critical,
        action: Action::Step(None),
        missing: Missing::OutOnly,
        hearing: None,
        at: None,
    }
}

fn warning(n: u64, action: Action) -> Signal {
    Signal {
        severity: Severity::Warning,
        action,
        ..signal(n, Standing::Open)
    }
}

/// Says something of an alert at that second, and gives the verdict.
fn say(group: &mut Group, second: u64, signal: Signal) -> Verdict {
    let id = format!("a-{}-{:?}-{second}", signal.alert, signal.standing);
    let ask = Ask::Alert(Box::new(signal));
    let event = Event {
        id: id.parse().expect("an id"),
        ..event("x", ask, Force::No, second)
    };
    pass(group, second, &[event])
        .into_iter()
        .next()
        .expect("one verdict")
}

/// One pass of an owner: turns that are due, then events, then a commit.
fn pass(group: &mut Group, second: u64, events: &[Event]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    commit(
        group,
        |draft: &mut Draft<'_>| {
            expire(draft);
            let mut all = events.to_vec();
            all.extend(fire(draft));
            decide(draft, &all);
            verdicts = draft.verdicts().to_vec();
        },
        at(second),
    );
    verdicts
}

/// Lets the timers run until `until`: only when the group asks to be woken. Gives each turn's second, kind and size after it.
fn run(group: &mut Group, until: u64) -> Vec<(u64, Turn, u32)> {
    let mut seen = Vec::new();
    for _ in 0..200 {
        let Wake::At(next) = group.state.wake() else {
            break;
        };
        let second = next.since(wall(0)).as_secs();
        if second > until {
            break;
        }
        for verdict in pass(group, second, &[]) {
            if let Ask::Turn(turn) = verdict.ask {
                assert!(verdict.outcome != Outcome::Unchanged, "{verdict:?}");
                seen.push((second, turn, verdict.after.0));
            }
        }
    }
    seen
}

fn look(group: &Group) -> Option<u64> {
    let next = group.state.alerts.as_ref()?.next?;
    Some(next.since(wall(0)).as_secs())
}

/// A defect of the pack (S10): an alert waited for the next poll.
#[test]
fn an_alert_that_opens_steps_up_at_once() {
    let mut group = calm(2);
    let verdict = say(&mut group, 0, signal(1, Standing::Open));
    assert_eq!(
        (verdict.outcome, verdict.before.0, verdict.after.0),
        (Outcome::Applied, 2, 5)
    );
    assert_eq!(
        look(&group),
        Some(10 * MINUTE),
        "and it shows when it looks again"
    );
}

/// Defects of the pack: an expand overshot max by all but one of its step, a deflate undershot min, and neither state ended.
#[test]
fn the_circle_grows_to_max_while_open_and_shrinks_to_min_after_it() {
    let mut group = calm(2);
    say(&mut group, 0, signal(1, Standing::Open));
    let up = run(&mut group, 55 * MINUTE);
    assert_eq!(
        up,
        [(600, Turn::Expand, 8), (1200, Turn::Expand, 10)],
        "then it is at max, and sleeps"
    );
    let closed = say(&mut group, 40 * MINUTE, signal(1, Standing::Closed));
    assert_eq!(closed.outcome, Outcome::Noted);
    assert_eq!(
        look(&group),
        Some(20 * MINUTE + 30 * MINUTE),
        "the last scale-out postpones it"
    );
    let down = run(&mut group, 24 * 3600);
    let (seconds, sizes): (Vec<u64>, Vec<u32>) = down
        .iter()
        .map(|(second, _, size)| (*second / MINUTE, *size))
        .unzip();
    assert_eq!(sizes, [8, 6, 4, 2]);
    assert_eq!(seconds, [50, 80, 110, 140]);
    assert_eq!(
        group.state.alerts, None,
        "at min there is nothing to circle for"
    );
}

#[test]
fn recovery_is_reported_late_and_one_that_does_not_last_gives_nothing_up() {
    let mut group = calm(2);
    say(&mut group, 0, signal(1, Standing::Open));
    say(&mut group, 60 * MINUTE, signal(1, Standing::Closed));
    group.config.circle.deflate_delay = secs(60);
    assert_eq!(
        pass(&mut group, 64 * MINUTE, &[]),
        [],
        "within the report delay"
    );
    let again = say(&mut group, 64 * MINUTE, signal(1, Standing::Open));
    assert_eq!(
        (again.outcome, again.after.0),
        (Outcome::Applied, 8),
        "the up window passed long ago"
    );
}

/// A defect of the pack: its recovery rule listened to the wrong trigger, so that an incident never ended.
#[test]
fn the_end_of_the_last_alert_ends_the_incident_whichever_it_is() {
    let mut group = calm(2);
    say(&mut group, 0, signal(1, Standing::Open));
    say(&mut group, 1, signal(2, Standing::Open));
    say(&mut group, 2, signal(1, Standing::Closed));
    let alerts = group.state.alerts.clone().expect("one is open");
    assert!(alerts.open.is_some() && alerts.over.is_none());
    say(&mut group, 3, signal(2, Standing::Closed));
    let alerts = group
        .state
        .alerts
        .clone()
        .expect("something is to be given up");
    assert!(alerts.open.is_none() && alerts.over.is_some());
}

#[test]
fn several_alerts_on_one_group_do_not_multiply() {
    let mut group = calm(2);
    for n in 0..50 {
        let verdict = say(&mut group, n, signal(n, Standing::Open));
        let expected = if n == 0 {
            Outcome::Applied
        } else {
            Outcome::Waiting
        };
        assert_eq!(verdict.outcome, expected, "{n}");
    }
    assert_eq!(group.state.desired.0, 5);
    assert_eq!(run(&mut group, 10 * MINUTE), [(600, Turn::Expand, 8)]);
}

#[test]
fn the_same_alert_again_says_when_the_group_looks() {
    let mut group = calm(2);
    say(&mut group, 0, signal(1, Standing::Open));
    let again = say(&mut group, 60, signal(1, Standing::Open));
    assert_eq!(again.outcome, Outcome::Waiting);
    let last = again.words.last().expect("a word");
    assert_eq!((last.gate, last.word), (Gate::Alert, Word::Wait(secs(540))));
}

#[test]
fn what_is_worse_does_not_wait_for_what_was_done_about_less() {
    let mut group = calm(2);
    let small = warning(1, Action::Step(Some(Adjust::Change(1))));
    assert_eq!(say(&mut group, 0, small.clone()).after.0, 3);
    assert_eq!(
        say(
            &mut group,
            1,
            Signal {
                alert: AlertKey(2),
                ..small
            }
        )
        .outcome,
        Outcome::Waiting
    );
    assert_eq!(say(&mut group, 2, signal(3, Standing::Open)).after.0, 6);
    assert_eq!(
        say(&mut group, 3, signal(4, Standing::Open)).outcome,
        Outcome::Waiting
    );
}

#[test]
fn a_warning_that_is_only_told_grows_nothing_and_keeps_what_is_there() {
    let mut group = calm(8);
    assert_eq!(
        say(&mut group, 0, warning(1, Action::Notify)).outcome,
        Outcome::Noted
    );
    say(&mut group, 1, signal(2, Standing::Open));
    say(&mut group, 2, signal(2, Standing::Closed));
    let turns = run(&mut group, 7 * 3600);
    assert!(
        turns.iter().all(|(_, turn, _)| *turn == Turn::Escalate),
        "{turns:?}"
    );
    assert_eq!(
        say(&mut group, 8 * 3600, warning(3, Action::Nothing)).outcome,
        Outcome::Noted
    );
    say(&mut group, 8 * 3600, signal(1, Standing::Closed));
    assert!(!run(&mut group, 10 * 3600).is_empty());
}

#[test]
fn help_is_called_once_when_alerts_last_and_nobody_knows() {
    let mut group = calm(10);
    say(&mut group, 0, signal(1, Standing::Open));
    assert_eq!(run(&mut group, 5 * 3600), [(3600, Turn::Escalate, 10)]);
    let mut group = calm(10);
    say(&mut group, 0, signal(1, Standing::Open));
    say(&mut group, 60, signal(1, Standing::Acknowledged));
    assert_eq!(run(&mut group, 5 * 3600), []);
}

#[test]
fn the_hooks_of_a_group_are_told_of_help_that_is_needed_and_of_its_end() {
    let mut group = calm(10);
    let hook = Hook {
        points: [Point::Escalated].into(),
        format: Format::PagerDuty,
        url: "https://receiver.example/".to_owned(),
        wait: None,
        skippable: false,
        enabled: true,
        keys: Vec::new(),
    };
    group
        .config
        .hooks
        .insert("pager".parse().expect("an id"), hook);
    say(&mut group, 0, signal(1, Standing::Open));
    run(&mut group, 2 * 3600);
    say(&mut group, 3 * 3600, signal(1, Standing::Closed));
    let told: Vec<(String, bool)> = group
        .outbox
        .values()
        .filter_map(|delivery| match &delivery.about {
            About::Incident { id, over, .. } => Some((id.clone(), *over)),
            About::Server { .. } | About::Size { .. } | About::Trouble { .. } => None,
        })
        .collect();
    let [(first, false), (second, true)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(first, second, "one id opens and resolves");
}

#[test]
fn no_data_is_no_recovery() {
    let mut group = calm(2);
    say(&mut group, 0, signal(1, Standing::Open));
    say(&mut group, 60, signal(1, Standing::Unknown));
    assert_eq!(run(&mut group, 24 * 3600), [], "neither up nor down");
    assert_eq!(group.state.desired.0, 5);
    say(&mut group, 25 * 3600, signal(1, Standing::Closed));
    assert_eq!(
        look(&group),
        Some(25 * 3600 + 300),
        "the delays begin with the end"
    );
}

#[test]
fn a_silent_input_holds_floors_or_lets_grow_as_it_was_told() {
    let silent = |missing| Signal {
        missing,
        hearing: Some(secs(120)),
        ..signal(1, Standing::Spare)
    };
    // Lets others grow, and gives nothing up.
    let mut group = calm(4);
    say(&mut group, 0, silent(Missing::OutOnly));
    assert_eq!(say(&mut group, 200, signal(2, Standing::Open)).after.0, 7);
    say(&mut group, 300, signal(2, Standing::Closed));
    assert_eq!(run(&mut group, 24 * 3600), []);
    // Holds.
    let mut group = calm(4);
    say(&mut group, 0, silent(Missing::Hold));
    let held = say(&mut group, 200, signal(2, Standing::Open));
    assert_eq!(held.outcome, Outcome::Waiting);
    assert_eq!(held.words.last().map(|said| said.gate), Some(Gate::Missing));
    // Has a floor, and by itself.
    let mut group = calm(4);
    say(&mut group, 0, silent(Missing::Floor(Size(6))));
    assert_eq!(run(&mut group, 24 * 3600), [(120, Turn::Floor(Size(6)), 6)]);
}

#[test]
fn room_to_spare_gives_servers_up_without_an_alert_and_stops_when_it_is_gone() {
    let mut group = calm(8);
    say(&mut group, 0, signal(1, Standing::Spare));
    assert_eq!(run(&mut group, 20 * MINUTE), [(300, Turn::Deflate, 6)]);
    say(&mut group, 21 * MINUTE, signal(1, Standing::Steady));
    assert_eq!(run(&mut group, 24 * 3600), []);
    say(&mut group, 25 * 3600, signal(1, Standing::Spare));
    assert_eq!(group.state.desired.0, 6);
    assert_eq!(run(&mut group, 25 * 3600 + 60).len(), 1);
}

#[test]
fn a_manual_scale_out_postpones_scale_in_too() {
    let mut group = calm(6);
    say(&mut group, 0, signal(1, Standing::Open));
    say(&mut group, 10, signal(1, Standing::Closed));
    let more = event(
        "more",
        Ask::Adjust(Adjust::Change(1)),
        Force::No,
        25 * MINUTE,
    );
    pass(&mut group, 25 * MINUTE, &[more]);
    assert_eq!(look(&group), Some(55 * MINUTE));
}

#[test]
fn a_paused_group_hears_and_acts_when_it_is_resumed() {
    let mut group = calm(2);
    group.state.phase = Phase::Paused;
    let verdict = say(&mut group, 0, signal(1, Standing::Open));
    assert_eq!(verdict.outcome, Outcome::Paused);
    say(&mut group, 1, signal(2, Standing::Open));
    say(&mut group, 2, signal(2, Standing::Closed));
    assert_eq!(group.state.wake(), Wake::Never);
    group.state.phase = Phase::Running;
    let turns = pass(&mut group, 60, &[]);
    assert_eq!(
        turns.iter().map(|turn| turn.after.0).collect::<Vec<_>>(),
        [5]
    );
    group.state.phase = Phase::Deleting;
    pass(&mut group, 70, &[]);
    assert_eq!(group.state.alerts, None);
}

#[test]
fn a_turn_that_an_event_overtook_does_nothing() {
    let mut group = calm(2);
    say(&mut group, 0, signal(1, Standing::Open));
    let over = Event {
        id: "over".parse().expect("an id"),
        ..event(
            "x",
            Ask::Alert(Box::new(signal(1, Standing::Closed))),
            Force::No,
            600,
        )
    };
    let verdicts = pass(&mut group, 600, &[over]);
    let outcomes: Vec<Outcome> = verdicts.iter().map(|verdict| verdict.outcome).collect();
    assert_eq!(outcomes, [Outcome::Noted, Outcome::Unchanged]);
    assert_eq!(group.state.desired.0, 5);
}

#[test]
fn more_alerts_than_are_remembered_change_nothing_for_those_that_are() {
    let mut group = calm(2);
    let most = u64::try_from(ALERTS_MAX).expect("a small number");
    for n in 0..=most {
        say(&mut group, n, signal(n, Standing::Open));
    }
    let known = |group: &Group| group.state.alerts.as_ref().map(|alerts| alerts.known.len());
    assert_eq!(known(&group), Some(ALERTS_MAX));
    let one_too_many = say(&mut group, 10 * MINUTE, signal(most + 1, Standing::Open));
    assert_eq!(one_too_many.outcome, Outcome::Waiting);
    assert_eq!(
        say(&mut group, 10 * MINUTE, signal(most + 1, Standing::Closed)).outcome,
        Outcome::Unchanged
    );
}

#[test]
fn a_call_without_state_steps_once_and_leaves_nothing_open() {
    let mut group = calm(2);
    let once = Signal {
        action: Action::Step(Some(Adjust::Change(2))),
        ..signal(1, Standing::Once)
    };
    assert_eq!(say(&mut group, 0, once.clone()).after.0, 4);
    assert_eq!(group.state.alerts, None);
    group.config.cooldown = secs(60);
    assert_eq!(say(&mut group, 30, once).outcome, Outcome::Cooldown);
}

/// A defect of the pack: a refused expand left the group expanding for a quarter of an hour.
#[test]
fn what_a_cooldown_refuses_is_done_when_the_cooldown_is_over() {
    let mut group = calm(2);
    group.config.cooldown = secs(120);
    group.state.clocks.group = Some(wall(0));
    assert_eq!(
        say(&mut group, 60, signal(1, Standing::Open)).outcome,
        Outcome::Cooldown
    );
    assert_eq!(run(&mut group, 120), [(120, Turn::Expand, 5)]);
}

/// A defect of the pack: a deflate never noted that it was done, so the next one followed when a lock expired.
#[test]
fn a_pass_that_finds_nothing_due_changes_nothing() {
    let mut group = calm(2);
    say(&mut group, 0, signal(1, Standing::Open));
    for second in [1, 2, 300, 599] {
        let before = group.clone();
        let mut draft = Draft::new(&before, at(second));
        expire(&mut draft);
        assert_eq!(fire(&mut draft), None);
        decide(&mut draft, &[]);
        assert!(draft.is_empty(), "{second}");
    }
}

#[test]
fn a_new_maximum_makes_the_circle_go_on() {
    let mut group = calm(10);
    say(&mut group, 0, signal(1, Standing::Open));
    assert_eq!(group.state.desired.0, 10);
    run(&mut group, 2 * 3600);
    assert_eq!(group.state.wake(), Wake::Never);
    group.config.bounds = crate::capacity::Bounds::new(Size(2), Size(12)).expect("bounds");
    let turns = pass(&mut group, 3 * 3600, &[]);
    assert_eq!(
        turns.iter().map(|turn| turn.after.0).collect::<Vec<_>>(),
        [12]
    );
}

#[test]
fn the_id_of_a_turn_is_one_that_no_caller_may_give() {
    let mut group = calm(2);
    say(&mut group, 0, signal(1, Standing::Open));
    let turns = pass(&mut group, 10 * MINUTE, &[]);
    assert_eq!(turns.len(), 1);
    assert!(
        crate::event::is_own(&turns[0].event),
        "{:?}",
        turns[0].event
    );
}
