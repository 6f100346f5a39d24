//! Operations that need no permit of their own wait for the next offer, or for that of the one worker that can do them.

use chassis::Mono;
use domain::ids::{OpId, SlotId, TenantId, WorkerName};
use wire::ports::ops::{Call, Op, Priority, Subject};

use super::Inner;
use super::turns::Line;
use crate::duty::ANSWER_MAX;

/// Operations that wait for an offer, over all groups. More than this are not queued: their owners ask again.
const QUEUE_MAX: usize = 4096;
/// Operations in one reply, so that a poll stays small.
const REPLY_MAX: usize = 64;

/// What is queued once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum QueueKey {
    Slot(SlotId, &'static str),
    Tenant(TenantId, &'static str),
    /// Somebody waits for this very one.
    One(OpId),
}

impl QueueKey {
    fn of(op: &Op) -> Self {
        match (&op.key, &op.call) {
            (_, Call::LookUp(_)) => Self::One(op.id),
            (_, Call::Delete { slot, .. }) => Self::Slot(*slot, "delete"),
            (_, Call::Void { slot, .. }) => Self::Slot(*slot, "void"),
            (_, Call::Read { slot, .. }) => Self::Slot(*slot, "read"),
            (_, Call::ListTagged { slot }) => Self::Slot(*slot, "tagged"),
            (_, Call::Create(create)) => Self::Slot(create.slot, "create"),
            (Subject::Tenant(t), Call::List) => Self::Tenant(t.clone(), "list"),
            (Subject::Group(g), Call::List) => Self::Tenant(g.tenant.clone(), "list"),
            (Subject::Tenant(t), Call::SignIn) => Self::Tenant(t.clone(), "sign-in"),
            (Subject::Group(g), Call::SignIn) => Self::Tenant(g.tenant.clone(), "sign-in"),
        }
    }
}

/// An operation that waits.
pub(super) struct Queued {
    key: QueueKey,
    op: Op,
    only: Option<WorkerName>,
    since: Mono,
}

impl Queued {
    /// One that waits from now on; `only` names the one worker that can do it.
    pub(super) fn new(op: Op, only: Option<WorkerName>, now: Mono) -> Self {
        Self {
            key: QueueKey::of(&op),
            op,
            only,
            since: now,
        }
    }
}

impl Inner {
    /// False: it is queued already, or too much is.
    pub(super) fn push(&mut self, priority: Priority, queued: Queued) -> bool {
        if self.queue.len() >= QUEUE_MAX || self.keys.contains(&queued.key) {
            return false;
        }
        self.next += 1;
        let tenant = queued.op.key.tenant();
        let Some(line) = self.lines.enter(priority, tenant, self.next) else {
            return false;
        };
        self.keys.insert(queued.key.clone());
        self.queue.insert(line, queued);
        true
    }

    /// Moves queued operations into the polls that are open.
    pub(super) fn serve_open(&mut self) {
        let open: Vec<u64> = self
            .polls
            .iter()
            .filter(|(_, p)| !p.closing)
            .map(|(id, _)| *id)
            .collect();
        open.into_iter().for_each(|poll| self.serve_queue(poll));
    }

    /// Moves queued operations into a poll, most urgent first, as far as it offers.
    pub(super) fn serve_queue(&mut self, id: u64) {
        let Some(poll) = self.polls.get_mut(&id) else {
            return;
        };
        let name = &poll.offer.worker;
        let room = usize::try_from(poll.others)
            .unwrap_or(usize::MAX)
            .min(REPLY_MAX.saturating_sub(poll.ops.len()));
        let fit: Vec<Line> = self
            .queue
            .iter()
            .filter(|(_, q)| q.only.as_ref().is_none_or(|only| only == name))
            .map(|(place, _)| *place)
            .take(room)
            .collect();
        for place in fit {
            if let Some(queued) = self.queue.remove(&place) {
                self.keys.remove(&queued.key);
                self.lines.leave(place, queued.op.key.tenant());
                poll.others = poll.others.saturating_sub(1);
                poll.ops.push(queued.op);
                poll.closing = true;
            }
        }
        self.reply_if_done(id);
    }

    /// Takes out what waited for one worker for longer than its answer is awaited. That worker may never come back, and no other one's poll takes
    /// it out: it would fill the queue of its tenant for ever.
    pub(super) fn give_up(&mut self, now: Mono) {
        let is_late = |q: &Queued| q.only.is_some() && now.saturating_since(q.since) >= ANSWER_MAX;
        let late = self.queue.extract_if(.., |_, queued| is_late(queued));
        for (_, queued) in late {
            self.keys.remove(&queued.key);
            self.lines.drop_out(queued.op.key.tenant());
        }
    }
}
