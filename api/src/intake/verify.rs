//! Whether a sender is who it must be, besides knowing the URL (inputs, rule e; safety S20). Comparisons take a time that tells nothing.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use wire::v2::input::{Verify, VerifyBy};

use super::Loaded;
use crate::context::Context;

type HmacSha256 = Hmac<Sha256>;

/// How old a signed text may be, and how far in the future.
const TOLERANCE_SECONDS: u64 = 300;

/// What tells one message of a sender from another: an id or a time that its signature covers. A retry has it again, and so has a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageId(String);

impl MessageId {
    /// The sender's own id of the message.
    pub(super) fn named(id: &str) -> Self {
        Self(format!("id {id}"))
    }

    /// The time of the signature, where there is no id.
    pub(super) fn signed_at(stamp: &str) -> Self {
        Self(format!("time {stamp}"))
    }

    /// What it is made of.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The secret as it is shown to the customer.
pub(crate) fn shown(by: VerifyBy, secret: &[u8; 32]) -> String {
    match by {
        VerifyBy::Basic | VerifyBy::Bearer | VerifyBy::Hmac => {
            secret.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        VerifyBy::StandardWebhooks => format!("whsec_{}", STANDARD.encode(secret)),
    }
}

/// Proves the sender of a body, and gives what it calls the message, where the signature covers that.
///
/// # Errors
/// Why not, for the sender and for the input's owner.
pub(super) fn verify(
    context: &Context,
    input: &Loaded,
    (request, serial): (&HttpRequest, u32),
    body: &[u8],
) -> Result<Option<MessageId>, &'static str> {
    let Some(verify) = &input.parsed.verify else {
        return Ok(None);
    };
    let now = context.wall().unix_ms() / 1_000;
    let secrets = context.v1.seal.input_secrets(input.id, serial);
    let mut why = "this service has no key for secrets of inputs";
    for secret in secrets {
        match proved(verify, &secret, (request, now), body) {
            Ok(message) => return Ok(message),
            Err(other) => why = other,
        }
    }
    Err(why)
}

fn text<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let mut values = request.headers().get_all(name);
    let value = values.next().filter(|_| values.next().is_none());
    value.and_then(|value| value.to_str().ok()).map(str::trim)
}

fn is_timely(stamp: &str, now: u64) -> bool {
    let stamp = stamp.parse::<u64>().ok();
    stamp.is_some_and(|stamp| stamp.abs_diff(now) <= TOLERANCE_SECONDS)
}

fn proved(
    verify: &Verify,
    secret: &[u8; 32],
    (request, now): (&HttpRequest, u64),
    body: &[u8],
) -> Result<Option<MessageId>, &'static str> {
    match verify.by {
        VerifyBy::Basic => {
            let given = text(request, header::AUTHORIZATION.as_str())
                .ok_or("the header Authorization is missing")?;
            let coded = given
                .strip_prefix("Basic ")
                .ok_or("the scheme must be Basic")?;
            let plain = STANDARD
                .decode(coded.trim())
                .map_err(|_error| "the header Authorization is not base64")?;
            let at = plain
                .iter()
                .position(|byte| *byte == b':')
                .ok_or("the header Authorization has no password")?;
            let due = shown(verify.by, secret);
            equal(&plain[at + 1..], due.as_bytes())
                .then_some(None)
                .ok_or("the password is wrong")
        }
        VerifyBy::Bearer => {
            let given = text(request, header::AUTHORIZATION.as_str())
                .ok_or("the header Authorization is missing")?;
            let token = given
                .strip_prefix("Bearer ")
                .ok_or("the scheme must be Bearer")?;
            let due = shown(verify.by, secret);
            equal(token.as_bytes(), due.as_bytes())
                .then_some(None)
                .ok_or("the token is wrong")
        }
        VerifyBy::Hmac => by_hmac(verify, secret, (request, now), body),
        VerifyBy::StandardWebhooks => by_standard(secret, (request, now), body),
    }
}

/// Whether two texts are the same, in a time that tells nothing.
fn equal(given: &[u8], due: &[u8]) -> bool {
    given.ct_eq(due).into()
}

fn by_hmac(
    verify: &Verify,
    secret: &[u8; 32],
    (request, now): (&HttpRequest, u64),
    body: &[u8],
) -> Result<Option<MessageId>, &'static str> {
    let given = text(request, &verify.header).ok_or("the header with the signature is missing")?;
    // The key is the text that was shown: that is what people paste into a sender.
    let mac = HmacSha256::new_from_slice(shown(verify.by, secret).as_bytes());
    let mut mac = mac.map_err(|_error| "the secret cannot be used")?;
    let mut message = None;
    if let Some(name) = &verify.timestamp_header {
        let stamp = text(request, name).ok_or("the header with the time is missing")?;
        if !is_timely(stamp, now) {
            return Err("the time of the signature is more than 5 minutes away");
        }
        mac.update(stamp.as_bytes());
        mac.update(b":");
        message = Some(MessageId::signed_at(stamp));
    }
    mac.update(body);
    let due = mac.finalize().into_bytes();
    let given = given.strip_prefix("sha256=").unwrap_or(given);
    let hex: String = due.iter().map(|byte| format!("{byte:02x}")).collect();
    let fits = equal(given.to_ascii_lowercase().as_bytes(), hex.as_bytes())
        || equal(given.as_bytes(), STANDARD.encode(due).as_bytes());
    fits.then_some(message)
        .ok_or("the signature does not belong to this body")
}

fn by_standard(
    secret: &[u8; 32],
    (request, now): (&HttpRequest, u64),
    body: &[u8],
) -> Result<Option<MessageId>, &'static str> {
    let id = text(request, "webhook-id").ok_or("the header webhook-id is missing")?;
    let stamp =
        text(request, "webhook-timestamp").ok_or("the header webhook-timestamp is missing")?;
    let given =
        text(request, "webhook-signature").ok_or("the header webhook-signature is missing")?;
    if !is_timely(stamp, now) {
        return Err("the time of the signature is more than 5 minutes away");
    }
    let mac = HmacSha256::new_from_slice(secret).map_err(|_error| "the secret cannot be used")?;
    let mac = mac
        .chain_update(id)
        .chain_update(".")
        .chain_update(stamp)
        .chain_update(".");
    let due = STANDARD.encode(mac.chain_update(body).finalize().into_bytes());
    let mut symmetric = given.split(' ').filter_map(|one| one.strip_prefix("v1,"));
    let fits = symmetric.any(|one| equal(one.as_bytes(), due.as_bytes()));
    fits.then_some(Some(MessageId::named(id)))
        .ok_or("the signature does not belong to this body")
}
