//! Every way in which an answer can be lost, and what `apply` makes of it.

mod races;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use chassis::SimulatedProcess;
use domain::capacity::Size;

use super::*;
use crate::conformance::sample;
use crate::group::CommitRecord;
use crate::memory::Memory;
use crate::memory::faults::{Call, Fate, Faults, Plan, What};

const UNCLEAR: Duration = Duration::from_secs(6);
const SOON: Duration = Duration::from_secs(5);

/// Fates of the next creates and commits, and of the next reads.
#[derive(Debug, Default)]
struct Script {
    writes: Mutex<VecDeque<Fate>>,
    reads: Mutex<VecDeque<Fate>>,
}

impl Faults for Script {
    fn plan(&self, call: Call<'_>) -> Plan {
        let queue = match call.what {
            What::Create | What::Commit => &self.writes,
            What::Read(_) | What::Records(_) => &self.reads,
            What::Verdicts
            | What::List
            | What::Launches
            | What::Hints
            | What::Journal
            | What::Controls
            | What::Notes
            | What::Inputs
            | What::Members => {
                return Plan::CLEAN;
            }
        };
        let fate = queue.lock().unwrap().pop_front().unwrap_or(Fate::Done);
        Plan {
            fate,
            ..Plan::CLEAN
        }
    }
}

struct World {
    process: Process,
    memory: Memory,
    groups: Arc<dyn Groups>,
    key: GroupKey,
    runs: u32,
}

/// What a call of `apply` gave.
type Answer = Result<Group, Refused<Infallible>>;

impl World {
    /// A group at desired size 1, and a store that does what the script says from then on.
    async fn new(writes: &[Fate], reads: &[Fate]) -> Self {
        let process = Process::simulated(SimulatedProcess::default());
        let script = Arc::new(Script::default());
        let memory = Memory::with_faults(process.clock.clone(), Arc::clone(&script) as _, UNCLEAR);
        let groups = memory.handle("api").groups;
        let key = GroupKey {
            tenant: sample::text("tenant"),
            id: domain::ids::GroupId::from_u128(1),
            epoch: domain::ids::HomeEpoch(1),
        };
        let group = Group::new(key.clone(), sample::config());
        let first = sample::first(&group);
        drop(create(&process, &*groups, group, first).await.unwrap());
        script.writes.lock().unwrap().extend(writes);
        script.reads.lock().unwrap().extend(reads);
        Self {
            process,
            memory,
            groups,
            key,
            runs: 0,
        }
    }

    fn current(&self) -> Group {
        Group::clone(&self.memory.group(&self.key).unwrap())
    }

    /// One more server, from a cache that is current.
    async fn up(&mut self) -> Answer {
        let cached = Some(self.current());
        let runs = &mut self.runs;
        let more = |view: View<'_>| {
            *runs += 1;
            let size = view.group.state.desired.0 + 1;
            Ok(Some(sample::desired(view.group, size)))
        };
        apply(
            &self.process,
            &*self.groups,
            &self.key,
            Fence(0),
            cached,
            more,
        )
        .await
    }

    fn records(&self) -> Vec<CommitRecord> {
        self.memory.records(&self.key, Rev(0))
    }

    /// The change was applied once, and what was returned is the group as it is.
    fn applied_once(&self, answer: Answer) {
        assert_eq!(answer.unwrap(), self.current());
        assert_eq!(self.current().state.desired, Size(2));
        assert_eq!(self.records().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_found_by_its_nonce() {
    let mut world = World::new(&[Fate::Lost], &[]).await;
    let answer = world.up().await;
    world.applied_once(answer);
    assert_eq!(world.runs, 1);
}

#[tokio::test(start_paused = true)]
async fn an_unclear_answer_is_waited_for_longer_than_the_coordinators_time() {
    let mut world = World::new(&[Fate::Late(SOON)], &[]).await;
    let answer = world.up().await;
    world.applied_once(answer);
    assert!(world.process.clock.mono().as_millis() >= 6_000);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_never_happened_is_tried_again() {
    let mut world = World::new(&[Fate::Dropped, Fate::Dropped], &[]).await;
    let answer = world.up().await;
    world.applied_once(answer);
    assert_eq!(world.runs, 3);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_surfaces_under_the_next_attempt_counts_as_applied() {
    let mut world = World::new(&[Fate::Surfacing], &[]).await;
    let answer = world.up().await;
    world.applied_once(answer);
    assert_eq!(
        world.runs, 2,
        "it was decided again, and the first decision counts"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_of_several_outstanding_attempts_may_surface_last() {
    let mut world = World::new(&[Fate::Surfacing, Fate::Dropped, Fate::Lost], &[]).await;
    let answer = world.up().await;
    world.applied_once(answer);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_compared_with_every_outstanding_nonce_even_when_its_read_fails_first() {
    let mut world = World::new(
        &[Fate::Surfacing],
        &[Fate::Done, Fate::Unavailable, Fate::Done],
    )
    .await;
    let answer = world.up().await;
    world.applied_once(answer);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_after_an_unclear_answer_leaves_it_unknown() {
    let mut world = World::new(&[Fate::Lost], &[Fate::Unavailable; 8]).await;
    let answer = world.up().await;
    assert!(matches!(answer, Err(Refused::Unknown)), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_has_applied_nothing() {
    let mut world = World::new(&[Fate::Unavailable], &[]).await;
    let answer = world.up().await;
    assert!(matches!(answer, Err(Refused::Store(_))), "{answer:?}");
    assert_eq!(world.records().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_away_between_attempts_leaves_it_unknown() {
    let mut world = World::new(&[Fate::Surfacing, Fate::Unavailable], &[]).await;
    let answer = world.up().await;
    assert!(matches!(answer, Err(Refused::Unknown)), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn unclear_answers_without_end_end_as_unknown() {
    let mut world = World::new(&[Fate::Dropped; 100], &[]).await;
    let answer = world.up().await;
    assert!(matches!(answer, Err(Refused::Unknown)), "{answer:?}");
    assert_eq!(world.runs, ATTEMPTS_MAX);
}

/// Decides as told, run by run; the last word is repeated.
async fn scripted(
    world: &World,
    words: &[Result<bool, &'static str>],
) -> Result<Group, Refused<&'static str>> {
    let mut said = words.iter();
    let decide = |view: View<'_>| match said.next().unwrap_or(&Ok(false)) {
        Ok(true) => Ok(Some(sample::desired(view.group, 9))),
        Ok(false) => Ok(None),
        Err(word) => Err(*word),
    };
    apply(
        &world.process,
        &*world.groups,
        &world.key,
        Fence(0),
        None,
        decide,
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_an_unclear_answer_leaves_it_unknown() {
    for word in [Err("no"), Ok(false)] {
        let world = World::new(&[Fate::Surfacing], &[]).await;
        let answer = scripted(&world, &[Ok(true), word]).await;
        assert!(matches!(answer, Err(Refused::Unknown)), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_writes_nothing() {
    let world = World::new(&[], &[]).await;
    let answer = scripted(&world, &[Err("no")]).await;
    assert!(matches!(answer, Err(Refused::Decision("no"))), "{answer:?}");
    assert_eq!(world.records().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_lost_its_revision_to_another_is_no_longer_outstanding() {
    let world = World::new(&[Fate::Dropped], &[]).await;
    let (groups, key) = (Arc::clone(&world.groups), world.key.clone());
    let other = world.process.clone();
    let rival = world.process.tasks.spawn("rival", async move {
        other.clock.sleep(Duration::from_secs(1)).await;
        let more = |v: View<'_>| Ok::<_, Infallible>(Some(sample::desired(v.group, 30)));
        apply(&other, &*groups, &key, Fence(0), None, more).await
    });
    // The first attempt is dropped, the rival commits meanwhile, and then the decision refuses: nothing of this call is open.
    let answer = scripted(&world, &[Ok(true), Err("no")]).await;
    assert!(rival.join().await.unwrap().is_ok());
    assert!(matches!(answer, Err(Refused::Decision("no"))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_was_lost_is_found_by_its_nonce() {
    let fates: [&[Fate]; 4] = [
        &[Fate::Lost],
        &[Fate::Late(SOON)],
        &[Fate::Surfacing],
        &[Fate::Dropped, Fate::Surfacing, Fate::Lost],
    ];
    for fates in fates {
        let world = World::new(fates, &[]).await;
        let key = GroupKey {
            id: domain::ids::GroupId::from_u128(2),
            ..world.key.clone()
        };
        let group = Group::new(key.clone(), sample::config());
        let first = sample::first(&group);
        let made = create(&world.process, &*world.groups, group, first.clone()).await;
        let made = made.unwrap();
        assert_eq!(Some(&made), world.memory.group(&key).as_deref());
        assert_eq!(world.memory.records(&key, Rev(0)).len(), 1);
        let again = Group::new(key, sample::config());
        let taken = create(&world.process, &*world.groups, again, first).await;
        assert!(matches!(taken, Err(Refused::Decision(AlreadyExists))));
    }
}
