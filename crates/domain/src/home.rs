//! Which control plane serves a colo, and how another one takes over (safety 3.10, ADR 0020).
//!
//! A colo may have several control planes, each in a data centre of its own; at most one of them serves. Which one, the colo's own Nova says:
//! whoever holds the key pair of the highest *epoch* under the service user. A name is unique for a user, so of two that want the same epoch one
//! gets 409. Whoever can reach that Nova sees the fence; whoever cannot, cannot act anyway.
//!
//! Epoch 0 has no key pair: it is the plane's that the configuration names as the first one. Groups have a partition of their own for each epoch
//! ([`crate::ids::GroupKey`]), so late commits of a plane that was superseded never meet those of its successor.

use std::time::Duration;

use crate::ids::{ColoId, HomeEpoch, Incarnation, PlaneName};
use crate::time::Mono;

mod fence;
mod moved;

pub use fence::{Fence, Refusal, STALE};
pub use moved::{born, decided, rest};

/// Between two reads of the key pairs (safety 3.10).
pub const READ_EVERY: Duration = Duration::from_secs(5);
/// A plane that won waits this long before it does anything: longer than [`STALE`], so that every worker of the other planes has stopped.
pub const SETTLE: Duration = Duration::from_secs(30);
/// A plane whose beat stood still for this long is taken over from, if that is to happen by itself (safety 3.10).
pub const AFTER: Duration = Duration::from_secs(600);
/// For how long the key pairs must have been readable before a plane takes over by itself; no longer than the silence that it waits for.
///
/// When a cut is over, Nova answers at once; the beats of the plane that lived on the other side are heard once the store's nodes have found each
/// other again, which may take them a minute.
pub const HEALED: Duration = Duration::from_secs(120);
/// How many old key pairs are kept beside the newest: their quota is 100 by default.
pub const KEPT: u64 = 10;

const PREFIX: &str = "holt-home-";

/// The name of the key pair for which planes compete.
#[must_use]
pub fn key_pair(colo: ColoId, epoch: HomeEpoch) -> String {
    format!("{PREFIX}{}-{epoch}", colo.0)
}

/// The epoch that a key pair of that name stands for in that colo; none if it is no such key pair.
#[must_use]
pub fn key_pair_epoch(colo: ColoId, name: &str) -> Option<HomeEpoch> {
    let (number, epoch) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let found = HomeEpoch(epoch.parse().ok()?);
    // Only the one way to write it: others would be further names for the same epoch.
    let is_ours = number.parse() == Ok(colo.0) && name == key_pair(colo, found);
    (is_ours && found > HomeEpoch(0)).then_some(found)
}

/// Who has which epoch of a colo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The epoch.
    pub epoch: HomeEpoch,
    /// The plane that has it; none: a key pair that names none, which nobody serves under.
    pub plane: Option<PlaneName>,
}

impl Claim {
    /// What holds before anybody took over.
    #[must_use]
    pub const fn first(plane: PlaneName) -> Self {
        Self {
            epoch: HomeEpoch(0),
            plane: Some(plane),
        }
    }

    /// The highest of several claims, or that of the first plane if there are none.
    #[must_use]
    pub fn highest(first: &PlaneName, claims: impl IntoIterator<Item = Self>) -> Self {
        let start = Self::first(first.clone());
        claims.into_iter().fold(start, |best, claim| {
            if claim.epoch > best.epoch {
                claim
            } else {
                best
            }
        })
    }

    /// Whether that plane has it.
    #[must_use]
    pub fn is_of(&self, plane: &PlaneName) -> bool {
        self.plane.as_ref() == Some(plane)
    }
}

/// What a control plane is told about itself and the others of its colo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plane {
    /// Its name.
    pub own: PlaneName,
    /// The plane that serves as long as nobody took over.
    pub first: PlaneName,
    /// Whether, and after how long a silence, it takes over by itself.
    pub automatic: Automatic,
}

/// Whether a plane takes over without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Automatic {
    /// Only when an operator says so.
    Off,
    /// When the serving plane's beat stood still for so long.
    After(Duration),
}

/// What is known of a colo right now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The highest row in the store: who serves, and since which epoch.
    pub published: Option<Claim>,
    /// The highest claim that a worker ever read in Nova, or that its winner wrote into the store.
    pub read: Option<Claim>,
    /// For how long workers have been reading it without a gap; none: nobody has lately, so nobody could claim either.
    pub reading: Option<Duration>,
    /// How long the beat of whoever has the highest epoch has stood still.
    pub silent: Duration,
    /// The epoch that an operator wants to see ended by this plane.
    pub wished: Option<HomeEpoch>,
}

/// What a control plane does about its colo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It serves under this epoch.
    Serve(HomeEpoch),
    /// It has won this epoch and does not serve yet: it says so, waits [`SETTLE`], carries the groups over, and publishes.
    Open(HomeEpoch),
    /// It tries to win this epoch.
    Claim(HomeEpoch),
    /// It serves nothing.
    Stand(Why),
}

/// Why a control plane does not take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Another plane serves.
    Served,
    /// It would, but has no fresh read of the key pairs: it cannot reach the colo's Nova, and could do nothing there.
    Unreached,
    /// It would, but could not reach the colo's Nova a moment ago ([`HEALED`]): the other plane may live, and be heard of yet.
    Healing,
}

impl Why {
    /// In words, for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "another control plane has the colo",
            Self::Unreached => {
                "no worker of this control plane has read the key pairs of the colo lately"
            }
            Self::Healing => {
                "the key pairs of the colo can be read again only since a moment ago: the other control plane may be heard of yet"
            }
        }
    }
}

/// Decides what a control plane does. It never serves beside another: a higher epoch, wherever it is seen first, ends its own (safety 3.10).
#[must_use]
pub fn decide(plane: &Plane, known: &Known) -> Act {
    let holder = known.holder(plane);
    if holder.is_of(&plane.own) {
        let published = known
            .published
            .as_ref()
            .map_or(HomeEpoch(0), |claim| claim.epoch);
        return if published == holder.epoch {
            Act::Serve(holder.epoch)
        } else {
            Act::Open(holder.epoch)
        };
    }
    let by_itself = match plane.automatic {
        Automatic::Off => None,
        Automatic::After(after) => (known.silent >= after).then_some(after.min(HEALED)),
    };
    let is_wished = known.wished == Some(holder.epoch);
    match (by_itself, known.reading) {
        (None, _) if !is_wished => Act::Stand(Why::Served),
        (_, None) => Act::Stand(Why::Unreached),
        // An operator knows whether the other plane lives.
        (Some(healed), Some(so_long)) if so_long < healed && !is_wished => Act::Stand(Why::Healing),
        (_, Some(_)) => Act::Claim(holder.epoch.next()),
    }
}

impl Known {
    /// Who has the highest epoch of all that is known. Nova is the authority; a row says the same, later, and to those who cannot reach Nova.
    #[must_use]
    pub fn holder(&self, plane: &Plane) -> Claim {
        let claims = self.published.iter().chain(&self.read).cloned();
        Claim::highest(&plane.first, claims)
    }
}

/// For how long a plane's beat has stood still, on the clock of whoever looks (I8).
#[derive(Debug, Clone)]
pub struct Silence {
    of: Claim,
    last: Option<(Incarnation, u64)>,
    moved: Mono,
}

impl Silence {
    /// Begins to watch: silence counts from now, whatever was before.
    #[must_use]
    pub const fn new(of: Claim, now: Mono) -> Self {
        Self {
            of,
            last: None,
            moved: now,
        }
    }

    /// Takes in the beat of whoever has the colo, and says how long it has stood still. Another holder is watched from now on.
    pub fn look(&mut self, of: &Claim, beat: Option<(Incarnation, u64)>, now: Mono) -> Duration {
        if self.of != *of {
            *self = Self::new(of.clone(), now);
        }
        if beat.is_some() && beat != self.last {
            (self.last, self.moved) = (beat, now);
        }
        now.since(self.moved)
    }
}

#[cfg(test)]
mod tests;
