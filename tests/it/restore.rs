//! A store that comes back from a backup: what was made since then lives, and keeps its slots (ADR 0012).

use std::time::Duration;

use chassis::Process;
use domain::group::{HoldWhy, Phase};
use store::Stores;
use store::embedded::{self, Embedded};
use store::group::Level;
use wire::ports::submit::Submit;

use super::roles::{cloud, make_group, one_more, reaches, submit, supervisor, worker};

fn open(path: &std::path::Path, process: &Process) -> Embedded {
    embedded::open(path, process, embedded::Settings::default()).expect("a store")
}

#[test]
fn servers_made_since_a_backup_are_taken_in_and_nothing_is_deleted() {
    chassis::spawn::run(play()).expect("a runtime");
}

async fn play() {
    let folder = tempfile::tempdir().expect("a folder");
    let (outside, lost) = (Process::system(), Process::system());
    let (sky, sky_address) = cloud(&outside);
    let store = open(&folder.path().join("holt.db"), &lost);
    let stores: Stores = store.stores();
    let key = make_group(&lost, &stores).await;
    let address = supervisor(&lost, stores.clone());
    let first = worker(folder.path(), &address, &sky_address);
    assert!(reaches(&lost, &stores, &key, 2).await);
    let copy = folder.path().join("copy.db");
    store.backup(&copy).await.expect("a backup");
    let event = one_more(&lost);
    submit(&address)
        .submit(&key, event)
        .await
        .expect("a verdict");
    assert!(reaches(&lost, &stores, &key, 3).await);
    for dead in [&first, &lost] {
        dead.tasks.abort_all();
        // Where one thread runs everything, what they held is let go only when it is their turn.
        let left = dead.tasks.drain(&dead.clock, Duration::from_secs(10));
        assert_eq!(left.await, 0);
    }
    drop((first, stores, store));

    let restored = Process::system();
    let stores = open(&copy, &restored).stores();
    let address = supervisor(&restored, stores.clone());
    let second = worker(folder.path(), &address, &sky_address);
    assert!(reaches(&restored, &stores, &key, 3).await);
    let group = stores.groups.read(&key, Level::Serial).await;
    let group = group.expect("read").expect("there");
    assert_eq!(group.state.phase, Phase::Paused);
    assert_eq!(
        group.state.hold.map(|hold| hold.why),
        Some(HoldWhy::Restored)
    );
    assert_eq!(sky.sim().living().count(), 3);
    assert_eq!(sky.sim().counts().creates_per_tag_max(), 1);
    for process in [&second, &restored, &outside] {
        process.stop.request();
    }
}
