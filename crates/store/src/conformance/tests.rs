//! The suite sees what it should.

use super::*;
use crate::memory::Memory;
use history::{NEVER, Operation, Seen, Violation};
use planted::{Habit, Planted};

/// The store in memory survives every crash.
#[derive(Debug)]
struct InMemory(Memory);

#[async_trait]
impl Subject for InMemory {
    fn stores(&self) -> Stores {
        self.0.handle("suite")
    }
    async fn after_crash(&self) -> Result<Stores, String> {
        Ok(self.0.handle("suite again"))
    }
}

fn in_memory(process: &Process) -> Arc<dyn Subject> {
    Arc::new(InMemory(Memory::new(process.clock.clone())))
}

#[tokio::test]
async fn the_store_in_memory_passes() {
    let process = Process::system();
    let failed = run(&process, &in_memory(&process)).await;
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn there_are_sixty_cases_or_more_and_each_has_its_own_name() {
    let mut names: Vec<_> = cases().iter().map(|c| c.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(all >= 60 && names.len() == all, "{all} cases");
}

#[tokio::test]
async fn each_planted_bad_store_fails_at_least_one_case() {
    for habit in Habit::ALL {
        let process = Process::system();
        let bad: Arc<dyn Subject> = Arc::new(Planted::new(in_memory(&process), habit));
        let failed = run(&process, &bad).await;
        assert!(!failed.is_empty(), "{habit:?} passes the suite");
    }
}

const SMALL: history::Size = history::Size {
    operations: 4_000,
    clients: 16,
    groups: 4,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_of_the_store_in_memory_is_linearizable() {
    let process = Process::system();
    let stores = in_memory(&process).stores();
    let recorded = history::record(&process, &[stores], SMALL).await.unwrap();
    assert_eq!(recorded.len(), 4_000);
    assert_eq!(history::check(&recorded), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_shows_lost_updates_and_stale_reads() {
    for habit in [Habit::LostUpdate, Habit::StaleRead] {
        let process = Process::system();
        let bad = Planted::new(in_memory(&process), habit);
        let recorded = history::record(&process, &[bad.stores()], SMALL).await;
        let violation = history::check(&recorded.unwrap());
        assert!(violation.is_some(), "{habit:?} passes the check");
    }
}

fn operation(called: u64, answered: u64, seen: Seen) -> Operation {
    Operation {
        group: 0,
        called,
        answered,
        seen,
    }
}

#[test]
fn the_check_takes_overlapping_operations_in_either_order() {
    let min = sample::config().bounds.min().0;
    let ok = [
        operation(0, 9, Seen::Wrote(2, 50)),
        operation(1, 2, Seen::Read(2, 50)),
        operation(3, 4, Seen::Past(1)),
        operation(5, 6, Seen::Wrote(3, 51)),
    ];
    assert_eq!(history::check(&ok), None);
    let early = [
        operation(0, 9, Seen::Wrote(2, 50)),
        operation(1, 2, Seen::Read(1, min)),
        operation(3, 4, Seen::Read(2, 50)),
    ];
    assert_eq!(history::check(&early), None);
}

#[test]
fn the_check_refuses_what_no_order_explains() {
    let min = sample::config().bounds.min().0;
    let went_back = [
        operation(0, 1, Seen::Wrote(2, 50)),
        operation(2, 3, Seen::Read(1, min)),
    ];
    assert!(matches!(
        history::check(&went_back),
        Some(Violation::WentBack { .. })
    ));
    let future = [
        operation(0, 1, Seen::Read(2, 50)),
        operation(2, 3, Seen::Wrote(2, 50)),
    ];
    assert!(history::check(&future).is_some());
    let twice = [
        operation(0, 1, Seen::Wrote(2, 50)),
        operation(0, 1, Seen::Wrote(2, 51)),
    ];
    assert!(history::check(&twice).is_some());
    let refused_too_early = [
        operation(0, 1, Seen::Past(1)),
        operation(2, 3, Seen::Wrote(2, 50)),
    ];
    assert!(history::check(&refused_too_early).is_some());
    let other_value = [
        operation(0, 1, Seen::Wrote(2, 50)),
        operation(2, 3, Seen::Read(2, 51)),
    ];
    assert!(history::check(&other_value).is_some());
}

#[test]
fn a_commit_without_an_answer_may_have_had_an_effect_or_none_but_not_before_its_call() {
    let min = sample::config().bounds.min().0;
    let lost = |called, seen| operation(called, NEVER, seen);
    let late = [
        lost(0, Seen::Wrote(2, 50)),
        operation(1, 2, Seen::Read(1, min)),
        operation(3, 4, Seen::Read(2, 50)),
        operation(5, 6, Seen::Wrote(3, 51)),
    ];
    assert_eq!(history::check(&late), None);
    let none = [
        lost(0, Seen::Wrote(2, 50)),
        operation(1, 2, Seen::Wrote(2, 51)),
        operation(3, 4, Seen::Read(2, 51)),
    ];
    assert_eq!(history::check(&none), None);
    let unseen = [
        lost(0, Seen::Wrote(2, 50)),
        lost(1, Seen::Wrote(3, 51)),
        operation(2, 3, Seen::Past(2)),
    ];
    assert_eq!(history::check(&unseen), None);
    let early = [
        operation(0, 1, Seen::Read(2, 50)),
        lost(2, Seen::Wrote(2, 50)),
    ];
    assert!(history::check(&early).is_some());
    let both = [
        lost(0, Seen::Wrote(2, 50)),
        operation(1, 2, Seen::Wrote(2, 51)),
        operation(3, 4, Seen::Read(2, 50)),
    ];
    assert!(history::check(&both).is_some());
}
