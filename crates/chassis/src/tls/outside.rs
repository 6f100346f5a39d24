//! TLS to servers that others run, such as the nodes of a cluster: their CA is named, and each shows a certificate that carries the address or
//! host name by which it was reached.
//!
//! The files are read once. Deliberately absent: a switch that looks less closely, TLS 1.2, the machine's own CAs, and resumption of sessions,
//! which would pass the certificates by.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use serde::{Deserialize, Serialize};

use super::{Error, files};

/// A section `tls` for servers that others run: whom this process believes, and what it shows to those that ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// The CAs whose certificates are believed (PEM); several while one follows another.
    pub ca_file: PathBuf,
    /// For servers that ask for a certificate: this process's, and what leads from it to a CA that they believe (PEM).
    pub certificate_file: Option<PathBuf>,
    /// The private key of that certificate (PEM).
    pub key_file: Option<PathBuf>,
}

/// Why such a section cannot be used. Stop the start.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// A file is not what its key asks for.
    #[error("`{key}`")]
    File {
        /// The key, with its section.
        key: String,
        /// What is wrong with the file.
        source: Error,
    },
    /// A certificate without its key, or a key without its certificate.
    #[error("`{given}` is set and `{missing}` is not: both or neither")]
    Half {
        /// The key that is there, with its section.
        given: String,
        /// The one that is not.
        missing: String,
    },
    /// This build cannot do what is needed.
    #[error("set up TLS")]
    Build(#[from] rustls::Error),
}

impl Outside {
    /// For a client that gives the address or host name of each server with the connection. Errors call the keys after that section.
    ///
    /// # Errors
    /// [`OutsideError`] names the key, and the file.
    pub fn client(&self, section: &str) -> Result<Arc<ClientConfig>, OutsideError> {
        let roots = files::read(&self.ca_file).and_then(|pem| files::roots(&pem, &self.ca_file));
        let roots = roots.map_err(|source| wrong(section, CA, source))?;
        let builder = ClientConfig::builder_with_provider(files::provider())
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(roots);
        let mut config = match self.own(section)? {
            Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own))),
            None => builder.with_no_client_auth(),
        };
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// What this process shows, if anything.
    fn own(&self, section: &str) -> Result<Option<CertifiedKey>, OutsideError> {
        let half = |given, missing| OutsideError::Half {
            given: format!("{section}.{given}"),
            missing: format!("{section}.{missing}"),
        };
        let (certificate, key) = match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(_), None) => return Err(half(CERTIFICATE, KEY)),
            (None, Some(_)) => return Err(half(KEY, CERTIFICATE)),
            (None, None) => return Ok(None),
        };
        let chain = files::read(certificate).and_then(|pem| files::chain(&pem, certificate));
        let chain = chain.map_err(|source| wrong(section, CERTIFICATE, source))?;
        let own = files::read_secret(key).and_then(|pem| files::own(chain, &pem, key));
        own.map(Some).map_err(|source| wrong(section, KEY, source))
    }
}

const CA: &str = "ca_file";
const CERTIFICATE: &str = "certificate_file";
const KEY: &str = "key_file";

fn wrong(section: &str, key: &str, source: Error) -> OutsideError {
    OutsideError::File {
        key: format!("{section}.{key}"),
        source,
    }
}

#[cfg(test)]
mod tests;
