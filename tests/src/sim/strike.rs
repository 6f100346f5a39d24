//! Faults by moment: what is done, to whom, when. They are what a failing run is minimised to.

use std::time::Duration;

use chassis::Entropy;

/// Something done at one moment. Its own details (which server, which group) are drawn from a stream named by `id`, so that taking one
/// strike away changes no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// Its number in the schedule, kept when others are taken away.
    pub id: usize,
    /// When, from the start of the run.
    pub at: Duration,
    /// What.
    pub blow: Blow,
}

/// A process that can be struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// A supervisor.
    Supervisor(usize),
    /// A worker.
    Worker(usize),
    /// An api.
    Api(usize),
}

/// Which messages of a process are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What others send to it.
    In,
    /// What it sends.
    Out,
    /// Both.
    Both,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// A process crashes at the n-th await from then, and starts again after some time.
    Crash(Victim, u64, Duration),
    /// A process stands still, and goes on as if nothing had happened.
    Pause(Victim, Duration),
    /// A process's wall clock jumps by so many ms.
    Jump(Victim, i64),
    /// A process's wall clock drifts by so many ms a second for some time.
    Drift(Victim, i64, Duration),
    /// A worker's whole machine crashes and starts again after some time: its begun-log proves nothing any more.
    Reboot(usize, Duration),
    /// A process is cut off one way or both for some time.
    Cut(Victim, Way, Duration),
    /// A worker's way to the cloud is cut for some time: its requests arrive, their answers do not, or neither.
    CutCloud(usize, Way, Duration),
    /// Swizzle-clog: some processes are clogged one by one and unclogged in another order; nothing is lost, all of it late.
    Swizzle(Duration),
    /// The store does not answer for some time.
    StoreOutage(Duration),
    /// The store is lost, and comes back as it was so long before.
    Restore(Duration),
    /// One cell of the cloud does not answer.
    DeadCell(Duration),
    /// So many of 1000 requests to the cloud fail with 500, 502 or 503, some of them executed.
    Brownout(u64, Duration),
    /// Every request to the cloud ends at something in front of it, which answers 404 with a page. Not drawn: `tests/it/sim.rs` strikes with it.
    Astray(Duration),
    /// So many of 1000 requests to the cloud are answered with 429 and Retry-After.
    Throttle(u64, Duration),
    /// So many of 1000 requests to the cloud hang.
    Hang(u64, Duration),
    /// The quota of every project is so many servers.
    Quota(u64, Duration),
    /// Every build ends in "No valid host".
    NoCapacity(Duration),
    /// Every token of our user is revoked.
    Revoke,
    /// Every token ends at once.
    Expire,
    /// A tenant makes a server of its own.
    Plant,
    /// A tenant makes a server with the name, tags and metadata of one of ours.
    Copy,
    /// The same, and then deletes the original.
    CloneAndDelete,
    /// A tenant takes our metadata off one of our servers, and puts it back later.
    Strip(Duration),
    /// A tenant copies the metadata of one of our servers onto another one of ours, and undoes it later.
    Borrow(Duration),
    /// A tenant renames one of our servers and removes its tags.
    Rename,
    /// A tenant locks one of our servers for some time.
    Lock(Duration),
    /// Deletes of one of our servers are ignored for some time.
    Protect(Duration),
    /// A tenant stops one of our servers for some time.
    Stop(Duration),
    /// A tenant deletes one of our servers.
    Delete,
    /// One of our servers goes to ERROR.
    Fail,
    /// The customer pauses a group for some time.
    PauseGroup(Duration),
    /// The customer changes the bounds of a group.
    Bounds(u32, u32),
    /// The customer deletes a group.
    DeleteGroup,
    /// An operator throws a kill switch for some time: which of the modes, and whether it holds everywhere.
    Switch(usize, bool, Duration),
}

/// Kinds of blows, each switched on or off by a seed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Crashes, and reboots of machines.
    Crash,
    /// Pauses.
    Pause,
    /// Wall clocks.
    Clock,
    /// One-way and two-way partitions.
    Cut,
    /// Swizzle-clog.
    Swizzle,
    /// The store.
    Store,
    /// Dead cells.
    Cell,
    /// Brownouts, throttling, hangs.
    Brownout,
    /// Quota and capacity.
    Quota,
    /// Tokens.
    Token,
    /// Foreign servers, copies of ours among them.
    Foreign,
    /// What tenants do to the metadata of our servers.
    Metadata,
    /// What else tenants do to our servers.
    Tenant,
    /// What customers do to groups.
    Customer,
    /// Kill switches.
    Switch,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Crash,
        Self::Pause,
        Self::Clock,
        Self::Cut,
        Self::Swizzle,
        Self::Store,
        Self::Cell,
        Self::Brownout,
        Self::Quota,
        Self::Token,
        Self::Foreign,
        Self::Metadata,
        Self::Tenant,
        Self::Customer,
        Self::Switch,
    ];
}

impl Blow {
    /// Whether it may meet projects too large for complete lists: there lists by tag decide, which an hour of a dead cell or a tenant who
    /// removes tags can mislead (design 4, rule 5; in a run that hour is 8 minutes), and only a complete list takes in what a backup lacks.
    #[must_use]
    pub const fn suits_large(&self) -> bool {
        !matches!(self, Self::DeadCell(_) | Self::Rename | Self::Restore(_))
    }

    /// Its word in counts and in minimised lists.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Crash(..) => "crash",
            Self::Pause(..) => "pause",
            Self::Jump(..) => "clock jump",
            Self::Drift(..) => "clock drift",
            Self::Reboot(..) => "machine reboot",
            Self::Cut(_, Way::Both, _) => "partition",
            Self::Cut(..) => "one-way partition",
            Self::CutCloud(..) => "cloud cut off",
            Self::Swizzle(_) => "swizzle-clog",
            Self::StoreOutage(_) => "store outage",
            Self::Restore(_) => "store restored from a backup",
            Self::DeadCell(_) => "dead cell",
            Self::Brownout(..) => "brownout",
            Self::Astray(_) => "requests led astray",
            Self::Throttle(..) => "throttling",
            Self::Hang(..) => "hangs",
            Self::Quota(..) => "quota",
            Self::NoCapacity(_) => "no capacity",
            Self::Revoke => "tokens revoked",
            Self::Expire => "tokens expired",
            Self::Plant => "foreign server",
            Self::Copy => "copy of a server",
            Self::CloneAndDelete => "clone, original deleted",
            Self::Strip(_) => "metadata stripped",
            Self::Borrow(_) => "metadata of another server",
            Self::Rename => "renamed, tags removed",
            Self::Lock(_) => "locked",
            Self::Protect(_) => "deletes ignored",
            Self::Stop(_) => "stopped",
            Self::Delete => "deleted by tenant",
            Self::Fail => "server in error",
            Self::PauseGroup(_) => "group paused",
            Self::Bounds(..) => "bounds changed",
            Self::DeleteGroup => "group deleted",
            Self::Switch(..) => "kill switch",
        }
    }
}

/// What a schedule allows its blows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Processes of each role.
    pub supervisors: usize,
    /// Processes of each role.
    pub workers: usize,
    /// Processes of each role.
    pub apis: usize,
    /// Longest pause of a worker: with the cloud's own lateness below `quiesce`, or far above it.
    pub worker_pause: Duration,
}

impl Limits {
    fn victim(&self, dice: &Entropy) -> Victim {
        match dice.below(9) {
            0..=3 => Victim::Supervisor(index(dice, self.supervisors)),
            4..=7 => Victim::Worker(index(dice, self.workers)),
            _ => Victim::Api(index(dice, self.apis)),
        }
    }

    /// A blow of a kind.
    pub(super) fn blow(&self, dice: &Entropy, kind: Kind) -> Blow {
        let minutes = |most: u64| dice.up_to(Duration::from_secs(most * 60));
        match kind {
            Kind::Crash => match dice.below(12) {
                0 => Blow::Reboot(index(dice, self.workers), minutes(2)),
                _ => Blow::Crash(self.victim(dice), dice.below(200), minutes(1)),
            },
            Kind::Pause => {
                let victim = self.victim(dice);
                let still = match victim {
                    Victim::Worker(_) => dice.up_to(self.worker_pause),
                    Victim::Supervisor(_) | Victim::Api(_) => minutes(8),
                };
                Blow::Pause(victim, still)
            }
            Kind::Clock => match dice.below(2) {
                0 => Blow::Jump(self.victim(dice), signed(dice, 3_600_000)),
                _ => Blow::Drift(self.victim(dice), signed(dice, 200), minutes(10)),
            },
            Kind::Cut => match dice.below(4) {
                0 => Blow::CutCloud(index(dice, self.workers), way(dice), minutes(3)),
                _ => Blow::Cut(self.victim(dice), way(dice), minutes(5)),
            },
            Kind::Swizzle => Blow::Swizzle(minutes(4)),
            Kind::Store => match dice.below(8) {
                0 => Blow::Restore(minutes(8)),
                _ => Blow::StoreOutage(dice.up_to(Duration::from_secs(90))),
            },
            Kind::Cell => Blow::DeadCell(minutes(15)),
            Kind::Brownout => match dice.below(3) {
                0 => Blow::Brownout(200 + dice.below(700), minutes(6)),
                1 => Blow::Throttle(100 + dice.below(600), minutes(6)),
                _ => Blow::Hang(100 + dice.below(500), minutes(3)),
            },
            Kind::Quota => match dice.below(2) {
                0 => Blow::Quota(1 + dice.below(8), minutes(8)),
                _ => Blow::NoCapacity(minutes(5)),
            },
            Kind::Token => match dice.below(3) {
                0 => Blow::Expire,
                _ => Blow::Revoke,
            },
            Kind::Foreign => match dice.below(4) {
                0 => Blow::Plant,
                1 | 2 => Blow::Copy,
                _ => Blow::CloneAndDelete,
            },
            Kind::Metadata => match dice.below(5) {
                0 | 1 => Blow::Strip(minutes(20)),
                2 | 3 => Blow::Borrow(minutes(20)),
                _ => Blow::Rename,
            },
            Kind::Tenant => match dice.below(6) {
                0 => Blow::Lock(minutes(10)),
                1 => Blow::Protect(minutes(10)),
                2 => Blow::Stop(minutes(10)),
                3 => Blow::Fail,
                _ => Blow::Delete,
            },
            Kind::Customer => match dice.below(8) {
                0 => Blow::DeleteGroup,
                1..=3 => Blow::PauseGroup(minutes(5)),
                _ => {
                    let min = narrow(dice.below(3));
                    Blow::Bounds(min, min + narrow(dice.below(7)))
                }
            },
            Kind::Switch => Blow::Switch(index(dice, 5), dice.below(2) == 0, minutes(5)),
        }
    }
}

fn way(dice: &Entropy) -> Way {
    match dice.below(3) {
        0 => Way::In,
        1 => Way::Out,
        _ => Way::Both,
    }
}

fn signed(dice: &Entropy, most: u64) -> i64 {
    let most = i64::try_from(most).unwrap_or(0);
    i64::try_from(dice.below(u64::try_from(2 * most + 1).unwrap_or(1))).unwrap_or(0) - most
}

/// One of so many, from 0.
pub(super) fn index(dice: &Entropy, count: usize) -> usize {
    usize::try_from(dice.below(u64::try_from(count).unwrap_or(0))).unwrap_or(0)
}

pub(super) fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
