//! A store that comes back from a backup: what was made since then lives, and keeps its slots (ADR 0012).

use std::time::Duration;

use chassis::Process;
use domain::capacity::Size;
use domain::group::{HoldWhy, Phase};
use store::Stores;
use store::embedded::{self, Embedded};
use store::group::Level;
use wire::ports::submit::Submit;

use super::roles::{
    cloud, make_group_of, one_more, reaches, submit, supervisor, supervisor_of, worker,
};

fn open(path: &std::path::Path, process: &Process) -> Embedded {
    embedded::open(path, process, embedded::Settings::default()).expect("a store")
}

#[test]
fn servers_made_since_a_backup_are_taken_in_and_nothing_is_deleted() {
    chassis::spawn::run(play(2)).expect("a runtime");
}

#[test]
fn servers_of_a_group_that_wants_nothing_are_found_although_nobody_asks() {
    chassis::spawn::run(play(0)).expect("a runtime");
}

/// A group of at least `min` servers gets one more after the backup.
async fn play(min: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let (outside, lost) = (Process::system(), Process::system());
    let (sky, sky_address) = cloud(&outside);
    let store = open(&folder.path().join("holt.db"), &lost);
    let stores: Stores = store.stores();
    let key = make_group_of(&lost, &stores, Size(min)).await;
    let address = supervisor(&lost, stores.clone());
    let first = worker(folder.path(), &address, &sky_address);
    assert!(reaches(&lost, &stores, &key, min).await);
    let copy = folder.path().join("copy.db");
    store.backup(&copy).await.expect("a backup");
    let event = one_more(&lost);
    submit(&address)
        .submit(&key, event)
        .await
        .expect("a verdict");
    assert!(reaches(&lost, &stores, &key, min + 1).await);
    for dead in [&first, &lost] {
        dead.tasks.abort_all();
        // Where one thread runs everything, what they held is let go only when it is their turn.
        let left = dead.tasks.drain(&dead.clock, Duration::from_secs(10));
        assert_eq!(left.await, 0);
    }
    drop((first, stores, store));

    let restored = Process::system();
    let stores = open(&copy, &restored).stores();
    let settings = holt_supervisor::Settings {
        tenant_pass: Duration::from_secs(3),
        ..holt_supervisor::Settings::default()
    };
    let address = supervisor_of(&restored, stores.clone(), settings);
    let second = worker(folder.path(), &address, &sky_address);
    assert!(reaches(&restored, &stores, &key, min + 1).await);
    let group = stores.groups.read(&key, Level::Serial).await;
    let group = group.expect("read").expect("there");
    assert_eq!(group.state.phase, Phase::Paused);
    assert_eq!(
        group.state.hold.map(|hold| hold.why),
        Some(HoldWhy::Restored)
    );
    let living = sky.sim().living().count();
    assert_eq!(u32::try_from(living), Ok(min + 1));
    assert_eq!(sky.sim().counts().creates_per_tag_max(), 1);
    for process in [&second, &restored, &outside] {
        process.stop.request();
    }
}
