//! Directed schedules: the eight interleavings of safety 6.1, one each, and a few weathers in which rare rules are needed often.

use std::time::Duration;

use chassis::Entropy;
use cloudsim::{Call, Fault, Pick, Planned, Span};

use super::faults::Slow;
use super::schedule::{CloudFaults, NetFaults, Regime, Schedule, Size, StoreFaults};

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
    /// A worker stands still between its mark and its call for less than `quiesce`, and the wall clocks of all owners jump by an hour meanwhile.
    Still,
    /// A worker stands still between its mark and its call until the slot has lapsed.
    Asleep,
    /// A worker hears 202 and can tell nobody until its slot has lapsed, was released and another server has its place; the tenant hid the first.
    Reopen,
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

impl Case {
    /// The eight interleavings, and the other scripts.
    pub const SCRIPTS: [Self; 11] = [
        Self::H1,
        Self::H2,
        Self::H3,
        Self::H4,
        Self::H5,
        Self::H6,
        Self::H7,
        Self::H8,
        Self::Still,
        Self::Asleep,
        Self::Reopen,
    ];

    /// Whether it is a script; else it is a weather over ordinary customers.
    #[must_use]
    pub fn is_script(self) -> bool {
        Self::SCRIPTS.contains(&self)
    }

    /// Least and most servers of every group.
    #[must_use]
    pub const fn bounds(self) -> Option<(u32, u32)> {
        match self {
            Self::H1
            | Self::H3
            | Self::H4
            | Self::H7
            | Self::Still
            | Self::Asleep
            | Self::Reopen => Some((0, 1)),
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
            | Self::Still
            | Self::Asleep
            | Self::Reopen
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
            // Committed, and not known to be until another owner has settled it. The owner itself lives, and its worker's orders are fresh.
            Self::H2 => vec![("supervisor-0", Duration::ZERO, s(360))],
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
            | Self::Still
            | Self::Asleep
            | Self::Reopen
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
        let slow = matches!(self, Self::H3 | Self::Still | Self::Asleep | Self::Reopen);
        Duration::from_secs(if slow { 2 } else { 0 })
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
        let regime = if matches!(case, Case::H3 | Case::H4 | Case::Asleep) {
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
            | Case::H8
            | Case::Still
            | Case::Asleep
            | Case::Reopen => &[],
        };
        s.strike_with(&dice, kinds);
        s
    }
}
