//! The seam under the OpenStack client: one HTTP exchange. Real connections in production, the simulated network in the simulator.

use std::fmt::{self, Debug};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub mod http;

/// A body that is larger is not read (safety S35).
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One HTTP request. The URL is absolute. Its `Debug` shows neither header values nor the body: tokens and passwords are there.
#[derive(Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Absolute URL.
    pub url: String,
    /// Header names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// Body, empty for none.
    pub body: Bytes,
    /// For the whole exchange, from connect to the last byte.
    pub timeout: Duration,
    /// Whether an idle pooled connection may carry it.
    pub connection: Connection,
}

/// The methods that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// DELETE.
    Delete,
}

/// Which connection may carry a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Any: the request may be repeated by its caller.
    Pooled,
    /// A new one, or one that another create has just used: the far end may close an idle connection just when a create goes out, and nobody
    /// could tell what became of it (design 4).
    Fresh,
}

/// One HTTP answer, whole. Its `Debug` shows neither header values nor the body: tokens and server passwords are there.
#[derive(Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Body, at most [`BODY_BYTES_MAX`].
    pub body: Bytes,
}

impl Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

impl Response {
    /// The first header of that (lower case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No byte of the request left: connect refused, name not found, TLS failed. Surely not executed.
    #[error("could not connect")]
    NotSent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Time ran out after the request may have begun.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke after the request may have begun.
    #[error("the connection broke")]
    Reset(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is too large or not HTTP.
    #[error("the answer cannot be read")]
    Unreadable,
}

/// One exchange: never repeated, no redirects followed, no proxies from the environment.
#[async_trait]
pub trait Transport: Debug + Send + Sync {
    /// Sends one request and waits for the whole answer.
    async fn exchange(&self, request: Request) -> Result<Response, TransportError>;
}
