//! A supervisor and a worker that speak over HTTP, as separate processes do, against a simulated cloud behind a socket.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use chassis::http::Trust;
use chassis::{Process, Secret};
use cloud::guard::{self, Guard};
use cloud::openstack::{Account, OpenStack, Project, Settings};
use cloud::proof::ProofKeys;
use cloud::transport::http::{self, HttpTransport};
use cloudsim::http::Shared;
use cloudsim::{Faults, Sim};
use domain::capacity::{Bounds, Size};
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Ask, Event, Force};
use domain::group::{Cause, Config, Group, ScaleInOrder};
use domain::ids::{ColoId, GroupId, GroupKey, HomeEpoch, RequestHash};
use domain::policy::Adjust;
use domain::time::{Mono, Now, Timestamp};
use domain::verdict::Verdict;
use holt_worker::host::Place;
use store::Stores;
use store::group::Level;
use wire::ports::http_ops::HttpOps;
use wire::ports::http_submit::HttpSubmit;
use wire::ports::ops::Ops;
use wire::ports::submit::{Submit, SubmitError};

pub(super) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).expect("not empty")
}

pub(super) fn worker(folder: &std::path::Path, supervisor: &str, sky: &str) -> Process {
    let process = Process::system();
    worker_in(&process, folder, supervisor, sky);
    process
}

/// A worker in a process of the caller's.
pub(super) fn worker_in(process: &Process, folder: &std::path::Path, supervisor: &str, sky: &str) {
    worker_with(process, folder, (supervisor, sky), |_| {});
}

/// A client of the cloud at that address, and the guard before it.
pub(super) fn openstack(process: &Process, sky: &str) -> (Arc<OpenStack>, Guard) {
    let (cloud, guard) = openstack_with(process, sky, |_| {});
    (Arc::new(cloud), guard)
}

/// The same, told something else besides.
pub(super) fn openstack_with(
    process: &Process,
    sky: &str,
    tell: impl FnOnce(&mut Settings),
) -> (OpenStack, Guard) {
    let account = |project: &str| Account::Password {
        user: "autoscaler".to_owned(),
        user_domain: "Default".to_owned(),
        password: secret("password"),
        project: Project::Id {
            id: project.to_owned(),
        },
    };
    let projects = [
        ("tenant-a", "tenant-a"),
        ("tenant-b", "tenant-b"),
        ("acme", "tenant-a"),
    ];
    let accounts = projects
        .map(|(tenant, project)| (tenant.parse().expect("a tenant"), account(project)))
        .into();
    let mut settings = Settings::new(
        format!("{sky}/identity/v3"),
        "RegionOne".to_owned(),
        accounts,
    );
    tell(&mut settings);
    let transport = http::Settings {
        connect_timeout: Duration::from_secs(5),
        trust: Trust::Only(Vec::new()),
    };
    let transport = Arc::new(HttpTransport::new(&transport).expect("a client"));
    let keys = ProofKeys::new(
        1,
        [(1, secret("a key of thirty-two bytes or more, for tests"))],
    )
    .expect("a key");
    let guard = Guard::new(process, guard::Settings::default());
    let cloud = OpenStack::new(process.clone(), transport, settings, keys, guard.clone());
    (cloud, guard)
}

/// The same, told something else besides.
pub(super) fn worker_with(
    process: &Process,
    folder: &std::path::Path,
    (supervisor, sky): (&str, &str),
    tell: impl FnOnce(&mut holt_worker::Settings),
) {
    let (cloud, guard) = openstack_with(process, sky, |_| {});
    let mut settings = worker_settings(folder);
    tell(&mut settings);
    let projects = settings.place.projects(&settings.name);
    let cloud = Arc::new(cloud.remembering(projects));
    holt_worker::build(process, settings, cloud, guard, ops(supervisor)).expect("a worker");
}

/// Settings of a worker that keeps what must outlive it in that folder.
pub(super) fn worker_settings(folder: &std::path::Path) -> holt_worker::Settings {
    holt_worker::Settings::new(
        "worker-1".parse().expect("a name"),
        Place::Folder(folder.to_owned()),
    )
}

/// The supervisor at that address, as a worker sees it.
pub(super) fn ops(supervisor: &str) -> Vec<Arc<dyn Ops>> {
    let (key, trust) = (secret("shared key"), Trust::Only(Vec::new()));
    vec![Arc::new(
        HttpOps::new(supervisor, key, trust).expect("an address"),
    )]
}

pub(super) fn actor() -> Actor {
    Actor {
        kind: ActorKind::Caller,
        name: "tester".into(),
        request_id: String::new(),
        from: None,
    }
}

/// An embedded store in a folder, which goes with it.
pub(super) fn stores(process: &Process) -> (tempfile::TempDir, Stores) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = store::embedded::Settings::default();
    let store = store::embedded::open(&folder.path().join("holt.db"), process, settings);
    let stores = store.expect("a store").stores();
    (folder, stores)
}

pub(super) async fn make_group(process: &Process, stores: &Stores) -> GroupKey {
    make_group_of(process, stores, Size(2)).await
}

/// A group of at least `min` servers.
pub(super) async fn make_group_of(process: &Process, stores: &Stores, min: Size) -> GroupKey {
    make_group_for(process, stores, "tenant-a", min).await
}

/// The same of a tenant of the caller's.
pub(super) async fn make_group_for(
    process: &Process,
    stores: &Stores,
    tenant: &str,
    min: Size,
) -> GroupKey {
    let tenant: domain::ids::TenantId = tenant.parse().expect("a tenant");
    let body = br#"{"server":{"imageRef":"11111111-1111-4111-8111-111111111111","flavorRef":"1"}}"#;
    let launch = stores.launches.put(&tenant, body).await.expect("stored");
    let id = GroupId::new(ColoId(1), process.entropy.u128());
    let key = GroupKey {
        tenant,
        id,
        epoch: HomeEpoch(0),
    };
    let config = Config {
        name: "over http".into(),
        bounds: Bounds::new(min, Size(5)).expect("bounds"),
        cooldown: Duration::ZERO,
        launch,
        metadata: BTreeMap::new(),
        policies: BTreeMap::new(),
        scale_in: ScaleInOrder::default(),
        circle: domain::circle::Circle::default(),
        build_timeout: Duration::from_secs(300),
        serials: 0,
        hooks: BTreeMap::new(),
        generation: 1,
    };
    let group = Group::new(key.clone(), config);
    let now = Now {
        wall: Timestamp::from_unix_ms(process.clock.unix_ms()),
        mono: Mono::default(),
    };
    let first = Draft::new(&group, now).finish(Cause::Create, actor());
    store::apply::create(process, &*stores.groups, group.clone(), first)
        .await
        .expect("created");
    key
}

/// Whether the group comes to have that many active servers. A cluster that has just started may not answer in time (the look
/// itself is a conditional read beside the owner's writes): it is asked again, as everybody asks again.
pub(super) async fn reaches(
    process: &Process,
    stores: &Stores,
    key: &GroupKey,
    wanted: u32,
) -> bool {
    for _ in 0..400 {
        let group = match stores.groups.read(key, Level::Serial).await {
            Err(store::Error::Unavailable(_)) => None,
            read => read.expect("read"),
        };
        if group.is_some_and(|group| group.slots.census().active == Size(wanted)) {
            return true;
        }
        process.clock.sleep(Duration::from_millis(100)).await;
    }
    false
}

#[test]
fn roles_that_speak_over_http_lose_nothing_when_the_worker_is_reborn() {
    let play = async {
        let process = Process::system();
        let (_folder, stores) = stores(&process);
        play(&process, stores.clone(), stores).await;
    };
    chassis::spawn::run(play).expect("a runtime");
}

/// As separate processes do: whoever submits and looks has another session with the cluster than the supervisor.
#[test]
#[ignore = "needs a cluster: deploy/fleet/conformance.sh"]
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where the cluster is"
)]
fn roles_that_share_a_cluster_lose_nothing_when_the_worker_is_reborn() {
    let points = std::env::var("CASSANDRA_POINTS").expect("CASSANDRA_POINTS names a cluster");
    let copies = std::env::var("CASSANDRA_COPIES").map_or(1, |n| n.parse().expect("a number"));
    let play = async move {
        let process = Process::system();
        let settings = store_cassandra::Settings {
            contact_points: points.split(',').map(str::to_owned).collect(),
            keyspace: format!("t{:016x}", process.entropy.u128() >> 64),
            copies,
            ..store_cassandra::Settings::default()
        };
        let applied = Box::pin(store_cassandra::schema::apply(&process, &settings)).await;
        applied.expect("a schema");
        let open = || Box::pin(store_cassandra::open(&process, &settings));
        let own = open().await.expect("a store").stores();
        let supervisors = open().await.expect("a store").stores();
        play(&process, own, supervisors).await;
    };
    chassis::spawn::run(play).expect("a runtime");
}

/// A simulated cloud in which everything happens at once, and its address.
pub(super) fn cloud(process: &Process) -> (Shared, String) {
    cloud_of(process, cloudsim::Settings::default())
}

/// The same, born with settings of the caller's.
pub(super) fn cloud_of(process: &Process, settings: cloudsim::Settings) -> (Shared, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let sky = format!("http://{}", listener.local_addr().expect("an address"));
    let mut sim = Sim::new(settings);
    sim.set_base_url(&sky);
    sim.set_faults(&Faults::instant());
    let shared = Shared::new(sim, process.clock.clone());
    let serving = {
        let (p, s) = (process.clone(), shared.clone());
        async move { cloudsim::http::serve(&p, listener, s).await }
    };
    drop(process.tasks.spawn("cloud", serving));
    (shared, sky)
}

/// A supervisor on that store, and its address.
pub(super) fn supervisor(process: &Process, stores: Stores) -> String {
    supervisor_of(process, stores, holt_supervisor::Settings::default())
}

/// The same with settings of its own.
pub(super) fn supervisor_of(
    process: &Process,
    stores: Stores,
    settings: holt_supervisor::Settings,
) -> String {
    let supervisor = holt_supervisor::build(process, settings, stores);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    holt_supervisor::serve::listen(process, listener, supervisor, secret("shared key"))
        .expect("served");
    address
}

pub(super) fn submit(address: &str) -> HttpSubmit {
    let (key, trust) = (secret("shared key"), Trust::Only(Vec::new()));
    HttpSubmit::new(address, key, trust, Duration::from_secs(5)).expect("an address")
}

pub(super) fn one_more(process: &Process) -> Event {
    let now = Timestamp::from_unix_ms(process.clock.unix_ms());
    Event {
        id: "one-more".parse().expect("an id"),
        request: RequestHash([1; 32]),
        ask: Ask::Adjust(Adjust::Change(1)),
        force: Force::No,
        actor: actor(),
        received: now,
        valid_until: now.plus(Duration::from_secs(60)),
        trace: None,
    }
}

/// The verdict of an event, sent until there is one: its id makes that harmless.
async fn told(
    process: &Process,
    submit: &HttpSubmit,
    key: &GroupKey,
    event: &Event,
) -> Option<Verdict> {
    for _ in 0..60 {
        match submit.submit(key, event.clone()).await {
            Err(SubmitError::Unavailable | SubmitError::Unreachable) => {}
            answer => return answer.ok(),
        }
        process.clock.sleep(Duration::from_millis(500)).await;
    }
    None
}

async fn play(process: &Process, stores: Stores, supervisors: Stores) {
    let folder = tempfile::tempdir().expect("a folder");
    let (shared, sky) = cloud(process);
    let key = make_group(process, &stores).await;
    let address = supervisor(process, supervisors);

    let first = worker(folder.path(), &address, &sky);
    assert!(reaches(process, &stores, &key, 2).await);
    first.tasks.abort_all();
    drop(first);
    process.clock.sleep(Duration::from_millis(200)).await;
    let second = worker(folder.path(), &address, &sky);
    let submit = submit(&address);
    let event = one_more(process);
    let verdict = told(process, &submit, &key, &event).await;
    assert!(verdict.is_some(), "a verdict");
    assert_eq!(told(process, &submit, &key, &event).await, verdict);
    assert!(reaches(process, &stores, &key, 3).await);

    assert_eq!(shared.sim().counts().creates_per_tag_max(), 1);
    assert_eq!(shared.sim().living().count(), 3);
    look_at_metrics(process);
    second.stop.request();
    process.stop.request();
}

/// What the supervisor counted is what happened.
fn look_at_metrics(process: &Process) {
    let metrics = process.metrics.text();
    for line in [
        "supervisor_groups 1",
        "supervisor_groups_degraded 0",
        "supervisor_slots{state=\"active\"} 3",
        "supervisor_slots{state=\"in_doubt\"} 0",
        "supervisor_slots{state=\"missing\"} 0",
        "supervisor_verdicts_total{outcome=\"applied\"} 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} in\n{metrics}");
    }
}
