//! What must hold of decisions and their arithmetic.

use std::time::Duration;

use domain::capacity::{Bounds, Size};
use domain::decide::{decide, expire};
use domain::draft::Draft;
use domain::event::{Ask, Event, Force, Override};
use domain::group::{Cause, Group, Phase};
use domain::ids::{Fence, RequestHash};
use domain::policy::{Adjust, Percent, Policy};
use domain::time::Timestamp;
use domain::verdict::{Outcome, Verdict, Word};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestCaseResult, TestRunner};

use crate::world::{actor, at, new_group};

pub(crate) type Run = Result<(), String>;

/// One event, as little as a strategy needs to say: what is asked, of which of three policies or none, forced how, under which id,
/// how long after the one before.
pub(crate) type Small = (i64, u8, u8, u8, u64);

fn smalls() -> impl Strategy<Value = Vec<Small>> {
    let after = prop::sample::select(vec![0, 1000, 9000, 10_000, 29_000, 30_000, 60_000, 700_000]);
    prop::collection::vec((-6..7i64, 0..5u8, 0..6u8, 0..6u8, after), 1..12)
}

/// Bounds 2 to 8; policies a (cooldown 60 s), b (debounce 10 s) and c; group cooldown as given.
fn group(cooldown: u64) -> Group {
    let mut group = new_group(1, (2, 8));
    group.config.cooldown = Duration::from_secs(cooldown);
    for (id, change, cooldown, debounce) in [("a", 2, 60, 0), ("b", -3, 0, 10), ("c", 1, 0, 0)] {
        let policy = Policy {
            id: id.parse().expect("a policy id"),
            name: id.into(),
            adjust: Adjust::Change(change),
            cooldown: Duration::from_secs(cooldown),
            debounce: Duration::from_secs(debounce),
            trigger: domain::policy::Trigger::Webhook,
            webhooks: [].into(),
            written: None,
        };
        group.config.policies.insert(policy.id.clone(), policy);
    }
    group
}

fn event((ask, policy, force, id, _): Small, now: u64) -> Event {
    let wall = at(now).wall;
    Event {
        id: format!("e{id}").parse().expect("an event id"),
        request: RequestHash([0; 32]),
        ask: match policy {
            0..=3 => Ask::Policy(
                ["a", "b", "c", "none"][usize::from(policy)]
                    .parse()
                    .expect("a policy id"),
            ),
            _ => Ask::Adjust(Adjust::Change(ask)),
        },
        force: match force {
            0..=3 => Force::No,
            4 => Force::Gates,
            _ => Force::Override(Override {
                size: Size(u32::try_from(ask.unsigned_abs()).unwrap_or(0) * 2),
                until: wall.plus(Duration::from_secs(30)),
            }),
        },
        actor: actor(),
        received: wall,
        valid_until: wall.plus(Duration::from_secs(600)),
        trace: None,
    }
}

/// Decides the events one by one, each with a fresh id, in a commit of its own; gives what each commit saw and said.
fn history(mut group: Group, smalls: &[Small]) -> Vec<(Group, Event, Verdict, u64)> {
    let mut now = 1_000_000;
    let mut out = Vec::new();
    for (n, small) in smalls.iter().enumerate() {
        now += small.4;
        let event = Event {
            id: format!("f{n}").parse().expect("an event id"),
            ..event(*small, now)
        };
        let before = group.clone();
        let mut draft = Draft::new(&before, at(now));
        expire(&mut draft);
        decide(&mut draft, std::slice::from_ref(&event));
        let Some(verdict) = draft.verdicts().first().cloned() else {
            continue;
        };
        group.fold(draft.finish(Cause::Events, actor()), Fence(0));
        out.push((before, event, verdict, now));
    }
    out
}

fn acted(verdict: &Verdict) -> bool {
    match verdict.outcome {
        Outcome::Applied | Outcome::Clamped => true,
        Outcome::Unchanged | Outcome::Cooldown | Outcome::Debounced | Outcome::Paused => false,
        Outcome::NoSuchPolicy | Outcome::Deleting | Outcome::Expired => false,
        Outcome::Noted | Outcome::Waiting | Outcome::Escalated => false,
    }
}

fn run<S: Strategy>(
    runner: &mut TestRunner,
    strategy: &S,
    test: impl Fn(S::Value) -> TestCaseResult,
) -> Run {
    runner
        .run(strategy, test)
        .map_err(|error| error.to_string())
}

fn fail(why: String) -> TestCaseResult {
    Err(TestCaseError::fail(why))
}

pub(crate) fn one_id_gets_one_verdict(runner: &mut TestRunner) -> Run {
    run(runner, &smalls(), |smalls| {
        let group = group(0);
        let events: Vec<Event> = smalls.iter().map(|s| event(*s, 0)).collect();
        let mut draft = Draft::new(&group, at(0));
        decide(&mut draft, &events);
        let mut ids: Vec<_> = draft.verdicts().iter().map(|v| v.event.clone()).collect();
        let mut asked: Vec<_> = events.into_iter().map(|e| e.id).collect();
        ids.sort();
        asked.sort();
        asked.dedup();
        prop_assert_eq!(ids, asked);
        Ok(())
    })
}

pub(crate) fn verdicts_form_a_chain(runner: &mut TestRunner) -> Run {
    run(runner, &smalls(), |smalls| {
        let group = group(0);
        let events: Vec<Event> = smalls.iter().map(|s| event(*s, 0)).collect();
        let mut draft = Draft::new(&group, at(0));
        decide(&mut draft, &events);
        let mut size = group.state.desired;
        for verdict in draft.verdicts() {
            prop_assert_eq!(verdict.before, size);
            size = verdict.after;
            prop_assert_eq!(verdict.before != verdict.after, acted(verdict));
            let stops =
                |w: &domain::verdict::GateWord| matches!(w.word, Word::Stop | Word::Wait(_));
            prop_assert!(verdict.words.iter().rev().skip(1).all(|w| !stops(w)));
            prop_assert_eq!(verdict.words.last().is_some_and(stops), !acted(verdict));
        }
        prop_assert_eq!(draft.state.desired, size);
        Ok(())
    })
}

pub(crate) fn events_alike_are_judged_alike_in_any_order(runner: &mut TestRunner) -> Run {
    run(runner, &(smalls(), 1..12usize), |(smalls, turn)| {
        // Alike but for their ids: what is decided does not depend on which of them comes first.
        let events: Vec<Event> = (0..smalls.len())
            .map(|n| Event {
                id: format!("g{n}").parse().expect("an event id"),
                ..event(smalls[0], 0)
            })
            .collect();
        let mut turned = events.clone();
        turned.rotate_left(turn % events.len());
        // The first of them may come twice: the double changes nothing, wherever it stands.
        turned.push(turned[0].clone());
        let group = group(0);
        let outcomes = |events: &[Event]| {
            let mut draft = Draft::new(&group, at(0));
            decide(&mut draft, events);
            let said: Vec<_> = draft
                .verdicts()
                .iter()
                .map(|v| (v.outcome, v.after))
                .collect();
            (said, draft.state)
        };
        prop_assert_eq!(outcomes(&events), outcomes(&turned));
        Ok(())
    })
}

pub(crate) fn nothing_unforced_acts_within_the_groups_cooldown(runner: &mut TestRunner) -> Run {
    run(runner, &smalls(), |smalls| {
        let mut last: Option<u64> = None;
        for (_, event, verdict, now) in history(group(30), &smalls) {
            if !acted(&verdict) {
                continue;
            }
            if event.force == Force::No && last.is_some_and(|last| now - last < 30_000) {
                return fail(format!("{verdict:?} {last:?} {now}"));
            }
            last = Some(now);
        }
        Ok(())
    })
}

pub(crate) fn a_cooldown_that_lets_an_event_pass_lets_it_pass_later(
    runner: &mut TestRunner,
) -> Run {
    run(runner, &(smalls(), 0..100_000u64), |(smalls, later)| {
        for (before, event, verdict, now) in history(group(30), &smalls) {
            if verdict.outcome == Outcome::Cooldown || verdict.outcome == Outcome::Debounced {
                continue;
            }
            let event = Event {
                valid_until: Timestamp::from_unix_ms(u64::MAX),
                ..event
            };
            let mut draft = Draft::new(&before, at(now + later));
            decide(&mut draft, &[event]);
            let again = draft.verdicts()[0].outcome;
            prop_assert!(again != Outcome::Cooldown && again != Outcome::Debounced);
        }
        Ok(())
    })
}

pub(crate) fn a_policys_cooldown_blocks_no_other_policy(runner: &mut TestRunner) -> Run {
    run(runner, &smalls(), |smalls| {
        for (before, event, verdict, _) in history(group(0), &smalls) {
            let Ask::Policy(id) = &event.ask else {
                continue;
            };
            let ran = before.state.clocks.policy.contains_key(id);
            let waits = matches!(verdict.outcome, Outcome::Cooldown | Outcome::Debounced);
            prop_assert!(ran || !waits, "{:?}", verdict);
        }
        Ok(())
    })
}

pub(crate) fn siblings_within_the_debounce_time_do_not_act(runner: &mut TestRunner) -> Run {
    run(runner, &smalls(), |smalls| {
        let mut last: Option<u64> = None;
        for (_, event, verdict, now) in history(group(0), &smalls) {
            let is_b = matches!(&event.ask, Ask::Policy(id) if id.as_str() == "b");
            if !is_b || !acted(&verdict) {
                continue;
            }
            if event.force == Force::No && last.is_some_and(|last| now - last < 10_000) {
                return fail(format!("{verdict:?}"));
            }
            last = Some(now);
        }
        Ok(())
    })
}

pub(crate) fn what_is_refused_moves_no_clock(runner: &mut TestRunner) -> Run {
    run(runner, &smalls(), |smalls| {
        for (before, event, verdict, now) in history(group(30), &smalls) {
            let mut draft = Draft::new(&before, at(now));
            expire(&mut draft);
            decide(&mut draft, &[event]);
            let moved = draft.state.clocks != before.state.clocks;
            prop_assert!(acted(&verdict) || !moved, "{:?}", verdict);
        }
        Ok(())
    })
}

pub(crate) fn without_a_grant_desired_stays_within_the_bounds(runner: &mut TestRunner) -> Run {
    run(runner, &smalls(), |smalls| {
        let smalls: Vec<Small> = smalls
            .into_iter()
            .map(|(a, p, f, i, t)| (a, p, f % 5, i, t))
            .collect();
        for (before, _, verdict, _) in history(group(0), &smalls) {
            prop_assert_eq!(before.config.bounds.clamp(verdict.after), verdict.after);
        }
        Ok(())
    })
}

pub(crate) fn an_override_reaches_its_size_and_no_further(runner: &mut TestRunner) -> Run {
    run(runner, &(smalls(), 0..20u32), |(smalls, size)| {
        let group = group(0);
        for small in smalls {
            let force = Force::Override(Override {
                size: Size(size),
                until: at(1000).wall,
            });
            let event = Event {
                force,
                ..event(small, 0)
            };
            let mut draft = Draft::new(&group, at(0));
            decide(&mut draft, &[event]);
            let after = draft.state.desired;
            prop_assert_eq!(group.config.bounds.widened(Size(size)).clamp(after), after);
            // And the grant says so.
            prop_assert_eq!(draft.limits().clamp(after), after);
        }
        Ok(())
    })
}

pub(crate) fn a_grant_ends_with_its_time(runner: &mut TestRunner) -> Run {
    run(runner, &(smalls(), 30_000..90_000u64), |(smalls, later)| {
        let mut group = group(0);
        let mut now = 0;
        for small in smalls {
            let mut draft = Draft::new(&group, at(now));
            decide(&mut draft, &[event(small, now)]);
            let change = draft.finish(Cause::Events, actor());
            group.fold(change, Fence(0));
            now += later;
            let mut draft = Draft::new(&group, at(now));
            expire(&mut draft);
            prop_assert_eq!(draft.state.over, None);
            prop_assert_eq!(
                group.config.bounds.clamp(draft.state.desired),
                draft.state.desired
            );
            group.fold(draft.finish(Cause::Converge, actor()), Fence(0));
        }
        Ok(())
    })
}

pub(crate) fn nothing_passes_a_group_that_is_paused_or_leaving(runner: &mut TestRunner) -> Run {
    let phase = prop::sample::select(vec![Phase::Paused, Phase::Deleting, Phase::Tombstone]);
    run(runner, &(smalls(), phase), |(smalls, phase)| {
        let mut group = group(0);
        group.state.phase = phase;
        let mut draft = Draft::new(&group, at(0));
        let events: Vec<Event> = smalls.iter().map(|s| event(*s, 0)).collect();
        decide(&mut draft, &events);
        prop_assert_eq!(&draft.state, &group.state);
        prop_assert!(draft.verdicts().iter().all(|v| !acted(v)));
        Ok(())
    })
}

pub(crate) fn clamp_is_the_nearest_size_within_bounds(runner: &mut TestRunner) -> Run {
    run(
        runner,
        &(0..50u32, 0..50u32, -200..200i64),
        |(min, more, change)| {
            let mut group = new_group(1, (min, min + more));
            group.config.bounds = Bounds::new(Size(min), Size(min + more)).expect("bounds");
            let mut draft = Draft::new(&group, at(0));
            let event = Event {
                ask: Ask::Adjust(Adjust::Change(change)),
                ..event((0, 4, 0, 0, 0), 0)
            };
            decide(&mut draft, &[event]);
            let asked = i64::from(min) + change;
            let nearest = asked.max(i64::from(min)).min(i64::from(min + more));
            prop_assert_eq!(i64::from(draft.state.desired.0), nearest);
            Ok(())
        },
    )
}

/// The smallest whole number that is not smaller than `size * mantissa * 2^exponent / 100`, by doubling and halving alone.
fn reference(size: u32, mantissa: u64, exponent: i32) -> u128 {
    // Numerator and denominator, kept exact; exponents are small enough here.
    let (mut part, mut whole) = (u128::from(size) * u128::from(mantissa), 100u128);
    for _ in 0..exponent.max(0) {
        part *= 2;
    }
    for _ in 0..(-exponent).max(0) {
        if part % 2 == 0 {
            part /= 2;
        } else {
            whole *= 2;
        }
    }
    let down = part / whole;
    if down * whole == part { down } else { down + 1 }
}

pub(crate) fn percent_equals_a_rational_reference(runner: &mut TestRunner) -> Run {
    let mantissa = prop_oneof![1..1u64 << 53, 1..10_000u64, Just(3), Just(1)];
    run(
        runner,
        &(0..10_000u32, mantissa, -70..20i32, any::<bool>()),
        |(size, mantissa, exponent, minus)| {
            // Normalise to a double's 53 bits.
            let shift = mantissa.leading_zeros() - 11;
            let field =
                u64::try_from(exponent - i32::try_from(shift).unwrap_or(0) + 1075).unwrap_or(0);
            let bits =
                u64::from(minus) << 63 | field << 52 | ((mantissa << shift) & ((1 << 52) - 1));
            let Some(percent) = Percent::from_double_bits(bits) else {
                return Ok(());
            };
            let far = 1u128 << 40;
            let expect =
                i64::try_from(reference(size, mantissa, exponent).min(far)).unwrap_or(i64::MAX);
            prop_assert_eq!(percent.of(Size(size)), if minus { -expect } else { expect });
            Ok(())
        },
    )
}

pub(crate) fn percent_of_more_is_not_less(runner: &mut TestRunner) -> Run {
    run(
        runner,
        &(any::<u64>(), any::<u32>(), any::<u32>()),
        |(bits, one, other)| {
            let Some(percent) = Percent::from_double_bits(bits & (u64::MAX >> 1)) else {
                return Ok(());
            };
            let (low, high) = (Size(one.min(other)), Size(one.max(other)));
            prop_assert!(percent.of(low) <= percent.of(high));
            prop_assert!(percent.of(low) >= 0);
            // Something of something is at least one server.
            prop_assert_eq!(percent.of(high) == 0, high == Size::ZERO || bits << 1 == 0);
            Ok(())
        },
    )
}
