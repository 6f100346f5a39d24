//! Reports as they travel.

mod found;
mod outcome;
mod row;

use std::time::Duration;

use domain::ids::{Incarnation, OpId, SlotId, WorkerName};
use domain::trace::Trace;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::op::SubjectMessage;
use crate::ports::http::{Micros, Text};
use crate::ports::ops::{Done, Report, Wait};
pub(in crate::ports) use found::LookedUpMessage;
use outcome::OutcomeMessage;
use row::{ExtentWord, RowMessage};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReportMessage {
    #[serde_as(as = "Text")]
    op: OpId,
    key: SubjectMessage,
    #[serde_as(as = "Text")]
    worker: WorkerName,
    #[serde_as(as = "Text")]
    incarnation: Incarnation,
    result: DoneMessage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde_as(as = "Option<Text>")]
    trace: Option<Trace>,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "snake_case")]
enum DoneMessage {
    Slot {
        #[serde_as(as = "Text")]
        slot: SlotId,
        outcome: OutcomeMessage,
    },
    Listed {
        #[serde_as(as = "Micros")]
        age_us: Duration,
        extent: ExtentWord,
        rows: Vec<RowMessage>,
        others: u32,
    },
    Read {
        #[serde_as(as = "Text")]
        slot: SlotId,
        #[serde_as(as = "Micros")]
        age_us: Duration,
        row: Option<RowMessage>,
    },
    SignedIn,
    NotSignedIn(WaitMessage),
    LookedUp(LookedUpMessage),
    Nothing(WaitMessage),
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct WaitMessage {
    #[serde_as(as = "Micros")]
    after_us: Duration,
    why: String,
}

impl From<Report> for ReportMessage {
    fn from(report: Report) -> Self {
        Self {
            op: report.op,
            key: report.key.into(),
            worker: report.worker,
            incarnation: report.incarnation,
            result: report.result.into(),
            trace: report.trace,
        }
    }
}

impl From<ReportMessage> for Report {
    fn from(message: ReportMessage) -> Self {
        Self {
            op: message.op,
            key: message.key.into(),
            worker: message.worker,
            incarnation: message.incarnation,
            result: message.result.into(),
            trace: message.trace,
        }
    }
}

impl From<Done> for DoneMessage {
    fn from(done: Done) -> Self {
        match done {
            Done::Slot { slot, outcome } => Self::Slot {
                slot,
                outcome: outcome.into(),
            },
            Done::Listed {
                age,
                extent,
                rows,
                others,
            } => Self::Listed {
                age_us: age,
                extent: extent.into(),
                rows: rows.into_iter().map(RowMessage::from).collect(),
                others,
            },
            Done::Read { slot, age, row } => Self::Read {
                slot,
                age_us: age,
                row: row.map(RowMessage::from),
            },
            Done::SignedIn(Ok(())) => Self::SignedIn,
            Done::SignedIn(Err(wait)) => Self::NotSignedIn(wait.into()),
            Done::LookedUp(found) => Self::LookedUp(found.into()),
            Done::Nothing(wait) => Self::Nothing(wait.into()),
        }
    }
}

impl From<DoneMessage> for Done {
    fn from(message: DoneMessage) -> Self {
        match message {
            DoneMessage::Slot { slot, outcome } => Self::Slot {
                slot,
                outcome: outcome.into(),
            },
            DoneMessage::Listed {
                age_us,
                extent,
                rows,
                others,
            } => Self::Listed {
                age: age_us,
                extent: extent.into(),
                rows: rows.into_iter().map(RowMessage::into).collect(),
                others,
            },
            DoneMessage::Read { slot, age_us, row } => Self::Read {
                slot,
                age: age_us,
                row: row.map(RowMessage::into),
            },
            DoneMessage::SignedIn => Self::SignedIn(Ok(())),
            DoneMessage::NotSignedIn(wait) => Self::SignedIn(Err(wait.into())),
            DoneMessage::LookedUp(found) => Self::LookedUp(found.into()),
            DoneMessage::Nothing(wait) => Self::Nothing(wait.into()),
        }
    }
}

impl From<Wait> for WaitMessage {
    fn from(wait: Wait) -> Self {
        Self {
            after_us: wait.after,
            why: wait.why,
        }
    }
}

impl From<WaitMessage> for Wait {
    fn from(message: WaitMessage) -> Self {
        Self {
            after: message.after_us,
            why: message.why,
        }
    }
}
