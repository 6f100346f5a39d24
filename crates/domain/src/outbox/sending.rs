//! Attempts, their plan, and what comes of them.

use std::time::Duration;

use crate::draft::Draft;
use crate::ids::DeliveryId;
use crate::mutant::{self, Mutant};
use crate::time::Timestamp;

use super::waits::end;
use super::{Attempts, Delivery, How, Sending, cut};

/// What no receiver took within this is a dead letter (issue 7).
pub const PLAN: Duration = Duration::from_secs(24 * 3600);
/// However long a receiver asks to wait.
const AFTER_MAX: Duration = Duration::from_secs(3600);
/// When no hooks lane took the message from us.
const NOBODY: Duration = Duration::from_secs(30);
/// While a server waits for the answer, the next attempt is no further off.
const AWAITED_MAX: Duration = Duration::from_secs(30);
/// A message that was handed out and of which nothing was heard for so long may be handed out again.
pub const ANSWER_MAX: Duration = Duration::from_secs(45);
/// After the first failed attempt, the second, ...; the last one again and again.
const PAUSES: [Duration; 11] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(4 * 3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(8 * 3600),
];

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// 2xx.
    Taken,
    /// Anything else that may be better next time, in words for people; and how long the receiver asks to wait.
    Failed(String, Option<Duration>),
    /// It can never reach its receiver: an address that is refused, 410.
    Refused(String),
    /// No hooks lane was there to try: no attempt.
    Nobody,
}

/// Due at once, for the first time.
pub(super) const fn at_once(now: Timestamp) -> Sending {
    Sending::Due(Attempts {
        begun: now,
        made: 0,
        since: now,
        pause: Duration::ZERO,
        trouble: None,
    })
}

/// Takes in what came of the attempt that followed `made` others. A report that comes twice or late changes nothing, but that a message was
/// taken counts whenever it is heard.
pub fn settle(draft: &mut Draft<'_>, id: DeliveryId, made: u32, sent: &Sent) {
    let Some(mut delivery) = draft.delivery(id).cloned() else {
        return;
    };
    let Sending::Due(attempts) = delivery.sending.clone() else {
        return;
    };
    let now = draft.now().wall;
    if attempts.made != made && *sent != Sent::Taken {
        return;
    }
    delivery.sending = match sent {
        Sent::Taken => Sending::Taken {
            at: now,
            attempts: attempts.made.saturating_add(1),
        },
        Sent::Failed(why, after) => failed(&delivery, attempts, now, (why, *after)),
        Sent::Refused(why) => Sending::Dead {
            at: now,
            attempts: attempts.made.saturating_add(1),
            why: cut(why),
        },
        Sent::Nobody => Sending::Due(Attempts {
            since: now,
            pause: NOBODY,
            trouble: Some(String::from("no hooks lane is there to send it")),
            ..attempts
        }),
    };
    let is_dead = matches!(delivery.sending, Sending::Dead { .. });
    let default = delivery.wait.map(|wait| wait.terms.default);
    let is_awaited = delivery.is_awaited();
    draft.post(delivery);
    if let Some(default) = default.filter(|_| is_dead && is_awaited) {
        end(draft, id, How::Undeliverable(default));
    }
}

fn failed(
    delivery: &Delivery,
    attempts: Attempts,
    now: Timestamp,
    (why, after): (&str, Option<Duration>),
) -> Sending {
    let made = attempts.made.saturating_add(1);
    let mut pause = pause(delivery.id, made).max(after.unwrap_or_default().min(AFTER_MAX));
    if delivery.is_awaited() {
        pause = pause.min(AWAITED_MAX);
    }
    let is_over = now.since(attempts.begun) + pause >= PLAN && !mutant::on(Mutant::RetryForEver);
    if is_over {
        return Sending::Dead {
            at: now,
            attempts: made,
            why: cut(why),
        };
    }
    Sending::Due(Attempts {
        made,
        since: now,
        pause,
        trouble: Some(cut(why)),
        ..attempts
    })
}

/// The pause after so many attempts, a fifth longer or shorter by the message's number: those that failed together do not come back together.
fn pause(id: DeliveryId, made: u32) -> Duration {
    let place = usize::try_from(made.saturating_sub(1)).unwrap_or(usize::MAX);
    let pause = PAUSES[place.min(PAUSES.len() - 1)];
    let mixed = (id.0 ^ (u64::from(made) << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let percent = u32::try_from(80 + mixed % 41).unwrap_or(100);
    pause * percent / 100
}

/// Sends a dead letter, or what was taken before, once more, with a plan of its own. What waited for it has long gone on.
pub fn again(draft: &mut Draft<'_>, mut delivery: Delivery) {
    if delivery.is_open() || draft.delivery(delivery.id).is_some() {
        return;
    }
    delivery.sending = at_once(draft.now().wall);
    draft.post(delivery);
}
