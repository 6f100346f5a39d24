//! Offers and wants meet: permits, replies, the queue, sign-ins and wakes, under a paused clock.

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::{Process, SimulatedProcess};
use domain::ids::{GroupId, GroupKey, HomeEpoch, Incarnation, SlotId, TenantId};
use wire::ports::ops::{Call, Offer, Op, Priority, Subject};

use super::{Handout, Wake};

fn handout() -> Handout {
    Handout::new(Process::simulated(SimulatedProcess::default()))
}

fn tenant() -> TenantId {
    "a".parse().unwrap()
}

fn group(id: u128) -> GroupKey {
    GroupKey {
        tenant: tenant(),
        id: GroupId::from_u128(id),
        epoch: HomeEpoch(0),
    }
}

fn subject() -> Subject {
    Subject::Group(group(1))
}

fn offer(worker: &str, life: u128, creates: u32, tokens: bool) -> Offer {
    let tokens = tokens.then(|| (tenant(), Duration::from_secs(600)));
    Offer {
        worker: worker.parse().unwrap(),
        incarnation: Incarnation::from_u128(life),
        creates,
        others: 4,
        tokens: tokens.into_iter().collect::<BTreeMap<_, _>>(),
        wait: Duration::from_secs(5),
    }
}

fn tagged(slot: u128) -> Call {
    Call::ListTagged {
        slot: SlotId::from_u128(slot),
    }
}

fn calls(ops: Vec<Op>) -> Vec<Call> {
    ops.into_iter().map(|op| op.call).collect()
}

/// What an offer that comes now is given at once.
fn given(handout: &Handout, worker: &str) -> Vec<Call> {
    let (mut reply, _withdraw, _) = handout.enter(offer(worker, 1, 0, false));
    reply.try_recv().map(calls).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn an_operation_travels_in_the_reply_of_the_poll_that_offered_its_permit() {
    let handout = handout();
    let (mut first, _first, _) = handout.enter(offer("w1", 1, 1, true));
    let (mut second, _second, _) = handout.enter(offer("w2", 2, 1, true));
    for held in handout.reserve(&group(1), 2) {
        let slot = u128::from(held.permit.worker.to_string() == "w2");
        assert!(held.fulfil(subject(), tagged(slot), None));
    }
    assert_eq!(calls(first.try_recv().unwrap()), [tagged(0)]);
    assert_eq!(calls(second.try_recv().unwrap()), [tagged(1)]);
}

#[tokio::test(start_paused = true)]
async fn unused_permits_go_back_to_their_poll() {
    let handout = handout();
    let (mut reply, _withdraw, _) = handout.enter(offer("w", 1, 2, true));
    let held = handout.reserve(&group(1), 5);
    assert_eq!(held.len(), 2);
    assert!(handout.reserve(&group(2), 1).is_empty());
    drop(held);
    assert_eq!(handout.reserve(&group(2), 5).len(), 2);
    assert!(reply.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_comes_back_unused_is_passed_on_to_a_group_that_waits() {
    let handout = handout();
    let (_reply, _withdraw, _) = handout.enter(offer("w", 1, 1, true));
    let held = handout.reserve(&group(1), 1);
    assert!(handout.reserve(&group(2), 1).is_empty());
    drop(held);
    assert_eq!(handout.freed().await, [group(2)]);
    assert_eq!(handout.reserve(&group(2), 1).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reply_waits_for_all_commits_in_flight() {
    let handout = handout();
    let (mut reply, withdraw, _) = handout.enter(offer("w", 1, 3, true));
    let mut held = handout.reserve(&group(1), 3);
    assert!(held.pop().unwrap().fulfil(subject(), tagged(1), None));
    assert!(reply.try_recv().is_err());
    handout.expire(&withdraw);
    drop(held.pop());
    assert!(reply.try_recv().is_err());
    assert!(held.pop().unwrap().fulfil(subject(), tagged(2), None));
    assert_eq!(calls(reply.try_recv().unwrap()), [tagged(1), tagged(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_poll_hands_out_nothing() {
    let handout = handout();
    let (_reply, withdraw, _) = handout.enter(offer("w", 1, 1, true));
    let held = handout.reserve(&group(1), 1).pop().unwrap();
    drop(withdraw);
    assert!(!held.fulfil(subject(), tagged(1), None));
    let (gone, _withdraw, _) = handout.enter(offer("w", 1, 1, true));
    let held = handout.reserve(&group(1), 1).pop().unwrap();
    drop(gone);
    assert!(!held.fulfil(subject(), tagged(2), None));
}

#[tokio::test(start_paused = true)]
async fn an_expired_offer_replies_empty_and_takes_no_new_work() {
    let handout = handout();
    let (mut reply, withdraw, _) = handout.enter(offer("w", 1, 1, true));
    handout.expire(&withdraw);
    assert!(reply.try_recv().unwrap().is_empty());
    assert!(handout.reserve(&group(1), 1).is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_queue_takes_a_call_once_and_gives_the_most_urgent_first() {
    let handout = handout();
    let queue = |slot, priority| handout.queue(subject(), (tagged(slot), None), priority, None);
    assert!(queue(1, Priority::Housekeeping).is_some());
    assert!(queue(2, Priority::Doubt).is_some());
    assert!(queue(1, Priority::Doubt).is_none());
    assert_eq!(given(&handout, "w"), [tagged(2), tagged(1)]);
    assert!(queue(1, Priority::Doubt).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_call_for_one_worker_waits_for_that_worker() {
    let handout = handout();
    let only = Some("w1".parse().unwrap());
    let op = handout.queue(subject(), (tagged(1), None), Priority::Doubt, only);
    assert!(op.is_some());
    assert!(given(&handout, "w2").is_empty());
    assert_eq!(given(&handout, "w1"), [tagged(1)]);
}

#[tokio::test(start_paused = true)]
async fn questions_to_a_worker_that_never_comes_back_leave_the_queue() {
    let handout = handout();
    let void = |slot| {
        let call = Call::Void {
            slot: SlotId::from_u128(slot),
            incarnation: Incarnation::from_u128(1),
        };
        let only = Some("gone".parse().unwrap());
        handout.queue(subject(), (call, None), Priority::Doubt, only)
    };
    let list = || {
        let call = (Call::List, None);
        handout.queue(Subject::Tenant(tenant()), call, Priority::Doubt, None)
    };
    assert!((0..1024).all(|slot| void(slot).is_some()));
    for second in [0, 119] {
        tokio::time::advance(Duration::from_secs(second)).await;
        assert!(given(&handout, "w").is_empty());
        assert!(list().is_none(), "the tenant has no room");
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(given(&handout, "w").is_empty());
    assert!(list().is_some());
    assert!(void(1).is_some(), "it is asked again");
    assert_eq!(given(&handout, "w"), [Call::List]);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_without_a_token_causes_one_sign_in_per_pause() {
    let handout = handout();
    let asked = |creates| {
        assert!(handout.reserve(&group(1), creates).is_empty());
        given(&handout, "w")
    };
    assert_eq!(asked(1), [Call::SignIn]);
    assert!(asked(1).is_empty());
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(asked(1), [Call::SignIn]);
    handout.not_signed_in(&tenant(), Duration::from_secs(60));
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(asked(1).is_empty());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(asked(1), [Call::SignIn]);
}

#[tokio::test(start_paused = true)]
async fn waiting_groups_are_woken_in_order_of_asking() {
    let handout = handout();
    for id in [3, 1, 2] {
        assert!(handout.reserve(&group(id), 1).is_empty());
    }
    // The sign-in that this caused goes to another worker first, which is no offer of creates.
    assert_eq!(given(&handout, "other"), [Call::SignIn]);
    let (_reply, _withdraw, wake) = handout.enter(offer("w", 1, 2, true));
    assert!(matches!(wake, Wake::Waiting(keys) if keys == [group(3), group(1)]));
    let (_reply, _withdraw, wake) = handout.enter(offer("w", 1, 2, true));
    assert!(matches!(wake, Wake::Waiting(keys) if keys == [group(2)]));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_reborn_wakes_everybody() {
    let handout = handout();
    let worker = "w".parse().unwrap();
    let (_reply, _withdraw, wake) = handout.enter(offer("w", 1, 1, true));
    assert!(matches!(wake, Wake::Waiting(keys) if keys.is_empty()));
    assert!(!handout.is_succeeded(&worker, Incarnation::from_u128(1)));
    let (_reply, _withdraw, wake) = handout.enter(offer("w", 2, 1, true));
    assert!(matches!(wake, Wake::All));
    assert!(handout.is_succeeded(&worker, Incarnation::from_u128(1)));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_put_into_a_poll_of_a_former_life() {
    let handout = handout();
    let (reply, _withdraw, _) = handout.enter(offer("w", 1, 1, true));
    let (_reply, _withdraw_2, _) = handout.enter(offer("w", 2, 0, true));
    assert_eq!(reply.await.unwrap(), Vec::new(), "the old poll ends empty");
    assert!(
        handout.reserve(&group(1), 1).is_empty(),
        "its permits went with it"
    );
}

#[tokio::test(start_paused = true)]
async fn the_offer_that_holds_the_creates_is_made_anew_once_its_worker_has_the_tenants_token() {
    let handout = handout();
    let (mut signs_in, _signs_in, _) = handout.enter(offer("w", 1, 0, false));
    let (mut holds, _holds, _) = handout.enter(offer("w", 1, 4, false));
    let (mut other, _other, _) = handout.enter(offer("v", 2, 4, false));
    assert!(handout.reserve(&group(1), 1).is_empty());
    assert_eq!(calls(signs_in.try_recv().unwrap()), [Call::SignIn]);
    let (_reply, _named, wake) = handout.enter(offer("w", 1, 0, true));
    assert!(matches!(wake, Wake::Waiting(keys) if keys.is_empty()));
    assert!(
        holds.try_recv().unwrap().is_empty(),
        "at once, not after 5 s"
    );
    assert!(other.try_recv().is_err(), "its worker is not signed in");
    let (_reply, _anew, wake) = handout.enter(offer("w", 1, 4, true));
    assert!(matches!(wake, Wake::Waiting(keys) if keys == [group(1)]));
    assert_eq!(handout.reserve(&group(1), 1).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_offer_is_made_anew_for_whoever_comes_after_the_sign_in_too() {
    let handout = handout();
    let (mut holds, _holds, _) = handout.enter(offer("w", 1, 4, false));
    let (mut named, _named, _) = handout.enter(offer("w", 1, 0, true));
    let (mut lost, _lost, _) = handout.enter(offer("w", 1, 2, false));
    assert!(handout.reserve(&group(1), 1).is_empty());
    assert!(holds.try_recv().unwrap().is_empty());
    assert!(named.try_recv().is_err());
    assert!(
        lost.try_recv().is_err(),
        "by now the token is not there any more"
    );
}
