//! What rustls asks during a handshake, answered from what was read last.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_name};
use rustls::crypto::verify_tls13_signature;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::Shared;
use super::files::{OTHER_NAME, provider};

/// The one of `all` that a certificate names. None if it names none of them, or several: a wildcard is nobody.
pub(super) fn name(
    certificate: &CertificateDer<'_>,
    all: &'static [&'static str],
) -> Option<&'static str> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let mut named = all.iter().copied().filter(|name| {
        let name = ServerName::try_from(*name);
        name.is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    });
    let one = named.next()?;
    named.next().is_none().then_some(one)
}

/// What this process shows.
pub(super) struct Own(pub(super) Arc<Shared>);

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Own {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.loaded().own))
    }
}

impl ResolvesClientCert for Own {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.loaded().own))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Neither side speaks TLS 1.2: nothing is signed in it.
fn not_spoken() -> Error {
    Error::General("TLS 1.2 is not spoken".to_owned())
}

/// Whether a handshake was signed with the key of the certificate.
fn is_signed(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let algorithms = provider().signature_verification_algorithms;
    verify_tls13_signature(message, certificate, signed, &algorithms)
}

/// Counts and tells who is not believed.
fn told<T>(shared: &Shared, judged: Result<T, Error>) -> Result<T, Error> {
    judged.inspect_err(|error| {
        shared.counts.refused.increment();
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "another process's certificate was not believed");
    })
}

/// Judges clients: any that a CA vouches for. What its name lets it do, the routes know.
pub(super) struct Clients(pub(super) Arc<Shared>);

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Each client has one certificate, and shows it.
        &[]
    }

    fn verify_client_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let clients = Arc::clone(&self.0.loaded().clients);
        told(&self.0, clients.verify_client_cert(end, between, now))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(not_spoken())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        is_signed(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Judges servers: those that a CA vouches for under one name.
pub(super) struct Server {
    pub(super) shared: Arc<Shared>,
    pub(super) name: &'static str,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Server {
    fn judge(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let wanted = ServerName::try_from(self.name).map_err(|_error| OTHER_NAME)?;
        let servers = Arc::clone(&self.shared.loaded().servers);
        let good = servers.verify_server_cert(end, between, &wanted, &[], now)?;
        // One that names others too is nobody.
        match name(end, self.shared.names.all) {
            Some(shown) if shown == self.name => Ok(good),
            _ => Err(OTHER_NAME),
        }
    }
}

impl ServerCertVerifier for Server {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _host: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        told(&self.shared, self.judge(end, between, now))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(not_spoken())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        is_signed(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
