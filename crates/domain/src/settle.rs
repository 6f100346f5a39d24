//! What a call's outcome makes of its slot (every row of safety 2.2).

use std::time::Duration;

use crate::draft::Draft;
use crate::ids::{ServerId, SlotId};
use crate::slot::{DoubtWhy, FailWhy};

/// What happened to an operation, as the worker classified it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Create: 202 with an id.
    Created(ServerId),
    /// Create: proved not executed.
    NotCreated(FailWhy),
    /// Create: refused by throttling, proved not executed; nothing before this time.
    Throttled(Duration),
    /// Create: nobody knows.
    Unknown(DoubtWhy),
    /// Void: the call never began and never will (only the incarnation itself, or a successor with its host lock and no mark).
    Voided,
    /// Void: the call is marked as begun, by this or a dead incarnation; it may have been executed.
    Begun,
    /// Delete: 204.
    DeleteAccepted(ServerId),
    /// Delete or read: 404.
    NotFound(ServerId),
    /// Delete: 409, the server is locked.
    Locked(ServerId),
    /// Delete: no sure answer; sent again later.
    DeleteUnclear(ServerId),
    /// Delete: the fresh read did not show our proof, user or project: no call was made.
    NotOurs(ServerId),
}

/// Moves the slot as the outcome says. Idempotent by (slot, outcome): a report that comes twice or late changes nothing twice.
pub fn settle(
    _draft: &mut Draft<'_>,
    _watch: &mut crate::evidence::Watch,
    _slot: SlotId,
    _outcome: &Outcome,
) {
}
