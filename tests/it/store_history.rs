//! A long concurrent history on each store, checked for linearizability; and on bad stores, to see that the check can see.
//!
//! How the check works is told in `store::conformance::history`.

use std::sync::Arc;

use async_trait::async_trait;
use chassis::Process;
use store::conformance::history::{self, Operation, Size};
use store::conformance::planted::{Habit, Planted};
use store::conformance::{self, Subject};
use store::embedded::{self, Settings};
use store::memory::Memory;
use store::{Stores, embedded::Embedded};

const LONG: Size = Size {
    operations: 100_000,
    clients: 16,
    groups: 8,
};

/// A subject that is not crashed here.
#[derive(Debug)]
struct Plain(Stores);

#[async_trait]
impl Subject for Plain {
    fn stores(&self) -> Stores {
        self.0.clone()
    }
    async fn after_crash(&self) -> Result<Stores, String> {
        Ok(self.0.clone())
    }
}

fn sqlite(process: &Process) -> (Embedded, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("holt.db");
    let store = embedded::open(&path, process, Settings::default()).expect("a new store");
    (store, directory)
}

/// Reads, applied commits, refused commits.
fn kinds(history: &[Operation]) -> [usize; 3] {
    let count = |kind: fn(&history::Seen) -> bool| history.iter().filter(|o| kind(&o.seen)).count();
    [
        count(|s| matches!(s, history::Seen::Read(..))),
        count(|s| matches!(s, history::Seen::Wrote(..))),
        count(|s| matches!(s, history::Seen::Past(..))),
    ]
}

async fn is_linearizable(process: &Process, stores: &Stores) -> [usize; 3] {
    let recorded = history::record(process, std::slice::from_ref(stores), LONG)
        .await
        .expect("a healthy store");
    assert_eq!(recorded.len(), 100_000);
    assert_eq!(history::check(&recorded), None);
    let kinds = kinds(&recorded);
    assert!(kinds.iter().all(|count| *count > 500), "{kinds:?}");
    kinds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_operations_on_sqlite_are_linearizable() {
    let process = Process::system();
    let (store, _directory) = sqlite(&process);
    let kinds = is_linearizable(&process, &store.stores()).await;
    println!("reads, applied, refused: {kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_operations_in_memory_are_linearizable() {
    let process = Process::system();
    let store = Memory::new(process.clock.clone());
    let kinds = is_linearizable(&process, &store.handle("history")).await;
    println!("reads, applied, refused: {kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_sees_lost_updates_and_stale_reads_on_sqlite() {
    let process = Process::system();
    let (store, _directory) = sqlite(&process);
    for habit in [Habit::LostUpdate, Habit::StaleRead] {
        let bad = Planted::new(Arc::new(Plain(store.stores())), habit);
        let size = Size {
            operations: 10_000,
            ..LONG
        };
        let recorded = history::record(&process, &[bad.stores()], size)
            .await
            .expect("answers");
        let violation = history::check(&recorded);
        println!("{habit:?}: {violation:?}");
        assert!(violation.is_some(), "{habit:?} passes the check");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_sees_every_planted_habit_on_sqlite() {
    let process = Process::system();
    for habit in Habit::ALL {
        let (store, _directory) = sqlite(&process);
        let bad: Arc<dyn Subject> = Arc::new(Planted::new(Arc::new(Plain(store.stores())), habit));
        let failed = conformance::run(&process, &bad).await;
        let names: Vec<_> = failed.iter().map(|(name, _)| name).collect();
        println!("{habit:?} fails {names:?}");
        assert!(!failed.is_empty(), "{habit:?} passes the suite");
    }
}
