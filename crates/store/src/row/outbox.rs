//! The row of a message of a hook. Its number is the row's key and is not in the body.

use std::time::Duration;

use domain::capacity::Size;
use domain::ids::{DeliveryId, HookId, ServerId, SlotId};
use domain::outbox::{About, Attempts, Delivery, How, Sending, Wait};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::hook::WaitingRow;
use super::ms;
use super::slot::GoneRow;
use super::words::{AnswerRow, HoldRow, PointRow};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DeliveryRow {
    #[serde_as(as = "DisplayFromStr")]
    h: HookId,
    p: PointRow,
    a: AboutRow,
    m: u64,
    s: SendingRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<WaitRow>,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AboutRow {
    Server(
        #[serde_as(as = "DisplayFromStr")] SlotId,
        #[serde_as(as = "DisplayFromStr")] ServerId,
        Option<GoneRow>,
    ),
    Size(u32, u32),
    Trouble(HoldRow, String, bool),
    Incident(String, String, bool),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SendingRow {
    /// Begun, made, since, pause, trouble.
    Due(u64, u32, u64, u64, Option<String>),
    Taken(u64, u32),
    Dead(u64, u32, String),
}

#[derive(Debug, Serialize, Deserialize)]
struct WaitRow {
    s: u64,
    l: u64,
    t: WaitingRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<(HowRow, u64)>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HowRow {
    Answered(AnswerRow),
    Deadline(AnswerRow),
    Undeliverable(AnswerRow),
    Skipped,
    Withdrawn,
}

impl From<&Delivery> for DeliveryRow {
    fn from(delivery: &Delivery) -> Self {
        let Delivery {
            id: _,
            hook,
            point,
            about,
            made,
            sending,
            wait,
        } = delivery;
        Self {
            h: hook.clone(),
            p: (*point).into(),
            a: about.into(),
            m: made.unix_ms(),
            s: sending.into(),
            w: wait.map(WaitRow::from),
        }
    }
}

impl DeliveryRow {
    /// The message of that number.
    pub(crate) fn into_delivery(self, id: DeliveryId) -> Delivery {
        Delivery {
            id,
            hook: self.h,
            point: self.p.into(),
            about: self.a.into(),
            made: Timestamp::from_unix_ms(self.m),
            sending: self.s.into(),
            wait: self.w.map(Wait::from),
        }
    }
}

impl From<&About> for AboutRow {
    fn from(about: &About) -> Self {
        match about {
            About::Server { slot, server, gone } => {
                Self::Server(*slot, *server, gone.map(GoneRow::from))
            }
            About::Size { before, after } => Self::Size(before.0, after.0),
            About::Trouble { why, detail, over } => {
                Self::Trouble((*why).into(), detail.clone(), *over)
            }
            About::Incident { id, text, over } => Self::Incident(id.clone(), text.clone(), *over),
        }
    }
}

impl From<AboutRow> for About {
    fn from(row: AboutRow) -> Self {
        match row {
            AboutRow::Server(slot, server, gone) => Self::Server {
                slot,
                server,
                gone: gone.map(GoneRow::into),
            },
            AboutRow::Size(before, after) => Self::Size {
                before: Size(before),
                after: Size(after),
            },
            AboutRow::Trouble(why, detail, over) => Self::Trouble {
                why: why.into(),
                detail,
                over,
            },
            AboutRow::Incident(id, text, over) => Self::Incident { id, text, over },
        }
    }
}

impl From<&Sending> for SendingRow {
    fn from(sending: &Sending) -> Self {
        match sending {
            Sending::Due(Attempts {
                begun,
                made,
                since,
                pause,
                trouble,
            }) => Self::Due(
                begun.unix_ms(),
                *made,
                since.unix_ms(),
                ms(*pause),
                trouble.clone(),
            ),
            Sending::Taken { at, attempts } => Self::Taken(at.unix_ms(), *attempts),
            Sending::Dead { at, attempts, why } => Self::Dead(at.unix_ms(), *attempts, why.clone()),
        }
    }
}

impl From<SendingRow> for Sending {
    fn from(row: SendingRow) -> Self {
        match row {
            SendingRow::Due(begun, made, since, pause, trouble) => Self::Due(Attempts {
                begun: Timestamp::from_unix_ms(begun),
                made,
                since: Timestamp::from_unix_ms(since),
                pause: Duration::from_millis(pause),
                trouble,
            }),
            SendingRow::Taken(at, attempts) => Self::Taken {
                at: Timestamp::from_unix_ms(at),
                attempts,
            },
            SendingRow::Dead(at, attempts, why) => Self::Dead {
                at: Timestamp::from_unix_ms(at),
                attempts,
                why,
            },
        }
    }
}

impl From<Wait> for WaitRow {
    fn from(wait: Wait) -> Self {
        Self {
            s: wait.since.unix_ms(),
            l: ms(wait.length),
            t: wait.terms.into(),
            e: wait
                .ended
                .map(|(how, at)| (HowRow::from(how), at.unix_ms())),
        }
    }
}

impl From<WaitRow> for Wait {
    fn from(row: WaitRow) -> Self {
        Self {
            since: Timestamp::from_unix_ms(row.s),
            length: Duration::from_millis(row.l),
            terms: row.t.into(),
            ended: row
                .e
                .map(|(how, at)| (how.into(), Timestamp::from_unix_ms(at))),
        }
    }
}

impl From<How> for HowRow {
    fn from(how: How) -> Self {
        match how {
            How::Answered(answer) => Self::Answered(answer.into()),
            How::Deadline(answer) => Self::Deadline(answer.into()),
            How::Undeliverable(answer) => Self::Undeliverable(answer.into()),
            How::Skipped => Self::Skipped,
            How::Withdrawn => Self::Withdrawn,
        }
    }
}

impl From<HowRow> for How {
    fn from(row: HowRow) -> Self {
        match row {
            HowRow::Answered(answer) => Self::Answered(answer.into()),
            HowRow::Deadline(answer) => Self::Deadline(answer.into()),
            HowRow::Undeliverable(answer) => Self::Undeliverable(answer.into()),
            HowRow::Skipped => Self::Skipped,
            HowRow::Withdrawn => Self::Withdrawn,
        }
    }
}
