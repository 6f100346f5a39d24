//! Directed schedules: the eight interleavings of safety 6.1, one each, and a few weathers in which rare rules are needed often.

use std::sync::Arc;
use std::time::Duration;

use chassis::Entropy;
use cloudsim::{Call, Fault, Outside, Pick, Planned, Server, Span};
use domain::capacity::Size as Servers;
use domain::event::{Ask, Force};
use domain::group::Group;
use domain::ids::GroupKey;
use domain::policy::Adjust;
use domain::slot::State;

use super::client::{Post, event};
use super::faults::Slow;
use super::schedule::{CloudFaults, NetFaults, Regime, Schedule, Size, StoreFaults};
use super::strike::{Victim, Way};
use super::tenant::outside;
use super::wires::Cut;
use super::world::{USER, World};

/// One directed schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// Begun, executed, the worker dies, its successor is asked to void it.
    H1,
    /// An owner commits an operation and stands still; another one settles it; the first wakes and hands it out.
    H2,
    /// A worker passes its checks and stands still until its token is dead.
    H3,
    /// A create executes after its slot lapsed.
    H4,
    /// A tenant copies the metadata of one of our servers onto another one.
    H5,
    /// Something repeats a create; the twin shows up when the first is gone.
    H6,
    /// A create executes, its answer is lost, and the tenant strips the server.
    H7,
    /// An event is decided while its double goes to the inbox.
    H8,
    /// Random: two owners, and a store that often gives no clear answer.
    Commits,
    /// Random: dead cells, and creates whose answers are lost.
    Cells,
    /// Random: copies of our servers, and creates whose answers are lost.
    Clones,
    /// Random: workers that die, and replies that are replayed.
    Crashes,
    /// Random: creates that execute long after they were lost.
    Late,
}

/// How often a script looks whether what it waits for has come.
const LOOK: Duration = Duration::from_millis(50);
/// No script waits longer.
const PATIENCE: Duration = Duration::from_secs(50 * 60);

impl Case {
    /// The eight interleavings.
    pub const INTERLEAVINGS: [Self; 8] = [
        Self::H1,
        Self::H2,
        Self::H3,
        Self::H4,
        Self::H5,
        Self::H6,
        Self::H7,
        Self::H8,
    ];

    /// Whether it is a script; else it is a weather over ordinary customers.
    #[must_use]
    pub fn is_script(self) -> bool {
        Self::INTERLEAVINGS.contains(&self)
    }

    /// Least and most servers of every group.
    #[must_use]
    pub const fn bounds(self) -> Option<(u32, u32)> {
        match self {
            Self::H1 | Self::H3 | Self::H4 | Self::H7 => Some((0, 1)),
            Self::H2 | Self::H5 | Self::H6 | Self::H8 => Some((0, 2)),
            Self::Commits | Self::Cells | Self::Clones | Self::Crashes | Self::Late => None,
        }
    }

    /// What happens to single requests.
    #[must_use]
    pub fn planned(self) -> Vec<Planned> {
        let fault = match self {
            Self::H1 => Fault::AnswerLate {
                by: Span::exactly(20_000),
            },
            Self::H4 => Fault::LoseThenExecute {
                by: Span::exactly(400_000),
            },
            Self::H6 => Fault::Twice,
            Self::H7 => Fault::LoseAnswer,
            Self::H2
            | Self::H3
            | Self::H5
            | Self::H8
            | Self::Commits
            | Self::Cells
            | Self::Clones
            | Self::Crashes
            | Self::Late => return Vec::new(),
        };
        vec![Planned {
            pick: Pick::nth(Call::Create, 1),
            fault,
        }]
    }

    /// Whose commits are slow.
    #[must_use]
    pub fn slow(self) -> Vec<Slow> {
        let s = Duration::from_secs;
        match self {
            // Committed, and not yet known to be: here the owner stands still.
            Self::H2 => vec![("supervisor-0", Duration::ZERO, s(3))],
            // The owner commits after the api stopped waiting for it, the api after that.
            Self::H8 => vec![
                ("supervisor", Duration::from_millis(2_500), Duration::ZERO),
                ("api", s(3), Duration::ZERO),
            ],
            Self::H1
            | Self::H3
            | Self::H4
            | Self::H5
            | Self::H6
            | Self::H7
            | Self::Commits
            | Self::Cells
            | Self::Clones
            | Self::Crashes
            | Self::Late => Vec::new(),
        }
    }

    /// How long a create takes to connect.
    #[must_use]
    pub fn connect(self) -> Duration {
        Duration::from_secs(if self == Self::H3 { 2 } else { 0 })
    }

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
            Self::Commits | Self::Cells | Self::Clones | Self::Crashes | Self::Late => {}
        }
    }
}

impl Schedule {
    /// A directed schedule.
    #[must_use]
    pub fn directed(case: Case, seed: u64) -> Self {
        if case.is_script() {
            Self::scripted(case, seed)
        } else {
            Self::weather(case, seed)
        }
    }

    fn scripted(case: Case, seed: u64) -> Self {
        let groups = if case == Case::H5 { 2 } else { 1 };
        let regime = if matches!(case, Case::H3 | Case::H4) {
            Regime::Above
        } else {
            Regime::Below
        };
        Self {
            seed,
            regime,
            size: Size {
                supervisors: 2,
                workers: if case == Case::H1 { 1 } else { 2 },
                apis: 2,
                groups,
                polls: 1,
                cells: 1,
            },
            foul: Duration::from_secs(50 * 60),
            fair: Duration::from_secs(30 * 60),
            pace: Duration::from_secs(60),
            soft_delete: Duration::ZERO,
            large: false,
            net: NetFaults::default(),
            store: StoreFaults::default(),
            cloud: CloudFaults::default(),
            strikes: Vec::new(),
            case: Some(case),
        }
    }

    fn weather(case: Case, seed: u64) -> Self {
        use super::strike::Kind;
        let mut s = Self::of(seed);
        let dice = Entropy::stream(seed, "weather");
        s.case = Some(case);
        s.large = false;
        s.regime = Regime::Below;
        s.cloud.late_ms_max = 90_000;
        let kinds: &[Kind] = match case {
            Case::Commits => {
                let some = || 40 + dice.below(120);
                s.store = StoreFaults {
                    applied: some(),
                    dropped: some(),
                    late: some(),
                    surfacing: some(),
                    unavailable: 150,
                    stale: 100,
                };
                s.net.lost = 120;
                s.pace = Duration::from_secs(20);
                &[Kind::Crash, Kind::Pause]
            }
            Case::Cells => {
                s.size.cells = 2;
                s.cloud.lost_answers = 250;
                &[Kind::Cell, Kind::Foreign, Kind::Cell, Kind::Crash]
            }
            Case::Clones => {
                s.cloud.lost_answers = 300;
                &[Kind::Foreign, Kind::Metadata, Kind::Foreign]
            }
            Case::Crashes => {
                s.net.replayed = 150;
                s.net.doubled = 100;
                s.cloud.lost_answers = 200;
                &[Kind::Crash, Kind::Crash, Kind::Pause]
            }
            Case::Late => {
                s.regime = Regime::Above;
                s.cloud.late = 250;
                s.cloud.late_ms_max = 600_000;
                &[Kind::Pause, Kind::Token, Kind::Clock, Kind::Clock]
            }
            Case::H1
            | Case::H2
            | Case::H3
            | Case::H4
            | Case::H5
            | Case::H6
            | Case::H7
            | Case::H8 => &[],
        };
        s.strike_with(&dice, kinds);
        s
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
        let ask = Ask::Adjust(Adjust::Desired(Servers(size)));
        let post = Post {
            world: Arc::clone(&self.world),
            api: 0,
            owner: 0,
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
        world.hold_still(Victim::Supervisor(0), true);
        let settled = |state: &State| matches!(state, State::Lapsed(..) | State::Failed(_));
        self.came(came && self.until_state(settled).await);
        self.wait(30).await;
        world.hold_still(Victim::Supervisor(0), false);
    }

    async fn h3(&self) {
        self.want(0, "h3", 1);
        let issued = |state: &State| matches!(state, State::Issued(_));
        let came = self.until_state(issued).await;
        let worker = {
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
        };
        self.wait(1).await;
        self.world.hold_still(Victim::Worker(worker), true);
        let replaced = self.until(|s| s.creates() > 0).await;
        self.wait(60).await;
        self.world.hold_still(Victim::Worker(worker), false);
        self.came(came && replaced && self.until(|s| s.creates() > 1).await);
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
        // B's server shows A's proof, first while it is in service, then between the commit of its delete and the last look before it.
        let edit = |items: &std::collections::BTreeMap<String, String>| {
            let items = items.clone();
            outside(&self.world, &b.id, &Outside::Metadata { items });
        };
        edit(&a.metadata);
        self.wait(300).await;
        edit(&b.metadata);
        self.wait(150).await;
        let workers = [Victim::Worker(0), Victim::Worker(1)];
        let going = |state: &State| matches!(state, State::Deleting(..) | State::Gone(..));
        self.want(1, "h5-in", 0);
        // The owner waits for a list, which the workers make; they stand still from the moment of its commit.
        let came = self.until_state_of(1, going).await;
        for worker in workers {
            self.world.hold_still(worker, true);
        }
        edit(&a.metadata);
        self.wait(2).await;
        for worker in workers {
            self.world.hold_still(worker, false);
        }
        self.came(came);
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
