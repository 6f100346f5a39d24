//! The network between the roles: it delays, reorders, loses and doubles, now or later, and it notices when the other side dies.

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
use wire::ports::hooks::{Hooks, HooksError, Parcel, Room, Tried};
use wire::ports::ops::{Heartbeat, Offer, Op, Ops, OpsError, Orders, Report};
use wire::ports::submit::{Submit, SubmitError};

use super::check::Checker;
use super::schedule::NetFaults;
use super::wires::Wires;

/// After this the caller of a lost call learns that nothing came back.
const SILENCE: Duration = Duration::from_secs(6);
/// Latest moment at which an echo of a request arrives.
const ECHO_MAX: Duration = Duration::from_secs(60);

/// One life of a supervisor process.
#[derive(Debug)]
pub struct Life {
    /// Its clock, tasks and randomness.
    pub process: Process,
    /// What runs in it.
    pub supervisor: Arc<Supervisor>,
}

/// Where a supervisor can be reached, across its lives.
#[derive(Debug, Clone, Default)]
pub struct Address(Arc<Mutex<Option<Arc<Life>>>>);

impl Address {
    /// A new life answers here from now on; none: nobody does.
    pub fn set(&self, life: Option<Life>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = life.map(Arc::new);
    }
    /// Who answers here.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Life>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// What all links of a run share.
#[derive(Debug, Clone)]
pub struct Medium {
    /// Who is cut off or clogged.
    pub wires: Wires,
    /// Faults by rate.
    pub faults: NetFaults,
    /// Set when the fair period begins: then nothing is lost.
    pub calm: Arc<AtomicBool>,
    /// Counts what happened.
    pub checker: Checker,
}

/// The two ends of a link, by name.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Who calls.
    pub from: String,
    /// Who is called.
    pub to: String,
}

/// One side's way to a supervisor.
#[derive(Clone)]
pub struct Link {
    caller: Process,
    to: Address,
    ends: Ends,
    dice: Entropy,
    medium: Medium,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("ends", &self.ends).finish()
    }
}

/// What became of a call: nothing came back, for whatever reason.
struct Lost;

impl Link {
    /// A link of `caller` to an address.
    #[must_use]
    pub const fn new(
        caller: Process,
        to: Address,
        ends: Ends,
        dice: Entropy,
        medium: Medium,
    ) -> Self {
        Self {
            caller,
            to,
            ends,
            dice,
            medium,
        }
    }

    fn roll(&self, per_mille: u64) -> bool {
        per_mille > 0
            && !self.medium.calm.load(Ordering::Relaxed)
            && self.dice.below(1000) < per_mille
    }

    async fn travel(&self, (from, to): (&str, &str)) -> Result<(), Lost> {
        let faults = &self.medium.faults;
        // Most messages of one machine room are there within the millisecond, the grain of simulated time.
        let ms = if self.roll(faults.slow) {
            self.dice.below(faults.slow_ms_max + 1)
        } else {
            self.dice.below(16).saturating_sub(12)
        };
        if ms > 0 {
            self.caller.clock.sleep(Duration::from_millis(ms)).await;
        }
        let wires = &self.medium.wires;
        if wires.troubled() {
            wires.flow(from, to).await;
        }
        if (wires.troubled() && wires.loses(from, to)) || self.roll(faults.lost) {
            self.medium.checker.tally("fault: message lost");
            self.caller.clock.sleep(SILENCE).await;
            return Err(Lost);
        }
        Ok(())
    }

    /// Carries one call to the other side, runs it there as a task of the other process, and carries the answer back.
    async fn call<T, F, Fut>(&self, make: F) -> Result<T, Lost>
    where
        F: Fn(Arc<Supervisor>) -> Fut,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let Ends { from, to } = &self.ends;
        self.travel((from, to)).await?;
        let Some(life) = self.to.get() else {
            return Err(Lost);
        };
        let run = || make(life.supervisor.clone());
        if self.roll(self.medium.faults.doubled) {
            self.medium.checker.tally("fault: message doubled");
            drop(life.process.tasks.spawn("rpc", run()));
        }
        if self.roll(self.medium.faults.echoed) {
            self.medium.checker.tally("fault: message echoed");
            let (clock, after, echo) =
                (life.process.clock.clone(), self.dice.up_to(ECHO_MAX), run());
            drop(life.process.tasks.spawn("echo", async move {
                clock.sleep(after).await;
                drop(echo.await);
            }));
        }
        let answer = life.process.tasks.spawn("rpc", run()).join().await;
        let answer = answer.map_err(|_ended| Lost)?;
        self.travel((to, from)).await?;
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
impl Hooks for Link {
    async fn fetch(&self, room: Room) -> Result<Vec<Parcel>, HooksError> {
        let call = self.call(move |s| {
            let room = room.clone();
            async move { s.fetch(room).await }
        });
        call.await.unwrap_or(Err(HooksError::Unreachable))
    }

    async fn tried(&self, tried: Vec<Tried>) -> Result<Vec<usize>, HooksError> {
        let call = self.call(move |s| {
            let tried = tried.clone();
            async move { s.tried(tried).await }
        });
        call.await.unwrap_or(Err(HooksError::Unreachable))
    }
}

#[async_trait]
impl Ops for Link {
    async fn poll(&self, offer: Offer) -> Result<Vec<Op>, OpsError> {
        let call = self.call(move |s| {
            let offer = offer.clone();
            async move { s.poll(offer).await }
        });
        let mut ops = call.await.unwrap_or(Err(OpsError::Unreachable))?;
        if !ops.is_empty() && self.roll(self.medium.faults.replayed) {
            self.medium.checker.tally("fault: reply replayed");
            ops.extend(ops.clone());
        }
        Ok(ops)
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<Orders, OpsError> {
        let call = self.call(move |s| {
            let heartbeat = heartbeat.clone();
            async move { s.heartbeat(heartbeat).await }
        });
        call.await.unwrap_or(Err(OpsError::Unreachable))
    }

    async fn report(&self, reports: Vec<Report>) -> Result<Vec<usize>, OpsError> {
        let call = self.call(move |s| {
            let reports = reports.clone();
            async move { s.report(reports).await }
        });
        let reported = call.await.unwrap_or(Err(OpsError::Unreachable));
        if reported.as_ref().is_ok_and(|again| !again.is_empty()) {
            self.medium.checker.tally("report not taken, said again");
        }
        if reported.is_err() {
            self.medium
                .checker
                .tally("crash row: report lost, reported again");
        }
        reported
    }
}
