//! Which messages are due, one per server and address, and when to look again.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::group::Group;
use crate::hook::Format;
use crate::ids::{DeliveryId, HookId};
use crate::mutant::{self, Mutant};
use crate::time::Timestamp;

use super::{Delivery, Sending};

/// The index of timers wakes a group for its outbox so much later than its owner does by itself: it is for owners that died.
const GRACE: Duration = Duration::from_secs(60);

/// What a group wants sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Duty {
    /// To be sent now, in the order in which they were caused.
    pub due: Vec<DeliveryId>,
    /// When to look again.
    pub next: Option<Duration>,
}

/// What is due. Of the messages about one server to one address only the first that was neither taken nor is dead.
#[must_use]
pub fn due(group: &Group, now: Timestamp) -> Duty {
    let mut duty = Duty::default();
    let mut busy = BTreeSet::new();
    for delivery in group.outbox.values() {
        if let Some(wait) = delivery.wait.filter(|wait| wait.ended.is_none()) {
            soonest(&mut duty.next, wait.rest(now));
        }
        let Sending::Due(attempts) = &delivery.sending else {
            continue;
        };
        let lane = (delivery.about.slot(), receiver(group, &delivery.hook));
        if !busy.insert(lane) && !mutant::on(Mutant::HooksOutOfOrder) {
            continue;
        }
        let rest = attempts.since.rest(attempts.pause, now);
        if rest.is_zero() {
            duty.due.push(delivery.id);
        } else {
            soonest(&mut duty.next, rest);
        }
    }
    duty
}

/// Who receives a message, as far as its order matters: an address that several hooks share, or what one hook alone reaches.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Receiver<'g> {
    Address(&'g str),
    /// Its key says where it goes: the rest of the address is in it, or the service that it is for.
    Hook(&'g HookId),
}

fn receiver<'g>(group: &'g Group, id: &'g HookId) -> Receiver<'g> {
    let Some(hook) = group.config.hooks.get(id) else {
        return Receiver::Hook(id);
    };
    match hook.format {
        Format::Webhook | Format::CloudEvents | Format::Probe => Receiver::Address(&hook.url),
        Format::Slack | Format::PagerDuty => Receiver::Hook(id),
    }
}

fn soonest(next: &mut Option<Duration>, rest: Duration) {
    *next = Some(next.map_or(rest, |old| old.min(rest)));
}

/// When an owner that does not know of the group yet has to be woken for its outbox: a whole minute, so that it moves seldom.
pub fn wake<'d>(open: impl Iterator<Item = &'d Delivery>) -> Option<Timestamp> {
    let minute = u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX);
    let late = |at: Timestamp| {
        let minutes = at.plus(GRACE).unix_ms().div_ceil(minute);
        Timestamp::from_unix_ms(minutes.saturating_mul(minute))
    };
    open.filter_map(first).min().map(late)
}

fn first(delivery: &Delivery) -> Option<Timestamp> {
    let wait = delivery.wait.filter(|wait| wait.ended.is_none());
    let ends = wait.map(|wait| wait.since.plus(wait.length));
    let sent = match &delivery.sending {
        Sending::Due(attempts) => Some(attempts.since.plus(attempts.pause)),
        Sending::Taken { .. } | Sending::Dead { .. } => None,
    };
    ends.into_iter().chain(sent).min()
}
