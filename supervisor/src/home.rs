//! Keeps a colo for one of its control planes: finds out every second who has it, claims it when that is due, carries its groups over, serves them,
//! and stops when somebody else has won (safety 3.10, ADR 0020). What is done, `domain::home` decides.
//!
//! ```text
//! wish or silence ─► Claim ─► a worker makes the key pair ─► its next reads show it ─► Open: say so, wait, carry over, publish ─► Serve
//!                                                                   └─ another plane's ─► Stand
//! ```

mod carry;
mod config;

pub use config::Config;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Process;
use chassis::metrics::Gauge;
use domain::home::{self, Act, Claim, Known, Plane, READ_EVERY, SETTLE, STALE, Silence};
use domain::ids::{ColoId, HomeEpoch, Incarnation};
use domain::member::Shard;
use domain::time::{Mono, Timestamp};
use store::home::{Published, Shared, Status, Wish};
use wire::ports::ops::FenceRead;

use crate::owners::{Note, Owners};
use crate::{hints, mono, now, sweep};

/// A store that takes longer is asked again.
const WITHIN: Duration = Duration::from_millis(1_500);
/// The row that says who serves is written anew this often, far within the time for which it is kept.
const RENEW: Duration = Duration::from_secs(24 * 3600);
/// A process that begins waits this long for a first read of the key pairs: the rows of its store may be old, if it was away.
const EARLY: Duration = READ_EVERY.saturating_mul(2);
/// A carrying over that failed is begun again after this.
const AGAIN: Duration = Duration::from_secs(5);

/// What a control plane is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which plane it is, and whether it takes over by itself.
    pub plane: Plane,
    /// What it waits after it won, before it does anything: 30 s, longer than the workers of other planes go on without a good read.
    pub settle: Duration,
    /// Between two looks: 1 s.
    pub look: Duration,
}

impl Settings {
    /// Settings that suit production.
    #[must_use]
    pub const fn new(plane: Plane) -> Self {
        Self {
            plane,
            settle: SETTLE,
            look: Duration::from_secs(1),
        }
    }
}

/// What passes between the keeper and workers: what they read, and what they are to claim. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keeper {
    inner: Arc<Mutex<Heard>>,
}

#[derive(Debug, Default)]
struct Heard {
    /// The highest claim, when it was last told of, and how old the read was then.
    read: Option<(Claim, Mono, Duration)>,
    /// Since when there was no gap between reads.
    since: Mono,
    claim: Option<HomeEpoch>,
}

impl Heard {
    /// How old the newest read is; none: there is none.
    fn age(&self, now: Mono) -> Option<Duration> {
        let (_, told, age) = self.read.as_ref()?;
        Some(now.since(*told) + *age)
    }
}

impl Keeper {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker says what it read.
    pub(crate) fn hear(&self, read: Option<&FenceRead>, at: Mono) {
        let Some(FenceRead { claim, age }) = read else {
            return;
        };
        let mut heard = self.lock();
        let before = heard.age(at);
        let is_less = heard.read.as_ref().is_some_and(|(known, ..)| {
            let fresher = before.is_some_and(|before| before < *age);
            claim.epoch < known.epoch || (claim.epoch == known.epoch && fresher)
        });
        if !is_less {
            if before.is_none_or(|before| before > STALE) {
                heard.since = at;
            }
            heard.read = Some((claim.clone(), at, *age));
        }
    }

    /// The epoch that workers are to claim.
    pub(crate) fn claim(&self) -> Option<HomeEpoch> {
        self.lock().claim
    }

    /// The highest claim that was read, and how old the read is.
    fn read(&self, now: Mono) -> Option<(Claim, Duration)> {
        let heard = self.lock();
        let (claim, ..) = heard.read.as_ref()?;
        Some((claim.clone(), heard.age(now)?))
    }

    /// For how long it has been read without a gap; none: it was not lately.
    fn reading(&self, now: Mono) -> Option<Duration> {
        let heard = self.lock();
        let is_fresh = heard.age(now).is_some_and(|age| age <= STALE);
        is_fresh.then(|| now.since(heard.since))
    }
}

/// Starts to keep the colo, if it has several control planes.
pub(crate) fn start(keeper: &Keeper, owners: &Owners) {
    let seams = owners.seams();
    let (Some(settings), Some(shared)) = (&seams.settings.home, seams.stores.home.shared()) else {
        return;
    };
    let process = seams.process.clone();
    let help = "Whether this control plane serves its colo, where that has several.";
    let watch = Watch {
        colo: seams.settings.colo,
        life: Incarnation::from_u128(process.entropy.u128()),
        serving: process.metrics.gauge("supervisor_serving", help),
        settings: settings.clone(),
        shared: shared.clone(),
        keeper: keeper.clone(),
        owners: owners.clone(),
        carrying: Arc::default(),
        process: process.clone(),
    };
    drop(process.tasks.spawn("home", watch.run()));
}

/// One supervisor's view of its colo.
#[derive(Clone)]
struct Watch {
    process: Process,
    settings: Settings,
    colo: ColoId,
    life: Incarnation,
    shared: Shared,
    keeper: Keeper,
    owners: Owners,
    serving: Gauge,
    carrying: Arc<Mutex<Carrying>>,
}

/// How far groups are carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Carrying {
    #[default]
    Idle,
    /// Those of this epoch, by a task.
    Now(HomeEpoch),
    /// The task ended then, well or not.
    Ended(HomeEpoch, Mono),
}

/// What it remembers from one look to the next.
struct Memory {
    published: Option<Published>,
    opening: Option<Claim>,
    wish: Option<Wish>,
    silence: Silence,
    silent: Duration,
    /// What it has won, and since when it has said so.
    won: Option<(HomeEpoch, Mono)>,
    beats: u64,
    renewed: Mono,
    last: Option<Act>,
}

impl Watch {
    async fn run(self) {
        let began = mono(&self.process);
        let first = Claim::first(self.settings.plane.first.clone());
        let mut memory = Memory {
            published: None,
            opening: None,
            wish: None,
            silence: Silence::new(first, began),
            silent: Duration::ZERO,
            won: None,
            beats: 0,
            renewed: began,
            last: None,
        };
        loop {
            // Before rows and key pairs were read once, nothing is known, and nothing is served.
            let has_rows = self.look(&mut memory).await || memory.last.is_some();
            let now = mono(&self.process);
            if has_rows && (self.keeper.read(now).is_some() || now.since(began) >= EARLY) {
                self.act(&mut memory).await;
            }
            if !sweep::pause(&self.process, self.settings.look).await {
                return;
            }
        }
    }

    /// Reads what the store says. False: it does not.
    async fn look(&self, memory: &mut Memory) -> bool {
        let clock = &self.process.clock;
        let rows = async {
            let published = self.shared.published(self.colo).await?;
            let opening = self.shared.opening(self.colo).await?;
            let wish = self.shared.wished(self.colo).await?;
            Ok::<_, store::Error>((published, opening, wish))
        };
        match clock.timeout(WITHIN, rows).await {
            Ok(Ok((published, opening, wish))) => {
                (memory.published, memory.opening) = (published, opening);
                memory.wish = wish;
            }
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "who serves the colo cannot be read: the last known holds"
                );
                return false;
            }
            Err(_elapsed) => return false,
        }
        let holder = self.known(memory).holder(&self.settings.plane);
        let beat = match &holder.plane {
            Some(plane) => {
                let beat = self.shared.beat_of(self.colo, plane);
                match clock.timeout(WITHIN, beat).await {
                    Ok(Ok(beat)) => beat,
                    // Whose store does not answer must not take others for dead.
                    Ok(Err(_)) | Err(_) => return false,
                }
            }
            None => None,
        };
        let now = mono(&self.process);
        memory.silent = memory.silence.look(&holder, beat, now);
        true
    }

    fn known(&self, memory: &Memory) -> Known {
        let now = mono(&self.process);
        let (read, reading) = (self.keeper.read(now), self.keeper.reading(now));
        let claims = read.map(|(claim, _)| claim).into_iter();
        // Whoever won has said so in the store too: those learn of it whose own workers are gone, or cannot reach Nova.
        let claims = claims.chain(memory.opening.clone());
        Known {
            published: memory.published.as_ref().map(|row| row.claim.clone()),
            read: claims.max_by_key(|claim| claim.epoch),
            reading,
            silent: memory.silent,
            wished: memory.wish.as_ref().map(|wish| wish.ends),
        }
    }

    async fn act(&self, memory: &mut Memory) {
        let now = mono(&self.process);
        let known = self.known(memory);
        let act = home::decide(&self.settings.plane, &known);
        let holder = known.holder(&self.settings.plane);
        self.show(memory, (act, &holder), &known);
        self.keeper.lock().claim = match act {
            Act::Claim(epoch) if self.is_first_here() => Some(epoch),
            Act::Claim(_) | Act::Serve(_) | Act::Open(_) | Act::Stand(_) => None,
        };
        self.serve(match act {
            Act::Serve(epoch) => Some(epoch),
            Act::Open(_) | Act::Claim(_) | Act::Stand(_) => None,
        });
        if let Act::Open(epoch) = act
            && self.is_first_here()
        {
            self.open(memory, epoch).await;
        }
        if holder.is_of(&self.settings.plane.own) {
            self.beat(memory, (act, now)).await;
        }
    }

    /// Of the supervisors of one plane, one claims and carries over.
    fn is_first_here(&self) -> bool {
        let shards = &self.owners.seams().shards;
        shards.are_all() || shards.has(Shard::BUDGET)
    }

    /// Serves an epoch from now on, or none.
    fn serve(&self, epoch: Option<HomeEpoch>) {
        if !self.shared.serve(epoch) {
            return;
        }
        self.serving.set(i64::from(epoch.is_some()));
        // What was known may be old by the time it serves again.
        self.owners.seams().sweep.forget();
        self.owners.tell_all(|| Note::Offer);
        if epoch.is_some() {
            let owners = self.owners.clone();
            drop(self.process.tasks.spawn("take-up", async move {
                hints::look(&owners).await;
                sweep::walk(&owners, None).await;
            }));
        }
    }

    /// Says that it has won, waits until all others have stopped, and carries the groups over.
    async fn open(&self, memory: &mut Memory, epoch: HomeEpoch) {
        let home = self.home(epoch, memory.wish.as_ref());
        let since = memory.won.filter(|(won, _)| *won == epoch);
        let Some((_, since)) = since else {
            // What another plane acknowledges after it has heard of this would be missing in the copies: so nothing is copied before it is said.
            let told = self.shared.open(self.colo, &home);
            match self.process.clock.timeout(WITHIN, told).await {
                Ok(Ok(())) => memory.won = Some((epoch, mono(&self.process))),
                Ok(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "it was not written who has won the colo");
                }
                Err(_elapsed) => tracing::warn!("it was not written in time who has won the colo"),
            }
            return;
        };
        let now = mono(&self.process);
        if now.since(since) >= self.settings.settle {
            let served = memory.published.as_ref();
            let served = served.map_or(HomeEpoch(0), |row| row.claim.epoch);
            self.carry(home, served, now);
        }
    }

    /// What it says of an epoch that it has won.
    fn home(&self, epoch: HomeEpoch, wish: Option<&Wish>) -> Published {
        let plane = &self.settings.plane.own;
        let wish = wish.filter(|wish| wish.ends.next() == epoch);
        Published {
            claim: Claim {
                epoch,
                plane: Some(plane.clone()),
            },
            who: wish.map_or_else(|| plane.to_string(), |wish| wish.who.clone()),
            why: wish.map_or_else(
                || "the control plane that had the colo was silent".to_owned(),
                |wish| wish.why.clone(),
            ),
            at: now_of(&self.process),
        }
    }

    /// Carries all groups over and says that it serves, in a task of its own; once at a time.
    fn carry(&self, home: Published, served: HomeEpoch, now: Mono) {
        let epoch = home.claim.epoch;
        let mut carrying = self.carrying.lock().unwrap_or_else(PoisonError::into_inner);
        let is_busy = match *carrying {
            Carrying::Idle => false,
            Carrying::Now(of) => of == epoch,
            Carrying::Ended(of, at) => of == epoch && now.since(at) < AGAIN,
        };
        if is_busy {
            return;
        }
        *carrying = Carrying::Now(epoch);
        drop(carrying);
        let watch = self.clone();
        drop(self.process.tasks.spawn("carry-over", async move {
            let carried = carry::all(&watch.process, watch.shared.raw(), epoch, served).await;
            let published = match carried {
                Ok(groups) => {
                    tracing::warn!(
                        groups,
                        epoch = epoch.0,
                        colo = watch.colo.0,
                        "groups were carried over"
                    );
                    watch.shared.publish(watch.colo, &home).await
                }
                Err(error) => Err(error),
            };
            match published {
                Ok(()) => watch.forget_timers(epoch).await,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        epoch = epoch.0,
                        "the colo could not be carried over: it is tried again"
                    );
                }
            }
            let ended = Carrying::Ended(epoch, mono(&watch.process));
            *watch
                .carrying
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = ended;
        }));
    }

    /// Throws away what would wake groups of former epochs, once all copies are whole and this one is served. A plane that still takes itself for the
    /// one that serves misses wakes by it, and what it would decide counts nowhere.
    async fn forget_timers(&self, epoch: HomeEpoch) {
        let forgotten = self.shared.raw().groups.forget_timers(epoch);
        if let Err(error) = forgotten.await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                epoch = epoch.0,
                "timers of former epochs stay: each look at timers reads past them"
            );
        }
    }

    async fn beat(&self, memory: &mut Memory, (act, now): (Act, Mono)) {
        memory.beats += 1;
        let clock = &self.process.clock;
        let beat = self.shared.beat(self.colo, self.life, memory.beats);
        if !matches!(clock.timeout(WITHIN, beat).await, Ok(Ok(()))) {
            tracing::debug!("the beat of this control plane was not written");
        }
        if let Act::Serve(epoch) = act
            && now.since(memory.renewed) >= RENEW
        {
            memory.renewed = now;
            let renew = self.shared.renew(self.colo, epoch);
            if !matches!(clock.timeout(WITHIN, renew).await, Ok(Ok(()))) {
                tracing::debug!("the row that says who serves was not renewed");
            }
        }
    }

    fn show(&self, memory: &mut Memory, (act, holder): (Act, &Claim), known: &Known) {
        if memory.last.replace(act) != Some(act) {
            tracing::warn!(colo = self.colo.0, plane = %self.settings.plane.own, ?act, ?holder, "whose the colo is");
        }
        let read = self.keeper.read(mono(&self.process));
        self.shared.note(Status {
            act: Some(act),
            holder: Some(holder.clone()),
            silent: known.silent,
            read: read.map(|(_, age)| age).filter(|age| *age <= STALE),
        });
    }
}

fn now_of(process: &Process) -> Timestamp {
    now(process).wall
}

#[cfg(test)]
pub(crate) mod tests;
