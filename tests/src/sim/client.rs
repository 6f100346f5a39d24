//! A customer: makes groups, posts events through the shipping submit code, and repeats each until it is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use chassis::Entropy;
use domain::capacity::{Bounds, Size};
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Ask, Event, Force};
use domain::group::{Cause, Config, Group, ScaleInOrder};
use domain::ids::{ColoId, EventId, GroupId, GroupKey, HomeEpoch, RequestHash, TenantId};
use domain::policy::Adjust;
use domain::time::{Mono, Now, Timestamp};
use holt_api::submit::submit;

use super::world::World;

/// What one event asks, and how it went.
#[derive(Debug)]
pub struct Customer {
    world: Arc<World>,
    dice: Entropy,
}

impl Customer {
    /// A customer of that world.
    #[must_use]
    pub fn new(world: Arc<World>) -> Self {
        let dice = Entropy::stream(world.schedule.seed, "customer");
        Self { world, dice }
    }

    /// Makes the groups of the run, directly in the store as the api would.
    pub async fn make_groups(&self, tenants: &[TenantId]) -> anyhow::Result<Vec<GroupKey>> {
        let stores = self.world.store.handle("api");
        let mut keys = Vec::new();
        for n in 0..self.world.schedule.groups {
            let tenant = &tenants[n % tenants.len()];
            let body = br#"{"server":{"imageRef":"11111111-1111-4111-8111-111111111111","flavorRef":"1"}}"#;
            let launch = loop {
                if let Ok(hash) = stores.launches.put(tenant, body).await {
                    break hash;
                }
                self.world.root.clock.sleep(Duration::from_secs(1)).await;
            };
            let id = GroupId::new(ColoId(1), self.dice.u128());
            let key = GroupKey {
                tenant: tenant.clone(),
                id,
                epoch: HomeEpoch(0),
            };
            let min = u32::try_from(self.dice.below(3))?;
            let max = min + 2 + u32::try_from(self.dice.below(6))?;
            let config = Config {
                name: format!("group {n}"),
                bounds: Bounds::new(Size(min), Size(max))?,
                cooldown: Duration::from_secs(self.dice.below(3) * 60),
                launch,
                metadata: std::collections::BTreeMap::new(),
                policies: std::collections::BTreeMap::new(),
                scale_in: ScaleInOrder::default(),
                build_timeout: Duration::from_secs(300),
                serials: 0,
                generation: 1,
            };
            let group = Group::new(key.clone(), config);
            let now = Now {
                wall: self.wall(),
                mono: Mono::default(),
            };
            let first = Draft::new(&group, now).finish(Cause::Create, actor());
            while store::apply::create(
                &self.world.root,
                &*stores.groups,
                group.clone(),
                first.clone(),
            )
            .await
            .is_err()
            {
                if self.world.store.group(&key).is_some() {
                    break;
                }
                self.world.root.clock.sleep(Duration::from_secs(1)).await;
            }
            keys.push(key);
        }
        Ok(keys)
    }

    /// Posts events until the fair period begins, some of them doubled at once, each until it is acknowledged.
    pub async fn work(&self, keys: &[GroupKey]) {
        let clock = self.world.root.clock.clone();
        let mut n = 0;
        while clock.mono().as_millis() < millis(self.world.schedule.foul) {
            clock.sleep(self.dice.up_to(Duration::from_secs(120))).await;
            n += 1;
            let key =
                keys[usize::try_from(self.dice.below(u64::try_from(keys.len()).unwrap_or(1)))
                    .unwrap_or(0)]
                .clone();
            let event = self.event(n);
            for _ in 0..=self.dice.below(2) {
                let to = usize::try_from(
                    self.dice
                        .below(u64::try_from(self.world.schedule.supervisors).unwrap_or(1)),
                );
                let post = Post {
                    world: Arc::clone(&self.world),
                    to: to.unwrap_or(0),
                    key: key.clone(),
                    event: event.clone(),
                };
                drop(
                    self.world
                        .root
                        .tasks
                        .spawn("post", post.until_acknowledged()),
                );
            }
        }
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.world.root.clock.unix_ms())
    }

    fn event(&self, n: u64) -> Event {
        let ask = match self.dice.below(5) {
            0 => Adjust::Desired(Size(u32::try_from(self.dice.below(9)).unwrap_or(0))),
            1 | 2 => Adjust::Change(-i64::try_from(self.dice.below(4)).unwrap_or(0)),
            _ => Adjust::Change(1 + i64::try_from(self.dice.below(4)).unwrap_or(0)),
        };
        let force = if self.dice.below(3) == 0 {
            Force::Gates
        } else {
            Force::No
        };
        let id = format!("event-{n}");
        Event {
            id: id
                .parse::<EventId>()
                .unwrap_or_else(|_| unreachable!("a good id")),
            request: RequestHash([u8::try_from(n % 251).unwrap_or(0); 32]),
            ask: Ask::Adjust(ask),
            force,
            actor: actor(),
            received: self.wall(),
            valid_until: self.wall().plus(Duration::from_secs(600)),
        }
    }
}

struct Post {
    world: Arc<World>,
    to: usize,
    key: GroupKey,
    event: Event,
}

impl Post {
    async fn until_acknowledged(self) {
        let stores = self.world.store.handle("api");
        let owner = self.world.link_of_client(self.to);
        loop {
            let what = (&self.key, self.event.clone());
            match submit(
                &self.world.root,
                &stores,
                &owner,
                what,
                Duration::from_secs(2),
            )
            .await
            {
                Ok(_accepted) => {
                    self.world
                        .checker
                        .acknowledged(self.event.id.clone(), self.key.clone());
                    return;
                }
                Err(_refused) => self.world.root.clock.sleep(Duration::from_secs(3)).await,
            }
        }
    }
}

fn actor() -> Actor {
    Actor {
        kind: ActorKind::Caller,
        name: "customer".into(),
        request_id: String::new(),
    }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}
