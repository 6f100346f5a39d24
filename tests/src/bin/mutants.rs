//! `sim mutants`: switches one safety rule off at a time and runs schedules until one of them breaks a promise. The last line is JSON.
//!
//! Built only with the feature `mutants`, by `sim mutants`. Each rule must be noticed within the number of runs stated for it; one that nothing
//! notices is declared below, with the reason why it stays. Else the command fails.
#![expect(clippy::print_stdout, reason = "a command's output")]

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use chassis::telemetry::{Format, Settings};
use clap::Parser;
use domain::mutant::{Mutant, Rule, plant, switch_off};
use holt_tests::sim::directed::Case;
use holt_tests::sim::run::{Until, run_until};
use holt_tests::sim::schedule::Schedule;

/// As in `sim`: what is allocated by a run is freed by the same thread, mostly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Switches one safety rule off at a time.
#[derive(Debug, Parser)]
struct Arguments {
    /// The number of the first schedule of each rule.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Schedules before a rule counts as not noticed, in place of each one's own.
    #[arg(long)]
    runs: Option<u64>,
    /// Schedules spent on a rule of which it is declared that nothing notices.
    #[arg(long, default_value_t = 20)]
    declared_runs: u64,
    /// Only rules whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// What is logged, as in `sim`.
    #[arg(long)]
    log: Option<String>,
    /// How many rules are tried at once. None: as many as the machine has cores.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

/// What is switched off.
#[derive(Debug, Clone, Copy)]
enum Off {
    /// A rule of the shells.
    Rule(Rule),
    /// A rule of the decisions.
    Domain(Mutant),
}

/// One rule, the schedules that need it most, and how often it is needed.
struct Trial {
    off: Off,
    cases: &'static [Case],
    fate: Fate,
}

/// What is expected of a rule.
#[derive(Clone, Copy)]
enum Fate {
    /// Caught within so many runs.
    Within(u64),
    /// Nothing notices, for this reason.
    Declared(&'static str),
}

/// Most rules are caught by their first schedule; what a change of the schedules does to that is noticed, with room for another course of
/// random ones.
const WITHIN: u64 = 40;

const fn rule(rule: Rule, cases: &'static [Case]) -> Trial {
    Trial {
        off: Off::Rule(rule),
        cases,
        fate: Fate::Within(WITHIN),
    }
}

const fn domain(mutant: Mutant, cases: &'static [Case]) -> Trial {
    Trial {
        off: Off::Domain(mutant),
        cases,
        fate: Fate::Within(WITHIN),
    }
}

/// It takes more runs than most.
fn rare(mut trial: Trial) -> Trial {
    trial.fate = Fate::Within(4 * WITHIN);
    trial
}

const fn declared(mut trial: Trial, why: &'static str) -> Trial {
    trial.fate = Fate::Declared(why);
    trial
}

/// Every safety rule of safety 4.2 and 6.1.
fn trials() -> Vec<Trial> {
    let mut all = of_calls();
    all.extend(of_commits());
    all.extend(of_evidence());
    all
}

fn of_calls() -> Vec<Trial> {
    vec![
        rule(Rule::OneCallPerSlot, &[Case::Clones]),
        rule(Rule::NoCallAfter401, &[Case::H3]),
        rule(Rule::MarkBeforeCall, &[Case::H1]),
        rule(Rule::BegunOnce, &[Case::Crashes]),
        rule(Rule::VoidByIncarnation, &[Case::H1]),
        rule(Rule::BeginDeadline, &[Case::H2]),
        rule(Rule::RetryAfter, &[]),
        rule(Rule::DeleteNeedsProof, &[Case::H5, Case::Clones]),
        rule(Rule::ProofNamesSlot, &[Case::H5]),
        rule(Rule::OwnIds, &[]),
        domain(Mutant::VoidBegun, &[Case::H1]),
        domain(Mutant::UnknownIsFailed, &[Case::H7, Case::H4]),
        declared(
            domain(Mutant::DeleteDisowned, &[Case::H5, Case::Clones]),
            "two rules stand beside it: the plan hands such a server back in the same commit, and a delete reads the proof",
        ),
        domain(Mutant::IssueBeyondMax, &[]),
    ]
}

fn of_commits() -> Vec<Trial> {
    vec![
        rule(Rule::SuccessByNonce, &[Case::Commits]),
        rule(Rule::ActAfterCommit, &[Case::Commits]),
        rule(Rule::RevisionGuard, &[Case::Commits]),
        rule(Rule::OneVerdict, &[Case::H8, Case::Commits]),
        rule(Rule::TakeDecided, &[Case::H8]),
        rule(Rule::AckWhenDurable, &[Case::Commits]),
        rule(Rule::MonotonicClock, &[Case::Still, Case::Late]),
        declared(
            rule(Rule::OutstandingNonces, &[Case::Commits]),
            "it saves work and answers (safety 6.1): without it an owner plans again what was applied, under the guard",
        ),
        declared(
            rule(Rule::FenceRead, &[Case::Commits]),
            "it saves work (safety 6.1): the revision carries safety; owners get different fences with the shards of design 6",
        ),
        declared(
            rule(Rule::OwnerDecides, &[Case::Commits]),
            "a decision by an api is under the same guard, and as durable: it costs the owner its cache, not a promise",
        ),
    ]
}

fn of_evidence() -> Vec<Trial> {
    vec![
        rule(Rule::CompleteLists, &[Case::Cells]),
        rare(rule(Rule::UnknownRowBeforeCall, &[Case::Cells])),
        declared(
            domain(Mutant::AdoptFromPartial, &[Case::Cells]),
            "only servers of our own user without a role are adopted, from whatever list: the copy that misled the prototype is a tenant's",
        ),
        domain(Mutant::AdoptForeign, &[Case::Clones]),
        domain(Mutant::AdoptTaken, &[Case::H5, Case::Clones]),
        domain(Mutant::LapseEarly, &[Case::Still, Case::Late]),
        domain(Mutant::LapseFromPartial, &[Case::Cells]),
        domain(Mutant::LapsedUncounted, &[Case::H4, Case::Late]),
        domain(Mutant::ReleaseEarly, &[Case::H4, Case::Late]),
        domain(Mutant::LateForgotten, &[Case::H4, Case::H6]),
        domain(Mutant::UnknownIsAbsent, &[Case::Cells]),
        domain(Mutant::GoneFromPartial, &[Case::Cells]),
        declared(
            domain(Mutant::GoneAtOnce, &[Case::Cells]),
            "a complete list of this cloud leaves nothing out (safety 2.1): three lists stand against one that does",
        ),
        domain(Mutant::EndedReopens, &[Case::Reopen, Case::Late]),
    ]
}

impl Off {
    fn name(self) -> String {
        match self {
            Self::Rule(rule) => format!("{rule:?}"),
            Self::Domain(mutant) => format!("domain::{mutant:?}"),
        }
    }

    fn set(self, on: bool) {
        match self {
            Self::Rule(rule) => switch_off(on.then_some(rule)),
            Self::Domain(mutant) => plant(on.then_some(mutant)),
        }
    }
}

/// The directed schedules of a rule, then a few of each of its weathers, then ordinary ones.
fn schedules(trial: &Trial, first: u64) -> impl Iterator<Item = Schedule> {
    let (scripts, weathers): (Vec<Case>, Vec<Case>) =
        trial.cases.iter().partition(|case| case.is_script());
    let scripts = scripts
        .into_iter()
        .map(move |case| Schedule::directed(case, first));
    let turns = (first..).map(move |seed| {
        let all = u64::try_from(weathers.len()).unwrap_or(0);
        // Every other run is an ordinary one.
        match weathers.get(usize::try_from(seed / 2 % all.max(1)).unwrap_or(0)) {
            Some(case) if seed % 2 == 1 => Schedule::directed(*case, seed),
            Some(_) | None => Schedule::of(seed),
        }
    });
    scripts.chain(turns)
}

/// Runs until a promise is broken: how many runs that took, and what was broken.
fn attempt(trial: &Trial, first: u64, limit: u64) -> anyhow::Result<Option<(u64, String)>> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    for (n, schedule) in (1..).zip(schedules(trial, first).take(limit)) {
        trial.off.set(true);
        let caught = catch_unwind(AssertUnwindSafe(|| run_until(schedule, Until::Broken)));
        trial.off.set(false);
        match caught {
            Ok(report) => {
                if let Some(violation) = report?.violations.first() {
                    return Ok(Some((n, violation.clone())));
                }
            }
            Err(_panic) => return Ok(Some((n, "an assertion failed".to_owned()))),
        }
    }
    Ok(None)
}

/// What came of one rule.
struct Tried {
    name: String,
    fate: Fate,
    limit: u64,
    found: Option<(u64, String)>,
}

/// Tries the rules that nobody has tried yet; each thread has switches of its own.
fn work(left: &Mutex<Vec<Trial>>, arguments: &Arguments) -> anyhow::Result<Vec<Tried>> {
    let mut done = Vec::new();
    loop {
        let Some(trial) = left.lock().unwrap_or_else(PoisonError::into_inner).pop() else {
            return Ok(done);
        };
        let limit = match trial.fate {
            Fate::Within(runs) => arguments.runs.unwrap_or(runs),
            Fate::Declared(_) => arguments.declared_runs,
        };
        let tried = Tried {
            name: trial.off.name(),
            fate: trial.fate,
            limit,
            found: attempt(&trial, arguments.seed, limit)?,
        };
        println!("{}", tried.line());
        done.push(tried);
    }
}

impl Tried {
    fn line(&self) -> String {
        let (name, limit) = (&self.name, self.limit);
        match (&self.found, self.fate) {
            (Some((runs, violation)), _) => {
                format!("{name:<28} caught in run {runs:>5}: {violation}")
            }
            (None, Fate::Declared(why)) => format!("{name:<28} declared ({limit} runs): {why}"),
            (None, Fate::Within(_)) => format!("{name:<28} SURVIVED {limit} runs"),
        }
    }
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
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism()?,
    };
    let chosen = |trial: &Trial| {
        let only = arguments.only.as_ref();
        only.is_none_or(|only| trial.off.name().contains(only))
    };
    let mut trials: Vec<Trial> = trials().into_iter().filter(chosen).collect();
    // Taken from the end: those that take long first.
    trials.sort_by_key(|trial| match trial.fate {
        Fate::Within(runs) => runs,
        Fate::Declared(_) => arguments.declared_runs,
    });
    let left = Mutex::new(trials);
    let mut all = Vec::new();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let one = || work(&left, &arguments);
        let started: Vec<_> = (0..threads.get()).map(|_| scope.spawn(one)).collect();
        for thread in started {
            match thread.join() {
                Ok(done) => all.extend(done?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })?;
    let caught = all.iter().filter(|tried| tried.found.is_some()).count();
    let known = |tried: &&Tried| tried.found.is_none() && matches!(tried.fate, Fate::Declared(_));
    let declared = all.iter().filter(known).count();
    let survived = all.len() - caught - declared;
    println!(
        "{}",
        serde_json::json!({ "caught": caught, "survived": survived, "declared": declared })
    );
    Ok(if survived == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
