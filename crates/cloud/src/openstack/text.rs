//! A cloud's own words, made safe to show: they end in verdicts, logs and on terminals.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

/// Longer texts are cut.
pub(super) const TEXT_BYTES_MAX: usize = 512;

/// Without control characters, at most [`TEXT_BYTES_MAX`] bytes, cut between characters.
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(TEXT_BYTES_MAX));
    for character in text.trim_matches(|c| c == ' ' || is_hidden(c)).chars() {
        let shown = if is_hidden(character) { ' ' } else { character };
        if clean.len() + shown.len_utf8() > TEXT_BYTES_MAX {
            break;
        }
        clean.push(shown);
    }
    clean
}

/// Control characters, and those that reorder or hide what stands around them.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Nova's outer keys: one for each status that it names, `computeFault` for all others.
const NOVAS: [&str; 11] = [
    "badRequest",
    "unauthorized",
    "forbidden",
    NOT_FOUND,
    "badMethod",
    "conflictingRequest",
    "overLimit",
    "badMediaType",
    "notImplemented",
    "serviceUnavailable",
    "computeFault",
];
/// Nova's outer key of what is not there.
pub(super) const NOT_FOUND: &str = "itemNotFound";

/// An error's words in its body. The outer key differs per class of error (`badRequest`, `forbidden`, `error`, ...).
pub(super) struct Said {
    /// The outer key; of a flat one its code, such as `413 Request Entity Too Large`.
    pub(super) key: String,
    /// The words, clean.
    pub(super) message: String,
    /// Old clouds say here how many seconds to wait.
    pub(super) retry_after: Option<u64>,
}

/// How the library under OpenStack's services writes what it says before a service has seen the request: with the status in words.
#[derive(Deserialize)]
struct Flat {
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    message: String,
    #[serde(default, rename = "retryAfter", deserialize_with = "seconds")]
    retry_after: Option<u64>,
}

impl Said {
    /// In Nova's own form. Whatever stands before it (a gateway, an ingress, the page of a default backend) has another one, or none.
    pub(super) fn is_novas(&self) -> bool {
        NOVAS.contains(&self.key.as_str())
    }

    /// In the form of Keystone, also of its filter in Nova.
    pub(super) fn is_keystones(&self) -> bool {
        self.key == "error"
    }
}

/// Reads an error body; none if it has neither form.
pub(super) fn said(body: &[u8]) -> Option<Said> {
    let outer: BTreeMap<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
    let nested = outer.into_iter().find_map(|(key, value)| {
        let inner: Inner = serde_json::from_value(value).ok()?;
        Some(Said {
            key,
            message: clean(&without_echo(&inner.message)),
            retry_after: inner.retry_after,
        })
    });
    nested.or_else(|| {
        let flat: Flat = serde_json::from_slice(body).ok()?;
        let words = flat.message.split('<').next().unwrap_or_default();
        Some(Said {
            key: flat.code,
            message: clean(words),
            retry_after: None,
        })
    })
}

/// How Nova begins when a request breaks its schema.
const INVALID: &str = "Invalid input for field/attribute ";

/// The rules of Nova's schemas, as `jsonschema` words them; each follows the value that broke it.
const RULES: [&str; 12] = [
    "Additional properties are not allowed (",
    " is a required property",
    " is not of type ",
    " is too long",
    " is too short",
    " does not match ",
    " is not a '",
    " is not one of ",
    " is not valid under any of the given schemas",
    " is less than the minimum of ",
    " is greater than the maximum of ",
    " has non-unique elements",
];

/// Without the part of the request that Nova repeats when it breaks its schema: `... server. Value: {'adminPass': ...}. ...`. What a customer
/// configured may be secret, and these words are read by more people than the configuration (safety S21, S22). Field and rule stay.
fn without_echo(message: &str) -> Cow<'_, str> {
    let rest = message.strip_prefix(INVALID);
    let Some((field, echo)) = rest.and_then(|rest| rest.split_once(". Value: ")) else {
        return Cow::Borrowed(message);
    };
    // The value is repeated in the words of the rule too, before the rule itself: which thus is the last one that is named.
    let rule = RULES
        .iter()
        .filter_map(|rule| echo.rfind(rule))
        .max()
        .map_or("it is not accepted", |at| &echo[at..]);
    // A missing property's name comes first, and is the schema's own.
    let missing = echo.strip_suffix("' is a required property");
    let rule = match missing.and_then(|before| before.rsplit_once('\'')) {
        Some((_, name)) => format!("'{name}' is a required property"),
        None => rule.trim_start().to_owned(),
    };
    Cow::Owned(format!("{INVALID}{field}. {rule}"))
}

/// A number, or a number in quotes.
fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Number(seconds) => Some(seconds),
        Written::Text(text) => text.trim().parse().ok(),
        Written::Other(_) => None,
    })
}

/// Whether words in lower case speak of a quota.
pub(super) fn is_quota(lower: &str) -> bool {
    lower.contains("quota") || lower.contains("maximum number of ports")
}

#[cfg(test)]
mod tests;
