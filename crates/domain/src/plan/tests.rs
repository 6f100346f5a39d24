use super::*;
use crate::capacity::{Bounds, Size};
use crate::evidence::{Around, Extent, Rules, Status, weigh};
use crate::fixture::{
    actives, at, commit, group_of, id, issue, list, mono, row, secs, server, slot, wall,
};
use crate::group::{Group, Hold, HoldWhy, ScaleInOrder};
use crate::slot::{self as ledger, DeleteWhy, DoubtWhy, GoneWhy, Slot, State};
use crate::time::Now;

fn permits(n: u128) -> Vec<Permit> {
    (0..n)
        .map(|i| Permit {
            worker: "w1".parse().expect("a worker name"),
            incarnation: Incarnation::from_u128(1),
            token_left: secs(3600),
            slot: id(1000 + i),
            nonce: Nonce::from_u128(i),
        })
        .collect()
}

/// A watch that saw every bound server in a complete list at second 90.
fn seen(group: &Group) -> Watch {
    let mut watch = Watch::new(Rules::default(), mono(0));
    watch.sync(group, mono(1));
    look(group, watch, 90)
}

/// The same of an owner that began just before that second.
fn seen_at(second: u64, group: &Group) -> Watch {
    let mut watch = Watch::new(Rules::default(), mono(second - 1));
    watch.sync(group, mono(second - 1));
    look(group, watch, second)
}

fn look(group: &Group, mut watch: Watch, second: u64) -> Watch {
    let rows = group
        .slots
        .open()
        .filter_map(|s| {
            Some(row(
                s.state.server()?.as_u128(),
                s.proof.as_u128(),
                Status::Up,
            ))
        })
        .collect();
    let mut draft = Draft::new(group, at(second + 1));
    weigh(
        &mut draft,
        &mut watch,
        &list(second, Extent::Complete, rows),
        &Around::default(),
        &mut || id(9999),
    );
    watch
}

/// Plans at second 100 with ten permits; compares how many were used and who is on the way out.
fn check(group: &Group, watch: &Watch, used: usize, leaving: &[u128]) {
    let mut draft = Draft::new(group, at(100));
    let deficit = deficit(&draft, watch);
    assert_eq!(plan(&mut draft, watch, &permits(10)), used);
    if leaving.is_empty() {
        assert_eq!(usize::try_from(deficit.min(10)).expect("small"), used);
    }
    let left: Vec<u128> = draft
        .open()
        .filter(|s| matches!(s.state, State::Deleting(..)))
        .filter(|s| group.slots.get(s.id).is_none_or(|old| old.state != s.state))
        .map(|s| s.id.as_u128())
        .collect();
    assert_eq!(left, leaving);
    let once = draft.clone();
    plan(&mut draft, watch, &permits(10));
    let slots = |d: &Draft<'_>| -> Vec<Slot> { d.open().chain(d.ended()).cloned().collect() };
    assert_eq!(slots(&once), slots(&draft), "planned twice");
}

#[test]
fn a_deficit_is_issued_as_far_as_permits_and_max_go() {
    let unseen = Watch::new(Rules::default(), mono(0));
    check(&group_of(3, []), &unseen, 3, &[]);
    check(&group_of(30, []), &unseen, 10, &[]);
    check(&group_of(5, actives(3)), &unseen, 2, &[]);
    check(&group_of(3, actives(3)), &unseen, 0, &[]);
    let counted = State::Lapsed(issue(9), ledger::Hold::Counted);
    let doubt = State::InDoubt(issue(9), DoubtWhy::Timeout);
    for (desired, max, state, used) in [
        (5, 5, counted.clone(), 1),
        (5, 9, counted, 2),
        (5, 5, State::Lapsed(issue(9), ledger::Hold::Released), 2),
        (5, 9, doubt, 1),
        (5, 5, State::Deleting(server(4), DeleteWhy::Failed), 2),
        (5, 5, State::Gone(server(4), GoneWhy::External), 2),
    ] {
        let mut slots = actives(3);
        slots.push(slot(4, state.clone()));
        let mut group = group_of(desired, slots);
        group.config.bounds = Bounds::new(Size(0), Size(max)).expect("bounds");
        let mut draft = Draft::new(&group, at(100));
        assert_eq!(
            plan(&mut draft, &unseen, &permits(10)),
            used,
            "{state:?} max {max}"
        );
    }
}

#[test]
fn nothing_is_issued_while_held_or_paused() {
    let unseen = Watch::new(Rules::default(), mono(0));
    for (until, used) in [(None, 0), (Some(101), 0), (Some(100), 3)] {
        let mut group = group_of(3, []);
        group.state.hold = Some(Hold {
            why: HoldWhy::Quota,
            detail: String::new(),
            since: wall(1),
            until: until.map(wall),
            strikes: 1,
        });
        check(&group, &unseen, used, &[]);
    }
    let mut group = group_of(1, actives(3));
    group.state.phase = Phase::Paused;
    check(&group, &seen(&group), 0, &[]);
}

#[test]
fn one_permit_makes_one_slot_and_a_known_id_none() {
    let unseen = Watch::new(Rules::default(), mono(0));
    let group = group_of(3, [slot(1000, State::Failed(ledger::FailWhy::NotSent))]);
    let mut draft = Draft::new(&group, at(100));
    assert_eq!(plan(&mut draft, &unseen, &permits(3)), 0);
    assert!(draft.is_empty());
    let group = group_of(3, []);
    let mut draft = Draft::new(&group, at(100));
    plan(&mut draft, &unseen, &permits(2));
    let made: Vec<&Slot> = draft.open().collect();
    assert_eq!(made.len(), 2);
    assert_eq!(
        (made[0].id, made[0].proof, made[0].launch),
        (id(1000), id(1000), group.config.launch)
    );
}

#[test]
fn a_quarter_leaves_a_minute_and_at_least_one() {
    for (have, want, leaving) in [(8, 1, 2), (4, 1, 1), (3, 0, 1), (100, 0, 25), (9, 8, 1)] {
        let group = group_of(want, actives(have));
        let watch = seen(&group);
        let first: Vec<u128> = (1..=leaving).collect();
        check(&group, &watch, 0, &first);
        let mut rested = group.clone();
        rested.state.shrunk = Some(wall(41));
        check(&rested, &watch, 0, &[]);
        rested.state.shrunk = Some(wall(40));
        check(&rested, &watch, 0, &first);
    }
    let mut group = group_of(1, actives(8));
    group.state.forced = true;
    group.state.shrunk = Some(wall(99));
    check(&group, &seen(&group), 0, &[1, 2, 3, 4, 5, 6, 7]);
}

/// How many servers are on their way out after one plan and its commit.
fn leaving(group: &mut Group, watch: &mut Watch, now: Now) -> usize {
    let plan = |draft: &mut Draft<'_>| assert_eq!(plan(draft, watch, &[]), 0);
    commit(group, plan, now);
    watch.sync(group, now.mono);
    let is_leaving = |slot: &&Slot| matches!(slot.state, State::Deleting(..));
    group.slots.open().filter(is_leaving).count()
}

#[test]
fn a_quarter_of_a_large_group_leaves_within_a_minute_in_several_commits() {
    let mut group = group_of(100, actives(400));
    let mut watch = seen(&group);
    for (second, sum) in [
        (100, 32),
        (100, 64),
        (110, 96),
        (110, 100),
        (111, 100),
        (169, 100),
    ] {
        let now = at(second);
        assert_eq!(leaving(&mut group, &mut watch, now), sum, "{second}");
    }
    // Of those that are left.
    let mut watch = look(&group, watch, 170);
    for sum in [132, 164, 175, 175] {
        assert_eq!(leaving(&mut group, &mut watch, at(172)), sum);
    }
}

#[test]
fn neither_another_owner_nor_a_clock_that_jumps_nor_a_delete_that_is_done_makes_the_quarter_larger()
{
    for wall_jumps in [0, 3600] {
        let mut group = group_of(100, actives(400));
        let mut watch = seen(&group);
        assert_eq!(leaving(&mut group, &mut watch, at(100)), 32);
        let gone = |slot: &Slot| slot.state.clone().step(ledger::Move::Vanish);
        let first: Vec<Slot> = group.slots.open().cloned().collect();
        for mut slot in first {
            if matches!(slot.state, State::Deleting(..)) {
                (slot.state, slot.since) = (gone(&slot).expect("a legal move"), wall(105));
                group.slots.put(slot);
            }
        }
        watch.sync(&group, mono(105));
        if wall_jumps == 0 {
            watch = seen_at(106, &group);
        }
        let now = Now {
            wall: wall(110 + wall_jumps),
            mono: mono(110),
        };
        let sums = [(); 4].map(|()| leaving(&mut group, &mut watch, now));
        assert_eq!(sums, [32, 64, 68, 68], "{wall_jumps}");
    }
}

#[test]
fn who_left_by_a_clock_that_is_ahead_counts_however_far_it_is() {
    let mut group = group_of(100, actives(400));
    let mut watch = seen(&group);
    assert_eq!(leaving(&mut group, &mut watch, at(100)), 32);
    let leave = group.slots.open().cloned();
    let leave = leave.filter(|slot| matches!(slot.state, State::Deleting(..)));
    for mut slot in leave.skip(1).collect::<Vec<Slot>>() {
        let gone = slot.state.clone().step(ledger::Move::Vanish);
        (slot.state, slot.since) = (gone.expect("a legal move"), wall(130));
        group.slots.put(slot);
    }
    // The next owner's clock shows an earlier time than any of that.
    let mut watch = seen_at(136, &group);
    let now = Now {
        wall: wall(65),
        mono: mono(140),
    };
    let sums = [(); 4].map(|()| leaving(&mut group, &mut watch, now));
    assert_eq!(sums, [33, 65, 69, 69], "one of the first is not gone yet");
}

#[test]
fn building_servers_leave_first_then_the_configured_order_and_held_ones_last() {
    let mut slots = actives(4);
    slots.push(slot(5, State::Accepted(server(5))));
    slots.push(slot(6, State::Accepted(server(6))));
    slots[0].flags.held = true;
    let mut group = group_of(0, slots);
    group.state.forced = true;
    let ordered = |group: &Group, want: u32| {
        let mut group = group.clone();
        group.state.desired = Size(want);
        let mut watch = seen(&group);
        watch.sync(&group, mono(1));
        let mut draft = Draft::new(&group, at(100));
        plan(&mut draft, &watch, &[]);
        let left = |s: &&Slot| matches!(s.state, State::Deleting(..));
        draft
            .open()
            .filter(left)
            .map(|s| s.id.as_u128())
            .collect::<Vec<_>>()
    };
    assert_eq!(ordered(&group, 5), [5]);
    assert_eq!(ordered(&group, 4), [5, 6]);
    assert_eq!(ordered(&group, 3), [2, 5, 6]);
    assert_eq!(ordered(&group, 1), [2, 3, 4, 5, 6]);
    group.config.scale_in = ScaleInOrder::NewestFirst;
    assert_eq!(ordered(&group, 4), [5, 6]);
    assert_eq!(ordered(&group, 3), [4, 5, 6]);
}

#[test]
fn only_a_server_that_was_surely_there_a_moment_ago_leaves() {
    let mut group = group_of(0, actives(2));
    group.state.forced = true;
    check(&group, &Watch::new(Rules::default(), mono(0)), 0, &[]);
    // Slot 1's cell is down in a newer list; slot 2 is seen.
    let mut watch = seen(&group);
    let rows = vec![
        crate::evidence::Row {
            proof: crate::evidence::Proof::Unreadable,
            ours: false,
            ..row(1, 1, Status::Unknown)
        },
        row(2, 2, Status::Up),
    ];
    let mut draft = Draft::new(&group, at(96));
    weigh(
        &mut draft,
        &mut watch,
        &list(95, Extent::Complete, rows),
        &Around::default(),
        &mut || id(9999),
    );
    check(&group, &watch, 0, &[2]);
    // Too old.
    let mut draft = Draft::new(&group, at(156));
    plan(&mut draft, &watch, &[]);
    assert!(draft.is_empty());
    // Disowned.
    let mut slots = actives(2);
    slots[1].flags.disowned = true;
    let mut group = group_of(0, slots);
    group.state.forced = true;
    check(&group, &seen(&group), 0, &[1]);
}

#[test]
fn a_doubt_costs_no_server_its_place() {
    let mut slots = actives(3);
    slots.push(slot(4, State::InDoubt(issue(9), DoubtWhy::Timeout)));
    let group = group_of(3, slots);
    check(&group, &seen(&group), 0, &[]);
}

#[test]
fn surplus_and_draining_servers_go_on_and_disowned_ones_go_back() {
    let mut surplus = slot(4, State::Surplus(server(4)));
    surplus.proof = id(1);
    let draining = slot(5, State::Draining(server(5)));
    let mut lost = slot(6, State::Surplus(server(6)));
    lost.flags.disowned = true;
    let mut slots = actives(3);
    slots.extend([surplus, draining, lost]);
    let group = group_of(3, slots);
    let watch = seen(&group);
    check(&group, &watch, 0, &[4, 5]);
    let mut draft = Draft::new(&group, at(100));
    plan(&mut draft, &watch, &[]);
    assert!(ledger::is_handed_back(
        &draft.slot(id(6)).expect("slot 6").state
    ));
}

#[test]
fn a_group_in_deletion_lets_everything_go_and_then_is_a_tombstone() {
    let mut slots = actives(3);
    slots[2].flags.disowned = true;
    slots.push(slot(4, State::Issued(issue(9))));
    let mut group = group_of(3, slots);
    group.state.phase = Phase::Deleting;
    let unseen = Watch::new(Rules::default(), mono(0));
    check(&group, &unseen, 0, &[1, 2]);
    let mut draft = Draft::new(&group, at(100));
    plan(&mut draft, &unseen, &permits(3));
    assert_eq!(draft.state.phase, Phase::Deleting);
    let mut group = group_of(3, [slot(1, State::Lapsed(issue(9), ledger::Hold::Counted))]);
    group.state.phase = Phase::Deleting;
    let mut draft = Draft::new(&group, at(100));
    assert_eq!(plan(&mut draft, &unseen, &permits(3)), 0);
    assert_eq!(draft.state.phase, Phase::Tombstone);
    // A late server of a deleted group goes too.
    let mut late = slot(2, State::Surplus(server(2)));
    late.proof = id(1);
    group.slots.put(late);
    group.state.phase = Phase::Tombstone;
    check(&group, &unseen, 0, &[2]);
}

#[test]
fn max_lowered_issues_nothing_until_the_surplus_is_on_its_way_out() {
    let mut group = group_of(4, actives(6));
    group.config.bounds = Bounds::new(Size(0), Size(4)).expect("bounds");
    check(&group, &seen(&group), 0, &[1]);
}

#[test]
fn a_server_whose_cell_is_down_is_replaced_after_half_an_hour_and_within_max() {
    for (max, second, used) in [(9, 1889, 0), (9, 1890, 1), (3, 1890, 0)] {
        let mut group = group_of(3, actives(3));
        group.config.bounds = Bounds::new(Size(0), Size(max)).expect("bounds");
        let mut watch = seen(&group);
        let dark = crate::evidence::Row {
            proof: crate::evidence::Proof::Unreadable,
            ours: false,
            ..row(1, 1, Status::Unknown)
        };
        for began in [90, 1000, second] {
            let rows = vec![dark.clone(), row(2, 2, Status::Up), row(3, 3, Status::Up)];
            let mut draft = Draft::new(&group, at(began));
            weigh(
                &mut draft,
                &mut watch,
                &list(began, Extent::Complete, rows),
                &Around::default(),
                &mut || id(9999),
            );
        }
        let mut draft = Draft::new(&group, at(second));
        assert_eq!(
            plan(&mut draft, &watch, &permits(5)),
            used,
            "max {max} at {second}"
        );
        // And the replacement is not scaled in again while the cell is down.
        assert_eq!(excess(&draft, &watch), 0);
    }
}
