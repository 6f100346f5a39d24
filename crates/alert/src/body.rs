//! From bytes to one JSON value: JSON, a form with JSON in it, or JSON that calls itself text (inputs, rule c).

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{ALERTS_MAX, BODY_BYTES_MAX, DEPTH_MAX};

/// What the sender says that a body is. Tools are wrong about it often enough, so it only tells forms from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// JSON, or anything else that is to be read as JSON.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

impl MediaType {
    /// From the text of the header.
    #[must_use]
    pub fn of(header: &str) -> Self {
        let media = header.split(';').next().unwrap_or_default().trim();
        if media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Self::Form
        } else {
            Self::Json
        }
    }
}

/// Why a body, or a part of it, could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Nothing was sent.
    #[error("the body is empty")]
    Empty,
    /// More bytes than are read.
    #[error("the body has more than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// It nests too deep.
    #[error("the body nests more than {DEPTH_MAX} deep")]
    TooDeep,
    /// More alerts than one body may have.
    #[error("the body has {0} alerts, and one body may have {ALERTS_MAX}: send them in several")]
    TooMany(usize),
    /// Not JSON, nor a form with JSON in it.
    #[error("the body is not JSON: line {line}, column {column}")]
    NotJson {
        /// Where reading stopped.
        line: usize,
        /// Where reading stopped.
        column: usize,
    },
    /// JSON, but not of any known shape.
    #[error("the body is of no known format: declare one, or give a mapping")]
    NotRecognised,
    /// Something that is needed is missing or empty.
    #[error("{0} is missing or empty")]
    Missing(String),
    /// Something has a value that is not known.
    #[error("{place} is {value:?}, which is not known here")]
    Unknown {
        /// Where, as a JSON pointer.
        place: String,
        /// What stands there, cut.
        value: String,
    },
    /// Somebody has to confirm a subscription by hand.
    #[error("the sender asks to confirm a subscription: open {0} once, if the topic is yours")]
    Confirm(String),
}

impl Broken {
    /// The value at a place is not known.
    pub(crate) fn unknown(place: &str, value: &str) -> Self {
        Self::Unknown {
            place: place.to_owned(),
            value: value.chars().take(80).collect(),
        }
    }
}

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The one value that a body holds.
pub(crate) fn value(media: MediaType, bytes: &[u8]) -> Result<Value, Broken> {
    if bytes.len() > BODY_BYTES_MAX {
        return Err(Broken::TooLarge);
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Broken::Empty);
    }
    match media {
        MediaType::Json => json(bytes),
        MediaType::Form => form(bytes),
    }
}

fn json(bytes: &[u8]) -> Result<Value, Broken> {
    if !is_shallow(bytes) {
        return Err(Broken::TooDeep);
    }
    serde_json::from_slice(bytes).map_err(|error| Broken::NotJson {
        line: error.line(),
        column: error.column(),
    })
}

/// Fields of a form as one object.
fn form(bytes: &[u8]) -> Result<Value, Broken> {
    let mut fields = Map::new();
    for pair in bytes
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        if fields.len() >= ALERTS_MAX {
            return Err(Broken::TooMany(fields.len() + 1));
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = plain(halves.next().unwrap_or_default());
        let text = plain(halves.next().unwrap_or_default());
        fields.insert(name, field(text)?);
    }
    Ok(Value::Object(fields))
}

/// What a field holds: an object or a list, else a text, which may begin as they do (a title with brackets).
fn field(text: String) -> Result<Value, Broken> {
    if !text.trim_start().starts_with(['{', '[']) {
        return Ok(Value::String(text));
    }
    match json(text.as_bytes()) {
        Err(Broken::NotJson { .. }) => Ok(Value::String(text)),
        read => read,
    }
}

/// The text of one half of a field.
fn plain(coded: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(coded.len());
    let mut rest = coded;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%');
        let byte = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = match byte {
            Some(byte) => {
                bytes.push(byte);
                &after[2..]
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                after
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether no more brackets are open at once, outside of texts, than may be.
pub(crate) fn is_shallow(bytes: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return false;
        }
    }
    true
}

/// A text that holds JSON of its own (a message inside an envelope).
pub(crate) fn inner(text: &str) -> Result<Value, Broken> {
    json(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_with_the_json_in_it() {
        let read = value(
            MediaType::Form,
            b"alert=%7B%22a+b%22%3A1%7D&plain=x%20y%zz&empty=",
        )
        .unwrap();
        assert_eq!(
            read,
            serde_json::json!({"alert": {"a b": 1}, "plain": "x y%zz", "empty": ""})
        );
    }

    #[test]
    fn a_field_of_a_form_that_only_begins_like_json_is_a_text() {
        let read = value(
            MediaType::Form,
            b"title=[Triggered+on+{host:a}]+down&b={&c=[1]",
        )
        .unwrap();
        assert_eq!(
            read,
            serde_json::json!({"title": "[Triggered on {host:a}] down", "b": "{", "c": [1]})
        );
    }

    #[test]
    fn what_is_too_deep_is_refused_before_it_is_read() {
        let deep = format!("{}1{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(
            value(MediaType::Json, deep.as_bytes()),
            Err(Broken::TooDeep)
        );
        let in_form = format!("alert={deep}");
        assert_eq!(
            value(MediaType::Form, in_form.as_bytes()),
            Err(Broken::TooDeep)
        );
        let text = format!("\"{}\"", "[".repeat(1_000));
        assert!(value(MediaType::Json, text.as_bytes()).is_ok());
    }
}
