//! Which addresses a customer's hook may call (safety S14, S15): public ones, and what the operator lists.
//!
//! A name is looked up once, here, and the connection goes to what was found and judged: the resolver of the HTTP client is this one. A host
//! that is an address already never meets a resolver, so it is judged before the call; the parser of URLs has turned decimal, octal and
//! hexadecimal hosts into addresses by then.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use chassis::net::Network;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What may be called.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Networks that may be called although they are not public. The operator's word; empty by default.
    pub allow: Vec<Network>,
    /// Whether plain HTTP may be used. Only for trying things out: whoever is between reads and answers.
    pub plain_http: bool,
    /// Ports below 1024 that may be called besides 80 and 443.
    pub ports: Vec<u16>,
}

/// Why an address is not called; for the customer who configured it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no URL.
    #[error("the address is not a URL")]
    NoUrl,
    /// Its scheme.
    #[error("the address must begin with https://")]
    Scheme,
    /// It carries a user or password.
    #[error("the address carries a user name or password")]
    Credentials,
    /// Its port.
    #[error("port {0} may not be called")]
    Port(u16),
    /// What it leads to.
    #[error("{0} is not a public address")]
    Private(IpAddr),
}

/// IPv4 networks that are not public: this host, private, shared, loopback, link-local and metadata, protocol assignments, documentation,
/// 6to4 relays, benchmarks, multicast, reserved.
const CLOSED_4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only IPv6 network that is public, and what of it is not: Teredo and other assignments, documentation, 6to4.
const OPEN_6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const CLOSED_6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn lies_in(address: IpAddr, (network, bits): (impl Into<IpAddr>, u32)) -> bool {
    Network::new(network.into(), bits).is_some_and(|network| network.contains(address))
}

/// Whether everybody may be sent there. Addresses that carry an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo) are none.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !CLOSED_4.into_iter().any(|closed| lies_in(address, closed)),
        IpAddr::V6(_) => {
            lies_in(address, OPEN_6) && !CLOSED_6.into_iter().any(|closed| lies_in(address, closed))
        }
    }
}

impl Rules {
    /// Whether that address may be called.
    ///
    /// # Errors
    /// [`Refused::Private`].
    pub fn judge(&self, address: IpAddr) -> Result<(), Refused> {
        let is_listed = self.allow.iter().any(|network| network.contains(address));
        if is_listed || is_public(address) {
            Ok(())
        } else {
            Err(Refused::Private(address))
        }
    }

    /// Judges everything of a URL that can be judged without looking its name up.
    ///
    /// # Errors
    /// [`Refused`]: nothing is sent there, now or later.
    pub fn check(&self, url: &str) -> Result<Url, Refused> {
        let url = Url::parse(url).map_err(|_e| Refused::NoUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if self.plain_http => {}
            _ => return Err(Refused::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let port = url.port_or_known_default().ok_or(Refused::NoUrl)?;
        if port < 1024 && ![80, 443].contains(&port) && !self.ports.contains(&port) {
            return Err(Refused::Port(port));
        }
        let host = url.host_str().ok_or(Refused::NoUrl)?;
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = literal.trim_end_matches('.').parse::<IpAddr>() {
            self.judge(address)?;
        }
        Ok(url)
    }
}

/// How names are looked up.
#[derive(Clone, Default)]
pub enum Names {
    /// As the machine does.
    #[default]
    System,
    /// From a table of the operator's, and nothing else. Asked anew for every connection.
    Table(Arc<Table>),
}

/// What a name stands for right now.
type Table = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Table(_) => "Table",
        })
    }
}

/// The resolver of the lane's HTTP client: gives out only what may be called. If one of several addresses may not, none is.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) rules: Rules,
    pub(crate) names: Names,
}

impl Guarded {
    async fn look_up(&self, name: &str) -> Result<Vec<SocketAddr>, Unknown> {
        let found: Vec<SocketAddr> = match &self.names {
            Names::Table(table) => table(name).into_iter().map(at).collect(),
            Names::System => tokio::net::lookup_host((name, 0))
                .await
                .map_err(|_e| Unknown::Name)?
                .collect(),
        };
        for address in &found {
            self.rules.judge(address.ip()).map_err(Unknown::Refused)?;
        }
        if found.is_empty() {
            return Err(Unknown::Name);
        }
        Ok(found)
    }
}

const fn at(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, 0)
}

/// Why a name leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unknown {
    #[error("the name is not known")]
    Name,
    #[error(transparent)]
    Refused(Refused),
}

/// The resolver as the client takes it.
#[derive(Debug, Clone)]
pub(crate) struct Resolver(pub(crate) Arc<Guarded>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = Arc::clone(&self.0);
        Box::pin(async move {
            let found = guarded.look_up(name.as_str()).await?;
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests;
