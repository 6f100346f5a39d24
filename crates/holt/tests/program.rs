//! The program itself: what it says when it cannot start, how it stops, and the demo from end to end.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

fn holt(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holt"));
    command.current_dir(folder).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> (bool, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the machine has room");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.success(), text(stdout), text(stderr))
}

/// A configuration that starts; nobody answers at the cloud's address.
fn configure(folder: &Path) -> PathBuf {
    let (made, keys, said) = run(holt(folder).args(["token", "--new-key", "keys"]));
    assert!(made, "{said}");
    let file = folder.join("holt.toml");
    let cloud = r#"
        [api]
        listen = "127.0.0.1:0"
        [cloud]
        keystone_url = "http://127.0.0.1:9/v3"
        region = "RegionOne"
        account = { user = "autoscaler", password = "CANARY-password" }
        [cloud.tenants.acme]
    "#;
    // `api.keys` is a section of the snippet: `[api]` may come after it.
    fs::write(&file, format!("{keys}{cloud}")).expect("the machine has room");
    file
}

/// A process that does not outlive its test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

/// Starts it and waits until it says that it serves.
fn serve(folder: &Path, file: &Path) -> Serving {
    let mut child = holt(folder)
        .args(["serve", "--config"])
        .arg(file)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the machine has room");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let said = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("holt serves")));
    assert!(said.is_some(), "it does not start");
    // Nobody reads any more, and it must not mind.
    Serving(child)
}

#[test]
fn a_start_without_keys_names_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, _, said) = run(holt(folder.path()).arg("serve"));
    assert!(!ok && said.contains("`proof.keys`"), "{said}");
    let file = configure(folder.path());
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("[api.keys]\nkey-1", "[metadata]\nkey-1"),
    )
    .unwrap();
    let (ok, _, said) = run(holt(folder.path()).args(["serve", "--config"]).arg(&file));
    assert!(!ok && said.contains("`metadata"), "{said}");
}

#[test]
fn what_is_in_force_is_printed_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = configure(folder.path());
    let mut command = holt(folder.path());
    command
        .args(["serve", "--print-config", "--config"])
        .arg(&file);
    command.env("HOLT__API__LISTEN", "127.0.0.1:9009");
    let (ok, printed, said) = run(&mut command);
    assert!(ok, "{said}");
    assert!(
        printed.contains("127.0.0.1:9009") && printed.contains("autoscaler"),
        "{printed}"
    );
    assert!(!printed.contains("CANARY"), "{printed}");
}

#[test]
fn one_store_has_one_process_and_a_stop_takes_less_than_five_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let file = configure(folder.path());
    let mut first = serve(folder.path(), &file);
    let (ok, _, said) = run(holt(folder.path()).args(["serve", "--config"]).arg(&file));
    assert!(!ok && said.contains("in use by another process"), "{said}");

    let pid = first.0.id().to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    let ended = (0..250).find_map(|_| {
        std::thread::park_timeout(Duration::from_millis(20));
        first.0.try_wait().unwrap()
    });
    assert!(ended.expect("it ends in less than 5 s").success());
    // And its store is free again.
    drop(serve(folder.path(), &file));
}

/// Features S15 and row 48: alerts of every format, and an incident from its beginning to its end.
#[test]
fn the_drill_goes_through_every_format_and_a_whole_incident() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, shown, said) = run(holt(folder.path()).args(["drill", "--json"]));
    let last = shown.lines().last().unwrap_or_default();
    let line: serde_json::Value = serde_json::from_str(last).unwrap_or_default();
    let wanted = [
        ("ok", serde_json::json!(true)),
        ("formats", serde_json::json!(17)),
        ("formats_ok", serde_json::json!(17)),
        ("steps_up", serde_json::json!(2)),
        ("steps_down", serde_json::json!(2)),
        ("escalations", serde_json::json!(1)),
        ("servers_in_cloud", serde_json::json!(2)),
    ];
    for (name, value) in wanted {
        assert_eq!((ok, &line[name]), (true, &value), "{name}: {shown}\n{said}");
    }
    assert!(
        shown.contains("an alert opens") && shown.contains("circle back: deflate"),
        "{shown}"
    );
}

#[test]
fn the_demo_holds_what_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, shown, said) = run(holt(folder.path()).args(["demo", "--seed", "5", "--json"]));
    let last = shown.lines().last().unwrap_or_default();
    let line: serde_json::Value = serde_json::from_str(last).unwrap_or_default();
    let expected = serde_json::json!({
        "ok": true, "events": 12, "verdicts": 12, "slots_active": 2, "servers_in_cloud": 2, "creates_per_slot_max": 1,
    });
    assert_eq!((ok, &line), (true, &expected), "{shown}\n{said}");
}
