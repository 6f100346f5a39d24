//! What may not stand in any file, and what a document may not promise.
use std::collections::BTreeSet;

use super::{assert_none, files, root};

/// Where a machine that builds keeps its things. Put together here, so that this file does not find itself.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/."),
    concat!("bash", "_jobs"),
];

#[test]
fn no_file_names_a_build_machine() {
    let root = root();
    let here = root.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for (path, text) in files() {
        for (n, line) in text.lines().enumerate() {
            let machine = MACHINE_PATHS.iter().any(|place| line.contains(place));
            // A short root ("/src" in a container) is too common a word to look for.
            if machine || (here.len() > 8 && line.contains(&here)) {
                found.push(format!("{path}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    assert_none("these lines name the machine they were written on", &found);
}

#[test]
fn no_manifest_names_another_registry() {
    let mut found = Vec::new();
    for (path, text) in files() {
        let file = path.rsplit('/').next().unwrap_or_default();
        let allowed = |line: &str| match file {
            "Cargo.toml" => !["registry", "git", "index"]
                .iter()
                .any(|key| has_key(line, key)),
            "config.toml" if path.contains(".cargo/") => {
                !has_key(line, "replace-with") && !has_key(line, "registry")
            }
            _ => true,
        };
        let wrong = text.lines().filter(|line| !allowed(line.trim()));
        found.extend(wrong.map(|line| format!("{path}: {}", line.trim())));
    }
    assert_none("these lines take packages from elsewhere", &found);
}

/// Whether a line of a manifest sets `key`, alone on the line or within braces.
fn has_key(line: &str, key: &str) -> bool {
    let code = line.split('#').next().unwrap_or_default();
    let mut parts = code.split(['{', ',']);
    parts.any(|part| {
        part.split_once('=')
            .is_some_and(|(name, _)| name.trim() == key)
    })
}

/// A reader who follows a path in a document must find the file.
#[test]
fn paths_named_in_documents_exist() {
    const FOLDERS: [&str; 7] = [
        "api/",
        "supervisor/",
        "worker/",
        "crates/",
        "tests/",
        "deploy/",
        "docs/",
    ];
    let mut missing = BTreeSet::new();
    for (document, text) in files() {
        if !document.ends_with(".md") {
            continue;
        }
        for word in text.split('`').skip(1).step_by(2) {
            let is_path = FOLDERS.iter().any(|folder| word.starts_with(folder))
                && word
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if is_path && !root().join(word).exists() {
                missing.insert(format!("{document}: {word}"));
            }
        }
    }
    assert_none(
        "these documents name files that do not exist",
        &missing.into_iter().collect::<Vec<_>>(),
    );
}

#[test]
fn a_manifest_key_is_found_wherever_it_stands() {
    assert!(has_key("git = \"https://example.org\"", "git"));
    assert!(has_key(
        "x = { version = \"1\", registry = \"mine\" }",
        "registry"
    ));
    assert!(!has_key("digit = 1 # git = 2", "git"));
}
