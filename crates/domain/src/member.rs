//! Which supervisor owns which groups (design 6, safety 3.9).
//!
//! Groups fall into shards, and of the members that live, a rendezvous hash names one for each shard. Whoever sees the same members names
//! the same owner, with no agreement beforehand.
//!
//! Ownership saves work and carries no safety: two owners of a group at once do no harm, because every change is conditional on the
//! group's revision. So members are judged by plain rows that each renews, on the clock of whoever looks (I8): what is stored is a counter,
//! and no time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::{GroupKey, Incarnation, MemberName, TenantId};
use crate::time::Mono;

/// How many shards a colo has.
pub const SHARDS: u16 = 4096;
/// Between two beats of a member, and between two looks at all.
pub const BEAT: Duration = Duration::from_secs(1);
/// A member whose counter has not moved for this long is dead to who looks.
pub const PATIENCE: Duration = Duration::from_secs(6);
/// A member owns nothing when its last good beat was *begun* longer ago than this: less than anybody's patience, so that it stops first.
pub const HOLDS: Duration = Duration::from_secs(5);

/// A part of a colo's groups, below [`SHARDS`]. All groups of a tenant are in one, so that one supervisor lists the tenant's servers for
/// all of them (figure G9) and knows which server has which role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u16);

impl Shard {
    /// The shard whose owner deals the colo's budget to its workers.
    pub const BUDGET: Self = Self(0);

    /// The shard of a group.
    #[must_use]
    pub fn of(key: &GroupKey) -> Self {
        Self::of_tenant(&key.tenant)
    }

    /// The shard of a tenant's groups.
    #[must_use]
    pub fn of_tenant(tenant: &TenantId) -> Self {
        let hash = mixed(fold(SEED, tenant.as_str().as_bytes()));
        Self(u16::try_from(hash % u64::from(SHARDS)).unwrap_or(0))
    }

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    /// Its place among all.
    #[must_use]
    pub fn place(self) -> usize {
        usize::from(self.0)
    }

    /// Which of the members that live owns it: none of none.
    #[must_use]
    pub fn owner<'m>(
        self,
        live: impl IntoIterator<Item = &'m MemberName>,
    ) -> Option<&'m MemberName> {
        let score = |member: &MemberName| {
            let own = fold(SEED, member.as_str().as_bytes());
            mixed(fold(own, &self.0.to_be_bytes()))
        };
        // Names break ties, so that everybody breaks them alike.
        live.into_iter()
            .max_by_key(|member| (score(member), *member))
    }
}

/// What a member renews in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who.
    pub member: MemberName,
    /// Which life of it: one that is started again counts anew.
    pub life: Incarnation,
    /// Counts its beats.
    pub beat: u64,
}

/// What one process knows of the members of its colo. Pure: time is an argument.
#[derive(Debug, Clone, Default)]
pub struct Members {
    seen: BTreeMap<(MemberName, Incarnation), Seen>,
    looked: Mono,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    beat: u64,
    moved: Mono,
    /// It counted on while it was watched.
    is_alive: bool,
}

impl Members {
    /// Takes in the leases as they stand in the store now. Who is not among them has left. A lease that is seen for the first time counts as
    /// alive: only time can tell.
    pub fn look(&mut self, leases: impl IntoIterator<Item = Lease>, now: Mono) {
        let before = std::mem::take(&mut self.seen);
        for lease in leases {
            let key = (lease.member, lease.life);
            let last = before.get(&key);
            let still = last.filter(|seen| seen.beat == lease.beat).copied();
            let moved = Seen {
                beat: lease.beat,
                moved: now,
                is_alive: last.is_some(),
            };
            self.seen.insert(key, still.unwrap_or(moved));
        }
        self.looked = now;
    }

    /// The members that live, in order: as of the last look, so that nobody is declared dead because the store cannot be read.
    pub fn live(&self) -> impl Iterator<Item = &MemberName> {
        let mut last = None;
        self.seen
            .iter()
            .filter(|(_, seen)| self.looked.since(seen.moved) < PATIENCE)
            .map(|((member, _), _)| member)
            .filter(move |member| last.replace(*member) != Some(*member))
    }

    /// Whether another life of this member beats too: two processes have one name.
    #[must_use]
    pub fn has_double(&self, member: &MemberName, life: Incarnation) -> bool {
        self.seen.iter().any(|((other, its), seen)| {
            other == member && *its != life && seen.is_alive && seen.moved == self.looked
        })
    }
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: the same on every machine and in every version, unlike the standard library's.
fn fold(from: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(from, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The end of `SplitMix64`: FNV-1a alone leaves names that differ in their last letter too alike.
const fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests;
