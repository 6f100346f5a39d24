//! Supervisors of one control plane: those of the others are none of its members. And the beat of a plane as a whole.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ids::{ColoId, Incarnation, MemberName, PlaneName};
use domain::member::Lease;

use super::Shared;
use crate::Error;
use crate::member::Members;

/// Between the name of a plane and that of its member; in no plane's name.
const BORDER: char = '|';

/// The members of one plane.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) plane: PlaneName,
    pub(super) members: Arc<dyn Members>,
}

impl Own {
    fn named(&self, lease: &Lease) -> Lease {
        let name = format!("{}{BORDER}{}", self.plane, lease.member);
        Lease {
            // A name that grows too long stays as it is: it then counts for no plane, and its supervisor owns nothing.
            member: name.parse().unwrap_or_else(|_| lease.member.clone()),
            ..lease.clone()
        }
    }

    fn own(&self, lease: Lease) -> Option<Lease> {
        let (plane, name) = lease.member.as_str().split_once(BORDER)?;
        let member = (plane == self.plane.as_str()).then(|| name.parse().ok())??;
        Some(Lease { member, ..lease })
    }
}

#[async_trait]
impl Members for Own {
    async fn beat(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        self.members.beat(colo, &self.named(lease)).await
    }

    async fn leave(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        self.members.leave(colo, &self.named(lease)).await
    }

    async fn leases(&self, colo: ColoId) -> Result<Vec<Lease>, Error> {
        let all = self.members.leases(colo).await?;
        Ok(all
            .into_iter()
            .filter_map(|lease| self.own(lease))
            .collect())
    }
}

/// The name under which a plane beats.
fn beats_as(plane: &PlaneName) -> Result<MemberName, Error> {
    let name = format!("plane:{plane}").parse();
    name.map_err(|error| Error::Corrupt(format!("a plane's beat: {error}")))
}

impl Shared {
    /// Says that a supervisor of this plane lives.
    ///
    /// # Errors
    /// The store's.
    pub async fn beat(&self, colo: ColoId, life: Incarnation, beat: u64) -> Result<(), Error> {
        let member = beats_as(&self.plane)?;
        let lease = Lease { member, life, beat };
        self.raw.members.beat(colo, &lease).await
    }

    /// The beats of a plane, all its supervisors' taken together: as long as one of them lives, it changes. None: nothing was heard of late.
    ///
    /// # Errors
    /// The store's.
    pub async fn beat_of(
        &self,
        colo: ColoId,
        plane: &PlaneName,
    ) -> Result<Option<(Incarnation, u64)>, Error> {
        let member = beats_as(plane)?;
        let leases = self.raw.members.leases(colo).await?;
        let of = leases.into_iter().filter(|lease| lease.member == member);
        let one = of.map(|lease| (lease.life.as_u128(), lease.beat));
        let all = one.reduce(|a, b| (a.0 ^ b.0, a.1.wrapping_add(b.1)));
        Ok(all.map(|(lives, beats)| (Incarnation::from_u128(lives), beats)))
    }
}
