//! The store is lost and comes back from a backup, in the steps of docs/runbook.md.
//!
//! Whatever has a way to it ends, the older store takes its place
//! under `freeze`, and once lists have shown what it does not know, an operator lets go and resumes the groups that took servers in (ADR 0012).

use std::sync::Arc;
use std::time::Duration;

use chassis::Entropy;
use domain::control::{Mode, Scope};
use domain::group::{Cause, HoldWhy, Phase};

use super::client::{change, throw};
use super::strike::Victim;
use super::world::World;

/// How long an operator looks at what is reported before he lets go: a few complete lists, also of a cloud that is slow.
const LOOK: Duration = Duration::from_secs(300);
/// Between two looks at groups that paused.
const ROUND: Duration = Duration::from_secs(60);

/// Everything since the backup is lost `age` after it was made; who made it has long been asleep.
pub async fn restore(world: &Arc<World>, age: Duration, dice: &Entropy) {
    let clock = &world.root.clock;
    let backup = world.store.backup();
    clock.sleep(age).await;
    // A worker has no way to the store: it may go on meanwhile, with what it has in hand.
    let all = dice.below(2) == 0;
    for victim in world.victims() {
        if all || !matches!(victim, Victim::Worker(_)) {
            world.kill_now(victim);
        }
    }
    world.checker.restored(|store| store.restore(backup));
    let row = "crash row: store lost, restored from a backup";
    world.checker.tally(row);
    throw(world, Scope::Global, Some(Mode::Freeze)).await;
    clock.sleep(dice.up_to(Duration::from_secs(30))).await;
    world.victims().into_iter().for_each(|v| world.revive(v));
    clock.sleep(LOOK).await;
    throw(world, Scope::Global, None).await;
    // A tenant may have hidden a server's metadata, and a group that wants nothing is listed every ten minutes or so: some show up late.
    let end = chassis::Mono::START + world.schedule.foul + world.schedule.fair * 4 / 5;
    while clock.mono() < end {
        resume(world).await;
        clock.sleep(ROUND).await;
    }
}

/// An operator has looked at the groups that took servers in. In the fair period, also at those that a customer had resumed after the backup.
async fn resume(world: &World) {
    let is_fair = world.root.clock.mono() > chassis::Mono::START + world.schedule.foul;
    let standing = world.store.handle("operator").controls.standing().await;
    // A switch that was taken back since the backup stands again.
    for switch in standing.unwrap_or_default().into_iter().filter(|_| is_fair) {
        throw(world, switch.scope, None).await;
    }
    for key in world.store.keys() {
        let waits = world.store.group(&key).is_some_and(|group| {
            let restored =
                group.state.hold.as_ref().map(|hold| &hold.why) == Some(&HoldWhy::Restored);
            group.state.phase == Phase::Paused && (restored || is_fair)
        });
        if waits {
            change(world, &key, |draft| {
                if draft.state.phase == Phase::Paused {
                    draft.turn(Phase::Running);
                }
                Cause::Pause
            })
            .await;
        }
    }
}
