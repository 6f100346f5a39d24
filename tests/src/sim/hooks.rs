//! Hooks, whatever the weather.
//!
//! Of every three groups one has receivers that never answer, and one has receivers that take, fail, hang, take and
//! are not heard of, answer at once, late, twice or against the server.
//!
//! That servers are in service or gone in the end is what the judge asks of every group; here it is asked that nothing waits past its time, that
//! every message comes to an end, and that one receiver hears of one server in order. The lane is a model (the shipping one speaks real HTTP); the
//! port, the desk, the outbox and everything behind them is what ships.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::Mono;
use domain::group::{Cause, Group};
use domain::hook::{Answer, Format, Hook, Hooks, Point, Waiting};
use domain::ids::{DeliveryId, GroupKey};
use domain::outbox::{self, Sending, Sent};
use domain::time::Timestamp;
use wire::ports::hooks::{Hooks as _, Parcel, Room, Tried};

use super::client::change;
use super::net::Link;
use super::world::World;

/// How long a server waits; no heartbeat ever comes.
const DEADLINE: Duration = Duration::from_secs(20);
/// Clocks that were wrong double a wait at most (I8), and its owner looks again within a minute.
const PATIENCE: Duration = Duration::from_secs(120);
/// Messages of one question.
const MESSAGES: u32 = 64;
/// Between two questions that nobody answered.
const AGAIN: Duration = Duration::from_secs(2);
/// After this an attempt has failed.
const ATTEMPT: Duration = Duration::from_secs(15);

const NOBODY: &str = "https://nobody.example/";
const SOMEBODY: &str = "https://somebody.example/";

/// The hooks of the `n`th group.
pub(super) fn of_group(n: usize) -> Hooks {
    let (url, points) = match n % 3 {
        1 => (
            NOBODY,
            BTreeSet::from([Point::BeforeActive, Point::BeforeDelete]),
        ),
        2 => (SOMEBODY, BTreeSet::from(Point::ALL)),
        _ => return Hooks::new(),
    };
    let hook = Hook {
        points,
        format: Format::Webhook,
        url: url.to_owned(),
        wait: Some(Waiting {
            deadline: DEADLINE,
            longest: DEADLINE * 2,
            default: Answer::Continue,
        }),
        skippable: true,
        enabled: true,
        keys: Vec::new(),
    };
    let id = "receiver".parse();
    id.map_or_else(|_| Hooks::new(), |id| Hooks::from([(id, hook)]))
}

/// A lane to every supervisor, with the receivers behind it.
pub(super) fn lane(world: &Arc<World>) {
    let heard = Arc::new(Mutex::new(Heard::default()));
    for link in world.links(&world.root, ("lane", 0)) {
        let line = Line {
            world: Arc::clone(world),
            link: Arc::new(link),
            heard: Arc::clone(&heard),
        };
        drop(world.root.tasks.spawn("lane", line.run()));
    }
}

/// So long after a restore a message of the time before may still come: replies are echoed for up to a minute.
const ECHOES: Duration = Duration::from_secs(120);

/// What the receivers have heard.
#[derive(Debug, Default)]
struct Heard {
    messages: u64,
    /// Restores of the store so far, and when the last one was noticed.
    restores: (u64, Mono),
    /// By group and server, and since which restore of the store: messages made since the backup are forgotten, and their numbers used again.
    of_server: BTreeMap<(GroupKey, String, u64), BTreeSet<DeliveryId>>,
}

#[derive(Clone)]
struct Line {
    world: Arc<World>,
    link: Arc<Link>,
    heard: Arc<Mutex<Heard>>,
}

impl Line {
    async fn run(self) {
        loop {
            let room = Room {
                messages: MESSAGES,
                of_one: MESSAGES,
                full: Vec::new(),
                wait: Duration::from_secs(5),
            };
            match self.link.fetch(room).await {
                Ok(parcels) => {
                    for parcel in parcels {
                        let one = self.clone().send(parcel);
                        drop(self.world.root.tasks.spawn("message", one));
                    }
                }
                Err(_away) => self.world.root.clock.sleep(AGAIN).await,
            }
        }
    }

    /// One attempt, and what came of it.
    async fn send(self, parcel: Parcel) {
        let clock = self.world.root.clock.clone();
        let nth = self.hear(&parcel);
        let dice = self.world.dice(&format!("receiver {nth}"));
        let is_calm = self.world.calm.load(std::sync::atomic::Ordering::Relaxed);
        let fate = if is_calm { 0 } else { dice.below(10) };
        let (what, sent) = match fate {
            0..=3 => ("takes", Sent::Taken),
            4 => {
                clock.sleep(ATTEMPT - AGAIN).await;
                ("takes late", Sent::Taken)
            }
            5 | 6 => ("answers 500", Sent::Failed("500".to_owned(), None)),
            7 => {
                clock.sleep(ATTEMPT).await;
                ("hangs", Sent::Failed("no answer".to_owned(), None))
            }
            8 => ("takes, and the lane dies", Sent::Taken),
            _ => ("answers 410", Sent::Refused("410".to_owned())),
        };
        self.world.checker.tally(&format!("hooks: receiver {what}"));
        if sent == Sent::Taken && parcel.message.data.wait.is_some() {
            self.answer(&parcel, is_calm, &dice);
        }
        if fate == 8 {
            return;
        }
        let tried = Tried {
            group: parcel.group,
            id: parcel.id,
            made: parcel.made,
            sent,
        };
        for _ in 0..10 {
            let again = self.link.tried(vec![tried.clone()]).await;
            if again.is_ok_and(|again| again.is_empty()) {
                return;
            }
            clock.sleep(AGAIN).await;
        }
    }

    /// Notes that a message came. One server's come in order: a new one with a lower number may only come when it was given up meanwhile.
    fn hear(&self, parcel: &Parcel) -> u64 {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.messages += 1;
        let nth = heard.messages;
        if let Some(server) = &parcel.message.data.server {
            let (restores, now) = (self.world.checker.restores(), self.world.root.clock.mono());
            if heard.restores.0 != restores {
                heard.restores = (restores, now);
            }
            // What was on its way when the store went back is of the time before.
            if restores > 0 && now.saturating_since(heard.restores.1) < ECHOES {
                return nth;
            }
            let place = (parcel.group.clone(), server.clone(), restores);
            let of_server = heard.of_server.entry(place).or_default();
            let is_new = of_server.insert(parcel.id);
            let overtaken = of_server.last().is_some_and(|last| *last > parcel.id);
            let waits =
                |group: Arc<Group>| group.outbox.get(&parcel.id).is_some_and(|d| d.is_open());
            if is_new && overtaken && self.world.store.group(&parcel.group).is_some_and(waits) {
                let (id, group) = (parcel.id, parcel.group.id);
                self.world
                    .checker
                    .broken(format!("hooks: group {group}: {id} came after a later one"));
            }
        }
        nth
    }

    /// The receiver answers for the server that waits: in time or late, once or twice, mostly for it.
    fn answer(&self, parcel: &Parcel, is_calm: bool, dice: &chassis::Entropy) {
        let times = 1 + dice.below(2);
        let answer = if !is_calm && dice.below(8) == 0 {
            Answer::Abandon
        } else {
            Answer::Continue
        };
        for _ in 0..times {
            let after = dice.up_to(DEADLINE + DEADLINE / 2);
            let (world, key, id) = (Arc::clone(&self.world), parcel.group.clone(), parcel.id);
            drop(self.world.root.tasks.spawn("answer", async move {
                world.root.clock.sleep(after).await;
                world.checker.tally(&format!("hooks: answered {answer:?}"));
                change(&world, &key, |draft| {
                    // Late, or twice: then nothing changes, as the reason says that the api tells.
                    outbox::complete(draft, id, answer).unwrap_or_default();
                    Cause::Converge
                })
                .await;
            }));
        }
    }
}

/// No server is stuck, no delete is blocked past a deadline, and every message that somebody can take is sent when its plan says so. One that
/// failed often is still in its pause, an hour or more, and what is behind it waits with it.
pub(super) fn judge(world: &World, group: &Group, lines: &mut Vec<String>) {
    let now = Timestamp::from_unix_ms(world.root.clock.unix_ms());
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(0);
    let before = Timestamp::from_unix_ms(now.unix_ms().saturating_sub(patience));
    let long_due = outbox::due(group, before).due;
    let is_heard = group.config.hooks.values().any(|hook| hook.url == SOMEBODY);
    let is_moving = group
        .outbox
        .values()
        .any(|d| matches!(d.sending, Sending::Taken { at, .. } if at > before));
    for delivery in group.outbox.values() {
        let is_late = long_due.contains(&delivery.id) && delivery.made <= before;
        if is_heard && world.schedule.case.is_none() && is_late && !is_moving {
            lines.push(format!(
                "hooks: group {}: {delivery:?} was not told",
                group.key.id
            ));
        }
        let Some(wait) = delivery.wait.filter(|wait| wait.ended.is_none()) else {
            continue;
        };
        let waited = now.since(wait.since);
        if waited > wait.terms.longest * 2 + PATIENCE {
            lines.push(format!(
                "hooks: group {} waits for {} since {} s",
                group.key.id,
                delivery.id,
                waited.as_secs()
            ));
        }
    }
}
