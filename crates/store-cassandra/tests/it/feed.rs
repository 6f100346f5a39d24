//! What was committed comes out of the feed, whoever committed it and whoever reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use domain::group::Group;
use domain::ids::{ColoId, Fence, GroupId, GroupKey, HomeEpoch};
use store::Stores;
use store::apply::{View, apply, create};
use store::conformance::sample;
use store::feed::{Batch, Feed, Next};
use store_cassandra::{Cassandra, Settings};

use crate::{keyspace, open};

const NAME: &str = "test";

/// A commit: its group and revision.
type Commit = (GroupKey, u64);

async fn fed(process: &Process) -> (Cassandra, Settings) {
    let settings = Settings {
        feed: true,
        ..keyspace(process).await
    };
    (open(process, &settings).await, settings)
}

/// Makes a group, and so many changes of it.
async fn changes(process: &Process, stores: &Stores, count: u32) -> Vec<Commit> {
    let key = GroupKey {
        tenant: sample::text("acme"),
        id: GroupId::new(ColoId(1), process.entropy.u128()),
        epoch: HomeEpoch(1),
    };
    let fresh = Group::new(key.clone(), sample::config());
    let first = sample::first(&fresh);
    let made = create(process, &*stores.groups, fresh, first).await;
    let mut group = made.expect("a group");
    for n in 0..count {
        let decide = |view: View<'_>| {
            Ok::<_, std::convert::Infallible>(Some(sample::desired(view.group, n + 3)))
        };
        let done = apply(
            process,
            &*stores.groups,
            &key,
            Fence(0),
            Some(group),
            decide,
        )
        .await;
        group = done.expect("a change");
    }
    (1..=u64::from(count) + 1)
        .map(|rev| (key.clone(), rev))
        .collect()
}

async fn next(feed: &Arc<dyn Feed>) -> Batch {
    match feed.next(500).await.expect("an answer") {
        Next::Changes(batch) => batch,
        Next::Elsewhere => unreachable!("nobody else reads"),
    }
}

fn commits(batch: &Batch) -> BTreeSet<Commit> {
    let one = |found: &store::search::Found| (found.key.clone(), found.record.rev.0);
    batch.items.iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn what_every_process_committed_comes_until_it_is_passed() {
    let process = Process::system();
    let (one, settings) = fed(&process).await;
    let two = open(&process, &settings).await;
    let mut expected: BTreeSet<Commit> = BTreeSet::new();
    expected.extend(changes(&process, &one.stores(), 7).await);
    expected.extend(changes(&process, &two.stores(), 5).await);
    let feed = one.feed(NAME);
    let batch = next(&feed).await;
    assert_eq!(commits(&batch), expected);
    let again = next(&feed).await;
    assert_eq!(commits(&again), expected, "what was not passed comes again");
    feed.passed(&again.mark).await.expect("passed");
    assert_eq!(commits(&next(&feed).await), BTreeSet::new());
    let later = changes(&process, &two.stores(), 1).await;
    assert_eq!(commits(&next(&feed).await), later.into_iter().collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_dead_reader_is_replaced_and_nothing_is_missed() {
    let process = Process::system();
    let (store, settings) = fed(&process).await;
    let first = changes(&process, &store.stores(), 3).await;
    let dead = store.feed(NAME);
    let batch = next(&dead).await;
    dead.passed(&batch.mark).await.expect("passed");
    let second = changes(&process, &store.stores(), 3).await;
    assert_eq!(next(&dead).await.items.len(), 4);
    drop(dead);
    let other = open(&process, &settings).await.feed(NAME);
    assert_eq!(other.next(500).await.expect("an answer"), Next::Elsewhere);
    process.clock.sleep(Duration::from_secs(31)).await;
    let found = commits(&next(&other).await);
    assert_eq!(found, second.into_iter().collect(), "{first:?} was passed");
}

/// What the feed costs beside the one request of a commit: figure G5's hint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_line_is_one_request_and_many_commits_share_one() {
    let process = Process::system();
    let (store, _settings) = fed(&process).await;
    let stores = store.stores();
    drop(changes(&process, &stores, 1).await);
    let requests = || store.counters().requests;
    let before = requests();
    drop(changes(&process, &stores, 20).await);
    // Four and a line for the group; one and a line for each change.
    assert_eq!(requests() - before, 5 + 2 * 20);
    let before = requests();
    let many = (0..64).map(|_| changes(&process, &stores, 10));
    let made: usize = futures_util::future::join_all(many)
        .await
        .iter()
        .map(Vec::len)
        .sum();
    let lines = requests() - before - 64 * 4 - 64 * 10;
    // How many share one depends on how fast the cluster is.
    assert!(lines < made as u64, "{lines} writes for {made} lines");
    println!("{made} commits at 64 at once: {lines} writes to the feed");
}
