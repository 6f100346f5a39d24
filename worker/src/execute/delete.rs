//! A delete: a fresh look, the proof for that very slot, then the call (I2, design 4).

use std::time::Duration;

use cloud::guard;
use cloud::proof::{self, Proven};
use domain::evidence::Status;
use domain::ids::{GroupKey, ServerId, SlotId};
use domain::settle::Outcome;
use wire::ports::ops::{Done, Priority};

use super::{Hands, Terms, priority};
use crate::classify::{self, Stage};

/// What a fresh look has proved may be acted upon for this long: well within the 60 s of safety 3.7, the call's own time included.
const PROOF_AGE_MAX: Duration = Duration::from_secs(20);

/// What is to be deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Victim {
    pub(crate) slot: SlotId,
    /// The slot whose proof it must show.
    pub(crate) proof: SlotId,
    pub(crate) server: ServerId,
}

impl Hands {
    pub(super) async fn delete(
        &self,
        key: &GroupKey,
        victim: Victim,
        urgency: Priority,
        terms: &Terms,
    ) -> Done {
        let Victim {
            slot,
            proof,
            server,
        } = victim;
        let done = |outcome| Done::Slot { slot, outcome };
        let turn = priority(urgency);
        let looked = match self
            .admit(guard::Call::Get, &key.tenant, turn, terms.deadline)
            .await
        {
            Ok(admitted) => admitted,
            Err(wait) => return Done::Nothing(wait),
        };
        let seen_at = self.shared.process.clock.mono();
        let fresh = match self.shared.cloud.get(&key.tenant, server).await {
            Ok(Some(fresh)) => fresh,
            Ok(None) => return done(Outcome::NotFound(server)),
            Err(error) => return classify::not_deleted(victim, &error, Stage::Look),
        };
        drop(looked);
        if let Proven::NoKey { version } = fresh.proven {
            tracing::warn!(tenant = %key.tenant, group.id = %key.id, %slot, %server, version, "a server is not deleted: its proof names a key that this worker does not have");
            return done(Outcome::DeleteUnclear(server));
        }
        if fresh.proven == Proven::Unreadable || fresh.status == Status::Unknown {
            // Its cell is down. It shows no proof because it shows nothing, which makes it nobody's (design 4).
            return done(Outcome::DeleteUnclear(server));
        }
        let Some(owned) = proof::verify(&fresh, server, key.id, proof) else {
            return done(Outcome::NotOurs(server));
        };
        let until = seen_at + PROOF_AGE_MAX;
        let admitted = match self.admit(guard::Call::Delete, key, turn, until).await {
            Ok(admitted) => admitted,
            Err(wait) => return Done::Nothing(wait),
        };
        if self.shared.process.clock.mono() >= until {
            return Done::Nothing(classify::late());
        }
        let deleted = self.shared.cloud.delete(&key.tenant, owned).await;
        drop(admitted);
        match deleted {
            Ok(answer) => done(classify::deleted(server, answer)),
            Err(error) => classify::not_deleted(victim, &error, Stage::Sent),
        }
    }
}
