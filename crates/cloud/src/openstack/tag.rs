//! The tag that a server is made with: it names its slot (safety 3.7), and lists can be filtered by it.

use domain::ids::SlotId;

/// What our tags begin with; a customer's own tags that do are left out at the create.
pub(super) const PREFIX: &str = "as:";

/// The tag of a slot's server.
pub(super) fn of(slot: SlotId) -> String {
    format!("{PREFIX}{slot}")
}

/// The slot that a tag names; none if it is not one of ours.
pub(super) fn slot(tag: &str) -> Option<SlotId> {
    tag.strip_prefix(PREFIX)?.parse().ok()
}
