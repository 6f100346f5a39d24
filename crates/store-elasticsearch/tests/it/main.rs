//! The index of history on a real cluster: the searches that every index passes, and what becomes of history when the index is away.
//!
//! All of it needs a cluster: `deploy/fleet/history.sh` starts one and runs these. `ELASTICSEARCH_NODES` names its nodes (`http://host:port`,
//! separated by commas). Every test has indices of its own, and drops them.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chassis::Process;
use domain::group::Cause;
use domain::time::Timestamp;
use store::Stores;
use store::conformance::{self, Bench, Failure, Subject, sample};
use store::embedded::{self, Embedded};
use store::feed::Next;
use store::search::{Found, Search as _, Wanted};
use store_elasticsearch::choice::searching;
use store_elasticsearch::{Elastic, Settings, feeder, template};

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where the cluster is"
)]
fn nodes() -> Vec<String> {
    let nodes = std::env::var("ELASTICSEARCH_NODES");
    let nodes = nodes.expect("ELASTICSEARCH_NODES names the nodes of a cluster");
    nodes.split(',').map(str::to_owned).collect()
}

/// Settings for indices that are new.
fn settings(process: &Process) -> Settings {
    Settings {
        nodes: nodes(),
        index: format!("t{:016x}", process.entropy.u128() >> 64),
        copies: 0,
        ..Settings::default()
    }
}

/// A store in a folder, and an index beside it that has its template.
#[derive(Debug)]
struct Beside {
    process: Process,
    store: Embedded,
    index: Elastic,
    _folder: tempfile::TempDir,
}

async fn beside(process: &Process, settings: &Settings) -> Beside {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(process, folder.path());
    let index = store_elasticsearch::open(process, settings).expect("a client");
    let applied = index.apply().await.expect("a template");
    assert_eq!(applied.1, template::VERSION);
    Beside {
        process: process.clone(),
        store,
        index,
        _folder: folder,
    }
}

fn open(process: &Process, folder: &Path) -> Embedded {
    let settings = embedded::Settings::default();
    embedded::open(&folder.join("holt.db"), process, settings).expect("a store")
}

#[async_trait]
impl Subject for Beside {
    fn stores(&self) -> Stores {
        searching(self.store.stores(), Some(&self.index))
    }

    async fn after_crash(&self) -> Result<Stores, String> {
        Ok(self.stores())
    }

    async fn indexed(&self) -> Result<(), String> {
        let feed = self.store.feed(feeder::NAME);
        feeder::catch_up(&self.process, self.index.clone(), feed).await?;
        self.index.refresh().await.map_err(|e| format!("{e:?}"))
    }
}

impl Beside {
    /// A group with so many changes, the last one with this in its request.
    async fn changed(&self, changes: u32, request: &str) -> domain::group::Group {
        let stores = self.store.stores();
        let key = domain::ids::GroupKey {
            tenant: sample::text("acme"),
            id: domain::ids::GroupId::new(domain::ids::ColoId(1), self.process.entropy.u128()),
            epoch: domain::ids::HomeEpoch(1),
        };
        let fresh = domain::group::Group::new(key, sample::config());
        let first = sample::first(&fresh);
        let made = store::apply::create(&self.process, &*stores.groups, fresh, first).await;
        let mut group = made.expect("a group");
        for n in 0..changes {
            let decide = |view: store::apply::View<'_>| {
                let mut change = sample::desired(view.group, n + 3);
                change.cause = Cause::Configure;
                request.clone_into(&mut change.actor.request_id);
                Ok::<_, std::convert::Infallible>(Some(change))
            };
            let (key, fence) = (group.key.clone(), group.fence);
            let done = store::apply::apply(
                &self.process,
                &*stores.groups,
                &key,
                fence,
                Some(group),
                decide,
            );
            group = done.await.expect("a change");
        }
        group
    }

    async fn found(&self, request: &str) -> Vec<Found> {
        let wanted = Wanted {
            tenant: Some(sample::text("acme")),
            request: Some(request.to_owned()),
            ..Wanted::default()
        };
        let page = self.index.find(&wanted, 500).await;
        page.expect("an answer").items
    }

    async fn drop_all(&self) {
        // When all of them are past their time.
        let month = Timestamp::from_unix_ms(self.process.clock.unix_ms() + 800 * 24 * 3_600_000);
        drop(self.index.drop_old(month).await.expect("an answer"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Elasticsearch: deploy/fleet/history.sh"]
async fn the_index_passes_the_searches_of_the_suite() {
    let process = Process::system();
    let beside = Arc::new(beside(&process, &settings(&process)).await);
    let bench = Bench::new(process.clone(), Arc::clone(&beside) as _);
    let mut failed: Vec<(&str, Failure)> = Vec::new();
    let cases = conformance::searches();
    assert!(cases.len() >= 7, "{cases:?}");
    for case in &cases {
        let done = case.run(&bench).await;
        println!(
            "{} {}",
            if done.is_ok() { "ok  " } else { "FAIL" },
            case.name
        );
        failed.extend(done.err().map(|failure| (case.name, failure)));
    }
    beside.drop_all().await;
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Elasticsearch: deploy/fleet/history.sh"]
async fn what_was_committed_while_the_index_was_away_is_found_when_it_is_back() {
    let process = Process::system();
    let settings = settings(&process);
    let away = Settings {
        nodes: vec!["http://127.0.0.1:1".to_owned()],
        ..settings.clone()
    };
    let beside = beside(&process, &settings).await;
    let away = store_elasticsearch::open(&process, &away).unwrap();
    let refused = away.find(&Wanted::default(), 10).await;
    assert!(
        matches!(refused, Err(store::Error::Unavailable(_))),
        "{refused:?}"
    );
    beside.changed(20, "away").await;
    let feed = || beside.store.feed(feeder::NAME);
    let stuck = feeder::catch_up(&process, away, feed()).await;
    assert!(stuck.unwrap_err().contains("away"));
    // Another process, after a crash of the one that was stuck.
    beside.indexed().await.unwrap();
    assert_eq!(beside.found("away").await.len(), 20);
    let Next::Changes(rest) = feed().next(10).await.unwrap() else {
        panic!("nobody else reads");
    };
    assert_eq!(rest.items, []);
    beside.drop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Elasticsearch: deploy/fleet/history.sh"]
async fn a_change_that_is_put_twice_is_found_once() {
    let process = Process::system();
    let beside = beside(&process, &settings(&process)).await;
    let group = beside.changed(5, "twice").await;
    beside.indexed().await.unwrap();
    let records = beside
        .store
        .stores()
        .journal
        .read(&group.key, None, 100)
        .await
        .unwrap();
    let again: Vec<Found> = records
        .into_iter()
        .map(|record| Found {
            key: group.key.clone(),
            record,
        })
        .collect();
    let put = beside.index.put(&again).await.unwrap();
    assert_eq!((put.created, put.known, put.refused), (0, 6, 0));
    beside.index.refresh().await.unwrap();
    assert_eq!(beside.found("twice").await.len(), 5);
    beside.drop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Elasticsearch: deploy/fleet/history.sh"]
async fn nothing_is_put_into_an_index_without_our_template() {
    let process = Process::system();
    let beside = beside(&process, &settings(&process)).await;
    beside.changed(1, "bare").await;
    let bare = store_elasticsearch::open(&process, &settings(&process)).unwrap();
    let stuck = feeder::catch_up(&process, bare, beside.store.feed("bare")).await;
    assert!(stuck.unwrap_err().contains("holt history apply"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Elasticsearch: deploy/fleet/history.sh"]
async fn old_months_are_dropped_whole_and_nothing_else() {
    let process = Process::system();
    let settings = settings(&process);
    let beside = beside(&process, &settings).await;
    let group = beside.changed(1, "now").await;
    beside.indexed().await.unwrap();
    let records = beside
        .store
        .stores()
        .journal
        .read(&group.key, None, 1)
        .await
        .unwrap();
    let mut old = Found {
        key: group.key.clone(),
        record: records[0].clone(),
    };
    old.record.at = Timestamp::from_unix_ms(1_500_000_000_000);
    old.record.nonce = domain::ids::Nonce::from_u128(process.entropy.u128());
    assert_eq!(beside.index.put(&[old]).await.unwrap().created, 1);
    let now = Timestamp::from_unix_ms(process.clock.unix_ms());
    let dropped = beside.index.drop_old(now).await.unwrap();
    assert_eq!(dropped, [format!("{}-2017.07", settings.index)]);
    assert_eq!(beside.found("now").await.len(), 1);
    beside.drop_all().await;
}
