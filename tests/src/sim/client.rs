//! A customer: makes groups, posts events through the shipping submit code, repeats each until it is acknowledged, and changes its mind.

use std::sync::Arc;
use std::time::Duration;

use chassis::Entropy;
use domain::capacity::{Bounds, Size};
use domain::control::{Mode, Scope};
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Ask, Event, Force, Override};
use domain::group::{Cause, Change, Config, Group, Phase, ScaleInOrder};
use domain::ids::{ColoId, EventId, Fence, GroupId, GroupKey, HomeEpoch, RequestHash, TenantId};
use domain::policy::Adjust;
use domain::time::{Mono, Now, Timestamp};
use holt_api::submit::{Accepted, submit};
use store::apply::{Refused, View, apply};
use store::control::Throw;

use super::strike::{Blow, index, narrow};
use super::world::World;

/// How long an api waits for the owner.
const DEADLINE: Duration = Duration::from_secs(2);
/// After this a customer sends an unanswered event again.
const AGAIN: Duration = Duration::from_secs(3);

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
        let dice = world.dice("customer");
        Self { world, dice }
    }

    /// Makes the groups of the run, directly in the store as the api would.
    ///
    /// # Errors
    /// The schedule asks for a group that cannot be.
    pub async fn make_groups(&self, tenants: &[TenantId]) -> anyhow::Result<Vec<GroupKey>> {
        let mut keys = Vec::new();
        for n in 0..self.world.schedule.size.groups {
            let (min, max) = match self.world.schedule.case.and_then(|case| case.bounds()) {
                Some(bounds) => bounds,
                None => {
                    let min = narrow(self.dice.below(3));
                    (min, min + 2 + narrow(self.dice.below(6)))
                }
            };
            let bounds = Bounds::new(Size(min), Size(max))?;
            // In a directed schedule all groups are of one tenant.
            let tenant = match self.world.schedule.case {
                Some(_) => &tenants[0],
                None => &tenants[n % tenants.len()],
            };
            let key = GroupKey {
                tenant: tenant.clone(),
                id: GroupId::new(ColoId(1), self.dice.u128()),
                epoch: HomeEpoch(0),
            };
            self.make(key.clone(), n, bounds).await;
            keys.push(key);
        }
        Ok(keys)
    }

    async fn make(&self, key: GroupKey, n: usize, bounds: Bounds) {
        let root = &self.world.root;
        let stores = self.world.store.handle("api");
        let body =
            br#"{"server":{"imageRef":"11111111-1111-4111-8111-111111111111","flavorRef":"1"}}"#;
        let launch = loop {
            if let Ok(hash) = stores.launches.put(&key.tenant, body).await {
                break hash;
            }
            root.clock.sleep(Duration::from_secs(1)).await;
        };
        let config = Config {
            name: format!("group {n}"),
            bounds,
            cooldown: Duration::from_secs(self.dice.below(3) * 30),
            launch,
            metadata: std::collections::BTreeMap::new(),
            policies: std::collections::BTreeMap::new(),
            scale_in: ScaleInOrder::default(),
            circle: super::alerts::circle(),
            build_timeout: Duration::from_secs(300),
            serials: 0,
            hooks: super::hooks::of_group(n),
            generation: 1,
        };
        let group = Group::new(key.clone(), config);
        let first = Draft::new(&group, now(&self.world)).finish(Cause::Create, actor());
        while store::apply::create(root, &*stores.groups, group.clone(), first.clone())
            .await
            .is_err()
        {
            if self.world.store.group(&key).is_some() {
                break;
            }
            root.clock.sleep(Duration::from_secs(1)).await;
        }
    }

    /// Posts events until the fair period begins, some of them doubled at once, each until it is acknowledged.
    pub async fn work(&self, keys: &[GroupKey]) {
        let clock = self.world.root.clock.clone();
        let end = chassis::Mono::START + self.world.schedule.foul;
        let mut n = 0;
        while clock.mono() < end {
            clock.sleep(self.dice.up_to(self.world.schedule.pace)).await;
            n += 1;
            let key = keys[index(&self.dice, keys.len())].clone();
            let event = self.event(n);
            for _ in 0..=self.dice.below(2) {
                let post = Post {
                    world: Arc::clone(&self.world),
                    api: index(&self.dice, self.world.schedule.size.apis),
                    owner: index(&self.dice, self.world.schedule.size.supervisors),
                    key: key.clone(),
                    event: event.clone(),
                    sent: 0,
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

    fn event(&self, n: u64) -> Event {
        let change = |n: u64| i64::try_from(n).unwrap_or(0);
        let ask = match self.dice.below(12) {
            0 => Ask::Converge,
            1 | 2 => Ask::Adjust(Adjust::Desired(Size(narrow(self.dice.below(9))))),
            3..=5 => Ask::Adjust(Adjust::Change(-change(self.dice.below(4)))),
            _ => Ask::Adjust(Adjust::Change(1 + change(self.dice.below(4)))),
        };
        let wall = now(&self.world).wall;
        let force = match self.dice.below(12) {
            0..=3 => Force::Gates,
            4 => Force::Override(Override {
                size: Size(narrow(self.dice.below(12))),
                until: wall.plus(Duration::from_secs(60 + self.dice.below(600))),
            }),
            _ => Force::No,
        };
        event(&self.world, &format!("event-{n}"), ask, force)
    }
}

/// An event of a customer.
#[must_use]
pub fn event(world: &World, id: &str, ask: Ask, force: Force) -> Event {
    let wall = now(world).wall;
    let digit = id
        .bytes()
        .fold(0_u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
    Event {
        id: id
            .parse::<EventId>()
            .unwrap_or_else(|_| unreachable!("a good id")),
        request: RequestHash([digit; 32]),
        ask,
        force,
        actor: actor(),
        received: wall,
        valid_until: wall.plus(Duration::from_secs(600)),
        trace: None,
    }
}

/// One event on its way.
#[derive(Debug)]
pub struct Post {
    /// Where.
    pub world: Arc<World>,
    /// Through which api.
    pub api: usize,
    /// To which supervisor.
    pub owner: usize,
    /// For which group.
    pub key: GroupKey,
    /// What.
    pub event: Event,
    /// How often it was sent.
    pub sent: u64,
}

impl Post {
    /// Sends it again and again, through one api after the other, until one acknowledges it.
    pub async fn until_acknowledged(mut self) {
        let checker = &self.world.checker;
        loop {
            let api = (self.api + usize::try_from(self.sent).unwrap_or(0))
                % self.world.schedule.size.apis;
            self.sent += 1;
            let store = &self.world.store;
            let known = self.sent > 1 && store.is_decided(&self.key, &self.event.id);
            if let Some(door) = self.world.door(api) {
                let (key, event, owner) = (self.key.clone(), self.event.clone(), self.owner);
                let task = async move {
                    let way = &door.owners[owner];
                    submit(&door.process, &door.stores, way, (&key, event), DEADLINE).await
                };
                let tasks = self.world.door(api).map(|door| door.process.tasks);
                let answer = match tasks {
                    Some(tasks) => tasks.spawn("request", task).join().await,
                    None => return,
                };
                match answer {
                    Ok(Ok(accepted)) => {
                        if known {
                            checker.tally(
                                "crash row: commit unknown or ack lost, stored verdict found",
                            );
                        }
                        if matches!(accepted, Accepted::Queued(_)) {
                            checker.tally("crash row: queued for an owner that is away");
                        }
                        checker.acknowledged(self.event.id.clone(), self.key.clone());
                        return;
                    }
                    // The group is gone for good.
                    Ok(Err(holt_api::submit::NotAccepted::NoGroup)) => return,
                    Ok(Err(_refused)) => {}
                    Err(_died) => checker.tally("crash row: api died with a request in hand"),
                }
            }
            self.world.root.clock.sleep(AGAIN).await;
        }
    }
}

/// What a customer does to a whole group, through the store as the api would.
pub async fn customer(world: &Arc<World>, blow: Blow, dice: &Entropy) {
    let keys = world.store.keys();
    if keys.is_empty() {
        return;
    }
    let key = &keys[index(dice, keys.len())];
    if let Blow::PauseGroup(lasts) = blow {
        phase(world, key, Phase::Running, Phase::Paused).await;
        world.root.clock.sleep(lasts).await;
        phase(world, key, Phase::Paused, Phase::Running).await;
    }
    if let Blow::Bounds(min, max) = blow
        && let Ok(bounds) = Bounds::new(Size(min), Size(max))
    {
        change(world, key, |draft| {
            let mut config = draft.config().clone();
            config.bounds = bounds;
            config.generation += 1;
            draft.configure(config);
            let (least, most) = (bounds.min().0, bounds.max().0);
            draft.state.desired = Size(draft.state.desired.0.clamp(least, most));
            Cause::Configure
        })
        .await;
    }
    if blow == Blow::DeleteGroup {
        change(world, key, |draft| {
            if draft.state.phase != Phase::Tombstone {
                draft.state.phase = Phase::Deleting;
            }
            draft.state.desired = Size::ZERO;
            draft.state.forced = true;
            Cause::Delete
        })
        .await;
    }
}

/// An operator throws a kill switch, and takes it back.
pub async fn operator(world: &World, mode: usize, everywhere: bool, lasts: Duration) {
    let scope = match world.store.keys().first() {
        Some(key) if !everywhere => Scope::Group(key.id),
        Some(_) | None => Scope::Global,
    };
    for mode in [Mode::ALL.get(mode).copied(), None] {
        throw(world, scope.clone(), mode).await;
        if mode.is_some() {
            world.root.clock.sleep(lasts).await;
        }
    }
}

/// Throws a kill switch, or takes it back, as often as it takes the store to note it.
pub(super) async fn throw(world: &World, scope: Scope, mode: Option<Mode>) {
    let controls = world.store.handle("operator").controls;
    let throw = Throw {
        scope,
        mode,
        who: "operator".to_owned(),
        why: "to see what happens".to_owned(),
        at: now(world).wall,
        until: None,
    };
    while controls.throw(&throw).await.is_err() {
        world.root.clock.sleep(AGAIN).await;
    }
}

/// Pauses a group, or resumes it, if it is as expected.
pub(super) async fn phase(world: &World, key: &GroupKey, from: Phase, to: Phase) {
    change(world, key, |draft| {
        if draft.state.phase == from {
            draft.turn(to);
        }
        Cause::Pause
    })
    .await;
}

/// Commits a change of a group, as the api does, until the store takes it.
pub(super) async fn change(
    world: &World,
    key: &GroupKey,
    edit: impl Fn(&mut Draft<'_>) -> Cause + Send + Sync,
) {
    let stores = world.store.handle("customer");
    let now = now(world);
    let decide = |view: View<'_>| -> Result<Option<Change>, ()> {
        let mut draft = Draft::new(view.group, now);
        let cause = edit(&mut draft);
        Ok((!draft.is_empty()).then(|| draft.finish(cause, actor())))
    };
    loop {
        let done = apply(&world.root, &*stores.groups, key, Fence(0), None, decide).await;
        match done {
            Ok(_) | Err(Refused::Missing | Refused::Decision(())) => break,
            Err(Refused::Store(_) | Refused::Unknown | Refused::Contended) => {
                world.root.clock.sleep(AGAIN).await;
            }
        }
    }
    // As the api pokes the owner through the hint board.
    drop(stores.hints.mark(key, now.wall).await);
}

fn now(world: &World) -> Now {
    Now {
        wall: Timestamp::from_unix_ms(world.root.clock.unix_ms()),
        mono: Mono::default(),
    }
}

/// Who acts.
#[must_use]
pub fn actor() -> Actor {
    Actor {
        kind: ActorKind::Caller,
        name: "customer".into(),
        request_id: String::new(),
        from: None,
    }
}
