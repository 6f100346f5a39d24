//! The bulk loader of the benches: what it puts into a store is what the api would have put there.

use domain::group::Group;
use domain::ids::{GroupKey, HomeEpoch};
use holt_tests::bench::bulk::{self, Lot};
use serde_json::Value;
use store::Stores;
use store::group::{CommitRecord, Level};

use crate::access::rig::{Rig, TENANT};

/// A group, and what its store has beside it: its only commit record, its launch configuration.
async fn whole(stores: &Stores, key: &GroupKey) -> (Group, CommitRecord, Vec<u8>) {
    let groups = &stores.groups;
    let group = groups.read(key, Level::Serial).await.unwrap().unwrap();
    let mut records = groups.records(key, None, 9, Level::Serial).await.unwrap();
    let record = records.pop().unwrap();
    assert!(records.is_empty(), "it was committed once");
    let launch = group.config.launch;
    let body = stores.launches.get(&key.tenant, launch).await.unwrap();
    (group, record, body.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_was_loaded_in_bulk_reads_as_one_made_by_the_api() {
    let rig = Rig::start().await;
    let spec: Value = serde_json::from_str(bulk::SPEC).unwrap();
    let path = format!("/v2/{TENANT}/groups");
    let made = rig.ask(&["crud"], ("POST", &path), &[], Some(spec)).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let by_api = GroupKey {
        tenant: TENANT.parse().unwrap(),
        id: made.body["id"].as_str().unwrap().parse().unwrap(),
        epoch: HomeEpoch(0),
    };
    let (made, told, launch) = whole(&rig.store.handle("reader"), &by_api).await;

    let folder = tempfile::tempdir().unwrap();
    let store = bulk::open(&rig.process, &folder.path().join("holt.db")).unwrap();
    let stores = store.stores();
    let lot = Lot {
        tenants: vec![by_api.tenant.clone(), "other".parse().unwrap()],
        count: 5,
        at_once: 3,
        keep: 4,
    };
    let keys = bulk::load(&rig.process, &stores, &lot).await.unwrap();
    assert_eq!(keys.len(), 4);
    for key in &keys {
        let (loaded, record, body) = whole(&stores, key).await;
        let expected = Group {
            key: key.clone(),
            ..made.clone()
        };
        assert_eq!(loaded, expected);
        assert!(loaded.rests(), "it has nothing to do");
        assert_eq!(
            (record.rev, record.cause, record.detail, record.previous),
            (told.rev, told.cause, told.detail.clone(), told.previous)
        );
        assert_eq!(body, launch);
    }
    let listed = stores.groups.all(None, 9).await.unwrap().items;
    assert_eq!(listed.len(), 5);
    let of_tenant = stores.groups.of_tenant(&by_api.tenant, None, 9).await;
    assert_eq!(of_tenant.unwrap().items.len(), 3, "dealt in turn");
    store.close().await;
}
