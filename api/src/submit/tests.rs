use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chassis::{Process, SimulatedProcess};
use domain::capacity::{Bounds, Size};
use domain::decide::decide;
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Ask, Event, Force};
use domain::group::{Cause, Config, Group, ScaleInOrder};
use domain::ids::{ColoId, Fence, GroupId, GroupKey, HomeEpoch, LaunchHash, RequestHash};
use domain::policy::Adjust;
use domain::verdict::Verdict;
use store::Stores;
use store::apply::{View, apply, create};
use store::group::Level;
use store::memory::Memory;
use store::memory::faults::{Call, Fate, Faults, Plan, What};
use wire::ports::submit::{Submit, SubmitError};

use super::{Accepted, INBOX_MAX, NotAccepted, now, submit};

const DEADLINE: Duration = Duration::from_secs(2);

/// Cannot be reached.
#[derive(Debug)]
struct Away;

/// Takes the event and never answers.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl Submit for Away {
    async fn submit(&self, _key: &GroupKey, _event: Event) -> Result<Verdict, SubmitError> {
        Err(SubmitError::NotOwner)
    }
    async fn poke(&self, _key: &GroupKey) {}
}

#[async_trait]
impl Submit for Silent {
    async fn submit(&self, _key: &GroupKey, _event: Event) -> Result<Verdict, SubmitError> {
        std::future::pending().await
    }
    async fn poke(&self, _key: &GroupKey) {}
}

/// Gives every call of one kind the same fate, from when it falls sick.
#[derive(Debug, Default)]
struct Sick(Mutex<Option<(What, Fate)>>);

impl Sick {
    fn falls(&self, what: What, fate: Fate) {
        *self.0.lock().unwrap() = Some((what, fate));
    }
}

impl Faults for Sick {
    fn plan(&self, call: Call<'_>) -> Plan {
        let fate = match *self.0.lock().unwrap() {
            Some((what, fate)) if what == call.what => fate,
            Some(_) | None => Fate::Done,
        };
        Plan {
            fate,
            ..Plan::CLEAN
        }
    }
}

struct World {
    process: Process,
    memory: Memory,
    stores: Stores,
    key: GroupKey,
}

impl World {
    async fn new() -> Self {
        Self::with(Arc::new(Sick::default())).await
    }

    async fn with(faults: Arc<Sick>) -> Self {
        let process = Process::simulated(SimulatedProcess::default());
        let unclear_for = Duration::from_secs(1);
        let memory = Memory::with_faults(process.clock.clone(), faults, unclear_for);
        let stores = memory.handle("api");
        let key = GroupKey {
            tenant: "acme".parse().unwrap(),
            id: GroupId::new(ColoId(1), 7),
            epoch: HomeEpoch(0),
        };
        let config = Config {
            name: "web".to_owned(),
            bounds: Bounds::new(Size(0), Size(10)).unwrap(),
            cooldown: Duration::ZERO,
            launch: LaunchHash([0; 32]),
            metadata: [].into(),
            policies: [].into(),
            scale_in: ScaleInOrder::OldestFirst,
            circle: domain::circle::Circle::default(),
            build_timeout: Duration::from_secs(3600),
            serials: 0,
            hooks: std::collections::BTreeMap::new(),
            generation: 1,
        };
        let group = Group::new(key.clone(), config);
        let first = Draft::new(&group, now(&process)).finish(Cause::Create, actor());
        create(&process, &*stores.groups, group, first)
            .await
            .unwrap();
        Self {
            process,
            memory,
            stores,
            key,
        }
    }

    fn event(&self, id: &str, body: u8) -> Event {
        let now = now(&self.process).wall;
        Event {
            id: id.parse().unwrap(),
            request: RequestHash([body; 32]),
            ask: Ask::Adjust(Adjust::Change(1)),
            force: Force::No,
            actor: actor(),
            received: now,
            valid_until: now.plus(Duration::from_secs(600)),
            trace: None,
        }
    }

    async fn submit(&self, owner: &dyn Submit, event: Event) -> Result<Accepted, NotAccepted> {
        submit(
            &self.process,
            &self.stores,
            owner,
            (&self.key, event),
            DEADLINE,
        )
        .await
    }

    /// Decides as the owner does.
    async fn decide(&self, event: &Event) {
        let decide = |view: View<'_>| {
            let mut draft = Draft::new(view.group, now(&self.process));
            decide(&mut draft, std::slice::from_ref(event));
            Ok::<_, ()>(Some(draft.finish(Cause::Events, actor())))
        };
        apply(
            &self.process,
            &*self.stores.groups,
            &self.key,
            Fence(1),
            None,
            decide,
        )
        .await
        .unwrap();
    }

    fn waiting(&self) -> usize {
        self.memory.group(&self.key).unwrap().inbox.len()
    }
}

fn actor() -> Actor {
    Actor {
        kind: ActorKind::Caller,
        name: "ada".to_owned(),
        request_id: String::new(),
        from: None,
    }
}

fn paused(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(test());
}

#[test]
fn an_event_goes_into_the_inbox_when_the_owner_does_not_answer_in_time() {
    paused(async || {
        let world = World::new().await;
        for (id, owner) in [("away", &Away as &dyn Submit), ("silent", &Silent)] {
            let began = world.process.clock.mono();
            let event = world.event(id, 1);
            assert_eq!(
                world.submit(owner, event.clone()).await.unwrap(),
                Accepted::Queued(Box::new(event))
            );
            assert!(
                world.process.clock.mono().saturating_since(began)
                    <= DEADLINE + Duration::from_millis(1)
            );
        }
        assert_eq!(world.waiting(), 2);
        assert_eq!(world.stores.hints.marked(9).await.unwrap().len(), 1);
    });
}

#[test]
fn the_same_event_is_queued_once_and_another_body_is_refused() {
    paused(async || {
        let world = World::new().await;
        let event = world.event("one", 1);
        for _ in 0..3 {
            assert!(matches!(
                world.submit(&Away, event.clone()).await,
                Ok(Accepted::Queued(_))
            ));
        }
        assert!(matches!(
            world.submit(&Away, world.event("one", 2)).await,
            Err(NotAccepted::IdReused)
        ));
        assert_eq!((world.waiting(), world.memory.commits()), (1, 2));
    });
}

#[test]
fn a_decided_event_gets_its_verdict_though_the_owner_is_away() {
    paused(async || {
        let world = World::new().await;
        let event = world.event("one", 1);
        world.decide(&event).await;
        let Ok(Accepted::Decided(verdict)) = world.submit(&Away, event.clone()).await else {
            panic!("no verdict")
        };
        assert_eq!((verdict.event, verdict.after), (event.id, Size(1)));
        assert!(matches!(
            world.submit(&Away, world.event("one", 2)).await,
            Err(NotAccepted::IdReused)
        ));
        assert_eq!(world.waiting(), 0);
    });
}

#[test]
fn a_full_inbox_is_busy_and_takes_doubles_all_the_same() {
    paused(async || {
        let world = World::new().await;
        for n in 0..INBOX_MAX {
            assert!(
                world
                    .submit(&Away, world.event(&format!("e{n}"), 1))
                    .await
                    .is_ok()
            );
        }
        assert!(matches!(
            world.submit(&Away, world.event("one-more", 1)).await,
            Err(NotAccepted::Busy(_))
        ));
        assert!(world.submit(&Away, world.event("e0", 1)).await.is_ok());
        assert_eq!(world.waiting(), INBOX_MAX);
    });
}

#[test]
fn there_is_nothing_to_queue_for_a_group_that_is_not_there() {
    paused(async || {
        let mut world = World::new().await;
        world.key.id = GroupId::new(ColoId(1), 8);
        assert!(matches!(
            world.submit(&Away, world.event("one", 1)).await,
            Err(NotAccepted::NoGroup)
        ));
    });
}

#[test]
fn nothing_is_acknowledged_while_the_store_is_away() {
    paused(async || {
        for what in [What::Verdicts, What::Read(Level::Serial), What::Commit] {
            let sick = Arc::new(Sick::default());
            let world = World::with(Arc::clone(&sick)).await;
            sick.falls(what, Fate::Unavailable);
            let refused = world.submit(&Away, world.event("one", 1)).await;
            assert!(
                matches!(refused, Err(NotAccepted::Unavailable)),
                "{what:?}: {refused:?}"
            );
            assert_eq!(world.waiting(), 0);
        }
    });
}

#[test]
fn a_lost_answer_of_the_store_is_found_out_before_anything_is_said() {
    paused(async || {
        let sick = Arc::new(Sick::default());
        let world = World::with(Arc::clone(&sick)).await;
        sick.falls(What::Commit, Fate::Lost);
        let accepted = world.submit(&Away, world.event("one", 1)).await;
        assert!(matches!(accepted, Ok(Accepted::Queued(_))), "{accepted:?}");
        assert_eq!((world.waiting(), world.memory.commits()), (1, 2));

        sick.falls(What::Commit, Fate::Dropped);
        let unknown = world.submit(&Away, world.event("two", 1)).await;
        assert!(matches!(unknown, Err(NotAccepted::Unknown)), "{unknown:?}");
        assert_eq!(world.waiting(), 1);
    });
}

#[test]
fn a_lost_hint_costs_nothing_but_time() {
    paused(async || {
        let sick = Arc::new(Sick::default());
        let world = World::with(Arc::clone(&sick)).await;
        sick.falls(What::Hints, Fate::Unavailable);
        let accepted = world.submit(&Away, world.event("one", 1)).await;
        assert!(matches!(accepted, Ok(Accepted::Queued(_))), "{accepted:?}");
    });
}
