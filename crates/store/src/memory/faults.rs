//! What may go wrong in the store in memory, decided call by call by whoever tests.

use std::fmt::Debug;
use std::time::Duration;

use domain::ids::GroupKey;

use crate::group::Level;

/// One call, as the planner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// The caller's name, as it was given to [`super::Memory::handle`].
    pub caller: &'a str,
    /// What is called.
    pub what: What,
    /// The group, if it is about one.
    pub key: Option<&'a GroupKey>,
}

/// Kinds of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// `Groups::create`.
    Create,
    /// `Groups::commit`.
    Commit,
    /// `Groups::read`.
    Read(Level),
    /// `Groups::verdict` and `Groups::verdicts`.
    Verdicts,
    /// `Groups::records`.
    Records(Level),
    /// `Groups::of_tenant` and `Groups::all`.
    List,
    /// `Launches`.
    Launches,
    /// `Hints`.
    Hints,
    /// `Journal`.
    Journal,
    /// `Controls`.
    Controls,
    /// `Notes`.
    Notes,
    /// `Inputs`.
    Inputs,
    /// `Members`.
    Members,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Time until the store takes the call up. A caller that dies meanwhile has changed nothing.
    pub before: Duration,
    /// What the store does with it.
    pub fate: Fate,
    /// Time until the answer arrives. A caller that dies meanwhile may have changed something.
    pub after: Duration,
}

impl Plan {
    /// At once and without a fault.
    pub const CLEAN: Self = Self {
        before: Duration::ZERO,
        fate: Fate::Done,
        after: Duration::ZERO,
    };

    /// At once: no answer and nothing done, or without a fault.
    #[must_use]
    pub const fn unavailable_if(is_away: bool) -> Self {
        Self {
            fate: if is_away {
                Fate::Unavailable
            } else {
                Fate::Done
            },
            ..Self::CLEAN
        }
    }
}

/// What the store does with one call. A fate that does not fit the call (a lost read) means `Unavailable` for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// What it should.
    Done,
    /// Nothing; the caller is told that the store is not available.
    Unavailable,
    /// Create, commit: it is tried now, and the answer is `Unknown`.
    Lost,
    /// Create, commit: it never happens, and the answer is `Unknown`.
    Dropped,
    /// Create, commit: the answer is `Unknown`, and it is tried after this time, whatever its caller does then. No serial read
    /// sees it before.
    Late(Duration),
    /// Create, commit: the answer is `Unknown`, and it is tried just before the next create or commit of the group, under that
    /// attempt (safety 3.3: a minority accepted it). No serial read sees it before.
    Surfacing,
    /// Relaxed read: this many revisions old, or as old as the store remembers. A serial read is not stale.
    Stale(usize),
}

/// Plans what happens to each call.
pub trait Faults: Debug + Send + Sync {
    /// Asked once for each call, in the order of the calls.
    fn plan(&self, call: Call<'_>) -> Plan;
}

/// Nothing ever goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct None;

impl Faults for None {
    fn plan(&self, _call: Call<'_>) -> Plan {
        Plan::CLEAN
    }
}
