//! The conformance suite on a real cluster, as it stands. Needs one: `deploy/fleet/conformance.sh` starts it and runs these.
//!
//! `CASSANDRA_POINTS` names its nodes (`host:port,host:port`), `CASSANDRA_COPIES` how many copies the keyspace has (1 unless said).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chassis::Process;
use store::Stores;
use store::conformance::{self, Bench, Failure, Subject, history};
use store_cassandra::{Cassandra, Settings, schema};

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

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where the cluster is"
)]
fn told(key: &str) -> Option<String> {
    std::env::var(key).ok()
}

/// A cluster with a keyspace of its own.
async fn cluster(process: &Process) -> Cluster {
    let points = told("CASSANDRA_POINTS").expect("CASSANDRA_POINTS names the nodes of a cluster");
    let copies = told("CASSANDRA_COPIES").map_or(1, |n| n.parse().expect("a number"));
    let settings = Settings {
        contact_points: points.split(',').map(str::to_owned).collect(),
        keyspace: format!("t{:016x}", process.entropy.u128() >> 64),
        copies,
        request_timeout: Duration::from_secs(10),
        ..Settings::default()
    };
    let done = schema::apply(process, &settings).await.expect("a schema");
    assert_eq!(done, (0, schema::VERSION));
    let store = store_cassandra::open(process, &settings).await;
    Cluster {
        process: process.clone(),
        settings,
        store: store.expect("a store"),
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
async fn a_history_of_two_clients_on_a_cluster_is_linearizable() {
    let process = Process::system();
    let cluster = cluster(&process).await;
    let size = history::Size {
        operations: 4_000,
        clients: 8,
        groups: 4,
    };
    let recorded = history::record(&process, &cluster.stores(), size).await;
    assert_eq!(history::check(&recorded.expect("answers")), None);
}
