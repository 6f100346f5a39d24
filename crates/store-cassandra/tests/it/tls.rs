//! Encrypted sessions: whom they believe, and whom the nodes let in.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use chassis::Process;
use chassis::tls::Outside;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use store::group::Level;
use store_cassandra::{OpenError, Settings, SettingsError, schema};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{group, keyspace, more, nowhere, open, secret};

/// Settings that believe one CA and show nothing.
fn believing(settings: Settings, ca_file: &Path) -> Settings {
    Settings {
        tls: Some(Outside {
            ca_file: ca_file.to_owned(),
            certificate_file: None,
            key_file: None,
        }),
        ..settings
    }
}

/// A file with a CA that signed nothing.
fn another_ca(folder: &Path) -> std::path::PathBuf {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = CertifiedIssuer::self_signed(params, key).expect("a certificate");
    let path = folder.join("another.pem");
    std::fs::write(&path, ca.pem()).expect("written");
    path
}

/// Why there is no session, with all causes.
async fn refused(process: &Process, settings: &Settings) -> String {
    let error = store_cassandra::open(process, settings).await;
    let error = error.expect_err("no session");
    assert!(matches!(error, OpenError::Session(_)), "{error:?}");
    let mut told = String::new();
    write!(told, "{} {error:?}", chassis::telemetry::chain(&error)).expect("text");
    told
}

/// What the first client of a listener sends, which is then sent away; and the listener's address.
async fn listener(process: &Process) -> (SocketAddr, chassis::spawn::TaskHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let heard = process.tasks.spawn("listener", async move {
        let (mut client, _) = listener.accept().await.expect("a client");
        drop(listener);
        let mut sent = vec![0; 4096];
        let length = client.read(&mut sent).await.expect("what it sends");
        sent.truncate(length);
        client.shutdown().await.expect("sent away");
        sent
    });
    (address, heard)
}

#[tokio::test]
async fn a_session_begins_with_tls_and_never_falls_back_to_plain_text() {
    let process = Process::system();
    let folder = tempfile::tempdir().expect("a folder");
    let (address, heard) = listener(&process).await;
    let settings = Settings {
        contact_points: vec![address.to_string()],
        user: Some("holt".to_owned()),
        password: Some(secret("CANARY".to_owned())),
        ..Settings::default()
    };
    let settings = believing(settings, &another_ca(folder.path()));
    refused(&process, &settings).await;
    // The listener is gone by now: what it heard is all that was ever sent.
    let heard = heard.join().await.expect("heard");
    let handshake = 0x16;
    assert_eq!(heard.first(), Some(&handshake));
    assert!(!heard.windows(6).any(|part| part == b"CANARY"));
}

#[tokio::test]
async fn settings_that_are_not_whole_name_their_keys_before_anything_is_asked() {
    let process = Process::system();
    let told = async |settings: &Settings| {
        let open = store_cassandra::open(&process, settings).await;
        let check = schema::check(settings).await;
        let (open, check) = (open.expect_err("no store"), check.expect_err("no version"));
        assert!(matches!(open, OpenError::Settings(_)), "{open:?}");
        assert_eq!(open.to_string(), check.to_string());
        open.to_string()
    };
    let user = Settings {
        user: Some("holt".to_owned()),
        ..Settings::default()
    };
    assert_eq!(
        told(&user).await,
        "`store.cassandra.user` is set and `store.cassandra.password` is not: both or neither"
    );
    let password = Settings {
        password: Some(secret("CANARY".to_owned())),
        ..Settings::default()
    };
    assert_eq!(
        told(&password).await,
        "`store.cassandra.password` is set and `store.cassandra.user` is not: both or neither"
    );
    let missing = believing(Settings::default(), Path::new("/nowhere/ca.pem"));
    assert_eq!(told(&missing).await, "`store.cassandra.tls.ca_file`");
    let error = store_cassandra::session_builder(&missing).map(drop);
    let error = error.expect_err("no builder");
    assert!(matches!(error, SettingsError::Tls(_)));
    let told = chassis::telemetry::chain(&error).to_string();
    assert!(told.contains("read /nowhere/ca.pem"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster with TLS: deploy/fleet/conformance.sh tls"]
async fn a_session_that_believes_the_clusters_ca_commits_and_reads() {
    let process = Process::system();
    let settings = keyspace(&process).await;
    assert!(settings.tls.is_some(), "CASSANDRA_CA names the CA");
    let groups = open(&process, &settings).await.stores().groups;
    let made = group(&process, &*groups).await.expect("a group");
    let after = more(&process, &*groups, &made.key).await.expect("a commit");
    assert_eq!(after.state.desired, made.state.desired.offset(1));
    let found = groups
        .read(&made.key, Level::Serial)
        .await
        .expect("an answer");
    assert_eq!(found.map(|group| group.rev), Some(after.rev));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster with TLS: deploy/fleet/conformance.sh tls"]
async fn a_node_whose_certificate_another_ca_signed_is_not_believed() {
    let process = Process::system();
    let folder = tempfile::tempdir().expect("a folder");
    let settings = believing(nowhere(&process), &another_ca(folder.path()));
    let told = refused(&process, &settings).await;
    assert!(told.contains("UnknownIssuer"), "{told}");
}

/// It is the node's own certificate, shown at an address that does not stand in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster with TLS: deploy/fleet/conformance.sh tls"]
async fn a_node_whose_certificate_names_another_address_is_not_believed() {
    let process = Process::system();
    let settings = nowhere(&process);
    let node = settings.contact_points[0].clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let forwarding = process.tasks.spawn("forward", async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut node = TcpStream::connect(&node).await.expect("a node");
            // Ends when either side does.
            drop(tokio::io::copy_bidirectional(&mut client, &mut node).await);
        }
    });
    let settings = Settings {
        contact_points: vec![address.to_string()],
        ..settings
    };
    let told = refused(&process, &settings).await;
    assert!(told.contains("not valid for name"), "{told}");
    drop(forwarding);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster with TLS: deploy/fleet/conformance.sh tls"]
async fn a_client_without_tls_is_refused() {
    let process = Process::system();
    let settings = Settings {
        tls: None,
        ..nowhere(&process)
    };
    let told = refused(&process, &settings).await;
    assert!(told.contains("BrokenConnection"), "{told}");
    let error = schema::apply(&process, &settings).await;
    assert!(matches!(error, Err(schema::SchemaError::Session(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster with TLS on both sides: deploy/fleet/conformance.sh mutual"]
async fn nodes_that_ask_for_a_certificate_refuse_a_client_that_has_none() {
    let process = Process::system();
    let settings = nowhere(&process);
    let with = schema::check(&settings).await.expect("a session");
    assert_eq!(with, 0);
    let ca_file = settings.tls.as_ref().expect("CASSANDRA_CA").ca_file.clone();
    let settings = believing(settings, &ca_file);
    let told = refused(&process, &settings).await;
    // The alert comes after the handshake, and the driver has no word for it: the node's log says why.
    assert!(told.contains("BrokenConnection"), "{told}");
}
