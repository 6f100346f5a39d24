//! Proof of ownership: a MAC in the server's metadata, and the token that only its verifier makes (safety 3.7, design 4).

use domain::ids::{GroupId, ServerId, SlotId};

/// What a row's metadata proves, checked against the row's own project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proven {
    /// A valid proof for this slot of this group.
    Valid {
        /// The group.
        group: GroupId,
        /// The slot.
        slot: SlotId,
    },
    /// No proof, or one that does not verify here.
    No,
    /// The row carries no metadata (status UNKNOWN).
    Unreadable,
}

/// A server that a fresh read (at most 60 s ago) has shown to be ours: valid proof for that very slot, our service user, the right project.
/// Only [`verify`] makes it, and a delete needs it; both factors of design 4 thus hold for every delete.
#[derive(Debug)]
pub struct Owned {
    server: ServerId,
}

impl Owned {
    /// The server.
    #[must_use]
    pub const fn server(&self) -> ServerId {
        self.server
    }
}

/// Checks a freshly read server against what the ledger says is bound: none if it is not provably ours for that slot.
#[must_use]
pub fn verify(
    fresh: &crate::port::Server,
    bound: ServerId,
    group: GroupId,
    slot: SlotId,
) -> Option<Owned> {
    let proven = fresh.proven == Proven::Valid { group, slot };
    (proven && fresh.ours && fresh.id == bound).then_some(Owned { server: bound })
}
