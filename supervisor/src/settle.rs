//! Reports of workers, brought to the owners whose slots they are about, and acknowledged once they are durable.

use std::time::Duration;

use domain::ids::{GroupKey, OpId};
use futures_util::future::join_all;
use tokio::sync::oneshot;
use wire::ports::ops::{Done, OpsError, Report, Subject};

use crate::Supervisor;
use crate::owners::Note;
use crate::sweep::Arrived;
use crate::traces;

/// What was not done is not asked for again sooner, however short a rest the worker states.
const NOT_DONE_REST: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Takes reports in. `Ok` once everything in them is durable or of no interest.
    pub(crate) async fn settle(&self, reports: Vec<Report>) -> Result<(), OpsError> {
        let mut waits = Vec::new();
        // They end when all of it is durable.
        let mut spans = Vec::new();
        for report in reports {
            spans.extend(traces::of_report(&self.process.tracer, &report));
            match (report.key, report.result) {
                (Subject::Group(key), Done::Slot { slot, outcome }) => {
                    let (done, wait) = oneshot::channel();
                    // Where too much waits, `done` is dropped: it is reported again, and what stands behind it is told all the same.
                    self.owners.hint(&key, Note::Outcome(slot, outcome, done));
                    waits.push(wait);
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
                (Subject::Tenant(_), Done::Nothing(_)) if self.look_ups.answer(report.op, None) => {
                }
                (Subject::Tenant(tenant), Done::Nothing(wait)) => {
                    tracing::debug!(%tenant, why = %wait.why, "nothing was done for the tenant");
                    self.sweep.undone(&tenant, report.op, wait.after);
                }
                (
                    Subject::Tenant(_),
                    Done::SignedIn(Ok(())) | Done::Slot { .. } | Done::Read { .. },
                ) => {}
            }
        }
        let all = join_all(waits).await;
        drop(spans);
        if all.iter().all(Result::is_ok) {
            Ok(())
        } else {
            Err(OpsError::Unreachable)
        }
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
