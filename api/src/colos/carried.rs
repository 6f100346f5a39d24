//! What a forwarded request carries besides itself: from which colo to which, how long its sender waits, its id, and who sent it; all of it
//! signed together with the request (safety S25).
//!
//! ```text
//! holt-forwarded: from=1;to=2;at=1764300000000;left=9950;id=0af1;for=203.0.113.9;mac=…
//! ```
//! The MAC covers these words, the method, the path with its query, the body and the headers that mean something. The token is among
//! them, unchanged: the home verifies it again and believes nobody about rights.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use chassis::Secret;
use domain::ids::ColoId;
use domain::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::settings::StartError;

/// The header.
pub(crate) const FORWARDED: HeaderName = HeaderName::from_static("holt-forwarded");
/// A forwarded request is good for so long, by the clocks of both ends (S25).
const GOOD_FOR: Duration = Duration::from_secs(30);
/// Shorter keys are surely not meant.
const KEY_BYTES_MIN: usize = 32;

/// Headers that change what a request means; none of them can be added, changed or taken away on the way.
const COVERED: [HeaderName; 9] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-auth-token"),
    HeaderName::from_static("idempotency-key"),
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    HeaderName::from_static("holt-colo"),
    HeaderName::from_static("x-request-id"),
];

/// The words of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Carried {
    /// The colo that forwards.
    pub(super) from: ColoId,
    /// The colo that it is for.
    pub(super) to: ColoId,
    /// When it was forwarded.
    pub(super) at: Timestamp,
    /// How long its sender still waits.
    pub(super) left: Duration,
    /// Names it, for support.
    pub(super) request_id: String,
    /// Who sent it; none where the connection had no address.
    pub(super) address: Option<IpAddr>,
}

/// The request that is carried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'a Method,
    /// Path and query, as they stand in the request line.
    pub(super) target: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// Why a header is not believed. Callers learn no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotBelieved {
    #[error("`holt-forwarded` cannot be read")]
    Form,
    #[error("`holt-forwarded` is not signed for this request")]
    Signature,
    #[error("`holt-forwarded` is older or newer than 30 s: do the clocks of both colos agree?")]
    Time,
}

/// Signs and verifies. The first key signs.
#[derive(Clone)]
pub(super) struct Signer(Vec<Hmac<Sha256>>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.0.len()).finish()
    }
}

impl Signer {
    /// Takes the keys.
    ///
    /// # Errors
    /// [`StartError::OutOfRange`]: there is none, or one is too short.
    pub(super) fn new(keys: &[Secret]) -> Result<Self, StartError> {
        let short = keys.iter().any(|key| key.expose().len() < KEY_BYTES_MIN);
        let made: Result<Vec<_>, _> = keys
            .iter()
            .map(|key| Hmac::new_from_slice(key.expose().as_bytes()))
            .collect();
        match made {
            Ok(made) if !made.is_empty() && !short => Ok(Self(made)),
            Ok(_) | Err(_) => Err(StartError::OutOfRange {
                key: "colos.keys",
                rule: "must have at least one key, and none below 32 characters",
            }),
        }
    }

    /// The header's value.
    pub(super) fn sign(&self, carried: &Carried, request: Request<'_>) -> String {
        let words = carried.words();
        let mac = self.0.first().map(|key| cover(key, &words, request));
        let mac = mac.map(|mac| mac.finalize().into_bytes());
        let hex: String = mac
            .iter()
            .flatten()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{words};mac={hex}")
    }

    /// What the header's value says, if one of the keys signed it for this very request within the time. Comparisons take a time that tells
    /// nothing (safety S39).
    pub(super) fn verify(
        &self,
        value: &str,
        request: Request<'_>,
        now: Timestamp,
    ) -> Result<Carried, NotBelieved> {
        let (words, mac) = value.rsplit_once(";mac=").ok_or(NotBelieved::Form)?;
        let carried = Carried::parse(words).ok_or(NotBelieved::Form)?;
        let mac = unhex(mac).ok_or(NotBelieved::Form)?;
        let fits = |key| cover(key, words, request).verify_slice(&mac).is_ok();
        if !self.0.iter().any(fits) {
            return Err(NotBelieved::Signature);
        }
        let apart = now.since(carried.at).max(carried.at.since(now));
        if apart > GOOD_FOR {
            return Err(NotBelieved::Time);
        }
        Ok(carried)
    }
}

/// The MAC over everything, each part with its length before it: no two requests give the same text.
fn cover(key: &Hmac<Sha256>, words: &str, request: Request<'_>) -> Hmac<Sha256> {
    let mut mac = key.clone();
    let mut part = |bytes: &[u8]| {
        mac.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(bytes);
    };
    part(words.as_bytes());
    part(request.method.as_str().as_bytes());
    part(request.target.as_bytes());
    part(&Sha256::digest(request.body));
    for name in &COVERED {
        for value in request.headers.get_all(name) {
            part(name.as_str().as_bytes());
            part(value.as_bytes());
        }
    }
    mac
}

impl Carried {
    fn words(&self) -> String {
        let address = self.address.map(|a| a.to_string()).unwrap_or_default();
        format!(
            "from={};to={};at={};left={};id={};for={address}",
            self.from.0,
            self.to.0,
            self.at.unix_ms(),
            self.left.as_millis(),
            self.request_id,
        )
    }

    fn parse(words: &str) -> Option<Self> {
        let mut words = words.split(';');
        let mut next = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
        let carried = Self {
            from: ColoId(next("from")?.parse().ok()?),
            to: ColoId(next("to")?.parse().ok()?),
            at: Timestamp::from_unix_ms(next("at")?.parse().ok()?),
            left: Duration::from_millis(next("left")?.parse().ok()?),
            request_id: next("id")?.to_owned(),
            address: match next("for")? {
                "" => None,
                address => Some(address.parse().ok()?),
            },
        };
        words.next().is_none().then_some(carried)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    hex.then(|| (0..64).step_by(2).map(byte).collect())
        .flatten()
}

#[cfg(test)]
mod tests;
