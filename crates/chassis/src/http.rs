//! Outbound HTTP: the only place that builds clients, so that every one refuses redirects, never repeats a request on its own,
//! ignores proxies of the environment and has time limits.
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
pub use reqwest::Client;
use reqwest::{Certificate, Response, redirect};

use crate::tls;

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time to connect, TLS included.
    pub connect_timeout: Duration,
    /// Time for the whole request, from connecting to the last byte of the body.
    pub total_timeout: Duration,
    /// What happens with connections afterwards.
    pub connections: Connections,
    /// Which servers to believe.
    pub trust: Trust,
    /// How it names itself to servers.
    pub user_agent: &'static str,
}

/// What happens with a connection after its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// Kept for the next request.
    Pooled,
    /// Closed: every request has a connection of its own. For calls that must not be repeated, because a request sent on an
    /// idle connection that the server is closing leaves open whether it was executed.
    Fresh,
    /// Kept for a request that follows within this; later ones have a new connection. Also for calls that must not be repeated, with a
    /// time far below any server's keep-alive: then no server is about to close the connection that is used.
    Warm(Duration),
}

/// Which TLS servers to believe.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those the machine's certificate store vouches for.
    #[default]
    Machine,
    /// These too (PEM, one or more certificates).
    MachineAnd(Vec<u8>),
    /// Only these (PEM). With an empty bundle only plain HTTP works, and a machine without a certificate store will do.
    Only(Vec<u8>),
    /// Those of one name that a CA of our own vouches for, to whom a certificate is shown.
    Mutual(tls::Client),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
            connections: Connections::Pooled,
            trust: Trust::Machine,
            user_agent: "chassis",
        }
    }
}

/// Why there is no client or no body.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client cannot be built (certificates): stop the start.
    #[error("build HTTP client")]
    Build {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke, or the time ran out, within the body.
    #[error("read HTTP body")]
    Body {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The body is larger than the caller is ready to hold.
    #[error("HTTP body is larger than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: usize,
    },
}

/// How what is sent to an address passes the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transit {
    /// Encrypted.
    Encrypted,
    /// As it is, within this machine.
    Loopback,
    /// As it is: whoever is between reads it, and can change it.
    Clear,
}

/// How what is sent to `url` passes the network: by its host, and not by how its text begins. None: it is no address of HTTP.
pub fn transit(url: &str) -> Option<Transit> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => Some(Transit::Encrypted),
        "http" if is_local => Some(Transit::Loopback),
        "http" => Some(Transit::Clear),
        _ => None,
    }
}

/// Builds a client: rustls, HTTP/1.1, no redirects, no retries, no proxies from the environment, no referer.
///
/// # Errors
/// [`Error::Build`]: stop the start.
pub fn client(settings: &Settings) -> Result<Client, Error> {
    let build = |source| Error::Build { source };
    builder(settings)?.build().map_err(build)
}

/// The same, with names looked up by `resolver` and by nothing else: what it gives out is what is connected to. Hosts that are addresses already
/// never meet it; who calls judges those.
///
/// # Errors
/// As [`client`].
pub fn client_resolved_by(
    settings: &Settings,
    resolver: Arc<dyn reqwest::dns::Resolve>,
) -> Result<Client, Error> {
    let build = |source| Error::Build { source };
    let builder = builder(settings)?.dns_resolver(ByArc(resolver));
    builder.build().map_err(build)
}

struct ByArc(Arc<dyn reqwest::dns::Resolve>);

impl reqwest::dns::Resolve for ByArc {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        self.0.resolve(name)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that builds HTTP clients"
)]
fn builder(settings: &Settings) -> Result<reqwest::ClientBuilder, Error> {
    let build = |source| Error::Build { source };
    let builder = Client::builder()
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.total_timeout)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .http1_only()
        .tls_backend_rustls()
        .user_agent(settings.user_agent);
    let builder = match settings.connections {
        Connections::Pooled => builder,
        Connections::Fresh => builder.pool_max_idle_per_host(0),
        Connections::Warm(idle) => builder.pool_idle_timeout(idle),
    };
    let builder = match &settings.trust {
        Trust::Machine => builder,
        Trust::MachineAnd(pem) => {
            builder.tls_certs_merge(Certificate::from_pem_bundle(pem).map_err(build)?)
        }
        Trust::Only(pem) => {
            builder.tls_certs_only(Certificate::from_pem_bundle(pem).map_err(build)?)
        }
        Trust::Mutual(client) => builder.tls_backend_preconfigured(client.config()),
    };
    Ok(builder)
}

/// Memory that is taken for a body before it comes, at most: the other side may announce what it does not send.
const PROMISED_MAX: usize = 4 << 20;

/// Reads a body of at most `bytes_max` bytes (safety S35).
///
/// # Errors
/// [`Error::TooLarge`] as soon as that is known, [`Error::Body`] when the connection breaks; the response is then lost, and
/// whether the request was executed is for the caller to judge.
pub async fn body(mut response: Response, bytes_max: usize) -> Result<Bytes, Error> {
    let too_large = Error::TooLarge { bytes_max };
    let announced = usize::try_from(response.content_length().unwrap_or(0));
    let announced = announced.unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(too_large);
    }
    let mut body = BytesMut::with_capacity(announced.min(PROMISED_MAX));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|source| Error::Body { source })?
    {
        if body.len() + chunk.len() > bytes_max {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests;
