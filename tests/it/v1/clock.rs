//! Schedules on the simulated clock: two supervisors that both own the group, one of which dies, and clocks that differ.
use std::collections::BTreeMap;
use std::time::Duration;

use chassis::{Process, SimulatedProcess};
use domain::capacity::{Bounds, Size};
use domain::draft::Draft;
use domain::event::{Actor, ActorKind};
use domain::group::{Cause, Config, Group, ScaleInOrder};
use domain::ids::{ColoId, GroupId, GroupKey, HomeEpoch};
use domain::policy::{Adjust, Policy, Trigger};
use domain::schedule::{Cron, Schedule};
use domain::time::{Mono, Now, Timestamp};
use store::memory::Memory;

/// Noon of a Wednesday.
const NOON: u64 = 1_767_182_400_000;

fn process(seed: u64, skew_ms: i64) -> Process {
    Process::simulated(SimulatedProcess {
        epoch_unix_ms: NOON,
        skew_ms,
        seed,
        ..SimulatedProcess::default()
    })
}

/// A group with one policy that runs every minute.
async fn group(process: &Process, store: &Memory) -> GroupKey {
    let stores = store.handle("maker");
    let key = GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::new(ColoId(1), 7),
        epoch: HomeEpoch(0),
    };
    let body = br#"{"server":{"imageRef":"i","flavorRef":"1"}}"#;
    let policy = Policy {
        id: "each-minute".parse().unwrap(),
        name: "each minute".to_owned(),
        adjust: Adjust::Change(1),
        cooldown: Duration::ZERO,
        debounce: Duration::ZERO,
        trigger: Trigger::Schedule(Schedule::Cron(Cron::parse("* * * * *").unwrap())),
        webhooks: BTreeMap::new(),
        written: None,
    };
    let config = Config {
        name: "clock".to_owned(),
        bounds: Bounds::new(Size(0), Size(1_000)).unwrap(),
        cooldown: Duration::ZERO,
        launch: stores.launches.put(&key.tenant, body).await.unwrap(),
        metadata: BTreeMap::new(),
        policies: BTreeMap::from([(policy.id.clone(), policy)]),
        scale_in: ScaleInOrder::OldestFirst,
        circle: domain::circle::Circle::default(),
        build_timeout: Duration::from_secs(3600),
        serials: 0,
        hooks: BTreeMap::new(),
        generation: 1,
    };
    let group = Group::new(key.clone(), config);
    let now = Now {
        wall: Timestamp::from_unix_ms(process.clock.unix_ms()),
        mono: Mono::default(),
    };
    let mut draft = Draft::new(&group, now);
    draft.arm();
    let actor = Actor {
        kind: ActorKind::System,
        name: "tests".to_owned(),
        request_id: String::new(),
        from: None,
    };
    let first = draft.finish(Cause::Create, actor);
    store::apply::create(process, &*stores.groups, group, first)
        .await
        .unwrap();
    key
}

#[tokio::test(start_paused = true)]
async fn b115_b118_b123_every_planned_minute_runs_once_whoever_owns_the_group() {
    let root = process(1, 0);
    let store = Memory::new(root.clock.clone());
    let key = group(&root, &store).await;
    let settings = holt_supervisor::Settings::default;
    let (one, two) = (process(2, -900), process(3, 900));
    let first = holt_supervisor::build(&one, settings(), store.handle("one"));
    let second = holt_supervisor::build(&two, settings(), store.handle("two"));
    root.clock.sleep(Duration::from_secs(10 * 60 + 30)).await;
    let ran = |store: &Memory| -> Vec<u64> {
        let verdicts = store.verdicts(&key);
        let planned = |id: &str| id.rsplit('-').next().unwrap().parse::<u64>().unwrap();
        verdicts
            .iter()
            .map(|verdict| planned(verdict.event.as_str()))
            .collect()
    };
    let minutes = |from: u64, to: u64| (from..=to).map(|n| NOON + n * 60_000).collect::<Vec<_>>();
    assert_eq!(
        ran(&store),
        minutes(1, 10),
        "two owners, and each minute once"
    );
    assert_eq!(store.group(&key).unwrap().state.desired, Size(10));

    // Both die; for an hour nobody looks. Who comes then makes up for one run, and goes on.
    one.tasks.abort_all();
    two.tasks.abort_all();
    drop((first, second));
    root.clock.sleep(Duration::from_secs(3_600)).await;
    assert_eq!(ran(&store).len(), 10);
    let three = Process::simulated(SimulatedProcess {
        epoch_unix_ms: root.clock.unix_ms(),
        seed: 4,
        ..SimulatedProcess::default()
    });
    let third = holt_supervisor::build(&three, settings(), store.handle("three"));
    root.clock.sleep(Duration::from_secs(2 * 60)).await;
    let after = ran(&store);
    assert_eq!(
        after[10],
        NOON + 11 * 60_000,
        "the one that was planned, an hour late"
    );
    assert_eq!(after.len(), 13, "and two more minutes: {after:?}");
    three.tasks.abort_all();
    drop(third);
}
