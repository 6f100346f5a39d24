//! One server, as the cloud truly has it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::faults::BuildError;

/// A server that is or was.
#[derive(Debug, Clone, Serialize)]
pub struct Server {
    /// Id (a UUID in its text form).
    pub id: String,
    /// Name.
    pub name: String,
    /// Region.
    pub region: String,
    /// Project id.
    pub project: String,
    /// Id of the user who created it; nobody can change it.
    pub user: String,
    /// The cell it lives in; `None` before it is scheduled, and when it never was.
    pub cell: Option<u32>,
    /// Nova's status.
    pub status: Status,
    /// Nova's task state.
    pub task: Option<&'static str>,
    /// Why it is in ERROR.
    pub fault: Option<ServerFault>,
    /// Metadata as it is now.
    pub metadata: BTreeMap<String, String>,
    /// Tags as they are now.
    pub tags: Vec<String>,
    /// What its create call asked for; `None` if it was planted.
    pub asked: Option<Asked>,
    /// Flavor id.
    pub flavor: String,
    /// Image id, empty when booted from a volume.
    pub image: String,
    /// Availability zone.
    pub zone: String,
    /// Key pair.
    pub key_name: Option<String>,
    /// Description (microversion 2.19).
    pub description: Option<String>,
    /// Name of the network it has an address in.
    pub network: Option<String>,
    /// Its address, once it is active.
    pub address: Option<String>,
    /// Locked against changes by its owner.
    pub locked: bool,
    /// Whether deletes are answered and ignored (`disable_terminate`).
    pub protected: bool,
    /// Whether it uses quota: from being written to its cell until it is gone.
    pub counted: bool,
    /// When the create executed.
    pub created_ms: u64,
    /// When it last changed.
    pub updated_ms: u64,
    /// When it became ACTIVE.
    pub active_ms: Option<u64>,
    /// Its end: set when a delete is accepted, by whomever.
    pub deleted: Option<Deletion>,
}

/// What a create call asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// Number of the request in the log.
    pub request: u64,
    /// Tags it was created with.
    pub tags: Vec<String>,
    /// Metadata it was created with, if it was changed since (else it is the server's).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
}

/// The end of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Deletion {
    /// When the delete was accepted.
    pub at_ms: u64,
    /// From when on it is no longer shown; `None` while it still is.
    pub gone_ms: Option<u64>,
    /// By which path.
    pub by: DeletedBy,
}

/// By which path a server was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedBy {
    /// A DELETE call: the number of the request in the log.
    Api(u64),
    /// Somebody outside: [`Outside::Delete`] or [`Outside::Vanish`].
    Outside,
}

/// Why a server is in ERROR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerFault {
    /// Code.
    pub code: u16,
    /// Text.
    pub message: String,
    /// When.
    #[serde(skip)]
    pub at_ms: u64,
}

/// Nova's status of a server, as far as it happens here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// On its way.
    Build,
    /// Runs.
    Active,
    /// Failed.
    Error,
    /// Stopped.
    Shutoff,
    /// Paused.
    Paused,
    /// Suspended.
    Suspended,
    /// Being rebuilt.
    Rebuild,
    /// Deleted, and can be brought back for a while.
    SoftDeleted,
    /// Gone; only lists with `changes-since` show it.
    Deleted,
}

impl Status {
    /// As Nova writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "BUILD",
            Self::Active => "ACTIVE",
            Self::Error => "ERROR",
            Self::Shutoff => "SHUTOFF",
            Self::Paused => "PAUSED",
            Self::Suspended => "SUSPENDED",
            Self::Rebuild => "REBUILD",
            Self::SoftDeleted => "SOFT_DELETED",
            Self::Deleted => "DELETED",
        }
    }

    /// Nova's `vm_state`.
    pub(crate) fn vm_state(self) -> &'static str {
        match self {
            Self::Build => "building",
            Self::Active | Self::Rebuild => "active",
            Self::Error => "error",
            Self::Shutoff => "stopped",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::SoftDeleted => "soft-delete",
            Self::Deleted => "deleted",
        }
    }

    /// Nova's `power_state`.
    pub(crate) fn power_state(self) -> u8 {
        match self {
            Self::Build | Self::Error | Self::Deleted => 0,
            Self::Active | Self::Rebuild => 1,
            Self::Paused => 3,
            Self::Shutoff | Self::Suspended | Self::SoftDeleted => 4,
        }
    }
}

/// What others than we do to a server: its owner, an administrator, bad luck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outside {
    /// It fails: status ERROR.
    Error {
        /// What its fault says.
        reason: BuildError,
    },
    /// Deleted as by a DELETE call.
    Delete,
    /// Gone at once (a host died and the provider cleaned up).
    Vanish,
    /// Stopped: SHUTOFF.
    Stop,
    /// Started again, from any state: ACTIVE.
    Start,
    /// Paused.
    Pause,
    /// Locked.
    Lock,
    /// Unlocked.
    Unlock,
    /// Deletes are answered with 204 and ignored.
    Protect,
    /// Deletes work again.
    Unprotect,
    /// Metadata replaced.
    Metadata {
        /// All of it.
        items: BTreeMap<String, String>,
    },
    /// Tags replaced.
    Tags {
        /// All of them.
        tags: Vec<String>,
    },
    /// Renamed.
    Rename {
        /// The new name.
        name: String,
    },
}

/// A server that was there before, or that somebody else makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plant {
    /// Region; the first if empty.
    pub region: String,
    /// Project id.
    pub project: String,
    /// User id.
    pub user: String,
    /// Name.
    pub name: String,
    /// Metadata, perhaps copied from a server of ours.
    pub metadata: BTreeMap<String, String>,
    /// Tags, likewise.
    pub tags: Vec<String>,
    /// Whether it is still building, for ever.
    pub stuck: bool,
}

impl BuildError {
    /// Code and text of the server's fault.
    pub(crate) fn text(self) -> (u16, &'static str) {
        match self {
            Self::NoValidHost => (
                500,
                "No valid host was found. There are not enough hosts available.",
            ),
            Self::NoFixedIps => (
                500,
                "Build of instance aborted: Failed to allocate the network(s) with error No fixed IP addresses available for network: 22222222-2222-4222-8222-222222222222, not rescheduling.",
            ),
            Self::BuildFailed => (
                500,
                "Build of instance aborted: the hypervisor could not start the domain",
            ),
            Self::Quota => (
                413,
                "Quota exceeded for instances: Requested 1, but already used all instances",
            ),
        }
    }
}
