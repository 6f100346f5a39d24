//! One run from one number: a foul period, a fair period, and what must hold at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chassis::spawn::Always;
use chassis::{Entropy, Process, SimulatedProcess};
use cloudsim::{Settings as SkySettings, Sim};
use domain::group::Phase;
use domain::ids::GroupKey;
use domain::slot::State;
use sha2::{Digest, Sha256};
use store::memory::Memory;

use super::check::Findings;
use super::client::Customer;
use super::faults::{STORE_LATE_MAX, StoreFate, fair_cloud, foul_cloud};
use super::schedule::Schedule;
use super::transport::Sky;
use super::world::{EPOCH_UNIX_MS, World, tenants};

/// What one run came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// The number.
    pub seed: u64,
    /// What was broken; empty is good.
    pub violations: Vec<String>,
    /// Most create calls for one slot.
    pub creates_per_slot_max: u64,
    /// Commits that were applied.
    pub commits: u64,
    /// Faults that happened: strikes, and what the store and the cloud did wrong.
    pub faults: u64,
    /// Slots that were in doubt.
    pub in_doubt: u64,
    /// Hash over every commit and every request that the cloud saw.
    pub trace: [u8; 32],
}

/// Runs one schedule to its end.
///
/// # Errors
/// The run could not be set up.
pub fn run(schedule: Schedule) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(play(schedule))
}

async fn play(schedule: Schedule) -> anyhow::Result<Report> {
    let seed = schedule.seed;
    let root = Process::simulated(SimulatedProcess {
        epoch_unix_ms: EPOCH_UNIX_MS,
        skew_ms: 0,
        seed,
        probe: Arc::new(Always),
    });
    let calm = Arc::new(AtomicBool::new(false));
    let fate = Arc::new(StoreFate::new(
        Entropy::stream(seed, "store"),
        schedule.store,
        Arc::clone(&calm),
    ));
    let store = Memory::with_faults(
        root.clock.clone(),
        Arc::clone(&fate) as _,
        STORE_LATE_MAX + Duration::from_secs(1),
    );
    // Short enough that the strict rule for lapsed slots (token dead, and caches too) ends within the fair period.
    let token_life_ms = 900_000;
    let settings = SkySettings {
        seed,
        token_life_ms,
        base_url: "http://sky".to_owned(),
        ..SkySettings::default()
    };
    let sky = Sky::new(Sim::new(settings), root.clock.clone());
    sky.truth().set_faults(&foul_cloud(&schedule.cloud));
    let world = Arc::new(World::new(schedule, store, sky, root, calm));
    world.start();
    let customer = Customer::new(Arc::clone(&world));
    let keys = customer.make_groups(&tenants()).await?;
    let strikes = Arc::clone(&world);
    drop(world.root.tasks.spawn("strikes", async move {
        for strike in strikes.schedule.strikes.clone() {
            let at = chassis::Mono::START + strike.at;
            strikes.root.clock.sleep_until(at).await;
            strikes.strike(strike);
        }
    }));
    customer.work(&keys).await;
    world.calm.store(true, Ordering::Relaxed);
    world.sky.truth().set_faults(&fair_cloud());
    let end = chassis::Mono::START + world.schedule.foul + world.schedule.fair;
    world.root.clock.sleep_until(end).await;
    let mut findings = world.checker.findings();
    judge(&world, &keys, &mut findings);
    let report = report(&world, findings, fate.happened.load(Ordering::Relaxed));
    world.end();
    world.root.tasks.abort_all();
    Ok(report)
}

/// What must hold after the fair period: everything that was promised has happened.
fn judge(world: &World, keys: &[GroupKey], findings: &mut Findings) {
    let truth = world.sky.truth();
    for key in keys {
        let Some(group) = world.store.group(key) else {
            findings
                .violations
                .push(format!("I1: group {} is gone", key.id));
            continue;
        };
        let active: Vec<String> = group
            .slots
            .open()
            .filter(|s| matches!(s.state, State::Active(_)))
            .filter_map(|s| s.state.server().map(|id| id.to_string()))
            .collect();
        let there = truth
            .servers()
            .iter()
            .filter(|s| s.deleted.is_none() && active.contains(&s.id))
            .count();
        let open = usize::try_from(group.slots.census().open.0).unwrap_or(0);
        let wanted = usize::try_from(group.state.desired.0).unwrap_or(0);
        let held = group.state.hold.is_some();
        if group.state.phase == Phase::Running
            && !held
            && (active.len() != wanted || there != wanted || open != wanted)
        {
            let states: Vec<_> = group.slots.open().map(|s| s.state.word()).collect();
            findings.violations.push(format!(
                "liveness: group {} wants {wanted}, has {} active, {there} in the cloud, open {states:?}",
                key.id,
                active.len()
            ));
        }
        if !group.inbox.is_empty() {
            findings
                .violations
                .push(format!("I4: group {} has events without a verdict", key.id));
        }
    }
    let bound: std::collections::BTreeSet<String> = keys
        .iter()
        .filter_map(|k| world.store.group(k))
        .flat_map(|g| {
            g.slots
                .open()
                .filter_map(|s| s.state.server().map(|id| id.to_string()))
                .collect::<Vec<_>>()
        })
        .collect();
    for server in truth
        .living()
        .filter(|s| s.user == "autoscaler" && s.deleted.is_none() && !bound.contains(&s.id))
    {
        findings.violations.push(format!(
            "I1: server {} is in the cloud and in no open slot",
            server.id
        ));
    }
    for (event, key) in &findings.acknowledged {
        if !world.store.verdicts(key).iter().any(|v| v.event == *event) {
            findings.violations.push(format!(
                "I4: event {event} was acknowledged and has no verdict"
            ));
        }
    }
}

fn report(world: &World, findings: Findings, store_faults: u64) -> Report {
    let mut hash = Sha256::new();
    for key in world.store.keys() {
        for record in world.store.records(&key, domain::ids::Rev(0)) {
            hash.update(record.hash.0);
        }
    }
    let truth = world.sky.truth();
    let mut cloud_faults = 0;
    for entry in truth.log(0) {
        hash.update(entry.at_ms.to_be_bytes());
        hash.update(entry.path.as_bytes());
        hash.update(entry.status.unwrap_or(0).to_be_bytes());
        cloud_faults += u64::from(entry.connection_lost || entry.status.is_some_and(|s| s >= 500));
    }
    Report {
        seed: world.schedule.seed,
        violations: findings.violations,
        creates_per_slot_max: findings.creates_per_slot_max,
        commits: world.store.commits(),
        faults: store_faults
            + cloud_faults
            + u64::try_from(world.schedule.strikes.len()).unwrap_or(0),
        in_doubt: u64::try_from(findings.in_doubt.len()).unwrap_or(0),
        trace: hash.finalize().into(),
    }
}
