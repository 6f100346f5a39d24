use std::collections::BTreeMap;

use domain::capacity::{Bounds, Size};
use domain::circle::Circle;
use domain::decide::decide;
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Ask, Event, Force};
use domain::group::{Adoption, Cause, Config as OfGroup, Group, ScaleInOrder};
use domain::home::Why;
use domain::ids::{Fence, GroupId, GroupKey, LaunchHash, Nonce, RequestHash, ServerId, SlotId};
use domain::slot::{Flags, Slot, State};
use store::Stores;
use store::group::{Before, Level};
use store::memory::Memory;
use wire::ports::submit::{Submit as _, SubmitError};

use super::*;

fn at(seconds: u64) -> Mono {
    Mono::from_ms(seconds * 1_000)
}

fn read(epoch: u64, plane: &str, age: u64) -> FenceRead {
    FenceRead {
        claim: Claim {
            epoch: HomeEpoch(epoch),
            plane: plane.parse().ok(),
        },
        age: Duration::from_secs(age),
    }
}

#[test]
fn of_what_workers_read_the_highest_claim_holds_and_the_newest_read_of_it() {
    let keeper = Keeper::default();
    keeper.hear(None, at(1));
    assert_eq!(keeper.read(at(1)), None);
    for (told, heard, age_at_20) in [
        (read(1, "east", 3), at(10), 13),
        // Another worker read the same earlier.
        (read(1, "east", 9), at(11), 13),
        (read(1, "east", 1), at(12), 9),
        // One that has not seen the new one yet.
        (read(0, "west", 0), at(13), 9),
    ] {
        keeper.hear(Some(&told), heard);
        let (claim, age) = keeper.read(at(20)).unwrap();
        assert_eq!((claim.epoch, age.as_secs()), (HomeEpoch(1), age_at_20));
    }
    keeper.hear(Some(&read(2, "west", 30)), at(14));
    let (claim, _) = keeper.read(at(20)).unwrap();
    assert_eq!(
        claim.epoch,
        HomeEpoch(2),
        "an old read of a higher one is news"
    );
}

#[test]
fn key_pairs_are_read_since_the_last_gap() {
    let keeper = Keeper::default();
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(keeper.reading(at(9)), None);
    for told in [10, 25, 44] {
        keeper.hear(Some(&read(1, "east", 1)), at(told));
    }
    assert_eq!(keeper.reading(at(60)), seconds(50));
    assert_eq!(keeper.reading(at(64)), None, "21 s old");
    keeper.hear(Some(&read(1, "east", 1)), at(70));
    assert_eq!(keeper.reading(at(71)), seconds(1));
}

pub(crate) fn actor() -> Actor {
    Actor {
        kind: ActorKind::System,
        name: "test".into(),
        request_id: String::new(),
        from: None,
    }
}

pub(crate) fn configured() -> OfGroup {
    OfGroup {
        name: "web".into(),
        bounds: Bounds::new(Size(0), Size(200)).unwrap(),
        cooldown: Duration::ZERO,
        launch: LaunchHash([1; 32]),
        metadata: BTreeMap::new(),
        policies: BTreeMap::new(),
        scale_in: ScaleInOrder::default(),
        circle: Circle::default(),
        build_timeout: Duration::from_secs(3600),
        serials: 0,
        hooks: BTreeMap::new(),
        generation: 1,
    }
}

pub(crate) fn slot(n: u128) -> Slot {
    Slot {
        id: SlotId::from_u128(n),
        proof: SlotId::from_u128(n),
        nonce: Nonce::from_u128(n),
        launch: LaunchHash([1; 32]),
        state: State::Active(ServerId::from_u128(n)),
        flags: Flags::default(),
        issued: Timestamp::default(),
        since: Timestamp::default(),
    }
}

pub(crate) fn event(n: u64) -> Event {
    Event {
        id: format!("e-{n}").parse().unwrap(),
        request: RequestHash([0; 32]),
        ask: Ask::Converge,
        force: Force::No,
        actor: actor(),
        received: Timestamp::from_unix_ms(n),
        valid_until: Timestamp::from_unix_ms(u64::MAX),
        trace: None,
    }
}

/// A group of 70 servers that decided 150 events.
pub(crate) async fn large(process: &Process, stores: &Stores) -> GroupKey {
    let key = GroupKey {
        id: GroupId::new(ColoId(1), 7),
        tenant: "acme".parse().unwrap(),
        epoch: HomeEpoch(0),
    };
    let group = Group::new(key.clone(), configured());
    let first = Draft::new(&group, now(process)).finish(Cause::Create, actor());
    let groups = &*stores.groups;
    let made = store::apply::create(process, groups, group, first).await;
    made.unwrap();
    for part in 0..3_u64 {
        let done = store::apply::apply(process, groups, &key, Fence(1), None, |view| {
            let mut draft = Draft::new(view.group, now(process));
            let events: Vec<Event> = (part * 50..part * 50 + 50).map(event).collect();
            decide(&mut draft, &events);
            let slots = u128::from(part) * 30..(u128::from(part) * 30 + 30).min(70);
            slots.for_each(|n| draft.put(slot(n)));
            Ok::<_, ()>(Some(draft.finish(Cause::Events, actor())))
        });
        done.await.unwrap();
    }
    key
}

#[tokio::test]
async fn a_group_is_carried_over_with_all_that_it_holds_and_twice_is_as_good_as_once() {
    let process = Process::system();
    let stores = Arc::new(Memory::new(process.clock.clone()).handle("west"));
    let key = large(&process, &stores).await;
    let source = stores.groups.read(&key, Level::Serial).await.unwrap();
    let source = source.unwrap();
    for _ in 0..2 {
        let carried = carry::all(&process, &stores, HomeEpoch(1), HomeEpoch(0)).await;
        assert_eq!(carried.unwrap(), 1);
        let key = GroupKey {
            epoch: HomeEpoch(1),
            ..key.clone()
        };
        let target = stores.groups.read(&key, Level::Serial).await.unwrap();
        let target = target.unwrap();
        assert_eq!(target.state.adoption, Adoption::Due);
        assert_eq!(target.slots, source.slots);
        assert_eq!(
            (&target.config, &target.inbox),
            (&source.config, &source.inbox)
        );
        let verdicts = stores
            .groups
            .verdicts(&key, Before::default(), 1_000)
            .await
            .unwrap();
        assert_eq!(verdicts.len(), 150);
        let verdict = stores.groups.verdict(&key, &event(149).id).await.unwrap();
        assert!(verdict.is_some());
    }
    let same = stores.groups.read(&key, Level::Serial).await.unwrap();
    assert_eq!(same.unwrap(), source, "the old partition is as it was");
    // The next one is made of the newest.
    let carried = carry::all(&process, &stores, HomeEpoch(2), HomeEpoch(1)).await;
    assert_eq!(carried.unwrap(), 1);
}

/// What is left of a takeover that died: the first commit of a copy.
async fn begun(process: &Process, stores: &Stores, source: &Group, epoch: u64) {
    let (group, first) = home::born(source, HomeEpoch(epoch), now(process).wall);
    let made = store::apply::create(process, &*stores.groups, group, first).await;
    made.unwrap();
}

#[tokio::test]
async fn a_copy_that_a_dead_takeover_left_unfinished_is_passed_over() {
    let process = Process::system();
    let stores = Arc::new(Memory::new(process.clock.clone()).handle("west"));
    let key = large(&process, &stores).await;
    let source = stores.groups.read(&key, Level::Serial).await.unwrap();
    let source = source.unwrap();
    begun(&process, &stores, &source, 1).await;
    let carried = carry::all(&process, &stores, HomeEpoch(2), HomeEpoch(0)).await;
    assert_eq!(carried.unwrap(), 1);
    let key = GroupKey {
        epoch: HomeEpoch(2),
        ..key
    };
    let target = stores.groups.read(&key, Level::Serial).await.unwrap();
    let target = target.unwrap();
    assert_eq!(target.state.adoption, Adoption::Due);
    assert_eq!(target.slots, source.slots);
    let verdict = stores.groups.verdict(&key, &event(149).id).await.unwrap();
    assert!(verdict.is_some());
}

#[tokio::test]
async fn a_group_that_is_somewhere_and_has_no_whole_partition_here_is_not_left_out() {
    let process = Process::system();
    let stores = Memory::new(process.clock.clone()).handle("west");
    let key = large(&process, &stores).await;
    let source = stores.groups.read(&key, Level::Serial).await.unwrap();
    begun(&process, &stores, &source.unwrap(), 1).await;
    // Epoch 0 is whole, 1 is half a copy, and of the others there is nothing.
    for (listed, served, found) in [
        (vec![0, 1], 0, Ok(Some(0))),
        (vec![0, 1, 5], 0, Ok(Some(0))),
        // Epoch 2 was served without it: what it had acknowledged did not get there.
        (vec![0, 1], 2, Ok(Some(0))),
        // What was served last is not here.
        (vec![0, 5], 5, Err(())),
        (vec![1], 0, Err(())),
        (vec![5, 6], 0, Err(())),
        // Listed, and never made.
        (vec![5], 0, Ok(None)),
    ] {
        let home = |epoch: &u64| GroupKey {
            epoch: HomeEpoch(*epoch),
            ..key.clone()
        };
        let homes: Vec<GroupKey> = listed.iter().map(home).collect();
        let newest = carry::newest(&*stores.groups, &homes, HomeEpoch(served)).await;
        let newest = newest.map(|group| group.map(|group| group.key.epoch.0));
        assert_eq!(newest.map_err(drop), found, "{listed:?}");
    }
}

#[tokio::test]
async fn an_event_for_an_epoch_that_is_over_is_refused_instead_of_sent_to_the_inbox() {
    let process = Process::system();
    let stores = Memory::new(process.clock.clone()).handle("east");
    let stores = store::home::shared(stores, "east".parse().unwrap());
    let supervisor = crate::build(&process, crate::Settings::default(), stores.clone());
    let shared = stores.home.shared().unwrap();
    let key = GroupKey {
        id: GroupId::new(ColoId(1), 7),
        tenant: "acme".parse().unwrap(),
        epoch: HomeEpoch(0),
    };
    // It has not looked yet: whoever asks may ask again, or use the inbox.
    let answer = supervisor.submit(&key, event(1)).await;
    assert_eq!(answer, Err(SubmitError::NotOwner));
    for (act, served) in [
        (Act::Stand(Why::Served), None),
        (Act::Serve(HomeEpoch(2)), Some(HomeEpoch(2))),
    ] {
        shared.note(Status {
            act: Some(act),
            ..Status::default()
        });
        shared.serve(served);
        let answer = supervisor.submit(&key, event(1)).await;
        assert_eq!(answer, Err(SubmitError::Unavailable), "{act:?}");
    }
}
