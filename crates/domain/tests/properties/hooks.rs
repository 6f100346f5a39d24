//! What must hold of servers that wait for hooks, and of the messages.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::draft::Draft;
use domain::evidence::{Around, Extent, Listing, Proof, Row, Rules, Status, Watch, weigh};
use domain::group::{Cause, Group, Phase};
use domain::hook::{Answer, Format, Hook, Point, Waiting};
use domain::ids::{DeliveryId, Fence, ServerId, SlotId};
use domain::outbox::{self, Delivery, PLAN, Sending, Sent};
use domain::plan::plan;
use domain::slot::{Flags, Move, Slot, State};
use domain::time::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::deciding::Run;
use crate::world::{actor, at, new_group};

/// One thing that happens: to which message or server, how.
#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Boot,
    Look,
    Answer(usize, bool),
    Stale(u64),
    Beat(usize),
    Skip(usize),
    Send(usize, u8),
    Leave,
    Vanish(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let waits = vec![1_000, 9_000, 31_000, 61_000, 200_000, 4_000_000];
    let n = 0..6usize;
    let step = prop_oneof![
        6 => prop::sample::select(waits).prop_map(Step::Wait),
        3 => Just(Step::Boot),
        5 => Just(Step::Look),
        3 => (n.clone(), any::<bool>()).prop_map(|(n, go)| Step::Answer(n, go)),
        2 => (0..12u64).prop_map(Step::Stale),
        4 => n.clone().prop_map(Step::Beat),
        1 => n.clone().prop_map(Step::Skip),
        5 => (n.clone(), 0..8u8).prop_map(|(n, how)| Step::Send(n, how)),
        1 => Just(Step::Leave),
        2 => n.prop_map(Step::Vanish),
    ];
    prop::collection::vec(step, 1..40).prop_map(|mut steps| {
        steps.insert(0, Step::Boot);
        steps
    })
}

fn hook(points: &[Point], url: &str, wait: Option<(u64, u64, Answer)>) -> Hook {
    let seconds = Duration::from_secs;
    Hook {
        points: points.iter().copied().collect(),
        format: Format::Webhook,
        url: url.into(),
        wait: wait.map(|(deadline, longest, default)| Waiting {
            deadline: seconds(deadline),
            longest: seconds(longest),
            default,
        }),
        skippable: true,
        enabled: true,
        keys: Vec::new(),
    }
}

const SERVERS: u128 = 3;

/// Three servers that the cloud accepted, and three hooks: two wait at both ends of a server's life, one is told everything.
fn world() -> Group {
    let mut group = new_group(1, (0, 8));
    group.state.desired = domain::capacity::Size(3);
    let (first, last) = (Point::BeforeActive, Point::BeforeDelete);
    for (id, hook) in [
        (
            "a",
            hook(
                &[first, Point::Active, last],
                "https://one",
                Some((60, 150, Answer::Abandon)),
            ),
        ),
        (
            "b",
            hook(
                &[first, last, Point::Gone],
                "https://two",
                Some((30, 7200, Answer::Continue)),
            ),
        ),
        ("c", hook(&Point::ALL, "https://one", None)),
    ] {
        group.config.hooks.insert(id.parse().expect("an id"), hook);
    }
    for n in 1..=SERVERS {
        group.slots.put(Slot {
            id: SlotId::from_u128(n),
            proof: SlotId::from_u128(n),
            nonce: domain::ids::Nonce::from_u128(n),
            launch: group.config.launch,
            state: State::Accepted(ServerId::from_u128(n)),
            flags: Flags::default(),
            issued: Timestamp::from_unix_ms(1),
            since: Timestamp::from_unix_ms(1),
        });
    }
    group
}

/// The servers that run, in a complete list.
fn list(group: &Group, now: u64) -> Listing {
    let there = group.slots.open().filter_map(|slot| {
        Some(Row {
            server: slot.state.server()?,
            proof: Proof::Valid {
                group: group.key.id,
                slot: slot.proof,
            },
            ours: true,
            status: Status::Up,
        })
    });
    Listing {
        began: at(now).mono,
        extent: Extent::Complete,
        about: None,
        rows: there.collect(),
        shown: Arc::default(),
    }
}

fn change(group: &mut Group, now: u64, make: impl FnOnce(&mut Draft<'_>)) {
    let mut draft = Draft::new(group, at(now));
    make(&mut draft);
    let change = draft.finish(Cause::Converge, actor());
    let (closed, posts) = (change.closed.clone(), change.posts.clone());
    group.fold(change, Fence(0));
    // In every property: a store takes these runs out.
    for post in posts.iter().chain(group.outbox.values()) {
        let is_in = closed.iter().any(|run| run.contains(&post.id));
        assert_eq!(is_in, !post.is_open(), "{post:?} and {closed:?}");
    }
}

fn chosen<'g>(all: impl Iterator<Item = &'g Delivery>, n: usize) -> Option<DeliveryId> {
    let all: Vec<DeliveryId> = all.map(|delivery| delivery.id).collect();
    all.get(n % all.len().max(1)).copied()
}

/// Plays one step. What an answer does when it may not is for the judge.
fn play(group: &mut Group, watch: &mut Watch, now: &mut u64, step: Step) {
    let waiting = |n| chosen(group.outbox.values().filter(|d| d.is_awaited()), n);
    match step {
        Step::Wait(ms) => *now += ms,
        Step::Boot => {
            let seen = list(group, *now);
            change(group, *now, |draft| {
                weigh(draft, watch, &seen, &Around::default(), &mut || {
                    SlotId::from_u128(999)
                });
            });
        }
        Step::Look => change(group, *now, |draft| {
            plan(draft, watch, &[]);
        }),
        Step::Answer(n, go) => {
            let answer = if go {
                Answer::Continue
            } else {
                Answer::Abandon
            };
            if let Some(id) = waiting(n) {
                change(group, *now, |d| {
                    outbox::complete(d, id, answer).unwrap_or_default()
                });
            }
        }
        Step::Stale(id) => change(group, *now, |d| {
            outbox::complete(d, DeliveryId(id), Answer::Abandon).unwrap_or_default();
        }),
        // Somebody is at work on all of them, for a while.
        Step::Beat(rounds) => {
            for _ in 0..=rounds {
                *now += 25_000;
                change(group, *now, |d| {
                    let waiting: Vec<_> = d.outbox().map(|delivery| delivery.id).collect();
                    for id in waiting {
                        outbox::heartbeat(d, id).map(|_end| ()).unwrap_or_default();
                    }
                });
            }
        }
        Step::Skip(n) => {
            if let Some(id) = waiting(n) {
                change(group, *now, |d| outbox::skip(d, id).unwrap_or_default());
            }
        }
        Step::Send(n, how) => send(group, *now, (n, how)),
        Step::Leave => change(group, *now, |draft| {
            draft.state.phase = Phase::Deleting;
            draft.state.desired = domain::capacity::Size::ZERO;
        }),
        Step::Vanish(n) => {
            let going = group.slots.open();
            let going = going.filter(|slot| matches!(slot.state, State::Deleting(..)));
            let all: Vec<SlotId> = going.map(|slot| slot.id).collect();
            if let Some(id) = all.get(n % all.len().max(1)).copied() {
                change(group, *now, |draft| {
                    draft.step(id, Move::Vanish).unwrap_or_default();
                });
            }
        }
    }
}

fn send(group: &mut Group, now: u64, (n, how): (usize, u8)) {
    let due = outbox::due(group, at(now).wall).due;
    let Some(id) = due.get(n % due.len().max(1)).copied() else {
        return;
    };
    let made = group.outbox.get(&id).map_or(0, Delivery::attempts);
    let sent = match how {
        0..=3 => Sent::Taken,
        4..=5 => Sent::Failed("500".into(), None),
        6 => Sent::Refused("410".into()),
        _ => Sent::Nobody,
    };
    change(group, now, |d| outbox::settle(d, id, made, &sent));
}

type Judge = fn(&Group, Step, u64) -> Result<(), String>;

fn judged(runner: &mut TestRunner, judge: Judge) -> Run {
    let tested = runner.run(&steps(), |steps| {
        let (mut group, mut now) = (world(), 1_000);
        let mut watch = Watch::new(Rules::default(), at(now).mono);
        for step in steps {
            play(&mut group, &mut watch, &mut now, step);
            let judged = judge(&group, step, now);
            judged.map_err(|why| TestCaseError::fail(format!("{why}, at {step:?}")))?;
        }
        Ok(())
    });
    tested.map_err(|error| error.to_string())
}

/// After the owner looked, nothing waits that has waited for as long as it may: no server costs money for ever, no delete is blocked for ever.
pub(crate) fn no_server_waits_longer_than_its_hook_may(runner: &mut TestRunner) -> Run {
    judged(runner, |group, step, now| {
        if !matches!(step, Step::Look) {
            return Ok(());
        }
        let wall = at(now).wall;
        let waits = group.outbox.values().filter(|d| d.is_awaited());
        for wait in waits.filter_map(|d| d.wait) {
            if wall.since(wait.since) >= wait.terms.longest {
                return Err(format!("{wait:?} at {wall:?}"));
            }
        }
        Ok(())
    })
}

pub(crate) fn nobody_goes_into_service_while_a_hook_waits(runner: &mut TestRunner) -> Run {
    judged(runner, |group, _step, _now| {
        let waits = group.outbox.values().filter(|d| d.is_awaited());
        let held: BTreeSet<SlotId> = waits
            .filter(|d| d.point == Point::BeforeActive)
            .filter_map(|d| d.about.slot())
            .collect();
        let active = group.slots.open();
        let active = active.filter(|slot| matches!(slot.state, State::Active(_)));
        match active.into_iter().find(|slot| held.contains(&slot.id)) {
            Some(slot) => Err(format!("{slot:?}")),
            None => Ok(()),
        }
    })
}

pub(crate) fn an_answer_after_the_deadline_changes_nothing(runner: &mut TestRunner) -> Run {
    judged(runner, |group, _step, now| {
        let wall = at(now).wall;
        for delivery in group.outbox.values().filter(|d| d.is_awaited()) {
            let is_over = delivery.wait.is_some_and(|wait| wait.rest(wall).is_zero());
            let mut draft = Draft::new(group, at(now));
            let answer = outbox::complete(&mut draft, delivery.id, Answer::Continue);
            if answer.is_ok() == is_over {
                return Err(format!("{answer:?} for {delivery:?}"));
            }
        }
        Ok(())
    })
}

pub(crate) fn one_address_hears_of_one_server_in_order(runner: &mut TestRunner) -> Run {
    judged(runner, |group, _step, now| {
        for id in outbox::due(group, at(now).wall).due {
            let lane = |d: &Delivery| {
                let hook = group.config.hooks.get(&d.hook);
                (d.about.slot(), hook.map(|hook| hook.url.clone()))
            };
            let one = lane(&group.outbox[&id]);
            let earlier = group.outbox.range(..id).map(|(_, d)| d);
            let waits = |d: &&Delivery| matches!(d.sending, Sending::Due(_)) && lane(d) == one;
            if let Some(before) = earlier.into_iter().find(waits) {
                return Err(format!("{id} before {before:?}"));
            }
        }
        Ok(())
    })
}

pub(crate) fn a_message_is_taken_or_dead_within_a_day_and_the_last_pause(
    runner: &mut TestRunner,
) -> Run {
    judged(runner, |group, step, now| {
        let wall = at(now).wall;
        if !matches!(step, Step::Boot) {
            return Ok(());
        }
        // From here on everything fails.
        let (mut group, mut now) = (group.clone(), now);
        let watch = Watch::new(Rules::default(), at(now).mono);
        let mut lanes = BTreeSet::new();
        for _ in 0..4_000 {
            lanes.extend(group.outbox.keys().copied());
            change(&mut group, now, |draft| {
                plan(draft, &watch, &[]);
            });
            let due = outbox::due(&group, at(now).wall);
            for id in &due.due {
                let made = group.outbox.get(id).map_or(0, Delivery::attempts);
                let failed = Sent::Failed("500".into(), None);
                change(&mut group, now, |d| outbox::settle(d, *id, made, &failed));
            }
            let after = outbox::due(&group, at(now).wall);
            if group.outbox.is_empty() {
                break;
            }
            let next = after
                .next
                .filter(|_| after.due.is_empty())
                .unwrap_or_default();
            now += u64::try_from(next.as_millis()).unwrap_or(u64::MAX).max(1);
        }
        let lanes = u32::try_from(lanes.len()).unwrap_or(u32::MAX);
        let most = PLAN.saturating_mul(lanes.max(1)) + Duration::from_secs(48 * 3600);
        if group.outbox.is_empty() && at(now).wall.since(wall) <= most {
            Ok(())
        } else {
            Err(format!("{:?} left at {now}", group.outbox.values().next()))
        }
    })
}
