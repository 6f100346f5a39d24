//! A server is built from the launch configuration that its slot names.

use std::time::Duration;

use chassis::Process;
use domain::draft::Draft;
use domain::group::Cause;
use domain::ids::{Fence, GroupKey, Incarnation};
use domain::time::{Mono, Now, Timestamp};
use store::Stores;
use store::group::Level;
use wire::ports::ops::{Call, CreateCall, Offer, Ops as _};
use wire::ports::submit::Submit as _;

use crate::roles::{actor, make_group, one_more, stores};

const LATER: &[u8] =
    br#"{"server":{"imageRef":"22222222-2222-4222-8222-222222222222","flavorRef":"1"}}"#;

/// As an api of another process does whose word to the owner is lost.
async fn configure(process: &Process, stores: &Stores, key: &GroupKey) {
    let launch = stores.launches.put(&key.tenant, LATER).await;
    let launch = launch.expect("stored");
    let now = Now {
        wall: Timestamp::from_unix_ms(process.clock.unix_ms()),
        mono: Mono::default(),
    };
    let groups = &*stores.groups;
    let decide = |view: store::apply::View<'_>| {
        let mut draft = Draft::new(view.group, now);
        let mut config = draft.config().clone();
        config.launch = launch;
        draft.configure(config);
        Ok::<_, std::convert::Infallible>(Some(draft.finish(Cause::Configure, actor())))
    };
    store::apply::apply(process, groups, key, Fence(0), None, decide)
        .await
        .expect("configured");
}

/// A worker with a token and one permit asks until it is given a create.
async fn first_create(supervisor: &holt_supervisor::Supervisor, key: &GroupKey) -> CreateCall {
    for _ in 0..20 {
        let offer = Offer {
            worker: "worker-1".parse().expect("a name"),
            incarnation: Incarnation::from_u128(1),
            creates: 1,
            others: 4,
            tokens: [(key.tenant.clone(), Duration::from_secs(600))].into(),
            wait: Duration::from_secs(2),
        };
        let ops = supervisor.poll(offer).await.expect("a reply");
        let create = ops.into_iter().find_map(|op| match op.call {
            Call::Create(create) => Some(*create),
            Call::Delete { .. }
            | Call::Void { .. }
            | Call::Read { .. }
            | Call::List
            | Call::ListTagged { .. }
            | Call::SignIn
            | Call::LookUp(_) => None,
        });
        if let Some(create) = create {
            return create;
        }
    }
    unreachable!("no create was handed out")
}

async fn play() {
    let process = Process::system();
    let (_folder, stores) = stores(&process);
    let key = make_group(&process, &stores).await;
    let settings = holt_supervisor::Settings::default();
    let supervisor = holt_supervisor::build(&process, settings, stores.clone());
    let awake = supervisor.submit(&key, one_more(&process)).await;
    awake.expect("decided");

    configure(&process, &stores, &key).await;
    let create = first_create(&supervisor, &key).await;

    let group = stores.groups.read(&key, Level::Serial).await;
    let group = group.expect("read").expect("there");
    let slot = group.slots.get(create.slot).expect("issued");
    assert_eq!(slot.launch, group.config.launch, "what the ledger says");
    assert_eq!(&*create.launch, LATER, "what the cloud is asked for");
    process.stop.request();
}

#[test]
fn a_launch_configuration_that_changed_unheard_is_read_before_anything_is_built_from_it() {
    chassis::spawn::run(play()).expect("a runtime");
}
