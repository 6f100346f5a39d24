use std::collections::BTreeMap;
use std::time::Duration;

use domain::capacity::Size;
use domain::evidence::{Rules, Watch};
use domain::group::{Adoption, Hold, HoldWhy, Slots as Ledger};
use domain::ids::{ColoId, Fence, GroupId, GroupKey, HomeEpoch, Rev};
use domain::slot::{DeleteWhy, Flags, State};
use domain::time::Mono;
use store::conformance::sample::{NOON, config, full_state, server, slot, text};

use super::*;

/// A group that runs and wants three servers, of which it has one.
fn group() -> Group {
    let mut slots = Ledger::default();
    slots.put(slot(1, State::Active(server(1))));
    let mut state = full_state();
    state.phase = Phase::Running;
    state.adoption = Adoption::Done;
    state.desired = Size(3);
    Group {
        key: GroupKey {
            tenant: text("acme"),
            id: GroupId::new(ColoId(1), 7),
            epoch: HomeEpoch(0),
        },
        rev: Rev(4),
        fence: Fence(0),
        config: config(),
        state,
        slots,
        inbox: BTreeMap::new(),
        outbox: BTreeMap::new(),
    }
}

fn shown(group: &Group, watch: &Watch, now: Timestamp) -> Vec<(&'static str, i64)> {
    let counts = Arc::new(Counts::new(&Metrics::new()));
    let mut share = counts.enter();
    share.set(group, watch, now);
    let slots = &counts.slots;
    vec![
        ("missing", slots.missing.get()),
        ("held", slots.held.get()),
        ("degraded", counts.degraded.get()),
        ("stuck", slots.stuck.get()),
        ("disowned", slots.disowned.get()),
    ]
    .into_iter()
    .filter(|(_, value)| *value != 0)
    .collect()
}

fn watch() -> Watch {
    Watch::new(Rules::default(), Mono::from_ms(0))
}

/// One that lasts for so many seconds from noon on.
fn hold(why: HoldWhy, seconds: u64) -> Hold {
    Hold {
        why,
        detail: String::new(),
        since: NOON,
        until: Some(NOON.plus(Duration::from_secs(seconds))),
        strikes: 1,
    }
}

#[test]
fn what_a_group_lacks_counts_as_held_while_a_hold_lasts_and_as_missing_when_it_has_ended() {
    let mut group = group();
    group.state.hold = Some(hold(HoldWhy::Quota, 300));
    let held = shown(&group, &watch(), NOON.plus(Duration::from_secs(60)));
    assert_eq!(held, [("held", 2), ("degraded", 1)]);
    let over = shown(&group, &watch(), NOON.plus(Duration::from_secs(600)));
    assert_eq!(over, [("missing", 2)], "nobody is shown that hold any more");
}

#[test]
fn what_a_throttled_group_lacks_is_missing_because_the_next_create_may_be_throttled_again() {
    let mut group = group();
    group.state.hold = Some(hold(HoldWhy::Throttled, 5));
    let throttled = shown(&group, &watch(), NOON.plus(Duration::from_secs(1)));
    assert_eq!(throttled, [("missing", 2), ("degraded", 1)]);
}

#[test]
fn a_server_that_shows_our_proof_no_more_is_seen_while_its_slot_holds_it() {
    let mut group = group();
    group.state.hold = None;
    group.state.desired = Size(1);
    group.slots.put(Slot {
        flags: Flags {
            disowned: true,
            ..Flags::default()
        },
        ..slot(1, State::Active(server(1)))
    });
    assert_eq!(shown(&group, &watch(), NOON), [("disowned", 1)]);
}

#[test]
fn a_server_whose_deletes_are_accepted_and_that_stays_is_stuck() {
    let mut group = group();
    group.state.hold = None;
    group.state.desired = Size(0);
    let deleting = slot(1, State::Deleting(server(1), DeleteWhy::ScaleIn));
    let id = deleting.id;
    group.slots.put(deleting);
    let mut watch = watch();
    watch.sync(&group, Mono::from_ms(0));
    for tries in 1..=6 {
        watch.handed_out(id, Mono::from_ms(tries));
    }
    assert_eq!(shown(&group, &watch, NOON), []);
    watch.handed_out(id, Mono::from_ms(7));
    assert_eq!(shown(&group, &watch, NOON), [("stuck", 1)]);
}
