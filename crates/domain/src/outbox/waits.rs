//! Servers that wait: who goes on, who is abandoned, and why a late answer changes nothing.

use crate::circle;
use crate::draft::Draft;
use crate::hold;
use crate::hook::{Answer, Point, any_at};
use crate::ids::{DeliveryId, SlotId};
use crate::mutant::{self, Mutant};
use crate::slot::{DeleteWhy, Move, State};
use crate::time::Timestamp;

use super::{Delivery, How, Sending};

/// Why an answer changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// No message of this number waits here; the history may say what became of it.
    #[error("nothing waits for this")]
    Unknown,
    /// Nothing ever waited for it.
    #[error("nothing waits for the answer to this message")]
    NotWaiting,
    /// What waited has gone on.
    #[error("the wait is over")]
    Over(How),
    /// The hook does not let anybody skip it.
    #[error("this step cannot be skipped")]
    NotSkippable,
}

fn awaited(draft: &Draft<'_>, id: DeliveryId) -> Result<Delivery, NotTaken> {
    let delivery = draft.delivery(id).ok_or(NotTaken::Unknown)?;
    let wait = delivery.wait.ok_or(NotTaken::NotWaiting)?;
    if let Some((how, _)) = wait.ended {
        return Err(NotTaken::Over(how));
    }
    // Its time is over, although nobody has looked since: who answers now is late, whether or not the owner was quicker.
    if wait.rest(draft.now().wall).is_zero() && !mutant::on(Mutant::LateAnswerCounts) {
        return Err(NotTaken::Over(How::Deadline(wait.terms.default)));
    }
    Ok(delivery.clone())
}

/// Somebody answers for a server that waits.
///
/// # Errors
/// [`NotTaken`] says why nothing changed; tell the caller.
pub fn complete(draft: &mut Draft<'_>, id: DeliveryId, answer: Answer) -> Result<(), NotTaken> {
    awaited(draft, id)?;
    end(draft, id, How::Answered(answer));
    Ok(())
}

/// Somebody is at work on a server that waits: the deadline begins anew, within the longest time. Gives the new end.
///
/// # Errors
/// [`NotTaken`].
pub fn heartbeat(draft: &mut Draft<'_>, id: DeliveryId) -> Result<Timestamp, NotTaken> {
    let mut delivery = awaited(draft, id)?;
    let now = draft.now().wall;
    let Some(wait) = &mut delivery.wait else {
        return Err(NotTaken::NotWaiting);
    };
    let length = now.since(wait.since) + wait.terms.deadline;
    let longest = if mutant::on(Mutant::HeartbeatUnbounded) {
        length
    } else {
        wait.terms.longest
    };
    wait.length = wait.length.max(length.min(longest));
    let until = wait.since.plus(wait.length);
    draft.post(delivery);
    Ok(until)
}

/// Somebody decides that a server need not wait for a step.
///
/// # Errors
/// [`NotTaken`].
pub fn skip(draft: &mut Draft<'_>, id: DeliveryId) -> Result<(), NotTaken> {
    let delivery = awaited(draft, id)?;
    let hook = draft.config().hooks.get(&delivery.hook);
    if hook.is_some_and(|hook| !hook.skippable) {
        return Err(NotTaken::NotSkippable);
    }
    end(draft, id, How::Skipped);
    Ok(())
}

/// Ends what waits too long, or for nobody; withdraws what nobody can be told any more. In every phase, before anything is planned.
pub(crate) fn go_on(draft: &mut Draft<'_>) {
    let open: Vec<Delivery> = draft.outbox().cloned().collect();
    for delivery in open {
        let slot = delivery.about.slot();
        let is_gone = draft.delivery(delivery.id).is_none_or(|now| !now.is_open());
        if is_gone || slot.is_some_and(|slot| !draft.has_room_for(slot)) {
            continue;
        }
        let hook = draft.config().hooks.get(&delivery.hook);
        let is_on = hook.is_some_and(|hook| hook.enabled);
        let wait = delivery.wait.filter(|wait| wait.ended.is_none());
        match wait {
            Some(wait) if wait.rest(draft.now().wall).is_zero() => {
                if !mutant::on(Mutant::WaitForEver) {
                    end(draft, delivery.id, How::Deadline(wait.terms.default));
                }
            }
            Some(_) if !is_on || !waits_still(draft, &delivery) => {
                end(draft, delivery.id, How::Withdrawn);
            }
            None if !is_on => withdraw(draft, delivery, "the hook was removed or switched off"),
            None if delivery.point == Point::Over && !circle::is_over(draft) => {
                withdraw(draft, delivery, "an alert is open again");
            }
            Some(_) | None => {}
        }
    }
}

fn waits_still(draft: &Draft<'_>, delivery: &Delivery) -> bool {
    let slot = delivery.about.slot().and_then(|slot| draft.slot(slot));
    slot.is_some_and(|slot| {
        let here = match delivery.point {
            Point::BeforeActive => matches!(slot.state, State::Configuring(_)),
            Point::BeforeDelete => matches!(slot.state, State::Draining(_)),
            Point::Active | Point::Gone | Point::Scaled => false,
            Point::Degraded | Point::Escalated | Point::Over => false,
        };
        here && !slot.flags.disowned
    })
}

/// Ends a wait, and with it the attempts to send: what has gone on needs no more telling. Moves the server that waited.
pub(super) fn end(draft: &mut Draft<'_>, id: DeliveryId, how: How) {
    let Some(mut delivery) = draft.delivery(id).cloned() else {
        return;
    };
    let now = draft.now().wall;
    if let Some(wait) = &mut delivery.wait {
        wait.ended = Some((how, now));
    }
    let attempts = delivery.attempts();
    if matches!(delivery.sending, Sending::Due(_)) {
        let trouble = match &delivery.sending {
            Sending::Due(attempts) => attempts.trouble.clone(),
            Sending::Taken { .. } | Sending::Dead { .. } => None,
        };
        delivery.sending = match how {
            // Who answers has the message, whatever was heard of the attempt.
            How::Answered(_) => Sending::Taken { at: now, attempts },
            How::Deadline(_) | How::Undeliverable(_) | How::Skipped | How::Withdrawn => {
                let last = trouble.unwrap_or_else(|| String::from("it was not tried"));
                Sending::Dead {
                    at: now,
                    attempts,
                    why: super::cut(&format!("{}; before that: {last}", reason(how))),
                }
            }
        };
    }
    let (point, slot) = (delivery.point, delivery.about.slot());
    draft.post(delivery);
    if let Some(slot) = slot {
        resolve(draft, slot, point, how);
    }
}

const fn reason(how: How) -> &'static str {
    match how {
        How::Answered(_) => "it was answered",
        How::Deadline(_) => "its deadline passed before the receiver took it",
        How::Undeliverable(_) => "it cannot be delivered",
        How::Skipped => "the step was skipped",
        How::Withdrawn => "nothing waits for it any more",
    }
}

fn withdraw(draft: &mut Draft<'_>, delivery: Delivery, why: &str) {
    let (at, attempts) = (draft.now().wall, delivery.attempts());
    draft.post(Delivery {
        sending: Sending::Dead {
            at,
            attempts,
            why: why.to_owned(),
        },
        ..delivery
    });
}

/// Moves a server whose wait ended. One that waits for its delete is moved on by `plan`, which knows why it leaves.
fn resolve(draft: &mut Draft<'_>, slot: SlotId, point: Point, how: How) {
    let answer = match how {
        How::Answered(answer) | How::Deadline(answer) | How::Undeliverable(answer) => answer,
        How::Skipped | How::Withdrawn => Answer::Continue,
    };
    if answer == Answer::Abandon {
        let others: Vec<Delivery> = waiting(draft, slot, point).cloned().collect();
        for mut other in others {
            if let Some(wait) = &mut other.wait {
                wait.ended = Some((How::Withdrawn, draft.now().wall));
            }
            let is_due = matches!(other.sending, Sending::Due(_));
            if is_due {
                withdraw(draft, other, "another hook abandoned the server");
            } else {
                draft.post(other);
            }
        }
    }
    let is_booting = draft
        .slot(slot)
        .is_some_and(|slot| matches!(slot.state, State::Configuring(_)));
    if point != Point::BeforeActive || !is_booting {
        return;
    }
    if answer == Answer::Abandon {
        if draft.try_step(slot, Move::Delete(DeleteWhy::Abandoned)) {
            hold::count_failures(draft, "hooks abandoned servers before they were in service");
        }
    } else if !is_held_back(draft, slot) {
        activate(draft, slot);
    }
}

fn activate(draft: &mut Draft<'_>, slot: SlotId) {
    let Some(found) = draft.slot(slot).filter(|slot| !slot.flags.disowned) else {
        return;
    };
    let issued = found.issued;
    if draft.try_step(slot, Move::Activate) {
        hold::ease(draft, issued);
    }
}

fn waiting<'a>(
    draft: &'a Draft<'_>,
    slot: SlotId,
    point: Point,
) -> impl Iterator<Item = &'a Delivery> {
    draft.outbox().filter(move |delivery| {
        delivery.is_awaited() && delivery.point == point && delivery.about.slot() == Some(slot)
    })
}

/// Whether a server waits before it goes into service.
pub(crate) fn is_held_back(draft: &Draft<'_>, slot: SlotId) -> bool {
    waiting(draft, slot, Point::BeforeActive).next().is_some() && !mutant::on(Mutant::NobodyWaits)
}

/// Whether a server waits before it is deleted.
pub(crate) fn holds(draft: &Draft<'_>, slot: SlotId) -> bool {
    waiting(draft, slot, Point::BeforeDelete).next().is_some()
}

/// A server is up: it goes into service, by way of what the customer wants done before.
pub(crate) fn enters_service(draft: &mut Draft<'_>, slot: SlotId) {
    if any_at(&draft.config().hooks, Point::BeforeActive) {
        // Refused when it is there already: it waits.
        draft.try_step(slot, Move::Configure);
    }
    if !is_held_back(draft, slot) {
        activate(draft, slot);
    }
}
