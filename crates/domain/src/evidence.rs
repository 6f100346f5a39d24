//! What lists of servers prove (safety 3.6, design 4): adopt, lapse, release, surplus, gone, active, failed builds.
//!
//! Positive evidence may come from any answer; negative evidence only from a complete list. An owner that weighs evidence gathered
//! while the cloud's breaker was not closed must hand it over as [`Extent::Partial`] (safety 3.6).

mod adopt;
mod around;
mod due;
mod health;
mod lapse;
mod reads;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use around::Around;
pub use due::{DeleteCall, VoidCall, Wake};
pub(crate) use due::{LOCKED_AGAIN, UNCLEAR_AGAIN};
pub(crate) use lapse::overdue;
pub use reads::ReadCall;
pub use watch::Watch;
pub(crate) use watch::{Look, Track};

use crate::draft::Draft;
use crate::ids::{GroupId, ServerId, SlotId};
use crate::mutant::{self, Mutant};
use crate::slot::is_handed_back;
use crate::time::Mono;

/// One look at a tenant's servers through the tenant's own project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// When the request was sent at the latest before: on the owner's monotonic clock, so never later than the true start.
    pub began: Mono,
    /// Whether absence in it proves anything.
    pub extent: Extent,
    /// The slot whose tag the list was filtered by, or whose server was read: such an answer proves nothing about other slots.
    pub about: Option<SlotId>,
    /// Rows.
    pub rows: Vec<Row>,
    /// Servers that the answer shows, whether a row of theirs is here or not: rows that concern other groups are left out. Whose server it is
    /// an owner may be wrong about, when another owner bound it; that it is there, it is not.
    pub shown: Arc<BTreeSet<ServerId>>,
}

/// Whether absence from a list proves anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Unpaged, unfiltered, no next link, microversion 2.69 or later: may confirm absence, except of uuids shown as UNKNOWN elsewhere.
    Complete,
    /// Something may be missing: only what it shows counts. A read of one server is such a list too.
    Partial,
    /// Filtered by our tag, from a project too large for a complete list: consistently empty for 60 min it lapses a doubt (rule 5).
    Tagged,
    /// Filtered by our tag, and not read to its end: only what it shows counts.
    TaggedInPart,
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
    /// SHUTOFF, PAUSED, SUSPENDED, SHELVED, RESCUE, RESIZE, `VERIFY_RESIZE`: somebody holds it.
    Held,
    /// DELETED or `SOFT_DELETED`, or a delete task runs.
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

/// What a weighing found that is no slot's business, for people to look at. Nothing in here is ever deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Servers of our service user without a valid proof that no slot of this group holds (interleaving H7 of safety 6.1). They may
    /// be held by a group of the tenant that the owner does not know of: the caller subtracts those.
    pub disowned: Vec<ServerId>,
    /// Servers with a valid proof for a slot of this group that the ledger did not have: the owner's view is old, or the ledger was
    /// restored from a backup (safety 3.5). A complete list gives them their slots back, and the group pauses.
    pub strays: Vec<ServerId>,
    /// Servers that were bound to a slot in doubt.
    pub adopted: Vec<(SlotId, ServerId)>,
    /// Servers that showed up late or twice, with their new slots.
    pub surplus: Vec<(SlotId, ServerId)>,
    /// A server was not bound because it may have a role in a group that another owner changed: the caller reads all groups of the tenant
    /// ([`Around::read_all`]) and then has a list made.
    pub unsure: bool,
}

/// One weighing: the listing, what else is known, and what was found so far.
pub(crate) struct Scale<'a> {
    listing: &'a Listing,
    around: &'a Around,
    spare: &'a mut dyn FnMut() -> SlotId,
    /// The slot that each server has a role in; of several the open one.
    roles: BTreeMap<ServerId, SlotId>,
    /// Slots whose proof a server without another role showed in this listing.
    claimed: Vec<SlotId>,
    report: Report,
}

impl Scale<'_> {
    /// Whether a server without a known role has none.
    fn knows_roles(&self) -> bool {
        self.around.knows_roles(self.listing.began) || mutant::on(Mutant::AdoptTaken)
    }

    /// The same of a server that shows up late or twice, by the proof of this slot.
    fn knows_role_of(&self, server: ServerId, slot: SlotId) -> bool {
        let began = self.listing.began;
        self.around.knows_role_of(server, slot, began) || mutant::on(Mutant::AdoptTaken)
    }
}

/// Weighs a listing. Weighing the same listing twice changes nothing more.
///
/// `around` is what the owner knows of the tenant's project beyond this group. `spare` gives ids for the slots of surplus servers,
/// from the shell's randomness; it is asked once per such server. Rows are weighed in order of uuid, so that of several candidates
/// the lowest is bound. Source: design 4, safety 3.6.
pub fn weigh(
    draft: &mut Draft<'_>,
    watch: &mut Watch,
    listing: &Listing,
    around: &Around,
    spare: &mut dyn FnMut() -> SlotId,
) -> Report {
    watch.sync(draft.group(), draft.now().mono);
    watch.listed(listing);
    let mut scale = Scale {
        listing,
        around,
        spare,
        roles: roles(draft),
        claimed: Vec::new(),
        report: Report::default(),
    };
    let mut rows: Vec<&Row> = listing.rows.iter().collect();
    rows.sort_by_key(|row| row.server);
    if mutant::on(Mutant::AdoptHighest) {
        rows.reverse();
    }
    for row in rows {
        if open_role(draft, &scale, row).is_none() {
            adopt::place(draft, watch, &mut scale, row);
        }
        // What was bound just now is observed at once: it may be up, or failed, already.
        if let Some(id) = open_role(draft, &scale, row) {
            adopt::recall(draft, &mut scale, (id, row));
            health::observe(draft, watch, listing, (id, row));
        }
    }
    health::miss(draft, watch, listing);
    lapse::weigh(draft, watch, &scale);
    adopt::complete(draft, watch, &scale);
    scale.report
}

/// The open slot that this row's server is bound to.
fn open_role(draft: &Draft<'_>, scale: &Scale<'_>, row: &Row) -> Option<SlotId> {
    let id = *scale.roles.get(&row.server)?;
    draft
        .slot(id)
        .filter(|slot| slot.state.is_open())
        .map(|slot| slot.id)
}

fn roles(draft: &Draft<'_>) -> BTreeMap<ServerId, SlotId> {
    let mut roles = BTreeMap::new();
    for slot in draft.ended().chain(draft.open()) {
        let Some(server) = slot.state.server() else {
            continue;
        };
        // What was handed back to its owner stays so, whatever else shows that uuid.
        let kept = roles
            .get(&server)
            .and_then(|id| draft.slot(*id))
            .is_some_and(|slot| is_handed_back(&slot.state));
        if !kept {
            roles.insert(server, slot.id);
        }
    }
    roles
}

#[cfg(test)]
mod tests;
