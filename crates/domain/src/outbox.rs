//! The outbox: what a group's hooks are to be told, made in the very commit that causes it, and the servers that wait for an answer.
//!
//! ```text
//! a slot moves, desired changes ─► Due ─┬─► Taken ─── (nothing waits, or the wait ended) ─► closed: kept as history
//!                                       └─► Dead  (24 h, refused for good, its wait is over) ─► closed: a dead letter, can be sent again
//! ```
//! Messages about one server reach one address in the order in which they were caused: the next one is due when the one before it was taken or
//! is dead. Ids are numbers of the group, so a commit that is decided anew gives the same message the same id.

mod closed;
mod due;
mod sending;
mod waits;

use std::time::Duration;

use crate::capacity::Size;
use crate::draft::Draft;
use crate::group::HoldWhy;
use crate::hold;
use crate::hook::{Answer, Point, Waiting};
use crate::ids::{DeliveryId, HookId, ServerId, SlotId};
use crate::slot::{DeleteWhy, GoneWhy, Slot, State};
use crate::time::Timestamp;

pub(crate) use closed::closed;
pub use due::{Duty, due, wake};
pub use sending::{ANSWER_MAX, PLAN, Sent, again, settle};
pub use waits::{NotTaken, complete, heartbeat, skip};
pub(crate) use waits::{enters_service, go_on, holds};

/// Messages that may wait in one group. What is caused beyond that is a dead letter at once.
pub const OPEN_MAX: usize = 2_000;
/// Longest text of a trouble, in bytes.
const TROUBLE_BYTES_MAX: usize = 300;

/// One message to one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number in the group.
    pub id: DeliveryId,
    /// To whom.
    pub hook: HookId,
    /// What happened.
    pub point: Point,
    /// To what.
    pub about: About,
    /// When.
    pub made: Timestamp,
    /// How far it got.
    pub sending: Sending,
    /// What waits for its answer.
    pub wait: Option<Wait>,
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A server of the group.
    Server {
        /// Its slot.
        slot: SlotId,
        /// The server.
        server: ServerId,
        /// How it ended, when it is gone.
        gone: Option<GoneWhy>,
    },
    /// The desired size.
    Size {
        /// Before.
        before: Size,
        /// After.
        after: Size,
    },
    /// The group cannot launch what it wants, or can again.
    Trouble {
        /// Why.
        why: HoldWhy,
        /// The cloud's own words.
        detail: String,
        /// It is over.
        over: bool,
    },
    /// An alert that stays open in spite of all that was done, or closed after that.
    Incident {
        /// The same for as long as the alert is open.
        id: String,
        /// For people.
        text: String,
        /// It is over.
        over: bool,
    },
}

impl About {
    /// The slot, if it is about a server.
    #[must_use]
    pub const fn slot(&self) -> Option<SlotId> {
        match self {
            Self::Server { slot, .. } => Some(*slot),
            Self::Size { .. } | Self::Trouble { .. } | Self::Incident { .. } => None,
        }
    }
}

/// How far a message got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sending {
    /// To be sent, now or later.
    Due(Attempts),
    /// The receiver took it.
    Taken {
        /// When.
        at: Timestamp,
        /// With which attempt, from 1; 0 if it was answered without one that we know of.
        attempts: u32,
    },
    /// A dead letter.
    Dead {
        /// Since when.
        at: Timestamp,
        /// How many times it was tried.
        attempts: u32,
        /// Why, for people.
        why: String,
    },
}

/// The attempts so far, and when the next one is due: `pause` after `since`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// When the plan began: [`PLAN`] later it ends.
    pub begun: Timestamp,
    /// How many were made.
    pub made: u32,
    /// When the last one ended.
    pub since: Timestamp,
    /// How long after that the next one is due.
    pub pause: Duration,
    /// What was wrong with the last one, for people.
    pub trouble: Option<String>,
}

/// What waits for the answer to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Since when.
    pub since: Timestamp,
    /// Until so long after that.
    pub length: Duration,
    /// How it was configured when it began.
    pub terms: Waiting,
    /// How it ended.
    pub ended: Option<(How, Timestamp)>,
}

impl Wait {
    /// How much of it is left. A clock that was wrong makes it no longer than twice its length (I8).
    #[must_use]
    pub fn rest(&self, now: Timestamp) -> Duration {
        self.since.rest(self.length, now)
    }
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Somebody answered.
    Answered(Answer),
    /// Nobody answered in time: the default.
    Deadline(Answer),
    /// The message can never reach its receiver: the default.
    Undeliverable(Answer),
    /// Somebody with the right to do so skipped the step.
    Skipped,
    /// Nothing waits for it any more: the server left, the hook was removed, another hook abandoned.
    Withdrawn,
}

impl Delivery {
    /// Whether something is still to be done about it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.sending, Sending::Due(_)) || self.is_awaited()
    }
    /// Whether something waits for its answer.
    #[must_use]
    pub const fn is_awaited(&self) -> bool {
        matches!(self.wait, Some(Wait { ended: None, .. }))
    }
    /// How many times it was tried.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        match &self.sending {
            Sending::Due(Attempts { made, .. }) => *made,
            Sending::Taken { attempts, .. } | Sending::Dead { attempts, .. } => *attempts,
        }
    }
}

/// A slot came from one state into another: whoever wants to know is told, in the same commit.
pub(crate) fn moved(draft: &mut Draft<'_>, before: Option<&State>, slot: &Slot) {
    if draft.config().hooks.is_empty() {
        return;
    }
    let (Some((point, gone)), Some(server)) = (point_of(before, &slot.state), slot.state.server())
    else {
        return;
    };
    let about = About::Server {
        slot: slot.id,
        server,
        gone,
    };
    post(draft, point, &about);
}

/// What the move of a slot means to a customer. What was surplus was never announced, so its end is not either.
fn point_of(before: Option<&State>, after: &State) -> Option<(Point, Option<GoneWhy>)> {
    let is_new = before.is_none_or(|before| before.word() != after.word());
    if !is_new {
        return None;
    }
    match after {
        State::Configuring(_) => Some((Point::BeforeActive, None)),
        State::Active(_) => Some((Point::Active, None)),
        State::Draining(_) => Some((Point::BeforeDelete, None)),
        State::Gone(_, GoneWhy::Deleted(DeleteWhy::Surplus)) => None,
        State::Gone(_, why) => before
            .filter(|before| !matches!(before, State::Surplus(_)))
            .map(|_| (Point::Gone, Some(*why))),
        State::Issued(_)
        | State::InDoubt(..)
        | State::Accepted(_)
        | State::Deleting(..)
        | State::Surplus(_)
        | State::Failed(_)
        | State::Lapsed(..) => None,
    }
}

/// Makes a message for every hook that is called at that point.
pub fn post(draft: &mut Draft<'_>, point: Point, about: &About) {
    let now = draft.now().wall;
    let hooks = draft.config().hooks.iter();
    let called: Vec<_> = hooks
        .filter(|(_, hook)| hook.is_at(point))
        .map(|(id, hook)| (id.clone(), hook.waits_at(point).map(Waiting::bounded)))
        .collect();
    for (hook, terms) in called {
        let room = draft.posts_open() < OPEN_MAX;
        let sending = if room {
            sending::at_once(now)
        } else {
            Sending::Dead {
                at: now,
                attempts: 0,
                why: String::from("too many messages of this group wait already"),
            }
        };
        let wait = terms.filter(|_| room).map(|terms| Wait {
            since: now,
            length: terms.deadline,
            terms,
            ended: None,
        });
        let id = number(draft.state.posted, now);
        draft.state.posted = id;
        draft.post(Delivery {
            id,
            hook,
            point,
            about: about.clone(),
            made: now,
            sending,
            wait,
        });
    }
}

/// The number of the next message: larger than any before, and no smaller than the time. So a group that comes back from a backup gives no
/// number twice ([ADR 0012](../../../docs/adr/0012-a-restored-ledger-pauses-its-groups.md)): receivers remember numbers, and answers name them.
fn number(last: DeliveryId, now: Timestamp) -> DeliveryId {
    last.next().max(DeliveryId(now.unix_ms()))
}

/// Says that the desired size changed, if it did.
pub(crate) fn note_size(draft: &mut Draft<'_>) {
    let (before, after) = (draft.group().state.desired, draft.state.desired);
    if before != after && !draft.config().hooks.is_empty() {
        post(draft, Point::Scaled, &About::Size { before, after });
    }
}

/// Says that the group cannot launch what it wants, or can again. What was said last stands in the state, so it is said once.
pub(crate) fn note_trouble(draft: &mut Draft<'_>) {
    if draft.state.degraded.is_none()
        && !crate::hook::any_at(&draft.config().hooks, Point::Degraded)
    {
        return;
    }
    let now = draft.now().wall;
    let hold = draft.state.hold.clone();
    let is_held = hold::is_held(&draft.state, now);
    match (hold.filter(|_| is_held), draft.state.degraded) {
        (Some(hold), told) if told != Some(hold.why) => {
            draft.state.degraded = Some(hold.why);
            let about = About::Trouble {
                why: hold.why,
                detail: hold.detail,
                over: false,
            };
            post(draft, Point::Degraded, &about);
        }
        (None, Some(why)) if is_well(draft) => {
            draft.state.degraded = None;
            let about = About::Trouble {
                why,
                detail: String::new(),
                over: true,
            };
            post(draft, Point::Degraded, &about);
        }
        (Some(_) | None, Some(_) | None) => {}
    }
}

/// A hold that ran out is no recovery yet: the next launch may fail as the last one did.
fn is_well(draft: &Draft<'_>) -> bool {
    draft.state.hold.is_none() || draft.census().active >= draft.state.desired
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(TROUBLE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests;
