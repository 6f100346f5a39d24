//! The store on a real cluster: the conformance suite, and what becomes of commits whose answers are lost on the way.
//!
//! All of it needs a cluster: `deploy/fleet/conformance.sh` starts some and runs these; for a cluster of one's own see docs/cassandra.md.
//! `CASSANDRA_POINTS` names its nodes (`host:port,host:port`), `CASSANDRA_COPIES` how many copies a keyspace has (1 unless said),
//! `CASE` a part of the names of the conformance cases to run. Every test has a keyspace of its own.
//! A cluster that wants TLS and logins: `CASSANDRA_CA` is a file with its CA, `CASSANDRA_CERTIFICATE` and `CASSANDRA_KEY` what it wants to be shown,
//! `CASSANDRA_USER` and `CASSANDRA_PASSWORD` are a superuser's. Only there can the tests of [`logins`] and [`tls`] pass.

mod conformance;
mod faults;
mod feed;
mod logins;
mod outbox;
mod proxy;
mod timers;
mod tls;

use std::convert::Infallible;
use std::time::Duration;

use chassis::{Process, Secret};
use domain::group::Group;
use domain::ids::{ColoId, Fence, GroupId, GroupKey, HomeEpoch};
use store::apply::{AlreadyExists, Refused, View, apply, create};
use store::conformance::sample;
use store::group::Groups;
use store_cassandra::{Cassandra, Settings, schema};

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where the cluster is"
)]
fn told(key: &str) -> Option<String> {
    std::env::var(key).ok()
}

/// Settings for a keyspace that is not there yet.
fn nowhere(process: &Process) -> Settings {
    let points = told("CASSANDRA_POINTS").expect("CASSANDRA_POINTS names the nodes of a cluster");
    let copies = told("CASSANDRA_COPIES").map_or(1, |n| n.parse().expect("a number"));
    let encrypted = told("CASSANDRA_CA").map(|ca| chassis::tls::Outside {
        ca_file: ca.into(),
        certificate_file: told("CASSANDRA_CERTIFICATE").map(Into::into),
        key_file: told("CASSANDRA_KEY").map(Into::into),
    });
    Settings {
        contact_points: points.split(',').map(str::to_owned).collect(),
        keyspace: format!("t{:016x}", process.entropy.u128() >> 64),
        copies,
        user: told("CASSANDRA_USER"),
        password: told("CASSANDRA_PASSWORD").map(secret),
        tls: encrypted,
        request_timeout: Duration::from_secs(10),
        ..Settings::default()
    }
}

fn secret(text: String) -> Secret {
    Secret::new(text).expect("a secret")
}

/// Settings for a keyspace that is new and has its tables.
async fn keyspace(process: &Process) -> Settings {
    let settings = nowhere(process);
    let done = schema::apply(process, &settings).await.expect("a schema");
    assert_eq!(done, (0, schema::VERSION));
    settings
}

async fn open(process: &Process, settings: &Settings) -> Cassandra {
    let store = store_cassandra::open(process, settings).await;
    store.expect("a store")
}

/// A new group of one colo.
async fn group(process: &Process, groups: &dyn Groups) -> Result<Group, Refused<AlreadyExists>> {
    let key = GroupKey {
        tenant: sample::text("acme"),
        id: GroupId::new(ColoId(1), process.entropy.u128()),
        epoch: HomeEpoch(1),
    };
    let fresh = Group::new(key, sample::config());
    let first = sample::first(&fresh);
    create(process, groups, fresh, first).await
}

/// One more server in it.
async fn more(
    process: &Process,
    groups: &dyn Groups,
    key: &GroupKey,
) -> Result<Group, Refused<Infallible>> {
    let decide = |view: View<'_>| {
        let desired = view.group.state.desired.0 + 1;
        Ok(Some(sample::desired(view.group, desired)))
    };
    apply(process, groups, key, Fence(0), None, decide).await
}
