//! `sim --schedules N --seed S`: runs N schedules, one number each, and prints what they came to. The last line is JSON.
#![expect(clippy::print_stdout, reason = "a command's output")]

use std::process::ExitCode;

use chassis::telemetry::{Format, Settings};
use clap::Parser;
use holt_tests::sim::run::{Report, run};
use holt_tests::sim::schedule::Schedule;
use sha2::{Digest, Sha256};

/// The simulator.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many schedules.
    #[arg(long, default_value_t = 100)]
    schedules: u64,
    /// The number of the first; the others follow it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop at the first violation.
    #[arg(long)]
    first: bool,
    /// Log what the processes say, for example `debug`.
    #[arg(long)]
    log: Option<String>,
}

/// An event allocates on one thread and is freed on another: the C library's allocator is slow at that (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(level) = &arguments.log {
        chassis::telemetry::init(&Settings {
            level: level.clone(),
            format: Format::Human,
        })?;
    }
    let mut all = Vec::new();
    for seed in (arguments.seed..).take(usize::try_from(arguments.schedules)?) {
        let report = run(Schedule::of(seed))?;
        for violation in &report.violations {
            println!("SIM seed={seed} {violation}");
        }
        let bad = !report.violations.is_empty();
        all.push(report);
        if bad && arguments.first {
            break;
        }
    }
    Ok(summary(&all))
}

fn summary(all: &[Report]) -> ExitCode {
    let mut hash = Sha256::new();
    all.iter().for_each(|r| hash.update(r.trace));
    let trace: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect();
    let violations: usize = all.iter().map(|r| r.violations.len()).sum();
    for (what, figure) in [
        ("commits", all.iter().map(|r| r.commits).collect::<Vec<_>>()),
        ("faults", all.iter().map(|r| r.faults).collect()),
        ("in doubt", all.iter().map(|r| r.in_doubt).collect()),
    ] {
        let mut sorted = figure;
        sorted.sort_unstable();
        let at = |share: usize| {
            sorted
                .get(sorted.len().saturating_sub(1) * share / 100)
                .copied()
                .unwrap_or(0)
        };
        println!(
            "{what} per schedule: min {} median {} max {}",
            at(0),
            at(50),
            at(100)
        );
    }
    println!(
        "{}",
        serde_json::json!({
            "schedules": all.len(),
            "violations": violations,
            "creates_per_slot_max": all.iter().map(|r| r.creates_per_slot_max).max().unwrap_or(0),
            "trace_hash": trace,
        })
    );
    if violations == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
