//! The program itself: what it says when it cannot start, and that its name is free again after a kill -9.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpServer};
use async_trait::async_trait;
use chassis::Secret;
use domain::ids::{OpId, SlotId};
use domain::settle::Outcome;
use wire::ports::http_ops;
use wire::ports::ops::{Call, Done, Heartbeat, Offer, Op, Ops, OpsError, Orders, Report, Subject};

/// A configuration that starts; nobody answers at any of its addresses.
fn config(folder: &Path, listen: &str) -> String {
    config_with(folder, listen, "http://127.0.0.1:9")
}

fn config_with(folder: &Path, listen: &str, supervisor: &str) -> String {
    let state = folder.join("state");
    format!(
        r#"
        worker = {{ name = "w-1", state_dir = "{}" }}
        supervisors = {{ addresses = ["{supervisor}"], key = "CANARY-key-of-thirty-two-bytes-or-more" }}
        operators = {{ listen = "{listen}" }}
        [proof.keys]
        1 = "CANARY-proof-0123456789abcdef0123"
        [cloud]
        keystone = "http://127.0.0.1:9/v3"
        region = "ORD"
        [cloud.accounts.acme]
        kind = "password"
        user = "autoscaler"
        password = "CANARY-password"
        project = {{ id = "p1" }}
        "#,
        state.display()
    )
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the machine has room");
    listener
        .local_addr()
        .expect("the machine has room")
        .to_string()
}

fn command(folder: &Path, config: &str) -> Command {
    let file = folder.join("worker.toml");
    std::fs::write(&file, config).expect("the machine has room");
    let mut command = Command::new(env!("CARGO_BIN_EXE_holt-worker"));
    command
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Starts it and waits until operators can reach it, which is after it has taken its name.
fn start(folder: &Path) -> Child {
    let listen = free_address();
    let child = command(folder, &config(folder, &listen))
        .spawn()
        .expect("the machine has room");
    let pause = || std::thread::park_timeout(Duration::from_millis(20));
    let is_up = (0..500).any(|_| {
        pause();
        TcpStream::connect(&listen).is_ok()
    });
    assert!(is_up, "the worker does not start");
    child
}

fn refused(folder: &Path, config: &str) -> String {
    let Output { status, stderr, .. } = command(folder, config)
        .output()
        .expect("the machine has room");
    let said = String::from_utf8(stderr).expect("the machine has room");
    assert!(!status.success(), "{said}");
    assert!(!said.contains("CANARY"), "{said}");
    said
}

#[test]
fn a_second_process_of_one_name_is_refused_until_the_first_is_dead_however_it_died() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = start(folder.path());
    let said = refused(folder.path(), &config(folder.path(), &free_address()));
    assert!(said.contains("another process is worker \"w-1\""), "{said}");
    // SIGKILL: nothing of it gets to clean up.
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = start(folder.path());
    let logs = std::fs::read_dir(folder.path().join("state")).unwrap();
    let logs = logs.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .ends_with(".begun")
    });
    assert_eq!(logs.count(), 2, "one log a life");
    second.kill().unwrap();
    second.wait().unwrap();
    let mut said = String::new();
    second
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(
        said.contains("worker starts") && !said.contains("CANARY"),
        "{said}"
    );
}

#[test]
fn what_is_wrong_with_a_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = config(folder.path(), &free_address());
    for (from, to, named) in [
        (
            "CANARY-proof-0123456789abcdef0123",
            "CANARY-short",
            "shorter than 32 bytes",
        ),
        ("[\"http://127.0.0.1:9\"]", "[]", "supervisors.addresses"),
        (
            "[\"http://127.0.0.1:9\"]",
            "[\"supervisor:80\"]",
            "supervisors.addresses",
        ),
        ("\"w-1\"", "\"w 1\"", "worker.name"),
        ("region = \"ORD\"", "", "region"),
    ] {
        let said = refused(folder.path(), &good.replace(from, to));
        assert!(said.contains(named), "{named}: {said}");
    }
}

/// A supervisor that hands out one void and one list with the first offer, and keeps what is reported.
#[derive(Debug, Default)]
struct Supervisor {
    offers: Mutex<Vec<Offer>>,
    reports: Mutex<Vec<Report>>,
}

#[async_trait]
impl Ops for Supervisor {
    async fn poll(&self, offer: Offer) -> Result<Vec<Op>, OpsError> {
        let incarnation = offer.incarnation;
        let offers = {
            let mut offers = self.offers.lock().expect("no panic");
            offers.push(offer);
            offers.len()
        };
        if offers > 1 {
            return std::future::pending().await;
        }
        let void = Call::Void {
            slot: SlotId::from_u128(1),
            incarnation,
        };
        let op = |call| Op {
            id: OpId::from_u128(1),
            key: Subject::Tenant("acme".parse().expect("a tenant")),
            call,
            trace: None,
        };
        Ok(vec![op(void), op(Call::List)])
    }

    async fn report(&self, reports: Vec<Report>) -> Result<Vec<usize>, OpsError> {
        self.reports.lock().expect("no panic").extend(reports);
        Ok(Vec::new())
    }

    async fn heartbeat(&self, _heartbeat: Heartbeat) -> Result<Orders, OpsError> {
        Ok(Orders {
            colo: domain::ids::ColoId(1),
            switches: Vec::new(),
            share: Some(1_000),
            turn: Some(domain::turn::ProbeTurn::ALONE),
            answered: false,
            claim: None,
        })
    }
}

#[actix_web::test]
async fn operations_come_over_http_and_what_came_of_them_goes_back() {
    let supervisor = Arc::new(Supervisor::default());
    let ops: Arc<dyn Ops> = Arc::<Supervisor>::clone(&supervisor);
    let key = || Secret::new("CANARY-key-of-thirty-two-bytes-or-more".to_owned()).unwrap();
    let server =
        HttpServer::new(move || App::new().service(http_ops::routes(Arc::clone(&ops), key())));
    let server = server
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    drop(actix_web::rt::spawn(server.run()));
    let folder = tempfile::tempdir().unwrap();
    let config = config_with(folder.path(), &free_address(), &address);
    let mut worker = command(folder.path(), &config).spawn().unwrap();
    let clock = chassis::Clock::system();
    for _ in 0..500 {
        clock.sleep(Duration::from_millis(20)).await;
        if supervisor.reports.lock().unwrap().len() == 2 {
            break;
        }
    }
    worker.kill().unwrap();
    worker.wait().unwrap();
    let reports = supervisor.reports.lock().unwrap();
    let voided = Done::Slot {
        slot: SlotId::from_u128(1),
        outcome: Outcome::Voided,
    };
    assert!(
        reports.iter().any(|report| report.result == voided),
        "{reports:?}"
    );
    // Nobody answers at the cloud's address.
    assert!(
        reports
            .iter()
            .any(|report| matches!(report.result, Done::Nothing(_))),
        "{reports:?}"
    );
    let life = supervisor.offers.lock().unwrap()[0].incarnation;
    assert!(
        reports
            .iter()
            .all(|report| report.incarnation == life && report.worker.as_str() == "w-1")
    );
}
