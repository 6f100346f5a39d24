//! From a worker to a supervisor: "here is what I could do right now", answered with operations; and what came of them.
//!
//! Safety lies in four rules (design 4): an operation travels only in the reply to the poll whose permit it was committed against; it must be
//! begun within the begin window counted from the *start* of that poll on the worker's own clock; it names the incarnation that may begin it;
//! and the worker marks a create in its begun-log just before it sends.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::control::Switch;
use domain::evidence::{Extent, Row};
use domain::home::Claim;
use domain::ids::{
    ColoId, GroupId, GroupKey, HomeEpoch, Incarnation, Nonce, OpId, ServerId, SlotId, TenantId,
    WorkerName,
};
use domain::settle::Outcome;
use domain::trace::Trace;
use domain::turn::ProbeTurn;

/// A worker's offer, held open by the supervisor for at most `wait`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Who offers.
    pub worker: WorkerName,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// How many creates it can begin right now.
    pub creates: u32,
    /// How many other calls (deletes, reads, lists, sign-ins) it can begin right now.
    pub others: u32,
    /// Tenants for which it holds a token, each with the longest time that token can still live. A create is issued only for these.
    pub tokens: BTreeMap<TenantId, Duration>,
    /// How long to hold the offer when there is nothing to do: at most 5 s.
    pub wait: Duration,
}

/// One operation: already committed where that matters, to be tried once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// For correlation.
    pub id: OpId,
    /// Whose servers.
    pub key: Subject,
    /// What to do.
    pub call: Call,
    /// The trace of the event that it is for, if one watches it.
    pub trace: Option<Trace>,
}

/// Whom an operation is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// One group.
    Group(GroupKey),
    /// All groups of a tenant.
    Tenant(TenantId),
}

impl Subject {
    /// Whose servers.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        match self {
            Self::Group(GroupKey { tenant, .. }) | Self::Tenant(tenant) => tenant,
        }
    }
}

/// What a worker can be asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// One create call for a slot that the ledger has Issued to this incarnation.
    Create(Box<CreateCall>),
    /// Read the server, verify that it is ours for that slot, delete it.
    Delete {
        /// The slot that it is bound to.
        slot: SlotId,
        /// The slot whose proof it must show.
        proof: SlotId,
        /// The server.
        server: ServerId,
        /// Before what.
        priority: Priority,
    },
    /// Say whether the create of this slot was ever begun by that incarnation, this one or a dead one with the same host lock; if not, make sure it never is.
    Void {
        /// The slot.
        slot: SlotId,
        /// The incarnation that it was issued to.
        incarnation: Incarnation,
    },
    /// Read one bound server.
    Read {
        /// The slot.
        slot: SlotId,
        /// The server.
        server: ServerId,
    },
    /// List the tenant's servers.
    List,
    /// List by the tag of one slot (projects too large for a complete list).
    ListTagged {
        /// The slot.
        slot: SlotId,
    },
    /// Have a token for the tenant, so that the next offers can name it.
    SignIn,
    /// Say whether the tenant can use what a launch configuration names.
    LookUp(Names),
}

/// What a launch configuration names. Both are put into paths as they are ([`Names::safe`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The flavor's id.
    pub flavor: String,
    /// The image's id; none where the server boots from a volume.
    pub image: Option<String>,
}

impl Names {
    /// Names that a cloud can be asked about; none if one of them may be no id (an address, say), and would be another path.
    #[must_use]
    pub fn safe(flavor: &str, image: Option<&str>) -> Option<Self> {
        let is_id = |id: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            !id.is_empty() && id.len() <= 255 && id.bytes().all(plain) && !id.starts_with('.')
        };
        let ids = is_id(flavor) && image.is_none_or(is_id);
        ids.then(|| Self {
            flavor: flavor.to_owned(),
            image: image.map(str::to_owned),
        })
    }
}

/// What the cloud says of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookedUp {
    /// Of the flavor.
    pub flavor: Found,
    /// Of the image, if one was named.
    pub image: Option<Found>,
}

/// What the cloud says of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Servers can be made with it.
    Usable,
    /// It is there, and no server can be made with it now.
    Inactive,
    /// It is not there, or not for this tenant.
    Missing,
}

/// The order of work inside a budget (design 7), most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Settling doubts.
    Doubt,
    /// Deletes that a user asked for.
    UserDelete,
    /// Groups below min.
    BelowMin,
    /// Scaling out.
    ScaleOut,
    /// Rolling work.
    Rolling,
    /// Everything else.
    Housekeeping,
}

/// A create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCall {
    /// The slot.
    pub slot: SlotId,
    /// The slot's nonce.
    pub nonce: Nonce,
    /// The launch configuration's body.
    pub launch: Arc<[u8]>,
    /// Metadata that v1.0 clients look for.
    pub labels: BTreeMap<String, String>,
    /// Before what.
    pub priority: Priority,
}

/// What came of an operation; repeated until a supervisor has it. Applying it twice changes nothing twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The operation.
    pub op: OpId,
    /// Whom it was for.
    pub key: Subject,
    /// Who tried.
    pub worker: WorkerName,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// What came of it.
    pub result: Done,
    /// As the operation had it, from the span in which it was carried out.
    pub trace: Option<Trace>,
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Of a create, delete or void.
    Slot {
        /// The slot.
        slot: SlotId,
        /// What happened.
        outcome: Outcome,
    },
    /// Of a list.
    Listed {
        /// How long before this report was first sent the list was begun, at most; the receiver counts back from receipt.
        age: Duration,
        /// Whether absence proves anything.
        extent: Extent,
        /// Rows that concern us: of our user, or with our proof for any group, or UNKNOWN; others are counted only.
        rows: Vec<Row>,
        /// How many further rows the list had, of no concern to us.
        others: u32,
    },
    /// Of a read of one server.
    Read {
        /// The slot.
        slot: SlotId,
        /// As in `Listed`.
        age: Duration,
        /// The row, if the server is there.
        row: Option<Row>,
    },
    /// Of a sign-in: done, or not for this long.
    SignedIn(Result<(), Wait>),
    /// Of a look-up. It is worth what it is worth now, so it is not kept until somebody acknowledges that it is durable.
    LookedUp(LookedUp),
    /// Nothing was done and nothing is known: no budget, no token, no answer. Ask again after this.
    Nothing(Wait),
}

/// Nothing before this time has passed, and why, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// How long.
    pub after: Duration,
    /// Why, without secrets, at most 512 bytes.
    pub why: String,
}

/// A worker says every second that it lives, and how the cloud fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who.
    pub worker: WorkerName,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// How the cloud fares, as this worker sees it.
    pub fares: Fares,
    /// What it read of the fence of its colo last; none: nothing yet, or the colo has one control plane only.
    pub fence: Option<FenceRead>,
}

/// What a worker read of the key pairs by which control planes claim a colo (safety 3.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FenceRead {
    /// The highest claim.
    pub claim: Claim,
    /// How long before this heartbeat was sent the read began, at most; the receiver counts back from receipt.
    pub age: Duration,
}

/// How a cloud fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fares {
    /// Well.
    Well,
    /// It answers again, and is asked little.
    Recovering,
    /// It fails: nothing but probes.
    Failing,
}

/// What holds for a worker's calls from now on, until the next heartbeat is answered (safety 3.11). A worker that has had no answer for 4 s
/// begins nothing that changes the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orders {
    /// The colo that the supervisor works for.
    pub colo: ColoId,
    /// The kill switches that stand, expired ones left out.
    pub switches: Vec<Switch>,
    /// The worker's share of the colo's budget, in thousandths, for 10 s. None: it is another supervisor that deals the shares, and says whose
    /// turn it is.
    pub share: Option<u32>,
    /// Its turn among those that probe a failing cloud; none: it may not.
    pub turn: Option<ProbeTurn>,
    /// Whether another worker's probe was answered.
    pub answered: bool,
    /// The epoch of the colo that the worker is to claim for its control plane, by making its key pair (safety 3.10); none: none.
    pub claim: Option<HomeEpoch>,
}

/// Why a supervisor did not take an offer or a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpsError {
    /// No answer, or it could not be made durable: try again, here or at another supervisor.
    #[error("the supervisor cannot be reached or cannot write")]
    Unreachable,
    /// The supervisor is going away: offer elsewhere.
    #[error("the supervisor is draining")]
    Draining,
    /// The caller may not do this.
    #[error("refused")]
    Refused,
}

/// Port from workers to a supervisor.
#[async_trait]
pub trait Ops: Debug + Send + Sync {
    /// Offers capacity and waits for operations. All of them must be begun within the begin window from the start of this call, or reported
    /// as not begun. If the reply is lost, the supervisor treats what it handed out as in doubt until the incarnation voids it.
    async fn poll(&self, offer: Offer) -> Result<Vec<Op>, OpsError>;

    /// Reports what came of operations, and gives the places of those to be said again. All others are durable, or already known, or of no
    /// interest: stop repeating. The answer comes within a moment, whatever ails single groups.
    ///
    /// # Errors
    /// It is not known of any of them whether it is durable: all are to be said again.
    async fn report(&self, reports: Vec<Report>) -> Result<Vec<usize>, OpsError>;

    /// Says that the worker lives, and asks what holds for its calls. Answered at once, from memory: also when the store is gone.
    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<Orders, OpsError>;
}

/// Names a group in logs of operations.
#[must_use]
pub const fn group_of(subject: &Subject) -> Option<GroupId> {
    match subject {
        Subject::Group(key) => Some(key.id),
        Subject::Tenant(_) => None,
    }
}
