//! What stands before every call: kill switch, pauses, breaker, turns, concurrency, budget. One guard per colo and worker.
//!
//! A call passes the gates in this order: *kill switch* (somebody stopped it), *pause* (the cloud asked to wait), *breaker* (the cloud
//! fails), *turn* (priority, tenants in turns, lanes), *concurrency* (calls under way), *budget* (token bucket, by the colo's share, slow
//! start and what the cloud lately did). [`Guard::heard`] is told of every answer, which is where limits learn. Each gate is a state
//! machine of its own that takes the time as an argument; this file and [`place`] put them behind one lock.
//!
//! Deliberately absent: any knowledge of HTTP, and a way around the gates.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::{Clock, Entropy, Mono, Process};
use domain::home::Fence;

mod breaker;
mod budget;
mod concurrency;
mod health;
mod lane;
mod pause;
mod permit;
mod place;
mod queue;
mod ramp;
mod settings;
mod shards;
mod standing;
mod tally;
mod throttle;

pub use breaker::Phase;
pub use pause::Scope;
pub use permit::{Permit, Reservation};
pub use queue::Priority;
pub use settings::{Lane, Settings};
pub use standing::{NEWS_AGE_MAX, Standing, Whose};

use breaker::Probe;
use health::{Answer, Changed};
use lane::{Gates, Traffic};
use pause::Pauses;
use place::{Look, Place};
use standing::Told;
use tally::Tally;

/// The classes of calls, each with a budget of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Create one server.
    Create,
    /// Delete one server.
    Delete,
    /// Read one server, or the versions of the API; the key pairs of the fence, too.
    Get,
    /// List servers.
    List,
    /// Sign in.
    Auth,
}

impl Call {
    const ALL: [Self; 5] = [
        Self::Create,
        Self::Delete,
        Self::Get,
        Self::List,
        Self::Auth,
    ];

    /// The word in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Get => "get",
            Self::List => "list",
            Self::Auth => "auth",
        }
    }
}

/// Why a call may not be made. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The budget had no room before the deadline.
    #[error("the budget has no room before the deadline")]
    Late,
    /// The cloud asked to wait for longer than the deadline: this much longer from now.
    #[error("the cloud asked to wait")]
    Paused(Duration),
    /// The breaker is open, and nothing is let through for this much longer.
    #[error("the cloud fails: calls are held back")]
    Open(Duration),
    /// A kill switch stops it. `stale`: nobody was heard for so long that there might be one.
    #[error("a kill switch stops it")]
    Stopped {
        /// The news are too old to go by.
        stale: bool,
    },
    /// Another control plane has the colo, or may have it by now (safety 3.10).
    #[error("the fence of the colo stops it")]
    Fenced,
}

/// What the cloud was heard to say, as far as it bears on how much to ask of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It did what was asked, or said no for a reason of ours (4xx).
    Served,
    /// It asked to wait.
    Throttled(Scope, Duration),
    /// 5xx, or the connection failed.
    Sick,
    /// Nothing came in time.
    Silent,
}

impl Heard {
    const WORDS: [&'static str; 4] = ["served", "throttled", "sick", "silent"];

    const fn word(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Throttled(..) => "throttled",
            Self::Sick => "sick",
            Self::Silent => "silent",
        }
    }
}

/// The guard of one colo. Cheap to clone; every clone is the same guard.
#[derive(Debug, Clone)]
pub struct Guard {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    entropy: Entropy,
    settings: Settings,
    tally: Tally,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    traffic: BTreeMap<Call, Traffic>,
    gates: Gates,
    /// Permits that are reserved for a poll or held by an operation.
    promised: u32,
}

/// Leave for one call, given by [`Guard::admit`]; hold it until the call has ended.
#[derive(Debug)]
#[must_use = "the call counts as ended when its leave is dropped"]
pub struct Admitted {
    guard: Guard,
    call: Call,
    number: u64,
}

impl Guard {
    /// A guard with full buckets, which has its colo for itself.
    #[must_use]
    pub fn new(process: &Process, settings: Settings) -> Self {
        let traffic = Call::ALL
            .into_iter()
            .map(|call| (call, Traffic::new(call, settings.lane(call))))
            .collect();
        let gates = Gates {
            pauses: Pauses::default(),
            told: Told::nothing(),
            probe: Probe::new(),
        };
        Self {
            shared: Arc::new(Shared {
                clock: process.clock.clone(),
                entropy: process.entropy.clone(),
                settings,
                tally: Tally::new(process),
                state: Mutex::new(State {
                    traffic,
                    gates,
                    promised: 0,
                }),
            }),
        }
    }

    /// From now on the guard shares its colo with others and goes by what it is [told](Guard::hear): until then it has its floor, and lets
    /// nothing through that changes the cloud.
    pub fn share(&self) {
        let floor = self.shared.settings.floor();
        self.state().gates.told.share(floor);
    }

    /// Takes in what those who hand out work say. What was stopped and is not any more comes back slowly.
    pub fn hear(&self, news: &Standing) {
        let now = self.now();
        let mut state = self.state();
        let State { traffic, gates, .. } = &mut *state;
        gates.probe.turn = news.turn;
        let thawed = gates.told.hear(now, news);
        for (call, traffic) in traffic.iter_mut() {
            if thawed && matches!(call, Call::Create | Call::Delete) {
                traffic.health.come_back(now);
            }
            if news.answered {
                traffic.health.breaker.hears_of_life(now);
            }
            traffic.look_for_silence(now, gates);
            let phase = traffic.health.breaker.phase();
            self.shared.tally.phase(*call, phase);
            traffic.pump(now, gates);
            traffic.call_all();
        }
    }

    /// Takes in what is known of the colo's fence. Until the first time there is none, and it holds nothing back.
    pub fn fence(&self, fence: &Fence) {
        let now = self.now();
        let mut state = self.state();
        let State { traffic, gates, .. } = &mut *state;
        gates.told.fence = fence.clone();
        for traffic in traffic.values_mut() {
            traffic.pump(now, gates);
            traffic.call_all();
        }
    }

    /// How the compute API fares: the worst of its classes, without those that nobody calls.
    #[must_use]
    pub fn phase(&self) -> Phase {
        let state = self.state();
        let compute = state
            .traffic
            .iter()
            .filter(|(call, _)| **call != Call::Auth);
        compute
            .map(|(_, traffic)| traffic.health.breaker.seen())
            .max()
            .unwrap_or_default()
    }

    /// Sets permits aside for one poll, `most` at the most: none while the colo is paused or stopped, never more than can begin in time
    /// ([`Settings::offer_window`]) or be under way; one while the breaker waits for a probe.
    pub fn reserve(&self, most: u32) -> Reservation {
        let now = self.now();
        let mut state = self.state();
        let State {
            traffic,
            gates,
            promised,
        } = &mut *state;
        let window = self.shared.settings.offer_window;
        let promises = match traffic.get_mut(&Call::Create) {
            Some(traffic) if gates.pauses.colo_end() <= now => traffic.promises(now, window, gates),
            Some(_) | None => 0,
        };
        let count = promises.saturating_sub(*promised).min(most);
        *promised += count;
        drop(state);
        Reservation::new(self.clone(), count)
    }

    /// Waits for a call's turn, until `deadline` at the most. Dropping the future gives the place in the queue up.
    ///
    /// # Errors
    /// [`Refused`]: nothing was sent and no budget is used. A create then ends as not sent.
    pub async fn admit(
        &self,
        call: Call,
        whose: impl Into<Whose<'_>>,
        priority: Priority,
        deadline: Mono,
    ) -> Result<Admitted, Refused> {
        let place = Place::enter(self, call, whose.into(), priority);
        loop {
            match place.look(deadline) {
                Look::Granted => return Ok(place.into_admitted()),
                Look::Refused(refused) => {
                    self.shared.tally.refused(call);
                    return Err(refused);
                }
                Look::Wait(until, called) => tokio::select! {
                    biased;
                    () = called.notified() => {}
                    () = self.shared.clock.sleep_until(whole(until)) => {}
                },
            }
        }
    }

    /// Looks again at a call that was admitted a while ago, just before it is sent: there may have been a sign-in in between.
    ///
    /// # Errors
    /// [`Refused`]: it is too late, or stopped by now.
    pub(crate) fn recheck(
        &self,
        call: Call,
        whose: Whose<'_>,
        deadline: Mono,
    ) -> Result<(), Refused> {
        let now = self.now();
        if now > deadline {
            return Err(Refused::Late);
        }
        let refusal = self.state().gates.told.refusal(now, call, whose);
        refusal.map_or(Ok(()), Err)
    }

    /// Takes the budget of one more request that belongs to a call already admitted, or to none (a sign-in, the second read after a 401).
    /// It goes before those that queue.
    ///
    /// # Errors
    /// [`Refused`]: nothing may be sent.
    pub(crate) async fn charge(
        &self,
        call: Call,
        whose: impl Into<Whose<'_>>,
        deadline: Mono,
    ) -> Result<(), Refused> {
        let whose = whose.into();
        loop {
            self.recheck(call, whose, deadline)?;
            let now = self.now();
            let until = {
                let mut state = self.state();
                let State { traffic, gates, .. } = &mut *state;
                let paused = gates.pauses.end(whose);
                if paused > deadline {
                    return Err(Refused::Paused(paused.saturating_since(now)));
                }
                if paused > now {
                    paused
                } else {
                    match traffic
                        .get_mut(&call)
                        .map(|traffic| traffic.take(now, gates))
                    {
                        None | Some(Ok(())) => return Ok(()),
                        Some(Err(at)) => at,
                    }
                }
            };
            if until > deadline {
                return Err(Refused::Late);
            }
            self.shared.clock.sleep_until(whole(until)).await;
        }
    }

    /// Takes note of an answer, or of its absence, to a request that went out at `sent`.
    pub fn heard<'t>(&self, call: Call, whose: impl Into<Whose<'t>>, heard: Heard, sent: Mono) {
        let whose = whose.into();
        self.shared.tally.heard(call, heard);
        let now = self.now();
        let mut state = self.state();
        let State { traffic, gates, .. } = &mut *state;
        let Some(own) = traffic.get_mut(&call) else {
            return;
        };
        let answer = Answer { sent, now };
        let changed = match heard {
            Heard::Served => own.health.good(answer),
            Heard::Sick => own.health.bad(answer, false, &mut gates.probe),
            Heard::Silent => own.health.bad(answer, true, &mut gates.probe),
            Heard::Throttled(scope, wait) => {
                let wait = wait.min(self.shared.settings.pause_max);
                // So that all who were told to wait do not come back in one instant.
                let most = wait / 10 + Duration::from_millis(100);
                let until = now + wait + self.shared.entropy.up_to(most);
                gates.pauses.extend(scope, whose, now, until);
                match scope {
                    Scope::Tenant => {
                        own.health
                            .told_to_wait(answer, (whose.tenant, until), &mut gates.probe)
                    }
                    Scope::Colo => {
                        own.health.breaker.rest(until);
                        let changed = own.health.bad(answer, false, &mut gates.probe);
                        traffic
                            .values_mut()
                            .for_each(|one| one.health.come_back(until));
                        changed
                    }
                }
            }
        };
        self.tell((call, changed), traffic, now);
        traffic.values_mut().for_each(|one| one.pump(now, gates));
    }

    /// Lets the other classes and the operators know what an answer changed.
    fn tell(
        &self,
        (call, changed): (Call, Changed),
        traffic: &mut BTreeMap<Call, Traffic>,
        now: Mono,
    ) {
        let class = call.word();
        match changed {
            Changed::Nothing => return,
            Changed::Opened => {
                tracing::error!(
                    class,
                    "the cloud fails: only one probe in ten seconds from now on"
                );
            }
            Changed::Answered => {
                tracing::warn!(class, "the cloud answers again: feeling the way back");
                if call != Call::Auth {
                    let others = traffic.iter_mut().filter(|(call, _)| **call != Call::Auth);
                    others.for_each(|(_, one)| one.health.breaker.hears_of_life(now));
                }
            }
            Changed::Closed => {
                tracing::warn!(class, "the cloud is well again: slow start");
            }
        }
        for (call, one) in traffic {
            self.shared.tally.phase(*call, one.health.breaker.phase());
        }
    }

    fn now(&self) -> Mono {
        self.shared.clock.mono()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, permits: u32) {
        let mut state = self.state();
        state.promised = state.promised.saturating_sub(permits);
    }

    fn ended(&self, call: Call, number: u64) {
        let now = self.now();
        let mut state = self.state();
        let State { traffic, gates, .. } = &mut *state;
        if let Some(traffic) = traffic.get_mut(&call) {
            traffic.ended(number);
            traffic.pump(now, gates);
        }
    }
}

/// The next whole millisecond, which is the timer's grain: a wait for a part of one ends sooner or later by how the runtime happened to start,
/// and a simulated day would not repeat.
fn whole(at: Mono) -> Mono {
    let floor = Mono::START + Duration::from_millis(at.as_millis());
    if floor < at {
        floor + Duration::from_millis(1)
    } else {
        at
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.guard.ended(self.call, self.number);
    }
}

#[cfg(test)]
mod tests;
