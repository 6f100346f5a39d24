//! TLS between processes that belong together: each shows a certificate of one CA and asks the other for one. A certificate names what its
//! holder is; what names there are, the caller says.
//!
//! The files are read again on a clock, so that certificates and CA change without a restart: new connections use what was read last, those
//! that stand go on. What cannot be used is said and not taken.
//!
//! Servers that others run have no names of ours: for them there is [`Outside`].
//!
//! Deliberately absent: TLS 1.2, the machine's own CAs, host names (whoever holds a certificate of the right name is the right one), and
//! resumption of sessions, which would pass the certificates by.

mod expiry;
mod files;
mod outside;
mod verify;

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustls::version::TLS13;
pub use rustls::{ClientConfig, ServerConfig};
use serde::{Deserialize, Serialize};

use self::files::{Content, Loaded};
pub use self::outside::{Outside, OutsideError};
use crate::metrics::{Counter, Gauge};
use crate::{Metrics, Process};

/// Least time between two looks at the files.
const RELOAD_MIN: Duration = Duration::from_millis(100);

/// The section `[tls]`: where this process finds what it shows and whom it believes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The CAs whose certificates are believed (PEM); several while one follows another.
    pub ca_file: PathBuf,
    /// What this process shows: its certificate, and what leads from it to the CA (PEM).
    pub certificate_file: PathBuf,
    /// The private key of that certificate (PEM).
    pub key_file: PathBuf,
    /// Between two looks at the files.
    #[serde(with = "crate::config::duration", default = "reload")]
    pub reload: Duration,
}

fn reload() -> Duration {
    Duration::from_secs(10)
}

/// What a process is, and what else there is.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Every name that a certificate can carry, as a DNS name.
    pub all: &'static [&'static str],
    /// The one that this process's certificate carries.
    pub own: &'static str,
    /// Whether this process is connected to with it, or connects.
    pub serves: bool,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file has nothing of what is looked for in it.
    #[error("{} holds no {what} that can be read", path.display())]
    Nothing {
        /// Which.
        path: PathBuf,
        /// A certificate, or a private key.
        what: &'static str,
    },
    /// Key and certificate do not belong together.
    #[error("the key in {} is not the key of the certificate", path.display())]
    Key {
        /// The key's.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The certificate is another one's.
    #[error("the certificate in {} must name {own} and no other role", path.display())]
    Name {
        /// The certificate's.
        path: PathBuf,
        /// What it must name.
        own: &'static str,
    },
    /// Nobody with the same CAs would believe the certificate.
    #[error("the certificate in {} is not one that its CAs vouch for now", path.display())]
    Untrusted {
        /// The certificate's.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// This build cannot do what is needed.
    #[error("set up TLS")]
    Build(#[from] rustls::Error),
}

/// What a process shows to the others, and whom it believes, as of now; cheap to clone, every clone is the same.
#[derive(Clone)]
pub struct Identity {
    shared: Arc<Shared>,
}

struct Shared {
    names: Names,
    loaded: RwLock<Arc<Loaded>>,
    counts: Counts,
}

/// What is told of it.
struct Counts {
    expires: Gauge,
    stale: Gauge,
    changes: Counter,
    refused: Counter,
}

impl Counts {
    fn new(metrics: &Metrics) -> Self {
        Self {
            expires: metrics.gauge(
                "tls_certificate_expires_at_seconds",
                "When this process's certificate in use ends, in seconds since 1970.",
            ),
            stale: metrics.gauge(
                "tls_files_refused",
                "1 while the files have something that cannot be used, and what was read before is in use.",
            ),
            changes: metrics.counter(
                "tls_changes_total",
                "New certificates or CAs taken into use without a restart.",
            ),
            refused: metrics.counter(
                "tls_peers_refused_total",
                "Handshakes ended here, because the other side's certificate was not believed.",
            ),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("names", &self.shared.names)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads the files, and from now on again and again until the process stops.
    ///
    /// # Errors
    /// [`Error`]: stop the start.
    pub fn load(process: &Process, settings: &Settings, names: Names) -> Result<Self, Error> {
        let content = Content::read(settings)?;
        let loaded = content.load(settings, &names)?;
        let counts = Counts::new(&process.metrics);
        counts.expires.set(loaded.expires);
        let shared = Arc::new(Shared {
            names,
            loaded: RwLock::new(Arc::new(loaded)),
            counts,
        });
        let watch = watch(
            process.clone(),
            Arc::clone(&shared),
            settings.clone(),
            content,
        );
        drop(process.tasks.spawn("certificates", watch));
        Ok(Self { shared })
    }

    /// For a listener: TLS 1.3 alone, and a certificate of the client that a CA vouches for; what it names, [`on_connect`] tells.
    ///
    /// # Errors
    /// [`Error::Build`]: stop the start.
    pub fn server(&self) -> Result<ServerConfig, Error> {
        let builder = ServerConfig::builder_with_provider(files::provider());
        let mut config = builder
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(verify::Clients(Arc::clone(&self.shared))))
            .with_cert_resolver(Arc::new(verify::Own(Arc::clone(&self.shared))));
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// For a client of servers whose certificate carries that name, whatever their host is called.
    ///
    /// # Errors
    /// [`Error::Build`]: stop the start.
    pub fn client(&self, server: &'static str) -> Result<Client, Error> {
        let builder = ClientConfig::builder_with_provider(files::provider());
        let mut config = builder
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verify::Server {
                shared: Arc::clone(&self.shared),
                name: server,
            }))
            .with_client_cert_resolver(Arc::new(verify::Own(Arc::clone(&self.shared))));
        config.resumption = rustls::client::Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Client(Arc::new(config)))
    }
}

impl Shared {
    fn loaded(&self) -> Arc<Loaded> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&loaded)
    }

    fn take(&self, loaded: Loaded) {
        self.counts.expires.set(loaded.expires);
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
    }
}

/// How one's own client connects to servers of one name; cheap to clone. Give it to [`crate::http::Trust::Mutual`].
#[derive(Clone)]
pub struct Client(Arc<ClientConfig>);

impl Client {
    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.0)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// What the certificate names that the client of a connection showed; none if it names nothing that there is, or more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub Option<&'static str>);

/// For `HttpServer::on_connect`: leaves [`Shown`] with each connection that comes over TLS.
pub fn on_connect(
    all: &'static [&'static str],
) -> impl Fn(&dyn Any, &mut Extensions) + Send + Sync + 'static {
    move |connection, extensions| {
        let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else {
            return;
        };
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        extensions.insert(Shown(certificate.and_then(|one| verify::name(one, all))));
    }
}

/// Reads the files again and again. What is broken is tried again each time, and told once.
async fn watch(process: Process, shared: Arc<Shared>, settings: Settings, content: Content) {
    let every = settings.reload.max(RELOAD_MIN);
    let (mut used, mut told) = (content, None);
    loop {
        tokio::select! {
            biased;
            () = process.stop.requested() => return,
            () = process.clock.sleep(every) => {}
        }
        let from = settings.clone();
        let read = process.tasks.blocking(move || Content::read(&from)).await;
        let Ok(read) = read else { return };
        if read.as_ref().is_ok_and(|read| *read == used) {
            shared.counts.stale.set(0);
            told = None;
            continue;
        }
        let loaded = read.and_then(|read| Ok((read.load(&settings, &shared.names)?, read)));
        match loaded {
            Ok((loaded, read)) => {
                let until = loaded.expires;
                shared.take(loaded);
                (used, told) = (read, None);
                shared.counts.stale.set(0);
                shared.counts.changes.increment();
                tracing::info!(expires_at = until, "certificates were changed");
            }
            Err(error) => {
                shared.counts.stale.set(1);
                let why = crate::telemetry::chain(&error).to_string();
                if told.as_ref() != Some(&why) {
                    let error = why.as_str();
                    tracing::error!(error, "new certificates cannot be used; the old ones are");
                }
                told = Some(why);
            }
        }
    }
}

#[cfg(test)]
mod tests;
