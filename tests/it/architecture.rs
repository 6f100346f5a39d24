//! The house, as tests: who may depend on whom, how large things may grow, who may ask the machine for time, threads and chance,
//! what may not stand in a file, and which licences come in. There are no lists of exemptions.
mod dependencies;
mod deployment;
mod licences;
mod limits;
mod operations;
mod security;
mod source;
mod text;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the work tree.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("tests/ stands in the work tree")
        .to_path_buf()
}

/// Every text file of the work tree by its path from the root, with `/` between the parts, sorted.
fn files() -> Vec<(String, String)> {
    let root = root();
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let name = |path: &Path| {
        let parts = path
            .strip_prefix(&root)
            .expect("below the root")
            .components();
        let parts: Vec<_> = parts
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        parts.join("/")
    };
    // What is not text (a picture, a database) has nothing for these tests.
    let text = |path: PathBuf| Some((name(&path), fs::read_to_string(&path).ok()?));
    paths.into_iter().filter_map(text).collect()
}

/// The Rust files among them.
fn rust_files() -> Vec<(String, String)> {
    let mut files = files();
    files.retain(|(path, _)| path.ends_with(".rs"));
    files
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    // Build results, git's own data and the lab's state are not part of the house.
    const LEFT_OUT: [&str; 4] = ["target", ".git", ".lab", "__pycache__"];
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let entry = entry.expect("a readable entry");
        let kind = entry.file_type().expect("a known kind");
        let left_out = entry
            .file_name()
            .to_str()
            .is_some_and(|name| LEFT_OUT.contains(&name));
        if kind.is_dir() && !left_out {
            walk(&entry.path(), paths);
        } else if kind.is_file() && !left_out {
            paths.push(entry.path());
        }
    }
}

/// Fails with everything that was found, so that one run shows all there is to do.
fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}
