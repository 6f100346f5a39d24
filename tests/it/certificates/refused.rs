//! Who gets in, and who does not.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use chassis::Process;
use chassis::http::Trust;
use chassis::tls::{Identity, Names};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire::ports::http_submit::HttpSubmit;
use wire::ports::{Credentials, CredentialsError, PeerError, Role};

use super::rig::{
    Authority, Files, Got, LONG, One, ROLES, Supervisor, play, stranger_is_answered, submits,
};
use crate::roles::secret;

#[test]
fn each_role_gets_in_at_its_own_port_and_at_no_other() {
    play(|authority, supervisor| async move {
        let address = &supervisor.address;
        for role in ROLES {
            let one = One::new(role, Files::new(role, &authority, &[&authority]));
            // The submit port answers everything that is not its own word as if nobody were there.
            let closed = |mine, otherwise| if role == mine { Got::In } else { otherwise };
            let submits = one.submits(address).await;
            assert_eq!(submits, closed(Role::Api, Got::Nowhere), "{role:?}");
            let beats = one.beats(address).await;
            assert_eq!(beats, closed(Role::Worker, Got::Refused), "{role:?}");
            let fetches = one.fetches(address).await;
            assert_eq!(fetches, closed(Role::Hooks, Got::Refused), "{role:?}");
        }
        // Four roles at three ports, of which each is one's own.
        let refused = supervisor.one.metric("ports_refused_total{why=\"role\"}");
        assert_eq!(refused, 9);
        assert_eq!(supervisor.one.metric("tls_peers_refused_total"), 0);
    });
}

#[test]
fn whose_certificate_names_another_role_none_or_several_is_told_so_and_refused() {
    play(|authority, supervisor| async move {
        let files = Files::new(Role::Api, &authority, &[&authority]);
        for names in [
            &[Role::Worker.name()][..],
            &["localhost"],
            &["*.holt.internal"],
            &[Role::Api.name(), Role::Worker.name()],
        ] {
            let shown = authority.issue(names, LONG);
            let answer = stranger_is_answered(&shown, &authority, &supervisor.address).await;
            let expected = (403, String::from(r#"{"code":"role"}"#));
            assert_eq!(answer, expected, "{names:?}");
            // None of our programs would start as an api with it.
            files.show(shown);
            let settings = files.settings();
            let loaded = Credentials::load(&Process::system(), Role::Api, None, Some(&settings));
            assert!(matches!(loaded, Err(CredentialsError::Tls(_))), "{names:?}");
        }
        let right = authority.issue(&[Role::Api.name()], LONG);
        let (status, _) = stranger_is_answered(&right, &authority, &supervisor.address).await;
        assert_eq!(status, 400, "let in, with a body that is no event");
    });
}

#[test]
fn a_client_without_a_certificate_is_refused() {
    play(|authority, supervisor| async move {
        // It believes the server, whose certificate names its host as well, and has the key; only nothing to show.
        let trust = Trust::Only(authority.pem().into_bytes());
        let (key, within) = (secret("key"), Duration::from_secs(5));
        let port = HttpSubmit::new(&supervisor.address, key, trust, within).unwrap();
        let got = submits(&port, &supervisor.one.process).await;
        assert_eq!(got, Got::Nowhere);
        // It did not come as far as any port.
        let refused = supervisor.one.metric("ports_refused_total{why=\"role\"}");
        assert_eq!(refused, 0);
    });
}

#[test]
fn a_client_of_another_ca_is_refused() {
    play(|authority, supervisor| async move {
        let other = Authority::new("other");
        // It believes the supervisor, but not the other way round.
        let files = Files::new(Role::Api, &other, &[&other, &authority]);
        let api = One::new(Role::Api, files);
        assert_eq!(api.submits(&supervisor.address).await, Got::Nowhere);
        assert_eq!(supervisor.one.metric("tls_peers_refused_total"), 1);
    });
}

#[test]
fn a_client_whose_certificate_has_expired_is_refused_and_would_not_start_with_it() {
    play(|authority, supervisor| async move {
        let clock = supervisor.one.process.clock.clone();
        let files = Files::new(Role::Api, &authority, &[&authority]);
        let end = clock.unix_ms() / 1000 + 3;
        files.show(authority.issue(&[Role::Api.name()], Duration::from_secs(end)));
        let api = One::new(Role::Api, files);
        assert_eq!(api.submits(&supervisor.address).await, Got::In);
        clock.sleep(Duration::from_secs(4)).await;
        assert_eq!(api.submits(&supervisor.address).await, Got::Nowhere);
        assert_eq!(supervisor.one.metric("tls_peers_refused_total"), 1);
        let again = One::with_key(Role::Api, api.files, None);
        assert!(matches!(again, Err(CredentialsError::Tls(_))));
    });
}

#[test]
fn with_key_and_certificates_both_are_asked_for() {
    let whole = async {
        let authority = Authority::new("one");
        let files = |role| Files::new(role, &authority, &[&authority]);
        let with = |role, key| One::with_key(role, files(role), key).unwrap();
        let right = "the right key of thirty-two bytes or more";
        let wrong = "the wrong key of thirty-two bytes or more";
        let supervisor = Supervisor::start(with(Role::Supervisor, Some(right)));
        for (key, expected) in [
            (Some(right), Got::In),
            (Some(wrong), Got::Refused),
            (None, Got::Refused),
        ] {
            let worker = with(Role::Worker, key);
            assert_eq!(worker.beats(&supervisor.address).await, expected);
        }
        let refused = |why| {
            let name = format!("ports_refused_total{{why=\"{why}\"}}");
            supervisor.one.metric(&name)
        };
        assert_eq!((refused("key"), refused("role")), (2, 0));
    };
    chassis::spawn::run(whole).unwrap();
}

/// A server that is not what it should be, and how many requests it has seen.
fn impostor(files: &Files, own: &'static str) -> (String, Arc<AtomicU32>) {
    let process = Process::system();
    let names = Names {
        all: Role::NAMES,
        own,
        serves: true,
    };
    let identity = Identity::load(&process, &files.settings(), names).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&seen);
    let server = HttpServer::new(move || {
        let seen = Arc::clone(&counted);
        let count = move || {
            seen.fetch_add(1, Ordering::Relaxed);
            std::future::ready(HttpResponse::Ok().finish())
        };
        App::new().default_service(web::to(count))
    });
    let server = server.workers(1).disable_signals();
    let server = server.listen_rustls_0_23(listener, identity.server().unwrap());
    drop(process.tasks.spawn("impostor", server.unwrap().run()));
    (format!("https://localhost:{port}"), seen)
}

#[test]
fn a_server_that_is_no_supervisor_of_ours_is_sent_nothing() {
    play(|authority, _supervisor| async move {
        let other = Authority::new("other");
        let api = One::new(Role::Api, Files::new(Role::Api, &authority, &[&authority]));
        let worker = Files::new(Role::Worker, &authority, &[&authority]);
        let foreign = Files::new(Role::Supervisor, &other, &[&other, &authority]);
        let servers = [
            impostor(&worker, Role::Worker.name()),
            impostor(&foreign, Role::Supervisor.name()),
        ];
        for (address, seen) in servers {
            assert_eq!(api.submits(&address).await, Got::Nowhere);
            assert_eq!(seen.load(Ordering::Relaxed), 0);
        }
        assert_eq!(api.metric("tls_peers_refused_total"), 2);
    });
}

#[test]
fn plain_http_at_the_port_is_cut_off_and_harms_nobody() {
    play(|authority, supervisor| async move {
        let files = Files::new(Role::Worker, &authority, &[&authority]);
        let worker = One::new(Role::Worker, files);
        let host = supervisor.address.strip_prefix("https://").unwrap();
        let mut plain = tokio::net::TcpStream::connect(host).await.unwrap();
        let request = b"POST /internal/ops/heartbeat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
        plain.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let clock = &worker.process.clock;
        let read = plain.read_to_end(&mut answer);
        // It ends by itself, with an alert of TLS or with nothing.
        let ended = clock.timeout(Duration::from_secs(10), read).await;
        assert!(ended.is_ok());
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
        assert_eq!(worker.beats(&supervisor.address).await, Got::In);
        // And nobody with certificates speaks plain HTTP.
        let plain = worker.lasting(&supervisor.address.replace("https", "http"));
        assert!(matches!(plain, Err(PeerError::Plain(_))), "{plain:?}");
    });
}
