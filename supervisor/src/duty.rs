//! What a group asks of workers besides creates: deletes, questions about lost calls, looks at servers. Which of them are due, `domain` says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::evidence::{DeleteCall, ReadCall, Report, VoidCall};
use domain::group::{Phase, Wake};
use domain::ids::{GroupId, SlotId, WorkerName};
use domain::settle::Outcome;
use domain::slot::{FailWhy, State};
use domain::time::Mono;
use wire::ports::ops::{Call, CreateCall, Priority, Subject};

use crate::handout::Held;
use crate::now;
use crate::owner::Owner;

/// However much is due, an owner that nobody tells anything looks again no sooner.
const BREATH: Duration = Duration::from_millis(200);
/// No report comes later than this after its operation was asked for; a list may take longest (75 s, safety 2.1).
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(120);
/// The same while a kill switch stops deletes; owners are told when it is taken back.
const STOPPED: Duration = Duration::from_secs(2);
/// When nothing at all is due.
const FAR: Duration = Duration::from_secs(3600);

impl Owner {
    /// Puts the creates of committed slots into the replies of the polls that offered their permits.
    ///
    /// A permit counts as used if its slot is in the ledger as issued, whichever run of the decision put it there. The others go back.
    pub(crate) fn hand_out(&mut self, held: Vec<Held>) {
        let (Some(group), Some((_, body))) = (&self.group, &self.launch) else {
            return;
        };
        let below_min = group.slots.census().active < group.config.bounds.min();
        let priority = if below_min {
            Priority::BelowMin
        } else {
            Priority::ScaleOut
        };
        let issued = |slot| {
            group
                .slots
                .get(slot)
                .is_some_and(|s| matches!(s.state, State::Issued(_)))
        };
        for held in held.into_iter().filter(|h| issued(h.permit.slot)) {
            let slot = held.permit.slot;
            self.watch.issued(slot);
            let create = CreateCall {
                slot,
                nonce: held.permit.nonce,
                launch: Arc::clone(body),
                labels: labels(group.key.id),
                priority,
            };
            let call = Call::Create(Box::new(create));
            if !held.fulfil(Subject::Group(self.key.clone()), call, self.trace) {
                // The poll went away before its reply left: this operation never reached anybody.
                self.batch
                    .outcomes
                    .push((slot, Outcome::NotCreated(FailWhy::NotSent)));
                self.again = true;
            }
        }
    }

    /// Queues everything that is due, and notes when the next thing will be.
    pub(crate) fn duties(&mut self) {
        let Some(group) = &self.group else { return };
        let now = now(&self.seams.process);
        for slot in group.slots.open() {
            if let State::Issued(issue) | State::InDoubt(issue, _) = &slot.state
                && self
                    .seams
                    .handout
                    .is_succeeded(&issue.worker, issue.incarnation)
            {
                self.watch.died(issue.incarnation);
            }
        }
        let mut due = self.watch.due(group, now);
        let subject = Subject::Group(self.key.clone());
        let by_request = group.state.phase == Phase::Deleting || group.state.forced;
        let priority = if by_request {
            Priority::UserDelete
        } else {
            Priority::Housekeeping
        };
        let is_stopped = self.seams.control.effect(&self.key).no_delete && !due.deletes.is_empty();
        let deletes = std::mem::take(&mut due.deletes);
        let deletes = deletes.into_iter().filter(|_| !is_stopped);
        let mut asked = Vec::new();
        for (slot, call, priority, worker) in deletes
            .map(|delete| delete_of(delete, priority))
            .chain(due.voids.drain(..).map(void_of))
            .chain(due.reads.drain(..).map(read_of))
        {
            tracing::debug!(group.id = %self.key.id, %slot, ?call, "asks");
            // None: queued already, or too much is. Either way it is asked again only after its pause.
            // Looks come again and again: of what an event caused, only deletes are shown in its trace.
            let trace = self.trace.filter(|_| matches!(call, Call::Delete { .. }));
            let handout = &self.seams.handout;
            match handout.queue(subject.clone(), (call, trace), priority, worker) {
                Some(op) => {
                    self.watch.handed_out(slot, now.mono);
                    asked.push((op, (slot, now.mono)));
                }
                None => self.watch.put_off(slot, now.mono),
            }
        }
        // What was asked for longer ago than an answer can take was lost with its worker.
        let is_awaited = |at: &mut (SlotId, Mono)| now.mono.since(at.1) < ANSWER_MAX;
        self.asked.retain(|_, at| is_awaited(at));
        self.asked.extend(asked);
        if self.trace.is_some() && self.has_what_it_asked_for() {
            self.trace = None;
        }
        for slot in due.stuck {
            tracing::error!(tenant = %self.key.tenant, group.id = %self.key.id, %slot, "a server does not go away, however often it is deleted");
        }
        if let Some(at) = due.list {
            self.seams.sweep.want(&self.key, at);
        }
        let mut next = due.next.unwrap_or_else(|| now.mono.plus(FAR));
        if let Wake::At(at) = group.state.wake() {
            next = next.min(now.mono.plus(at.since(now.wall)));
        }
        if let Some(at) = self.hooks() {
            next = next.min(at);
        }
        let breath = if is_stopped { STOPPED } else { BREATH };
        self.next = next.max(now.mono.plus(breath));
    }

    /// What lists showed that is no slot's business, for people.
    pub(crate) fn look_into(&mut self, reports: &[Report]) {
        for report in reports {
            self.seams.counts.weighed(report);
            if report.unsure {
                self.seams.sweep.know_again(&self.key.tenant);
            }
            if !report.strays.is_empty() {
                tracing::warn!(tenant = %self.key.tenant, group.id = %self.key.id, servers = ?report.strays, "servers prove slots that the ledger does not have");
                self.batch.changed = true;
            }
            let project = self.seams.sweep.project(&self.key.tenant);
            for server in report
                .disowned
                .iter()
                .filter(|s| project.lock().role(**s).is_none() && project.is_news(**s))
            {
                self.seams.counts.disowned();
                tracing::warn!(tenant = %self.key.tenant, group.id = %self.key.id, %server, "a server of our account carries no proof: left alone");
            }
            for (slot, server) in &report.adopted {
                tracing::info!(tenant = %self.key.tenant, group.id = %self.key.id, %slot, %server, "adopted from a list");
            }
            for (slot, server) in &report.surplus {
                tracing::warn!(tenant = %self.key.tenant, group.id = %self.key.id, %slot, %server, "showed up late or twice: to be deleted");
            }
        }
    }
}

/// An operation for a slot: how urgent it is, and the one worker that can do it, if it is one.
type Errand = (SlotId, Call, Priority, Option<WorkerName>);

fn delete_of(delete: DeleteCall, priority: Priority) -> Errand {
    let call = Call::Delete {
        slot: delete.slot,
        proof: delete.proof,
        server: delete.server,
        priority,
    };
    (delete.slot, call, priority, None)
}

fn void_of(void: VoidCall) -> Errand {
    let call = Call::Void {
        slot: void.slot,
        incarnation: void.incarnation,
    };
    (void.slot, call, Priority::Doubt, Some(void.worker))
}

fn read_of(read: ReadCall) -> Errand {
    let call = Call::Read {
        slot: read.slot,
        server: read.server,
    };
    (read.slot, call, Priority::Housekeeping, None)
}

/// Metadata that clients of the v1.0 API look for (contract 4.8). Trusted for nothing: tenants can edit it.
fn labels(group: GroupId) -> BTreeMap<String, String> {
    ["rax:auto_scaling_group_id", "rax:autoscale:group:id"]
        .into_iter()
        .map(|k| (k.to_owned(), group.to_string()))
        .collect()
}
