//! One run from one number: a foul period, a fair period, and what must hold at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chassis::spawn::Always;
use chassis::{Process, SimulatedProcess};
use cloudsim::{Settings as SkySettings, Sim};
use domain::group::Phase;
use domain::ids::GroupKey;
use sha2::{Digest, Sha256};
use store::memory::Memory;

use super::blows;
use super::check::{Findings, is_coming, is_leaving};
use super::client::Customer;
use super::faults::{STORE_LATE_MAX, StoreFate};
use super::judge::judge;
use super::schedule::Schedule;
use super::transport::Sky;
use super::world::{EPOCH_UNIX_MS, Parts, World, tenants};

/// Short enough that the strict rule for lapsed slots (token dead, and caches too) ends within the fair period.
pub const TOKEN_LIFE_MS: u64 = 900_000;

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
    /// Faults that happened: strikes, and what the network, the store and the cloud did wrong.
    pub faults: u64,
    /// Slots that were in doubt.
    pub in_doubt: u64,
    /// Steps of all processes.
    pub steps: u64,
    /// Simulated time.
    pub simulated: Duration,
    /// How often what happened.
    pub tally: BTreeMap<String, u64>,
    /// Hash over every commit and every request that the cloud saw.
    pub trace: [u8; 32],
}

/// Runs one schedule to its end.
///
/// # Errors
/// The run could not be set up.
pub fn run(schedule: Schedule) -> anyhow::Result<Report> {
    run_until(schedule, Until::End)
}

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// To its end.
    End,
    /// To its end, or until a promise was broken: for whoever only asks whether one is.
    Broken,
}

/// Runs one schedule.
///
/// # Errors
/// The run could not be set up.
pub fn run_until(schedule: Schedule, until: Until) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(play(schedule, until))
}

fn world(schedule: Schedule) -> Arc<World> {
    let seed = schedule.seed;
    let root = Process::simulated(SimulatedProcess {
        epoch_unix_ms: EPOCH_UNIX_MS,
        skew_ms: 0,
        seed,
        probe: Arc::new(Always),
    });
    let calm = Arc::new(AtomicBool::new(false));
    let fate = Arc::new(StoreFate::new(
        chassis::Entropy::stream(seed, "store"),
        root.clock.clone(),
        schedule.store,
        schedule.case.map_or_else(Vec::new, |case| case.slow()),
        Arc::clone(&calm),
    ));
    let store = Memory::with_faults(
        root.clock.clone(),
        Arc::clone(&fate) as _,
        STORE_LATE_MAX + Duration::from_secs(1),
    );
    let settings = SkySettings {
        seed,
        token_life_ms: TOKEN_LIFE_MS,
        base_url: "http://sky".to_owned(),
        cells: schedule.size.cells,
        soft_delete_ms: u64::try_from(schedule.soft_delete.as_millis()).unwrap_or(0),
        ..SkySettings::default()
    };
    let sky = Sky::new(Sim::new(settings), root.clock.clone());
    Arc::new(World::new(Parts {
        schedule,
        store,
        fate,
        sky,
        root,
        calm,
    }))
}

async fn play(schedule: Schedule, until: Until) -> anyhow::Result<Report> {
    let world = world(schedule);
    world.start();
    let customer = Customer::new(Arc::clone(&world));
    let keys = customer.make_groups(&tenants()).await?;
    let strikes = blows::run(Arc::clone(&world));
    drop(world.root.tasks.spawn("strikes", strikes));
    if world.schedule.case.is_none() {
        super::hooks::lane(&world);
        super::alerts::monitor(&world, &keys);
    }
    let finished = tokio::select! {
        biased;
        () = broken(&world), if until == Until::Broken => false,
        () = story(&world, &customer, &keys) => true,
    };
    world.checker.look();
    let mut findings = world.checker.findings();
    if finished {
        judge(&world, &keys, &mut findings);
    }
    let report = report(&world, findings);
    world.end();
    world.root.tasks.abort_all();
    Ok(report)
}

/// Whether a server is on its way: out, or into a group that may have it.
fn is_any_moving(world: &World) -> bool {
    let keys = world.store.keys();
    let mut groups = keys.iter().filter_map(|key| world.store.group(key));
    groups.any(|group| {
        let is_served = group.state.phase == Phase::Running && group.state.hold.is_none();
        let mut open = group.slots.open();
        open.any(|slot| {
            is_leaving(&slot.state) || is_served && !slot.flags.disowned && is_coming(&slot.state)
        })
    })
}

/// The foul period and the fair one.
async fn story(world: &Arc<World>, customer: &Customer, keys: &[GroupKey]) {
    let clock = &world.root.clock;
    let foul = chassis::Mono::START + world.schedule.foul;
    match world.schedule.case.filter(|case| case.is_script()) {
        Some(case) => {
            case.play(world, keys).await;
            clock.sleep_until(foul).await;
        }
        None => customer.work(keys).await,
    }
    blows::calm(world);
    clock.sleep_until(foul + world.schedule.fair).await;
    // What was sent away just before the end may go (schedule 1795974357432480: a wrong clock had held the step back until then), and what was
    // asked for may come (schedule 901680: quota had held the group back until then).
    for _ in 0..9 {
        if !is_any_moving(world) {
            break;
        }
        clock.sleep(Duration::from_secs(20)).await;
    }
}

/// Returns when a promise was broken.
async fn broken(world: &World) {
    while !world.checker.is_broken() {
        world.root.clock.sleep(Duration::from_secs(5)).await;
    }
}

fn report(world: &World, findings: Findings) -> Report {
    let mut hash = Sha256::new();
    for key in world.store.keys() {
        for record in world.store.records(&key, domain::ids::Rev(0)) {
            hash.update(record.hash.0);
        }
    }
    let truth = world.sky.truth();
    let mut tally = findings.tally;
    let mut add = |what: String, n: u64| {
        if n > 0 {
            *tally.entry(what).or_default() += n;
        }
    };
    let large = u64::from(world.schedule.large);
    add("world: projects larger than a list".to_owned(), large);
    for entry in truth.log(0) {
        hash.update(entry.at_ms.to_be_bytes());
        hash.update(entry.path.as_bytes());
        hash.update(entry.status.unwrap_or(0).to_be_bytes());
        if entry.connection_lost {
            add("fault: cloud, connection lost".to_owned(), 1);
        }
        if entry.call == cloudsim::Call::Delete && entry.connection_lost {
            add("crash row: delete committed, call lost".to_owned(), 1);
        }
        if let Some(status) = entry.status.filter(|s| *s >= 429) {
            add(format!("fault: cloud, HTTP {status}"), 1);
        }
    }
    for (what, n) in world.fate.happened() {
        add(format!("fault: {what}"), n);
    }
    let faults = tally.iter().filter(|(what, _)| what.starts_with("fault:"));
    Report {
        seed: world.schedule.seed,
        violations: findings.violations,
        creates_per_slot_max: findings.creates_per_slot_max,
        commits: world.store.commits(),
        faults: faults.map(|(_, n)| n).sum(),
        in_doubt: u64::try_from(findings.in_doubt.len()).unwrap_or(0),
        steps: findings.steps,
        simulated: world.schedule.foul + world.schedule.fair,
        tally,
        trace: hash.finalize().into(),
    }
}
