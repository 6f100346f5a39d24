//! What messages of hooks leave behind in their group.

use std::convert::Infallible;

use chassis::Process;
use domain::draft::Draft;
use domain::group::{Cause, Group};
use domain::ids::Fence;
use domain::outbox::Delivery;
use domain::time::{Mono, Now};
use store::apply::{View, apply};
use store::conformance::sample;
use store::group::{Groups, Level};
use store_cassandra::{Settings, session_builder};

use crate::{group, keyspace, open};

/// Messages in one commit.
const AT_ONCE: u64 = 90;
/// Commits that make so many, each followed by one that closes them.
const ROUNDS: u64 = 12;

/// Commits these messages as an owner does that knows the group.
async fn post(process: &Process, groups: &dyn Groups, known: Group, posts: &[Delivery]) -> Group {
    let key = known.key.clone();
    let now = Now {
        wall: sample::NOON,
        mono: Mono::from_ms(0),
    };
    let decide = |view: View<'_>| {
        let mut draft = Draft::new(view.group, now);
        posts.iter().for_each(|one| draft.post(one.clone()));
        Ok::<_, Infallible>(Some(draft.finish(Cause::Converge, sample::actor())))
    };
    let done = apply(process, groups, &key, Fence(0), Some(known), decide).await;
    done.expect("a commit")
}

/// The most tombstones that one read of a group met so far, on any node that counted one.
async fn most_met(settings: &Settings) -> f64 {
    let session = session_builder(settings).expect("whole settings");
    let session = session.build().await.expect("a session");
    let select = "SELECT max FROM system_views.tombstones_per_read WHERE keyspace_name = ? AND table_name = 'grp'";
    let mut most = 0.0_f64;
    // Each node tells of itself, and they are asked in turns.
    for _ in 0..12 {
        let answer = session.query_unpaged(select, (&settings.keyspace,)).await;
        let rows = answer.expect("an answer").into_rows_result();
        let row = rows.expect("rows").maybe_first_row::<(f64,)>();
        most = most.max(row.expect("a number").map_or(0.0, |(max,)| max));
    }
    most
}

/// A node gives a read up that meets 100 000 tombstones, and a table forgets them after ten days: hooks of a busy group are told more than that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_group_that_told_its_hooks_much_is_read_past_few_tombstones() {
    let process = Process::system();
    let settings = keyspace(&process).await;
    let groups = open(&process, &settings).await.stores().groups;
    let made = group(&process, &*groups).await.expect("a group");
    // One stays open below all the others: a receiver that does not answer.
    let mut group = post(&process, &*groups, made, &[sample::open(1)]).await;
    for round in 0..ROUNDS {
        let numbers = 2 + round * AT_ONCE..2 + (round + 1) * AT_ONCE;
        let opened: Vec<_> = numbers.clone().map(sample::open).collect();
        group = post(&process, &*groups, group, &opened).await;
        let closed: Vec<_> = numbers.map(sample::dead).collect();
        group = post(&process, &*groups, group, &closed).await;
    }
    let found = groups.read(&group.key, Level::Serial).await;
    assert_eq!(found.expect("an answer"), Some(group));
    let met = most_met(&settings).await;
    assert!((1.0..20.0).contains(&met), "{met} tombstones in one read");
}
