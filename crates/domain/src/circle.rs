//! Circling back: what a group does about alerts until they are over (features O8, S7 to S12, row 7).
//!
//! An alert that opens makes the group take a step at once. While one is open, the group steps again every expand delay, until it is at max;
//! when the last one is over, it waits the report delay and then gives up a step every deflate delay, down to min. Which alerts are known,
//! and when it looks again, stands in the group's state ([`Alerts`]); [`Circle`] is what the customer configured. The timer index
//! wakes the group ([`crate::group::State::wake`]), [`fire`] turns what is due into events, and the commit that holds their verdicts holds the
//! next time, so nothing depends on one process staying alive.
//!
//! Several alerts do not multiply: growing has one window for the whole group, whoever asks.

mod known;
mod late;
mod turn;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::capacity::Size;
use crate::ids::ParseIdError;
use crate::policy::Adjust;
use crate::time::Timestamp;

pub use late::{END_KEPT, ENDS_MAX, Ends};
pub use turn::fire;
pub(crate) use turn::{arm, heed, is_over, take, turn};

/// Alerts that one group remembers. One more is not remembered, and says so; the group circles for the others.
pub const ALERTS_MAX: usize = 128;
/// Bytes of an alert's name that are kept.
pub const NAME_MAX: usize = 64;

/// How a group circles back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circle {
    /// One step up.
    pub expand: Adjust,
    /// From one scale-out to the next step up, whoever caused the first.
    pub expand_delay: Duration,
    /// One step down.
    pub deflate: Adjust,
    /// From any change of size to the next step down: a scale-out postpones scale-in.
    pub deflate_delay: Duration,
    /// From the end of the last alert to the first step down.
    pub report_delay: Duration,
    /// From the first alert to a call for help, if the alerts are not over by then.
    pub escalate_after: Option<Duration>,
}

impl Default for Circle {
    /// The delays of the predecessor (features S1, S7), with the smallest steps.
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self {
            expand: Adjust::Change(1),
            expand_delay: minutes(10),
            deflate: Adjust::Change(-1),
            deflate_delay: minutes(30),
            report_delay: minutes(5),
            escalate_after: Some(minutes(60)),
        }
    }
}

/// Names one alert within a group: made of the input, the source and the fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey(pub u64);

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for AlertKey {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let key = u64::from_str_radix(text, 16)
            .ok()
            .filter(|_| text.len() == 16);
        key.map(Self).ok_or(ParseIdError {
            what: "alert key",
            rule: "16 hexadecimal digits",
        })
    }
}

/// What an input says of one alert, and what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Which alert.
    pub alert: AlertKey,
    /// For people, at most [`NAME_MAX`] bytes.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
    /// How bad it is.
    pub severity: Severity,
    /// What is to be done while it is open.
    pub action: Action,
    /// What holds while nobody knows how it stands.
    pub missing: Missing,
    /// It is heard of at least this often; if not, nobody knows how it stands. None: it stays as it is until it is heard of.
    pub hearing: Option<Duration>,
    /// When it came to stand so, by its source's clock, where that tells an earlier word from a later one.
    pub at: Option<Timestamp>,
}

/// How an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Something is wrong.
    Open,
    /// Something is wrong, and a person knows: nobody is called for help.
    Acknowledged,
    /// Nothing is wrong, and there is no room to spare: the group gives nothing up.
    Steady,
    /// There is room to spare: the group may give servers up, also if nothing was wrong before.
    Spare,
    /// It is over.
    Closed,
    /// Nobody knows; this is no recovery (features U12).
    Unknown,
    /// A single call for a step, after which nothing stays open.
    Once,
}

/// How bad an alert is. Later is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For information.
    Info,
    /// Something may go wrong.
    Warning,
    /// Something is wrong now.
    Critical,
}

/// What is to be done about an open alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Step up, by the group's own step or this one.
    Step(Option<Adjust>),
    /// Remember it, and give nothing up while it is open; somebody is told.
    Notify,
    /// Nothing.
    Nothing,
}

/// What holds for the group while nobody knows how an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Other alerts may make the group grow; it gives nothing up.
    OutOnly,
    /// The group neither grows nor gives anything up.
    Hold,
    /// As `OutOnly`, and the group has at least this many servers.
    Floor(Size),
}

/// One alert that a group knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// For people.
    pub name: String,
    /// How it stood when it was heard of last.
    pub standing: Standing,
    /// How bad it is.
    pub severity: Severity,
    /// What is to be done.
    pub action: Action,
    /// What holds while nobody knows.
    pub missing: Missing,
    /// It is heard of at least this often.
    pub hearing: Option<Duration>,
    /// Since when it stands so.
    pub since: Timestamp,
    /// When it was heard of last.
    pub heard: Timestamp,
    /// The newest time that its source gave.
    pub at: Option<Timestamp>,
}

/// What a group knows of alerts, and when it looks again. Part of its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// When this circle began: part of the ids of its turns.
    pub began: Timestamp,
    /// Every alert that is not over, and those that are heard of regularly.
    pub known: BTreeMap<AlertKey, Known>,
    /// Since when at least one is open.
    pub open: Option<Timestamp>,
    /// Since when none is open, while there is still something to give up.
    pub over: Option<Timestamp>,
    /// The worst alert for which the group has stepped up since `open`.
    pub stepped: Option<Severity>,
    /// Help was called for since `open`.
    pub escalated: bool,
    /// The source, or whoever else knows, was asked whether it is over, since `over`.
    pub asked: bool,
    /// Turns so far: part of their ids.
    pub turns: u32,
    /// When the group looks again; none: only another event makes it look.
    pub next: Option<Timestamp>,
}

/// What a group does when it looks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Calls for help.
    Escalate,
    /// Has at least what a missing input is to have.
    Floor(Size),
    /// Steps up.
    Expand,
    /// Asks whether it is over, before anything is given up.
    Ask,
    /// Gives a step up.
    Deflate,
}

#[cfg(test)]
mod tests;
