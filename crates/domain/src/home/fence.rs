//! The worker's side of the fence: whether a call that changes the cloud may be made now (safety 3.10).

use std::time::Duration;

use super::Claim;
use crate::ids::{HomeEpoch, PlaneName};
use crate::time::Mono;

/// A call that changes the cloud is begun only within this from the beginning of a good read (safety 3.10).
pub const STALE: Duration = Duration::from_secs(20);

/// What a worker knows of the fence of its colo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fence {
    /// The colo has one control plane: nothing is read, and nothing is held back.
    #[default]
    Off,
    /// It may have another.
    On {
        /// The plane that the worker works for.
        own: PlaneName,
        /// A call may be begun within this from the beginning of a good read.
        stale: Duration,
        /// The highest epoch that was ever read, and when the last good read began.
        seen: Option<(Claim, Mono)>,
    },
}

/// Why nothing that changes the cloud may be begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing was read yet.
    #[error("the key pairs of the colo were not read yet")]
    Unread,
    /// The last good read is too old: somebody else may have taken over meanwhile.
    #[error("the key pairs of the colo were last read {} ms ago", .0.as_millis())]
    Stale(Duration),
    /// Another control plane has the colo.
    #[error("another control plane has the colo: epoch {} is of {}", .0.epoch, .0.plane.as_ref().map_or("nobody", PlaneName::as_str))]
    Superseded(Claim),
    /// The call is for an epoch that is not the present one.
    #[error("the call is of epoch {asked}, and the colo is at epoch {present}")]
    Epoch {
        /// Of the call.
        asked: HomeEpoch,
        /// Of the colo.
        present: HomeEpoch,
    },
}

impl Fence {
    /// A fence of which nothing is known yet.
    #[must_use]
    pub const fn new(own: PlaneName, stale: Duration) -> Self {
        Self::On {
            own,
            stale,
            seen: None,
        }
    }

    /// Takes in the highest claim that a read showed. False: it is lower than one that was read before, so somebody deleted a key pair; that read
    /// counts for nothing, and what is known grows old.
    pub fn read(&mut self, highest: Claim, began: Mono) -> bool {
        let Self::On { seen, .. } = self else {
            return true;
        };
        match seen {
            Some((known, _)) if highest.epoch < known.epoch => false,
            // A read that was overtaken by a later one.
            Some((known, at)) if highest.epoch == known.epoch && began < *at => true,
            _ => {
                *seen = Some((highest, began));
                true
            }
        }
    }

    /// The highest claim, if the read that showed it is fresh.
    #[must_use]
    pub fn fresh(&self, now: Mono) -> Option<&Claim> {
        match self {
            Self::Off => None,
            Self::On { stale, seen, .. } => seen
                .as_ref()
                .filter(|(_, began)| now.since(*began) <= *stale)
                .map(|(claim, _)| claim),
        }
    }

    /// Whether a call that changes the cloud may be begun now, for groups of that epoch if it is for one.
    ///
    /// # Errors
    /// [`Refusal`]: it must not.
    pub fn allows(&self, epoch: Option<HomeEpoch>, now: Mono) -> Result<(), Refusal> {
        let Self::On { own, stale, seen } = self else {
            return Ok(());
        };
        let (claim, began) = seen.as_ref().ok_or(Refusal::Unread)?;
        if !claim.is_of(own) {
            return Err(Refusal::Superseded(claim.clone()));
        }
        let age = now.since(*began);
        if age > *stale {
            return Err(Refusal::Stale(age));
        }
        match epoch {
            Some(asked) if asked != claim.epoch => Err(Refusal::Epoch {
                asked,
                present: claim.epoch,
            }),
            Some(_) | None => Ok(()),
        }
    }
}
