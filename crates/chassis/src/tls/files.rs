//! What stands in the files, and what is made of it.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};
use zeroize::Zeroizing;

use super::{Error, Names, Settings, expiry, verify};

/// The texts of the three files.
#[derive(PartialEq, Eq)]
pub(super) struct Content {
    ca: Vec<u8>,
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// What connections are made with.
pub(super) struct Loaded {
    pub(super) own: Arc<CertifiedKey>,
    pub(super) clients: Arc<dyn ClientCertVerifier>,
    pub(super) servers: Arc<WebPkiServerVerifier>,
    /// When the own certificate ends, in seconds since 1970.
    pub(super) expires: i64,
}

/// The one set of cryptographic primitives.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl Content {
    pub(super) fn read(settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            ca: read(&settings.ca_file)?,
            certificate: read(&settings.certificate_file)?,
            key: read_secret(&settings.key_file)?,
        })
    }

    /// Takes nothing that others with the same CAs would refuse.
    pub(super) fn load(&self, settings: &Settings, names: &Names) -> Result<Loaded, Error> {
        let provider = provider();
        let roots = Arc::new(roots(&self.ca, &settings.ca_file)?);
        let chain = chain(&self.certificate, &settings.certificate_file)?;
        let own = own(chain, &self.key, &settings.key_file)?;
        let build = |_error| Error::Build(rustls::Error::General("no verifier".to_owned()));
        let (asked, vouched) = (Arc::clone(&roots), Arc::clone(&provider));
        let clients = WebPkiClientVerifier::builder_with_provider(asked, vouched);
        let servers = WebPkiServerVerifier::builder_with_provider(roots, provider);
        let expires = own.cert.first().and_then(|own| expiry::of(own));
        let loaded = Loaded {
            own: Arc::new(own),
            clients: clients.build().map_err(build)?,
            servers: servers.build().map_err(build)?,
            expires: expires.unwrap_or_default(),
        };
        loaded.verify_own(&settings.certificate_file, names)?;
        Ok(loaded)
    }
}

impl Loaded {
    /// Judges the own certificate as the others will.
    fn verify_own(&self, path: &Path, names: &Names) -> Result<(), Error> {
        let untrusted = |source| Error::Untrusted {
            path: path.to_owned(),
            source,
        };
        let unnamed = || Error::Name {
            path: path.to_owned(),
            own: names.own,
        };
        let (end, between) = self.own.cert.split_first().ok_or_else(unnamed)?;
        if verify::name(end, names.all) != Some(names.own) {
            return Err(unnamed());
        }
        let now = UnixTime::now();
        if names.serves {
            let name = ServerName::try_from(names.own).map_err(|_error| unnamed())?;
            let seen = self
                .servers
                .verify_server_cert(end, between, &name, &[], now);
            seen.map(drop).map_err(untrusted)
        } else {
            let seen = self.clients.verify_client_cert(end, between, now);
            seen.map(drop).map_err(untrusted)
        }
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// The same for what must not stay in memory.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    read(path).map(Zeroizing::new)
}

/// The CAs of a text, of which there is at least one.
pub(super) fn roots(pem: &[u8], path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for ca in certificates(pem, path)? {
        let added = roots.add(ca);
        added.map_err(|_error| nothing(path, CERTIFICATE))?;
    }
    Ok(roots)
}

/// A certificate, and those that lead from it to its CA.
pub(super) fn chain(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let all = certificates(pem, path)?;
    let sound = all
        .iter()
        .all(|one| ParsedCertificate::try_from(one).is_ok());
    sound
        .then_some(all)
        .ok_or_else(|| nothing(path, CERTIFICATE))
}

/// What a process shows: a certificate with the key that belongs to it.
pub(super) fn own(
    chain: Vec<CertificateDer<'static>>,
    pem: &[u8],
    path: &Path,
) -> Result<CertifiedKey, Error> {
    // Why a key cannot be read is not told: it could quote the key.
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_error| nothing(path, "private key"))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|source| Error::Key {
        path: path.to_owned(),
        source,
    })
}

const CERTIFICATE: &str = "certificate";

fn nothing(path: &Path, what: &'static str) -> Error {
    Error::Nothing {
        path: path.to_owned(),
        what,
    }
}

/// All certificates of a text, of which there is at least one.
fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.unwrap_or_default();
    if all.is_empty() {
        return Err(nothing(path, CERTIFICATE));
    }
    Ok(all)
}

/// What a verifier says of a certificate that is good and names somebody else.
pub(super) const OTHER_NAME: rustls::Error =
    rustls::Error::InvalidCertificate(CertificateError::NotValidForName);
