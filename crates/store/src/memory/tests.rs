//! What the store in memory adds to the suite: faults as planned, and work that outlives its caller.

use chassis::{Process, SimulatedProcess};
use domain::ids::{Fence, Nonce};

use super::*;
use crate::conformance::sample;
use crate::group::{Committed, Conflict, Groups, Guard, Level};
use faults::{Call, Fate, Plan, What};

/// The same for every call.
#[derive(Debug)]
struct Always(Mutex<Plan>);

impl Faults for Always {
    fn plan(&self, _call: Call<'_>) -> Plan {
        *self.0.lock().unwrap()
    }
}

struct Bench {
    process: Process,
    faults: Arc<Always>,
    memory: Memory,
    groups: Arc<dyn Groups>,
    group: Group,
}

impl Bench {
    async fn new() -> Self {
        let process = Process::simulated(SimulatedProcess::default());
        let faults = Arc::new(Always(Mutex::new(Plan::CLEAN)));
        let memory = Memory::with_faults(
            process.clock.clone(),
            Arc::clone(&faults) as _,
            Duration::from_secs(6),
        );
        let key = GroupKey {
            tenant: sample::text("tenant"),
            id: domain::ids::GroupId::from_u128(1),
            epoch: domain::ids::HomeEpoch(1),
        };
        let mut group = Group::new(key, sample::config());
        let first = sample::first(&group);
        let groups = memory.handle("api").groups;
        let done = groups.create(&group, &first, Nonce::from_u128(1)).await;
        assert_eq!(done.unwrap(), Committed::Applied);
        group.fold(first, Fence(0));
        Self {
            process,
            faults,
            memory,
            groups,
            group,
        }
    }

    fn plan(&self, plan: Plan) {
        *self.faults.0.lock().unwrap() = plan;
    }

    fn fate(&self, fate: Fate) {
        self.plan(Plan {
            fate,
            ..Plan::CLEAN
        });
    }

    async fn commit(&self, group: &Group, size: u32) -> Result<Committed, crate::Error> {
        let guard = Guard {
            rev: group.rev,
            fence: group.fence,
        };
        let change = sample::desired(group, size);
        self.groups
            .commit(&group.key, guard, &change, Nonce::from_u128(2))
            .await
    }

    fn desired(&self) -> u32 {
        self.memory.group(&self.group.key).unwrap().state.desired.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_commit_is_seen_from_its_time_on_and_not_before() {
    let bench = Bench::new().await;
    bench.fate(Fate::Late(Duration::from_secs(5)));
    let done = bench.commit(&bench.group, 9).await.unwrap();
    assert_eq!(done, Committed::Unknown);
    bench.process.clock.sleep(Duration::from_millis(4999)).await;
    assert_eq!(bench.desired(), 1);
    bench.process.clock.sleep(Duration::from_millis(1)).await;
    assert_eq!(bench.desired(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_surfacing_commit_is_seen_by_no_read_and_beats_the_next_attempt() {
    let bench = Bench::new().await;
    bench.fate(Fate::Surfacing);
    let done = bench.commit(&bench.group, 9).await.unwrap();
    assert_eq!(done, Committed::Unknown);
    bench.fate(Fate::Done);
    bench.process.clock.sleep(Duration::from_secs(3600)).await;
    let read = bench.groups.read(&bench.group.key, Level::Serial).await;
    assert_eq!(read.unwrap().unwrap().state.desired.0, 1);
    let done = bench.commit(&bench.group, 10).await.unwrap();
    assert_eq!(done, Committed::Conflict(Conflict::Moved));
    assert_eq!(bench.desired(), 9);
}

#[tokio::test(start_paused = true)]
async fn only_relaxed_reads_are_stale() {
    let bench = Bench::new().await;
    let mut group = bench.group.clone();
    for size in 2..=5 {
        assert_eq!(
            bench.commit(&group, size).await.unwrap(),
            Committed::Applied
        );
        let change = sample::desired(&group, size);
        group.fold(change, Fence(0));
    }
    for (age, level, expected) in [
        (2, Level::Relaxed, 3),
        (100, Level::Relaxed, 2),
        (2, Level::Serial, 5),
    ] {
        bench.fate(Fate::Stale(age));
        let read = bench.groups.read(&group.key, level).await.unwrap();
        assert_eq!(read.unwrap().state.desired.0, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_dies_before_the_store_takes_it_up_has_changed_nothing() {
    let bench = Bench::new().await;
    let wait = Duration::from_secs(2);
    for (before, after, expected) in [(wait, Duration::ZERO, 1), (Duration::ZERO, wait, 9)] {
        bench.plan(Plan {
            before,
            fate: Fate::Done,
            after,
        });
        let clock = &bench.process.clock;
        let cut = clock.timeout(Duration::from_secs(1), bench.commit(&bench.group, 9));
        assert!(cut.await.is_err());
        clock.sleep(Duration::from_secs(10)).await;
        assert_eq!(bench.desired(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fate_that_does_not_fit_a_call_makes_it_unavailable() {
    let bench = Bench::new().await;
    bench.fate(Fate::Lost);
    let read = bench.groups.read(&bench.group.key, Level::Serial).await;
    assert!(matches!(read, Err(crate::Error::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn the_planner_is_told_who_calls_what() {
    #[derive(Debug, Default)]
    struct Notes(Mutex<Vec<(String, What)>>);
    impl Faults for Notes {
        fn plan(&self, call: Call<'_>) -> Plan {
            let note = (call.caller.to_owned(), call.what);
            self.0.lock().unwrap().push(note);
            Plan::CLEAN
        }
    }
    let notes = Arc::new(Notes::default());
    let process = Process::simulated(SimulatedProcess::default());
    let memory = Memory::with_faults(
        process.clock.clone(),
        Arc::clone(&notes) as _,
        Duration::ZERO,
    );
    let owner = memory.handle("owner");
    drop(owner.groups.all(None, 10).await.unwrap());
    drop(owner.hints.marked(10).await.unwrap());
    let seen = notes.0.lock().unwrap().clone();
    let owner = || String::from("owner");
    assert_eq!(seen, [(owner(), What::List), (owner(), What::Hints)]);
}
