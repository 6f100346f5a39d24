use std::net::IpAddr;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::ServerName;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::*;

const SECTION: &str = "store.example.tls";

/// Who signs certificates, and a folder for them.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A certificate for these addresses and host names until the end of a year, and its key.
    fn issue(&self, names: &[&str], until: i32) -> (PathBuf, PathBuf) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let own = self.file("own.pem", &certificate.pem());
        (own, self.file("own.key", &key.serialize_pem()))
    }

    /// Believes this one, and shows nothing.
    fn believed(&self) -> Outside {
        Outside {
            ca_file: self.file("ca.pem", &self.issuer.pem()),
            certificate_file: None,
            key_file: None,
        }
    }

    fn server(&self, names: &[&str], until: i32, asks: bool) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(names, until);
        let chain = files::chain(&std::fs::read(&certificate).unwrap(), &certificate).unwrap();
        let own = files::own(chain, &std::fs::read(&key).unwrap(), &key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), files::provider());
        let builder = ServerConfig::builder_with_provider(files::provider())
            .with_protocol_versions(&[&TLS13])
            .unwrap();
        let builder = if asks {
            builder.with_client_cert_verifier(clients.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        Arc::new(builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own))))
    }
}

/// A handshake with the server at that address, in memory: whichever side ends it says why.
fn handshake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    address: &str,
) -> Result<(), rustls::Error> {
    let address: IpAddr = address.parse().unwrap();
    let name = ServerName::IpAddress(address.into());
    let mut client = ClientConnection::new(Arc::clone(client), name)?;
    let mut server = ServerConnection::new(Arc::clone(server))?;
    for _ in 0..8 {
        let mut sent = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut sent).unwrap();
        }
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets()?;
        }
        let mut sent = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut sent).unwrap();
        }
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets()?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

#[test]
fn a_server_is_believed_only_with_a_certificate_of_the_ca_that_carries_its_address_and_has_not_ended()
 {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let client = ours.believed().client(SECTION).unwrap();
    let told = |server: &Arc<ServerConfig>| {
        let error = handshake(&client, server, "10.0.0.7").err();
        error.map(|error| error.to_string())
    };
    for names in [&["10.0.0.7"][..], &["node.example", "10.0.0.7"]] {
        assert_eq!(told(&ours.server(names, 2100, false)), None, "{names:?}");
    }
    for (why, server) in [
        (
            "not valid for name",
            ours.server(&["10.0.0.8"], 2100, false),
        ),
        (
            "not valid for name",
            ours.server(&["node.example"], 2100, false),
        ),
        ("expired", ours.server(&["10.0.0.7"], 2024, false)),
        ("UnknownIssuer", others.server(&["10.0.0.7"], 2100, false)),
    ] {
        let told = told(&server).unwrap();
        assert!(told.contains(why), "{why}: {told}");
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_is_shown_the_one_of_the_section() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let server = theirs.server(&["10.0.0.7"], 2100, true);
    let without = theirs.believed();
    let shown = |(certificate, key): (PathBuf, PathBuf)| Outside {
        certificate_file: Some(certificate),
        key_file: Some(key),
        ..without.clone()
    };
    let told = |section: &Outside| {
        let client = section.client(SECTION).unwrap();
        handshake(&client, &server, "10.0.0.7").err()
    };
    assert_eq!(told(&shown(theirs.issue(&["client"], 2100))), None);
    assert_eq!(told(&without), Some(rustls::Error::NoCertificatesPresented));
    let strange = told(&shown(ours.issue(&["client"], 2100))).unwrap();
    assert!(strange.to_string().contains("UnknownIssuer"), "{strange}");
}

/// The error of a section: its key first, then the file and what is wrong with it, and nothing that stands in the file.
fn is_told(section: &Outside, key: &str, path: &Path, why: &str) {
    let error = section.client(SECTION).unwrap_err();
    let told = crate::telemetry::chain(&error).to_string();
    let begins = format!("`{SECTION}.{key}`");
    let path = path.to_str().unwrap();
    assert!(
        told.starts_with(&begins) && told.contains(path) && told.contains(why),
        "{begins}, {path}, {why}: {told}"
    );
    assert!(!format!("{told} {error:?}").contains("CANARY"), "{told}");
}

const READ: &str = "read ";
const NO_CERTIFICATE: &str = "holds no certificate";
const NO_KEY: &str = "holds no private key";
const GARBAGE: &str = "-----BEGIN CERTIFICATE-----\nQ0FOQVJZ\n-----END CERTIFICATE-----\n";

#[test]
fn a_ca_file_that_holds_no_ca_is_told_with_its_key_and_its_path() {
    let ours = Authority::new("ours");
    let (_, key) = ours.issue(&["client"], 2100);
    let garbage = ours.file("garbage.pem", GARBAGE);
    let missing = ours.folder.path().join("missing.pem");
    for (path, why) in [
        (missing, READ),
        (key, NO_CERTIFICATE),
        (garbage, NO_CERTIFICATE),
    ] {
        let section = Outside {
            ca_file: path.clone(),
            ..ours.believed()
        };
        is_told(&section, CA, &path, why);
    }
}

#[test]
fn a_certificate_or_a_key_that_is_none_is_told_with_its_key_and_its_path() {
    let ours = Authority::new("ours");
    let (sound, key) = ours.issue(&["client"], 2100);
    let strange = KeyPair::generate().unwrap().serialize_pem();
    let strange = ours.file("strange.key", &strange);
    let missing = ours.folder.path().join("missing.pem");
    let garbage = ours.file("garbage.pem", GARBAGE);
    let canary = ours.file("canary.key", "-----BEGIN PRIVATE KEY-----\nCANARY\n");
    let own = |certificate: &Path, key: &Path| Outside {
        certificate_file: Some(certificate.to_owned()),
        key_file: Some(key.to_owned()),
        ..ours.believed()
    };
    assert!(own(&sound, &key).client(SECTION).is_ok());
    for (path, why) in [
        (&missing, READ),
        (&key, NO_CERTIFICATE),
        (&garbage, NO_CERTIFICATE),
    ] {
        is_told(&own(path, &key), CERTIFICATE, path, why);
    }
    for (path, why) in [
        (&missing, READ),
        (&sound, NO_KEY),
        (&canary, NO_KEY),
        (&strange, "is not the key"),
    ] {
        is_told(&own(&sound, path), KEY, path, why);
    }
}

#[test]
fn a_certificate_and_its_key_are_set_together_or_not_at_all() {
    let ours = Authority::new("ours");
    let (certificate, key) = ours.issue(&["client"], 2100);
    let told = |certificate, key| {
        let section = Outside {
            certificate_file: certificate,
            key_file: key,
            ..ours.believed()
        };
        section.client(SECTION).unwrap_err().to_string()
    };
    assert_eq!(
        told(Some(certificate), None),
        "`store.example.tls.certificate_file` is set and `store.example.tls.key_file` is not: both or neither"
    );
    assert_eq!(
        told(None, Some(key)),
        "`store.example.tls.key_file` is set and `store.example.tls.certificate_file` is not: both or neither"
    );
}
