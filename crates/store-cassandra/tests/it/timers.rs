//! When groups have to be woken, whatever has become of some of them.

use std::convert::Infallible;

use chassis::Process;
use domain::ids::{Fence, GroupKey, PolicyId};
use domain::time::Timestamp;
use store::Error;
use store::apply::{View, apply};
use store::conformance::sample;
use store::group::{Groups, Level};
use store_cassandra::{Settings, session_builder};

use crate::{group, keyspace, open};

/// A new group that has to be woken then.
async fn timed(process: &Process, groups: &dyn Groups, at: Timestamp) -> GroupKey {
    let key = group(process, groups).await.expect("a group").key;
    let policy: PolicyId = sample::text("nightly");
    let decide = |view: View<'_>| {
        let mut change = sample::desired(view.group, 3);
        change.state.timers = [(policy.clone(), at)].into();
        change.wake = Some(change.state.wake());
        Ok::<_, Infallible>(Some(change))
    };
    let done = apply(process, groups, &key, Fence(0), None, decide).await;
    done.expect("a commit").key
}

/// Writes a configuration over the group's that nothing can read.
async fn spoil(settings: &Settings, key: &GroupKey) {
    let builder = session_builder(settings).expect("whole settings");
    let session = builder.build().await.expect("a session");
    let statement = format!(
        "UPDATE {}.grp SET cfg = '[' WHERE tenant = '{}' AND gid = '{}' AND home_epoch = {} AND kind = 0 AND id = 0x",
        settings.keyspace, key.tenant, key.id, key.epoch.0
    );
    let done = session.query_unpaged(statement.as_str(), ()).await;
    done.expect("a write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_group_that_cannot_be_read_keeps_no_other_groups_timer_back() {
    let process = Process::system();
    let settings = keyspace(&process).await;
    let groups = open(&process, &settings).await.stores().groups;
    let [first, second, now] = [1_000, 2_000, 3_000].map(Timestamp::from_unix_ms);
    let broken = timed(&process, &*groups, first).await;
    let sound = timed(&process, &*groups, second).await;
    spoil(&settings, &broken).await;
    let read = groups.read(&broken, Level::Relaxed).await;
    assert!(matches!(read, Err(Error::Corrupt(_))), "{read:?}");
    // Its own owner is woken too, and says what is wrong.
    let due = groups.timed(now, 10, &|_| true).await.expect("an answer");
    assert_eq!(due, [(first, broken), (second, sound)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn timers_of_former_epochs_are_thrown_away_and_their_groups_stay() {
    let process = Process::system();
    let settings = keyspace(&process).await;
    let groups = open(&process, &settings).await.stores().groups;
    let [at, now] = [1_000, 3_000].map(Timestamp::from_unix_ms);
    let key = timed(&process, &*groups, at).await;
    for (epoch, due) in [
        (key.epoch, vec![(at, key.clone())]),
        (key.epoch.next(), vec![]),
    ] {
        groups.forget_timers(epoch).await.expect("an answer");
        let found = groups.timed(now, 10, &|_| true).await;
        assert_eq!(found.expect("an answer"), due);
    }
    let group = groups.read(&key, Level::Serial).await.expect("an answer");
    assert!(group.is_some_and(|group| !group.state.timers.is_empty()));
}
