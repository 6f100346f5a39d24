//! The store on a real cluster: the conformance suite, and what becomes of commits whose answers are lost on the way.
//!
//! All of it needs a cluster: `deploy/fleet/conformance.sh` starts some and runs these; for a cluster of one's own see docs/cassandra.md.
//! `CASSANDRA_POINTS` names its nodes (`host:port,host:port`), `CASSANDRA_COPIES` how many copies a keyspace has (1 unless said),
//! `CASE` a part of the names of the conformance cases to run. Every test has a keyspace of its own.

mod conformance;
mod faults;
mod feed;
mod proxy;

use std::time::Duration;

use chassis::Process;
use store_cassandra::{Cassandra, Settings, schema};

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where the cluster is"
)]
fn told(key: &str) -> Option<String> {
    std::env::var(key).ok()
}

/// Settings for a keyspace that is new and has its tables.
async fn keyspace(process: &Process) -> Settings {
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
    settings
}

async fn open(process: &Process, settings: &Settings) -> Cassandra {
    let store = store_cassandra::open(process, settings).await;
    store.expect("a store")
}
