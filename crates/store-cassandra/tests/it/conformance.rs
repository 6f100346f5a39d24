//! The conformance suite on a cluster as it stands, and the schema.

use std::sync::Arc;

use async_trait::async_trait;
use chassis::Process;
use store::Stores;
use store::conformance::history::{self, NEVER, Operation, Seen};
use store::conformance::{self, Bench, Failure, Subject};
use store_cassandra::{Cassandra, OpenError, Settings, schema};

use crate::{keyspace, open, told};

#[derive(Debug)]
struct Cluster {
    process: Process,
    settings: Settings,
    store: Cassandra,
}

#[async_trait]
impl Subject for Cluster {
    fn stores(&self) -> Stores {
        self.store.stores()
    }

    /// The cluster outlives its clients: another session has none of this one's memory.
    async fn after_crash(&self) -> Result<Stores, String> {
        let again = store_cassandra::open(&self.process, &self.settings).await;
        again.map(|s| s.stores()).map_err(|e| format!("{e:?}"))
    }
}

async fn cluster(process: &Process) -> Cluster {
    let settings = keyspace(process).await;
    Cluster {
        process: process.clone(),
        store: open(process, &settings).await,
        settings,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_cluster_passes_the_suite() {
    let process = Process::system();
    let cluster: Arc<dyn Subject> = Arc::new(cluster(&process).await);
    let bench = Bench::new(process.clone(), cluster);
    let mut failed: Vec<(&str, Failure)> = Vec::new();
    let (cases, only) = (conformance::cases(), told("CASE"));
    for case in &cases {
        if only
            .as_ref()
            .is_some_and(|only| !case.name.contains(only.as_str()))
        {
            continue;
        }
        let began = process.clock.mono();
        let done = case.run(&bench).await;
        let took = process.clock.mono().saturating_since(began);
        println!(
            "{:>6} ms {} {}",
            took.as_millis(),
            if done.is_ok() { "ok  " } else { "FAIL" },
            case.name
        );
        failed.extend(done.err().map(|failure| (case.name, failure)));
    }
    assert!(
        failed.is_empty(),
        "{} of {} failed: {failed:#?}",
        failed.len(),
        cases.len()
    );
}

/// Four sessions, since each keeps its own operations on a group apart: what they do at once, the cluster decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_history_of_clients_of_four_sessions_is_linearizable() {
    let process = Process::system();
    let settings = keyspace(&process).await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(open(&process, &settings).await);
    }
    let stores: Vec<Stores> = sessions.iter().map(Cassandra::stores).collect();
    let size = history::Size {
        operations: told("HISTORY_OPERATIONS").map_or(8_000, |n| n.parse().expect("a number")),
        clients: 16,
        groups: 8,
    };
    let recorded = history::record(&process, &stores, size).await;
    let recorded = recorded.expect("answers");
    let count = |kind: fn(&Operation) -> bool| recorded.iter().filter(|o| kind(o)).count();
    let refused = count(|o| matches!(o.seen, Seen::Past(_)));
    let unclear = count(|o| o.answered == NEVER);
    println!(
        "{} operations, {refused} refused, {unclear} without an answer",
        recorded.len()
    );
    assert!(refused > recorded.len() / 100, "the sessions hardly met");
    assert_eq!(history::check(&recorded), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_schema_is_applied_once_and_a_store_without_it_is_refused() {
    let process = Process::system();
    let settings = keyspace(&process).await;
    assert_eq!(schema::check(&settings).await.unwrap(), schema::VERSION);
    let again = schema::apply(&process, &settings).await.unwrap();
    assert_eq!(again, (schema::VERSION, schema::VERSION));
    let elsewhere = Settings {
        keyspace: String::from("system_distributed"),
        ..settings
    };
    assert_eq!(schema::check(&elsewhere).await.unwrap(), 0);
    let refused = store_cassandra::open(&process, &elsewhere).await;
    assert!(matches!(
        refused,
        Err(OpenError::Schema(schema::SchemaError::Older {
            found: 0,
            ..
        }))
    ));
}

/// Figure G5: what an event costs when its owner is current. The hint of a queued event comes on top.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn an_event_costs_one_request_and_so_does_a_burst() {
    use domain::group::Group;
    use domain::ids::{ColoId, Fence, GroupId, GroupKey, HomeEpoch};
    use store::apply::{View, apply, create};
    use store::conformance::sample;
    let process = Process::system();
    let cluster = cluster(&process).await;
    let stores = cluster.stores();
    let key = GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::new(ColoId(1), process.entropy.u128()),
        epoch: HomeEpoch(1),
    };
    let fresh = Group::new(key.clone(), sample::config());
    let first = sample::first(&fresh);
    let made = create(&process, &*stores.groups, fresh, first).await;
    let mut group = made.unwrap();
    let before = cluster.store.counters().requests;
    for n in 0..20 {
        let decide = |view: View<'_>| {
            let mut change = sample::desired(view.group, 3 + n);
            let event = format!("event-{n}").parse().unwrap();
            change.verdicts = vec![sample::verdict(&event, view.group.rev, sample::NOON)];
            Ok::<_, std::convert::Infallible>(Some(change))
        };
        let cached = Some(group);
        let done = apply(&process, &*stores.groups, &key, Fence(0), cached, decide).await;
        group = done.unwrap();
    }
    assert_eq!(cluster.store.counters().requests - before, 20);
    // Events that come together share one.
    let decide = |view: View<'_>| {
        let mut change = sample::desired(view.group, 3);
        let events = (0..64).map(|n| format!("burst-{n}").parse().unwrap());
        change.verdicts = events
            .map(|event| sample::verdict(&event, view.group.rev, sample::NOON))
            .collect();
        Ok::<_, std::convert::Infallible>(Some(change))
    };
    let done = apply(
        &process,
        &*stores.groups,
        &key,
        Fence(0),
        Some(group),
        decide,
    )
    .await;
    done.unwrap();
    assert_eq!(cluster.store.counters().requests - before, 21);
}
