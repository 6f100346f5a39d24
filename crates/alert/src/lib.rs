//! What monitoring tools send, read into one thing: the [`Alert`].
//!
//! Bytes and a [`Format`] (declared, or recognised) go in; alerts, samples of metrics, what is passed over on purpose and what is
//! broken come out ([`read`]). A [`mapping::Mapping`] of the customer's own reads what no format does, and [`route::Route`] says
//! which groups an alert is for. Everything is bounded: size, depth, alerts in one body, texts.
//!
//! Deliberately absent: I/O, clocks (`now` is an argument), HTTP, signatures (the edge verifies before it reads), and any decision
//! about groups, which is `domain`'s.
#![warn(missing_docs)]

mod body;
pub mod decimal;
mod format;
pub mod mapping;
mod pick;
pub mod route;
pub mod template;
pub mod vote;

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

pub use body::{Broken, MediaType};
use decimal::Milli;
pub use format::Format;
use mapping::Mapping;

/// The largest body that is read.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How deep a body may nest.
pub const DEPTH_MAX: usize = 32;
/// Alerts and samples in one body; a tool that has more sends several.
pub const ALERTS_MAX: usize = 1_000;
/// Bytes of a text that is kept of an alert; longer ones are cut.
pub const TEXT_MAX: usize = 255;
/// Labels that are kept of an alert, the first in order of name.
pub const LABELS_MAX: usize = 64;

/// One thing that is wrong, or not any more, as some tool sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// What sent it: the format, and the account or project where the body names one.
    pub source: String,
    /// Names the thing that is wrong, from its beginning to its end. The same thing has the same fingerprint, however often it is sent.
    pub fingerprint: String,
    /// Whether it is wrong.
    pub state: State,
    /// How bad it is, where the body says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What people call the thing that is wrong.
    pub name: String,
    /// Which application it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Which host it is about, without a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Labels, tags, dimensions: for routing.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Milli>,
    /// When it came to be in this state: as the body says ([`Alert::dated`]), else when it arrived.
    #[serde(serialize_with = "milliseconds")]
    pub at: Timestamp,
    /// Whether the body itself says when. Then the same state sent again has the same time.
    #[serde(serialize_with = "is_dated")]
    pub dated: Dated,
}

/// What the time of an alert is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dated {
    /// The body says none.
    No,
    /// That of its beginning, which is said again with every repetition, also when the source took it for over in between: it does not tell an
    /// earlier word from a later one.
    Began,
    /// That of this very word: what has an earlier one was said before it.
    Said,
}

impl Dated {
    /// The time of a word, if there is one.
    pub(crate) const fn said(at: Option<Timestamp>) -> Self {
        match at {
            Some(_) => Self::Said,
            None => Self::No,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_dated<S: serde::Serializer>(dated: &Dated, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(*dated != Dated::No)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn milliseconds<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(at.unix_ms())
}

/// Whether something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is.
    Open,
    /// It is, and a person knows.
    Acknowledged,
    /// Not any more.
    Closed,
    /// The source has no data: this is no recovery (features U12).
    Unknown,
    /// The source knows no states: it asks for one step, now.
    Once,
}

/// How bad it is. Later is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// For information.
    Info,
    /// Something may go wrong.
    Warning,
    /// Something is wrong now.
    Critical,
}

/// One server's metric at one moment (features A2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The server.
    pub host: String,
    /// What was measured.
    pub value: Milli,
    /// When.
    #[serde(serialize_with = "milliseconds")]
    pub at: Timestamp,
}

/// What a body says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// As what it was read.
    pub format: Format,
    /// Alerts, in the order of the body; of one fingerprint only the last word, an open one before a closed one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Alert>,
    /// Samples of metrics, in the order of the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
    /// Why something was passed over on purpose, once for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<&'static str>,
    /// What could not be understood, and where; the rest of the body counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<Broken>,
}

/// How a body is to be read.
#[derive(Debug, Clone, Copy)]
pub enum How<'a> {
    /// By whatever format it looks like.
    Recognised,
    /// As this format, whatever it looks like.
    As(Format),
    /// As the customer says.
    Mapped(&'a Mapping),
}

/// Reads a body that arrived at `now`.
///
/// # Errors
/// [`Broken`]: nothing of it could be read; keep it for people to see, act on nothing.
pub fn read(
    how: How<'_>,
    media: MediaType,
    bytes: &[u8],
    now: Timestamp,
) -> Result<Content, Broken> {
    let value = match (body::value(media, bytes), how) {
        (Err(Broken::Empty), How::As(format)) if format.is_a_call() => Value::Object(Map::new()),
        (value, _) => value?,
    };
    let (format, found) = match how {
        How::Recognised => {
            let format = Format::recognise(&value).ok_or(Broken::NotRecognised)?;
            (format, format.read(&value, now)?)
        }
        How::As(format) => (format, format.read(&value, now)?),
        How::Mapped(mapping) => (Format::Mapped, mapping.read(&value, now)?),
    };
    if found.len() > ALERTS_MAX {
        return Err(Broken::TooMany(found.len()));
    }
    Ok(sorted(format, found))
}

/// One thing in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// An alert.
    Alert(Box<Alert>),
    /// A sample.
    Sample(Sample),
    /// Known, and meant to be passed over.
    PassedOver(&'static str),
    /// Not understood.
    Broken(Broken),
}

fn sorted(format: Format, found: Vec<Found>) -> Content {
    let mut content = Content {
        format,
        alerts: Vec::new(),
        samples: Vec::new(),
        passed_over: Vec::new(),
        broken: Vec::new(),
    };
    for one in found {
        match one {
            Found::Alert(alert) => content.take(*alert),
            Found::Sample(sample) => content.samples.push(sample),
            Found::PassedOver(why) => content.passed_over.push(why),
            Found::Broken(why) => content.broken.push(why),
        }
    }
    content
}

impl Content {
    /// One state per alert: what is wrong in one part of a body is not right because of another part (inputs, rule g).
    fn take(&mut self, alert: Alert) {
        let same = |other: &&mut Alert| {
            other.fingerprint == alert.fingerprint && other.source == alert.source
        };
        match self.alerts.iter_mut().find(same) {
            Some(other) if alert.state <= other.state => *other = alert,
            Some(_) => {}
            None => self.alerts.push(alert),
        }
    }
}

#[cfg(test)]
mod tests;
