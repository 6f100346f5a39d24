//! `sim --schedules N --seed S`: runs N schedules, one number each, and prints what they came to. The last line is JSON.
//! `sim mutants`: the same with one safety rule switched off at a time; see `docs/sim.md`.
#![expect(clippy::print_stdout, reason = "a command's output")]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use chassis::telemetry::{Format, Settings};
use clap::{Parser, Subcommand, ValueEnum};
use holt_tests::sim::directed::Case;
use holt_tests::sim::minimise::minimise;
use holt_tests::sim::run::{Report, run};
use holt_tests::sim::schedule::Schedule;
use holt_tests::sim::visits;
use sha2::{Digest, Sha256};

/// The simulator.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many schedules.
    #[arg(long, default_value_t = 100)]
    schedules: u64,
    /// The number of the first; the others follow it. None: drawn from the machine's clock when `--for` is given, else 1.
    #[arg(long)]
    seed: Option<u64>,
    /// In place of a count: as many as begin within so many seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Stop at the first violation.
    #[arg(long)]
    first: bool,
    /// Look for the few faults that a violation takes.
    #[arg(long)]
    minimise: bool,
    /// Only these faults of the schedule, by their names, with commas between them.
    #[arg(long, value_delimiter = ',')]
    keep: Option<Vec<String>>,
    /// The directed schedules in place of random ones.
    #[arg(long)]
    directed: bool,
    /// How many schedules run at once; each has a thread of its own to itself. None: as many as the machine has cores.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// How large the tenants' projects are.
    #[arg(long, value_enum, default_value_t = Projects::Drawn)]
    projects: Projects,
    /// Log what the processes say, for example `debug`.
    #[arg(long)]
    log: Option<String>,
}

/// An event allocates on one thread and is freed on another: the C library's allocator is slow at that (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How large the tenants' projects are.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Projects {
    /// One schedule in ten has projects of which a list shows two rows; in the others a list shows all.
    Drawn,
    /// Every schedule has projects of which a list shows two rows.
    Large,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Switches off one safety rule at a time, and demands that the simulator notices.
    Mutants {
        /// Everything after it goes to the mutants' own binary.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(level) = &arguments.log {
        chassis::telemetry::init(&Settings {
            traces: chassis::trace::Settings::default(),
            level: level.clone(),
            format: Format::Human,
        })?;
    }
    if let Some(Command::Mutants { rest }) = &arguments.command {
        return mutants(rest);
    }
    let stopwatch = chassis::Clock::system();
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism()?,
    };
    let first = arguments
        .seed
        .unwrap_or_else(|| arguments.seconds.map_or(1, |_| stopwatch.unix_ms() * 1000));
    println!("first schedule: {first}");
    let left = Mutex::new(schedules(&arguments, first).enumerate());
    let halted = AtomicBool::new(false);
    let next = || {
        let seconds = arguments.seconds.unwrap_or(u64::MAX / 1000);
        let is_over = stopwatch.mono().as_millis() >= seconds * 1000;
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        left.next()
            .filter(|_| !is_over && !halted.load(Ordering::Relaxed))
    };
    let work = || -> anyhow::Result<Vec<(usize, Report)>> {
        let mut done = Vec::new();
        while let Some((place, schedule)) = next() {
            let report = run(schedule.clone())?;
            if !report.violations.is_empty() {
                failure(&arguments, &schedule, &report)?;
                halted.store(arguments.first, Ordering::Relaxed);
            }
            done.push((place, report));
        }
        Ok(done)
    };
    // By its place in the sequence, so that the hash over all is the same however many threads there are.
    let mut all = BTreeMap::new();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let started: Vec<_> = (0..threads.get()).map(|_| scope.spawn(work)).collect();
        for thread in started {
            match thread.join() {
                Ok(done) => all.extend(done?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })?;
    let all: Vec<Report> = all.into_values().collect();
    Ok(summary(
        &all,
        Duration::from_millis(stopwatch.mono().as_millis()),
    ))
}

fn schedules<'a>(
    arguments: &'a Arguments,
    first: u64,
) -> Box<dyn Iterator<Item = Schedule> + Send + 'a> {
    if arguments.directed {
        let cases = Case::SCRIPTS.into_iter();
        return Box::new(cases.map(move |case| Schedule::directed(case, first)));
    }
    let count = match arguments.seconds {
        Some(_) => usize::MAX,
        None => usize::try_from(arguments.schedules).unwrap_or(usize::MAX),
    };
    let keep: Option<BTreeSet<String>> = arguments
        .keep
        .as_ref()
        .map(|keep| keep.iter().cloned().collect());
    Box::new((first..).take(count).map(move |seed| {
        let schedule = match arguments.projects {
            Projects::Drawn => Schedule::of(seed),
            Projects::Large => Schedule::of(seed).in_large_projects(),
        };
        match &keep {
            Some(keep) => schedule.keeping(keep),
            None => schedule,
        }
    }))
}

/// One line that repeats it; and, if asked for, the few faults that it takes.
fn failure(arguments: &Arguments, schedule: &Schedule, report: &Report) -> anyhow::Result<()> {
    let seed = report.seed;
    for violation in &report.violations {
        println!("SIM seed={seed} {violation}");
    }
    println!(
        "SIM repeat: sim --schedules 1 --seed {seed} ({:?}, {:?}, large {})",
        schedule.regime, schedule.size, schedule.large
    );
    if let (true, Some(violation)) = (arguments.minimise, report.violations.first()) {
        let items = minimise(schedule, violation)?;
        println!("SIM seed={seed} minimal: --keep {}", items.join(","));
        for item in &items {
            println!("  {}", schedule.describe(item));
        }
    }
    Ok(())
}

/// The ordinary binary has no switches: a build of its own has them.
fn mutants(rest: &[String]) -> anyhow::Result<ExitCode> {
    let status = std::process::Command::new("cargo")
        .args(["run", "--release", "--quiet", "-p", "holt-tests"])
        .args(["--features", "mutants", "--bin", "mutants", "--"])
        .args(rest)
        .status()
        .context("cargo cannot be started: run this from the repository")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn summary(all: &[Report], took: Duration) -> ExitCode {
    let mut hash = Sha256::new();
    all.iter().for_each(|r| hash.update(r.trace));
    let trace: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect();
    let violations: usize = all.iter().map(|r| r.violations.len()).sum();
    let mut tally = BTreeMap::<&str, u64>::new();
    for (what, n) in all.iter().flat_map(|r| &r.tally) {
        *tally.entry(what).or_default() += n;
    }
    for (what, n) in &tally {
        println!("{n:>9}  {what}");
    }
    for (what, figure) in [
        ("commits", all.iter().map(|r| r.commits).collect::<Vec<_>>()),
        ("faults", all.iter().map(|r| r.faults).collect()),
        ("in doubt", all.iter().map(|r| r.in_doubt).collect()),
        ("steps", all.iter().map(|r| r.steps).collect()),
    ] {
        let mut sorted = figure;
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let at = |share: usize| sorted.get(last * share / 100).copied().unwrap_or(0);
        println!(
            "{what} per schedule: min {} median {} max {}",
            at(0),
            at(50),
            at(100)
        );
    }
    let missing = visits::missing(&tally);
    for what in &missing {
        println!("never visited: {what}");
    }
    println!(
        "visited: {} of {}",
        visits::EXPECTED.len() - missing.len(),
        visits::EXPECTED.len()
    );
    let blind = all.len() >= visits::ENOUGH && !missing.is_empty();
    let minutes = all.iter().map(|r| r.simulated.as_secs()).sum::<u64>() / 60;
    let runs = u64::try_from(all.len()).unwrap_or(u64::MAX);
    println!(
        "simulated minutes: {minutes}, {} a second",
        per_second(minutes, took)
    );
    println!(
        "{}",
        serde_json::json!({
            "schedules": all.len(),
            "violations": violations,
            "creates_per_slot_max": all.iter().map(|r| r.creates_per_slot_max).max().unwrap_or(0),
            "trace_hash": trace,
            "steps": all.iter().map(|r| r.steps).sum::<u64>(),
            "faults": all.iter().map(|r| r.faults).sum::<u64>(),
            "never_visited": missing.len(),
            "runs_per_second": per_second(runs, took).parse::<f64>().unwrap_or_default(),
        })
    );
    if violations == 0 && !blind {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// With one decimal.
fn per_second(count: u64, took: Duration) -> String {
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    let tenths = count.saturating_mul(10_000) / ms;
    format!("{}.{}", tenths / 10, tenths % 10)
}
