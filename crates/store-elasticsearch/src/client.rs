//! The one way to the cluster: every call has its deadline, and its outcome one of four classes.

use std::time::Duration;

use chassis::metrics::Counter;
use chassis::{Clock, Process};
use elasticsearch::auth::Credentials;
use elasticsearch::http::headers::HeaderMap;
use elasticsearch::http::request::{Body, JsonBody, NdBody};
use elasticsearch::http::transport::{MultiNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};
use serde_json::Value;
use store::search::Found;

use crate::document::{self, Document};
use crate::{OpenError, Settings};

/// Why a call has no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The cluster does not answer, not in time, or has no room now (429, 503): the same later.
    #[error("the index of history is away")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was asked for is not there (404).
    #[error("the index of history does not have it")]
    Missing,
    /// The cluster refuses the call (credentials, rights, form): a person must look.
    #[error("the index of history refuses: status {status}, {why}")]
    Refused {
        /// The status.
        status: u16,
        /// The cluster's word for it.
        why: String,
    },
    /// The answer is none of ours: something else answers there.
    #[error("the answer of the index of history cannot be read: {0}")]
    Unreadable(String),
}

/// What became of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Put {
    /// New ones.
    pub created: u64,
    /// Those that were there.
    pub known: u64,
    /// Those that the index will not take, whatever is tried; the log says why. They are in the journal.
    pub refused: u64,
}

/// Words of the cluster's that are repeated in errors.
const WHY_MAX: usize = 300;
/// Bytes of one bulk call at most, but for its last document.
const BULK_MAX: usize = 8 << 20;

/// A client and its limits. Cheap enough to have one a process.
#[derive(Debug)]
pub(crate) struct Client {
    transport: Transport,
    clock: Clock,
    search_timeout: Duration,
    request_timeout: Duration,
    requests: Counter,
}

impl Client {
    pub(crate) fn new(process: &Process, settings: &Settings) -> Result<Self, OpenError> {
        let pool = MultiNodeConnectionPool::round_robin(nodes(settings)?, None);
        name(&settings.index)?;
        let mut builder = TransportBuilder::new(pool)
            .disable_proxy()
            .enable_meta_header(false);
        if let Some(credentials) = credentials(settings)? {
            builder = builder.auth(credentials);
        }
        // The client asks for a provider of the whole process. A second one is refused, and the first one is the same.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let transport = builder
            .build()
            .map_err(|e| OpenError::Client(Box::new(e)))?;
        Ok(Self {
            transport,
            clock: process.clock.clone(),
            search_timeout: settings.search_timeout,
            request_timeout: settings.request_timeout,
            requests: process.metrics.counter(
                "history_requests_total",
                "Requests to the index of history.",
            ),
        })
    }

    /// One call. The path is ours: names of indices that were checked, and nothing of callers.
    async fn call<B: Body>(
        &self,
        method: Method,
        path: &str,
        body: Option<B>,
        within: Duration,
    ) -> Result<Value, CallError> {
        self.requests.increment();
        let asked = async {
            let none = None::<&()>;
            let sent = self
                .transport
                .send(method, path, HeaderMap::new(), none, body, None);
            let response = sent.await.map_err(|e| CallError::Away(Box::new(e)))?;
            let status = response.status_code().as_u16();
            let text = response
                .text()
                .await
                .map_err(|e| CallError::Away(Box::new(e)))?;
            read(status, &text)
        };
        let answered = self.clock.timeout(within, asked).await;
        answered.unwrap_or_else(|late| Err(CallError::Away(Box::new(late))))
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, CallError> {
        let body = body.map(JsonBody::new);
        self.call(method, path, body, self.request_timeout).await
    }

    /// One search in all months. Indices that are not there hold nothing.
    pub(crate) async fn search(&self, index: &str, query: Value) -> Result<Value, CallError> {
        let path = format!(
            "{index}-*/_search?ignore_unavailable=true&allow_no_indices=true&allow_partial_search_results=false"
        );
        let body = Some(JsonBody::new(query));
        self.call(Method::Post, &path, body, self.search_timeout)
            .await
    }

    /// Puts documents, in calls of a bounded size.
    pub(crate) async fn put(&self, index: &str, changes: &[Found]) -> Result<Put, CallError> {
        let mut put = Put::default();
        let mut lines = Vec::new();
        let mut bytes = 0;
        let mut rest = changes.iter().peekable();
        while let Some(change) = rest.next() {
            let [action, document] = document::lines(index, change);
            bytes += action.len() + document.len();
            lines.extend([action, document]);
            if bytes >= BULK_MAX || rest.peek().is_none() {
                self.bulk(std::mem::take(&mut lines), &mut put).await?;
                bytes = 0;
            }
        }
        Ok(put)
    }

    async fn bulk(&self, lines: Vec<String>, put: &mut Put) -> Result<(), CallError> {
        let path = "_bulk?filter_path=errors,items.*.status,items.*._id,items.*.error.type,items.*.error.reason";
        let body = Some(NdBody::new(lines));
        let answer = self
            .call(Method::Post, path, body, self.request_timeout)
            .await?;
        let items = answer.get("items").and_then(Value::as_array);
        let items = items.ok_or_else(|| CallError::Unreadable("a bulk without items".into()))?;
        let mut waits = None;
        for item in items {
            let one = item.get("create").unwrap_or(&Value::Null);
            match one.get("status").and_then(Value::as_u64) {
                Some(200..=299) => put.created += 1,
                Some(409) => put.known += 1,
                Some(429 | 500..=599) | None => waits = Some(why(one)),
                // A month whose index may not be made is no fault of the document.
                Some(401 | 403 | 404) => {
                    return Err(CallError::Refused {
                        status: 403,
                        why: why(one),
                    });
                }
                Some(_) => {
                    put.refused += 1;
                    let id = one.get("_id").and_then(Value::as_str).unwrap_or_default();
                    tracing::error!(commit = id, why = why(one), "the index refuses a document");
                }
            }
        }
        match waits {
            Some(why) => Err(CallError::Away(why.into())),
            None => Ok(()),
        }
    }

    pub(crate) async fn refresh(&self, index: &str) -> Result<(), CallError> {
        let path = format!("{index}-*/_refresh?ignore_unavailable=true&allow_no_indices=true");
        self.ask(Method::Post, &path, None).await.map(drop)
    }

    pub(crate) async fn template(&self, index: &str) -> Result<Option<Value>, CallError> {
        let path = format!("_index_template/{index}");
        match self.ask(Method::Get, &path, None).await {
            Ok(found) => Ok(Some(found)),
            Err(CallError::Missing) => Ok(None),
            Err(other) => Err(other),
        }
    }

    pub(crate) async fn put_template(&self, index: &str, body: Value) -> Result<(), CallError> {
        let path = format!("_index_template/{index}");
        self.ask(Method::Put, &path, Some(body)).await.map(drop)
    }

    /// The names of all months' indices.
    pub(crate) async fn months(&self, index: &str) -> Result<Vec<String>, CallError> {
        let path = format!("_resolve/index/{index}-*");
        let answer = self.ask(Method::Get, &path, None).await?;
        let found = answer.get("indices").and_then(Value::as_array);
        let names = found.into_iter().flatten();
        let name = |one: &Value| one.get("name")?.as_str().map(str::to_owned);
        Ok(names.filter_map(name).collect())
    }

    /// Drops one index, by its whole name.
    pub(crate) async fn drop_index(&self, name: &str) -> Result<(), CallError> {
        match self.ask(Method::Delete, name, None).await {
            Ok(_) | Err(CallError::Missing) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

/// An answer by its class.
fn read(status: u16, text: &str) -> Result<Value, CallError> {
    let parsed = serde_json::from_str::<Value>(text);
    match (status, parsed) {
        (200..=299, Ok(value)) => Ok(value),
        (200..=299, Err(e)) => Err(CallError::Unreadable(e.to_string())),
        (404, _) => Err(CallError::Missing),
        (429 | 500..=599, _) => Err(CallError::Away(format!("status {status}").into())),
        (_, parsed) => Err(CallError::Refused {
            status,
            why: parsed.map_or_else(|_| "no reason".to_owned(), |body| why(&body)),
        }),
    }
}

/// Why the cluster says no, in few of its own words.
fn why(answer: &Value) -> String {
    let error = answer.get("error").unwrap_or(answer);
    let part = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let all = format!("{}: {}", part("type"), part("reason"));
    all.chars().take(WHY_MAX).collect()
}

fn nodes(settings: &Settings) -> Result<Vec<Url>, OpenError> {
    if settings.nodes.is_empty() {
        return Err(OpenError::NoNodes);
    }
    let node = |text: &String| {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        });
        url.ok_or_else(|| OpenError::Node(text.clone()))
    };
    settings.nodes.iter().map(node).collect()
}

fn name(text: &str) -> Result<(), OpenError> {
    let first = text.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if first && rest && text.len() <= 64 {
        return Ok(());
    }
    Err(OpenError::Index(text.to_owned()))
}

fn credentials(settings: &Settings) -> Result<Option<Credentials>, OpenError> {
    match (&settings.user, &settings.password, &settings.api_key) {
        (None, None, None) => Ok(None),
        (Some(user), Some(password), None) => {
            let password = password.expose().to_owned();
            Ok(Some(Credentials::Basic(user.clone(), password)))
        }
        (None, None, Some(key)) => {
            // The client would end the process over one that has no place in a header.
            let sound = key.expose().bytes().all(|b| b.is_ascii_graphic());
            let key = sound.then(|| Credentials::EncodedApiKey(key.expose().to_owned()));
            key.map(Some).ok_or(OpenError::Credentials)
        }
        (_, _, _) => Err(OpenError::Credentials),
    }
}

/// What hits are read into.
pub(crate) fn hits(answer: &Value) -> Result<Vec<Document>, CallError> {
    let unreadable = |what: &str| CallError::Unreadable(what.to_owned());
    if answer.get("timed_out").and_then(Value::as_bool) != Some(false) {
        return Err(CallError::Away("the search took too long".into()));
    }
    let hits = answer.pointer("/hits/hits").and_then(Value::as_array);
    let hits = hits.ok_or_else(|| unreadable("a search without hits"))?;
    let one = |hit: &Value| {
        let source = hit.get("_source").cloned().unwrap_or_default();
        serde_json::from_value(source).map_err(|e| CallError::Unreadable(e.to_string()))
    };
    hits.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
