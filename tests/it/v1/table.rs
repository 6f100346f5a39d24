//! The behaviour table of docs/v1.md, held against the tests: it cannot name a test that is not there, leave one out, or miscount.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Rows of the contract.
const ROWS: usize = 222;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The rows that a test's name says it bears: `b001_b009_the_rest_of_the_name`.
fn borne(name: &str) -> Vec<usize> {
    let number = |word: &str| {
        let digits = word.strip_prefix('b').filter(|digits| digits.len() == 3)?;
        digits.parse().ok()
    };
    name.split('_').map_while(number).collect()
}

/// The names of all tests of this surface, by row.
fn tests() -> BTreeMap<usize, BTreeSet<String>> {
    let mut rows: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for entry in fs::read_dir(root().join("tests/it/v1")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let is_test = line.starts_with("#[tokio::test") || line == "#[test]";
            let Some(next) = lines.peek().filter(|_| is_test) else {
                continue;
            };
            let name = next.split("fn ").nth(1).unwrap().split('(').next().unwrap();
            for row in borne(name) {
                rows.entry(row).or_default().insert(name.to_owned());
            }
        }
    }
    rows
}

/// One row of the table in the document.
struct Row {
    number: usize,
    result: String,
    tests: BTreeSet<String>,
    said: String,
}

fn documented(text: &str) -> Vec<Row> {
    let (_, table) = text.split_once("## The table").unwrap();
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line
            .strip_prefix("| B")?
            .split(" | ")
            .map(str::trim)
            .collect();
        let [number, said, result, tests] = cells[..] else {
            panic!("{line}")
        };
        let tests = tests
            .trim_end_matches('|')
            .split('`')
            .filter(|name| name.starts_with('b'));
        Some(Row {
            number: number.parse().unwrap(),
            result: result.to_owned(),
            tests: tests.map(str::to_owned).collect(),
            said: said.to_owned(),
        })
    });
    rows.collect()
}

#[test]
fn the_table_of_behaviour_is_true() {
    let text = fs::read_to_string(root().join("docs/v1.md")).unwrap();
    let (rows, tests) = (documented(&text), tests());
    let numbers: Vec<usize> = rows.iter().map(|row| row.number).collect();
    assert_eq!(
        numbers,
        (1..=ROWS).collect::<Vec<_>>(),
        "each row once, in order"
    );
    for row in &rows {
        let there = tests.get(&row.number).cloned().unwrap_or_default();
        assert_eq!(row.tests, there, "B{:03} names its tests", row.number);
        let needs_test = row.result == "pass";
        assert!(
            !needs_test || !there.is_empty(),
            "B{:03} passes without a test",
            row.number
        );
        assert!(
            ["pass", "differs", "open"].contains(&row.result.as_str()),
            "B{:03}: {}",
            row.number,
            row.result
        );
        assert!(
            row.said.len() > 8,
            "B{:03} says what it is about",
            row.number
        );
    }
    let count = |result: &str| rows.iter().filter(|row| row.result == result).count();
    let distinct: BTreeSet<&String> = tests.values().flatten().collect();
    let totals = format!(
        "{ROWS} rows: {} pass, {} differ, {} open. {} tests.",
        count("pass"),
        count("differs"),
        count("open"),
        distinct.len()
    );
    assert!(text.contains(&totals), "docs/v1.md must say: {totals}");
}
