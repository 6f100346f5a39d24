//! A colo that several control planes may serve (safety 3.10, ADR 0020): what the one at hand may do with the store, and what they tell each other.
//!
//! Every group has a partition for each epoch of its colo. A plane sees and writes those of its own epoch only, and none while it does not serve, so
//! what a plane that was superseded still writes never meets what its successor wrote. Whose an epoch is, the colo's Nova says; here it is only
//! *published*, one row an epoch, written once by whoever won it: nothing has to be agreed upon between data centres.

mod follow;
mod groups;
mod members;
mod rows;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::home::Act;
use domain::ids::{HomeEpoch, PlaneName};

use crate::{Error, Stores};

pub use follow::follow;
pub use rows::{Published, Wish};

/// What a process may do with groups.
#[derive(Debug, Clone, Default)]
pub enum Home {
    /// Everything: its colo has one control plane.
    #[default]
    Only,
    /// What the plane may that it works for.
    Shared(Shared),
}

/// One of several control planes. Cheap to clone; every clone is the same.
#[derive(Debug, Clone)]
pub struct Shared {
    plane: PlaneName,
    epoch: Arc<AtomicU64>,
    status: Arc<Mutex<Status>>,
    raw: Arc<Stores>,
}

/// What a control plane knows of its colo, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// What it does about it; none: it has not looked yet.
    pub act: Option<Act>,
    /// Who has the highest epoch, as far as is known here.
    pub holder: Option<domain::home::Claim>,
    /// How long the beat of that plane has stood still.
    pub silent: std::time::Duration,
    /// How old the newest read of the key pairs is; none: there is none that is fresh.
    pub read: Option<std::time::Duration>,
}

/// No epoch: it does not serve.
const NONE: u64 = u64::MAX;

/// Why a store refuses what it could do.
#[derive(Debug, thiserror::Error)]
#[error("this control plane does not serve the colo")]
struct NotServing;

impl Home {
    /// The epoch of the groups that are served here; none: none are. With one control plane it is the first.
    #[must_use]
    pub fn epoch(&self) -> Option<HomeEpoch> {
        match self {
            Self::Only => Some(HomeEpoch(0)),
            Self::Shared(shared) => shared.epoch(),
        }
    }

    /// Whether groups of that epoch are served here.
    #[must_use]
    pub fn is_current(&self, epoch: HomeEpoch) -> bool {
        match self {
            Self::Only => true,
            Self::Shared(shared) => shared.epoch() == Some(epoch),
        }
    }

    /// Whether groups are served here at all.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.epoch().is_some()
    }

    /// The plane that this process works for, if its colo has several.
    #[must_use]
    pub const fn shared(&self) -> Option<&Shared> {
        match self {
            Self::Only => None,
            Self::Shared(shared) => Some(shared),
        }
    }
}

impl Shared {
    /// Its name.
    #[must_use]
    pub const fn plane(&self) -> &PlaneName {
        &self.plane
    }

    /// The epoch that it serves.
    #[must_use]
    pub fn epoch(&self) -> Option<HomeEpoch> {
        let epoch = self.epoch.load(Ordering::Acquire);
        (epoch != NONE).then_some(HomeEpoch(epoch))
    }

    /// From now on it serves that epoch, or none. True: it is not what it was.
    pub fn serve(&self, epoch: Option<HomeEpoch>) -> bool {
        let next = epoch.map_or(NONE, |epoch| epoch.0);
        self.epoch.swap(next, Ordering::AcqRel) != next
    }

    /// The store without any of this: for carrying groups over.
    #[must_use]
    pub const fn raw(&self) -> &Arc<Stores> {
        &self.raw
    }

    /// What is known, for people.
    #[must_use]
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// Notes what is known.
    pub fn note(&self, status: Status) {
        *self.lock() = status;
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allow(&self, epoch: HomeEpoch) -> Result<bool, Error> {
        let current = self.epoch();
        let current = current.ok_or_else(|| Error::Unavailable(Box::new(NotServing)))?;
        Ok(current == epoch)
    }

    fn current(&self) -> Result<HomeEpoch, Error> {
        self.epoch()
            .ok_or_else(|| Error::Unavailable(Box::new(NotServing)))
    }
}

/// The same store as one of several control planes may use it. It serves nothing until it is told to ([`Shared::serve`]).
#[must_use]
pub fn shared(stores: Stores, plane: PlaneName) -> Stores {
    let shared = Shared {
        plane,
        epoch: Arc::new(AtomicU64::new(NONE)),
        status: Arc::default(),
        raw: Arc::new(stores.clone()),
    };
    let seen = Arc::new(groups::Seen {
        shared: shared.clone(),
        groups: Arc::clone(&stores.groups),
        hints: Arc::clone(&stores.hints),
    });
    Stores {
        groups: Arc::clone(&seen) as _,
        hints: seen,
        members: Arc::new(members::Own {
            plane: shared.plane.clone(),
            members: Arc::clone(&stores.members),
        }),
        home: Home::Shared(shared),
        ..stores
    }
}

#[cfg(test)]
mod tests;
