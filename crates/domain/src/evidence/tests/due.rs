//! What is due, and when.

use super::*;

fn wake(scene: &Scene, second: u64) -> Wake {
    scene.watch.due(&scene.group, at(second))
}

fn deleting(n: u128) -> Slot {
    slot(n, State::Deleting(server(n), DeleteWhy::ScaleIn))
}

/// Seconds at which a delete is due until `last`, when every call is answered at once with that outcome.
fn check_deletes(outcome: &Outcome, last: u64, expect: &[u64]) {
    let mut scene = Scene::new(0, [deleting(1)]);
    let mut sent = Vec::new();
    for second in 1..=last {
        if wake(&scene, second).deletes.is_empty() {
            continue;
        }
        sent.push(second);
        scene.watch.handed_out(id(1), mono(second));
        let watch = &mut scene.watch;
        commit(
            &mut scene.group,
            |d| settle(d, watch, id(1), outcome),
            at(second),
        );
    }
    assert_eq!(sent, expect, "{outcome:?}");
}

#[test]
fn a_delete_is_sent_again_as_its_answer_asks() {
    check_deletes(&Outcome::DeleteAccepted(server(1)), 1300, &[1, 601, 1201]);
    check_deletes(&Outcome::Locked(server(1)), 3700, &[1, 1801, 3601]);
    check_deletes(&Outcome::DeleteUnclear(server(1)), 200, &[1, 21, 61, 141]);
    check_deletes(&Outcome::NotOurs(server(1)), 2000, &[1]);
    check_deletes(&Outcome::NotFound(server(1)), 200, &[1, 31]);
}

#[test]
fn a_delete_without_an_answer_is_due_again_when_its_report_is_overdue() {
    let mut scene = Scene::new(0, [deleting(1)]);
    scene.watch.handed_out(id(1), mono(1));
    assert!(wake(&scene, 45).deletes.is_empty());
    assert_eq!(wake(&scene, 45).next, Some(mono(46)));
    let call = wake(&scene, 46).deletes.pop().expect("a delete");
    assert_eq!(
        (call.slot, call.server, call.proof),
        (id(1), server(1), id(1))
    );
}

#[test]
fn a_delete_that_was_not_begun_is_due_again_when_the_worker_says_and_counts_as_no_try() {
    let mut scene = Scene::new(0, [deleting(1)]);
    for n in 0..20 {
        scene.watch.handed_out(id(1), mono(100 * n));
        scene.watch.not_done(id(1), mono(100 * n + 7));
        assert!(wake(&scene, 100 * n + 6).deletes.is_empty());
        assert_eq!(wake(&scene, 100 * n + 7).deletes.len(), 1);
    }
    assert!(wake(&scene, 3000).stuck.is_empty());
}

#[test]
fn a_delete_that_waits_for_its_turn_counts_as_one_try_however_long_it_waits() {
    let mut scene = Scene::new(0, [deleting(1)]);
    scene.watch.handed_out(id(1), mono(0));
    for n in 1..20 {
        assert!(wake(&scene, 100 * n - 56).deletes.is_empty());
        let due = wake(&scene, 100 * n);
        assert_eq!((due.deletes.len(), due.stuck.len()), (1, 0));
        scene.watch.put_off(id(1), mono(100 * n));
    }
}

#[test]
fn a_delete_that_never_works_becomes_a_persons_business() {
    let mut scene = Scene::new(0, [deleting(1)]);
    for n in 0..=6 {
        assert!(wake(&scene, 1000 * n).stuck.is_empty());
        scene.watch.handed_out(id(1), mono(1000 * n));
    }
    assert!(
        wake(&scene, 6001).stuck.is_empty(),
        "said once for each try"
    );
    assert_eq!(wake(&scene, 7000).stuck, [id(1)]);
}

#[test]
fn a_disowned_server_or_one_of_a_paused_group_is_not_deleted() {
    let mut slot = deleting(1);
    slot.flags.disowned = true;
    assert!(wake(&Scene::new(0, [slot]), 10).deletes.is_empty());
    let mut scene = Scene::new(0, [deleting(1)]);
    scene.group.state.phase = Phase::Paused;
    assert!(wake(&scene, 10).deletes.is_empty());
}

#[test]
fn a_void_is_asked_when_the_report_is_overdue_or_the_worker_dead() {
    let mut scene = Scene::new(10, [slot(1, State::Issued(issue(100)))]);
    assert!(wake(&scene, 54).voids.is_empty());
    assert_eq!(wake(&scene, 54).next, Some(mono(55)));
    assert_eq!(wake(&scene, 55).voids.len(), 1);
    scene.watch.handed_out(id(1), mono(55));
    assert!(wake(&scene, 84).voids.is_empty());
    assert_eq!(wake(&scene, 85).voids.len(), 1);
    let mut scene = Scene::new(10, [slot(1, State::Issued(issue(100)))]);
    scene.watch.died(issue(100).incarnation);
    assert_eq!(wake(&scene, 11).voids.len(), 1);
    // A call that is known to have begun is not asked about.
    let scene = Scene::new(10, [doubt(1)]);
    assert!(wake(&scene, 100).voids.is_empty());
    let lost = State::InDoubt(issue(100), DoubtWhy::WorkerLost);
    assert_eq!(wake(&Scene::new(10, [slot(1, lost)]), 100).voids.len(), 1);
}

/// When a list is due for slots noticed at second 10, after complete lists at the given seconds.
fn check_list(slots: Vec<Slot>, lists: &[u64], expect: Option<u64>) {
    let mut scene = Scene::new(10, slots);
    for began in lists {
        let rows = scene
            .group
            .slots
            .open()
            .filter_map(|s| {
                Some(row(
                    s.state.server()?.as_u128(),
                    s.proof.as_u128(),
                    Status::Building,
                ))
            })
            .collect();
        scene.weigh(*began, C, rows);
    }
    let last = lists.last().copied().unwrap_or(10);
    assert_eq!(wake(&scene, last + 1).list, expect.map(mono), "{lists:?}");
}

#[test]
fn lists_come_often_while_something_is_expected_and_seldom_otherwise() {
    check_list(vec![], &[], None);
    check_list(vec![slot(1, State::Issued(issue(9)))], &[], None);
    let booting = || vec![slot(1, State::Accepted(server(1)))];
    check_list(booting(), &[], Some(15));
    check_list(booting(), &[15], Some(20));
    check_list(booting(), &[15, 20], Some(30));
    check_list(booting(), &[15, 20, 30], Some(50));
    check_list(booting(), &[15, 20, 30, 50], Some(80));
    check_list(actives(1), &[20], Some(80));
    check_list(vec![doubt(1)], &[], Some(10));
    check_list(vec![doubt(1)], &[20], Some(50));
    check_list(vec![doubt(1)], &[170], Some(190));
    check_list(vec![doubt(1)], &[190], Some(220));
    let failed = slot(1, State::Failed(FailWhy::NotSent));
    check_list(vec![failed], &[20], Some(920));
    check_list(
        vec![slot(1, State::Lapsed(issue(100), Hold::Counted))],
        &[20],
        Some(470),
    );
}

#[test]
fn a_missing_server_is_looked_for_again_soon() {
    let mut scene = Scene::new(10, actives(1));
    scene.weigh(70, C, vec![]);
    assert_eq!(wake(&scene, 71).list, Some(mono(75)));
}

#[test]
fn a_late_202_asks_for_a_list_at_once() {
    let mut scene = Scene::new(10, [slot(1, State::Failed(FailWhy::NotSent))]);
    scene.weigh(20, C, vec![]);
    let watch = &mut scene.watch;
    commit(
        &mut scene.group,
        |d| settle(d, watch, id(1), &Outcome::Created(server(7))),
        at(30),
    );
    assert_eq!(wake(&scene, 31).list, Some(mono(30)));
    scene.weigh(32, C, vec![row(7, 1, Status::Up)]);
    assert_eq!(scene.state(501), &State::Surplus(server(7)));
}

#[test]
fn a_scale_in_asks_for_a_fresh_list() {
    let mut scene = Scene::new(10, actives(3));
    scene.group.state.desired = crate::capacity::Size(1);
    assert_eq!(wake(&scene, 20).list, Some(mono(0)), "none yet");
    let rows = (1..=3).map(|n| row(n, n, Status::Up)).collect();
    scene.weigh(30, C, rows);
    scene.group.state.shrunk = Some(wall(32));
    let wake = wake(&scene, 32);
    assert_eq!((wake.list, wake.next), (Some(mono(90)), Some(mono(92))));
}
