//! What lists of servers prove (safety 3.6, design 4): adopt, lapse, release, surplus, gone, active, failed builds.
//! Positive evidence may come from any answer; negative evidence only from a complete list.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::draft::Draft;
use crate::ids::{GroupId, ServerId, SlotId};
use crate::time::Mono;

/// One look at a tenant's servers through the tenant's own project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// When the request was sent at the latest before: on the owner's monotonic clock, so never later than the true start.
    pub began: Mono,
    /// Whether absence in it proves anything.
    pub extent: Extent,
    /// Rows.
    pub rows: Vec<Row>,
}

/// Whether absence from a list proves anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Unpaged, unfiltered, no next link, microversion 2.69 or later: may confirm absence, except of uuids shown as UNKNOWN elsewhere.
    Complete,
    /// Something may be missing: only what it shows counts.
    Partial,
    /// Filtered by our tag, from a project too large for a complete list: consistently empty for 60 min it lapses a doubt (rule 5).
    Tagged,
}

/// One row of a listing, its proof already checked by the worker, which holds the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The server.
    pub server: ServerId,
    /// What its metadata proves.
    pub proof: Proof,
    /// Whether its `user_id` is our service user.
    pub ours: bool,
    /// What the cloud says of it.
    pub status: Status,
}

/// What a server's metadata proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A valid MAC for that slot of that group in this project.
    Valid {
        /// The group.
        group: GroupId,
        /// The slot.
        slot: SlotId,
    },
    /// No proof, or one that does not verify.
    None,
    /// The row carries no metadata (UNKNOWN: its cell is down). Proves nothing either way.
    Unreadable,
}

/// What the cloud says of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// BUILD.
    Building,
    /// ACTIVE (also REBOOT, PASSWORD, ... : up).
    Up,
    /// ERROR, with the kind of fault and its text.
    Error(Fault, String),
    /// SHUTOFF, PAUSED, SUSPENDED, SHELVED, RESCUE, RESIZE, VERIFY_RESIZE: somebody holds it.
    Held,
    /// DELETED or SOFT_DELETED, or a delete task runs.
    Leaving,
    /// UNKNOWN: its cell is down.
    Unknown,
}

/// Kinds of build faults (safety 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// No valid host, ports or addresses.
    NoCapacity,
    /// Quota, found out late.
    Quota,
    /// Anything else.
    Other,
}

/// Durations of the rules, from configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// After this a call that began is presumed executed or dead: 180 s.
    pub quiesce: Duration,
    /// A worker must begin an op within this from the start of its poll: 10 s.
    pub begin: Duration,
    /// A call's own time-out, after which its report is due: 35 s.
    pub call: Duration,
    /// How long a dead token may still be honoured by caches: 360 s.
    pub token_cache: Duration,
    /// Least time between two lists that count as two: 30 s for a lapse.
    pub apart: Duration,
    /// A doubt in a project too large for complete lists lapses after this: 60 min.
    pub tagged_lapse: Duration,
    /// A list that chooses victims must have begun within this: 60 s.
    pub victim_seen: Duration,
    /// Time to wait for another try at a delete: 10 min.
    pub delete_again: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            quiesce: Duration::from_secs(180),
            begin: Duration::from_secs(10),
            call: Duration::from_secs(35),
            token_cache: Duration::from_secs(360),
            apart: Duration::from_secs(30),
            tagged_lapse: Duration::from_secs(3600),
            victim_seen: Duration::from_secs(60),
            delete_again: Duration::from_secs(600),
        }
    }
}

/// What an owner remembers of a group besides the ledger. Lost with the process; a successor starts anew, which only makes it wait.
#[derive(Debug, Clone)]
pub struct Watch {
    /// The rules.
    pub rules: Rules,
    /// When this owner began to watch the group.
    pub began: Mono,
    tracks: BTreeMap<SlotId, Track>,
}

/// What an owner remembers of one slot.
#[derive(Debug, Clone, Default)]
struct Track {}

impl Watch {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new(rules: Rules, began: Mono) -> Self {
        Self {
            rules,
            began,
            tracks: BTreeMap::new(),
        }
    }
}

/// Weighs a listing. Weighing the same listing twice changes nothing more.
pub fn weigh(_draft: &mut Draft<'_>, _watch: &mut Watch, _listing: &Listing) {}
