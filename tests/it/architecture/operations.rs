//! What operators are given: alerts and a board over metrics that exist, and a runbook that has a word on every alert.

use std::collections::BTreeSet;

use super::{assert_none, files};

/// The file's text.
fn text(path: &str) -> String {
    let found = files().into_iter().find(|(name, _)| name == path);
    found.unwrap_or_else(|| unreachable!("{path} is missing")).1
}

/// The names in an expression that could be metrics: words with an underscore that are no label, function or keyword.
fn metrics(expression: &str) -> impl Iterator<Item = String> {
    // What stands in braces or after `by` are labels, what stands in quotes are their values.
    let mut outside = String::new();
    let mut depth = 0_u32;
    for c in expression.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    let words: Vec<String> = outside
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.contains('_'))
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

/// Every string literal of the shipped sources.
fn literals() -> BTreeSet<String> {
    let sources = files().into_iter().filter(|(path, _)| {
        path.ends_with(".rs") && !path.starts_with("tests/") && !path.contains("/tests")
    });
    sources
        .flat_map(|(_, text)| {
            let parts: Vec<String> = text.split('"').skip(1).map(str::to_owned).collect();
            parts
        })
        .collect()
}

fn unknown(expressions: &[String]) -> Vec<String> {
    // The registry's own counter stands inside a longer text; the others are functions.
    let known = |name: &str| {
        let known = [
            "metrics_dropped_total",
            "histogram_quantile",
            "quantile_over_time",
        ];
        known.contains(&name)
    };
    let literals = literals();
    let names: BTreeSet<String> = expressions.iter().flat_map(|e| metrics(e)).collect();
    assert!(!names.is_empty(), "no metric is named at all");
    names
        .into_iter()
        .filter(|name| !known(name) && !literals.contains(name))
        .collect()
}

fn rules() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut alert = String::new();
    for line in text("deploy/prometheus/holt.rules.yml").lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("- alert: ") {
            name.clone_into(&mut alert);
        } else if let Some(expression) = line.strip_prefix("expr: ") {
            found.push((alert.clone(), expression.to_owned()));
        }
    }
    found
}

/// The alerts of some rules that compare with what was seen earlier, and fire at once. What processes keep in memory is too low for a moment when
/// one restarts and too high when one takes over from another: neither is new.
fn hasty(rules: &str) -> Vec<&str> {
    let alerts = rules.split("- alert: ").skip(1);
    let hasty = alerts.filter(|rule| {
        let mut lines = rule.lines().map(str::trim);
        let compares = |line: &str| line.starts_with("expr: ") && line.contains(" offset ");
        lines.clone().any(compares) && !lines.any(|line| line.starts_with("for: "))
    });
    hasty.filter_map(|rule| rule.lines().next()).collect()
}

#[test]
fn an_alert_that_compares_with_earlier_is_hasty_without_a_time_that_it_must_last() {
    let hasty_one = "  - alert: A\n    expr: a > (a offset 1h)\n    labels: {}\n";
    let patient = "  - alert: B\n    expr: a > (a offset 1h)\n    for: 5m\n";
    let plain = "  - alert: C\n    expr: a > 0\n";
    let all = format!("{hasty_one}{patient}{plain}");
    assert_eq!(hasty(&all), ["A"]);
}

#[test]
fn no_alert_that_compares_with_earlier_fires_at_once() {
    let rules = text("deploy/prometheus/holt.rules.yml");
    assert!(rules.contains(" offset "), "nothing is compared at all");
    let found: Vec<String> = hasty(&rules).into_iter().map(str::to_owned).collect();
    assert_none("alerts with `offset` that want a `for`", &found);
}

/// The values that an expression asks labels for, but of those that Prometheus itself sets.
fn values(expression: &str) -> Vec<String> {
    let braces = expression.split('{').skip(1);
    let conditions = braces.filter_map(|part| part.split('}').next());
    let asked = conditions.flat_map(|part| part.split(','));
    let asked = asked.filter(|one| !one.trim().starts_with("job"));
    let values = asked.filter_map(|one| one.split('"').nth(1));
    values
        .flat_map(|value| value.split('|').map(str::to_owned))
        .collect()
}

/// The title and an expression of every panel of the board.
fn panels() -> Vec<(String, String)> {
    let board: serde_json::Value =
        serde_json::from_str(&text("deploy/grafana/holt.json")).expect("a board is JSON");
    let mut found = Vec::new();
    for panel in board["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            found.push((title.to_owned(), expression.to_owned()));
        }
    }
    found
}

#[test]
fn every_label_of_alerts_and_board_can_have_the_value_that_is_asked_for() {
    let literals = literals();
    let mut unknown = Vec::new();
    for (alert, expression) in rules().into_iter().chain(panels()) {
        let values = values(&expression).into_iter();
        let missing = values.filter(|value| !literals.contains(value));
        unknown.extend(missing.map(|value| format!("{alert}: {value}")));
    }
    assert_none("alerts and panels over values that no metric has", &unknown);
}

/// The sums of increases that are added or compared with nothing as they are. A series that a process lacks, because nothing was counted yet or
/// because of how it is configured, is no zero: with it the whole expression is missing, and the alert is quiet.
fn bare_sums(expression: &str) -> Vec<&str> {
    let begins = expression.match_indices("sum(increase(");
    let bare = begins.filter_map(|(at, _)| {
        let (before, rest) = expression.split_at(at);
        let mut depth = 0_u32;
        let end = rest.find(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            c == ')' && depth == 0
        })?;
        let (sum, after) = rest.split_at(end + 1);
        let after = after.trim_start();
        let is_added = before.trim_end().ends_with('+') || after.starts_with('+');
        (is_added || after.starts_with("== 0")).then_some(sum)
    });
    bare.collect()
}

#[test]
fn a_bare_sum_is_one_that_may_be_missing() {
    let bare = "(sum(increase(a[1h])) or vector(0)) == 0 and sum(increase(b{c=\"d\"}[1h])) == 0";
    assert_eq!(bare_sums(bare), ["sum(increase(b{c=\"d\"}[1h]))"]);
    let added = "sum(increase(a[1h])) + sum(increase(b[1h])) > 0";
    assert_eq!(bare_sums(added).len(), 2);
    assert_eq!(bare_sums("sum(increase(a[1h])) > 0"), [""; 0]);
}

#[test]
fn no_alert_is_quiet_because_a_series_is_missing() {
    let found = rules().into_iter().flat_map(|(alert, expression)| {
        let bare = bare_sums(&expression).into_iter();
        let told = bare.map(|sum| format!("{alert}: {sum}"));
        told.collect::<Vec<_>>()
    });
    let found: Vec<String> = found.collect();
    assert_none("sums that want `or vector(0)`", &found);
}

#[test]
fn every_metric_of_the_alerts_exists() {
    let expressions: Vec<String> = rules().into_iter().map(|(_, e)| e).collect();
    assert_none(
        "alerts over metrics that nobody counts",
        &unknown(&expressions),
    );
}

#[test]
fn every_metric_of_the_board_exists() {
    let expressions: Vec<String> = panels().into_iter().map(|(_, e)| e).collect();
    assert_none(
        "panels over metrics that nobody counts",
        &unknown(&expressions),
    );
}

#[test]
fn every_alert_has_its_place_in_the_runbook() {
    let runbook = text("docs/runbook.md");
    let missing: Vec<String> = rules()
        .into_iter()
        .map(|(alert, _)| alert)
        .filter(|alert| !runbook.contains(&format!("\n### {alert}\n")))
        .collect();
    assert_none("alerts that the runbook does not explain", &missing);
}
