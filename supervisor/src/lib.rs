//! The supervisor: owns groups, decides and plans their scale events, commits, hands operations to workers, and settles what came of them.
//!
//! One task per group that has something to do ([`owner`]), fed by four things: events ([`submit`]), reports ([`settle`]), lists of servers
//! ([`sweep`]) and offers of workers ([`handout`]). Whatever waits while a commit is in flight goes into the next one; there is no timer.
//!
//! Deliberately absent: cloud credentials and cloud calls (the worker has them), decisions (they are in `domain`), any state that would be
//! missed after a crash: everything here can be lost at any await.
#![warn(missing_docs)]

mod by_tag;
mod commit;
mod control;
mod counts;
mod duty;
pub mod handout;
mod hints;
mod home;
mod hooks;
mod launches;
mod look_up;
mod owner;
mod owners;
mod poll;
mod project;
mod remembered;
pub mod serve;
mod settle;
mod shards;
mod submit;
mod sweep;
mod timers;
mod traces;

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use domain::evidence::Rules;
use domain::ids::{ColoId, Fence, MemberName};
use domain::mutant::{Rule, off};
use store::Stores;
use store::member::Watch;

pub use crate::handout::Handout;
pub use crate::home::{Config as HomeConfig, Settings as HomeSettings};
use crate::shards::Shards;

/// Periods, limits and rules. Every field has a default that suits production; tests and the simulator give shorter ones.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The rules of evidence.
    pub rules: Rules,
    /// The fence under which this supervisor commits.
    pub fence: Fence,
    /// Between two full passes over all groups, while no shards change hands: 15 min.
    pub full_pass: Duration,
    /// A tenant's servers are listed at least so often, whether a group asks or not: 24 h. What a ledger lost with a restore is found so, also of groups that
    /// want nothing (ADR 0012).
    pub tenant_pass: Duration,
    /// Between two looks at the hints: 5 s.
    pub hint_pass: Duration,
    /// A group with nothing to do is forgotten after this: 15 min.
    pub idle: Duration,
    /// With more groups than this in memory, those with nothing to do are forgotten after 30 s.
    pub awake_max: usize,
    /// Events that may wait for one group; more are answered "busy".
    pub events_waiting_max: usize,
    /// The colo that it works for.
    pub colo: ColoId,
    /// How many workers the colo may have; the same number as in the workers' budgets.
    pub workers_max: NonZeroU32,
    /// Between two looks at the switches in the store, and at the break-glass file: 1 s.
    pub switch_pass: Duration,
    /// Whether the surge guard slows the colo when very many groups ask for more at once.
    pub surge: bool,
    /// The break-glass file: kill switches that need neither api nor store.
    pub break_glass: Option<PathBuf>,
    /// What its control plane is among several of its colo; none: the colo has one. The store must be the plane's ([`store::home::shared`]).
    pub home: Option<HomeSettings>,
    /// Its name among the supervisors of its colo, which share the groups. None: it shares with nobody, and all groups are its own.
    pub member: Option<MemberName>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            fence: Fence(1),
            full_pass: Duration::from_secs(900),
            tenant_pass: Duration::from_secs(86_400),
            hint_pass: Duration::from_secs(5),
            idle: Duration::from_secs(900),
            awake_max: 50_000,
            events_waiting_max: 1024,
            colo: ColoId(1),
            workers_max: NonZeroU32::MIN.saturating_add(7),
            switch_pass: Duration::from_secs(1),
            surge: true,
            break_glass: None,
            home: None,
            member: None,
        }
    }
}

/// One supervisor. It is both ports itself: `wire::ports::submit::Submit` for the api and `wire::ports::ops::Ops` for workers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Supervisor {
    pub(crate) owners: owners::Owners,
    pub(crate) sweep: sweep::Sweep,
    pub(crate) handout: Handout,
    pub(crate) control: control::Control,
    pub(crate) desk: hooks::Desk,
    pub(crate) look_ups: look_up::LookUps,
    pub(crate) process: Process,
}

/// Builds a supervisor and starts its passes. The same for all-in-one, separate process and simulator.
#[must_use]
pub fn build(process: &Process, settings: Settings, stores: Stores) -> Supervisor {
    let handout = Handout::new(process.clone());
    let sweep = sweep::Sweep::new(process.clone(), handout.clone());
    let watch = settings.member.clone().map(|own| {
        let members = Arc::clone(&stores.members);
        Watch::start(process, members, settings.colo, Some(own))
    });
    let shards = Shards::new(watch.clone(), stores.home.clone());
    let keeper = home::Keeper::default();
    let seats = (shards.clone(), keeper.clone());
    let control = control::Control::new(process, &settings, seats);
    let controls = Arc::clone(&stores.controls);
    let desk = hooks::Desk::default();
    let seams = owners::Seams {
        process: process.clone(),
        stores,
        control: control.clone(),
        counts: Arc::new(counts::Counts::new(&process.metrics)),
        handout: handout.clone(),
        desk: desk.clone(),
        sweep: sweep.clone(),
        second_looks: hints::SecondLooks::default(),
        shards,
        settings: settings.clone(),
    };
    let owners = owners::Owners::new(seams);
    sweep::start(&sweep, &owners, &settings);
    if let Some(watch) = watch {
        drop(
            process
                .tasks
                .spawn("shards", shards::run(watch, owners.clone())),
        );
    }
    home::start(&keeper, &owners);
    let pass_on = poll::pass_on(process.clone(), handout.clone(), owners.clone());
    drop(process.tasks.spawn("pass-on", pass_on));
    // A member looks at the store by itself, and says more of it.
    let is_alone = settings.member.is_none();
    let check = is_alone.then(|| process.health.check("store"));
    control::start(&control, (controls, check), &owners);
    Supervisor {
        owners,
        sweep,
        handout,
        control,
        desk,
        look_ups: look_up::LookUps::default(),
        process: process.clone(),
    }
}

pub(crate) fn now(process: &Process) -> domain::time::Now {
    domain::time::Now {
        wall: domain::time::Timestamp::from_unix_ms(process.clock.unix_ms()),
        mono: mono(process),
    }
}

pub(crate) fn mono(process: &Process) -> domain::time::Mono {
    if off(Rule::MonotonicClock) {
        return domain::time::Mono::from_ms(process.clock.unix_ms());
    }
    domain::time::Mono::from_ms(process.clock.mono().as_millis())
}
