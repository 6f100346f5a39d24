//! What lists, reads and deletes show, against what the cloud really has.
use cloud::port::{Cloud as _, Deleted};
use cloud::proof::{Proven, verify};
use cloudsim::{BuildError, Fault, Faults, Outside, Plant};
use domain::evidence::{Extent, Fault as BuildFault, Status};
use domain::ids::{ServerId, SlotId};

use super::colo::{Colo, GROUP, PATIENCE, server, tenant};

async fn one(colo: &Colo) -> ServerId {
    let token = colo.token("a").await;
    let created = colo.cloud.create(&token, &server(1)).await;
    created.expect("accepted")
}

fn proven() -> Proven {
    Proven::Valid {
        group: GROUP,
        slot: SlotId::from_u128(1),
    }
}

#[tokio::test]
async fn a_server_is_made_seen_proved_deleted_and_gone() {
    let colo = Colo::start(Faults::instant()).await;
    let id = one(&colo).await;
    let list = colo.cloud.list(&tenant("a")).await.expect("a list");
    assert_eq!(list.extent, Extent::Complete);
    assert_eq!(list.servers.len(), 1);
    let shown = colo
        .cloud
        .get(&tenant("a"), id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(shown, list.servers[0]);
    assert_eq!(
        (shown.proven, shown.ours, &shown.status),
        (proven(), true, &Status::Up)
    );
    let owned = || verify(&shown, id, GROUP, SlotId::from_u128(1)).expect("ours");
    let deleted = colo.cloud.delete(&tenant("a"), owned()).await;
    assert_eq!(deleted, Ok(Deleted::Accepted));
    let deleted = colo.cloud.delete(&tenant("a"), owned()).await;
    assert_eq!(deleted, Ok(Deleted::NotFound));
    assert_eq!(colo.cloud.get(&tenant("a"), id).await, Ok(None));
    assert_eq!(colo.truth(|sim, _| sim.counts().servers_deleted), 1);
}

#[tokio::test]
async fn every_kind_of_account_sees_its_own_project() {
    let colo = Colo::start(Faults::instant()).await;
    one(&colo).await;
    for (name, servers) in [("a", 1), ("b", 0), ("credential", 1)] {
        assert_eq!(colo.rows(name).await.len(), servers, "{name}");
    }
}

#[tokio::test]
async fn copies_of_our_metadata_on_other_servers_are_not_ours() {
    let colo = Colo::start(Faults::instant()).await;
    let id = one(&colo).await;
    let plant = |user: &str, project: &str| {
        colo.truth(|sim, now| {
            let original = sim.server(&id.to_string()).expect("there").clone();
            let plant = Plant {
                region: String::new(),
                project: project.to_owned(),
                user: user.to_owned(),
                name: original.name,
                metadata: original.metadata,
                tags: original.tags,
                stuck: false,
            };
            sim.plant(now, plant).expect("planted")
        })
    };
    let copy = plant("tenant-a-user", "tenant-a");
    let elsewhere = plant("autoscaler", "tenant-b");
    let rows = colo.rows("a").await;
    let copy = rows
        .iter()
        .find(|row| row.id.to_string() == copy)
        .expect("there");
    assert_eq!((copy.proven, copy.ours), (proven(), false));
    assert!(verify(copy, copy.id, GROUP, SlotId::from_u128(1)).is_none());
    let rows = colo.rows("b").await;
    assert_eq!(rows[0].id.to_string(), elsewhere);
    assert_eq!((rows[0].proven, rows[0].ours), (Proven::No, true));
    let tagged = colo
        .cloud
        .list_tagged(&tenant("a"), SlotId::from_u128(1))
        .await
        .expect("a list");
    assert_eq!((tagged.extent, tagged.servers.len()), (Extent::Tagged, 2));
}

#[tokio::test]
async fn a_dead_cells_server_is_unknown_in_a_complete_list() {
    let colo = Colo::start(Faults::instant()).await;
    let id = one(&colo).await;
    colo.truth(|sim, _| {
        sim.set_faults(&Faults {
            dead_cells: vec![0],
            ..Faults::instant()
        });
    });
    let list = colo.cloud.list(&tenant("a")).await.expect("a list");
    assert_eq!(list.extent, Extent::Complete);
    let row = &list.servers[0];
    assert_eq!(row.id, id);
    assert_eq!(
        (row.proven, row.ours, &row.status),
        (Proven::Unreadable, false, &Status::Unknown)
    );
}

#[tokio::test]
async fn a_list_of_more_than_one_page_or_of_an_old_cloud_is_partial() {
    let paged = Faults {
        page_rows_max: 1,
        ..Faults::instant()
    };
    let colo = Colo::start(paged).await;
    let token = colo.token("a").await;
    for slot in 1..=2 {
        colo.cloud
            .create(&token, &server(slot))
            .await
            .expect("accepted");
    }
    let list = colo.cloud.list(&tenant("a")).await.expect("a list");
    assert_eq!((list.extent, list.servers.len()), (Extent::Partial, 1));
    let old = cloudsim::Settings {
        microversion_max: 60,
        ..cloudsim::Settings::default()
    };
    let colo = Colo::start_as(old, Faults::instant(), PATIENCE).await;
    one(&colo).await;
    let list = colo.cloud.list(&tenant("a")).await.expect("a list");
    assert_eq!((list.extent, list.servers.len()), (Extent::Partial, 1));
}

#[tokio::test]
async fn failed_builds_say_why() {
    for (reason, kind) in [
        (BuildError::NoValidHost, BuildFault::NoCapacity),
        (BuildError::NoFixedIps, BuildFault::NoCapacity),
        (BuildError::Quota, BuildFault::Quota),
        (BuildError::BuildFailed, BuildFault::Other),
    ] {
        let faults = Faults::instant().with_nth_create(1, Fault::EndInError { reason });
        let colo = Colo::start(faults).await;
        one(&colo).await;
        let rows = colo.rows("a").await;
        let Status::Error(fault, words) = &rows[0].status else {
            panic!("{reason:?}: {:?}", rows[0]);
        };
        assert_eq!(*fault, kind, "{reason:?}: {words}");
    }
}

#[tokio::test]
async fn what_others_do_to_a_server_shows() {
    let colo = Colo::start(Faults::instant()).await;
    let id = one(&colo).await;
    let outside = |what: Outside| {
        colo.truth(|sim, now| sim.outside(now, &id.to_string(), &what).expect("done"));
    };
    outside(Outside::Stop);
    assert_eq!(colo.rows("a").await[0].status, Status::Held);
    outside(Outside::Start);
    outside(Outside::Lock);
    let shown = colo
        .cloud
        .get(&tenant("a"), id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(shown.status, Status::Up);
    let owned = verify(&shown, id, GROUP, SlotId::from_u128(1)).expect("ours");
    assert_eq!(
        colo.cloud.delete(&tenant("a"), owned).await,
        Ok(Deleted::Locked)
    );
    outside(Outside::Metadata {
        items: std::collections::BTreeMap::new(),
    });
    let rows = colo.rows("a").await;
    assert_eq!((rows[0].proven, rows[0].ours), (Proven::No, true));
    outside(Outside::Vanish);
    assert!(colo.rows("a").await.is_empty());
}

#[tokio::test]
async fn a_read_with_a_dead_token_is_sent_once_more() {
    let colo = Colo::start(Faults::instant()).await;
    let id = one(&colo).await;
    let rejected = Fault::Fail {
        status: 401,
        executed: false,
        retry_after_s: None,
    };
    let faults = Faults {
        planned: vec![cloudsim::Planned {
            pick: cloudsim::Pick::nth(cloudsim::Call::Read, 1),
            fault: rejected,
        }],
        ..Faults::instant()
    };
    colo.truth(|sim, _| sim.set_faults(&faults));
    let shown = colo.cloud.get(&tenant("a"), id).await.expect("read");
    assert_eq!(shown.expect("there").id, id);
    let reads = colo.truth(|sim, _| sim.counts().by_call[&cloudsim::Call::Read]);
    assert_eq!(reads, 2);
}
