//! Commits whose requests and answers get lost, late or cut on the way: each counts once, and what was acknowledged stays.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use domain::group::Group;
use domain::ids::{ColoId, EventId, Fence, GroupId, GroupKey, HomeEpoch, Rev};
use store::apply::{Refused, View, apply, create};
use store::conformance::sample::{self, NOON};
use store::group::{Before, Groups, Level};
use store::record::{self, GENESIS};
use store_cassandra::{Cassandra, Settings};

use crate::proxy::{Fate, Proxy};
use crate::{keyspace, open};

/// A store behind a proxy.
struct Stage {
    process: Process,
    proxy: Proxy,
    store: Cassandra,
    groups: Arc<dyn Groups>,
}

/// Short time-outs, so that the cases are: the real ones differ by a factor only.
async fn stage(unclear_for: Duration) -> Stage {
    let process = Process::system();
    let settings = keyspace(&process).await;
    let proxy = Proxy::start(&process, &settings.contact_points[0]).await;
    let through = Settings {
        contact_points: vec![proxy.address.to_string()],
        request_timeout: Duration::from_millis(1_500),
        unclear_for,
        ..settings
    };
    let store = open(&process, &through).await;
    Stage {
        groups: store.stores().groups,
        process,
        proxy,
        store,
    }
}

impl Stage {
    async fn group(&self) -> Group {
        let key = GroupKey {
            tenant: "acme".parse().expect("a healthy answer"),
            id: GroupId::new(ColoId(1), self.process.entropy.u128()),
            epoch: HomeEpoch(1),
        };
        let fresh = Group::new(key, sample::config());
        let first = sample::first(&fresh);
        let made = create(&self.process, &*self.groups, fresh, first).await;
        made.expect("a healthy answer")
    }

    /// One more server, for one event.
    async fn more(&self, key: &GroupKey, event: &EventId) -> Result<Group, Refused<Infallible>> {
        let decide = |view: View<'_>| {
            if view.decided.contains(event) {
                return Ok(None);
            }
            let mut change = sample::desired(view.group, view.group.state.desired.0 + 1);
            change.verdicts = vec![sample::verdict(event, view.group.rev, NOON)];
            Ok(Some(change))
        };
        apply(&self.process, &*self.groups, key, Fence(0), None, decide).await
    }

    /// The same, until it is acknowledged: a store that works again has to be used again.
    async fn at_last(&self, key: &GroupKey, event: &EventId) {
        for _ in 0..100 {
            if self.more(key, event).await.is_ok() {
                return;
            }
            self.process.clock.sleep(Duration::from_millis(200)).await;
        }
        let last = self.more(key, event).await;
        assert!(last.is_ok(), "{last:?}");
    }

    /// The group as committed, with a whole chain of records.
    async fn found(&self, key: &GroupKey) -> Group {
        let group = self
            .groups
            .read(key, Level::Serial)
            .await
            .expect("a healthy answer")
            .expect("a healthy answer");
        let mut records = self
            .groups
            .records(key, None, 10_000, Level::Serial)
            .await
            .expect("a healthy answer");
        records.reverse();
        record::verify(&records, Rev(1), GENESIS).expect("a healthy answer");
        assert_eq!(u64::try_from(records.len()).ok(), Some(group.rev.0));
        group
    }
}

/// One event under one fate: it counts once, and the caller is told so.
async fn counts_once(fates: &[Fate], unclear_for: Duration) {
    let stage = stage(unclear_for).await;
    let group = stage.group().await;
    stage.proxy.plan(fates);
    let event: EventId = "the-event".parse().expect("a healthy answer");
    let after = stage
        .more(&group.key, &event)
        .await
        .expect("a healthy answer");
    assert_eq!(after.state.desired, group.state.desired.offset(1));
    assert_eq!(stage.proxy.planned(), 0, "a planned fault did not happen");
    // What is still on its way has arrived by then, and changes nothing.
    stage.process.clock.sleep(Duration::from_secs(3)).await;
    let found = stage.found(&group.key).await;
    assert_eq!(found.state.desired, group.state.desired.offset(1));
    let verdict = stage
        .groups
        .verdict(&group.key, &event)
        .await
        .expect("a healthy answer");
    assert!(verdict.is_some());
    let counts = stage.store.counters();
    assert!(counts.unknown >= 1, "{counts:?}");
}

const ENOUGH: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_commit_whose_answer_is_dropped_counts_once() {
    Box::pin(counts_once(&[Fate::AnswerDropped], ENOUGH)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_commit_whose_connection_is_cut_after_it_counts_once() {
    Box::pin(counts_once(&[Fate::CutAfter], ENOUGH)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_commit_that_never_arrives_is_made_by_the_next_attempt() {
    Box::pin(counts_once(&[Fate::CutBefore, Fate::CutBefore], ENOUGH)).await;
}

/// The settling read finds nothing, and the old attempt arrives before the new one: its nonce is still looked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_commit_that_surfaces_under_a_later_attempt_counts_once() {
    let first = Fate::Late(Duration::from_millis(2_300));
    let second = Fate::Late(Duration::from_millis(1_000));
    Box::pin(counts_once(&[first, second], Duration::from_millis(100))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_store_that_was_away_is_used_again_and_has_what_was_acknowledged() {
    let stage = stage(Duration::from_millis(200)).await;
    let group = stage.group().await;
    let event = |n: u32| {
        format!("event-{n}")
            .parse::<EventId>()
            .expect("a healthy answer")
    };
    stage
        .more(&group.key, &event(1))
        .await
        .expect("a healthy answer");
    stage.proxy.away(true);
    let refused = stage.more(&group.key, &event(2)).await;
    assert!(matches!(refused, Err(Refused::Store(_) | Refused::Unknown)));
    stage.proxy.away(false);
    stage.at_last(&group.key, &event(3)).await;
    let found = stage.found(&group.key).await;
    assert_eq!(found.state.desired, group.state.desired.offset(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn of_many_harmed_commits_each_acknowledged_one_counts_once() {
    let stage = Arc::new(stage(ENOUGH).await);
    let group = stage.group().await;
    let every = [
        Fate::Passes,
        Fate::AnswerDropped,
        Fate::CutAfter,
        Fate::Passes,
        Fate::CutBefore,
        Fate::Late(Duration::from_millis(400)),
    ];
    for _ in 0..3 {
        stage.proxy.plan(&every);
    }
    let mut clients = Vec::new();
    for client in 0..4 {
        let (stage, key) = (Arc::clone(&stage), group.key.clone());
        let tasks = stage.process.tasks.clone();
        clients.push(tasks.spawn("client", async move {
            let (mut done, mut open) = (0, 0);
            for n in 0..6 {
                let event = format!("event-{client}-{n}")
                    .parse()
                    .expect("a healthy answer");
                match stage.more(&key, &event).await {
                    Ok(_) => done += 1,
                    Err(_) => open += 1,
                }
            }
            (done, open)
        }));
    }
    let (mut done, mut open) = (0, 0);
    for client in clients {
        let (d, o) = client.join().await.expect("a healthy answer");
        (done, open) = (done + d, open + o);
    }
    let last = "event-last".parse().expect("an id");
    stage.at_last(&group.key, &last).await;
    done += 1;
    let found = stage.found(&group.key).await;
    let more = found.state.desired.0 - group.state.desired.0;
    assert!(
        (done..=done + open).contains(&more),
        "{done} acknowledged, {open} open, {more} counted"
    );
    let verdicts = stage
        .groups
        .verdicts(&group.key, Before::default(), 1_000)
        .await
        .expect("a healthy answer");
    assert_eq!(u32::try_from(verdicts.len()).ok(), Some(more));
}
