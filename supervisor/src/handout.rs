//! Where offers of workers meet the wants of groups (design 2 and 4).
//!
//! A worker's poll waits here with its permits. A group's owner reserves permits, commits the slots that they cover, and only then puts
//! the operations into the reply of that very poll; a reply leaves as soon as nothing more is being committed against it:
//!
//! ```text
//! poll ──► open ──reserve──► open, n outstanding ──first operation──► closing ──outstanding 0──► reply
//!            └───────────── wait is over, or an operation that needs no commit ──────────────────►┘
//! ```
//! So operations batch by themselves while a commit is in flight, without a timer. Nothing here survives the process, and nothing needs to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::metrics::Gauge;
use chassis::{Mono, Process};
use domain::ids::{GroupKey, Incarnation, Nonce, OpId, SlotId, TenantId, WorkerName};
use domain::mutant::{Rule, off};
use domain::plan::Permit;
use domain::trace::Trace;
use tokio::sync::{Notify, oneshot};
use wire::ports::ops::{Call, Offer, Op, Priority, Subject};

mod named;
mod queue;
mod turns;

use queue::{QueueKey, Queued};
use turns::{Line, Lines, Turns};

/// Between two sign-ins for one tenant.
const SIGN_IN_APART: Duration = Duration::from_secs(5);

/// Offers, reservations and queued operations of one supervisor. Cheap to clone.
#[derive(Clone)]
pub struct Handout {
    /// One place for all of it: every permit that is held is a clone.
    parts: Arc<Parts>,
}

struct Parts {
    process: Process,
    inner: Mutex<Inner>,
    freed: Notify,
    offered: Gauge,
}

#[derive(Default)]
struct Inner {
    next: u64,
    polls: BTreeMap<u64, Poll>,
    queue: BTreeMap<Line, Queued>,
    lines: Lines,
    keys: BTreeSet<QueueKey>,
    signing_in: BTreeMap<TenantId, Mono>,
    waiting: Turns,
    lives: BTreeMap<WorkerName, Incarnation>,
}

struct Poll {
    offer: Offer,
    creates: u32,
    others: u32,
    outstanding: u32,
    closing: bool,
    ops: Vec<Op>,
    reply: Option<oneshot::Sender<Vec<Op>>>,
}

/// Owners to wake because an offer came.
#[derive(Debug)]
pub enum Wake {
    /// A worker began a new life: everybody may have questions about its last one.
    All,
    /// Those that wait for permits, in order of asking.
    Waiting(Vec<GroupKey>),
}

/// A permit that an owner holds while it commits. Dropped unused, it goes back to its poll.
pub struct Held {
    handout: Handout,
    poll: u64,
    used: bool,
    /// What the planner sees of it.
    pub permit: Permit,
}

impl fmt::Debug for Handout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("Handout")
            .field("polls", &inner.polls.len())
            .field("queued", &inner.queue.len())
            .finish()
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("poll", &self.poll)
            .field("slot", &self.permit.slot)
            .finish()
    }
}

impl Handout {
    /// No offers yet.
    #[must_use]
    pub fn new(process: Process) -> Self {
        let parts = Arc::new(Parts {
            offered: process.metrics.gauge(
                "supervisor_permits_offered",
                "Creates that waiting polls would take, as of the last poll that came or ended.",
            ),
            process,
            inner: Mutex::default(),
            freed: Notify::new(),
        });
        Self { parts }
    }

    /// Waits until a permit went back to its poll unused, and gives the groups that wait for one.
    pub async fn freed(&self) -> Vec<GroupKey> {
        self.parts.freed.notified().await;
        let mut inner = self.lock();
        let open = inner.polls.values().filter(|poll| !poll.closing);
        let creates = open.map(|poll| poll.creates).sum();
        inner.wake(creates)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        let inner = self.parts.inner.lock();
        inner.unwrap_or_else(PoisonError::into_inner)
    }

    /// What the polls that wait would take, for operators.
    fn show(&self, inner: &Inner) {
        let open = inner.polls.values().filter(|poll| !poll.closing);
        self.parts
            .offered
            .set(open.map(|poll| i64::from(poll.creates)).sum());
    }

    fn op(&self, key: Subject, call: Call, trace: Option<Trace>) -> Op {
        Op {
            id: OpId::from_u128(self.parts.process.entropy.u128()),
            key,
            call,
            trace,
        }
    }

    /// Takes an offer in. Gives the receiver of its reply, a guard that withdraws it when dropped, and the owners to wake.
    pub fn enter(&self, offer: Offer) -> (oneshot::Receiver<Vec<Op>>, Withdraw, Wake) {
        let (reply, receiver) = oneshot::channel();
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        for tenant in offer.tokens.keys() {
            inner.signing_in.remove(tenant);
        }
        let before = inner.lives.insert(offer.worker.clone(), offer.incarnation);
        let reborn = before.is_some_and(|b| b != offer.incarnation);
        if reborn {
            inner.bury(&offer.worker, offer.incarnation);
        }
        let (creates, others) = (offer.creates, offer.others);
        let poll = Poll {
            offer,
            creates,
            others,
            outstanding: 0,
            closing: false,
            ops: Vec::new(),
            reply: Some(reply),
        };
        inner.polls.insert(id, poll);
        self.show(&inner);
        inner.serve_queue(id);
        inner.give_up(self.parts.process.clock.mono());
        inner.reoffer_for(id);
        let wake = match inner.polls.contains_key(&id) {
            _ if reborn => Wake::All,
            true => Wake::Waiting(inner.wake(creates)),
            false => Wake::Waiting(Vec::new()),
        };
        (
            receiver,
            Withdraw {
                handout: self.clone(),
                poll: id,
            },
            wake,
        )
    }

    /// Whether a worker of that name offers under another incarnation by now. Its successor can be asked what the dead one began.
    #[must_use]
    pub fn is_succeeded(&self, worker: &WorkerName, incarnation: Incarnation) -> bool {
        self.lock()
            .lives
            .get(worker)
            .is_some_and(|now| *now != incarnation)
    }

    /// Whether any worker has ever offered something here: if not, there is no point in waiting for one.
    #[must_use]
    pub fn has_workers(&self) -> bool {
        !self.lock().lives.is_empty()
    }

    /// The offer's wait is over: it takes no new work, and replies once nothing is being committed against it.
    pub fn expire(&self, withdraw: &Withdraw) {
        self.lock().close(withdraw.poll);
    }

    /// Reserves up to `wanted` permits for creates of a tenant. Fewer come back when fewer are offered: then the group is woken at the next
    /// offer, and workers are asked to sign in for the tenant if none has a token.
    pub fn reserve(&self, key: &GroupKey, wanted: u32) -> Vec<Held> {
        let mut held = Vec::new();
        let mut inner = self.lock();
        let ready: Vec<u64> = inner
            .polls
            .iter()
            .filter(|(_, p)| {
                !p.closing && p.creates > 0 && p.offer.tokens.contains_key(&key.tenant)
            })
            .map(|(id, _)| *id)
            .collect();
        let offered = ready.iter().filter_map(|id| inner.polls.get(id));
        let offered: u32 = offered.map(|poll| poll.creates).sum();
        let share = inner.share(&key.tenant, offered).min(wanted);
        for id in ready {
            let Some(poll) = inner.polls.get_mut(&id) else {
                continue;
            };
            while poll.creates > 0 && u32::try_from(held.len()).is_ok_and(|n| n < share) {
                poll.creates -= 1;
                poll.outstanding += 1;
                held.push(self.hold(id, poll, &key.tenant));
            }
        }
        if u32::try_from(held.len()).is_ok_and(|n| n < wanted) {
            inner.waiting.wait(key);
            if share < wanted.min(offered) {
                // What it may not have is for others; and if they do not want it, for this one after all.
                self.parts.freed.notify_one();
            }
            if !inner.reoffer(&key.tenant) {
                self.sign_in(&mut inner, &key.tenant);
            }
        }
        held
    }

    fn hold(&self, id: u64, poll: &Poll, tenant: &TenantId) -> Held {
        let entropy = &self.parts.process.entropy;
        let few = if off(Rule::OwnIds) { 64 } else { u128::MAX };
        Held {
            handout: self.clone(),
            poll: id,
            used: false,
            permit: Permit {
                worker: poll.offer.worker.clone(),
                incarnation: poll.offer.incarnation,
                token_left: poll.offer.tokens.get(tenant).copied().unwrap_or_default(),
                slot: SlotId::from_u128(entropy.u128() % few),
                nonce: Nonce::from_u128(entropy.u128()),
            },
        }
    }

    /// Asks for a token at most every 5 s per tenant, and not before a refused account may be tried again.
    fn sign_in(&self, inner: &mut Inner, tenant: &TenantId) {
        let now = self.parts.process.clock.mono();
        if inner
            .signing_in
            .get(tenant)
            .is_none_or(|not_before| now >= *not_before)
        {
            inner.signing_in.insert(tenant.clone(), now + SIGN_IN_APART);
            let op = self.op(Subject::Tenant(tenant.clone()), Call::SignIn, None);
            inner.push(Priority::BelowMin, Queued::new(op, None, now));
            // Not only the next offer: every worker may be holding one open right now.
            inner.serve_open();
        }
    }

    /// A worker could not sign in for a tenant: it is not asked again before this has passed.
    pub fn not_signed_in(&self, tenant: &TenantId, after: Duration) {
        let not_before = self.parts.process.clock.mono() + after.max(SIGN_IN_APART);
        self.lock().signing_in.insert(tenant.clone(), not_before);
    }

    /// Queues an operation that needs no permit of its own; `only` names the one worker that can do it. Gives its id; none if it is queued already
    /// or the queue is full: ask again later. What is for one worker waits two minutes for it: ask again then, too.
    pub fn queue(
        &self,
        subject: Subject,
        (call, trace): (Call, Option<Trace>),
        priority: Priority,
        only: Option<WorkerName>,
    ) -> Option<OpId> {
        let op = self.op(subject, call, trace);
        let now = self.parts.process.clock.mono();
        let id = op.id;
        let mut inner = self.lock();
        let pushed = inner.push(priority, Queued::new(op, only, now));
        inner.serve_open();
        pushed.then_some(id)
    }
}

impl Inner {
    /// Ends the polls of a worker's former lives: a reply to them reaches nobody, so nothing more may be put into one.
    fn bury(&mut self, worker: &WorkerName, now: Incarnation) {
        let former = |p: &Poll| p.offer.worker == *worker && p.offer.incarnation != now;
        let dead: Vec<u64> = self
            .polls
            .iter()
            .filter(|(_, p)| former(p))
            .map(|(id, _)| *id)
            .collect();
        dead.into_iter().for_each(|poll| self.close(poll));
    }

    /// An offer takes no new work, and replies once nothing is being committed against it.
    fn close(&mut self, id: u64) {
        if let Some(poll) = self.polls.get_mut(&id) {
            poll.closing = true;
        }
        self.reply_if_done(id);
    }

    fn reply_if_done(&mut self, id: u64) {
        let done = self
            .polls
            .get(&id)
            .is_some_and(|p| p.closing && p.outstanding == 0);
        if done && let Some(mut poll) = self.polls.remove(&id) {
            let ops = std::mem::take(&mut poll.ops);
            // A receiver that is gone means a reply that never left: its creates are asked about by Void, everything else is asked again.
            drop(poll.reply.take().map(|reply| reply.send(ops)));
        }
    }
}

impl Held {
    /// The worker incarnation that may begin the call.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        self.permit.incarnation
    }

    /// Puts the committed operation into the reply of the poll that offered this permit. False: the poll is gone, nothing was handed out.
    pub fn fulfil(mut self, subject: Subject, call: Call, trace: Option<Trace>) -> bool {
        self.used = true;
        let op = self.handout.op(subject, call, trace);
        let mut inner = self.handout.lock();
        let Some(poll) = inner.polls.get_mut(&self.poll) else {
            return false;
        };
        let there = poll.reply.as_ref().is_some_and(|r| !r.is_closed());
        poll.ops.push(op);
        poll.outstanding = poll.outstanding.saturating_sub(1);
        poll.closing = true;
        inner.reply_if_done(self.poll);
        there
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        let mut inner = self.handout.lock();
        if let Some(poll) = inner.polls.get_mut(&self.poll) {
            poll.outstanding = poll.outstanding.saturating_sub(1);
            poll.creates += 1;
        }
        inner.reply_if_done(self.poll);
        if !inner.waiting.is_empty() {
            self.handout.parts.freed.notify_one();
        }
    }
}

/// Takes the offer back when its poll ends, however it ends.
#[derive(Debug)]
pub struct Withdraw {
    handout: Handout,
    poll: u64,
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        let mut inner = self.handout.lock();
        inner.polls.remove(&self.poll);
        self.handout.show(&inner);
    }
}

#[cfg(test)]
mod tests;
