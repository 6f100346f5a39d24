//! The scripts of directed schedules: each waits for its moment, does what the interleaving needs, and says whether it came about.

use std::sync::Arc;
use std::time::Duration;

use cloudsim::{Call, Outside, Server};
use domain::capacity::Size as Servers;
use domain::event::{Ask, Force};
use domain::group::{Group, Phase};
use domain::ids::GroupKey;
use domain::policy::Adjust;
use domain::slot::State;

use super::client::{Post, event, phase};
use super::directed::Case;
use super::strike::{Victim, Way};
use super::tenant::outside;
use super::wires::Cut;
use super::world::{USER, World};

/// How often a script looks whether what it waits for has come.
const LOOK: Duration = Duration::from_millis(50);
/// No script waits longer.
const PATIENCE: Duration = Duration::from_secs(50 * 60);

impl Case {
    /// Plays the script.
    pub async fn play(self, world: &Arc<World>, keys: &[GroupKey]) {
        let script = Script {
            world: Arc::clone(world),
            keys: keys.to_vec(),
        };
        match self {
            Self::H1 => script.h1().await,
            Self::H2 => script.h2().await,
            Self::H3 => script.h3().await,
            Self::H4 => script.h4().await,
            Self::H5 => script.h5().await,
            Self::H6 => script.h6().await,
            Self::H7 => script.h7().await,
            Self::H8 => script.h8().await,
            Self::Still => script.still().await,
            Self::Asleep => script.asleep().await,
            Self::Reopen => script.reopen().await,
            Self::Commits | Self::Cells | Self::Clones | Self::Crashes | Self::Late => {}
        }
    }
}

/// A script at work.
struct Script {
    world: Arc<World>,
    keys: Vec<GroupKey>,
}

impl Script {
    fn group(&self, n: usize) -> Arc<Group> {
        let found = self.world.store.group(&self.keys[n]);
        found.unwrap_or_else(|| unreachable!("the group was made"))
    }

    /// Waits until it holds; false when it does not come about.
    async fn until(&self, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let end = self.world.root.clock.mono() + PATIENCE;
        while !holds(self) {
            if self.world.root.clock.mono() >= end {
                return false;
            }
            self.world.root.clock.sleep(LOOK).await;
        }
        true
    }

    async fn wait(&self, seconds: u64) {
        self.world
            .root
            .clock
            .sleep(Duration::from_secs(seconds))
            .await;
    }

    async fn until_state(&self, is: impl Fn(&State) -> bool + Send) -> bool {
        self.until_state_of(0, is).await
    }

    async fn until_state_of(&self, n: usize, is: impl Fn(&State) -> bool + Send) -> bool {
        self.until(|s| {
            let group = s.group(n);
            let mut all = group.slots.open().chain(group.slots.ended());
            all.any(|slot| is(&slot.state))
        })
        .await
    }

    /// Asks for so many servers, by the first supervisor.
    fn want(&self, n: usize, id: &str, size: u32) {
        self.want_of(0, n, id, size);
    }

    /// The same by that supervisor.
    fn want_of(&self, owner: usize, n: usize, id: &str, size: u32) {
        let ask = Ask::Adjust(Adjust::Desired(Servers(size)));
        let post = Post {
            world: Arc::clone(&self.world),
            api: 0,
            owner,
            key: self.keys[n].clone(),
            event: event(&self.world, id, ask, Force::Gates),
            sent: 0,
        };
        let tasks = &self.world.root.tasks;
        drop(tasks.spawn("post", post.until_acknowledged()));
    }

    fn ours(&self) -> Vec<Server> {
        let now_ms = self.world.sky.now_ms();
        let mut truth = self.world.sky.truth();
        truth.advance(now_ms);
        truth
            .living()
            .filter(|s| s.user == USER && s.deleted.is_none())
            .cloned()
            .collect()
    }

    fn creates(&self) -> usize {
        self.world.sky.truth().counts().creates_by_tag.len()
    }

    /// The interleaving came about, or not.
    fn came(&self, whether: bool) {
        if whether {
            let what = "directed: the interleaving came about";
            self.world.checker.tally(what);
        }
    }

    async fn h1(&self) {
        self.want(0, "h1", 1);
        let executed = self.until(|s| !s.ours().is_empty()).await;
        self.world.kill_now(Victim::Worker(0));
        self.wait(2).await;
        self.world.revive(Victim::Worker(0));
        let doubt = |state: &State| matches!(state, State::InDoubt(..));
        self.came(executed && self.until_state(doubt).await);
    }

    async fn h2(&self) {
        // Only the first supervisor reaches the first worker, and no other worker offers it anything.
        let world = &self.world;
        for (worker, supervisor) in [("worker-0", "supervisor-1"), ("worker-1", "supervisor-0")] {
            let cut = Cut::between(worker, supervisor, Way::Both);
            world.wires.cut(&cut);
        }
        self.wait(20).await;
        self.want(0, "h2", 1);
        let issued = |state: &State| matches!(state, State::Issued(_));
        let came = self.until_state(issued).await;
        // The first supervisor waits for the store's answer, and the worker for the reply. The other one hears of the group, while the token lives: at its
        // next full pass that would have expired, and alone keep the call from beginning.
        self.want_of(1, 0, "h2-again", 1);
        let settled = |state: &State| matches!(state, State::Lapsed(..) | State::Failed(_));
        self.came(came && self.until_state(settled).await);
    }

    async fn h3(&self) {
        self.want(0, "h3", 1);
        let issued = |state: &State| matches!(state, State::Issued(_));
        let came = self.until_state(issued).await;
        let worker = self.chosen();
        self.wait(1).await;
        self.world.hold_still(Victim::Worker(worker), true);
        let replaced = self.until(|s| s.creates() > 0).await;
        self.wait(60).await;
        self.world.hold_still(Victim::Worker(worker), false);
        self.came(came && replaced && self.until(|s| s.creates() > 1).await);
    }

    /// The worker that the first group's slot was issued to.
    fn chosen(&self) -> usize {
        let group = self.group(0);
        let mut slots = group.slots.open();
        let second = slots.any(|slot| match &slot.state {
            State::Issued(issue) => issue.worker.as_str() == "worker-1",
            State::InDoubt(..)
            | State::Accepted(_)
            | State::Configuring(_)
            | State::Active(_)
            | State::Draining(_)
            | State::Deleting(..)
            | State::Surplus(_)
            | State::Failed(_)
            | State::Lapsed(..)
            | State::Gone(..) => false,
        });
        usize::from(second)
    }

    /// A group wants a server: waits until a worker has passed its last check and is about to send the create, and says which one.
    async fn in_a_call(&self, event: &str) -> (bool, Victim) {
        self.want(0, event, 1);
        let issued = |state: &State| matches!(state, State::Issued(_));
        let came = self.until_state(issued).await;
        let worker = Victim::Worker(self.chosen());
        self.wait(1).await;
        (came, worker)
    }

    async fn still(&self) {
        let (came, worker) = self.in_a_call("still").await;
        self.world.hold_still(worker, true);
        self.wait(60).await;
        for owner in 0..self.world.schedule.size.supervisors {
            self.world.jump(Victim::Supervisor(owner), 3_600_000);
        }
        // Still less than `quiesce` after the call was due: no doubt may have lapsed when it arrives.
        self.wait(100).await;
        self.world.hold_still(worker, false);
        self.came(came && self.until(|s| s.creates() == 1).await);
    }

    async fn asleep(&self) {
        let (came, worker) = self.in_a_call("asleep").await;
        self.world.hold_still(worker, true);
        let lapsed = |state: &State| matches!(state, State::Lapsed(..));
        let gave_up = self.until_state(lapsed).await;
        self.world.hold_still(worker, false);
        let late = |state: &State| matches!(state, State::Surplus(_) | State::Deleting(..));
        self.came(came && gave_up && self.until_state(late).await);
    }

    async fn reopen(&self) {
        let (came, worker) = self.in_a_call("reopen").await;
        let cut = Cut::of(self.world.name(worker), Way::Both);
        self.world.wires.cut(&cut);
        let made = self.until(|s| !s.ours().is_empty()).await;
        for server in self.ours() {
            let items = std::collections::BTreeMap::new();
            outside(&self.world, &server.id, &Outside::Metadata { items });
        }
        let served = |state: &State| matches!(state, State::Active(_));
        let replaced = self.until_state(served).await;
        // A paused group gives nothing up: what is bound now stays beyond its max.
        let key = &self.keys[0];
        phase(&self.world, key, Phase::Running, Phase::Paused).await;
        self.world.wires.mend(&cut);
        self.wait(60).await;
        phase(&self.world, key, Phase::Paused, Phase::Running).await;
        self.came(came && made && replaced);
    }

    async fn h4(&self) {
        self.want(0, "h4", 1);
        let lapsed = |state: &State| matches!(state, State::Lapsed(..));
        let late = |state: &State| matches!(state, State::Surplus(_) | State::Deleting(..));
        self.came(self.until_state(lapsed).await && self.until_state(late).await);
    }

    async fn h5(&self) {
        self.want(0, "h5-a", 1);
        self.want(1, "h5-b", 1);
        self.until(|s| {
            let both = [s.group(0), s.group(1)];
            both.iter().all(|g| g.slots.census().active.0 == 1)
        })
        .await;
        let servers = self.ours();
        let of = |n: usize| {
            let group = self.group(n);
            let tag = group.slots.open().next().map(|s| format!("as:{}", s.id));
            let has = |s: &&Server| tag.as_ref().is_some_and(|t| s.tags.contains(t));
            servers.iter().find(has).cloned()
        };
        let (Some(a), Some(b)) = (of(0), of(1)) else {
            return;
        };
        // B's server shows A's proof and tag, first while it is in service, then between the list that makes it a victim and the read before its
        // delete. With its own tag it would prove nothing (schedule 4008434).
        let edit = |like: &Server| {
            let (items, tags) = (like.metadata.clone(), like.tags.clone());
            outside(&self.world, &b.id, &Outside::Metadata { items });
            outside(&self.world, &b.id, &Outside::Tags { tags });
        };
        edit(&a);
        self.wait(300).await;
        edit(&b);
        // One owner goes on, so that the next list is its own.
        for worker in ["worker-0", "worker-1"] {
            let cut = Cut::between(worker, "supervisor-1", Way::Both);
            self.world.wires.cut(&cut);
        }
        self.wait(150).await;
        let lists = |s: &Self| {
            s.world
                .sky
                .peek()
                .counts()
                .by_call
                .get(&Call::List)
                .copied()
        };
        let before = lists(self);
        let listed = self.until(|s| lists(s) > before).await;
        // The list that the scale-in goes by has come; the read before the delete has not.
        self.wait(2).await;
        edit(&a);
        self.want(1, "h5-in", 0);
        let going = |state: &State| matches!(state, State::Deleting(..) | State::Gone(..));
        self.came(listed && self.until_state_of(1, going).await);
    }

    async fn h6(&self) {
        self.want(0, "h6", 1);
        let both = self.until(|s| s.ours().len() == 2).await;
        let Some(twin) = self.ours().pop() else {
            return;
        };
        let items = std::collections::BTreeMap::new();
        outside(&self.world, &twin.id, &Outside::Metadata { items });
        self.until(|s| s.group(0).slots.census().active.0 == 1)
            .await;
        self.want(0, "h6-in", 0);
        let gone = |state: &State| matches!(state, State::Gone(..));
        let ended = self.until_state(gone).await;
        let items = twin.metadata;
        outside(&self.world, &twin.id, &Outside::Metadata { items });
        self.came(both && ended && self.until(|s| s.ours().is_empty()).await);
    }

    async fn h7(&self) {
        self.want(0, "h7", 1);
        self.until(|s| !s.ours().is_empty()).await;
        for server in self.ours() {
            let items = std::collections::BTreeMap::new();
            outside(&self.world, &server.id, &Outside::Metadata { items });
        }
        let lapsed = |state: &State| matches!(state, State::Lapsed(..));
        let replaced = |state: &State| matches!(state, State::Active(_));
        let came = self.until_state(lapsed).await && self.until_state(replaced).await;
        self.came(came && self.ours().len() == 2);
    }

    async fn h8(&self) {
        self.want(0, "h8", 1);
        self.until(|s| !s.world.store.verdicts(&s.keys[0]).is_empty())
            .await;
        self.came(self.until(|s| !s.group(0).inbox.is_empty()).await);
        self.wait(120).await;
        self.want(0, "h8-next", 2);
    }
}
