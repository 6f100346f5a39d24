//! Rows: the JSON bodies in which a store keeps configuration, state, slots, events, verdicts and messages of hooks, with short keys.
//!
//! Each row type converts from and to one domain type. Ids are written in their one text form, times in milliseconds. A key that a
//! row does not know is ignored, a new key needs a default: so a store that was written by the version before can be read.

pub(crate) mod circle;
pub(crate) mod config;
pub(crate) mod control;
pub(crate) mod event;
pub(crate) mod hook;
pub(crate) mod outbox;
pub(crate) mod slot;
pub(crate) mod state;
pub(crate) mod verdict;
pub(crate) mod words;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Milliseconds of a duration; one too long for a `u64` is written as the longest.
fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Most rows are no longer.
const ROW_BYTES: usize = 384;

/// Writes a row's body.
///
/// # Errors
/// None in practice: rows hold only what has a JSON form.
pub(crate) fn write<R: Serialize>(row: &R) -> Result<String, Error> {
    let unwritten = |why: &dyn std::fmt::Display| corrupt("a row cannot be written", why);
    let mut body = Vec::with_capacity(ROW_BYTES);
    serde_json::to_writer(&mut body, row).map_err(|e| unwritten(&e))?;
    String::from_utf8(body).map_err(|e| unwritten(&e))
}

/// Reads a row's body.
///
/// # Errors
/// [`Error::Corrupt`] names the kind of row and the place.
pub(crate) fn read<R: DeserializeOwned>(what: &str, body: &str) -> Result<R, Error> {
    serde_json::from_str(body).map_err(|e| corrupt(what, &e))
}

/// What is stored breaks a rule of the vocabulary.
pub(crate) fn corrupt(what: &str, why: &dyn std::fmt::Display) -> Error {
    Error::Corrupt(format!("{what}: {why}"))
}

#[cfg(test)]
mod tests;
