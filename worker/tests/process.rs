//! The program itself: what it says when it cannot start, and that its name is free again after a kill -9.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A configuration that starts; nobody answers at any of its addresses.
fn config(folder: &Path, listen: &str) -> String {
    let state = folder.join("state");
    format!(
        r#"
        worker = {{ name = "w-1", state_dir = "{}" }}
        supervisors = {{ addresses = ["http://127.0.0.1:9"], key = "CANARY-key" }}
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
    let pause = || std::thread::park_timeout(std::time::Duration::from_millis(20));
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
