//! Tenants and operators of the cloud: make servers of their own, copy ours, edit, lock, stop and delete ours.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::Entropy;
use cloudsim::{BuildError, Outside, Plant, Server};

use super::strike::{Blow, index};
use super::world::{USER, World};

const FAILED: Outside = Outside::Error {
    reason: BuildError::BuildFailed,
};

/// Carries out one thing that a tenant does, and undoes it later if it is to be undone.
pub async fn act(world: &Arc<World>, blow: Blow, dice: &Entropy) {
    match blow {
        Blow::Plant => plant(world, None, dice),
        Blow::Copy => plant(world, any(world, dice).as_ref(), dice),
        Blow::CloneAndDelete => {
            let original = any(world, dice);
            plant(world, original.as_ref(), dice);
            if let Some(original) = original {
                pause(world, dice.up_to(Duration::from_secs(120))).await;
                outside(world, &original.id, &Outside::Delete);
            }
        }
        Blow::Strip(lasts) => edit(world, any(world, dice), BTreeMap::new(), lasts).await,
        Blow::Borrow(lasts) => {
            let (one, other) = (any(world, dice), any(world, dice));
            if let Some(other) = other.filter(|o| one.as_ref().is_some_and(|s| s.id != o.id)) {
                edit(world, one, other.metadata, lasts).await;
            }
        }
        Blow::Rename => {
            if let Some(server) = any(world, dice) {
                let name = "mine now".to_owned();
                outside(world, &server.id, &Outside::Rename { name });
                outside(world, &server.id, &Outside::Tags { tags: Vec::new() });
            }
        }
        Blow::Lock(lasts) => {
            for_a_while(world, dice, lasts, [Outside::Lock, Outside::Unlock]).await;
        }
        Blow::Protect(lasts) => {
            for_a_while(world, dice, lasts, [Outside::Protect, Outside::Unprotect]).await;
        }
        Blow::Stop(lasts) => {
            for_a_while(world, dice, lasts, [Outside::Stop, Outside::Start]).await;
        }
        Blow::Delete => delete(world, dice),
        Blow::Fail => {
            if let Some(server) = any(world, dice) {
                outside(world, &server.id, &FAILED);
            }
        }
        Blow::Crash(..)
        | Blow::Pause(..)
        | Blow::Jump(..)
        | Blow::Drift(..)
        | Blow::Reboot(..)
        | Blow::Cut(..)
        | Blow::CutCloud(..)
        | Blow::Swizzle(_)
        | Blow::StoreOutage(_)
        | Blow::Restore(_)
        | Blow::DeadCell(_)
        | Blow::Brownout(..)
        | Blow::Astray(_)
        | Blow::Throttle(..)
        | Blow::Hang(..)
        | Blow::Quota(..)
        | Blow::NoCapacity(_)
        | Blow::Revoke
        | Blow::Expire
        | Blow::PauseGroup(_)
        | Blow::Bounds(..)
        | Blow::DeleteGroup
        | Blow::Switch(..) => {}
    }
}

fn delete(world: &World, dice: &Entropy) {
    if let Some(server) = any(world, dice) {
        let how = [Outside::Delete, Outside::Vanish];
        outside(world, &server.id, &how[index(dice, 2)]);
    }
}

/// Undoes what keeps a group from having what it wants: locks, ignored deletes, stopped servers.
pub fn undo_all(world: &World) {
    for server in living(world) {
        for undo in [Outside::Unlock, Outside::Unprotect] {
            outside(world, &server.id, &undo);
        }
        if server.status == cloudsim::Status::Shutoff {
            outside(world, &server.id, &Outside::Start);
        }
    }
}

/// What servers carried before any tenant touched them, by their ids.
pub type Originals = Mutex<BTreeMap<String, BTreeMap<String, String>>>;

/// Replaces the metadata of a server, and puts back later what it was made with.
///
/// Not what it had before this edit: of two at once, the second would put back the first one's, and the server would never be known for ours again
/// (schedule 3001177).
pub async fn edit(
    world: &World,
    server: Option<Server>,
    items: BTreeMap<String, String>,
    lasts: Duration,
) {
    let Some(server) = server else { return };
    let original = {
        let mut originals = world
            .originals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let first = originals.entry(server.id.clone());
        first.or_insert(server.metadata).clone()
    };
    outside(world, &server.id, &Outside::Metadata { items });
    pause(world, lasts).await;
    let items = original;
    outside(world, &server.id, &Outside::Metadata { items });
}

async fn for_a_while(world: &World, dice: &Entropy, lasts: Duration, [on, off]: [Outside; 2]) {
    if let Some(server) = any(world, dice) {
        outside(world, &server.id, &on);
        pause(world, lasts).await;
        outside(world, &server.id, &off);
    }
}

/// A server of the tenant's own; it may look exactly like one of ours, but for who made it.
fn plant(world: &World, like: Option<&Server>, dice: &Entropy) {
    let project = like.map_or_else(
        || ["tenant-a", "tenant-b"][index(dice, 2)].to_owned(),
        |server| server.project.clone(),
    );
    let plant = Plant {
        user: format!("{project}-user"),
        project,
        name: like.map_or_else(|| "web".to_owned(), |server| server.name.clone()),
        metadata: like.map_or_else(BTreeMap::new, |server| server.metadata.clone()),
        tags: like.map_or_else(Vec::new, |server| server.tags.clone()),
        ..Plant::default()
    };
    let now_ms = world.sky.now_ms();
    if let Err(error) = world.sky.truth().plant(now_ms, plant) {
        unreachable!("the simulated cloud has its first region: {error}");
    }
}

/// Does something to a server that may be gone by now.
pub fn outside(world: &World, id: &str, what: &Outside) {
    // What was read before was read as it was then (schedule 1011924).
    world.checker.look();
    let now_ms = world.sky.now_ms();
    if let Err(error) = world.sky.truth().outside(now_ms, id, what) {
        unreachable!("servers are never forgotten: {error}");
    }
    tracing::debug!(at_ms = now_ms, server = id, ?what, "outside");
    world.checker.edited();
}

fn living(world: &World) -> Vec<Server> {
    let truth = world.sky.truth();
    let ours = |s: &&Server| s.user == USER && s.deleted.is_none();
    truth.living().filter(ours).cloned().collect()
}

fn any(world: &World, dice: &Entropy) -> Option<Server> {
    let mut living = living(world);
    (!living.is_empty()).then(|| living.swap_remove(index(dice, living.len())))
}

async fn pause(world: &World, time: Duration) {
    world.root.clock.sleep(time).await;
}
