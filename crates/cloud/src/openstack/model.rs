//! Rows of servers as Nova writes them: the few members that matter are read in place, all others are skipped.

use std::borrow::Cow;

use domain::evidence::{Fault, Status};
use domain::ids::ServerId;
use serde::Deserialize;

use super::{tag, text};
use crate::port::{Server, Token};
use crate::proof::{ProofKeys, Proven, Shown};

/// More rows than this are no list of one project's servers (safety S35).
pub(super) const ROWS_MAX: usize = 10_000;

#[derive(Deserialize)]
pub(super) struct Rows<'a> {
    #[serde(borrow)]
    pub(super) servers: Vec<Row<'a>>,
    #[serde(borrow, default)]
    servers_links: Vec<Link<'a>>,
}

impl Rows<'_> {
    /// Whether Nova says that there is more.
    pub(super) fn goes_on(&self) -> bool {
        self.servers_links.iter().any(|link| link.rel == "next")
    }
}

#[derive(Deserialize)]
pub(super) struct One<'a> {
    #[serde(borrow)]
    pub(super) server: Row<'a>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow)]
    rel: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    tenant_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    user_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow, default)]
    tags: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    fault: Option<FaultRow<'a>>,
    #[serde(borrow, default, rename = "OS-EXT-STS:task_state")]
    task: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default, rename = "as.v")]
    version: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "as.g")]
    group: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "as.s")]
    slot: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "as.n")]
    nonce: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "as.p")]
    mac: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct FaultRow<'a> {
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

impl Row<'_> {
    /// The row as the port shows it; none if its id is not one of Nova's.
    pub(super) fn server(&self, token: &Token, keys: &ProofKeys) -> Option<Server> {
        let id: ServerId = self.id.parse().ok()?;
        let status = self.status();
        let at_home = self.tenant_id.as_deref() == Some(token.project.as_str());
        let ours = at_home && self.user_id.as_deref() == Some(token.user.as_str());
        let proven = match &self.metadata {
            // Only a full row can say that a proof is missing: one of a dead cell carries no metadata at all.
            _ if status == Status::Unknown => Proven::Unreadable,
            None => Proven::Unreadable,
            Some(_) if !at_home => Proven::No,
            Some(metadata) => {
                let proven = keys.prove(&token.project, &metadata.shown());
                // Anybody can write a version onto a server of his own, which would then be waited for.
                let is_nobodys = matches!(proven, Proven::NoKey { .. }) && !ours;
                self.agreed(if is_nobodys { Proven::No } else { proven })
            }
        };
        Some(Server {
            id,
            proven,
            ours,
            status,
        })
    }

    /// What the metadata proves if the tags do not say otherwise. A tenant can put one server's metadata on another one of ours; the tag that it
    /// was made with then still names its own slot. Two marks that disagree prove nothing, so nobody binds or deletes it by either (simulator,
    /// schedule 4008434). No tag of ours says nothing: tools take tags off.
    fn agreed(&self, proven: Proven) -> Proven {
        let tags = self.tags.iter().flatten();
        let mut tagged = tags.filter_map(|text| tag::slot(text));
        match proven {
            Proven::Valid { slot, .. } if tagged.any(|other| other != slot) => Proven::No,
            Proven::Valid { .. } | Proven::No | Proven::NoKey { .. } | Proven::Unreadable => proven,
        }
    }

    fn status(&self) -> Status {
        if matches!(self.task.as_deref(), Some("deleting" | "soft-deleting")) {
            return Status::Leaving;
        }
        match &*self.status {
            "BUILD" => Status::Building,
            "ACTIVE" | "REBOOT" | "HARD_REBOOT" | "PASSWORD" | "MIGRATING" => Status::Up,
            "ERROR" => {
                let message = self.fault.as_ref().map_or("", |fault| &*fault.message);
                Status::Error(fault(message), text::clean(message))
            }
            "DELETED" | "SOFT_DELETED" => Status::Leaving,
            "UNKNOWN" => Status::Unknown,
            // SHUTOFF, PAUSED, SUSPENDED, SHELVED, SHELVED_OFFLOADED, RESCUE, RESIZE, VERIFY_RESIZE, REVERT_RESIZE, REBUILD: somebody
            // works on it. So is one whose word we do not know: it is there, and it is not deleted for what we do not understand.
            _ => Status::Held,
        }
    }
}

impl Metadata<'_> {
    fn shown(&self) -> Shown<'_> {
        Shown {
            version: self.version.as_deref(),
            group: self.group.as_deref(),
            slot: self.slot.as_deref(),
            nonce: self.nonce.as_deref(),
            mac: self.mac.as_deref(),
        }
    }
}

/// The kind of a build fault by its text, which is all that Nova gives (safety 2.2, lab).
pub(super) fn fault(message: &str) -> Fault {
    const CAPACITY: [&str; 8] = [
        "no valid host",
        "exhausted all hosts",
        "no fixed ip",
        "zero fixed ip",
        "no more fixed ip",
        "no more ip addresses",
        "insufficient compute resources",
        "no free port",
    ];
    let message = message.to_ascii_lowercase();
    if text::is_quota(&message) {
        Fault::Quota
    } else if CAPACITY.iter().any(|words| message.contains(words)) {
        Fault::NoCapacity
    } else {
        Fault::Other
    }
}

#[cfg(test)]
mod tests;
