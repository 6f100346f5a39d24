//! Which files are opened, and which are refused.

use domain::capacity::Size;
use domain::group::Group;
use domain::ids::{Nonce, SlotId};
use rusqlite::Connection;

use super::super::schema;
use super::*;
use crate::Error;
use crate::conformance::sample;
use crate::group::{Committed, Guard, Level};

fn open_in(directory: &TempDir) -> Result<Embedded, OpenError> {
    let path = directory.path().join("holt.db");
    open(&path, &Process::system(), Settings::default())
}

/// A group in the store.
pub(super) async fn put_group(store: &Embedded, id: u128) -> Group {
    let key = domain::ids::GroupKey {
        tenant: sample::text("tenant"),
        id: domain::ids::GroupId::from_u128(id),
        epoch: domain::ids::HomeEpoch(1),
    };
    let mut group = Group::new(key, sample::config());
    let first = sample::first(&group);
    let groups = store.stores().groups;
    let done = groups.create(&group, &first, Nonce::from_u128(id)).await;
    assert_eq!(done.unwrap(), Committed::Applied);
    group.fold(first, group.fence);
    group
}

#[tokio::test]
async fn a_second_opening_is_refused_until_the_first_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let first = open_in(&directory).unwrap();
    let group = put_group(&first, 1).await;
    let refused = open_in(&directory).unwrap_err();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    assert!(
        refused
            .to_string()
            .ends_with("is in use by another process")
    );
    first.close().await;
    let again = open_in(&directory).unwrap();
    let found = again.stores().groups.read(&group.key, Level::Serial).await;
    assert_eq!(found.unwrap(), Some(group));
}

#[tokio::test]
async fn a_closed_store_is_not_available() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_in(&directory).unwrap();
    let group = put_group(&store, 1).await;
    store.close().await;
    let groups = store.stores().groups;
    let read = groups.read(&group.key, Level::Serial).await;
    assert!(matches!(read, Err(Error::Unavailable(_))));
    let guard = Guard {
        rev: group.rev,
        fence: group.fence,
    };
    let change = sample::desired(&group, 2);
    let commit = groups.commit(&group.key, guard, &change, Nonce::from_u128(9));
    assert!(matches!(commit.await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    open_in(&directory).unwrap().close().await;
    let path = directory.path().join("holt.db");
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let before = std::fs::read(&path).unwrap();
    let refused = open_in(&directory).unwrap_err();
    let facts =
        format!("schema version 99, and this version of holt knows versions up to {VERSION}");
    assert!(matches!(refused, OpenError::Newer { .. }));
    assert!(refused.to_string().ends_with(&facts), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn some_other_file_is_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("holt.db");
    let foreign = || {
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    };
    let text = || std::fs::write(&path, "min: 2\nmax: 12\n").unwrap();
    let makers: [&dyn Fn(); 2] = [&foreign, &text];
    for make in makers {
        make();
        let before = std::fs::read(&path).unwrap();
        let refused = open_in(&directory).unwrap_err();
        assert!(matches!(refused, OpenError::NotOurs(_)), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::remove_file(&path).unwrap();
    }
    std::fs::create_dir(&path).unwrap();
    let refused = open_in(&directory).unwrap_err();
    assert!(matches!(refused, OpenError::NotOurs(_)), "{refused}");
}

#[tokio::test]
async fn a_start_that_died_before_its_first_transaction_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("holt.db");
    let half = Connection::open(&path).unwrap();
    half.execute_batch(
        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; CREATE TABLE x (y); DROP TABLE x;",
    )
    .unwrap();
    drop(half);
    let store = open_in(&directory).unwrap();
    put_group(&store, 1).await;
}

/// A file as version 1 left it, with one group of one slot.
const VERSION_ONE: &str = r#"
INSERT INTO grp (n, id, tenant, epoch, rev, fence, desired, hash, state) VALUES
  (1, x'00000000000000000000000000000001', 'tenant', 1, 2, 3, 5, zeroblob(32), '{"d":5,"p":"running"}');
INSERT INTO cfg (grp, body) VALUES
  (1, '{"n":"old","lo":1,"hi":9,"cd":60000,"l":"0707070707070707070707070707070707070707070707070707070707070707","si":"oldest-first","bt":3600000,"g":1}');
INSERT INTO item (grp, kind, id, at, body) VALUES
  (1, 1, x'00000000000000000000000000000002', 1767268800000,
   '{"n":"00000000-0000-0000-0000-0000000000fd","l":"0707070707070707070707070707070707070707070707070707070707070707","s":{"active":"00000000-0000-0000-0000-000000000063"},"i":1767268800000,"t":1767268800000}');
INSERT INTO item (grp, kind, id, at, body, detail, hash) VALUES
  (1, 4, x'0000000000000001', 1767268800000, '{"n":"00000000-0000-0000-0000-000000000001","c":"create","w":["caller","alice",""],"t":1767268800000}', '{}', zeroblob(64)),
  (1, 4, x'0000000000000002', 1767268800000, '{"n":"00000000-0000-0000-0000-000000000002","c":"events","w":["caller","alice",""],"t":1767268800000}', '{}', zeroblob(64));
"#;

#[tokio::test]
async fn a_file_of_version_one_migrates() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("holt.db");
    let mut old = Connection::open(&path).unwrap();
    schema::migrate(&mut old, 1).unwrap();
    old.execute_batch(VERSION_ONE).unwrap();
    drop(old);
    let store = open_in(&directory).unwrap();
    let key = domain::ids::GroupKey {
        tenant: sample::text("tenant"),
        id: domain::ids::GroupId::from_u128(1),
        epoch: domain::ids::HomeEpoch(1),
    };
    let groups = store.stores().groups;
    let group = groups.read(&key, Level::Serial).await.unwrap().unwrap();
    assert_eq!(group.config.name, "old");
    assert_eq!(group.state.desired, Size(5));
    assert_eq!((group.rev.0, group.fence.0), (2, 3));
    assert!(group.slots.get(SlotId::from_u128(2)).is_some());
    let guard = Guard {
        rev: group.rev,
        fence: group.fence,
    };
    let change = sample::desired(&group, 6);
    let done = groups
        .commit(&key, guard, &change, Nonce::from_u128(3))
        .await;
    assert_eq!(done.unwrap(), Committed::Applied);
    store.close().await;
    let now = Connection::open(&path).unwrap();
    let version: u32 = now
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, VERSION);
}

#[tokio::test]
async fn a_damaged_row_is_reported_with_its_kind() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_in(&directory).unwrap();
    let group = put_group(&store, 1).await;
    store.close().await;
    let path = directory.path().join("holt.db");
    let hand = Connection::open(&path).unwrap();
    hand.execute("UPDATE cfg SET body = '{\"n\":1}'", [])
        .unwrap();
    drop(hand);
    let store = open_in(&directory).unwrap();
    let read = store.stores().groups.read(&group.key, Level::Serial).await;
    match read {
        Err(Error::Corrupt(words)) => assert!(words.starts_with("configuration"), "{words}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_backup_is_a_store_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_in(&directory).unwrap();
    let group = put_group(&store, 1).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("holt.db");
    store.backup(&copy).await.unwrap();
    put_group(&store, 2).await;
    let restored = open_in(&elsewhere).unwrap();
    let all = restored.stores().groups.all(None, 10).await.unwrap();
    assert_eq!(all.items, vec![group.key.clone()]);
    let found = restored
        .stores()
        .groups
        .read(&group.key, Level::Serial)
        .await;
    assert_eq!(found.unwrap(), Some(group));
    assert!(
        store.backup(&copy).await.is_err(),
        "a backup is never overwritten"
    );
}
