//! What `cargo deny` checks offline (licences, bans, sources), by the same `deny.toml`, on a machine that has only cargo.
//!
//! Deliberately absent: advisories, which need the network; `cargo deny check advisories` has them.
use std::{collections::BTreeSet, process::Command};

use serde::Deserialize;

use super::{assert_none, root};

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    unknown_registry: String,
    allow_git: Vec<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    source: Option<String>,
}

fn deny() -> Deny {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    toml::from_str(&text).expect("deny.toml is TOML of the known shape")
}

/// Everything that is linked, built or tested on this kind of machine, as (name and version, licence).
fn packages() -> BTreeSet<(String, String)> {
    // First without the network: a machine that has built this has all of it.
    let tree = tree(&["--offline"])
        .or_else(|| tree(&[]))
        .expect("cargo tree answers");
    let lines = tree.lines().filter_map(|line| line.split_once('|'));
    let pair = |(package, licence): (&str, &str)| {
        let name: Vec<_> = package.split_whitespace().take(2).collect();
        // A package that was shown before carries a star.
        (name.join(" "), licence.trim_end_matches(" (*)").to_owned())
    };
    lines.map(pair).collect()
}

/// `cargo tree` knows which optional packages really come in; `cargo metadata` also names some that never do.
fn tree(network: &[&str]) -> Option<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--prefix",
            "none",
            "--format",
            "{p}|{l}",
        ])
        .args(network)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn every_licence_is_on_the_list() {
    let allow = deny().licenses.allow;
    let packages = packages();
    assert!(
        packages.len() > 100,
        "this is not the whole tree: {packages:?}"
    );
    let wrong = packages
        .into_iter()
        .filter(|(_, licence)| !satisfied(licence, &allow));
    let found: Vec<_> = wrong
        .map(|(package, licence)| format!("{package}: {licence}"))
        .collect();
    assert_none("licences that deny.toml does not allow", &found);
}

#[test]
fn no_banned_package_comes_in() {
    let banned = deny().bans.deny;
    let mut found = Vec::new();
    for (package, _) in packages() {
        let name = package.split(' ').next().unwrap_or_default();
        let hit = banned.iter().find(|banned| banned.name == name);
        found.extend(hit.map(|banned| format!("{package}: {}", banned.reason)));
    }
    assert_none("packages that deny.toml bans", &found);
}

#[test]
fn every_package_comes_from_an_allowed_source() {
    let sources = deny().sources;
    assert!(sources.allow_git.is_empty(), "no package comes from git");
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let lock: Lock = toml::from_str(&lock).expect("Cargo.lock is TOML of the known shape");
    assert_eq!(sources.unknown_registry, "deny");
    // One registry for all: manifests name none (see `text`), so it is cargo's own.
    let first = lock
        .package
        .iter()
        .find_map(|package| package.source.clone());
    let known = |source: &String| source.starts_with("registry+") && Some(source) == first.as_ref();
    let wrong = lock
        .package
        .into_iter()
        .filter(|package| !package.source.iter().all(known));
    let found: Vec<_> = wrong
        .map(|package| format!("{} from {:?}", package.name, package.source))
        .collect();
    assert_none(
        "packages from sources that deny.toml does not allow",
        &found,
    );
}

/// Whether an SPDX expression can be met with the allowed licences. Also reads the old `MIT/Apache-2.0`.
fn satisfied(expression: &str, allow: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&words, &mut at, allow);
    met == Some(true) && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allow: &BTreeSet<String>) -> Option<bool> {
    let mut met = both(words, at, allow)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, allow)?;
    }
    Some(met)
}

fn both(words: &[&str], at: &mut usize, allow: &BTreeSet<String>) -> Option<bool> {
    let mut met = one(words, at, allow)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allow)?;
    }
    Some(met)
}

fn one(words: &[&str], at: &mut usize, allow: &BTreeSet<String>) -> Option<bool> {
    let word = *words.get(*at)?;
    *at += 1;
    if word == "(" {
        let met = either(words, at, allow)?;
        *at += 1;
        return (words.get(*at - 1) == Some(&")")).then_some(met);
    }
    if words.get(*at) != Some(&"WITH") {
        return Some(allow.contains(word));
    }
    *at += 2;
    let exception = words.get(*at - 1)?;
    Some(allow.contains(&format!("{word} WITH {exception}")))
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allow: BTreeSet<String> = ["MIT", "ISC"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0 OR MIT AND ISC", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND (ISC OR Zlib)", true),
        ("(MIT OR GPL-3.0) AND Zlib", false),
        ("MIT WITH Some-exception", false),
        ("(MIT", false),
        ("MIT ISC", false),
        ("none stated", false),
    ] {
        assert_eq!(satisfied(expression, &allow), expected, "{expression}");
    }
}
