//! Strikes, carried out: what ends later is left to a task of the simulation, and everything ends with the foul period.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chassis::Entropy;

use super::client::{customer, operator};
use super::restore::restore;
use super::strike::{Blow, Strike, Victim, Way, index, narrow};
use super::tenant;
use super::wires::{Cut, SKY};
use super::world::{USER, World};

/// Between two steps of a drifting clock.
const DRIFT_STEP: Duration = Duration::from_secs(5);
/// A doomed process that does not come to its await dies after this all the same.
const DOOM: Duration = Duration::from_secs(5);

/// Carries out every strike of the schedule at its moment.
pub async fn run(world: Arc<World>) {
    for strike in world.schedule.strikes.clone() {
        let at = chassis::Mono::START + strike.at;
        world.root.clock.sleep_until(at).await;
        carry_out(&world, strike);
    }
}

/// Ends all that is still going on: the fair period begins.
pub fn calm(world: &Arc<World>) {
    world.calm.store(true, Ordering::Relaxed);
    world.weather.calm();
    world.wires.ease();
    for victim in world.victims() {
        world.hold_still(victim, false);
        world.revive(victim);
    }
    tenant::undo_all(world);
}

/// Carries out one strike.
pub fn carry_out(world: &Arc<World>, strike: Strike) {
    world
        .checker
        .tally(&format!("fault: {}", strike.blow.word()));
    tracing::debug!(at_ms = world.sky.now_ms(), ?strike, "strike");
    let dice = world.dice(&format!("details {}", strike.id));
    let task = one(Arc::clone(world), strike, dice);
    drop(world.root.tasks.spawn("strike", task));
}

async fn one(world: Arc<World>, strike: Strike, dice: Entropy) {
    let clock = world.root.clock.clone();
    match strike.blow {
        Blow::Crash(victim, polls, down) => crash(&world, victim, polls, down).await,
        Blow::Reboot(worker, down) => {
            world.kill_now(Victim::Worker(worker));
            world.reboot(worker);
            clock.sleep(down).await;
            world.revive(Victim::Worker(worker));
        }
        Blow::Pause(victim, still) => {
            if still >= Duration::from_secs(60) && matches!(victim, Victim::Supervisor(_)) {
                world
                    .checker
                    .tally("crash row: owner stood still for a minute");
            }
            world.hold_still(victim, true);
            clock.sleep(still).await;
            world.hold_still(victim, false);
        }
        Blow::Jump(victim, ms) => world.jump(victim, ms),
        Blow::Drift(victim, ms_per_s, lasts) => drift(&world, victim, ms_per_s, lasts).await,
        Blow::Cut(victim, way, lasts) => cut(&world, victim, (None, way), lasts).await,
        Blow::CutCloud(worker, way, lasts) => {
            cut(&world, Victim::Worker(worker), (Some(SKY), way), lasts).await;
        }
        Blow::Swizzle(lasts) => swizzle(&world, lasts, &dice).await,
        Blow::StoreOutage(lasts) => world.fate.go_away(lasts),
        Blow::Restore(age) => restore(&world, age, &dice).await,
        Blow::DeadCell(lasts)
        | Blow::Brownout(_, lasts)
        | Blow::Astray(lasts)
        | Blow::Throttle(_, lasts)
        | Blow::Hang(_, lasts)
        | Blow::Quota(_, lasts)
        | Blow::NoCapacity(lasts) => {
            let cell = narrow(dice.below(u64::from(world.schedule.size.cells)));
            world.weather.begin(strike.id, strike.blow, cell);
            clock.sleep(lasts).await;
            world.weather.end(strike.id);
        }
        Blow::Revoke => {
            let now_ms = world.sky.now_ms();
            world.sky.truth().revoke_tokens(now_ms, USER);
        }
        Blow::Expire => {
            let now_ms = world.sky.now_ms();
            world.sky.truth().expire_tokens(now_ms);
        }
        Blow::PauseGroup(_) | Blow::Bounds(..) | Blow::DeleteGroup => {
            customer(&world, strike.blow, &dice).await;
        }
        Blow::Switch(mode, everywhere, lasts) => operator(&world, mode, everywhere, lasts).await,
        Blow::Plant
        | Blow::Copy
        | Blow::CloneAndDelete
        | Blow::Strip(_)
        | Blow::Borrow(_)
        | Blow::Rename
        | Blow::Lock(_)
        | Blow::Protect(_)
        | Blow::Stop(_)
        | Blow::Delete
        | Blow::Fail => tenant::act(&world, strike.blow, &dice).await,
    }
}

async fn crash(world: &World, victim: Victim, polls: u64, down: Duration) {
    let Some(process) = world.doom(victim, polls) else {
        return;
    };
    // Long enough for the awaits to come; then it dies wherever it stands.
    world.root.clock.sleep(DOOM).await;
    world.kill(victim, &process);
    world.root.clock.sleep(down).await;
    world.revive(victim);
}

async fn cut(world: &World, victim: Victim, (from, way): (Option<&str>, Way), lasts: Duration) {
    let name = world.name(victim);
    let cut = match from {
        Some(other) => Cut::between(name, other, way),
        None => Cut::of(name, way),
    };
    world.wires.cut(&cut);
    world.root.clock.sleep(lasts).await;
    world.wires.mend(&cut);
}

async fn drift(world: &World, victim: Victim, ms_per_s: i64, lasts: Duration) {
    let steps = lasts.as_secs() / DRIFT_STEP.as_secs();
    let step = ms_per_s * i64::try_from(DRIFT_STEP.as_secs()).unwrap_or(1);
    for _ in 0..steps {
        world.jump(victim, step);
        world.root.clock.sleep(DRIFT_STEP).await;
    }
}

/// Clogs a random part of the processes one by one, and unclogs them in another random order.
async fn swizzle(world: &World, lasts: Duration, dice: &Entropy) {
    let mut all: Vec<Victim> = world.victims();
    all.retain(|_| dice.below(2) == 0);
    let steps = u32::try_from(2 * all.len() + 1).unwrap_or(1);
    for clogged in [true, false] {
        let mut left = all.clone();
        while !left.is_empty() {
            let victim = left.swap_remove(index(dice, left.len()));
            world.wires.clog(world.name(victim), clogged);
            world.root.clock.sleep(lasts / steps).await;
        }
    }
}
