//! Pages that say which test shows what: every security rule once, and no test claimed that is not there.
use std::collections::BTreeSet;

use super::{assert_none, root, rust_files};

/// The rows of the table: number, rule, state, tests.
fn rows() -> Vec<[String; 4]> {
    let page = std::fs::read_to_string(root().join("docs/security.md")).expect("docs/security.md");
    let rows = page.lines().filter(|line| line.starts_with("| S"));
    let cells = |line: &str| {
        // A bar inside of a cell would be a mistake.
        let cells: Vec<String> = line
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect();
        cells.try_into().expect("a row of four cells")
    };
    rows.map(cells).collect()
}

/// Names of tests in backquotes: sentences of words joined by underscores.
fn named(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_test = |name: &&str| {
        name.matches('_').count() >= 3
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    quoted.filter(is_test).map(str::to_owned).collect()
}

#[test]
fn every_security_rule_has_its_row() {
    let found: Vec<String> = rows().into_iter().map(|[number, ..]| number).collect();
    let expected: Vec<String> = (1..=42).map(|n| format!("S{n}")).collect();
    assert_eq!(found, expected);
}

/// The names of all functions.
fn defined() -> BTreeSet<String> {
    rust_files()
        .iter()
        .flat_map(|(_, text)| text.lines())
        .filter_map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
            let line = line.strip_prefix("async ").unwrap_or(line);
            line.strip_prefix("fn ")
        })
        .filter_map(|rest| rest.split(['(', '<']).next())
        .map(str::to_owned)
        .collect()
}

/// What is wrong with the table of a section: rows with fewer tests than that, and tests that are not there.
fn wrong(page: &str, heading: &str, least: usize) -> Vec<String> {
    let page = std::fs::read_to_string(root().join(page)).expect("the page");
    let (_, rest) = page.split_once(heading).expect("the section");
    let section = rest.split("\n## ").next().unwrap_or_default();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1);
    let defined = defined();
    let mut wrong = Vec::new();
    for row in rows {
        let names = named(row);
        if names.len() < least {
            wrong.push(format!("fewer than {least} tests: {row}"));
        }
        let unknown = names.into_iter().filter(|name| !defined.contains(name));
        wrong.extend(unknown);
    }
    wrong
}

#[test]
fn every_hard_day_has_tests_that_exist() {
    let wrong = wrong("docs/ARCHITECTURE.md", "## Hard days", 3);
    assert_none("docs/ARCHITECTURE.md names what is not there", &wrong);
}

#[test]
fn every_part_of_the_guard_has_tests_that_exist() {
    let wrong = wrong("docs/guard.md", "## Which test shows it", 2);
    assert_none("docs/guard.md names what is not there", &wrong);
}

/// Issues of predecessors that must not come back: docs/alerts.md and docs/hooks.md list them, each with its test.
#[test]
fn every_defect_of_an_older_system_has_a_test_that_exists() {
    let defined = defined();
    let mut missing = Vec::new();
    for file in ["docs/alerts.md", "docs/hooks.md"] {
        let page = std::fs::read_to_string(root().join(file)).expect("the page");
        let (_, rest) = page.split_once("## Defects").expect("the section");
        let section = rest.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("| "));
        for row in rows.skip(1) {
            let names = named(row);
            if names.is_empty() {
                missing.push(format!("{file}: no test: {row}"));
            }
            missing.extend(names.into_iter().filter(|name| !defined.contains(name)));
        }
    }
    assert_none("these pages name what is not there", &missing);
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let defined = defined();
    let mut missing = Vec::new();
    for [number, _, state, tests] in rows() {
        let names = named(&tests);
        if state.starts_with("shown") && names.is_empty() && !tests.contains(".rs`") {
            missing.push(format!("{number} claims to be shown by nothing"));
        }
        let unknown = names.iter().filter(|name| !defined.contains(*name));
        missing.extend(unknown.map(|name| format!("{number}: {name}")));
    }
    assert_none("docs/security.md names what is not there", &missing);
}
