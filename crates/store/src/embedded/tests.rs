//! What is particular to the store in SQLite; what every store must do is in `conformance`.

mod audit;
mod figures;
mod files;
mod keeping;

use std::sync::Mutex;

use async_trait::async_trait;
use tempfile::TempDir;

use super::*;
use crate::conformance::{self, Subject, history, sample};

/// A store in a directory of its own.
#[derive(Debug)]
struct OnDisk {
    process: Process,
    directory: TempDir,
    store: Embedded,
    /// What crashes left, kept open until the end.
    later: Mutex<Vec<OnDisk>>,
}

impl OnDisk {
    fn new(settings: Settings) -> Self {
        Self::open(tempfile::tempdir().unwrap(), settings)
    }

    fn open(directory: TempDir, settings: Settings) -> Self {
        let process = Process::system();
        let store = open(&directory.path().join("holt.db"), &process, settings).unwrap();
        Self {
            process,
            directory,
            store,
            later: Mutex::default(),
        }
    }
}

#[async_trait]
impl Subject for OnDisk {
    fn stores(&self) -> Stores {
        self.store.stores()
    }

    /// The files as they stand on the disk, without anything being closed: what kill -9 leaves.
    async fn after_crash(&self) -> Result<Stores, String> {
        let copy = tempfile::tempdir().map_err(|e| e.to_string())?;
        // The file before its log: a page that is written back meanwhile is in the log too.
        for name in ["holt.db", "holt.db-wal"] {
            let from = self.directory.path().join(name);
            std::fs::copy(from, copy.path().join(name)).map_err(|e| e.to_string())?;
        }
        let later = Self::open(copy, Settings::default());
        let stores = later.stores();
        self.later.lock().unwrap().push(later);
        Ok(stores)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_in_sqlite_passes() {
    let subject = OnDisk::new(Settings::default());
    let process = subject.process.clone();
    let subject: Arc<dyn Subject> = Arc::new(subject);
    let failed = conformance::run(&process, &subject).await;
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_history_is_linearizable() {
    let subject = OnDisk::new(Settings::default());
    let size = history::Size {
        operations: 3_000,
        clients: 16,
        groups: 4,
    };
    let recorded = history::record(&subject.process, &[subject.stores()], size)
        .await
        .unwrap();
    assert_eq!(history::check(&recorded), None);
}

/// The conformance suite asks that no store says so wrongly; this one must say so at all, or an idle colo is read with each pass.
#[tokio::test]
async fn idle_groups_are_known_to_rest_without_being_read() {
    let subject = OnDisk::new(Settings::default());
    let groups = subject.stores().groups;
    let key = |number| domain::ids::GroupKey {
        tenant: sample::text("acme"),
        id: domain::ids::GroupId::new(domain::ids::ColoId(1), number),
        epoch: domain::ids::HomeEpoch(0),
    };
    for (number, config) in [(1, sample::other_config()), (2, sample::config())] {
        let group = domain::group::Group::new(key(number), config);
        let nonce = domain::ids::Nonce::from_u128(number);
        let first = sample::first(&group);
        groups.create(&group, &first, nonce).await.unwrap();
    }
    let stretch = groups
        .walk(None, 10, sample::NOON, &|_| true)
        .await
        .unwrap();
    let rests = |number| {
        stretch
            .met
            .iter()
            .any(|met| met.key == key(number) && met.rests)
    };
    assert_eq!((stretch.met.len(), stretch.next), (2, None));
    assert_eq!(
        (rests(1), rests(2)),
        (true, false),
        "one of min 0, one of min 1"
    );
}
