//! What a commit costs, counted.

use std::convert::Infallible;

use domain::group::Group;
use domain::ids::{EventId, Fence};
use domain::slot::State;

use super::files::put_group;
use super::*;
use crate::apply::apply;
use crate::conformance::sample::{self, NOON};

/// A group with that many servers.
async fn with_servers(subject: &OnDisk, id: u128, servers: u128) -> Group {
    let mut group = put_group(&subject.store, id).await;
    let slots: Vec<_> = (0..servers)
        .map(|n| sample::slot((id << 32) | n, State::Active(sample::server(n))))
        .collect();
    for some in slots.chunks(32) {
        group = decide(subject, group, some.to_vec(), None).await;
    }
    group
}

/// One event with its slot, as an owner commits it.
async fn decide(
    subject: &OnDisk,
    group: Group,
    slots: Vec<domain::slot::Slot>,
    event: Option<EventId>,
) -> Group {
    let key = group.key.clone();
    let groups = subject.stores().groups;
    let done = apply(
        &subject.process,
        &*groups,
        &key,
        Fence(1),
        Some(group),
        |view| {
            let mut change = sample::desired(view.group, 3);
            change.slots.clone_from(&slots);
            let verdict = |id| sample::verdict(id, view.group.rev, NOON);
            change.verdicts = event.iter().map(verdict).collect();
            Ok::<_, Infallible>(Some(change))
        },
    );
    done.await.unwrap()
}

/// What `count` events on a group of that size cost.
async fn cost(servers: u128, count: u128) -> Counts {
    let subject = OnDisk::new(Settings::default());
    let mut group = with_servers(&subject, 1, servers).await;
    let before = subject.store.counters();
    for n in 0..count {
        let slot = sample::slot(u128::MAX - n, State::Issued(sample::issue()));
        let event = sample::text(&format!("event-{n:020}"));
        group = decide(&subject, group, vec![slot], Some(event)).await;
    }
    let after = subject.store.counters();
    Counts {
        commits: after.commits - before.commits,
        transactions: after.transactions - before.transactions,
        fsyncs: after.fsyncs - before.fsyncs,
        bytes_written: after.bytes_written - before.bytes_written,
        row_bytes: after.row_bytes - before.row_bytes,
        round_trips: after.round_trips - before.round_trips,
        looks: after.looks - before.looks,
    }
}

#[tokio::test]
async fn an_event_is_one_round_trip_and_one_commit() {
    let cost = cost(1, 50).await;
    assert_eq!(cost.round_trips, 50);
    assert_eq!(cost.commits, 50);
}

#[tokio::test]
async fn what_the_clock_asks_is_counted_apart() {
    let subject = OnDisk::new(Settings::default());
    let before = subject.store.counters();
    let stores = subject.stores();
    stores.controls.standing().await.unwrap();
    stores.groups.timed(NOON, 10, &|_| true).await.unwrap();
    let after = subject.store.counters();
    assert_eq!(after.looks - before.looks, 2);
    assert_eq!(after.round_trips, before.round_trips);
}

#[tokio::test]
async fn an_event_writes_the_same_whatever_the_size_of_its_group() {
    let small = cost(1, 100).await;
    let large = cost(1000, 100).await;
    // Longer revisions have more digits.
    assert!(large.row_bytes * 100 <= small.row_bytes * 101);
    // Figure G7: 1.2 is the bar.
    assert!(
        large.bytes_written * 10 <= small.bytes_written * 12,
        "{large:?} against {small:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_goes_into_one_transaction() {
    let subject = Arc::new(OnDisk::new(Settings::default()));
    let mut running = Vec::new();
    for id in 1..=64 {
        let mut group = put_group(&subject.store, id).await;
        let worker = Arc::clone(&subject);
        running.push(subject.process.tasks.spawn("owner", async move {
            for _ in 0..20 {
                group = decide(&worker, group, Vec::new(), None).await;
            }
        }));
    }
    let before = subject.store.counters();
    for owner in running {
        owner.join().await.unwrap();
    }
    let after = subject.store.counters();
    let commits = after.commits - before.commits;
    let transactions = after.transactions - before.transactions;
    assert!(
        transactions * 4 <= commits,
        "{transactions} transactions for {commits} commits"
    );
}
