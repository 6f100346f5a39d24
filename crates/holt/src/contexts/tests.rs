use std::os::unix::fs::PermissionsExt as _;

use clap::Parser as _;

use super::*;
use crate::args::{Cli, Command};

fn holt(file: &Path, line: &str) -> anyhow::Result<()> {
    let words = line.split_whitespace();
    let file = ["--contexts", file.to_str().unwrap()];
    let cli = Cli::try_parse_from(words.chain(file)).unwrap();
    let Command::Context(command) = cli.command else {
        panic!("{line}")
    };
    run(command)
}

fn api(file: &Path) -> args::Api {
    args::Api {
        url: None,
        token: None,
        context: None,
        file: args::ContextFile {
            contexts: Some(file.to_owned()),
            home: None,
        },
        in_colo: None,
        json: false,
    }
}

#[test]
fn what_the_command_line_does_not_say_comes_from_the_context_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/contexts.json");
    assert!(resolve(&api(&file)).is_err(), "nobody says the token");
    holt(
        &file,
        "holt context set one --url http://one --token t1 --tenant acme",
    )
    .unwrap();
    holt(&file, "holt context set two --url http://two --token t2").unwrap();
    let now = resolve(&api(&file)).unwrap();
    assert_eq!(
        (now.url.as_str(), now.token.as_str(), now.tenant),
        ("http://two", "t2", None)
    );
    holt(&file, "holt context use one").unwrap();
    let now = resolve(&api(&file)).unwrap();
    assert_eq!(now.tenant.as_deref(), Some("acme"));
    let over = args::Api {
        token: Some("mine".to_owned()),
        context: Some("two".to_owned()),
        ..api(&file)
    };
    let over = resolve(&over).unwrap();
    assert_eq!(
        (over.url.as_str(), over.token.as_str()),
        ("http://two", "mine")
    );
    holt(&file, "holt context delete one").unwrap();
    assert!(holt(&file, "holt context use one").is_err());
}

#[test]
fn the_file_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contexts.json");
    holt(&file, "holt context set one --token secret").unwrap();
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
