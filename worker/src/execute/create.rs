//! A create, and the question whether one was ever begun.

use std::sync::Arc;

use cloud::guard::{self, Refused};
use cloud::port::{Create, Token};
use domain::ids::{GroupKey, Incarnation, SlotId};
use domain::mutant::{Rule, off};
use domain::settle::Outcome;
use domain::slot::FailWhy;
use wire::ports::ops::{CreateCall, Done};

use super::{Hands, Terms, priority};
use crate::begun::Begin;
use crate::classify;
use crate::revoke::Unanswered;

pub(super) const NOT_SENT: Outcome = Outcome::NotCreated(FailWhy::NotSent);

/// How far a create came.
pub(super) enum Attempt {
    /// This operation sent nothing; a double of it may have, or may be about to.
    Unsent(Outcome),
    /// What is known of the call.
    Known(Outcome),
}

impl Hands {
    /// At most one call for the slot, ever. The order carries safety (rules H1 to H3 of safety 6.1): the token is fixed, then the time and the
    /// begun-log are checked, then the mark is written, then the call goes out with nothing to wait for in between.
    pub(super) async fn create(&self, key: &GroupKey, call: CreateCall, terms: &Terms) -> Attempt {
        let shared = &self.shared;
        let Some(token) = terms.tokens.get(&key.tenant) else {
            return Attempt::Unsent(NOT_SENT);
        };
        let turn = priority(call.priority);
        let create = minted(key, call);
        let admitted = shared
            .guard
            .admit(guard::Call::Create, key, turn, terms.deadline)
            .await;
        let admitted = match admitted {
            Ok(admitted) => admitted,
            // Nothing for the group to wait for: no permits are offered until this is over.
            Err(Refused::Late | Refused::Open(_)) => return Attempt::Unsent(NOT_SENT),
            // Permits are offered on for others, and a switch in this host's file is known to nobody else: a slot that only failed would be followed by
            // the next at once, without end.
            Err(held @ (Refused::Paused(_) | Refused::Stopped { .. } | Refused::Fenced)) => {
                let wait = classify::refused(&held).after;
                return Attempt::Unsent(Outcome::Throttled(wait));
            }
        };
        if self.is_too_late(terms.deadline) {
            return Attempt::Unsent(NOT_SENT);
        }
        match shared.begun.begin(create.slot) {
            Ok(Begin::Send) => {}
            Ok(_) if off(Rule::BegunOnce) => {}
            Ok(Begin::Known(outcome)) => return Attempt::Known(outcome),
            Ok(Begin::Voided) => return Attempt::Unsent(NOT_SENT),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the begun-log cannot be written: no creates"
                );
                return Attempt::Unsent(NOT_SENT);
            }
        }
        let mut outcome = classify::created(shared.cloud.create(token, &create).await);
        if off(Rule::OneCallPerSlot) && matches!(outcome, Outcome::Unknown(_)) {
            outcome = classify::created(shared.cloud.create(token, &create).await);
        }
        if off(Rule::NoCallAfter401)
            && outcome == Outcome::NotCreated(FailWhy::Token)
            && let Ok(fresh) = shared.cloud.token(&key.tenant).await
        {
            outcome = classify::created(shared.cloud.create(&fresh, &create).await);
        }
        drop(admitted);
        if matches!(outcome, Outcome::Unknown(_)) {
            let create = Unanswered {
                supervisor: self.supervisor,
                key: key.clone(),
                slot: create.slot,
            };
            shared.revocations.note(shared, token, create);
        }
        self.learn(token, &outcome);
        shared.begun.ended(create.slot, &outcome);
        Attempt::Known(outcome)
    }

    /// That a call was not sent, for whatever reason, is said only of one that never will be.
    pub(super) async fn sure(&self, slot: SlotId, attempt: Attempt) -> Done {
        let outcome = match attempt {
            Attempt::Known(outcome) => return Done::Slot { slot, outcome },
            Attempt::Unsent(outcome) => outcome,
        };
        let known = self.void(slot, self.shared.incarnation).await;
        let voided = Outcome::Voided;
        if known
            == (Done::Slot {
                slot,
                outcome: voided,
            })
        {
            return Done::Slot { slot, outcome };
        }
        known
    }

    /// A token that was refused, or that may not fit the service any more (it may have changed), is not offered again: the next sign-in asks
    /// the cloud's client, which knows whether another one is needed.
    fn learn(&self, token: &Token, outcome: &Outcome) {
        let why = match outcome {
            Outcome::NotCreated(why) => why,
            Outcome::Created(_)
            | Outcome::Throttled(_)
            | Outcome::Unknown(_)
            | Outcome::TokenRevoked
            | Outcome::Voided
            | Outcome::Begun
            | Outcome::DeleteAccepted(_)
            | Outcome::NotFound(_)
            | Outcome::Locked(_)
            | Outcome::DeleteUnclear(_)
            | Outcome::NotOurs(_) => return,
        };
        match why {
            FailWhy::Token | FailWhy::Credential(_) | FailWhy::NotSent => {
                self.shared.tokens.forget(token);
            }
            FailWhy::Refused(_) | FailWhy::Quota(_) | FailWhy::Throttled => {}
        }
    }

    /// Answers for this life from memory wherever that proves something, else from its log; for a dead one from that one's log.
    pub(super) async fn void(&self, slot: SlotId, incarnation: Incarnation) -> Done {
        let answer = if self.shared.begun.reads_for(slot, incarnation) {
            let shared = Arc::clone(&self.shared);
            let read = move || shared.begun.void(slot, incarnation);
            match self.shared.process.tasks.blocking(read).await {
                Ok(answer) => answer,
                Err(ended) => Err(std::io::Error::other(ended)),
            }
        } else {
            self.shared.begun.void(slot, incarnation)
        };
        match answer {
            Ok(outcome) => Done::Slot { slot, outcome },
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, %slot, "the begun-log cannot be written: nothing is voided");
                Done::Nothing(classify::no_log())
            }
        }
    }
}

fn minted(key: &GroupKey, call: CreateCall) -> Create {
    Create {
        group: key.id,
        slot: call.slot,
        nonce: call.nonce,
        tenant: key.tenant.clone(),
        launch: call.launch,
        labels: call.labels,
    }
}
