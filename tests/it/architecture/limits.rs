//! Sizes, and what only `chassis` may ask the machine for.
use super::{assert_none, rust_files, source};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Ways round `chassis`. A prefix is enough: `env::var` covers `env::var_os` too.
const ONLY_CHASSIS: [&str; 20] = [
    "SystemTime::now",
    "Instant::now",
    "env::var",
    "time::sleep",
    "time::timeout",
    "time::interval",
    "thread::sleep",
    "thread::spawn",
    "thread::Builder",
    "tokio::spawn",
    "task::spawn",
    "rt::spawn",
    "getrandom",
    "rand_chacha",
    "OsRng",
    "Uuid::new_v4",
    "Uuid::now_v7",
    "reqwest::Client::new",
    "reqwest::Client::builder",
    "process::exit",
];

#[test]
fn no_file_is_longer_than_500_lines() {
    let too_long = |(path, text): (String, String)| {
        let lines = text.lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{path}: {lines} lines"))
    };
    let found: Vec<_> = rust_files().into_iter().filter_map(too_long).collect();
    assert_none("split these files by responsibility", &found);
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let mut found = Vec::new();
    for (path, text) in rust_files() {
        let functions = source::functions(&text).into_iter();
        found.extend(functions.filter(|f| f.lines > FUNCTION_LINES_MAX).map(|f| {
            let source::Function { name, line, lines } = f;
            format!("{path}:{line}: `{name}` has {lines} lines")
        }));
    }
    assert_none(
        "split these functions; the flow stays in the parent",
        &found,
    );
}

#[test]
fn only_chassis_asks_for_time_environment_tasks_and_chance() {
    let mut found = Vec::new();
    for (path, text) in rust_files() {
        if path.starts_with("crates/chassis/") || is_test(&path) {
            continue;
        }
        let code = source::code_only(&text);
        for word in ONLY_CHASSIS {
            let lines = source::mentions(&code, word);
            found.extend(lines.iter().map(|line| format!("{path}:{line}: {word}")));
        }
    }
    assert_none("take these from chassis", &found);
}

/// What the simulator replays from a seed. A hash map's order differs from run to run, so one look round it breaks the replay.
const REPLAYED: [&str; 6] = [
    "crates/domain/",
    "crates/cloud/",
    "crates/cloudsim/",
    "crates/wire/",
    "supervisor/",
    "worker/",
];

#[test]
fn nothing_that_the_simulator_replays_has_a_random_order() {
    let mut found = Vec::new();
    for (path, text) in rust_files() {
        let code = source::code_only(&text);
        if REPLAYED.iter().any(|folder| path.starts_with(folder)) && !is_test(&path) {
            for word in ["HashMap", "HashSet", "RandomState"] {
                let lines = source::mentions(&code, word);
                found.extend(lines.iter().map(|line| format!("{path}:{line}: {word}")));
            }
        }
        for (at, word) in code.match_indices("select!") {
            let body = code[at + word.len()..]
                .trim_start()
                .trim_start_matches(['{', '(']);
            if !body.trim_start().starts_with("biased;") {
                let line = code[..at].matches('\n').count() + 1;
                found.push(format!("{path}:{line}: select! without `biased;` first"));
            }
        }
    }
    assert_none("these make two runs of one seed differ", &found);
}

fn is_test(path: &str) -> bool {
    path.split('/')
        .any(|part| part == "tests" || part == "tests.rs")
}
