use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use actix_web::{App, test as served};
use chassis::{Mono as Moment, SimulatedProcess, ops};
use domain::capacity::{Bounds, Size};
use domain::draft::Draft;
use domain::group::{Cause, Config, Group};
use domain::ids::{GroupId, HomeEpoch, Incarnation};
use store::Stores;
use store::control::Throw;
use store::memory::Memory;
use store::memory::faults::{self, Faults, Plan};
use wire::ports::ops::{Call, Offer, Ops as _};

use super::*;
use crate::Supervisor;
use crate::home::tests::{actor, configured};
use crate::shards::Shards;

/// A supervisor that starts on a store that is back from a backup stands under the file from its first moment (docs/runbook.md).
#[test]
fn everything_is_frozen_until_both_the_store_and_the_file_were_read() {
    let process = Process::simulated(SimulatedProcess::default());
    let settings = Settings {
        break_glass: Some("break-glass".into()),
        ..Settings::default()
    };
    let control = Control::new(
        &process,
        &settings,
        (
            Shards::new(None, store::home::Home::default()),
            Keeper::default(),
        ),
    );
    let key = GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::from_u128(1),
        epoch: HomeEpoch(0),
    };
    assert_eq!(control.effect(&key), Effect::FROZEN);
    control.take(News::Stored(Vec::new()));
    assert_eq!(control.effect(&key), Effect::FROZEN);
    control.take(News::Glass(Vec::new()));
    assert_ne!(control.effect(&key), Effect::FROZEN);
}

/// A group of one server that has none yet.
async fn wanting(process: &Process, stores: &Stores) -> GroupKey {
    let key = GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::new(ColoId(1), 7),
        epoch: HomeEpoch(0),
    };
    let body = br#"{"server":{"imageRef":"i","flavorRef":"1"}}"#;
    let config = Config {
        bounds: Bounds::new(Size(1), Size(1)).unwrap(),
        launch: stores.launches.put(&key.tenant, body).await.unwrap(),
        ..configured()
    };
    let group = Group::new(key.clone(), config);
    let first = Draft::new(&group, crate::now(process)).finish(Cause::Create, actor());
    let made = store::apply::create(process, &*stores.groups, group, first).await;
    made.unwrap();
    key
}

/// Offers one create, again and again as a worker does, until that time: whether one was asked for.
async fn is_asked(process: &Process, supervisor: &Supervisor, until: Moment) -> bool {
    while process.clock.mono() < until {
        let left = until.saturating_since(process.clock.mono());
        let offer = Offer {
            worker: "w".parse().unwrap(),
            incarnation: Incarnation::from_u128(1),
            creates: 1,
            others: 0,
            tokens: BTreeMap::from([("acme".parse().unwrap(), Duration::from_secs(3_600))]),
            wait: left.min(Duration::from_secs(5)),
        };
        let ops = supervisor.poll(offer).await.unwrap();
        if ops.iter().any(|op| matches!(op.call, Call::Create(_))) {
            return true;
        }
    }
    false
}

#[tokio::test(start_paused = true)]
async fn when_a_switch_ends_by_itself_those_that_it_held_back_go_on_at_once() {
    let process = Process::simulated(SimulatedProcess::default());
    let stores = Memory::new(process.clock.clone()).handle("supervisor");
    let key = wanting(&process, &stores).await;
    let now = Timestamp::from_unix_ms(process.clock.unix_ms());
    let throw = Throw {
        scope: Scope::Group(key.id),
        mode: Some(Mode::Freeze),
        who: "ann".to_owned(),
        why: "because".to_owned(),
        at: now,
        until: Some(now.plus(Duration::from_secs(60))),
    };
    stores.controls.throw(&throw).await.unwrap();
    let began = process.clock.mono();
    let supervisor = crate::build(&process, Settings::default(), stores);
    let until = |seconds| began + Duration::from_secs(seconds);
    assert!(!is_asked(&process, &supervisor, until(59)).await);
    assert!(is_asked(&process, &supervisor, until(65)).await);
    process.tasks.abort_all();
}

/// Away as long as it is set.
#[derive(Debug, Default)]
struct Away(AtomicBool);

impl Faults for Away {
    fn plan(&self, _call: faults::Call<'_>) -> Plan {
        Plan::unavailable_if(self.0.load(Ordering::SeqCst))
    }
}

/// What `/health/ready` answers so many seconds later.
async fn answered_after(process: &Process, seconds: u64) -> StatusCode {
    process.clock.sleep(Duration::from_secs(seconds)).await;
    let app = served::init_service(App::new().service(ops::routes(process))).await;
    let request = served::TestRequest::get().uri("/health/ready").to_request();
    served::call_service(&app, request).await.status()
}

/// As in `holt serve`, which has no member among others: nothing else there looks at the store.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_shares_with_nobody_is_not_ready_while_its_store_is_away() {
    let process = Process::simulated(SimulatedProcess::default());
    let away = Arc::new(Away::default());
    let faults: Arc<dyn Faults> = away.clone();
    let memory = Memory::with_faults(process.clock.clone(), faults, Duration::from_secs(1));
    let stores = memory.handle("supervisor");
    let _supervisor = crate::build(&process, Settings::default(), stores);
    assert_eq!(answered_after(&process, 2).await, StatusCode::OK);
    away.0.store(true, Ordering::SeqCst);
    let blip = answered_after(&process, 5).await;
    assert_eq!(blip, StatusCode::OK, "not for every lost answer");
    let gone = answered_after(&process, 10).await;
    assert_eq!(gone, StatusCode::SERVICE_UNAVAILABLE);
    away.0.store(false, Ordering::SeqCst);
    assert_eq!(answered_after(&process, 2).await, StatusCode::OK);
    process.tasks.abort_all();
}
