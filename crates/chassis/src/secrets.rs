//! Secrets that do not show themselves.
use std::{fmt, path::Path};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What is shown in place of a secret.
const MASK: &str = "***";

/// Larger files are surely not meant: keys and passwords are small.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A password, key or token: wiped from memory when dropped, masked in `Debug` and when serialized, never empty.
///
/// In configuration it is the text itself, or `file:/path` for the content of a file (white space at its end is cut off).
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// Why a secret was refused. Never carries its text.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is nothing in it; leave an optional key out instead.
    #[error("a secret may not be empty")]
    Empty,
    /// The named file cannot be read.
    #[error("secret file {path} cannot be read: {kind}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// The named file cannot be a secret.
    #[error("secret file {path} is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge {
        /// Which.
        path: String,
    },
}

impl Secret {
    /// Takes the text itself.
    ///
    /// # Errors
    /// [`Refused::Empty`].
    pub fn new(text: String) -> Result<Self, Refused> {
        let text = Zeroizing::new(text);
        if text.is_empty() {
            Err(Refused::Empty)
        } else {
            Ok(Self(text))
        }
    }

    /// Takes what a configuration says: the text itself, or `file:/path`.
    ///
    /// # Errors
    /// [`Refused`]: stop the start.
    pub fn parse(text: String) -> Result<Self, Refused> {
        let text = Zeroizing::new(text);
        match text.strip_prefix("file:") {
            None => Self::new(text.to_string()),
            Some(path) => Self::read(Path::new(path)),
        }
    }

    fn read(path: &Path) -> Result<Self, Refused> {
        let shown = || path.display().to_string();
        let unreadable = |error: std::io::Error| Refused::Unreadable {
            path: shown(),
            kind: error.kind(),
        };
        if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
            return Err(Refused::TooLarge { path: shown() });
        }
        let content = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
        Self::new(content.trim_end().to_owned())
    }

    /// The text, for the one call that needs it. Do not keep, log or format it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `other` is the same, in a time that does not tell how much of it was right (safety S39).
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(other).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.expose().as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({MASK})")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(SecretVisitor)
    }
}

/// Refuses what is not text without repeating it: serde's own messages would.
struct SecretVisitor;

impl SecretVisitor {
    fn not_text<E: de::Error>() -> Result<Secret, E> {
        Err(E::custom("a secret is a text in quotes"))
    }
}

impl de::Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret as text, or file:/path")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Secret, E> {
        Secret::parse(text).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
        Self::not_text()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
        Self::not_text()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Secret, E> {
        Self::not_text()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
        Self::not_text()
    }
}

#[cfg(test)]
mod tests;
