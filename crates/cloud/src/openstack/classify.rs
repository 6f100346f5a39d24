//! What an answer means for the caller: every row of safety 2.2. Pure.

use std::time::Duration;

use domain::ids::ServerId;
use domain::slot::{DoubtWhy, FailWhy};
use serde::Deserialize;

use super::{moment, text};
use crate::error::{CallError, CreateError};
use crate::guard::{Heard, Scope};
use crate::port::{Deleted, Made};
use crate::transport::{Response, TransportError};

/// What came of an exchange.
pub(super) type Exchange = Result<Response, TransportError>;

/// A wait that nobody named.
const WAIT_UNNAMED: Duration = Duration::from_secs(10);
/// Bounds of a wait that the cloud names.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// What became of a create. Only what is proved not executed is said to be so; everything else is a doubt.
pub(super) fn create(exchange: &Exchange, unix_ms: u64) -> Result<ServerId, CreateError> {
    let doubt = |why| Err(CreateError::Unknown(why));
    let answer = match exchange {
        Ok(answer) => answer,
        Err(TransportError::NotSent(_)) => return Err(CreateError::Not(FailWhy::NotSent)),
        Err(TransportError::Timeout) => return doubt(DoubtWhy::Timeout),
        Err(TransportError::Reset(_)) => return doubt(DoubtWhy::Reset),
        Err(TransportError::Unreadable) => return doubt(DoubtWhy::Unclear),
    };
    match answer.status {
        200..=202 => created(&answer.body).ok_or(CreateError::Unknown(DoubtWhy::Unclear)),
        401 => Err(CreateError::Not(FailWhy::Token)),
        413 | 429 => Err(match wait(answer, unix_ms) {
            Some(wait) => CreateError::Throttled(wait),
            None if is_too_large(answer) => CreateError::Not(FailWhy::Refused(words(answer))),
            None => CreateError::Throttled(WAIT_UNNAMED),
        }),
        // What stands before Nova cannot know what Nova did: it may have asked twice, and speak of the second time.
        400..=499 if !is_novas(answer) => doubt(DoubtWhy::Unclear),
        400 | 404 | 405 | 409 | 411 | 414 | 415 | 422 | 431 => {
            Err(CreateError::Not(FailWhy::Refused(words(answer))))
        }
        403 => Err(CreateError::Not(forbidden(words(answer)))),
        // The microversion is refused before anything is done; another slot asks for one that the server told anew.
        406 => Err(CreateError::Not(FailWhy::NotSent)),
        // Also 503: whether a proxy or Nova said it, and before or after execution, cannot be seen. Also 408 and redirects.
        _ => doubt(DoubtWhy::Unclear),
    }
}

#[derive(Deserialize)]
struct Created<'a> {
    #[serde(borrow)]
    server: CreatedServer<'a>,
}

// `adminPass` stands beside the id; it is not read (safety S22).
#[derive(Deserialize)]
struct CreatedServer<'a> {
    id: &'a str,
}

fn created(body: &[u8]) -> Option<ServerId> {
    let created: Created<'_> = serde_json::from_slice(body).ok()?;
    created.server.id.parse().ok()
}

/// 403 means quota, a rule on what may be launched, or that the account may not.
fn forbidden(words: String) -> FailWhy {
    let lower = words.to_ascii_lowercase();
    if text::is_quota(&lower) {
        FailWhy::Quota(words)
    } else if lower.contains("personality") || lower.contains("zero disk") {
        FailWhy::Refused(words)
    } else {
        FailWhy::Credential(words)
    }
}

/// What a read got: the body of a 200, or none of a 404 that is Nova's.
///
/// A 401 is the caller's affair: it may have another token.
pub(super) fn read(exchange: Exchange, unix_ms: u64) -> Result<Option<Response>, CallError> {
    let answer = exchange.map_err(|error| broken(&error))?;
    match answer.status {
        200 => Ok(Some(answer)),
        404 if is_missing(&answer) => Ok(None),
        _ => Err(call(&answer, unix_ms)),
    }
}

/// What became of a delete.
pub(super) fn delete(exchange: Exchange, unix_ms: u64) -> Result<Deleted, CallError> {
    let answer = exchange.map_err(|error| broken(&error))?;
    match answer.status {
        202 | 204 => Ok(Deleted::Accepted),
        404 if is_missing(&answer) => Ok(Deleted::NotFound),
        409 if words(&answer).to_ascii_lowercase().contains("locked") => Ok(Deleted::Locked),
        _ => Err(call(&answer, unix_ms)),
    }
}

/// What became of a key pair that was to be made. A name that is taken is an answer and no error.
pub(super) fn made(exchange: Exchange, unix_ms: u64) -> Result<Made, CallError> {
    let answer = exchange.map_err(|error| broken(&error))?;
    match answer.status {
        200 | 201 => Ok(Made::New),
        409 if is_novas(&answer) => Ok(Made::Taken),
        403 if text::is_quota(&words(&answer).to_ascii_lowercase()) => {
            Err(CallError::Unclear(words(&answer)))
        }
        _ => Err(call(&answer, unix_ms)),
    }
}

/// What became of a key pair that was to go.
pub(super) fn dropped(exchange: Exchange, unix_ms: u64) -> Result<(), CallError> {
    let answer = exchange.map_err(|error| broken(&error))?;
    match answer.status {
        202 | 204 => Ok(()),
        404 if is_missing(&answer) => Ok(()),
        _ => Err(call(&answer, unix_ms)),
    }
}

fn call(answer: &Response, unix_ms: u64) -> CallError {
    match answer.status {
        401 | 403 => CallError::Credential,
        413 | 429 => CallError::Throttled(wait(answer, unix_ms).unwrap_or(WAIT_UNNAMED)),
        503 => wait(answer, unix_ms)
            .map_or_else(|| CallError::Unclear(words(answer)), CallError::Throttled),
        _ => CallError::Unclear(words(answer)),
    }
}

fn broken(error: &TransportError) -> CallError {
    CallError::Unclear(error.to_string())
}

/// What the guard should know of it.
pub(super) fn heard(exchange: &Exchange, unix_ms: u64) -> Heard {
    let answer = match exchange {
        Ok(answer) => answer,
        Err(TransportError::Timeout) => return Heard::Silent,
        Err(TransportError::NotSent(_) | TransportError::Reset(_) | TransportError::Unreadable) => {
            return Heard::Sick;
        }
    };
    match answer.status {
        413 | 429 => wait(answer, unix_ms)
            .map_or(Heard::Served, |wait| Heard::Throttled(Scope::Tenant, wait)),
        503 => {
            wait(answer, unix_ms).map_or(Heard::Sick, |wait| Heard::Throttled(Scope::Colo, wait))
        }
        408 | 500.. => Heard::Sick,
        // Keystone's filter says some 401 in plain text; a 403 of something on the way may mean what one tenant sends.
        401 | 403 => Heard::Served,
        // It comes from something on the way: calls do not reach the cloud.
        400..=499 if !is_openstacks(answer) => Heard::Sick,
        _ => Heard::Served,
    }
}

/// How long the cloud asks to wait, within bounds. None: it does not ask, as with a 413 for a body that is too large.
pub(super) fn wait(answer: &Response, unix_ms: u64) -> Option<Duration> {
    let said = text::said(&answer.body);
    let named = answer
        .header("retry-after")
        .map(|value| retry_after(value.trim(), answer.header("date"), unix_ms))
        .or_else(|| {
            said.as_ref()?
                .retry_after
                .map(Duration::from_secs)
                .map(Some)
        });
    let asks = answer.status == 429 || said.is_some_and(|said| said.key == "overLimit");
    match named {
        Some(named) => Some(named.unwrap_or(WAIT_UNNAMED).clamp(WAIT_MIN, WAIT_MAX)),
        None => asks.then_some(WAIT_UNNAMED),
    }
}

/// Seconds, or a date, which is read against the sender's own `Date` if there is one: clocks differ.
fn retry_after(value: &str, date: Option<&str>, unix_ms: u64) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = moment::http_date(value)?;
    let now = date.and_then(moment::http_date).unwrap_or(unix_ms / 1000);
    Some(Duration::from_secs(until.saturating_sub(now)))
}

/// Whether Nova itself says no.
fn is_novas(answer: &Response) -> bool {
    text::said(&answer.body).is_some_and(|said| said.is_novas())
}

/// Whether Nova refuses a body as too large, itself or by the library under it, which lets nobody see it.
fn is_too_large(answer: &Response) -> bool {
    text::said(&answer.body).is_some_and(|said| said.is_novas() || said.key.starts_with("413 "))
}

/// Whether Nova itself says that there is no such thing. Only that counts towards proving a server gone (safety 3.6): any 404 of something on
/// the way would take the servers of every group for gone within a minute.
pub(super) fn is_missing(answer: &Response) -> bool {
    text::said(&answer.body).is_some_and(|said| said.key == text::NOT_FOUND)
}

/// Whether Nova or Keystone says no.
pub(super) fn is_openstacks(answer: &Response) -> bool {
    text::said(&answer.body).is_some_and(|said| said.is_novas() || said.is_keystones())
}

/// Whether Keystone itself refuses a sign-in. Of a 401 or 403 that need not be known: the account is left alone either way.
pub(super) fn is_refused(answer: &Response) -> bool {
    match answer.status {
        401 | 403 => true,
        400 | 404 => text::said(&answer.body).is_some_and(|said| said.is_keystones()),
        _ => false,
    }
}

/// The cloud's words, or at least its status.
pub(super) fn words(answer: &Response) -> String {
    text::said(&answer.body)
        .map(|said| said.message)
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| format!("HTTP {}", answer.status))
}

#[cfg(test)]
mod tests;
