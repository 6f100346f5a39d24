//! What holds for calls to the cloud right now: kill switches, the surge guard, and each worker's share of the budget (design 7).
//!
//! All of it is in memory, so that it holds when the store is gone: the store's switches as they were last read, and the break-glass file,
//! which is looked at every second too. Owners ask before they issue; workers ask with every heartbeat.

mod shares;
mod surge;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Process;
use chassis::metrics::Gauge;
use chassis::ops::Check;
use domain::control::{Effect, Mode, Scope, Switch};
use domain::ids::{ColoId, GroupKey};
use domain::member::Shard;
use domain::time::{Mono, Timestamp};
use store::control::Controls;
use wire::ports::ops::{Heartbeat, Orders};

use crate::home::Keeper;
use crate::owners::{Note, Owners};
use crate::shards::Shards;
use crate::{Settings, mono};
use shares::Shares;
use surge::Surge;

/// A store that takes longer is asked again.
const LOOK_WITHIN: Duration = Duration::from_secs(3);
/// The store counts as away when the last good look is older than this: as long as with members.
const STALE: Duration = Duration::from_secs(10);
/// Who the surge guard's own switch is said to be set by.
const SURGE: &str = "surge guard";

/// Switches, shares and the surge guard of one supervisor. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    process: Process,
    colo: ColoId,
    break_glass: Option<PathBuf>,
    look: Duration,
    shards: Shards,
    keeper: Keeper,
    inner: Arc<Mutex<Inner>>,
    surging: Gauge,
}

#[derive(Debug)]
struct Inner {
    /// Those that stood at the last look. None: the store was not read yet, and might hold anything.
    stored: Option<Vec<Switch>>,
    /// None: the file was not read yet, and might say anything.
    glass: Option<Vec<Switch>>,
    shares: Shares,
    /// Since when it is this supervisor that deals the shares.
    dealing: Option<Mono>,
    surge: Option<Surge>,
}

impl Control {
    pub(crate) fn new(
        process: &Process,
        settings: &Settings,
        (shards, keeper): (Shards, Keeper),
    ) -> Self {
        let help = "Whether the surge guard slows the colo.";
        let inner = Inner {
            stored: None,
            glass: settings.break_glass.is_none().then(Vec::new),
            shares: Shares::new(settings.workers_max),
            dealing: None,
            surge: settings.surge.then(Surge::default),
        };
        Self {
            process: process.clone(),
            colo: settings.colo,
            break_glass: settings.break_glass.clone(),
            look: settings.switch_pass,
            shards,
            keeper,
            inner: Arc::new(Mutex::new(inner)),
            surging: process.metrics.gauge("surge_guard", help),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.process.clock.unix_ms())
    }

    /// What holds for a group's calls.
    pub(crate) fn effect(&self, key: &GroupKey) -> Effect {
        let now = self.wall();
        let inner = self.lock();
        let Some(thrown) = inner.thrown() else {
            return Effect::FROZEN;
        };
        let standing = thrown.filter(|switch| switch.stands(now));
        Effect::of(standing, self.colo, &key.tenant, Some(key.id))
    }

    /// A group asked for more servers.
    pub(crate) fn asked_up(&self, key: &GroupKey) {
        let now = mono(&self.process);
        if let Some(surge) = &mut self.lock().surge {
            surge.asked_up(key.id, now);
        }
    }

    /// How many groups are this supervisor's: all were counted.
    pub(crate) fn groups(&self, count: usize) {
        if let Some(surge) = &mut self.lock().surge {
            surge.groups(count);
        }
    }

    /// Answers a worker's heartbeat. None: nothing is known yet, and no news are better than wrong ones.
    pub(crate) fn orders(&self, heartbeat: &Heartbeat) -> Option<Orders> {
        let (now, wall) = (mono(&self.process), self.wall());
        self.keeper.hear(heartbeat.fence.as_ref(), now);
        let mut inner = self.lock();
        let mut switches: Vec<Switch> = inner
            .thrown()?
            .filter(|switch| switch.stands(wall))
            .cloned()
            .collect();
        let part = if self.deals(&mut inner, now) {
            Some(inner.shares.beat(heartbeat, now))
        } else {
            inner.shares.hear(heartbeat, now);
            None
        };
        let well = inner.shares.all_well(now);
        let surging = inner.surge.as_mut().is_some_and(|s| s.look(now, well));
        drop(inner);
        self.page(surging);
        // Somebody who says "run" for everything overrules what nobody decided.
        let overruled = switches.iter().any(|switch| {
            switch.mode == Mode::Run
                && (switch.scope == Scope::Global || switch.scope == Scope::Colo(self.colo))
        });
        if surging && !overruled {
            switches.push(Switch {
                scope: Scope::Colo(self.colo),
                mode: Mode::Slow,
                who: SURGE.to_owned(),
                why: "many groups ask for more servers at once".to_owned(),
                at: wall,
                until: None,
            });
        }
        Some(Orders {
            colo: self.colo,
            switches,
            share: part.map(|part| part.share),
            turn: part.map(|part| part.turn),
            answered: part.is_some_and(|part| part.answered),
            claim: self.keeper.claim(),
        })
    }

    /// Whether it is this supervisor that deals the colo's budget. One that begins to waits until every share that another dealt has ended,
    /// so that all shares together never exceed the budget.
    fn deals(&self, inner: &mut Inner, now: Mono) -> bool {
        if self.shards.are_all() {
            return true;
        }
        if !self.shards.has(Shard::BUDGET) {
            inner.dealing = None;
            return false;
        }
        now.since(*inner.dealing.get_or_insert(now)) >= shares::HOLDS
    }

    fn page(&self, surging: bool) {
        let before = self.surging.get() != 0;
        if surging && !before {
            tracing::error!(
                colo = self.colo.0,
                "surge guard: many groups ask for more servers at once; the colo is slowed to a tenth of its budget"
            );
        } else if before && !surging {
            tracing::warn!(
                colo = self.colo.0,
                "surge guard: the cloud kept up; the colo is no longer slowed"
            );
        }
        self.surging.set(i64::from(surging));
    }

    /// Takes over what the store or the file says. True: what stands is not what stood, also because one has ended by itself.
    fn take(&self, news: News) -> bool {
        let now = self.wall();
        let mut inner = self.lock();
        // The time of a line in the file is the time of the look.
        let same = |one: &Switch, other: &Switch| {
            (&one.scope, one.mode, one.until) == (&other.scope, other.mode, other.until)
        };
        let all_same = |old: &[Switch], new: &[Switch]| {
            old.len() == new.len() && old.iter().zip(new).all(|(one, other)| same(one, other))
        };
        let new = match news {
            News::Stored(mut new) => {
                new.retain(|switch| switch.stands(now));
                let old = inner.stored.replace(new.clone());
                if old.is_some_and(|old| all_same(&old, &new)) {
                    return false;
                }
                new
            }
            News::Glass(new) => {
                let old = inner.glass.replace(new.clone());
                if old.is_some_and(|old| all_same(&old, &new)) {
                    return false;
                }
                new
            }
        };
        for switch in &new {
            tracing::warn!(
                scope = switch.scope.text(),
                mode = switch.mode.as_str(),
                who = switch.who,
                why = switch.why,
                "kill switch stands"
            );
        }
        true
    }
}

impl Inner {
    /// All switches; none before both the store and the file were read.
    fn thrown(&self) -> Option<impl Iterator<Item = &Switch>> {
        Some(self.stored.as_ref()?.iter().chain(self.glass.as_ref()?))
    }
}

enum News {
    Stored(Vec<Switch>),
    Glass(Vec<Switch>),
}

/// Starts to look at the store and at the file. `check` hears whether the store can be read, where nothing else looks at it.
pub(crate) fn start(
    control: &Control,
    (controls, check): (Arc<dyn Controls>, Option<Check>),
    owners: &Owners,
) {
    let process = &control.process;
    let stored = watch_store(control.clone(), (controls, check), owners.clone());
    drop(process.tasks.spawn("switches", stored));
    if let Some(path) = control.break_glass.clone() {
        tracing::info!(path = %path.display(), "the break-glass file is looked at");
        let glass = watch_glass(control.clone(), path, owners.clone());
        drop(process.tasks.spawn("break-glass", glass));
    }
}

async fn watch_store(
    control: Control,
    (controls, check): (Arc<dyn Controls>, Option<Check>),
    owners: Owners,
) {
    let clock = &control.process.clock;
    let mut good = clock.mono();
    loop {
        match clock.timeout(LOOK_WITHIN, controls.standing()).await {
            Ok(Ok(switches)) => {
                good = clock.mono();
                if let Some(check) = &check {
                    check.ready();
                }
                tell(&control, &owners, News::Stored(switches));
            }
            Ok(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "kill switches cannot be read: the last known ones stand"
            ),
            Err(_elapsed) => {
                tracing::warn!("kill switches cannot be read in time: the last known ones stand");
            }
        }
        let is_stale = clock.mono().saturating_since(good) >= STALE;
        if let Some(check) = check.as_ref().filter(|_| is_stale) {
            check.failing("the store cannot be read");
        }
        if !pause(&control.process, control.look).await {
            return;
        }
    }
}

async fn watch_glass(control: Control, path: PathBuf, owners: Owners) {
    loop {
        let (path, at) = (path.clone(), control.wall());
        let read = move || wire::glass::read(&path, at);
        if let Ok(switches) = control.process.tasks.blocking(read).await {
            tell(&control, &owners, News::Glass(switches));
        }
        if !pause(&control.process, control.look).await {
            return;
        }
    }
}

/// Whoever was stopped before may go on: owners look again.
fn tell(control: &Control, owners: &Owners, news: News) {
    if control.take(news) {
        owners.tell_all(|| Note::Offer);
    }
}

async fn pause(process: &Process, wait: Duration) -> bool {
    tokio::select! {
        biased;
        () = process.stop.requested() => false,
        () = process.clock.sleep(wait) => true,
    }
}

#[cfg(test)]
mod tests;
