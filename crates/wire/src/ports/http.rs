//! What the ports share when they cross the network: who may call, one kind of request (POST with JSON), one kind of refusal.
//!
//! Deliberately absent: retries. Who called decides whether, when and where to ask again.

use std::fmt;
use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use chassis::http::{Settings, Trust};
use chassis::metrics::Counter;
use chassis::tls::{Identity, Shown};
use chassis::{Metrics, Secret};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::role::{Credentials, Role};

/// Who may call the ports of a process: whoever has the key, the certificate of the right role, or both. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Guard {
    credentials: Credentials,
    without_key: Counter,
    other_role: Counter,
}

impl From<Secret> for Guard {
    /// One that counts for nobody: for tests, and for whoever has no metrics.
    fn from(key: Secret) -> Self {
        Self::new(&Metrics::new(), key.into())
    }
}

impl Guard {
    /// Asks callers for what this process has itself.
    #[must_use]
    pub fn new(metrics: &Metrics, credentials: Credentials) -> Self {
        let refused = |why| {
            metrics.counter_with(
                "ports_refused_total",
                "Calls between the roles that were refused: without the key, or by a role that may not call that port.",
                &[("why", why)],
            )
        };
        Self {
            credentials,
            without_key: refused(KEY),
            other_role: refused(ROLE),
        }
    }

    /// What the listener needs for TLS; none: it speaks plain HTTP.
    ///
    /// # Errors
    /// [`PeerError::Tls`]: stop the start.
    pub fn tls(&self) -> Result<Option<chassis::tls::ServerConfig>, PeerError> {
        let identity = self.credentials.identity.as_ref();
        Ok(identity.map(Identity::server).transpose()?)
    }

    /// The key in constant time, then the role: who lacks the key learns nothing of roles.
    fn judge(&self, request: &HttpRequest, caller: Role) -> Result<(), Refusal> {
        if let Some(key) = &self.credentials.key {
            let shown = request.headers().get(AUTHORIZATION);
            let shown = shown.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
            if !shown.is_some_and(|shown| key.matches(shown)) {
                self.without_key.increment();
                return Err(Refusal::new(StatusCode::UNAUTHORIZED, KEY));
            }
        }
        if self.credentials.identity.is_some() {
            let shown = request.conn_data::<Shown>().and_then(|shown| shown.0);
            if shown != Some(caller.name()) {
                self.other_role.increment();
                let (wanted, path) = (caller.name(), request.path());
                tracing::warn!(shown, wanted, path, peer = ?request.peer_addr(), "a role may not call this port");
                return Err(Refusal::new(StatusCode::FORBIDDEN, ROLE));
            }
        }
        Ok(())
    }
}

const KEY: &str = "key";
const ROLE: &str = "role";

/// The guard of one port, as the server's handlers find it, and the one role that may call it.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub(super) guard: Guard,
    pub(super) caller: Role,
}

/// Proof that the caller may call this port; as the first argument of a handler it is asked for before the body is read.
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
    /// Of several that came together, the places of those that are refused; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) refused: Vec<usize>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            retry_after_ms: None,
            refused: Vec::new(),
        }
    }

    /// Whether the caller was not let in at all.
    fn is_at_the_door(&self) -> bool {
        [KEY, ROLE].contains(&self.code.as_str())
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
        let judged = match request.app_data::<web::Data<Door>>() {
            Some(door) => door.guard.judge(request, door.caller),
            None => Err(Refusal::new(StatusCode::UNAUTHORIZED, KEY)),
        };
        ready(judged.map(|()| Self))
    }
}

/// Reads a body, for whose sender the guard has vouched.
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
    /// With certificates the roles speak TLS: stop the start.
    #[error("{0:?} must begin with https://, because the section `[tls]` is set")]
    Plain(String),
    /// TLS cannot be set up: stop the start.
    #[error("set up TLS between the roles")]
    Tls(#[from] chassis::tls::Error),
}

/// The client side of one other process. Keeps its connections open.
#[derive(Clone)]
pub(super) struct Peer {
    client: reqwest::Client,
    base: String,
    key: Option<Secret>,
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
    pub(super) fn new(base: &str, key: Option<Secret>, trust: Trust) -> Result<Self, PeerError> {
        let is_plain = base.starts_with("http://");
        if !is_plain && !base.starts_with("https://") {
            return Err(PeerError::Address(base.to_owned()));
        }
        if is_plain && matches!(trust, Trust::Mutual(_)) {
            return Err(PeerError::Plain(base.to_owned()));
        }
        // Plain HTTP works on a machine without a certificate store.
        let trust = if is_plain {
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
        let request = self.client.post(format!("{}{path}", self.base));
        let request = match &self.key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        };
        let response = request
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
            let refusal = refusal.map(|refusal| Refusal { status, ..refusal });
            if let Some(refusal) = refusal.as_ref().filter(|refusal| refusal.is_at_the_door()) {
                let (peer, code) = (&self.base, &refusal.code);
                tracing::warn!(peer, path, code, "another role does not let this one in");
            }
            return Err(refusal.map_or(Failure::NoAnswer, Failure::Refused));
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
