//! Fills a store through its own API before the service starts: thousands of groups by HTTP would be most of a bench's time.
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;
use domain::capacity::{Bounds, Size};
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Override};
use domain::group::{Cause, Change, Config, Group, ScaleInOrder};
use domain::ids::{
    ColoId, Fence, GroupId, GroupKey, HomeEpoch, LaunchHash, Nonce, PolicyId, ServerId, SlotId,
    TenantId,
};
use domain::policy::{Adjust, Policy, Trigger};
use domain::schedule::Schedule;
use domain::slot::{Flags, Slot, State};
use domain::time::{Mono, Now, Timestamp};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use store::Stores;
use store::embedded::{self, Embedded};
use store::group::{Committed, Guard};

/// The smallest launch configuration that cloudsim takes.
const LAUNCH: &str =
    r#"{"server":{"flavorRef":"1","imageRef":"11111111-1111-4111-8111-111111111111"}}"#;
/// Groups in the making at one time, so that they share transactions.
const AT_ONCE: usize = 256;
/// Slots that one commit takes.
const SLOTS_MAX: usize = 32;
/// Longer than any bench.
const GRANTED: Duration = Duration::from_secs(24 * 3600);
/// The colo of `holt serve` by default.
const COLO: ColoId = ColoId(1);

/// A store that is being filled; the service cannot have it open meanwhile.
#[derive(Debug)]
pub struct Seed {
    process: Process,
    store: Embedded,
    stores: Stores,
    at: Timestamp,
}

impl Seed {
    /// Opens or makes the file.
    pub fn open(process: &Process, path: &Path) -> anyhow::Result<Self> {
        let store = embedded::open(path, process, embedded::Settings::default())?;
        let at = Timestamp::from_unix_ms(process.clock.unix_ms());
        let stores = store.stores();
        Ok(Self {
            process: process.clone(),
            store,
            stores,
            at,
        })
    }

    /// Makes `count` empty groups, dealt to the tenants in turn.
    pub async fn groups(
        &self,
        tenants: &[TenantId],
        count: usize,
    ) -> anyhow::Result<Vec<GroupKey>> {
        self.wanting(tenants, count, 0).await
    }

    /// Makes `count` groups that each want `min` servers and have none.
    pub async fn wanting(
        &self,
        tenants: &[TenantId],
        count: usize,
        min: u32,
    ) -> anyhow::Result<Vec<GroupKey>> {
        let mut hashes = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            hashes.push(self.stores.launches.put(tenant, LAUNCH.as_bytes()).await?);
        }
        let dealt = tenants.iter().zip(hashes).cycle().take(count);
        let made = stream::iter(dealt).map(|(tenant, hash)| self.group(tenant, hash, min));
        made.buffered(AT_ONCE).try_collect().await
    }

    /// Makes `count` groups, each with a policy that runs at that moment.
    pub async fn scheduled(
        &self,
        tenants: &[TenantId],
        count: usize,
        at: Timestamp,
    ) -> anyhow::Result<()> {
        let id: PolicyId = "once".parse()?;
        let policy = Policy {
            id: id.clone(),
            name: "once".to_owned(),
            adjust: Adjust::Change(1),
            cooldown: Duration::ZERO,
            debounce: Duration::ZERO,
            trigger: Trigger::Schedule(Schedule::At(at)),
            webhooks: BTreeMap::new(),
            written: None,
        };
        let now = Now {
            wall: self.at,
            mono: Mono::default(),
        };
        let dealt = tenants.iter().cycle().take(count);
        let made = stream::iter(dealt).map(async |tenant| {
            let launch = self.stores.launches.put(tenant, LAUNCH.as_bytes()).await?;
            let key = self.fresh(tenant);
            let mut config = config(launch, 0)?;
            config.policies.insert(id.clone(), policy.clone());
            let mut group = Group::new(key, config);
            group.state.over = Some(self.grant(&group));
            let mut draft = Draft::new(&group, now);
            draft.arm();
            let actor = self.change(&group, Cause::Create, Vec::new()).actor;
            let change = draft.finish(Cause::Create, actor);
            let nonce = Nonce::from_u128(self.process.entropy.u128());
            let done = self.stores.groups.create(&group, &change, nonce).await?;
            ensure!(
                done == Committed::Applied,
                "a group was not created: {done:?}"
            );
            anyhow::Ok(())
        });
        made.buffered(AT_ONCE).try_collect().await
    }

    fn fresh(&self, tenant: &TenantId) -> GroupKey {
        GroupKey {
            tenant: tenant.clone(),
            id: GroupId::new(COLO, self.process.entropy.u128()),
            epoch: HomeEpoch(0),
        }
    }

    async fn group(
        &self,
        tenant: &TenantId,
        launch: LaunchHash,
        min: u32,
    ) -> anyhow::Result<GroupKey> {
        let key = self.fresh(tenant);
        let mut group = Group::new(key.clone(), config(launch, min)?);
        group.state.over = Some(self.grant(&group));
        let change = self.change(&group, Cause::Create, Vec::new());
        let nonce = Nonce::from_u128(self.process.entropy.u128());
        let done = self.stores.groups.create(&group, &change, nonce).await?;
        ensure!(
            done == Committed::Applied,
            "a group was not created: {done:?}"
        );
        Ok(key)
    }

    /// A grant that allows nothing, and ends by itself only after the bench: a group that has one is in memory from the service's start on, as
    /// groups with servers are. Without it these, which have none, would first be read by the event that is measured (`bench -- scale` does that).
    fn grant(&self, group: &Group) -> Override {
        Override {
            size: group.config.bounds.min(),
            until: self.at.plus(GRANTED),
        }
    }

    /// Gives an empty group `count` servers in service, which no cloud knows: only for a service without a cloud.
    pub async fn servers(&self, key: &GroupKey, count: usize) -> anyhow::Result<()> {
        let read = || self.stores.groups.read(key, store::group::Level::Serial);
        let mut left = count;
        while left > 0 {
            let group = read().await?.context("the group to fill")?;
            let slots: Vec<_> = (0..left.min(SLOTS_MAX))
                .map(|_| self.slot(&group))
                .collect();
            left -= slots.len();
            let mut change = self.change(&group, Cause::Converge, slots);
            change.state.desired = Size(u32::try_from(count)?);
            let guard = Guard {
                rev: group.rev,
                fence: Fence(1),
            };
            let nonce = Nonce::from_u128(self.process.entropy.u128());
            let done = self
                .stores
                .groups
                .commit(key, guard, &change, nonce)
                .await?;
            ensure!(
                done == Committed::Applied,
                "servers were not written: {done:?}"
            );
        }
        Ok(())
    }

    fn slot(&self, group: &Group) -> Slot {
        let random = || self.process.entropy.u128();
        let id = SlotId::from_u128(random());
        Slot {
            id,
            proof: id,
            nonce: Nonce::from_u128(random()),
            launch: group.config.launch,
            state: State::Active(ServerId::from_u128(random())),
            flags: Flags::default(),
            issued: self.at,
            since: self.at,
        }
    }

    fn change(&self, group: &Group, cause: Cause, slots: Vec<Slot>) -> Change {
        Change {
            config: None,
            state: group.state.clone(),
            slots,
            verdicts: Vec::new(),
            queued: Vec::new(),
            taken: Vec::new(),
            posts: Vec::new(),
            closed: Vec::new(),
            wake: None,
            cause,
            actor: Actor {
                kind: ActorKind::System,
                name: "bench".to_owned(),
                request_id: String::new(),
                from: None,
            },
            at: self.at,
        }
    }

    /// Gives the file up, so that the service can have it.
    pub async fn close(self) {
        self.store.close().await;
    }
}

fn config(launch: LaunchHash, min: u32) -> anyhow::Result<Config> {
    Ok(Config {
        name: "bench".to_owned(),
        bounds: Bounds::new(Size(min), Size::LIMIT)?,
        cooldown: Duration::ZERO,
        launch,
        metadata: BTreeMap::new(),
        policies: BTreeMap::new(),
        scale_in: ScaleInOrder::OldestFirst,
        circle: domain::circle::Circle::default(),
        build_timeout: Duration::from_secs(3600),
        serials: 0,
        hooks: BTreeMap::new(),
        generation: 1,
    })
}
