//! The typed client of `/v2`: what the CLI and the tests speak with.
//!
//! It never repeats a request by itself and follows no redirects (`chassis::http`); an event may be sent again under the same key.

mod config;
mod history;
mod hooks;
mod inputs;
mod operators;
mod policies;

pub use history::FoundOf;

use std::time::Duration;

use chassis::Secret;
use chassis::http::{self, Connections, Trust};
use domain::ids::ColoId;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::v2::Page;
use crate::v2::event::{EventRequest, Queued};
use crate::v2::group::{Group, GroupSpec};
use crate::v2::ledger::Slot;
use crate::v2::time::Moment;
use crate::v2::verdict::Verdict;

/// The largest answer that is read: a page of groups with all their policies.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// How to reach an api.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is, as in `http://127.0.0.1:8070`.
    pub url: String,
    /// The bearer token; none reaches only what is open to everybody (health, the `OpenAPI` document).
    pub token: Option<Secret>,
    /// Time for one whole request.
    pub timeout: Duration,
    /// Which TLS servers to believe.
    pub trust: Trust,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client cannot be built.
    #[error("build the client")]
    Build(#[source] http::Error),
    /// The api refused, in its own words.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// No answer; the request may have been executed all the same.
    #[error("no answer from {url}")]
    Unreachable {
        /// Where it was sent.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is not one of `/v2`.
    #[error("an answer that cannot be understood (status {status}): {start}")]
    Unreadable {
        /// Its status.
        status: u16,
        /// Its first characters.
        start: String,
    },
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Decided, durably.
    Decided(Box<Verdict>),
    /// Accepted, durably; the owner of the group will decide it.
    Queued(Queued),
}

/// Which verdicts to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerdictsOf {
    /// Decided at this moment or before: "why at 14:05".
    pub at: Option<Moment>,
    /// The next page: of revisions before this one.
    pub before: Option<String>,
    /// How many.
    pub limit: Option<u32>,
}

/// Which slots to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotsOf {
    /// In one of these states, by word.
    pub states: Vec<String>,
    /// Only open ones, or only ended ones.
    pub open: Option<bool>,
    /// The next page.
    pub after: Option<String>,
    /// How many.
    pub limit: Option<u32>,
}

/// A client of one api; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<Secret>,
    colo: Option<ColoId>,
}

type Query = Vec<(&'static str, String)>;

impl Client {
    /// Builds a client.
    ///
    /// # Errors
    /// [`Error::Build`].
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let http = http::client(&http::Settings {
            connect_timeout: settings.timeout.min(Duration::from_secs(5)),
            total_timeout: settings.timeout,
            connections: Connections::Pooled,
            trust: settings.trust.clone(),
            user_agent: concat!("holt/", env!("CARGO_PKG_VERSION")),
        });
        Ok(Self {
            http: http.map_err(Error::Build)?,
            base: settings.url.trim_end_matches('/').to_owned(),
            token: settings.token.clone(),
            colo: None,
        })
    }

    /// The same, asking this colo for what no path places: lists, searches, new groups and inputs, switches. None: whichever is reached.
    #[must_use]
    pub fn in_colo(self, colo: Option<ColoId>) -> Self {
        Self { colo, ..self }
    }

    /// Creates a group; desired begins at min.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` list the groups before trying again.
    pub async fn create_group(&self, tenant: &str, spec: &GroupSpec) -> Result<Group, Error> {
        self.json(Method::POST, &groups(tenant), &[], Some(spec))
            .await
    }

    /// One page of the tenant's groups, in order of id.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn groups(
        &self,
        tenant: &str,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<Group>, Error> {
        let query = [
            ("after", after.map(str::to_owned)),
            ("limit", limit.map(|n| n.to_string())),
        ];
        self.json(Method::GET, &groups(tenant), &given(query), NOTHING)
            .await
    }

    /// One group.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn group(&self, tenant: &str, group: &str) -> Result<Group, Error> {
        self.json(Method::GET, &path(tenant, group, ""), &[], NOTHING)
            .await
    }

    /// Replaces a group's configuration; a launch configuration that is left out stays.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn configure(
        &self,
        tenant: &str,
        group: &str,
        spec: &GroupSpec,
    ) -> Result<Group, Error> {
        self.json(
            Method::PUT,
            &path(tenant, group, "/config"),
            &[],
            Some(spec),
        )
        .await
    }

    /// Pauses a group: it refuses events, launches and deletes nothing.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn pause(&self, tenant: &str, group: &str) -> Result<Group, Error> {
        self.json(Method::POST, &path(tenant, group, "/pause"), &[], NOTHING)
            .await
    }

    /// Resumes a paused group.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn resume(&self, tenant: &str, group: &str) -> Result<Group, Error> {
        self.json(Method::POST, &path(tenant, group, "/resume"), &[], NOTHING)
            .await
    }

    /// Deletes a group with all its servers; without `force` only one that wants none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_group(
        &self,
        tenant: &str,
        group: &str,
        force: bool,
    ) -> Result<Group, Error> {
        let query: Query = if force {
            vec![("force", "true".to_owned())]
        } else {
            Vec::new()
        };
        self.json(Method::DELETE, &path(tenant, group, ""), &query, NOTHING)
            .await
    }

    /// Sends an event. With a `key` it may be sent again: it is decided once.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` or a 503 send it again under the same key.
    pub async fn send(
        &self,
        tenant: &str,
        group: &str,
        key: Option<&str>,
        event: &EventRequest,
    ) -> Result<Answer, Error> {
        let mut request = with_body(
            self.request(Method::POST, &path(tenant, group, "/events"), &[]),
            event,
        );
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let (status, body) = self.exchange(request).await?;
        decided(status, &body)
    }

    /// What became of an event.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn event(&self, tenant: &str, group: &str, event: &str) -> Result<Answer, Error> {
        let path = path(tenant, group, &format!("/events/{}", encoded(event)));
        let (status, body) = self.exchange(self.request(Method::GET, &path, &[])).await?;
        decided(status, &body)
    }

    /// Verdicts of a group, newest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn verdicts(
        &self,
        tenant: &str,
        group: &str,
        of: &VerdictsOf,
    ) -> Result<Page<Verdict>, Error> {
        let query = [
            ("at", of.at.map(|at| at.to_string())),
            ("before", of.before.clone()),
            ("limit", of.limit.map(|n| n.to_string())),
        ];
        self.json(
            Method::GET,
            &path(tenant, group, "/verdicts"),
            &given(query),
            NOTHING,
        )
        .await
    }

    /// Slots of a group, in order of id.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn ledger(
        &self,
        tenant: &str,
        group: &str,
        of: &SlotsOf,
    ) -> Result<Page<Slot>, Error> {
        let states = (!of.states.is_empty()).then(|| of.states.join(","));
        let query = [
            ("state", states),
            ("open", of.open.map(|open| open.to_string())),
            ("after", of.after.clone()),
            ("limit", of.limit.map(|n| n.to_string())),
        ];
        self.json(
            Method::GET,
            &path(tenant, group, "/ledger"),
            &given(query),
            NOTHING,
        )
        .await
    }

    /// Whether the process behind the api is ready, with what each part of it says.
    ///
    /// # Errors
    /// [`Error`]; not being ready is no error.
    pub async fn ready(&self) -> Result<(bool, serde_json::Value), Error> {
        let (status, body) = self
            .exchange_any(self.request(Method::GET, "/health/ready", &[]))
            .await?;
        Ok((status.is_success(), parse(status, &body)?))
    }

    /// The `OpenAPI` document.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn openapi(&self) -> Result<serde_json::Value, Error> {
        self.json(Method::GET, "/v2/openapi.json", &[], NOTHING)
            .await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&'static str, String)],
        body: Option<&impl Serialize>,
    ) -> Result<T, Error> {
        let request = self.request(method, path, query);
        let request = match body {
            Some(body) => with_body(request, body),
            None => request,
        };
        let (status, body) = self.exchange(request).await?;
        parse(status, &body)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&'static str, String)],
    ) -> reqwest::RequestBuilder {
        let mut url = format!("{}{path}", self.base);
        for (at, (name, value)) in query.iter().enumerate() {
            let mark = if at == 0 { '?' } else { '&' };
            url.push_str(&format!("{mark}{name}={}", encoded(value)));
        }
        let mut request = self.http.request(method, url);
        if let Some(colo) = self.colo {
            request = request.header("Holt-Colo", colo.0);
        }
        match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    /// The answer to a request, unless it is a refusal.
    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<(StatusCode, bytes::Bytes), Error> {
        let (status, body) = self.exchange_any(request).await?;
        if status.is_success() {
            return Ok((status, body));
        }
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Error::Refused(Box::new(problem)),
            Err(_other) => unreadable(status, &body),
        })
    }

    async fn exchange_any(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<(StatusCode, bytes::Bytes), Error> {
        let unreachable = |source| Error::Unreachable {
            url: self.base.clone(),
            source,
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        match http::body(answer, ANSWER_BYTES_MAX).await {
            Ok(body) => Ok((status, body)),
            Err(http::Error::Body { source }) => Err(unreachable(source)),
            Err(http::Error::TooLarge { .. } | http::Error::Build { .. }) => {
                Err(unreadable(status, b"too large"))
            }
        }
    }
}

/// No body.
const NOTHING: Option<&()> = None;

/// The types of `/v2` always have a JSON form; a body that had none would be refused as malformed.
fn with_body(request: reqwest::RequestBuilder, body: &impl Serialize) -> reqwest::RequestBuilder {
    let json = serde_json::to_vec(body).unwrap_or_default();
    request
        .header("Content-Type", "application/json")
        .body(json)
}

fn decided(status: StatusCode, body: &[u8]) -> Result<Answer, Error> {
    if status == StatusCode::ACCEPTED {
        parse(status, body).map(Answer::Queued)
    } else {
        parse(status, body).map(|verdict| Answer::Decided(Box::new(verdict)))
    }
}

fn parse<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|_syntax| unreadable(status, body))
}

fn unreadable(status: StatusCode, body: &[u8]) -> Error {
    let start = String::from_utf8_lossy(body)
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    Error::Unreadable {
        status: status.as_u16(),
        start,
    }
}

fn groups(tenant: &str) -> String {
    format!("/v2/{}/groups", encoded(tenant))
}

fn path(tenant: &str, group: &str, rest: &str) -> String {
    format!("{}/{}{rest}", groups(tenant), encoded(group))
}

fn given<const N: usize>(query: [(&'static str, Option<String>); N]) -> Query {
    query
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Percent-encoded: everything but letters, digits and `-._~`.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
