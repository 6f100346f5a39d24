//! The bulk loader: very many idle groups, through the store's own API, as the api's `POST groups` would write them.
//!
//! What the api asks of a store to make a group, this asks too, of thousands of groups at once: an embedded store then puts thousands of them into one
//! transaction, and a cluster is asked by hundreds of requests at a time. Nothing writes rows by itself, so that there is nothing to drift apart
//! (`tests/it/bulk.rs` compares).
use std::path::Path;

use anyhow::{Context as _, ensure};
use chassis::Process;
use domain::draft::Draft;
use domain::event::{Actor, ActorKind};
use domain::group::{Cause, Group};
use domain::ids::{ColoId, GroupId, GroupKey, HomeEpoch, LaunchHash, Nonce, TenantId};
use domain::time::{Mono, Now, Timestamp};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use store::Stores;
use store::embedded::{self, Embedded, Settings};
use store::group::Committed;
use wire::v2::group::GroupSpec;

/// The group that is loaded, as the body of a `POST groups`: it has no servers and wants none.
pub const SPEC: &str = r#"{"name":"idle","min":0,"max":10,
    "launch":{"server":{"flavorRef":"1","imageRef":"11111111-1111-4111-8111-111111111111"}}}"#;
/// Groups that an embedded store makes in one transaction.
const BATCH: u32 = 4096;
/// The loading store's page cache, in KiB: the index of all groups stays in it.
const CACHE_KIB: u32 = 256 * 1024;
/// The colo of the services that the benches start.
const COLO: ColoId = ColoId(1);

/// Groups to be made.
#[derive(Debug, Clone)]
pub struct Lot {
    /// Whose, dealt in turn.
    pub tenants: Vec<TenantId>,
    /// How many.
    pub count: usize,
    /// How many are in the making at a time.
    pub at_once: usize,
    /// Of how many the keys are given back: the first ones.
    pub keep: usize,
}

/// Loads groups into a store.
///
/// # Errors
/// The first group that was not made.
pub async fn load(process: &Process, stores: &Stores, lot: &Lot) -> anyhow::Result<Vec<GroupKey>> {
    let spec: GroupSpec = serde_json::from_str(SPEC)?;
    let body = serde_json::to_vec(spec.launch.as_ref().context("a launch configuration")?)?;
    let put = |tenant| stores.launches.put(tenant, &body);
    let hashes = stream::iter(&lot.tenants).map(put).buffered(lot.at_once);
    let hashes: Vec<LaunchHash> = hashes.try_collect().await?;
    let dealt = lot.tenants.iter().zip(hashes).cycle().take(lot.count);
    let made = dealt.map(|(tenant, launch)| make(process, stores, &spec, (tenant, launch)));
    let made = stream::iter(made).buffered(lot.at_once);
    let keep = async |mut kept: Vec<GroupKey>, key| {
        if kept.len() < lot.keep {
            kept.push(key);
        }
        Ok(kept)
    };
    made.try_fold(Vec::new(), keep).await
}

async fn make(
    process: &Process,
    stores: &Stores,
    spec: &GroupSpec,
    (tenant, launch): (&TenantId, LaunchHash),
) -> anyhow::Result<GroupKey> {
    let key = GroupKey {
        tenant: tenant.clone(),
        id: GroupId::new(COLO, process.entropy.u128()),
        epoch: HomeEpoch(0),
    };
    let group = Group::new(key.clone(), spec.parse()?.config(launch, 1));
    let now = Now {
        wall: Timestamp::from_unix_ms(process.clock.unix_ms()),
        mono: Mono::default(),
    };
    let mut draft = Draft::new(&group, now);
    draft.arm();
    let actor = Actor {
        kind: ActorKind::System,
        name: "bulk".to_owned(),
        request_id: String::new(),
        from: None,
    };
    let first = draft.finish(Cause::Create, actor);
    let nonce = Nonce::from_u128(process.entropy.u128());
    let done = stores.groups.create(&group, &first, nonce).await?;
    ensure!(done == Committed::Applied, "a group was not made: {done:?}");
    Ok(key)
}

/// Opens or makes an embedded store that takes very many groups in one transaction; no service can have it open meanwhile.
///
/// # Errors
/// As [`embedded::open`].
pub fn open(process: &Process, path: &Path) -> anyhow::Result<Embedded> {
    let settings = Settings {
        batch_max: BATCH,
        waiting_max: BATCH,
        writer_cache_kib: CACHE_KIB,
        ..Settings::default()
    };
    Ok(embedded::open(path, process, settings)?)
}

/// Loads groups into the embedded store in a file, brings its index of history up to date as the service does every minute, and gives the
/// file up.
///
/// # Errors
/// As [`load`].
pub async fn fill(process: &Process, path: &Path, lot: &Lot) -> anyhow::Result<Vec<GroupKey>> {
    let store = open(process, path)?;
    let keys = load(process, &store.stores(), lot).await?;
    store.index().await?;
    store.close().await;
    Ok(keys)
}

/// The tenants of very many groups.
///
/// # Errors
/// None in practice: the names are well formed.
pub fn tenants(count: usize) -> anyhow::Result<Vec<TenantId>> {
    let names = (0..count).map(|number| super::cloud::project(number).parse());
    names.collect::<Result<_, _>>().context("a tenant's name")
}

/// Groups that an embedded store takes at a time.
pub const EMBEDDED_AT_ONCE: usize = BATCH as usize;
