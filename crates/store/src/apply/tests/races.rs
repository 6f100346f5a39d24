//! Many worlds with random faults and three callers each: what is acknowledged is applied once, what is refused never.

use chassis::Entropy;

use super::*;
use crate::record;

/// Random fates and delays.
#[derive(Debug)]
struct Storm(Entropy);

impl Faults for Storm {
    fn plan(&self, call: Call<'_>) -> Plan {
        let mut plan = Plan {
            before: self.0.up_to(Duration::from_millis(3)),
            fate: Fate::Done,
            after: self.0.up_to(Duration::from_millis(3)),
        };
        plan.fate = match (call.what, self.0.below(16)) {
            (What::Commit, 0) => Fate::Lost,
            (What::Commit, 1) => Fate::Dropped,
            (What::Commit, 2) => Fate::Late(self.0.up_to(SOON)),
            (What::Commit, 3) => Fate::Surfacing,
            (What::Commit | What::Read(_) | What::Records(_), 4) => Fate::Unavailable,
            (_, _) => Fate::Done,
        };
        plan
    }
}

/// What became of one call, by the name in its commit record.
type Called = (String, Result<(), Refused<Infallible>>);

async fn caller(
    process: Process,
    groups: Arc<dyn Groups>,
    key: GroupKey,
    name: u32,
) -> Vec<Called> {
    let mut calls = Vec::new();
    let mut cached = None;
    for turn in 0..6 {
        let request = format!("{name}-{turn}");
        let more = |view: View<'_>| {
            let mut change = sample::desired(view.group, view.group.state.desired.0 + 1);
            change.actor.request_id.clone_from(&request);
            Ok(Some(change))
        };
        let done = apply(&process, &*groups, &key, Fence(0), cached.take(), more).await;
        calls.push((
            request,
            done.map(|group| {
                cached = Some(group);
            }),
        ));
    }
    calls
}

async fn world(seed: u64) -> (u32, u32) {
    let process = Process::simulated(SimulatedProcess {
        seed,
        ..SimulatedProcess::default()
    });
    let storm = Arc::new(Storm(Entropy::stream(seed, "storm")));
    let memory = Memory::with_faults(process.clock.clone(), storm, UNCLEAR);
    let key = GroupKey {
        tenant: sample::text("tenant"),
        id: domain::ids::GroupId::from_u128(1),
        epoch: domain::ids::HomeEpoch(1),
    };
    let group = Group::new(key.clone(), sample::config());
    let first = sample::first(&group);
    let groups = memory.handle("any").groups;
    create(&process, &*groups, group, first).await.unwrap();
    let callers: Vec<_> = (0..3)
        .map(|name| {
            let body = caller(process.clone(), Arc::clone(&groups), key.clone(), name);
            process.tasks.spawn("caller", body)
        })
        .collect();
    let mut calls = Vec::new();
    for caller in callers {
        calls.extend(caller.join().await.unwrap());
    }
    // Whatever can still surface does so under one more commit.
    process.clock.sleep(UNCLEAR).await;
    let more = |v: View<'_>| Ok::<_, Infallible>(Some(sample::desired(v.group, 1)));
    drop(apply(&process, &*groups, &key, Fence(0), None, more).await);
    let records = memory.records(&key, Rev(0));
    record::verify(&records, Rev(1), record::GENESIS).unwrap();
    let (mut sure, mut open) = (0, 0);
    for (request, answer) in calls {
        let made = records.iter().filter(|r| r.actor.request_id == request);
        let allowed = match answer {
            Ok(()) => {
                sure += 1;
                1..=1
            }
            Err(Refused::Unknown) => {
                open += 1;
                0..=1
            }
            Err(Refused::Store(_) | Refused::Contended) => 0..=0,
            Err(refused @ (Refused::Missing | Refused::Decision(_))) => {
                panic!("seed {seed}: {refused:?}")
            }
        };
        let made = made.count();
        assert!(
            allowed.contains(&made),
            "seed {seed}: {request} {made} times"
        );
    }
    (sure, open)
}

#[tokio::test(start_paused = true)]
async fn in_a_thousand_storms_what_is_acknowledged_is_applied_once() {
    let (mut sure, mut open) = (0, 0);
    for seed in 0..1000 {
        let (s, o) = world(seed).await;
        sure += s;
        open += o;
    }
    assert!(sure > 10_000 && open > 20, "{sure} sure, {open} open");
}
