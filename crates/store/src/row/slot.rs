//! The row of a slot. Its id is the row's key and is not in the body.

use std::time::Duration;

use domain::ids::{Incarnation, LaunchHash, Nonce, ServerId, SlotId, WorkerName};
use domain::slot::{CallToken, FailWhy, Flags, GoneWhy, Issue, Slot, State};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::ms;
use super::words::{DeleteRow, DoubtRow, LapseRow};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SlotRow {
    /// Absent: the slot's own.
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<SlotId>,
    #[serde_as(as = "DisplayFromStr")]
    n: Nonce,
    #[serde_as(as = "DisplayFromStr")]
    l: LaunchHash,
    s: PlaceRow,
    #[serde(default, skip_serializing_if = "FlagsRow::is_none")]
    f: FlagsRow,
    i: u64,
    t: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct FlagsRow {
    #[serde(default, rename = "b", skip_serializing_if = "std::ops::Not::not")]
    blocked: bool,
    #[serde(default, rename = "d", skip_serializing_if = "std::ops::Not::not")]
    disowned: bool,
    #[serde(default, rename = "h", skip_serializing_if = "std::ops::Not::not")]
    held: bool,
}

impl FlagsRow {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct IssueRow {
    #[serde_as(as = "DisplayFromStr")]
    w: WorkerName,
    #[serde_as(as = "DisplayFromStr")]
    i: Incarnation,
    /// How long the token lives, in ms; 0: it was revoked.
    t: u64,
}

/// A server's id in its text form.
#[serde_as]
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct ServerRow(#[serde_as(as = "DisplayFromStr")] ServerId);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PlaceRow {
    Issued(IssueRow),
    InDoubt(IssueRow, DoubtRow),
    Accepted(ServerRow),
    Configuring(ServerRow),
    Active(ServerRow),
    Draining(ServerRow),
    Deleting(ServerRow, DeleteRow),
    Surplus(ServerRow),
    Failed(FailRow),
    Lapsed(IssueRow, LapseRow),
    Gone(ServerRow, GoneRow),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FailRow {
    NotSent,
    Refused(String),
    Quota(String),
    Token,
    Credential(String),
    Throttled,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GoneRow {
    Deleted(DeleteRow),
    External,
    HandedBack,
}

impl From<&Slot> for SlotRow {
    fn from(slot: &Slot) -> Self {
        let Slot {
            id,
            proof,
            nonce,
            launch,
            state,
            flags,
            issued,
            since,
        } = slot;
        let Flags {
            blocked,
            disowned,
            held,
        } = *flags;
        Self {
            p: (proof != id).then_some(*proof),
            n: *nonce,
            l: *launch,
            s: state.into(),
            f: FlagsRow {
                blocked,
                disowned,
                held,
            },
            i: issued.unix_ms(),
            t: since.unix_ms(),
        }
    }
}

impl SlotRow {
    /// The slot of that id.
    pub(crate) fn into_slot(self, id: SlotId) -> Slot {
        let FlagsRow {
            blocked,
            disowned,
            held,
        } = self.f;
        Slot {
            id,
            proof: self.p.unwrap_or(id),
            nonce: self.n,
            launch: self.l,
            state: self.s.into(),
            flags: Flags {
                blocked,
                disowned,
                held,
            },
            issued: Timestamp::from_unix_ms(self.i),
            since: Timestamp::from_unix_ms(self.t),
        }
    }
}

impl From<&State> for PlaceRow {
    fn from(state: &State) -> Self {
        match state {
            State::Issued(issue) => Self::Issued(issue.into()),
            State::InDoubt(issue, why) => Self::InDoubt(issue.into(), (*why).into()),
            State::Accepted(server) => Self::Accepted(ServerRow(*server)),
            State::Configuring(server) => Self::Configuring(ServerRow(*server)),
            State::Active(server) => Self::Active(ServerRow(*server)),
            State::Draining(server) => Self::Draining(ServerRow(*server)),
            State::Deleting(server, why) => Self::Deleting(ServerRow(*server), (*why).into()),
            State::Surplus(server) => Self::Surplus(ServerRow(*server)),
            State::Failed(why) => Self::Failed(why.into()),
            State::Lapsed(issue, hold) => Self::Lapsed(issue.into(), (*hold).into()),
            State::Gone(server, why) => Self::Gone(ServerRow(*server), (*why).into()),
        }
    }
}

impl From<PlaceRow> for State {
    fn from(row: PlaceRow) -> Self {
        match row {
            PlaceRow::Issued(issue) => Self::Issued(issue.into()),
            PlaceRow::InDoubt(issue, why) => Self::InDoubt(issue.into(), why.into()),
            PlaceRow::Accepted(server) => Self::Accepted(server.0),
            PlaceRow::Configuring(server) => Self::Configuring(server.0),
            PlaceRow::Active(server) => Self::Active(server.0),
            PlaceRow::Draining(server) => Self::Draining(server.0),
            PlaceRow::Deleting(server, why) => Self::Deleting(server.0, why.into()),
            PlaceRow::Surplus(server) => Self::Surplus(server.0),
            PlaceRow::Failed(why) => Self::Failed(why.into()),
            PlaceRow::Lapsed(issue, hold) => Self::Lapsed(issue.into(), hold.into()),
            PlaceRow::Gone(server, why) => Self::Gone(server.0, why.into()),
        }
    }
}

impl From<&Issue> for IssueRow {
    fn from(issue: &Issue) -> Self {
        let Issue {
            worker,
            incarnation,
            token,
        } = issue;
        Self {
            w: worker.clone(),
            i: *incarnation,
            t: match token {
                CallToken::Lives(left) => ms(*left).max(1),
                CallToken::Revoked => 0,
            },
        }
    }
}

impl From<IssueRow> for Issue {
    fn from(row: IssueRow) -> Self {
        Self {
            worker: row.w,
            incarnation: row.i,
            token: match row.t {
                0 => CallToken::Revoked,
                left => CallToken::Lives(Duration::from_millis(left)),
            },
        }
    }
}

impl From<&FailWhy> for FailRow {
    fn from(why: &FailWhy) -> Self {
        match why {
            FailWhy::NotSent => Self::NotSent,
            FailWhy::Refused(text) => Self::Refused(text.clone()),
            FailWhy::Quota(text) => Self::Quota(text.clone()),
            FailWhy::Token => Self::Token,
            FailWhy::Credential(text) => Self::Credential(text.clone()),
            FailWhy::Throttled => Self::Throttled,
        }
    }
}

impl From<FailRow> for FailWhy {
    fn from(row: FailRow) -> Self {
        match row {
            FailRow::NotSent => Self::NotSent,
            FailRow::Refused(text) => Self::Refused(text),
            FailRow::Quota(text) => Self::Quota(text),
            FailRow::Token => Self::Token,
            FailRow::Credential(text) => Self::Credential(text),
            FailRow::Throttled => Self::Throttled,
        }
    }
}

impl From<GoneWhy> for GoneRow {
    fn from(why: GoneWhy) -> Self {
        match why {
            GoneWhy::Deleted(why) => Self::Deleted(why.into()),
            GoneWhy::External => Self::External,
            GoneWhy::HandedBack => Self::HandedBack,
        }
    }
}

impl From<GoneRow> for GoneWhy {
    fn from(row: GoneRow) -> Self {
        match row {
            GoneRow::Deleted(why) => Self::Deleted(why.into()),
            GoneRow::External => Self::External,
            GoneRow::HandedBack => Self::HandedBack,
        }
    }
}
