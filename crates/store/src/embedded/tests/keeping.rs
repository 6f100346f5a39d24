//! A full store, and what is thrown away in time.

use std::time::Duration;

use domain::group::Group;
use domain::ids::{EventId, Nonce};
use domain::slot::{GoneWhy, Hold, State};
use domain::time::Timestamp;

use super::files::put_group;
use super::*;
use crate::Error;
use crate::conformance::sample::{self, NOON};
use crate::group::{Committed, Guard, Level};

async fn commit(
    store: &Embedded,
    group: &mut Group,
    change: domain::group::Change,
) -> Result<(), Error> {
    let guard = Guard {
        rev: group.rev,
        fence: group.fence,
    };
    let nonce = Nonce::from_u128(u128::from(group.rev.0));
    let groups = store.stores().groups;
    let done = groups.commit(&group.key, guard, &change, nonce).await?;
    assert_eq!(done, Committed::Applied);
    group.fold(change, guard.fence);
    Ok(())
}

#[tokio::test]
async fn a_full_store_refuses_and_keeps_what_it_acknowledged() {
    let subject = OnDisk::new(Settings {
        pages_max: Some(100),
        ..Settings::default()
    });
    let mut group = put_group(&subject.store, 1).await;
    let mut refused = 0;
    for n in 1..2000 {
        let mut change = sample::desired(&group, n);
        let detail = "x".repeat(1000);
        let place = State::Failed(domain::slot::FailWhy::Refused(detail));
        change.slots = vec![sample::slot(u128::from(n), place)];
        match commit(&subject.store, &mut group, change).await {
            Ok(()) => assert_eq!(refused, 0, "room came from nowhere"),
            Err(Error::Full(_)) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "100 pages were never full");
    for stores in [subject.stores(), subject.after_crash().await.unwrap()] {
        let found = stores.groups.read(&group.key, Level::Serial).await;
        assert_eq!(found.unwrap().as_ref(), Some(&group));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_does_not_take_its_neighbours_with_it() {
    let subject = OnDisk::new(Settings {
        pages_max: Some(100),
        ..Settings::default()
    });
    let mut group = put_group(&subject.store, 1).await;
    let stores = subject.stores();
    let tenant = group.key.tenant.clone();
    let big = subject.process.tasks.spawn("big", async move {
        for _ in 0..20 {
            let put = stores.launches.put(&tenant, &vec![1; 2_000_000]).await;
            assert!(matches!(put, Err(Error::Full(_))), "{put:?}");
        }
    });
    for n in 1..40 {
        let change = sample::desired(&group, n);
        commit(&subject.store, &mut group, change).await.unwrap();
    }
    big.join().await.unwrap();
}

#[tokio::test]
async fn old_verdicts_and_ended_slots_are_thrown_away_and_nothing_else() {
    let subject = OnDisk::new(Settings::default());
    let mut group = put_group(&subject.store, 1).await;
    let (old, new): (EventId, EventId) = (sample::text("old"), sample::text("new"));
    let now = NOON.plus(Duration::from_secs(31 * 24 * 3600));
    let mut change = sample::desired(&group, 3);
    change.slots = vec![
        sample::slot(1, State::Gone(sample::server(1), GoneWhy::External)),
        sample::slot(2, State::Active(sample::server(2))),
        sample::slot(3, State::Lapsed(sample::issue(), Hold::Counted)),
        sample::slot(4, State::Lapsed(sample::issue(), Hold::Released)),
        sample::slot(5, State::Gone(sample::server(5), GoneWhy::HandedBack)),
    ];
    change.verdicts = vec![
        sample::verdict(&old, group.rev, NOON),
        sample::verdict(&new, group.rev, now),
    ];
    commit(&subject.store, &mut group, change).await.unwrap();
    let deleted = subject.store.prune(now, Keep::default()).await.unwrap();
    assert_eq!(deleted, 3, "one verdict, two slots");
    let groups = subject.stores().groups;
    let found = groups
        .read(&group.key, Level::Serial)
        .await
        .unwrap()
        .unwrap();
    let left: Vec<u128> = found
        .slots
        .open()
        .chain(found.slots.ended())
        .map(|s| s.id.as_u128())
        .collect();
    assert_eq!(left, [2, 3, 5], "server 5 still proves its slot");
    assert_eq!(groups.verdict(&group.key, &old).await.unwrap(), None);
    assert!(groups.verdict(&group.key, &new).await.unwrap().is_some());
    let records = groups.records(&group.key, None, 10, Level::Serial).await;
    assert_eq!(records.unwrap().len(), 2);
    let next_year = Timestamp::from_unix_ms(NOON.unix_ms() + 400 * 24 * 3_600_000);
    let deleted = subject.store.prune(next_year, Keep::default()).await;
    assert_eq!(
        deleted.unwrap(),
        2,
        "the other verdict, and all records but the newest"
    );
    let found = groups.read(&group.key, Level::Serial).await.unwrap();
    assert_eq!(found.map(|g| g.rev), Some(group.rev));
}
