use super::*;
use crate::calendar::{DAY_MS, days};
use crate::capacity::Size;
use crate::decide::decide;
use crate::fixture;
use crate::group::{Cause, Group, Wake};
use crate::policy::Adjust;
use crate::time::{Mono, Now};
use crate::verdict::Outcome;

fn moment((year, month, day): (u64, u64, u64), (hour, minute): (u64, u64)) -> Timestamp {
    Timestamp::from_unix_ms(days(year, month, day) * DAY_MS + (hour * 60 + minute) * 60_000)
}

fn now(wall: Timestamp) -> Now {
    let mono = Mono::from_ms(0);
    Now { wall, mono }
}

fn cron(text: &str) -> Cron {
    Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_cron_text_names_the_next_time_in_utc() {
    let noon = moment((2026, 11, 21), (12, 0));
    for (text, date, time) in [
        ("* * * * *", (2026, 11, 21), (12, 1)),
        ("0 * * * *", (2026, 11, 21), (13, 0)),
        ("0 12 * * *", (2026, 11, 22), (12, 0)),
        ("*/5 * * * *", (2026, 11, 21), (12, 5)),
        ("00 09-18 * * 1-5", (2026, 11, 23), (9, 0)),
        ("0 0 1 JAN *", (2027, 1, 1), (0, 0)),
        ("0 0 29 2 *", (2028, 2, 29), (0, 0)),
        ("0 0 31 * *", (2026, 12, 31), (0, 0)),
        ("0 0 l * *", (2026, 11, 30), (0, 0)),
        ("0 0 1 * 1", (2026, 11, 23), (0, 0)),
        ("0 0 0 0 0", (2027, 1, 1), (0, 0)),
        ("59 23 * * 7", (2026, 11, 22), (23, 59)),
    ] {
        assert_eq!(cron(text).next(noon), Some(moment(date, time)), "{text}");
    }
    let sundays = cron("0 0 0 0 0");
    let second = sundays.next(moment((2027, 1, 1), (0, 0)));
    assert_eq!(
        second,
        Some(moment((2027, 1, 3), (0, 0))),
        "a Sunday in January"
    );
    assert_eq!(
        cron("0 0 29 2 *").next(moment((2096, 3, 1), (0, 0))),
        Some(moment((2104, 2, 29), (0, 0))),
        "2100 is no leap year"
    );
}

/// As croniter 0.3.5 has it: `*` is 1 to 31 and 1 to 12, although a 0 may be written.
#[test]
fn a_step_over_all_days_or_months_begins_with_the_first() {
    let new_year = moment((2027, 1, 1), (0, 0));
    for (text, date) in [
        ("0 0 1 */3 *", (2027, 4, 1)),
        ("0 0 1 */2 *", (2027, 3, 1)),
        ("0 0 */2 * *", (2027, 1, 3)),
        ("0 0 */31 * *", (2027, 2, 1)),
        ("0 0 1 0-12/3 *", (2027, 3, 1)),
        ("0 0 * * */2", (2027, 1, 2)),
    ] {
        let next = cron(text).next(new_year);
        assert_eq!(next, Some(moment(date, (0, 0))), "{text}");
    }
}

#[test]
fn a_time_that_never_comes_is_refused() {
    for text in ["0 0 30 2 *", "0 0 31 2 *", "0 0 31 2,4,6,9,11 *"] {
        assert_eq!(Cron::parse(text), Err(BadCron::Never), "{text}");
    }
}

fn scheduled(schedules: &[(&str, Schedule)], at: Timestamp) -> Group {
    let mut group = fixture::group(0, 50, 10);
    for (id, schedule) in schedules {
        let mut policy = fixture::policy(id, Adjust::Change(1), 0, 0);
        policy.trigger = Trigger::Schedule(schedule.clone());
        group.config.policies.insert(policy.id.clone(), policy);
    }
    let mut draft = Draft::new(&group, now(at));
    draft.arm();
    let change = draft.finish(Cause::Create, fixture::actor());
    let fence = group.fence;
    group.fold(change, fence);
    group
}

/// What runs at `at`, and the group after it.
fn run(group: &mut Group, at: Timestamp, room: usize) -> Vec<Outcome> {
    let mut draft = Draft::new(group, now(at));
    correct(&mut draft);
    let events = fire(&mut draft, room);
    decide(&mut draft, &events);
    let outcomes = draft
        .verdicts()
        .iter()
        .map(|verdict| verdict.outcome)
        .collect();
    let change = draft.finish(Cause::Events, fixture::actor());
    let fence = group.fence;
    group.fold(change, fence);
    outcomes
}

#[test]
fn what_was_missed_runs_once_and_late() {
    let noon = moment((2026, 11, 21), (12, 0));
    let at = moment((2026, 11, 21), (12, 30));
    let each_minute = Schedule::Cron(cron("* * * * *"));
    let mut group = scheduled(&[("once", Schedule::At(at)), ("often", each_minute)], noon);
    assert_eq!(
        group.state.wake(),
        Wake::At(moment((2026, 11, 21), (12, 1)))
    );
    let late = moment((2026, 11, 22), (7, 0));
    assert_eq!(
        run(&mut group, late, 64),
        [Outcome::Applied; 2],
        "one run each"
    );
    assert_eq!(group.state.desired.0, 12);
    assert_eq!(run(&mut group, late, 64), []);
    assert_eq!(group.state.wake(), Wake::At(moment((2026, 11, 22), (7, 1))));
    assert_eq!(group.state.timers.len(), 1, "once is once");
}

#[test]
fn a_clock_that_is_behind_runs_nothing_twice() {
    let noon = moment((2026, 11, 21), (12, 0));
    let one = moment((2026, 11, 21), (13, 0));
    let mut group = scheduled(&[("hourly", Schedule::Cron(cron("0 * * * *")))], noon);
    assert_eq!(run(&mut group, one, 64), [Outcome::Applied]);
    let behind = moment((2026, 11, 21), (12, 59));
    assert_eq!(run(&mut group, behind, 64), []);
    assert_eq!(run(&mut group, one, 64), []);
}

#[test]
fn a_clock_that_was_ahead_does_not_silence_a_schedule() {
    let noon = moment((2026, 11, 21), (12, 0));
    let schedules = [
        ("often", Schedule::Cron(cron("* * * * *"))),
        ("once", Schedule::At(moment((2028, 1, 1), (0, 0)))),
        ("yearly", Schedule::Cron(cron("0 0 1 1 *"))),
    ];
    let mut group = scheduled(&schedules, noon);
    let armed = group.state.timers.clone();
    let ahead = moment((2027, 11, 21), (12, 0));
    assert_eq!(run(&mut group, ahead, 64), [Outcome::Applied; 2]);
    // It has no servers and wants none, so nothing but the full pass would find it.
    group.state.desired = Size::ZERO;
    assert!(group.rests_at(ahead) && !group.rests_at(noon));
    assert_eq!(run(&mut group, noon, 64), [], "nothing is due yet");
    assert!(group.rests_at(noon));
    let passed = moment((2026, 11, 21), (12, 2));
    assert!(!group.rests_at(passed), "nobody woke it for what is due");
    let next = |group: &Group, id: &str| group.state.timers.get(&text(id)).copied();
    for id in ["often", "once"] {
        assert_eq!(next(&group, id), armed.get(&text(id)).copied(), "{id}");
    }
    let second = Some(moment((2028, 1, 1), (0, 0)));
    assert_eq!(next(&group, "yearly"), second, "its next run was made");
}

fn text(id: &str) -> PolicyId {
    id.parse().expect("a policy id")
}

#[test]
fn more_than_fits_a_batch_runs_in_the_next_ones() {
    let noon = moment((2026, 11, 21), (12, 0));
    let at = moment((2026, 11, 21), (13, 0));
    let ids: Vec<String> = (0..30).map(|n| format!("p{n}")).collect();
    let all: Vec<_> = ids
        .iter()
        .map(|id| (id.as_str(), Schedule::At(at)))
        .collect();
    let mut group = scheduled(&all, noon);
    let batches: Vec<usize> = (0..4).map(|_| run(&mut group, at, 12).len()).collect();
    assert_eq!(batches, [12, 12, 6, 0]);
    assert_eq!(group.state.wake(), Wake::Never);
    assert_eq!(group.state.desired.0, 40);
}

#[test]
fn a_changed_schedule_forgets_its_old_time_and_an_unchanged_one_keeps_it() {
    let noon = moment((2026, 11, 21), (12, 0));
    let (one, two) = (
        moment((2026, 11, 21), (13, 0)),
        moment((2026, 11, 21), (14, 0)),
    );
    let mut group = scheduled(
        &[
            ("a", Schedule::At(one)),
            ("b", Schedule::At(one)),
            ("c", Schedule::At(one)),
        ],
        noon,
    );
    let mut config = group.config.clone();
    config.generation += 1;
    config.policies.retain(|id, _| id.as_str() != "c");
    for policy in config
        .policies
        .values_mut()
        .filter(|policy| policy.id.as_str() == "a")
    {
        policy.trigger = Trigger::Schedule(Schedule::At(two));
    }
    let mut draft = Draft::new(&group, now(noon));
    draft.configure(config);
    let change = draft.finish(Cause::Configure, fixture::actor());
    let fence = group.fence;
    group.fold(change, fence);
    let times: Vec<_> = group
        .state
        .timers
        .iter()
        .map(|(id, at)| (id.as_str(), *at))
        .collect();
    assert_eq!(times, [("a", two), ("b", one)]);
}

#[test]
fn a_paused_group_refuses_and_a_deleted_one_forgets() {
    let noon = moment((2026, 11, 21), (12, 0));
    let mut group = scheduled(&[("often", Schedule::Cron(cron("* * * * *")))], noon);
    group.state.phase = Phase::Paused;
    let next = moment((2026, 11, 21), (12, 1));
    assert_eq!(run(&mut group, next, 64), [Outcome::Paused]);
    assert_ne!(
        group.state.wake(),
        Wake::Never,
        "it goes on after the pause"
    );
    group.state.phase = Phase::Deleting;
    assert_eq!(run(&mut group, moment((2026, 11, 21), (12, 2)), 64), []);
    assert_eq!(group.state.wake(), Wake::Never);
}

#[test]
fn the_id_of_a_run_is_one_that_no_caller_may_give() {
    let (noon, one) = (
        moment((2026, 11, 21), (12, 0)),
        moment((2026, 11, 21), (13, 0)),
    );
    let group = scheduled(&[("once", Schedule::At(one))], noon);
    let mut draft = Draft::new(&group, now(one));
    let events = fire(&mut draft, 64);
    assert_eq!(events.len(), 1);
    assert!(crate::event::is_own(&events[0].id), "{:?}", events[0].id);
}
