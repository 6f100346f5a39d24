//! What both ports share when they cross the network: the shared key, one kind of request (POST with JSON), one kind of refusal.
//!
//! Deliberately absent: retries. Who called decides whether, when and where to ask again.

use std::fmt;
use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use chassis::Secret;
use chassis::http::{Settings, Trust};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The key that all roles of one installation share, as the server's handlers find it. Compared in constant time.
#[derive(Debug, Clone)]
pub(super) struct Key(pub(super) Secret);

/// Proof that the request carries the shared key; as the first argument of a handler it is asked before the body is read.
#[derive(Debug)]
pub(super) struct Insider;

/// A refusal: a status, and a word for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}")]
pub(super) struct Refusal {
    #[serde(skip)]
    pub(super) status: u16,
    /// One of the words of the port.
    pub(super) code: String,
    /// Not before this, where the word says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_ms: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            retry_after_ms: None,
        }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).json(self)
    }
}

impl FromRequest for Insider {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let key = request.app_data::<web::Data<Key>>();
        let shown = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let is_inside = key
            .zip(shown)
            .is_some_and(|(key, shown)| key.0.matches(shown));
        ready(if is_inside {
            Ok(Self)
        } else {
            Err(Refusal::new(StatusCode::UNAUTHORIZED, "key"))
        })
    }
}

/// Reads a body, which the shared key has vouched for.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a message between the roles cannot be read: do they run the same version?"
        );
        Refusal::new(StatusCode::BAD_REQUEST, "message")
    })
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The HTTP client cannot be built: stop the start.
    #[error("build client between the roles")]
    Client(#[from] chassis::http::Error),
    /// The address is none: stop the start.
    #[error("{0:?} is no http or https address")]
    Address(String),
}

/// The client side of one other process. Keeps its connections open.
#[derive(Clone)]
pub(super) struct Peer {
    client: reqwest::Client,
    base: String,
    key: Secret,
}

/// Why a request gave no answer that can be used.
#[derive(Debug)]
pub(super) enum Failure {
    /// The other side said no.
    Refused(Refusal),
    /// Nobody knows what the other side did.
    NoAnswer,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// A refusal is small.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

impl Peer {
    pub(super) fn new(base: &str, key: Secret, trust: Trust) -> Result<Self, PeerError> {
        let is_address = base.starts_with("http://") || base.starts_with("https://");
        if !is_address {
            return Err(PeerError::Address(base.to_owned()));
        }
        // Plain HTTP works on a machine without a certificate store.
        let trust = if base.starts_with("http://") {
            Trust::Only(Vec::new())
        } else {
            trust
        };
        let settings = Settings {
            trust,
            user_agent: "holt",
            ..Settings::default()
        };
        Ok(Self {
            client: chassis::http::client(&settings)?,
            base: base.trim_end_matches('/').to_owned(),
            key,
        })
    }

    /// Sends a message and reads the answer, of at most `bytes_max`.
    pub(super) async fn post<R: DeserializeOwned>(
        &self,
        path: &'static str,
        message: &impl Serialize,
        within: Duration,
        bytes_max: usize,
    ) -> Result<R, Failure> {
        let body = serde_json::to_vec(message).map_err(|error| self.lost(path, &error))?;
        let response = self
            .client
            .post(format!("{}{path}", self.base))
            .bearer_auth(self.key.expose())
            .header("content-type", "application/json")
            .timeout(within)
            .body(body)
            .send()
            .await
            .map_err(|error| self.lost(path, &error))?;
        let status = response.status().as_u16();
        if status != 200 {
            let body = chassis::http::body(response, REFUSAL_BYTES_MAX).await;
            let refusal = body
                .ok()
                .and_then(|body| serde_json::from_slice::<Refusal>(&body).ok());
            return Err(refusal.map_or(Failure::NoAnswer, |refusal| {
                Failure::Refused(Refusal { status, ..refusal })
            }));
        }
        let body = chassis::http::body(response, bytes_max).await;
        let body = body.map_err(|error| self.lost(path, &error))?;
        serde_json::from_slice(&body).map_err(|error| self.lost(path, &error))
    }

    fn lost(&self, path: &'static str, error: &(dyn std::error::Error + 'static)) -> Failure {
        tracing::debug!(error, peer = self.base, path, "no answer between the roles");
        Failure::NoAnswer
    }
}

/// For serde: a duration as whole microseconds, which is the grain of every clock here.
pub(super) type Micros = serde_with::DurationMicroSeconds<u64>;

/// How ids travel.
pub(super) use serde_with::DisplayFromStr as Text;

/// A group's key.
#[serde_with::serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeyMessage {
    #[serde_as(as = "Text")]
    tenant: domain::ids::TenantId,
    #[serde_as(as = "Text")]
    group: domain::ids::GroupId,
    epoch: u64,
}

impl From<&domain::ids::GroupKey> for KeyMessage {
    fn from(key: &domain::ids::GroupKey) -> Self {
        Self {
            tenant: key.tenant.clone(),
            group: key.id,
            epoch: key.epoch.0,
        }
    }
}

impl From<KeyMessage> for domain::ids::GroupKey {
    fn from(message: KeyMessage) -> Self {
        Self {
            tenant: message.tenant,
            id: message.group,
            epoch: domain::ids::HomeEpoch(message.epoch),
        }
    }
}
