use std::sync::atomic::{AtomicUsize, Ordering};

use chassis::SimulatedProcess;
use domain::capacity::Size;
use domain::control::Mode;
use domain::draft::Draft;
use domain::evidence::{Proof, Status};
use domain::group::{Cause, Phase};
use domain::ids::{ColoId, Incarnation, ServerId};
use domain::slot::{CallToken, DoubtWhy, Issue, Slot, State};
use store::member::Watch;
use store::memory::Memory;
use store::memory::faults::{self, Faults, Plan, What};
use wire::ports::ops::{Fares, Heartbeat};

use super::*;
use crate::home::tests::{actor, configured, slot};
use crate::{Supervisor, now};

fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

fn key(number: u128) -> GroupKey {
    GroupKey {
        tenant: tenant(),
        id: GroupId::new(ColoId(1), number),
        epoch: HomeEpoch(0),
    }
}

/// Makes a group that rests, but for what is done to it in its first commit.
async fn make(process: &Process, stores: &Stores, key: GroupKey, act: fn(&mut Draft<'_>)) {
    let group = Group::new(key, configured());
    let mut draft = Draft::new(&group, now(process));
    act(&mut draft);
    let first = draft.finish(Cause::Create, actor());
    let made = store::apply::create(process, &*stores.groups, group, first).await;
    made.unwrap();
}

/// A sweep that has asked for the list of its one tenant, and the operation.
fn asked(process: &Process) -> (Sweep, OpId) {
    let sweep = Sweep::new(process.clone(), Handout::new(process.clone()));
    sweep.want(&key(7), mono(process));
    sweep.ask(&tenant());
    let op = waits_for(&sweep).unwrap();
    (sweep, op)
}

fn waits_for(sweep: &Sweep) -> Option<OpId> {
    let tenants = sweep.lock();
    let asked = tenants.get(&tenant()).and_then(|entry| entry.asked);
    asked.map(|(op, _)| op)
}

#[tokio::test(start_paused = true)]
async fn a_list_that_nobody_reports_is_asked_for_again() {
    let process = Process::simulated(SimulatedProcess::default());
    let (sweep, _lost) = asked(&process);
    process.clock.sleep(LOST_AFTER / 2).await;
    assert!(sweep.due().0.is_empty());
    process.clock.sleep(LOST_AFTER / 2).await;
    assert_eq!(sweep.due().0, [tenant()]);
    assert_eq!(sweep.due().0, [tenant()], "until it is");
}

#[tokio::test(start_paused = true)]
async fn only_its_own_operation_that_came_to_nothing_ends_a_list() {
    let process = Process::simulated(SimulatedProcess::default());
    let (sweep, op) = asked(&process);
    let wait = Duration::from_secs(10);
    sweep.undone(&tenant(), OpId::from_u128(5), wait);
    assert_eq!(waits_for(&sweep), Some(op), "that was a look-up");
    sweep.undone(&tenant(), op, wait);
    assert_eq!(waits_for(&sweep), None);
    assert!(sweep.due().0.is_empty());
    process.clock.sleep(wait).await;
    assert_eq!(sweep.due().0, [tenant()]);
}

/// The store refuses the second list of groups that it is asked for since this was set to 0.
#[derive(Debug)]
struct SecondListRefused(AtomicUsize);

impl Faults for SecondListRefused {
    fn plan(&self, call: faults::Call<'_>) -> Plan {
        let is_second = call.what == What::List && self.0.fetch_add(1, Ordering::Relaxed) == 1;
        Plan::unavailable_if(is_second)
    }
}

#[tokio::test(start_paused = true)]
async fn groups_of_a_gained_shard_are_woken_although_the_store_refused_a_page_of_the_walk() {
    let process = Process::simulated(SimulatedProcess::default());
    let lists = Arc::new(SecondListRefused(AtomicUsize::new(1_000)));
    let faults: Arc<dyn Faults> = lists.clone();
    let memory = Memory::with_faults(process.clock.clone(), faults, Duration::ZERO);
    let stores = memory.handle("supervisor");
    // Nobody looks at timers or at marks meanwhile.
    let settings = Settings {
        hint_pass: Duration::from_secs(86_400),
        ..Settings::default()
    };
    let owners = crate::build(&process, settings, stores.clone()).owners;
    process.clock.sleep(Duration::from_secs(1)).await;
    for number in 0..u128::from(PAGE) {
        make(&process, &stores, key(number), |_| {}).await;
    }
    let wants_one = |draft: &mut Draft<'_>| draft.state.desired = Size(1);
    make(&process, &stores, key(u128::from(PAGE)), wants_one).await;

    let gained: BTreeSet<Shard> = Shard::all().collect();
    lists.0.store(0, Ordering::Relaxed);
    walk(&owners, Some(&gained)).await;
    assert_eq!(owners.awake(), 1, "the one on the second page");
}

/// Whoever reads a group to be sure of it waits for 50 ms.
#[derive(Debug)]
struct SlowToRead;

impl Faults for SlowToRead {
    fn plan(&self, call: faults::Call<'_>) -> Plan {
        let is_slow = call.what == What::Read(Level::Serial);
        let after = Duration::from_millis(if is_slow { 50 } else { 0 });
        Plan {
            after,
            ..Plan::CLEAN
        }
    }
}

/// Puts slot 1 in doubt.
fn doubt(draft: &mut Draft<'_>) {
    let issue = Issue {
        worker: "w".parse().unwrap(),
        incarnation: Incarnation::from_u128(1),
        token: CallToken::Lives(Duration::from_secs(3_600)),
    };
    draft.state.desired = Size(1);
    draft.put(Slot {
        state: State::InDoubt(issue, DoubtWhy::Timeout),
        ..slot(1)
    });
}

#[tokio::test(start_paused = true)]
async fn a_server_in_doubt_is_adopted_in_a_tenant_whose_groups_take_long_to_read() {
    let process = Process::simulated(SimulatedProcess::default());
    let faults = Arc::new(SlowToRead);
    let memory = Memory::with_faults(process.clock.clone(), faults, Duration::ZERO);
    let stores = memory.handle("supervisor");
    make(&process, &stores, key(0), doubt).await;
    for number in 1..1_500 {
        make(&process, &stores, key(number), |_| {}).await;
    }
    let doubted = slot(1).id;
    let row = Row {
        server: ServerId::from_u128(1),
        proof: Proof::Valid {
            group: key(0).id,
            slot: doubted,
        },
        ours: true,
        status: Status::Up,
    };
    let supervisor = crate::build(&process, Settings::default(), stores);
    // Each list that is asked for is answered within a second.
    for _ in 0..300 {
        process.clock.sleep(Duration::from_secs(1)).await;
        if let Some(op) = waits_for(&supervisor.sweep) {
            let list = Arrived {
                op,
                extent: Extent::Complete,
                rows: vec![row.clone()],
            };
            let owners = &supervisor.owners;
            supervisor.sweep.listed(owners, &tenant(), list).await;
        }
    }
    let group = memory.group(&key(0)).unwrap();
    let bound = group.slots.get(doubted).and_then(|s| s.state.server());
    assert_eq!(bound, Some(row.server));
}

/// Whether the surge guard slows the colo once these groups have asked for more.
fn is_slowed(supervisor: &Supervisor, asking: &[GroupKey]) -> bool {
    for key in asking {
        supervisor.control.asked_up(key);
    }
    let heartbeat = Heartbeat {
        worker: "w".parse().unwrap(),
        incarnation: Incarnation::from_u128(1),
        fares: Fares::Well,
        fence: None,
    };
    let orders = supervisor.control.orders(&heartbeat).unwrap();
    orders.switches.iter().any(|s| s.mode == Mode::Slow)
}

#[tokio::test(start_paused = true)]
async fn deleted_groups_are_none_of_those_of_which_a_fifth_is_a_surge() {
    let process = Process::simulated(SimulatedProcess::default());
    let stores = Memory::new(process.clock.clone()).handle("supervisor");
    let live: Vec<GroupKey> = (0..30).map(key).collect();
    for key in &live {
        make(&process, &stores, key.clone(), |_| {}).await;
    }
    let deleted = |draft: &mut Draft<'_>| draft.state.phase = Phase::Tombstone;
    for number in 30..230 {
        make(&process, &stores, key(number), deleted).await;
    }
    let supervisor = crate::build(&process, Settings::default(), stores);
    process.clock.sleep(Duration::from_secs(5)).await;
    assert!(is_slowed(&supervisor, &live));
}

#[tokio::test(start_paused = true)]
async fn groups_of_gained_shards_are_counted_among_those_of_which_a_fifth_is_a_surge() {
    let process = Process::simulated(SimulatedProcess::default());
    let stores = Memory::new(process.clock.clone()).handle("supervisor");
    let one_of_each = |number: u128| GroupKey {
        tenant: format!("tenant-{number}").parse().unwrap(),
        ..key(number)
    };
    let all: Vec<GroupKey> = (0..100).map(one_of_each).collect();
    for key in &all {
        make(&process, &stores, key.clone(), |_| {}).await;
    }
    let other = Process::simulated(SimulatedProcess::default());
    let settings = Settings {
        member: Some("a".parse().unwrap()),
        ..Settings::default()
    };
    let members = Arc::clone(&stores.members);
    let member = Some("b".parse().unwrap());
    drop(Watch::start(&other, members, settings.colo, member));
    let supervisor = crate::build(&process, settings, stores);
    process.clock.sleep(Duration::from_secs(20)).await;
    // It dies, and its half of the groups is gained.
    other.tasks.abort_all();
    process
        .clock
        .sleep(RECOUNT_AFTER + Duration::from_secs(20))
        .await;
    assert!(!is_slowed(&supervisor, &all[..20]), "20 of 100");
    assert!(is_slowed(&supervisor, &all[..21]), "21 of 100");
}

/// Only the groups of this tenant can be read.
#[derive(Debug)]
struct UnreadableBut(TenantId);

impl Faults for UnreadableBut {
    fn plan(&self, call: faults::Call<'_>) -> Plan {
        let is_read = call.what == What::Read(Level::Serial);
        Plan::unavailable_if(is_read && call.key.is_some_and(|key| key.tenant != self.0))
    }
}

#[tokio::test(start_paused = true)]
async fn tenants_whose_groups_cannot_be_read_keep_no_list_of_another_one_back() {
    let process = Process::simulated(SimulatedProcess::default());
    let last: TenantId = "z".parse().unwrap();
    let faults = Arc::new(UnreadableBut(last.clone()));
    let memory = Memory::with_faults(process.clock.clone(), faults, Duration::ZERO);
    let stores = memory.handle("supervisor");
    let of = |tenant: TenantId, number| GroupKey {
        tenant,
        ..key(number)
    };
    for number in 0..8 {
        let tenant = format!("a{number}").parse().unwrap();
        make(&process, &stores, of(tenant, number), doubt).await;
    }
    make(&process, &stores, of(last.clone(), 99), doubt).await;
    let supervisor = crate::build(&process, Settings::default(), stores);
    process.clock.sleep(Duration::from_secs(60)).await;
    let tenants = supervisor.sweep.lock();
    assert!(tenants.get(&last).unwrap().asked.is_some());
}
