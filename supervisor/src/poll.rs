//! The ops port: workers offer what they could do right now, and report what came of it.

use std::time::Duration;

use async_trait::async_trait;
use chassis::Process;
use wire::ports::ops::{Heartbeat, Offer, Op, Ops, OpsError, Orders, Report};

use crate::Supervisor;
use crate::handout::{Handout, Wake};
use crate::owners::{Note, Owners};

/// No offer is held longer, whatever the worker asks (design 6).
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Between two rounds of waking for permits that came back: when nothing can be committed, every permit does.
const PASS_ON_APART: Duration = Duration::from_millis(100);

/// Wakes the groups that wait for a permit when another group gave one back unused.
pub(crate) async fn pass_on(process: Process, handout: Handout, owners: Owners) {
    loop {
        tokio::select! {
            biased;
            () = process.stop.requested() => return,
            waiting = handout.freed() => waiting
                .iter()
                .for_each(|key| owners.tell_awake(key, Note::Offer)),
        }
        process.clock.sleep(PASS_ON_APART).await;
    }
}

#[async_trait]
impl Ops for Supervisor {
    async fn poll(&self, offer: Offer) -> Result<Vec<Op>, OpsError> {
        if self.process.stop.is_requested() {
            return Err(OpsError::Draining);
        }
        let wait = offer.wait.min(WAIT_MAX);
        let (mut reply, withdraw, wake) = self.handout.enter(offer);
        match wake {
            Wake::All => {
                self.owners.tell_all(|| Note::Offer);
                self.sweep.ask_again();
            }
            Wake::Waiting(keys) => keys
                .iter()
                .for_each(|key| self.owners.tell_awake(key, Note::Offer)),
        }
        tokio::select! {
            biased;
            ops = &mut reply => return Ok(ops.unwrap_or_default()),
            () = self.process.clock.sleep(wait) => {}
            () = self.process.stop.requested() => {}
        }
        self.handout.expire(&withdraw);
        Ok(reply.await.unwrap_or_default())
    }

    async fn report(&self, reports: Vec<Report>) -> Result<Vec<usize>, OpsError> {
        self.settle(reports).await
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<Orders, OpsError> {
        self.control.orders(&heartbeat).ok_or(OpsError::Unreachable)
    }
}
