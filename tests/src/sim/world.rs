//! Processes, their lives and their deaths.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chassis::spawn::{Probe, Verdict};
use chassis::{Entropy, Process, Secret, SimulatedProcess};
use cloud::guard::Guard;
use cloud::openstack::{Account, OpenStack, Project, Settings as CloudSettings};
use cloud::proof::ProofKeys;
use domain::ids::{TenantId, WorkerName};
use holt_worker::host::{Machine, Place};
use store::Stores;
use store::memory::Memory;
use wire::ports::ops::Ops;

use super::chaos::Fate;
use super::check::Checker;
use super::directed::Case;
use super::faults::StoreFate;
use super::net::{Address, Ends, Life, Link, Medium};
use super::schedule::Schedule;
use super::strike::Victim;
use super::tenant::Originals;
use super::transport::{Ether, Sky, Wire};
use super::weather::Weather;
use super::wires::Wires;

/// Wall time at the start of every run.
pub const EPOCH_UNIX_MS: u64 = 1_767_225_600_000;

/// The name of the service user.
pub const USER: &str = "autoscaler";

/// Everything of one run that outlives single processes.
#[derive(Debug)]
pub struct World {
    /// The run.
    pub schedule: Schedule,
    /// The store.
    pub store: Memory,
    /// What the store does wrong.
    pub fate: Arc<StoreFate>,
    /// The cloud.
    pub sky: Sky,
    /// What the cloud does wrong.
    pub weather: Weather,
    /// The promises.
    pub checker: Checker,
    /// The network.
    pub wires: Wires,
    /// Set when the fair period begins.
    pub calm: Arc<AtomicBool>,
    /// What servers carried before any tenant touched them.
    pub originals: Originals,
    /// The process of the simulation itself: never dies.
    pub root: Process,
    supervisors: Vec<Seat>,
    workers: Vec<Seat>,
    apis: Vec<Seat>,
}

/// A place where a process lives, one life after the other.
#[derive(Debug)]
struct Seat {
    name: String,
    address: Address,
    machine: Machine,
    process: std::sync::Mutex<Option<(Process, Arc<Hook>)>>,
    door: std::sync::Mutex<Option<Door>>,
    lives: AtomicU64,
}

/// What a request meets in an api process.
#[derive(Debug, Clone)]
pub struct Door {
    /// The process.
    pub process: Process,
    /// Its way to the store.
    pub stores: Stores,
    /// Its ways to the supervisors.
    pub owners: Vec<Link>,
}

/// The hook of one life: its fate, and a look at the promises after each step.
#[derive(Debug)]
struct Hook {
    fate: Fate,
    checker: Checker,
}

impl Probe for Hook {
    fn before_poll(&self, task: &'static str) -> Verdict {
        self.checker.look();
        self.fate.before_poll(task)
    }
}

/// What a world is made of.
#[derive(Debug)]
pub struct Parts {
    /// The run.
    pub schedule: Schedule,
    /// The store.
    pub store: Memory,
    /// What the store does wrong.
    pub fate: Arc<StoreFate>,
    /// The cloud.
    pub sky: Sky,
    /// The process of the simulation.
    pub root: Process,
    /// Set when the fair period begins.
    pub calm: Arc<AtomicBool>,
}

impl World {
    /// A world in which nothing runs yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts {
            schedule,
            store,
            fate,
            sky,
            root,
            calm,
        } = parts;
        let checker = Checker::new(store.clone(), sky.clone(), USER, schedule.regime);
        let seats =
            |what: &str, n: usize| (0..n).map(|i| Seat::new(format!("{what}-{i}"))).collect();
        let planned = schedule.case.map_or_else(Vec::new, |case| case.planned());
        let weather = Weather::new(
            sky.clone(),
            schedule.cloud,
            schedule.large.then_some(2),
            planned,
        );
        Self {
            supervisors: seats("supervisor", schedule.size.supervisors),
            workers: seats("worker", schedule.size.workers),
            apis: seats("api", schedule.size.apis),
            wires: Wires::default(),
            schedule,
            store,
            fate,
            sky,
            weather,
            checker,
            calm,
            originals: Originals::default(),
            root,
        }
    }

    /// Starts every process.
    pub fn start(&self) {
        self.victims().into_iter().for_each(|v| self.revive(v));
    }

    /// Every place where a process lives.
    #[must_use]
    pub fn victims(&self) -> Vec<Victim> {
        let supervisors = (0..self.supervisors.len()).map(Victim::Supervisor);
        let workers = (0..self.workers.len()).map(Victim::Worker);
        let apis = (0..self.apis.len()).map(Victim::Api);
        supervisors.chain(workers).chain(apis).collect()
    }

    /// The name of a process.
    #[must_use]
    pub fn name(&self, victim: Victim) -> &str {
        &self.seat(victim).name
    }

    /// How a request gets into an api, if one lives there.
    #[must_use]
    pub fn door(&self, api: usize) -> Option<Door> {
        let seat = &self.apis[api];
        seat.door
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// A stream of its own for one purpose.
    #[must_use]
    pub fn dice(&self, what: &str) -> Entropy {
        Entropy::stream(self.schedule.seed, what)
    }

    fn link(&self, caller: &Process, to: usize, (from, life): (&str, u64)) -> Link {
        let dice = self.dice(&format!("net {from} {life} {to}"));
        let seat = &self.supervisors[to];
        let ends = Ends {
            from: from.to_owned(),
            to: seat.name.clone(),
        };
        let medium = Medium {
            wires: self.wires.clone(),
            faults: self.schedule.net,
            calm: Arc::clone(&self.calm),
            checker: self.checker.clone(),
        };
        Link::new(caller.clone(), seat.address.clone(), ends, dice, medium)
    }

    /// Ways to every supervisor, for a process of that name and life.
    pub(super) fn links(&self, process: &Process, of: (&str, u64)) -> Vec<Link> {
        (0..self.supervisors.len())
            .map(|to| self.link(process, to, of))
            .collect()
    }

    fn give_birth(&self, seat: &Seat) -> (Process, u64) {
        let life = seat.lives.fetch_add(1, Ordering::Relaxed);
        let hook = Arc::new(Hook {
            fate: Fate::default(),
            checker: self.checker.clone(),
        });
        let process = Process::simulated(SimulatedProcess {
            epoch_unix_ms: EPOCH_UNIX_MS + self.root.clock.mono().as_millis(),
            skew_ms: i64::try_from(self.dice(&format!("skew {}", seat.name)).below(2_000))
                .unwrap_or(0)
                - 1_000,
            seed: self.dice(&format!("life {} {life}", seat.name)).u64(),
            probe: Arc::clone(&hook) as Arc<dyn Probe>,
        });
        *seat.process() = Some((process.clone(), hook));
        (process, life)
    }

    fn start_supervisor(&self, seat: &Seat) {
        let (process, _) = self.give_birth(seat);
        let mut settings = holt_supervisor::Settings {
            // The same: what nobody pointed at is found a little later.
            switch_pass: Duration::from_secs(15),
            hint_pass: Duration::from_secs(15),
            // A day is longer than a run: what only this finds is found within the fair period.
            tenant_pass: Duration::from_secs(600),
            ..holt_supervisor::Settings::default()
        };
        if self.schedule.large {
            // Else no doubt of a project too large for complete lists would be settled within the run.
            settings.rules.tagged_lapse = Duration::from_secs(480);
        }
        let supervisor =
            holt_supervisor::build(&process, settings, self.store.handle(&seat.name)).into();
        seat.address.set(Some(Life {
            process,
            supervisor,
        }));
    }

    fn start_worker(&self, seat: &Seat) {
        let (process, life) = self.give_birth(seat);
        let guard = Guard::new(&process, cloud::guard::Settings::default());
        let ether = Ether {
            sky: self.sky.clone(),
            wires: self.wires.clone(),
            checker: self.checker.clone(),
            connect: self
                .schedule
                .case
                .map_or(Duration::ZERO, |case| case.connect()),
        };
        let dice = self.dice(&format!("wire {} {life}", seat.name));
        let wire = Wire::new(ether, process.clone(), &seat.name, dice);
        let cloud = OpenStack::new(
            process.clone(),
            Arc::new(wire),
            cloud_settings(self.schedule.large),
            keys(),
            guard.clone(),
        );
        let name: WorkerName = seat
            .name
            .parse()
            .unwrap_or_else(|_| unreachable!("a good name"));
        let mut settings = holt_worker::Settings::new(name, Place::Machine(seat.machine.clone()));
        settings.polls = self.schedule.size.polls;
        // Less than half of a token's life: those of creates that are lost in its first half end before their time. H4 is of one that outlives its slot.
        let revokes = self.schedule.case != Some(Case::H4);
        settings.revoke_after = revokes.then_some(Duration::from_secs(240));
        // A run is 80 minutes of beats, and ticks are what a simulated day costs (safety 4.0). Just less than what makes news old.
        settings.heartbeat = Duration::from_millis(3_800);
        let links = self.links(&process, (&seat.name, life));
        let links = links.into_iter().map(|l| Arc::new(l) as Arc<dyn Ops>);
        let built = holt_worker::build(&process, settings, Arc::new(cloud), guard, links.collect());
        if let Err(error) = built {
            unreachable!("a worker cannot start: {error}");
        }
    }

    fn start_api(&self, seat: &Seat) {
        let (process, life) = self.give_birth(seat);
        let door = Door {
            stores: self.store.handle(&seat.name),
            owners: self.links(&process, (&seat.name, life)),
            process,
        };
        *seat
            .door
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(door);
    }

    /// Stops a process at its next await, wherever that is, or lets it go on.
    pub fn hold_still(&self, victim: Victim, still: bool) {
        let Some((process, hook)) = self.seat(victim).process().clone() else {
            return;
        };
        hook.fate.hold_still(still);
        if !still {
            process.tasks.thaw();
        }
    }

    /// Moves a process's wall clock.
    pub fn jump(&self, victim: Victim, ms: i64) {
        if let Some((process, _)) = &*self.seat(victim).process() {
            process.clock.jump(ms);
        }
    }

    /// A process dies at the n-th await from now, or when [`World::kill`] is called, whichever comes first.
    pub fn doom(&self, victim: Victim, polls: u64) -> Option<Process> {
        let (process, hook) = self.seat(victim).process().clone()?;
        hook.fate.die_after(polls);
        Some(process)
    }

    /// A process dies where it stands, if it is still that one.
    pub fn kill(&self, victim: Victim, process: &Process) {
        let seat = self.seat(victim);
        process.tasks.abort_all();
        let mut current = seat.process();
        if current.as_ref().is_some_and(|(p, _)| p.tasks.is_dead()) {
            *current = None;
            seat.address.set(None);
            *seat
                .door
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = None;
            if let Ok(name) = seat.name.parse() {
                seat.machine.killed(&name);
            }
            self.checker.died(&seat.name);
        }
    }

    /// Whatever lives there dies now.
    pub fn kill_now(&self, victim: Victim) {
        let process = self.seat(victim).process().as_ref().map(|(p, _)| p.clone());
        if let Some(process) = process {
            self.kill(victim, &process);
        }
    }

    /// The machine of a worker starts anew.
    pub fn reboot(&self, worker: usize) {
        self.workers[worker].machine.reboot();
    }

    /// A new life begins, if none is there.
    pub fn revive(&self, victim: Victim) {
        let seat = self.seat(victim);
        if seat.process().is_some() {
            return;
        }
        match victim {
            Victim::Supervisor(_) => self.start_supervisor(seat),
            Victim::Worker(_) => self.start_worker(seat),
            Victim::Api(_) => self.start_api(seat),
        }
    }

    fn seat(&self, victim: Victim) -> &Seat {
        match victim {
            Victim::Supervisor(i) => &self.supervisors[i],
            Victim::Worker(i) => &self.workers[i],
            Victim::Api(i) => &self.apis[i],
        }
    }

    /// Ends everything.
    pub fn end(&self) {
        for seat in self
            .supervisors
            .iter()
            .chain(&self.workers)
            .chain(&self.apis)
        {
            seat.address.set(None);
            *seat
                .door
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = None;
            if let Some((process, _)) = seat.process().take() {
                process.tasks.abort_all();
            }
        }
    }
}

impl Seat {
    fn new(name: String) -> Self {
        Self {
            name,
            address: Address::default(),
            machine: Machine::new(),
            process: std::sync::Mutex::default(),
            door: std::sync::Mutex::default(),
            lives: AtomicU64::new(0),
        }
    }

    fn process(&self) -> std::sync::MutexGuard<'_, Option<(Process, Arc<Hook>)>> {
        self.process
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The tenants of every run.
#[must_use]
pub fn tenants() -> Vec<TenantId> {
    ["tenant-a", "tenant-b"]
        .iter()
        .filter_map(|t| t.parse().ok())
        .collect()
}

fn cloud_settings(large: bool) -> CloudSettings {
    let account = |t: &TenantId| Account::Password {
        user: USER.to_owned(),
        user_domain: "Default".to_owned(),
        password: secret("password"),
        project: Project::Id { id: t.to_string() },
    };
    let accounts: BTreeMap<TenantId, Account> = tenants()
        .into_iter()
        .map(|t| (t.clone(), account(&t)))
        .collect();
    let mut settings = CloudSettings::new(
        "http://sky/identity/v3".to_owned(),
        "RegionOne".to_owned(),
        accounts,
    );
    if large {
        settings.list_max = 2;
    }
    settings
}

fn keys() -> ProofKeys {
    let key = secret("a key of thirty-two bytes or more, for simulations");
    ProofKeys::new(1, [(1, key)]).unwrap_or_else(|_| unreachable!("a good key"))
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap_or_else(|_| unreachable!("a good secret"))
}
