//! The borders of the workspace (design section 3), compared with what cargo says.
use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use super::{assert_none, root};

/// Each package of ours with the packages of ours that it may name in its manifest.
const MAY_DEPEND_ON: [(&str, &[&str]); 15] = [
    ("domain", &[]),
    // Pure as well, but reads JSON: what monitoring tools send.
    ("alert", &["domain"]),
    ("chassis", &[]),
    ("cloudsim", &["chassis"]),
    ("wire", &["alert", "chassis", "domain"]),
    ("store", &["chassis", "domain"]),
    // Its own package: only who links it waits for the driver's build.
    ("store-cassandra", &["chassis", "domain", "store"]),
    // The same of the index of history.
    ("store-elasticsearch", &["chassis", "domain", "store"]),
    ("cloud", &["chassis", "domain"]),
    (
        "holt-api",
        &[
            "alert",
            "chassis",
            "domain",
            "store",
            "store-cassandra",
            "store-elasticsearch",
            "wire",
        ],
    ),
    (
        "holt-supervisor",
        &[
            "chassis",
            "domain",
            "store",
            "store-cassandra",
            "store-elasticsearch",
            "wire",
        ],
    ),
    // No store: the process that holds cloud credentials cannot write the ledger.
    ("holt-worker", &["chassis", "cloud", "domain", "wire"]),
    // Neither: the process that calls addresses of customers' choice has nothing that is worth reaching.
    ("holt-hooks", &["chassis", "domain", "wire"]),
    // The composer: it alone links everything, cloudsim for the demo.
    (
        "holt",
        &[
            "chassis",
            "cloud",
            "cloudsim",
            "domain",
            "holt-api",
            "holt-hooks",
            "holt-supervisor",
            "holt-worker",
            "store",
            "store-cassandra",
            "store-elasticsearch",
            "wire",
        ],
    ),
    (
        "holt-tests",
        &[
            "alert",
            "chassis",
            "cloud",
            "cloudsim",
            "domain",
            "holt-api",
            "holt-hooks",
            "holt-supervisor",
            "holt-worker",
            "store",
            "store-cassandra",
            "store-elasticsearch",
            "wire",
        ],
    ),
];

/// Foreign packages that `domain` may use: none of them brings a runtime, a format, a clock or chance.
const DOMAIN_MAY_USE: [&str; 3] = ["sha2", "thiserror", "uuid"];

fn metadata() -> Metadata {
    let manifest = root().join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo metadata")
}

/// What a package names, of ours or not.
fn named(package: &Package, ours: bool, kinds: &[DependencyKind]) -> BTreeSet<String> {
    let dependencies = package.dependencies.iter();
    dependencies
        .filter(|dependency| dependency.path.is_some() == ours && kinds.contains(&dependency.kind))
        .map(|dependency| dependency.name.clone())
        .collect()
}

const LINKED: [DependencyKind; 1] = [DependencyKind::Normal];
const ANY: [DependencyKind; 3] = [
    DependencyKind::Normal,
    DependencyKind::Development,
    DependencyKind::Build,
];

/// What each package of ours links of ours, directly.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata().packages.into_iter();
    packages
        .map(|package| (package.name.to_string(), named(&package, true, &LINKED)))
        .collect()
}

fn reachable(edges: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(package) = next.pop() {
        if seen.insert(package.clone()) {
            next.extend(edges.get(&package).into_iter().flatten().cloned());
        }
    }
    seen
}

#[test]
fn packages_depend_one_way_as_designed() {
    let table: BTreeMap<_, _> = MAY_DEPEND_ON.into_iter().collect();
    let mut found = Vec::new();
    let packages = metadata().packages;
    for package in &packages {
        let Some(may) = table.get(package.name.as_str()) else {
            found.push(format!(
                "{} is not in the table: a new package needs a decision record",
                package.name
            ));
            continue;
        };
        let named = named(package, true, &ANY);
        let wrong = named.iter().filter(|name| !may.contains(&name.as_str()));
        found.extend(wrong.map(|name| format!("{} -> {name}", package.name)));
    }
    let exists = |name: &str| packages.iter().any(|package| package.name.as_str() == name);
    found.extend(
        table
            .keys()
            .filter(|name| !exists(name))
            .map(|name| format!("{name} does not exist")),
    );
    assert_none(
        "dependencies of the workspace differ from the design",
        &found,
    );
}

#[test]
fn no_path_leads_from_credentials_to_the_ledger_or_back() {
    let edges = edges();
    for (from, to) in [
        ("holt-worker", "store"),
        ("holt-worker", "store-cassandra"),
        ("holt-worker", "store-elasticsearch"),
        ("holt-supervisor", "cloud"),
        ("holt-api", "cloud"),
        ("holt-worker", "cloudsim"),
        ("holt-hooks", "store"),
        ("holt-hooks", "cloud"),
        ("cloudsim", "domain"),
        ("chassis", "domain"),
    ] {
        assert!(!reachable(&edges, from).contains(to), "{from} reaches {to}");
    }
}

#[test]
fn domain_uses_nothing_that_waits_reads_or_formats() {
    let metadata = metadata();
    let domain = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "domain");
    let used = named(domain.expect("domain exists"), false, &LINKED);
    let extra: Vec<_> = used
        .into_iter()
        .filter(|name| !DOMAIN_MAY_USE.contains(&name.as_str()))
        .collect();
    assert_none("domain is pure", &extra);
}

#[test]
fn cargo_run_means_holt_and_holt_reaches_every_package() {
    let metadata = metadata();
    let by_default: Vec<_> = metadata
        .workspace_default_packages()
        .iter()
        .map(|p| p.name.to_string())
        .collect();
    assert_eq!(by_default, ["holt"]);
    let mut reached = reachable(&edges(), "holt");
    reached.insert("holt-tests".to_owned());
    let all: BTreeSet<_> = metadata
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    assert_eq!(reached, all);
}

#[test]
fn every_package_shares_licence_edition_and_lints() {
    let mut found = Vec::new();
    for package in metadata().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("a manifest");
        let shared = manifest.contains("[lints]\nworkspace = true");
        let licensed = package.license.as_deref() == Some("Apache-2.0");
        let private = package.publish.as_ref().is_some_and(Vec::is_empty);
        if !(shared && licensed && private) {
            found.push(package.name.to_string());
        }
    }
    assert_none("these manifests leave the common ground", &found);
}
