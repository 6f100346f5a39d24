use std::time::Duration;

use chassis::Clock;
use domain::group::Group;
use domain::home::{Automatic, Claim, Plane};
use domain::ids::{ColoId, GroupId, GroupKey, Incarnation, Nonce, PolicyId};
use domain::member::Lease;
use domain::time::Timestamp;

use super::*;
use crate::conformance::sample;
use crate::group::{Committed, Groups, Level};
use crate::memory::Memory;
use crate::memory::faults::{Call, Faults, Plan, What};

const COLO: ColoId = ColoId(7);

fn plane(name: &str) -> PlaneName {
    name.parse().unwrap()
}

fn two() -> (Stores, Stores) {
    let memory = Memory::new(Clock::system());
    let east = shared(memory.handle("east"), plane("east"));
    (east, shared(memory.handle("west"), plane("west")))
}

fn of(stores: &Stores) -> &Shared {
    stores.home.shared().unwrap()
}

fn published(epoch: u64, name: &str) -> Published {
    Published {
        claim: Claim {
            epoch: HomeEpoch(epoch),
            plane: Some(plane(name)),
        },
        who: "ann".to_owned(),
        why: "it burns".to_owned(),
        at: Timestamp::from_unix_ms(5),
    }
}

fn key(epoch: u64) -> GroupKey {
    GroupKey {
        id: GroupId::new(COLO, 1),
        tenant: "acme".parse().unwrap(),
        epoch: HomeEpoch(epoch),
    }
}

#[tokio::test]
async fn who_serves_is_the_highest_epoch_that_was_published_and_each_is_published_once() {
    let (east, west) = two();
    let (east, west) = (of(&east), of(&west));
    assert_eq!(east.published(COLO).await.unwrap(), None);
    for (epoch, name) in [(1, "west"), (2, "east"), (300, "west")] {
        let row = published(epoch, name);
        west.publish(COLO, &row).await.unwrap();
        west.publish(COLO, &row).await.unwrap();
        assert_eq!(east.published(COLO).await.unwrap(), Some(row));
    }
    let late = published(2, "east");
    east.publish(COLO, &late).await.unwrap();
    let newest = east.published(COLO).await.unwrap().unwrap();
    assert_eq!(newest.claim.epoch, HomeEpoch(300));
    assert!(east.publish(COLO, &published(300, "east")).await.is_err());
    assert_eq!(east.published(ColoId(8)).await.unwrap(), None);
    east.renew(COLO, HomeEpoch(300)).await.unwrap();
    assert_eq!(east.published(COLO).await.unwrap(), Some(newest));
}

/// The epoch that requests are served under after a look at the rows.
async fn followed(stores: &Stores) -> Option<HomeEpoch> {
    let shared = of(stores);
    let plane = Plane {
        own: shared.plane().clone(),
        first: plane("east"),
        automatic: Automatic::Off,
    };
    follow::look(shared, COLO, &plane).await.unwrap();
    shared.epoch()
}

#[tokio::test]
async fn nobody_serves_requests_between_the_win_of_an_epoch_and_its_publication() {
    let (east, west) = two();
    let [zero, one] = [0, 1].map(|epoch| Some(HomeEpoch(epoch)));
    assert_eq!(followed(&east).await, zero);
    assert_eq!(followed(&west).await, None);
    let won = published(1, "west");
    of(&west).open(COLO, &won).await.unwrap();
    of(&west).open(COLO, &won).await.unwrap();
    assert_eq!(of(&east).published(COLO).await.unwrap(), None);
    let opening = of(&east).opening(COLO).await.unwrap();
    assert_eq!(opening.as_ref(), Some(&won.claim));
    assert_eq!(followed(&east).await, None);
    assert_eq!(followed(&west).await, None, "it copies");
    of(&west).publish(COLO, &won).await.unwrap();
    assert_eq!(followed(&east).await, None);
    assert_eq!(followed(&west).await, one);
    let theirs = published(1, "east");
    assert!(of(&east).open(COLO, &theirs).await.is_err());
    assert_eq!(of(&east).opening(ColoId(8)).await.unwrap(), None);
}

#[tokio::test]
async fn a_wish_is_about_one_plane_and_the_last_one_counts() {
    let (east, west) = two();
    for ends in [3, 4] {
        let wish = Wish {
            ends: HomeEpoch(ends),
            who: "ann".to_owned(),
            why: "it burns".to_owned(),
            at: Timestamp::from_unix_ms(ends),
        };
        of(&west).wish(COLO, &wish).await.unwrap();
        assert_eq!(of(&west).wished(COLO).await.unwrap(), Some(wish));
    }
    assert_eq!(of(&east).wished(COLO).await.unwrap(), None);
}

#[tokio::test]
async fn a_plane_that_does_not_serve_reads_and_writes_no_group() {
    let (east, _) = two();
    assert!(!east.home.is_serving());
    assert!(east.groups.read(&key(0), Level::Serial).await.is_err());
    assert!(east.groups.all(None, 10).await.is_err());
    let now = Timestamp::default();
    let walked = east.groups.walk(None, 10, now, &|_| true).await;
    assert!(walked.is_err());
    assert!(east.hints.marked(10).await.is_err());
    assert!(of(&east).serve(Some(HomeEpoch(1))));
    assert!(!of(&east).serve(Some(HomeEpoch(1))), "nothing new");
    assert!(east.home.is_current(HomeEpoch(1)) && !east.home.is_current(HomeEpoch(0)));
    let walked = east.groups.walk(None, 10, now, &|_| true).await;
    let stretch = walked.unwrap();
    assert!(stretch.met.is_empty() && stretch.next.is_none());
    let old = east.groups.read(&key(0), Level::Serial).await.unwrap();
    assert!(old.is_none(), "a partition of another epoch is none");
    of(&east)
        .raw()
        .hints
        .mark(&key(0), Timestamp::default())
        .await
        .unwrap();
    east.hints
        .mark(&key(1), Timestamp::default())
        .await
        .unwrap();
    let marked = east.hints.marked(10).await.unwrap();
    assert_eq!(marked.len(), 1);
    assert_eq!(marked[0].0, key(1));
}

/// Counts the lists that a store is asked for.
#[derive(Debug, Default)]
struct Lists(AtomicU64);

impl Faults for Lists {
    fn plan(&self, call: Call<'_>) -> Plan {
        if call.what == What::List {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Plan::CLEAN
    }
}

/// A new group that has to be woken then.
async fn timed(groups: &dyn Groups, key: GroupKey, at: Timestamp) {
    let nightly: PolicyId = sample::text("nightly");
    let group = Group::new(key, sample::config());
    let mut first = sample::first(&group);
    first.state.timers = [(nightly, at)].into();
    first.wake = Some(first.state.wake());
    let made = groups.create(&group, &first, Nonce::from_u128(1)).await;
    assert_eq!(made.unwrap(), Committed::Applied);
}

#[tokio::test]
async fn timers_of_a_former_epoch_cost_a_look_nothing() {
    let lists = Arc::new(Lists::default());
    let faults: Arc<dyn Faults> = Arc::clone(&lists) as _;
    let memory = Memory::with_faults(Clock::system(), faults, Duration::ZERO);
    let east = shared(memory.handle("east"), plane("east"));
    let at = Timestamp::from_unix_ms;
    let numbered = |n: u64, epoch| GroupKey {
        id: GroupId::new(COLO, u128::from(n)),
        ..key(epoch)
    };
    for n in 0..50 {
        let groups = &*of(&east).raw().groups;
        timed(groups, numbered(n, 0), at(n)).await;
        timed(groups, numbered(n, 1), at(1_000 + n)).await;
    }
    of(&east).serve(Some(HomeEpoch(1)));
    let due = east.groups.timed(at(2_000), 2, &|_| true).await.unwrap();
    let first = [0, 1].map(|n| (at(1_000 + n), numbered(n, 1)));
    assert_eq!(due, first);
    assert_eq!(lists.0.load(Ordering::Relaxed), 1, "one read is enough");
}

#[tokio::test]
async fn planes_hear_each_others_beats_and_share_no_members() {
    let (east, west) = two();
    let lease = Lease {
        member: "http://10.0.0.1:8071".parse().unwrap(),
        life: Incarnation::from_u128(1),
        beat: 1,
    };
    east.members.beat(COLO, &lease).await.unwrap();
    assert_eq!(east.members.leases(COLO).await.unwrap(), [lease]);
    assert_eq!(west.members.leases(COLO).await.unwrap(), []);

    let heard = || async { of(&west).beat_of(COLO, &plane("east")).await.unwrap() };
    assert_eq!(heard().await, None);
    let mut last = None;
    for (life, beat) in [(1, 1), (1, 2), (2, 1), (1, 3)] {
        let life = Incarnation::from_u128(life);
        of(&east).beat(COLO, life, beat).await.unwrap();
        let now = heard().await;
        assert_ne!(now, last, "it moved");
        last = now;
    }
    assert_eq!(of(&east).beat_of(COLO, &plane("west")).await.unwrap(), None);
    assert_eq!(Home::Only.epoch(), Some(HomeEpoch(0)));
    let silent = Status {
        silent: Duration::from_secs(3),
        ..Status::default()
    };
    of(&east).note(silent.clone());
    assert_eq!(of(&east).status(), silent);
}
