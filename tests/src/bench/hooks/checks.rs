//! What must hold at the end of the day.

use std::collections::BTreeMap;

use wire::v2::delivery::{Delivery, Outcome, State};
use wire::v2::hook::Point;

use super::play::Played;

/// A wait may end so much after its deadline: a kill, a start, and the look of the owner that follows.
const SLACK_MS: u64 = 30_000;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) lives: u64,
    pub(crate) messages: usize,
    pub(crate) taken: usize,
    pub(crate) dead: usize,
    pub(crate) repeated: usize,
    pub(crate) answered: usize,
    pub(crate) by_deadline: usize,
    pub(crate) latest_ms: u64,
    pub(crate) broken: Vec<String>,
}

pub(crate) fn check(played: &Played) -> Found {
    let mut found = Found {
        messages: played.deliveries.len(),
        ..Found::default()
    };
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for came in &played.came {
        *times.entry(&came.id).or_default() += 1;
        if !came.signed {
            found.broken.push(format!("{came:?} is not signed"));
        }
    }
    found.repeated = times.values().filter(|times| **times > 1).count();
    for delivery in &played.deliveries {
        reached(delivery, &times, &mut found);
        waited(delivery, &mut found);
    }
    order(played, &mut found);
    lives(played, &mut found);
    let unknown = played
        .codes
        .keys()
        .filter(|code| ![200, 409].contains(*code));
    for code in unknown {
        found.broken.push(format!("an answer got {code}"));
    }
    found
}

/// Each message reached its receiver, or is a dead letter that says why.
fn reached(delivery: &Delivery, times: &BTreeMap<&str, usize>, found: &mut Found) {
    match delivery.state {
        State::Taken if times.contains_key(delivery.message.as_str()) => found.taken += 1,
        State::Dead if delivery.trouble.is_some() => found.dead += 1,
        State::Due | State::Taken | State::Dead => {
            found.broken.push(format!("not delivered: {delivery:?}"));
        }
    }
}

/// No server waited past its deadline, before service and before its delete alike.
fn waited(delivery: &Delivery, found: &mut Found) {
    let Some(wait) = &delivery.wait else {
        return;
    };
    let (Some(outcome), Some(ended)) = (wait.outcome, wait.ended) else {
        found.broken.push(format!("waits for ever: {delivery:?}"));
        return;
    };
    let late = ended.0.unix_ms().saturating_sub(wait.deadline.0.unix_ms());
    found.latest_ms = found.latest_ms.max(late);
    if late > SLACK_MS {
        found.broken.push(format!("{late} ms late: {delivery:?}"));
    }
    match outcome {
        Outcome::Answered => found.answered += 1,
        Outcome::Deadline => found.by_deadline += 1,
        Outcome::Undeliverable | Outcome::Skipped | Outcome::Withdrawn => {}
    }
}

/// The receiver heard of one server in the order in which things happened, repetitions aside.
fn order(played: &Played, found: &mut Found) {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for came in &played.came {
        let number = came.id.rsplit('_').next();
        let number = number.and_then(|n| n.parse().ok()).unwrap_or(0);
        let last = last.entry(&came.server).or_default();
        if number < *last {
            found.broken.push(format!("{came:?} after {last}"));
        }
        *last = number.max(*last);
    }
}

/// Every server that was is gone, and every life was told from its beginning to its end.
fn lives(played: &Played, found: &mut Found) {
    for slot in played.slots.iter().filter(|slot| slot.open) {
        found.broken.push(format!("still there: {slot:?}"));
    }
    let mut told: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for delivery in played.deliveries.iter().rev() {
        if let Some(server) = &delivery.server {
            told.entry(server).or_default().push(delivery.point);
        }
    }
    let whole = [
        Point::BeforeActive,
        Point::Active,
        Point::BeforeDelete,
        Point::Gone,
    ];
    for (server, points) in told {
        if points == whole {
            found.lives += 1;
        } else {
            found
                .broken
                .push(format!("{server} was told as {points:?}"));
        }
    }
}
