//! Real connections: reqwest with every convenience switched off (no redirects, no repeats, no proxies from the environment).

use std::time::Duration;

use async_trait::async_trait;
use chassis::http::{self, Connections, Trust};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Url};

use super::{BODY_BYTES_MAX, Connection, Method, Request, Response, Transport, TransportError};

/// A connection whose last answer came within this is not idle: no server closes one so soon without saying so in that answer (the shortest
/// keep-alive in use is 1 s). See docs/adr/0005.
const WARM: Duration = Duration::from_millis(50);

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
        })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let client = match request.connection {
            Connection::Pooled => &self.pooled,
            Connection::Fresh => &self.fresh,
        };
        let outgoing = outgoing(request).map_err(TransportError::NotSent)?;
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

fn outgoing(request: Request) -> Result<reqwest::Request, BoxError> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
    };
    let mut outgoing = reqwest::Request::new(method, Url::parse(&request.url)?);
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
