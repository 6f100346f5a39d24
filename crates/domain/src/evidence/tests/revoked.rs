//! A lapsed slot whose token was revoked (design 4, rule 3).

use super::*;
use crate::settle::{Outcome, settle};
use crate::slot::{CallToken, Issue};

fn revoked() -> Issue {
    Issue {
        token: CallToken::Revoked,
        ..issue(0)
    }
}

#[test]
fn a_token_that_is_revoked_is_dead_when_caches_have_forgotten_it_whoever_owns_the_group() {
    let lapsed = || slot(1, State::Lapsed(issue(86_400), Hold::Counted));
    let is_released = |scene: &Scene| matches!(scene.state(1), State::Lapsed(_, Hold::Released));
    // Heard at 1000, caches 360 s: dead at 1360.
    for (began, released) in [(1359, false), (1360, true)] {
        let mut scene = Scene::new(10, [lapsed()]);
        let (group, watch) = (&mut scene.group, &mut scene.watch);
        commit(
            group,
            |draft| settle(draft, watch, id(1), &Outcome::TokenRevoked),
            at(1000),
        );
        scene.watch.sync(&scene.group, mono(1000));
        scene.weigh(began, C, vec![]);
        assert_eq!(is_released(&scene), released, "{began}");
    }
    // A successor found at 2000 that it is, and does not know since when.
    for (began, released) in [(2359, false), (2360, true)] {
        let mut scene = Scene::new(2000, [slot(1, State::Lapsed(revoked(), Hold::Counted))]);
        scene.weigh(began, C, vec![]);
        assert_eq!(is_released(&scene), released, "{began}");
    }
}

/// A report may come to another owner than the one that has known the slot for long, which reads of it with the next commit.
#[test]
fn an_owner_that_reads_that_a_token_is_revoked_counts_from_then_on() {
    for (began, released) in [(1359, false), (1360, true)] {
        let mut scene = Scene::new(10, [slot(1, State::Lapsed(issue(86_400), Hold::Counted))]);
        let told = slot(1, State::Lapsed(revoked(), Hold::Counted));
        scene.group.slots.put(told);
        scene.watch.sync(&scene.group, mono(1000));
        scene.weigh(began, C, vec![]);
        let is_released = matches!(scene.state(1), State::Lapsed(_, Hold::Released));
        assert_eq!(is_released, released, "{began}");
    }
}
