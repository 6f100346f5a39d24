//! Real connections: reqwest with every convenience switched off (no redirects, no repeats, no proxies from the environment).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chassis::http::{self, Connections, Trust};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Url};

use super::{BODY_BYTES_MAX, Connection, Method, Request, Response, Transport, TransportError};

/// A connection whose last answer came within this is not idle: no server closes one so soon without saying so in that answer (the shortest
/// keep-alive in use is 1 s). See docs/adr/0005.
const WARM: Duration = Duration::from_millis(50);

/// Addresses of creates that are remembered; one for each project, or one for all, as the cloud has it.
const ADDRESSES_MAX: usize = 512;

/// How connections are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time to connect, TLS included. Running out of it proves that nothing was sent.
    pub connect_timeout: Duration,
    /// Which TLS servers to believe.
    pub trust: Trust,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            trust: Trust::Machine,
        }
    }
}

/// The transport of production: one pool for what may be repeated by its caller, and one for creates whose connections are never idle.
#[derive(Debug)]
pub struct HttpTransport {
    pooled: Client,
    fresh: Client,
    addresses: Addresses,
}

/// Where creates went, as parsed: it is the same few again and again. Other calls name a server, and each its own.
#[derive(Debug, Default)]
struct Addresses(Mutex<BTreeMap<String, Url>>);

impl Addresses {
    fn parse(&self, text: String) -> Result<Url, BoxError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = known.get(&text) {
            return Ok(url.clone());
        }
        let url = Url::parse(&text)?;
        if known.len() >= ADDRESSES_MAX {
            known.clear();
        }
        known.insert(text, url.clone());
        Ok(url)
    }
}

impl HttpTransport {
    /// Builds both clients.
    ///
    /// # Errors
    /// The certificates cannot be used: stop the start.
    pub fn new(settings: &Settings) -> Result<Self, http::Error> {
        let client = |connections| {
            http::client(&http::Settings {
                connect_timeout: settings.connect_timeout,
                // Every request states its own; this only bounds one that would not.
                total_timeout: Duration::from_secs(90),
                connections,
                trust: settings.trust.clone(),
                user_agent: concat!("holt/", env!("CARGO_PKG_VERSION")),
            })
        };
        Ok(Self {
            pooled: client(Connections::Pooled)?,
            fresh: client(Connections::Warm(WARM))?,
            addresses: Addresses::default(),
        })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn exchange(&self, mut request: Request) -> Result<Response, TransportError> {
        let text = std::mem::take(&mut request.url);
        let (client, url) = match request.connection {
            Connection::Pooled => (&self.pooled, Url::parse(&text).map_err(BoxError::from)),
            Connection::Fresh => (&self.fresh, self.addresses.parse(text)),
        };
        let outgoing = url.and_then(|url| outgoing(request, url));
        let outgoing = outgoing.map_err(TransportError::NotSent)?;
        let answer = client.execute(outgoing).await.map_err(failed)?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let body = http::body(answer, BODY_BYTES_MAX).await.map_err(cut_off)?;
        Ok(Response {
            status,
            headers,
            body,
        })
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn outgoing(request: Request, url: Url) -> Result<reqwest::Request, BoxError> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut outgoing = reqwest::Request::new(method, url);
    *outgoing.timeout_mut() = Some(request.timeout);
    let headers = outgoing.headers_mut();
    headers.reserve(request.headers.len());
    for (name, value) in request.headers {
        let mut value = HeaderValue::try_from(value)?;
        value.set_sensitive(name == "x-auth-token");
        headers.insert(HeaderName::from_static(name), value);
    }
    if !request.body.is_empty() {
        *outgoing.body_mut() = Some(request.body.into());
    }
    Ok(outgoing)
}

/// No answer head came. What is not surely a failed connect may have been executed.
fn failed(error: reqwest::Error) -> TransportError {
    // The URL may name a project; the caller knows it anyway.
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(Box::new(error))
    } else if error.is_timeout() {
        TransportError::Timeout
    } else {
        TransportError::Reset(Box::new(error))
    }
}

/// The head came, the body did not.
fn cut_off(error: http::Error) -> TransportError {
    match error {
        http::Error::Body { source } if source.is_timeout() => TransportError::Timeout,
        http::Error::Body { .. } => TransportError::Reset(Box::new(error)),
        http::Error::TooLarge { .. } | http::Error::Build { .. } => TransportError::Unreadable,
    }
}

#[cfg(test)]
mod tests;
