//! Processes, their lives and their deaths.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chassis::spawn::{Probe, Verdict};
use chassis::{Entropy, Process, Secret, SimulatedProcess};
use cloud::guard::Guard;
use cloud::openstack::{Account, OpenStack, Project, Settings as CloudSettings};
use cloud::proof::ProofKeys;
use domain::ids::{TenantId, WorkerName};
use holt_worker::host::{Machine, Place};
use store::memory::Memory;
use wire::ports::ops::Ops;

use super::chaos::Fate;
use super::check::Checker;
use super::net::{Address, Life, Link};
use super::schedule::{Blow, Schedule, Strike, Victim};
use super::transport::{Sky, Wire};

/// Wall time at the start of every run.
pub const EPOCH_UNIX_MS: u64 = 1_767_225_600_000;

/// Everything of one run that outlives single processes.
#[derive(Debug)]
pub struct World {
    /// The run.
    pub schedule: Schedule,
    /// The store.
    pub store: Memory,
    /// The cloud.
    pub sky: Sky,
    /// The promises.
    pub checker: Checker,
    /// Set when the fair period begins.
    pub calm: Arc<AtomicBool>,
    /// The process of the simulation itself: never dies.
    pub root: Process,
    supervisors: Vec<Seat>,
    workers: Vec<Seat>,
}

/// A place where a process lives, one life after the other.
#[derive(Debug)]
struct Seat {
    name: String,
    address: Address,
    machine: Machine,
    process: std::sync::Mutex<Option<(Process, Arc<Hook>)>>,
    lives: std::sync::atomic::AtomicU64,
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

impl World {
    /// A world in which nothing runs yet.
    #[must_use]
    pub fn new(
        schedule: Schedule,
        store: Memory,
        sky: Sky,
        root: Process,
        calm: Arc<AtomicBool>,
    ) -> Self {
        let checker = Checker::new(store.clone(), sky.clone(), "autoscaler");
        let seats =
            |what: &str, n: usize| (0..n).map(|i| Seat::new(format!("{what}-{i}"))).collect();
        let (supervisors, workers) = (
            seats("supervisor", schedule.supervisors),
            seats("worker", schedule.workers),
        );
        Self {
            schedule,
            store,
            sky,
            checker,
            calm,
            root,
            supervisors,
            workers,
        }
    }

    /// Starts every process.
    pub fn start(&self) {
        (0..self.supervisors.len()).for_each(|i| self.start_supervisor(i));
        (0..self.workers.len()).for_each(|i| self.start_worker(i));
    }

    /// How the client reaches supervisor `i`.
    #[must_use]
    pub fn link_of_client(&self, i: usize) -> Link {
        self.link(&self.root, i, "client")
    }

    fn dice(&self, what: &str) -> Entropy {
        Entropy::stream(self.schedule.seed, what)
    }

    fn link(&self, caller: &Process, to: usize, from: &str) -> Link {
        let dice = self.dice(&format!("net {from} {to}"));
        let calm = Arc::clone(&self.calm);
        Link::new(
            caller.clone(),
            self.supervisors[to].address.clone(),
            dice,
            self.schedule.net,
            calm,
        )
    }

    fn give_birth(&self, seat: &Seat) -> (Process, u64) {
        let life = seat
            .lives
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
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

    fn start_supervisor(&self, i: usize) {
        let seat = &self.supervisors[i];
        let (process, _) = self.give_birth(seat);
        let settings = holt_supervisor::Settings::default();
        let supervisor = holt_supervisor::build(&process, settings, self.store.handle(&seat.name));
        seat.address.set(Some(Life {
            process,
            supervisor,
        }));
    }

    fn start_worker(&self, i: usize) {
        let seat = &self.workers[i];
        let (process, life) = self.give_birth(seat);
        let guard = Guard::new(&process, cloud::guard::Settings::default());
        let wire = Wire::new(
            self.sky.clone(),
            process.clone(),
            self.dice(&format!("wire {} {life}", seat.name)),
        );
        let cloud = OpenStack::new(
            process.clone(),
            Arc::new(wire),
            cloud_settings(),
            keys(),
            guard.clone(),
        );
        let name: WorkerName = seat
            .name
            .parse()
            .unwrap_or_else(|_| unreachable!("a good name"));
        let settings = holt_worker::Settings::new(name, Place::Machine(seat.machine.clone()));
        let links = (0..self.supervisors.len())
            .map(|s| {
                Arc::new(self.link(&process, s, &format!("{} {life}", seat.name))) as Arc<dyn Ops>
            })
            .collect();
        if let Err(error) = holt_worker::build(&process, settings, Arc::new(cloud), guard, links) {
            unreachable!("a worker cannot start: {error}");
        }
    }

    /// Does to a process what the schedule says; what ends later is left to a task of the simulation.
    pub fn strike(self: &Arc<Self>, strike: Strike) {
        let seat = self.seat(strike.victim);
        let Some((process, hook)) = seat.process().clone() else {
            return;
        };
        let world = Arc::clone(self);
        match strike.blow {
            Blow::Jump { ms } => process.clock.jump(ms),
            Blow::Pause { still } => {
                hook.fate.hold_still(true);
                drop(self.root.tasks.spawn("thaw", async move {
                    world.root.clock.sleep(still).await;
                    hook.fate.hold_still(false);
                    process.tasks.thaw();
                }));
            }
            Blow::Crash { polls, down } => {
                hook.fate.die_after(polls);
                drop(self.root.tasks.spawn("reaper", async move {
                    // Long enough for the awaits to come; then it dies wherever it stands.
                    world.root.clock.sleep(Duration::from_secs(5)).await;
                    world.kill(strike.victim, &process);
                    world.root.clock.sleep(down).await;
                    world.revive(strike.victim);
                }));
            }
        }
    }

    fn kill(&self, victim: Victim, process: &Process) {
        let seat = self.seat(victim);
        process.tasks.abort_all();
        let mut current = seat.process();
        if current.as_ref().is_some_and(|(p, _)| p.tasks.is_dead()) {
            *current = None;
            seat.address.set(None);
            if let Ok(name) = seat.name.parse() {
                seat.machine.killed(&name);
            }
        }
    }

    fn revive(&self, victim: Victim) {
        if self.seat(victim).process().is_some() {
            return;
        }
        match victim {
            Victim::Supervisor(i) => self.start_supervisor(i),
            Victim::Worker(i) => self.start_worker(i),
        }
    }

    fn seat(&self, victim: Victim) -> &Seat {
        match victim {
            Victim::Supervisor(i) => &self.supervisors[i],
            Victim::Worker(i) => &self.workers[i],
        }
    }

    /// Awaits that all processes of now have passed.
    #[must_use]
    pub fn polls(&self) -> u64 {
        let seats = self.supervisors.iter().chain(&self.workers);
        seats
            .filter_map(|s| s.process().as_ref().map(|(_, hook)| hook.fate.polls()))
            .sum()
    }

    /// Ends everything.
    pub fn end(&self) {
        for seat in self.supervisors.iter().chain(&self.workers) {
            seat.address.set(None);
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
            lives: std::sync::atomic::AtomicU64::new(0),
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

fn cloud_settings() -> CloudSettings {
    let account = |t: &TenantId| Account::Password {
        user: "autoscaler".to_owned(),
        user_domain: "Default".to_owned(),
        password: secret("password"),
        project: Project::Id { id: t.to_string() },
    };
    let accounts: BTreeMap<TenantId, Account> = tenants()
        .into_iter()
        .map(|t| (t.clone(), account(&t)))
        .collect();
    CloudSettings::new(
        "http://sky/identity/v3".to_owned(),
        "RegionOne".to_owned(),
        accounts,
    )
}

fn keys() -> ProofKeys {
    let key = secret("a key of thirty-two bytes or more, for simulations");
    ProofKeys::new(1, [(1, key)]).unwrap_or_else(|_| unreachable!("a good key"))
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap_or_else(|_| unreachable!("a good secret"))
}
