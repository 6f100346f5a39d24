//! One server leaves because a caller named it (contract 3.7).

use crate::draft::Draft;
use crate::ids::{ServerId, SlotId};
use crate::outbox;
use crate::slot::{DeleteWhy, Move, Slot};

/// What becomes of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purge {
    /// It is deleted.
    Delete,
    /// It is handed back: it lives on, and is never ours again.
    Keep,
}

/// What becomes of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// Desired stays: another server takes the place.
    Refill,
    /// Desired is one less.
    Shrink,
}

/// Why nobody was removed; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRemoved {
    /// No server in service or on its way in has this id.
    #[error("no such server in this group")]
    NotFound,
    /// The group would fall below its min.
    #[error("the group is at its min")]
    BelowMin,
}

/// Sends one server on its way out. A missing server is said before a group that is too small (contract row B184).
///
/// # Errors
/// [`NotRemoved`].
pub fn remove(
    draft: &mut Draft<'_>,
    server: ServerId,
    purge: Purge,
    replace: Replace,
) -> Result<(), NotRemoved> {
    let slot = find(draft, server).ok_or(NotRemoved::NotFound)?;
    if replace == Replace::Shrink {
        if draft.state.desired <= draft.limits().min() {
            return Err(NotRemoved::BelowMin);
        }
        draft.state.desired = draft.state.desired.offset(-1);
    }
    let first = match purge {
        Purge::Delete => Move::Drain,
        Purge::Keep => Move::HandBack,
    };
    let left = draft.step(slot, first);
    left.map_err(|_illegal| NotRemoved::NotFound)?;
    // The customer's before-delete steps hold it first, if there are any.
    if purge == Purge::Delete && !outbox::holds(draft, slot) {
        draft.try_step(slot, Move::Delete(DeleteWhy::ScaleIn));
    }
    Ok(())
}

fn find(draft: &Draft<'_>, server: ServerId) -> Option<SlotId> {
    let is_it = |slot: &&Slot| {
        slot.state.is_wanted() && slot.state.server() == Some(server) && !slot.flags.disowned
    };
    draft.open().find(is_it).map(|slot| slot.id)
}

#[cfg(test)]
mod tests;
