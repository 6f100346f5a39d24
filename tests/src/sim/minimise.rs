//! From a failing run to the few faults that it takes: every rate and every strike is taken away in turn, halves first.

use std::collections::BTreeSet;

use super::run::run;
use super::schedule::Schedule;

/// Runs that a minimisation may cost.
const RUNS_MAX: usize = 400;

/// The least set of items with which the run still fails in the same way (the same promise), as far as `RUNS_MAX` runs find it.
///
/// # Errors
/// A run could not be set up.
pub fn minimise(schedule: &Schedule, violation: &str) -> anyhow::Result<Vec<String>> {
    let promise = violation.split(':').next().unwrap_or_default();
    let mut runs = 0;
    let mut fails = |items: &[String]| -> anyhow::Result<bool> {
        runs += 1;
        if runs > RUNS_MAX {
            return Ok(false);
        }
        let kept: BTreeSet<String> = items.iter().cloned().collect();
        let report = run(schedule.clone().keeping(&kept))?;
        Ok(report.violations.iter().any(|v| v.starts_with(promise)))
    };
    let mut items = schedule.items();
    let mut size = items.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut smaller = false;
        while at < items.len() {
            let end = (at + size).min(items.len());
            let rest: Vec<String> = items[..at].iter().chain(&items[end..]).cloned().collect();
            if fails(&rest)? {
                items = rest;
                smaller = true;
            } else {
                at = end;
            }
        }
        if size == 1 && !smaller {
            return Ok(items);
        }
        size = (size / 2).max(1);
    }
}
