//! The one way to change a group: read, decide, commit under guard; again on a conflict; find out by nonce what is unclear (safety 3.3).
//!
//! ```text
//! read ─► decide ─► commit ─┬─ Applied ──────────────────────────────────────────────► the group with the change folded in
//!           ▲               ├─ Conflict ─► (serial read) ─┬─ an outstanding nonce shows ► the group as read: it was ours
//!           └───────────────┤◄────────────────────────────┘
//!                           └─ Unknown ─► nonce stays outstanding ─► wait ─► serial read ─► the same question
//! ```
//! All outstanding nonces of one call were tried at one revision `n`, so one question settles them: whose nonce does the commit
//! record at `n + 1` carry? While there is no such record, each of them can still be applied, and the next attempt at `n` races them.

use std::time::Duration;

use chassis::Process;
use domain::group::{Change, Group};
use domain::ids::{EventId, Fence, GroupKey, Nonce, Rev};
use domain::mutant::{Rule, off};

use crate::Error;
use crate::group::{Committed, Conflict, Groups, Guard, Level};

/// Attempts to commit before an answer is given up. Two parties change a group (api and owner), so a call rarely loses twice.
const ATTEMPTS_MAX: u32 = 16;
/// Reads that may fail in a row while an unclear commit is being settled.
const READS_MAX: u32 = 4;
/// Longest wait before another attempt after a lost race, times the attempt's number: full jitter lets one of two racers through.
const BACKOFF_STEP: Duration = Duration::from_millis(2);

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
    /// Others kept changing the group (bounded attempts), or it is under a higher fence: a newer owner has it.
    #[error("others keep changing the group")]
    Contended,
}

impl<E> Refused<E> {
    /// The kind of it, for metrics and traces.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Decision(_) => "refused",
            Self::Missing => "missing",
            Self::Store(_) => "store",
            Self::Unknown => "unknown",
            Self::Contended => "contended",
        }
    }
}

/// What was found when the decision ran: the group, and the events of the caller that turned out to have verdicts already.
#[derive(Debug)]
pub struct View<'g> {
    /// The group, as committed.
    pub group: &'g Group,
    /// Events that the store refused because they have verdicts; the decision must leave them out and take them from the inbox.
    pub decided: &'g [EventId],
}

/// Runs `decide` on the group and commits what it returns; `None` commits nothing.
///
/// `cached` is a group the caller believes current (an owner's); it is used for the first attempt and replaced by the result.
/// `decide` may run several times.
///
/// `fence` is the epoch under which the caller owns the group; `Fence(0)` is for those who own nothing (the api): they write the
/// fence that they read. One commit is one round trip when `cached` is current. After `Ok`, act on what the returned group and its
/// verdicts say, not on what `decide` put aside while it ran: when an answer was lost, the change of an *earlier* run may be the one
/// that counts. After an error, `cached` is gone: read again.
///
/// # Errors
/// [`Refused`] says why nothing was committed; only `Unknown` leaves that open. Dropping the future leaves it open too.
#[expect(
    clippy::too_many_arguments,
    reason = "the five things a commit needs, and the decision; a struct of borrowed parts would only rename them"
)]
pub async fn apply<E>(
    process: &Process,
    groups: &dyn Groups,
    key: &GroupKey,
    fence: Fence,
    cached: Option<Group>,
    mut decide: impl FnMut(View<'_>) -> Result<Option<Change>, E> + Send,
) -> Result<Group, Refused<E>> {
    let mut attempts = Attempts::new(process, groups, key);
    let mut decided = Vec::new();
    let mut group = match cached {
        Some(group) => group,
        None => attempts.read().await?,
    };
    for attempt in 1..=ATTEMPTS_MAX {
        let fence = if fence == Fence(0) {
            group.fence
        } else {
            fence
        };
        if group.fence > fence && !off(Rule::FenceRead) {
            return Err(attempts.give_up(Refused::Contended));
        }
        let view = View {
            group: &group,
            decided: &decided,
        };
        let change = match decide(view) {
            Ok(Some(change)) => change,
            Ok(None) if attempts.outstanding.is_empty() => return Ok(group),
            Ok(None) => return Err(Refused::Unknown),
            Err(refusal) => return Err(attempts.give_up(Refused::Decision(refusal))),
        };
        let rev = group.rev;
        match attempts.commit(Guard { rev, fence }, &change).await? {
            Committed::Applied => {
                group.fold(change, fence);
                return Ok(group);
            }
            Committed::Unknown if off(Rule::ActAfterCommit) => {
                group.fold(change, fence);
                return Ok(group);
            }
            Committed::Conflict(Conflict::Missing) => return Err(Refused::Missing),
            Committed::Conflict(Conflict::Decided(ids)) if attempts.outstanding.is_empty() => {
                decided.extend(ids);
                continue;
            }
            Committed::Conflict(Conflict::Decided(ids)) => decided.extend(ids),
            Committed::Conflict(Conflict::Moved | Conflict::Exists) => {
                attempts.back_off(attempt).await
            }
            Committed::Unknown => process.clock.sleep(groups.unclear_for()).await,
        }
        match attempts.settle(rev).await? {
            Settled::Ours(group) => return Ok(group),
            Settled::Open(found) => group = found,
        }
    }
    Err(attempts.give_up(Refused::Contended))
}

/// There is a group of that id already, and it is not the one that this call made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the group exists already")]
pub struct AlreadyExists;

/// Creates a group from `group` (at revision 0) and its first change, and settles an unclear answer as [`apply`] does.
///
/// # Errors
/// [`Refused::Decision`] with [`AlreadyExists`] if the id is taken; otherwise as for [`apply`].
pub async fn create(
    process: &Process,
    groups: &dyn Groups,
    mut group: Group,
    first: Change,
) -> Result<Group, Refused<AlreadyExists>> {
    let key = group.key.clone();
    let mut attempts = Attempts::new(process, groups, &key);
    for _ in 1..=ATTEMPTS_MAX {
        let nonce = attempts.nonce();
        match groups.create(&group, &first, nonce).await {
            Ok(Committed::Applied) => {
                let fence = group.fence;
                group.fold(first, fence);
                return Ok(group);
            }
            Ok(Committed::Conflict(_)) if attempts.outstanding.is_empty() => {
                return Err(Refused::Decision(AlreadyExists));
            }
            Ok(Committed::Conflict(_)) => {}
            Ok(Committed::Unknown) => {
                attempts.outstanding.push(nonce);
                process.clock.sleep(groups.unclear_for()).await;
            }
            Err(error) => return Err(attempts.give_up(Refused::Store(error))),
        }
        match attempts.settle(Rev(0)).await {
            Ok(Settled::Ours(group)) => return Ok(group),
            Ok(Settled::Open(_)) => return Err(Refused::Decision(AlreadyExists)),
            Err(Refused::Missing) => {}
            Err(refused) => return Err(refused),
        }
    }
    Err(attempts.give_up(Refused::Contended))
}

/// What became of the outstanding attempts.
enum Settled {
    /// One of them was applied: this is the group with it.
    Ours(Group),
    /// None of them shows: this is the group as it is; what is outstanding at its revision still is.
    Open(Group),
}

/// The attempts of one call.
struct Attempts<'a> {
    process: &'a Process,
    groups: &'a dyn Groups,
    key: &'a GroupKey,
    outstanding: Vec<Nonce>,
}

impl<'a> Attempts<'a> {
    const fn new(process: &'a Process, groups: &'a dyn Groups, key: &'a GroupKey) -> Self {
        Self {
            process,
            groups,
            key,
            outstanding: Vec::new(),
        }
    }

    fn nonce(&self) -> Nonce {
        Nonce::from_u128(self.process.entropy.u128())
    }

    /// `refused`, unless an attempt is outstanding: then nothing can be said.
    fn give_up<E>(&self, refused: Refused<E>) -> Refused<E> {
        if self.outstanding.is_empty() {
            refused
        } else {
            Refused::Unknown
        }
    }

    async fn read<E>(&self) -> Result<Group, Refused<E>> {
        match self.groups.read(self.key, Level::Serial).await {
            Ok(Some(group)) => Ok(group),
            Ok(None) => Err(Refused::Missing),
            Err(error) => Err(self.give_up(Refused::Store(error))),
        }
    }

    async fn commit<E>(&mut self, guard: Guard, change: &Change) -> Result<Committed, Refused<E>> {
        let nonce = self.nonce();
        match self.groups.commit(self.key, guard, change, nonce).await {
            Ok(committed) => {
                if committed == Committed::Unknown {
                    if off(Rule::OutstandingNonces) {
                        self.outstanding.clear();
                    }
                    self.outstanding.push(nonce);
                }
                Ok(committed)
            }
            Err(error) => Err(self.give_up(Refused::Store(error))),
        }
    }

    async fn back_off(&self, attempt: u32) {
        // The first lost race is tried again at once: the winner is done.
        if attempt > 1 {
            let wait = self.process.entropy.up_to(BACKOFF_STEP * attempt);
            self.process.clock.sleep(wait).await;
        }
    }

    /// Reads until the store answers, and looks whether one of the outstanding attempts at `rev` was applied.
    async fn settle<E>(&mut self, rev: Rev) -> Result<Settled, Refused<E>> {
        let mut failures = 0;
        loop {
            match self.look(rev).await {
                Ok(Some(settled)) => return Ok(settled),
                Ok(None) => return Err(Refused::Missing),
                Err(error) => {
                    failures += 1;
                    if failures == READS_MAX || self.outstanding.is_empty() {
                        return Err(self.give_up(Refused::Store(error)));
                    }
                    self.process.clock.sleep(self.groups.unclear_for()).await;
                }
            }
        }
    }

    async fn look(&mut self, rev: Rev) -> Result<Option<Settled>, Error> {
        let Some(group) = self.groups.read(self.key, Level::Serial).await? else {
            return Ok(None);
        };
        if group.rev == rev || self.outstanding.is_empty() {
            return Ok(Some(Settled::Open(group)));
        }
        let next = self
            .groups
            .records(self.key, Some(rev.next()), 1, Level::Serial)
            .await?;
        let ours = next
            .iter()
            .any(|r| r.rev == rev.next() && self.outstanding.contains(&r.nonce))
            || off(Rule::SuccessByNonce);
        // Another commit took the revision, so what was tried at it can not be applied any more.
        self.outstanding.clear();
        Ok(Some(if ours {
            Settled::Ours(group)
        } else {
            Settled::Open(group)
        }))
    }
}

#[cfg(test)]
mod tests;
