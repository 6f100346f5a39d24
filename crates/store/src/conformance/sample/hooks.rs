//! Hooks and their messages.

use std::time::Duration;

use domain::capacity::Size;
use domain::group::HoldWhy;
use domain::hook::{Answer, Format, Hook, Hooks, Key, KeyKind, Point, Waiting};
use domain::ids::{DeliveryId, SlotId};
use domain::outbox::{About, Attempts, Delivery, How, Sending, Wait};
use domain::slot;

use super::{NOON, server, text};

/// Hooks that together have every point, format and kind of key.
pub(super) fn every_hook() -> Hooks {
    let kinds = [
        (Format::Webhook, KeyKind::Hmac),
        (Format::CloudEvents, KeyKind::Ed25519),
        (Format::Slack, KeyKind::Address),
        (Format::PagerDuty, KeyKind::Routing),
        (Format::Probe, KeyKind::Bearer),
    ];
    let hook = |at: usize, (format, kind)| Hook {
        points: Point::ALL.into_iter().skip(at).collect(),
        format,
        url: format!("https://receiver.example/{at}?a=\u{fc}"),
        wait: at.is_multiple_of(2).then(waiting),
        skippable: at != 1,
        enabled: at != 2,
        keys: vec![Key {
            kind,
            sealed: String::from("c2VhbGVk"),
            public: (at == 1).then(|| String::from("whpk_x")),
            until: (at == 3).then_some(NOON),
        }],
    };
    let all = kinds.into_iter().enumerate();
    all.map(|(at, kind)| (text(&format!("hook-{at}")), hook(at, kind)))
        .collect()
}

const fn waiting() -> Waiting {
    Waiting {
        deadline: Duration::from_millis(300_001),
        longest: Duration::from_secs(3600),
        default: Answer::Abandon,
    }
}

/// An open message of that number.
#[must_use]
pub fn open(id: u64) -> Delivery {
    Delivery {
        id: DeliveryId(id),
        hook: text("configure"),
        point: Point::BeforeActive,
        about: About::Server {
            slot: SlotId::from_u128(5),
            server: server(6),
            gone: None,
        },
        made: NOON,
        sending: Sending::Due(Attempts {
            begun: NOON,
            made: 2,
            since: NOON,
            pause: Duration::from_millis(1501),
            trouble: Some(String::from("500 \"\u{fc}\"")),
        }),
        wait: Some(Wait {
            since: NOON,
            length: Duration::from_millis(300_002),
            terms: waiting(),
            ended: None,
        }),
    }
}

/// A dead letter of that number.
#[must_use]
pub fn dead(id: u64) -> Delivery {
    let mut delivery = open(id);
    delivery.sending = Sending::Dead {
        at: NOON,
        attempts: 12,
        why: String::from("no answer within 15 s"),
    };
    delivery.wait = delivery.wait.map(|wait| Wait {
        ended: Some((How::Deadline(Answer::Abandon), NOON)),
        ..wait
    });
    delivery
}

/// Messages that together have every point, subject and end, numbered from 1.
#[must_use]
pub fn every_delivery() -> Vec<Delivery> {
    let abouts = [
        About::Server {
            slot: SlotId::from_u128(5),
            server: server(6),
            gone: Some(slot::GoneWhy::HandedBack),
        },
        About::Size {
            before: Size(1),
            after: Size(u32::MAX),
        },
        About::Trouble {
            why: HoldWhy::Quota,
            detail: String::from("\u{fc} \"quoted\""),
            over: true,
        },
        About::Incident {
            id: String::from("incident"),
            text: String::from("still open"),
            over: false,
        },
    ];
    let ends = [
        None,
        Some(How::Answered(Answer::Continue)),
        Some(How::Deadline(Answer::Abandon)),
        Some(How::Undeliverable(Answer::Continue)),
        Some(How::Skipped),
        Some(How::Withdrawn),
    ];
    let taken = Sending::Taken {
        at: NOON,
        attempts: 1,
    };
    let sendings = [open(0).sending, taken, dead(0).sending];
    let all = (1..=24).map(|n: u64| {
        let at = usize::try_from(n).unwrap_or_default();
        let wait = ends[at % 6].map(|how| Wait {
            ended: Some((how, NOON)),
            since: NOON,
            length: Duration::from_secs(1),
            terms: waiting(),
        });
        Delivery {
            id: DeliveryId(n),
            point: Point::ALL[at % 7],
            about: abouts[at % 4].clone(),
            sending: sendings[at % 3].clone(),
            wait,
            ..open(n)
        }
    });
    all.collect()
}
