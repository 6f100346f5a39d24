//! The network between the roles: it delays, loses requests, loses answers and doubles requests, and it notices when the other side dies.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chassis::{Entropy, Process};
use domain::event::Event;
use domain::ids::GroupKey;
use domain::verdict::Verdict;
use holt_supervisor::Supervisor;
use wire::ports::ops::{Offer, Op, Ops, OpsError, Report};
use wire::ports::submit::{Submit, SubmitError};

use super::schedule::NetFaults;

/// One life of a supervisor process.
#[derive(Debug, Clone)]
pub struct Life {
    /// Its clock, tasks and randomness.
    pub process: Process,
    /// What runs in it.
    pub supervisor: Supervisor,
}

/// Where a supervisor can be reached, across its lives.
#[derive(Debug, Clone, Default)]
pub struct Address(Arc<Mutex<Option<Life>>>);

impl Address {
    /// A new life answers here from now on; none: nobody does.
    pub fn set(&self, life: Option<Life>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = life;
    }
    /// Who answers here.
    #[must_use]
    pub fn get(&self) -> Option<Life> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// One side's way to a supervisor.
#[derive(Clone)]
pub struct Link {
    caller: Process,
    to: Address,
    dice: Entropy,
    faults: NetFaults,
    calm: Arc<AtomicBool>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

/// What became of a call: nothing came back, for whatever reason.
struct Lost;

impl Link {
    /// A link of `caller` to an address. While `calm` is set, nothing is lost.
    #[must_use]
    pub fn new(
        caller: Process,
        to: Address,
        dice: Entropy,
        faults: NetFaults,
        calm: Arc<AtomicBool>,
    ) -> Self {
        Self {
            caller,
            to,
            dice,
            faults,
            calm,
        }
    }

    fn roll(&self, per_mille: u64) -> bool {
        !self.calm.load(Ordering::Relaxed) && self.dice.below(1000) < per_mille
    }

    async fn travel(&self) {
        let slow = self.roll(self.faults.slow_per_mille);
        let bound = if slow { self.faults.slow_ms_max } else { 3 };
        self.caller
            .clock
            .sleep(Duration::from_millis(self.dice.below(bound + 1)))
            .await;
    }

    /// Carries one call to the other side, runs it there as a task of the other process, and carries the answer back.
    async fn call<T, F, Fut>(&self, make: F) -> Result<T, Lost>
    where
        F: Fn(Supervisor) -> Fut,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        self.travel().await;
        if self.roll(self.faults.lost_per_mille) {
            self.caller.clock.sleep(Duration::from_secs(6)).await;
            return Err(Lost);
        }
        let Some(life) = self.to.get() else {
            return Err(Lost);
        };
        if self.roll(self.faults.doubled_per_mille) {
            drop(
                life.process
                    .tasks
                    .spawn("rpc", make(life.supervisor.clone())),
            );
        }
        let answer = life
            .process
            .tasks
            .spawn("rpc", make(life.supervisor.clone()))
            .join()
            .await;
        let answer = answer.map_err(|_ended| Lost)?;
        if self.roll(self.faults.lost_per_mille) {
            self.caller.clock.sleep(Duration::from_secs(6)).await;
            return Err(Lost);
        }
        self.travel().await;
        Ok(answer)
    }
}

#[async_trait]
impl Submit for Link {
    async fn submit(&self, key: &GroupKey, event: Event) -> Result<Verdict, SubmitError> {
        let key = key.clone();
        let call = self.call(move |s| {
            let (key, event) = (key.clone(), event.clone());
            async move { s.submit(&key, event).await }
        });
        call.await.unwrap_or(Err(SubmitError::Unreachable))
    }

    async fn poke(&self, key: &GroupKey) {
        let key = key.clone();
        drop(
            self.call(move |s| {
                let key = key.clone();
                async move { s.poke(&key).await }
            })
            .await,
        );
    }
}

#[async_trait]
impl Ops for Link {
    async fn poll(&self, offer: Offer) -> Result<Vec<Op>, OpsError> {
        let call = self.call(move |s| {
            let offer = offer.clone();
            async move { s.poll(offer).await }
        });
        call.await.unwrap_or(Err(OpsError::Unreachable))
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), OpsError> {
        let call = self.call(move |s| {
            let reports = reports.clone();
            async move { s.report(reports).await }
        });
        call.await.unwrap_or(Err(OpsError::Unreachable))
    }
}
