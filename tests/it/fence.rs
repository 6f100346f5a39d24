//! The fence between the control planes of a colo, in a worker that speaks HTTP to a supervisor and a simulated Nova (safety 3.10).
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use cloud::home;
use cloud::port::{Cloud as _, Made};
use cloudsim::{Call, Fault, Faults};
use domain::capacity::Size;
use domain::ids::{ColoId, GroupKey, HomeEpoch, PlaneName, TenantId};
use holt_worker::FenceSettings;
use store::Stores;
use store::memory::Memory;
use wire::ports::submit::Submit as _;

use crate::roles;

/// A colo with one group of two servers, whose worker works for the plane `east`.
struct Colo {
    process: Process,
    stores: Stores,
    sky: (cloudsim::http::Shared, String),
    supervisor: String,
    key: GroupKey,
    _folder: tempfile::TempDir,
}

fn plane(name: &str) -> PlaneName {
    name.parse().expect("a name")
}

fn tenant() -> TenantId {
    "tenant-a".parse().expect("a tenant")
}

impl Colo {
    async fn start(fence: Option<FenceSettings>) -> Self {
        let process = Process::system();
        let folder = tempfile::tempdir().expect("a folder");
        let stores = Memory::new(process.clock.clone()).handle("east");
        let sky = roles::cloud(&process);
        let key = roles::make_group(&process, &stores).await;
        let supervisor = roles::supervisor(&process, stores.clone());
        roles::worker_with(&process, folder.path(), (&supervisor, &sky.1), |settings| {
            settings.fence = fence;
        });
        Self {
            process,
            stores,
            sky,
            supervisor,
            key,
            _folder: folder,
        }
    }

    async fn reaches(&self, servers: u32) -> bool {
        roles::reaches(&self.process, &self.stores, &self.key, servers).await
    }

    /// Claims an epoch as another worker would.
    async fn claim(&self, epoch: u64, by: &str) -> Made {
        let (cloud, _) = roles::openstack(&self.process, &self.sky.1);
        let pair = home::pair(ColoId(1), HomeEpoch(epoch), &plane(by));
        let made = cloud.make_key_pair(&tenant(), &pair).await;
        made.expect("an answer")
    }

    async fn asks_for_one_more(&self) {
        self.asks_for_one_more_of(&self.key).await;
    }

    async fn asks_for_one_more_of(&self, key: &GroupKey) {
        let submit = Arc::new(roles::submit(&self.supervisor));
        let event = roles::one_more(&self.process);
        submit.submit(key, event).await.expect("a verdict");
    }

    /// Whether the cloud comes to have been asked for so many servers, whatever it answered.
    async fn is_asked_for(&self, servers: u64) -> bool {
        for _ in 0..200 {
            let asked = self
                .sky
                .0
                .sim()
                .counts()
                .by_call
                .get(&Call::Create)
                .copied();
            if asked >= Some(servers) {
                return true;
            }
            self.pause(50).await;
        }
        false
    }

    fn created(&self) -> u64 {
        self.sky.0.sim().counts().servers_created
    }

    async fn pause(&self, ms: u64) {
        self.process.clock.sleep(Duration::from_millis(ms)).await;
    }

    fn end(&self) {
        self.process.stop.request();
    }
}

fn quick() -> Option<FenceSettings> {
    Some(FenceSettings {
        read: Duration::from_millis(100),
        stale: Duration::from_millis(800),
        ..FenceSettings::new(plane("east"), plane("east"), tenant())
    })
}

#[test]
fn a_worker_that_sees_a_higher_epoch_changes_nothing_more() {
    let play = async {
        let colo = Colo::start(quick()).await;
        assert!(colo.reaches(2).await);
        assert_eq!(colo.claim(1, "west").await, Made::New);
        assert_eq!(colo.claim(1, "north").await, Made::Taken, "one of them won");
        colo.pause(400).await;
        colo.asks_for_one_more().await;
        colo.pause(2_500).await;
        assert_eq!(colo.created(), 2);
        // Its own plane claims the colo back: what belongs to an epoch that is over is still not done.
        assert_eq!(colo.claim(2, "east").await, Made::New);
        colo.pause(2_500).await;
        assert_eq!(colo.created(), 2);
        colo.end();
    };
    chassis::spawn::run(play).expect("a runtime");
}

#[test]
fn a_worker_that_cannot_read_the_key_pairs_changes_nothing_until_it_can() {
    let play = async {
        let colo = Colo::start(quick()).await;
        assert!(colo.reaches(2).await);
        let away = Fault::Fail {
            status: 500,
            executed: false,
            retry_after_s: None,
        };
        let faults = Faults::instant().with_rate(1_000, Some(Call::KeyPair), away);
        colo.sky.0.sim().set_faults(&faults);
        colo.pause(1_500).await;
        colo.asks_for_one_more().await;
        colo.pause(2_000).await;
        assert_eq!(colo.created(), 2);
        colo.sky.0.sim().set_faults(&Faults::instant());
        assert!(colo.reaches(3).await, "nothing was lost by waiting");
        colo.end();
    };
    chassis::spawn::run(play).expect("a runtime");
}

#[test]
fn a_tenant_that_is_told_to_wait_does_not_close_the_fence_for_the_others() {
    let play = async {
        let colo = Colo::start(quick()).await;
        assert!(colo.reaches(2).await);
        // It is the tenant by whose account the key pairs are read.
        let wait = Fault::Fail {
            status: 429,
            executed: false,
            retry_after_s: Some(60),
        };
        let faults = Faults::instant().with_rate(1_000, Some(Call::Create), wait);
        colo.sky.0.sim().set_faults(&faults);
        colo.asks_for_one_more().await;
        assert!(colo.is_asked_for(3).await);
        // For longer than a read is good.
        colo.pause(1_500).await;
        colo.sky.0.sim().set_faults(&Faults::instant());
        let two = Size(2);
        let other = roles::make_group_for(&colo.process, &colo.stores, "tenant-b", two).await;
        colo.asks_for_one_more_of(&other).await;
        assert!(roles::reaches(&colo.process, &colo.stores, &other, 3).await);
        assert_eq!(colo.created(), 5, "the first tenant waits still");
        colo.end();
    };
    chassis::spawn::run(play).expect("a runtime");
}

#[test]
fn where_a_colo_has_one_control_plane_nothing_is_asked_for() {
    let play = async {
        let colo = Colo::start(None).await;
        assert!(colo.reaches(2).await);
        assert_eq!(colo.claim(1, "west").await, Made::New);
        colo.asks_for_one_more().await;
        assert!(colo.reaches(3).await);
        let asked = colo
            .sky
            .0
            .sim()
            .counts()
            .by_call
            .get(&Call::KeyPair)
            .copied();
        assert_eq!(asked, Some(1), "only what this test asked for");
        colo.end();
    };
    chassis::spawn::run(play).expect("a runtime");
}
