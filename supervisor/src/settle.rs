//! Reports of workers, brought to the owners whose slots they are about, and acknowledged once they are durable.

use std::time::Duration;

use domain::ids::{GroupKey, OpId};
use tokio::sync::oneshot;
use wire::ports::ops::{Done, OpsError, Report, Subject};

use crate::Supervisor;
use crate::owners::{Note, not_durable};
use crate::sweep::Arrived;
use crate::traces;

/// What was not done is not asked for again sooner, however short a rest the worker states.
const NOT_DONE_REST: Duration = Duration::from_secs(1);

/// What is not durable after this is to be said again. Longer than a commit takes on a bad day, since whatever is said twice fills the queue of
/// its group twice; short enough that a worker's other reports, which may wait behind it, still come within a moment.
const DURABLE_WITHIN: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Takes reports in, and gives the places of those that are neither durable nor of no interest by now.
    ///
    /// # Errors
    /// [`OpsError::Draining`]: not all are, and this supervisor stops.
    pub(crate) async fn settle(&self, reports: Vec<Report>) -> Result<Vec<usize>, OpsError> {
        let mut waits = Vec::new();
        // They end when all of it is durable.
        let mut spans = Vec::new();
        for (place, report) in reports.into_iter().enumerate() {
            spans.extend(traces::of_report(&self.process.tracer, &report));
            waits.extend(self.take_in(report).map(|wait| (place, wait)));
        }
        let again = not_durable(&self.process, DURABLE_WITHIN, waits).await;
        drop(spans);
        if !again.is_empty() && self.process.stop.is_requested() {
            return Err(OpsError::Draining);
        }
        Ok(again)
    }

    /// Tells whom it concerns, and gives what will say that it is durable, if it must be.
    fn take_in(&self, report: Report) -> Option<oneshot::Receiver<()>> {
        match (report.key, report.result) {
            (Subject::Group(key), Done::Slot { slot, outcome }) => {
                let (done, wait) = oneshot::channel();
                // Where too much waits, `done` is dropped: it is reported again, and what stands behind it is told all the same.
                self.owners.hint(&key, Note::Outcome(slot, outcome, done));
                return Some(wait);
            }
            (Subject::Group(key), result) => self.take_look(&key, report.op, result),
            (
                Subject::Tenant(tenant),
                Done::Listed {
                    age: _,
                    extent,
                    rows,
                    others: _,
                },
            ) => {
                let list = Arrived {
                    op: report.op,
                    extent,
                    rows,
                };
                // A task of its own: half a list would be told if the worker hung up meanwhile.
                let (sweep, owners) = (self.sweep.clone(), self.owners.clone());
                drop(self.process.tasks.spawn("listed", async move {
                    sweep.listed(&owners, &tenant, list).await;
                }));
            }
            (Subject::Tenant(tenant), Done::SignedIn(Err(wait))) => {
                tracing::debug!(%tenant, why = %wait.why, "no token for the tenant");
                self.handout.not_signed_in(&tenant, wait.after);
            }
            (Subject::Tenant(_), Done::LookedUp(found)) => {
                self.look_ups.answer(report.op, Some(found));
            }
            // Nobody asks again for whoever waits: it goes on without.
            (Subject::Tenant(_), Done::Nothing(_)) if self.look_ups.answer(report.op, None) => {}
            (Subject::Tenant(tenant), Done::Nothing(wait)) => {
                tracing::debug!(%tenant, why = %wait.why, "nothing was done for the tenant");
                self.sweep.undone(&tenant, report.op, wait.after);
            }
            (
                Subject::Tenant(_),
                Done::SignedIn(Ok(())) | Done::Slot { .. } | Done::Read { .. },
            ) => {}
        }
        None
    }

    fn take_look(&self, key: &GroupKey, op: OpId, result: Done) {
        match result {
            Done::Listed {
                age: _,
                extent,
                rows,
                others: _,
            } => {
                self.owners.tell_awake(key, Note::Tagged(op, extent, rows));
            }
            Done::Nothing(wait) => {
                tracing::debug!(group.id = %key.id, why = %wait.why, "nothing was done for the group");
                self.owners
                    .tell_awake(key, Note::NotDone(op, wait.after.max(NOT_DONE_REST)));
            }
            Done::Read {
                slot: _,
                age: _,
                row,
            } => {
                self.owners
                    .tell_awake(key, Note::Read(op, row.map(Box::new)));
            }
            Done::Slot { .. } | Done::SignedIn(_) | Done::LookedUp(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
