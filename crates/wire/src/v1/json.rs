//! JSON values whose numbers keep the text they were written in, so that what was stored is shown as it was written.

use std::fmt;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer, de};
use serde_json::value::RawValue;

/// How deep a body may nest.
const DEPTH_MAX: usize = 64;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object; of doubled keys the last.
    Object(Vec<(String, Self)>),
}

/// The bytes are not JSON, or hold what cannot be stored: a number beyond every double, half a surrogate pair, too deep a nest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is not JSON: {0}")]
pub struct NotJson(String);

impl Json {
    /// Reads a body.
    ///
    /// # Errors
    /// [`NotJson`]: answer 400.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotJson> {
        let not = |error: serde_json::Error| NotJson(error.to_string());
        let text = std::str::from_utf8(bytes).map_err(|error| NotJson(error.to_string()))?;
        // The whole is read once by rule, which refuses what the second reading does not look at.
        serde_json::from_str::<serde_json::Value>(text).map_err(not)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(not)?;
        tree(raw, DEPTH_MAX).map_err(not)
    }

    /// A text.
    pub fn of(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A whole number.
    pub fn count(number: impl fmt::Display) -> Self {
        Self::Number(number.to_string())
    }

    /// An object of these members.
    #[must_use]
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        let named = members.map(|(name, value)| (name.to_owned(), value));
        Self::Object(named.into())
    }

    /// Texts by text.
    pub fn texts<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let pair = |(key, value): (&String, &String)| (key.clone(), Self::of(value));
        Self::Object(pairs.into_iter().map(pair).collect())
    }

    /// Adds a member to an object; nothing else takes one.
    pub fn put(&mut self, name: &str, value: Self) {
        if let Self::Object(members) = self {
            members.push((name.to_owned(), value));
        }
    }

    /// The member of that name of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => member(members, name),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The items, if it is a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::Object(_) => None,
        }
    }

    /// The text of a number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// An integer by its text: `1.0` and `1e1` are none. What an `i64` does not hold stops at its ends.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        let text = self.number()?;
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let beyond = if text.starts_with('-') {
            i64::MIN
        } else {
            i64::MAX
        };
        Some(text.parse().unwrap_or(beyond))
    }

    /// The bits of the double that a number denotes.
    #[must_use]
    pub fn double(&self) -> Option<u64> {
        let double: f64 = self.number()?.parse().ok()?;
        double.is_finite().then(|| double.to_bits())
    }

    /// As JSON in ASCII, the form of every answer (contract 1.1).
    #[must_use]
    pub fn to_ascii(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.is_ascii() {
            return text;
        }
        // Whatever is not ASCII stands in a text.
        let mut ascii = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            if c.is_ascii() {
                ascii.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
        ascii
    }
}

/// The member of that name.
pub(super) fn member<'a>(members: &'a [(String, Json)], name: &str) -> Option<&'a Json> {
    let found = members.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value)
}

fn tree(raw: &RawValue, depth: usize) -> Result<Json, serde_json::Error> {
    let text = raw.get();
    let inner = || {
        depth
            .checked_sub(1)
            .ok_or_else(|| de::Error::custom("it nests too deep"))
    };
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let inner = inner()?;
            let members: std::collections::BTreeMap<String, &RawValue> =
                serde_json::from_str(text)?;
            let member = |(name, raw)| Ok((name, tree(raw, inner)?));
            Json::Object(
                members
                    .into_iter()
                    .map(member)
                    .collect::<Result<_, serde_json::Error>>()?,
            )
        }
        Some(b'[') => {
            let inner = inner()?;
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            let item = |raw| tree(raw, inner);
            Json::List(items.into_iter().map(item).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Json::Text(serde_json::from_str(text)?),
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') | None => Json::Null,
        Some(_) => Json::Number(text.to_owned()),
    })
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(text) => RawValue::from_string(text.clone())
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests;
