//! Entity tags: what a writer says it has seen, so that it does not undo what it has not (RFC 9110, 13.1.1).

use actix_web::HttpRequest;
use actix_web::http::header;
use serde::Serialize;
use sha2::{Digest, Sha256};
use wire::problem::Code;

use crate::failure::Failure;

/// Tags in one header.
const TAGS_MAX: usize = 20;

/// The tag of what is shown: equal exactly where the JSON is.
pub(crate) fn tag(shown: &impl Serialize) -> String {
    let json = serde_json::to_vec(shown).unwrap_or_default();
    let hash = Sha256::digest(&json);
    let hex: String = hash[..12].iter().map(|b| format!("{b:02x}")).collect();
    format!("\"{hex}\"")
}

/// The header `If-Match` of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Not given, or `*`: what is there is good enough.
    Any,
    /// One of these. Weak tags match nothing, as a write needs the strong comparison.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// Reads the header.
    ///
    /// # Errors
    /// 400: it is no list of tags.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Failure> {
        let rule = "must be * or a list of quoted tags";
        let invalid = || {
            let detail = format!("the header If-Match {rule}");
            Failure::new(Code::InvalidHeader, detail).at("If-Match", rule)
        };
        let mut tags = Vec::new();
        for value in request.headers().get_all(header::IF_MATCH) {
            let text = value.to_str().map_err(|_error| invalid())?.trim();
            if text == "*" {
                return Ok(Self::Any);
            }
            for tag in text.split(',').map(str::trim) {
                let opaque = tag.strip_prefix("W/").unwrap_or(tag);
                let quoted = opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"');
                if !quoted || tags.len() == TAGS_MAX {
                    return Err(invalid());
                }
                tags.push(tag.to_owned());
            }
        }
        Ok(if tags.is_empty() {
            Self::Any
        } else {
            Self::OneOf(tags)
        })
    }

    /// Whether what is there now is what the writer has seen.
    pub(crate) fn holds(&self, now: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|tag| tag == now),
        }
    }
}

#[cfg(test)]
mod tests;
