//! `holt doctor` beside a simulated cloud: a service user that is as it should be, and one fault after the other.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Cloud(Child);

impl Drop for Cloud {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

fn holt() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holt"));
    command.stdin(Stdio::null());
    command
}

fn cloud() -> (Cloud, String) {
    let mut child = holt()
        .args(["cloudsim", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the machine has room");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let said = lines
        .next()
        .expect("it says where it listens")
        .expect("text");
    let address = said.rsplit(' ').next().expect("an address").to_owned();
    (Cloud(child), address)
}

/// What the doctor says with this change of a sound configuration, and whether it found the tenant sound.
fn doctor(folder: &Path, address: &str, change: (&str, &str)) -> (bool, String) {
    let sound = format!(
        "[cloud]\nkeystone_url = \"http://{address}/identity/v3\"\nregion = \"RegionOne\"\n\
         [cloud.account]\nuser = \"autoscaler\"\npassword = \"CANARY-password\"\n[cloud.tenants.tenant-a]\n"
    );
    let text = sound
        .replace(change.0, change.1)
        .replace("CANARY-password", "password");
    let file = folder.join("holt.toml");
    std::fs::write(&file, text).expect("the machine has room");
    let output = holt().args(["doctor", "--config"]).arg(&file).output();
    let output = output.expect("it runs");
    let said = String::from_utf8(output.stdout).expect("text");
    let error = String::from_utf8(output.stderr).expect("text");
    (output.status.success(), said + &error)
}

#[test]
fn a_sound_service_user_is_found_sound_and_each_fault_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_cloud, address) = cloud();
    let (sound, said) = doctor(folder.path(), &address, ("", ""));
    assert!(sound, "{said}");
    for line in [
        "sign-in: autoscaler signs in to the project",
        "roles: member",
        "servers: can be listed",
        "flavors: can be listed",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("MISSING"), "{said}");
    for (change, expected) in [
        (
            ("CANARY-password", "wrong"),
            "MISSING   tenant-a: sign-in: Keystone refuses",
        ),
        (
            ("autoscaler", "nobody"),
            "MISSING   tenant-a: sign-in: Keystone refuses",
        ),
        (
            ("tenants.tenant-a", "tenants.tenant-z"),
            "MISSING   tenant-z: sign-in: Keystone refuses",
        ),
        (
            ("RegionOne", "RegionNine"),
            "MISSING   tenant-a: compute: the catalog has no compute endpoint in RegionNine",
        ),
        (
            (address.as_str(), "127.0.0.1:9"),
            "MISSING   tenant-a: sign-in: nobody answers",
        ),
    ] {
        let (sound, said) = doctor(folder.path(), &address, change);
        assert!(!sound && said.contains(expected), "{change:?}: {said}");
    }
    let (sound, said) = doctor(
        folder.path(),
        &address,
        ("user = \"autoscaler\"", "user = \"admin\""),
    );
    assert!(
        sound && said.contains("doubtful  tenant-a: roles: admin: more than it needs"),
        "{said}"
    );
}
