//! Whether a changed history shows.

use domain::ids::Rev;
use rusqlite::Connection;

use super::super::audit::audit;
use super::files::put_group;
use super::*;
use crate::audit::{self, Audited, Chain, Fault};
use crate::conformance::sample;
use crate::group::{Committed, Guard};
use crate::record::Broken;
use domain::ids::Nonce;

/// A store with two groups of four records each.
async fn stored(directory: &TempDir) -> Embedded {
    let path = directory.path().join("holt.db");
    let store = open(&path, &Process::system(), Settings::default()).unwrap();
    for id in [1, 2] {
        let mut group = put_group(&store, id).await;
        for n in 1..=3_u32 {
            let change = sample::desired(&group, n);
            let guard = Guard {
                rev: group.rev,
                fence: group.fence,
            };
            let nonce = Nonce::from_u128(id * 100 + u128::from(n));
            let groups = store.stores().groups;
            let done = groups.commit(&group.key, guard, &change, nonce).await;
            assert_eq!(done.unwrap(), Committed::Applied);
            group.fold(change, guard.fence);
        }
    }
    store
}

fn audited(directory: &TempDir) -> Vec<Audited> {
    let mut all = Vec::new();
    audit(&directory.path().join("holt.db"), |one| all.push(one)).unwrap();
    all
}

/// What the audit says of the first group after somebody ran `sql` on the closed file.
async fn after(sql: &str) -> Audited {
    let directory = tempfile::tempdir().unwrap();
    stored(&directory).await.close().await;
    let hand = Connection::open(directory.path().join("holt.db")).unwrap();
    assert!(hand.execute(sql, []).unwrap() > 0, "{sql}");
    drop(hand);
    let all = audited(&directory);
    assert_eq!(all[1].fault, None, "the other group is whole");
    all[0].clone()
}

#[tokio::test]
async fn a_whole_history_is_found_whole_beside_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let store = stored(&directory).await;
    let found: Vec<_> = audited(&directory)
        .into_iter()
        .map(|one| (one.first, one.records, one.fault))
        .collect();
    assert_eq!(found, [(Rev(1), 4, None), (Rev(1), 4, None)]);
    store.close().await;
}

#[tokio::test]
async fn through_the_store_the_same_is_found_as_in_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = stored(&directory).await;
    let mut found = Vec::new();
    let walked = audit::audit(&store.stores(), |one| found.push(one)).await;
    walked.unwrap();
    assert_eq!(found, audited(&directory));
    store.close().await;
}

#[tokio::test]
async fn records_that_end_before_the_groups_revision_show() {
    let directory = tempfile::tempdir().unwrap();
    let store = stored(&directory).await;
    let key = audited(&directory).swap_remove(0).key;
    let records = store.stores().journal.read(&key, None, 3).await;
    let mut chain = Chain::new(key);
    assert!(chain.take(records).unwrap());
    assert!(!chain.take(Ok(Vec::new())).unwrap());
    let found = chain.end(Some(Rev(4)));
    assert_eq!((found.records, found.fault), (3, Some(Fault::Cut(Rev(4)))));
    store.close().await;
}

#[tokio::test]
async fn an_altered_record_shows() {
    let third = "WHERE grp = 1 AND kind = 4 AND id = x'0000000000000003'";
    for set in ["detail = '{}'", "hash = zeroblob(64)"] {
        let found = after(&format!("UPDATE item SET {set} {third}")).await;
        assert_eq!(found.fault, Some(Fault::Broken(Broken::Altered(Rev(3)))));
        assert_eq!(found.records, 2);
    }
    let found = after(&format!("UPDATE item SET body = '?' {third}")).await;
    assert!(
        matches!(found.fault, Some(Fault::Unreadable(_))),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_removed_record_shows() {
    let one = |rev: u8| {
        format!("DELETE FROM item WHERE grp = 1 AND kind = 4 AND id = x'000000000000000{rev}'")
    };
    let found = after(&one(2)).await;
    assert_eq!(found.fault, Some(Fault::Broken(Broken::Missing(Rev(2)))));
    // Those at the beginning may have been thrown away for their age: the audit says where it begins.
    let found = after(&one(1)).await;
    assert_eq!((found.first, found.fault), (Rev(2), None));
    let found = after("DELETE FROM item WHERE grp = 1 AND kind = 4").await;
    assert_eq!(found.fault, Some(Fault::Empty));
}

#[tokio::test]
async fn an_added_record_shows() {
    let copy = "INSERT INTO item (grp, kind, id, at, body, detail, hash)
                SELECT grp, kind, x'0000000000000005', at, body, detail, hash FROM item
                WHERE grp = 1 AND kind = 4 AND id = x'0000000000000004'";
    let found = after(copy).await;
    assert_eq!(found.fault, Some(Fault::Broken(Broken::Altered(Rev(5)))));
    assert_eq!(found.records, 4);
}
