//! Writes that name themselves: the header `Idempotency-Key` on everything that changes something (features 8, safety S13).
//!
//! ```text
//! note "running" (only if there is none) ──► the write ──► note "answered", with the answer ──► the same key gets the same answer for 25 hours
//! ```
//! A key belongs to a tenant, a method and a path, and to one body. What was refused is forgotten, so that it may be tried again. A process
//! that dies in between leaves "running": after [`RUNNING`] the write is done again under the same key, and what it makes gets the
//! same ids and secrets as before, so that nothing is made twice.
//!
//! Capability URLs and secrets are never in a note: a repeated answer derives them anew ([`crate::told`]).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse};
use domain::ids::{RequestHash, TenantId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::note::{Note, Shelf};
use wire::problem::Code;

use crate::context::Context;
use crate::failure::Failure;
use crate::told::Told;

/// Names a write or an event for ever.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key.
const KEY_BYTES_MAX: usize = 128;
/// A write that takes longer than this has died: longer than every deadline on its way.
pub(crate) const RUNNING: Duration = Duration::from_secs(60);

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<serde_json::Value>,
    /// What the body tells besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Told>,
}

impl Answer {
    /// An answer with a body.
    pub(crate) fn of(status: StatusCode, body: &impl Serialize) -> Self {
        Self {
            status: status.as_u16(),
            location: None,
            etag: None,
            body: serde_json::to_value(body).ok(),
            told: None,
        }
    }

    /// 204.
    pub(crate) fn empty() -> Self {
        Self {
            body: None,
            ..Self::of(StatusCode::NO_CONTENT, &())
        }
    }

    /// The same, with where what was made is.
    pub(crate) fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    /// The same, with the tag of what is there now.
    pub(crate) fn tagged(mut self, etag: String) -> Self {
        self.etag = Some(etag);
        self
    }

    /// The same, with what only this answer tells.
    pub(crate) fn telling(mut self, told: Told) -> Self {
        self.told = Some(told);
        self
    }

    fn render(mut self, context: &Context, tenant: Option<&TenantId>) -> HttpResponse {
        if let (Some(told), Some(tenant), Some(serde_json::Value::Object(body))) =
            (&self.told, tenant, &mut self.body)
        {
            told.tell(context, tenant, body);
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut answer = HttpResponse::build(status);
        if let Some(location) = self.location {
            answer.insert_header((header::LOCATION, location));
        }
        if let Some(etag) = self.etag {
            answer.insert_header((header::ETAG, etag));
        }
        match self.body {
            Some(body) => answer.json(body),
            None => answer.finish(),
        }
    }
}

/// Where ids of what is made come from: chance, or the key of the write, so that doing it again makes the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed {
    bits: u128,
    write: u128,
    /// They come from the key of the write: what has an id made of them was made under the same key.
    pub(crate) is_keyed: bool,
    /// The same write may have been done before, by a process that died.
    pub(crate) is_repeated: bool,
}

impl Seed {
    /// 128 bits.
    pub(crate) const fn u128(self) -> u128 {
        self.bits
    }

    /// Names this write and no other one, also none under the same key once that is free again; all tries of the write have it.
    pub(crate) const fn write(self) -> u128 {
        self.write
    }
}

/// What a note says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Hash of what was asked.
    request: String,
    /// Whose try this is: two tries of one write differ.
    #[serde(rename = "try")]
    attempt: String,
    /// The first try of the same write; none: this is it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    /// What was answered; none: it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
}

impl Kept {
    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn first(&self) -> &str {
        self.first.as_deref().unwrap_or(&self.attempt)
    }
}

/// Who writes: a tenant, or staff for the whole installation.
pub(crate) type Scope<'a> = Option<&'a TenantId>;

/// Does a write once under its key; without a key, it is simply done.
///
/// # Errors
/// The write's own; 409 while the same key is at work, 422 if the key came with another request, 503 if nothing can be kept.
pub(crate) async fn once(
    context: &Context,
    scope: Scope<'_>,
    (request, body): (&HttpRequest, RequestHash),
    write: impl AsyncFnOnce(Seed) -> Result<Answer, Failure>,
) -> Result<HttpResponse, Failure> {
    let Some(key) = key(request)? else {
        let seed = Seed {
            bits: context.process.entropy.u128(),
            write: context.process.entropy.u128(),
            is_keyed: false,
            is_repeated: false,
        };
        return Ok(write(seed).await?.render(context, scope));
    };
    let id = name(scope, request, key);
    let kept = Kept {
        request: asked(request, body),
        attempt: format!("{:032x}", context.process.entropy.u128()),
        first: None,
        answer: None,
    };
    let (kept, is_repeated) = match begin(context, &id, kept).await? {
        Begun::First(kept) => (kept, false),
        Begun::Again(kept) => (kept, true),
        Begun::Answered(answer) => {
            let mut answer = answer.render(context, scope);
            let headers = answer.headers_mut();
            headers.insert(REPLAYED, header::HeaderValue::from_static("true"));
            return Ok(answer);
        }
    };
    let seed = Seed {
        bits: bits(&id),
        write: bits(&joined(&[&id, kept.first().as_bytes()])),
        is_keyed: true,
        is_repeated,
    };
    let done = write(seed).await;
    end(context, &id, kept, &done).await;
    Ok(done?.render(context, scope))
}

/// Whose turn it is, and what its note says.
enum Begun {
    First(Kept),
    Again(Kept),
    Answered(Answer),
}

async fn begin(context: &Context, id: &[u8; 32], kept: Kept) -> Result<Begun, Failure> {
    let notes = &*context.stores.notes;
    let now = context.wall();
    let note = |kept: &Kept| Note {
        id: id.to_vec(),
        at: now,
        body: kept.text(),
    };
    if notes.keep(Shelf::Answers, &note(&kept), None).await? {
        return Ok(Begun::First(kept));
    }
    let found = notes.find(Shelf::Answers, id).await?;
    let found = found.ok_or_else(in_use)?;
    let there: Kept = serde_json::from_str(&found.body).map_err(|_error| in_use())?;
    if there.request != kept.request {
        let rule = "came with another request before";
        return Err(
            Failure::new(Code::KeyReused, "use a new key for a new request")
                .at("Idempotency-Key", rule),
        );
    }
    let first = Some(there.first().to_owned());
    if let Some(answer) = there.answer {
        return Ok(Begun::Answered(answer));
    }
    if now.since(found.at) <= RUNNING {
        return Err(in_use());
    }
    let kept = Kept { first, ..kept };
    let over = Some(found.body.as_str());
    if notes.keep(Shelf::Answers, &note(&kept), over).await? {
        Ok(Begun::Again(kept))
    } else {
        Err(in_use())
    }
}

fn in_use() -> Failure {
    Failure::new(
        Code::KeyInUse,
        "the same write is at work; ask again for its answer under the same key",
    )
}

/// Notes what became of the write. Where that fails, the next try does it again, with the same ids.
async fn end(context: &Context, id: &[u8; 32], kept: Kept, done: &Result<Answer, Failure>) {
    let notes = &*context.stores.notes;
    let running = kept.text();
    let noted = match done {
        Ok(answer) => {
            let answered = Kept {
                answer: Some(answer.clone()),
                ..kept
            };
            let note = Note {
                id: id.to_vec(),
                at: context.wall(),
                body: answered.text(),
            };
            notes
                .keep(Shelf::Answers, &note, Some(&running))
                .await
                .map(drop)
        }
        // It may have been done: only when this try is surely dead it is tried again.
        Err(failure) if failure.code == Code::OutcomeUnknown => Ok(()),
        Err(_) => notes.forget(Shelf::Answers, id, &running).await,
    };
    if let Err(error) = noted {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "an answer could not be kept for its idempotency key");
    }
}

/// The key of a request.
///
/// # Errors
/// 400: it is too long, or comes twice.
pub(crate) fn key(request: &HttpRequest) -> Result<Option<&str>, Failure> {
    let rule = "must be 1 to 128 visible ASCII characters, given once";
    let invalid = || {
        let detail = format!("the header Idempotency-Key {rule}");
        Failure::new(Code::InvalidHeader, detail).at("Idempotency-Key", rule)
    };
    let mut given = request.headers().get_all(&IDEMPOTENCY_KEY);
    let Some(first) = given.next() else {
        return Ok(None);
    };
    let text = first.to_str().ok().filter(|text| {
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        (1..=KEY_BYTES_MAX).contains(&text.len()) && visible
    });
    match (text, given.next()) {
        (Some(text), None) => Ok(Some(text)),
        (None, _) | (_, Some(_)) => Err(invalid()),
    }
}

/// What a key names: nothing of another tenant, method or path.
fn name(scope: Scope<'_>, request: &HttpRequest, key: &str) -> [u8; 32] {
    let tenant = scope.map_or("", TenantId::as_str);
    let parts = [tenant, request.method().as_str(), request.path(), key];
    joined(&parts.map(str::as_bytes))
}

/// The hash of some parts, whose borders count.
fn joined(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The first half of a hash.
fn bits(hash: &[u8; 32]) -> u128 {
    u128::from_be_bytes(hash.first_chunk::<16>().copied().unwrap_or_default())
}

/// What was asked: the query, what the writer has seen, and the body.
fn asked(request: &HttpRequest, body: RequestHash) -> String {
    let mut hash = Sha256::new();
    let seen = request.headers().get_all(header::IF_MATCH);
    let parts = std::iter::once(request.query_string().as_bytes())
        .chain(seen.map(header::HeaderValue::as_bytes));
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(part);
    }
    hash.update(body.0);
    RequestHash(hash.finalize().into()).to_string()
}

/// The hash of no body.
pub(crate) fn no_body() -> RequestHash {
    RequestHash(Sha256::digest([]).into())
}
