//! The worker between a supervisor and a cloud that do what a test says, in paused time: what is sent, how often, and what is reported.

mod create;
mod delete;
mod desk;
mod life;
mod look;
mod nova;
mod projects;
mod revoke;
mod void;

use std::collections::BTreeMap;

use chassis::SimulatedProcess;
use cloud::openstack::OpenStack;
use domain::ids::{GroupId, GroupKey, HomeEpoch, Nonce, OpId, ServerId, SlotId};
use domain::settle::Outcome;
use wire::ports::ops::{Call, CreateCall, Done, Op, Priority, Report, Subject};

use self::desk::Desk;
use self::nova::{Nova, tenant};
use super::*;
use crate::host::Machine;

/// One worker process, what it talks to, and the machine that it runs on.
struct Bench {
    process: Process,
    nova: Nova,
    desk: Desk,
    machine: Machine,
    worker: Worker,
}

impl Bench {
    /// One poll at a time, so that a test says what comes in which reply.
    fn start() -> Self {
        Self::start_with(|settings| settings.polls = 1)
    }

    fn start_with(change: impl Fn(&mut Settings)) -> Self {
        Self::start_there(Machine::new(), change)
    }

    /// On a machine that has seen other lives.
    fn start_on(machine: &Machine) -> Self {
        Self::start_there(machine.clone(), |settings| settings.polls = 1)
    }

    fn start_there(machine: Machine, change: impl Fn(&mut Settings)) -> Self {
        let process = process(1);
        let clock = process.clock.clone();
        let (nova, desk) = (Nova::new(clock.clone()), Desk::new(clock));
        let mut settings = settings(&machine);
        change(&mut settings);
        let worker = run(&process, settings, &nova, &[&desk]).unwrap();
        Self {
            process,
            nova,
            desk,
            machine,
            worker,
        }
    }

    /// A token for the tenant, which the next offer names.
    async fn sign_in(&self, name: &str) {
        let before = self.desk.state().acknowledged.len();
        self.desk.put(vec![for_tenant(name, Call::SignIn)]);
        let reports = self.desk.reports(before + 1).await;
        assert_eq!(reports[before].result, Done::SignedIn(Ok(())));
    }

    /// Hands these out, and waits until so many reports more are acknowledged.
    async fn done(&self, ops: Vec<Op>, count: usize) -> Vec<Done> {
        let before = self.desk.state().acknowledged.len();
        self.desk.put(ops);
        let reports = self.desk.reports(before + count).await;
        reports[before..]
            .iter()
            .map(|report| report.result.clone())
            .collect()
    }

    async fn pause(&self, seconds: u64) {
        self.process.clock.sleep(Duration::from_secs(seconds)).await;
    }

    /// Slots of the creates that arrived at the cloud.
    fn created(&self) -> Vec<String> {
        let state = self.nova.state();
        state.creates.iter().map(|(slot, _)| slot.clone()).collect()
    }
}

fn process(seed: u64) -> Process {
    Process::simulated(SimulatedProcess {
        seed,
        ..SimulatedProcess::default()
    })
}

fn settings(machine: &Machine) -> Settings {
    Settings::new("w".parse().unwrap(), Place::Machine(machine.clone()))
}

fn run(
    process: &Process,
    settings: Settings,
    nova: &Nova,
    desks: &[&Desk],
) -> Result<Worker, host::Error> {
    run_with(process, settings, nova::settings(), nova, desks)
}

/// The same with accounts of the test's.
fn run_with(
    process: &Process,
    settings: Settings,
    accounts: cloud::openstack::Settings,
    nova: &Nova,
    desks: &[&Desk],
) -> Result<Worker, host::Error> {
    let guard = Guard::new(process, cloud::guard::Settings::default());
    let transport = Arc::new(nova.clone());
    let cloud = OpenStack::new(
        process.clone(),
        transport,
        accounts,
        nova::keys(),
        guard.clone(),
    );
    let cloud = cloud.remembering(settings.place.projects(&settings.name));
    let desks = desks
        .iter()
        .map(|desk| Arc::new((*desk).clone()) as Arc<dyn Ops>);
    build(process, settings, Arc::new(cloud), guard, desks.collect())
}

fn group() -> GroupKey {
    GroupKey {
        tenant: tenant("a"),
        id: GroupId::from_u128(77),
        epoch: HomeEpoch(0),
    }
}

fn slot(bits: u128) -> SlotId {
    SlotId::from_u128(bits)
}

fn server(bits: u128) -> ServerId {
    ServerId::from_u128(bits)
}

fn for_group(call: Call) -> Op {
    Op {
        id: OpId::from_u128(1),
        key: Subject::Group(group()),
        call,
        trace: None,
    }
}

fn for_tenant(name: &str, call: Call) -> Op {
    Op {
        id: OpId::from_u128(2),
        key: Subject::Tenant(tenant(name)),
        call,
        trace: None,
    }
}

fn create(of: u128) -> Op {
    for_group(Call::Create(Box::new(CreateCall {
        slot: slot(of),
        nonce: Nonce::from_u128(1),
        launch: Arc::from(&br#"{"server": {"flavorRef": "2", "imageRef": "i"}}"#[..]),
        labels: BTreeMap::new(),
        priority: Priority::ScaleOut,
    })))
}

fn came(of: u128, outcome: Outcome) -> Done {
    Done::Slot {
        slot: slot(of),
        outcome,
    }
}
