//! The all-in-one `holt serve`, `holt demo` and the command line.
//!
//! Deliberately absent: logic. Commands parse, call one API or one `build`, and show what came back.
mod apply;
mod args;
mod audit;
mod changes;
mod colo;
mod config;
mod contexts;
mod demo;
mod doctor;
mod drill;
mod edits;
mod history;
mod hook;
mod input;
mod keys;
mod out;
mod revoke;
mod schema;
mod serve;
mod session;
mod settings;
mod show;
mod simulated;
mod switch;
mod token;
mod watch;
mod why;

use std::process::ExitCode;

use anyhow::Context as _;
use chassis::Process;
use clap::{CommandFactory as _, Parser as _};

use crate::args::{Cli, Command, Event};

/// An event allocates on one thread and is freed on another: the C library's allocator is slow at that (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = chassis::spawn::run(async move {
        let process = Process::system();
        run(&process, cli.command).await
    });
    match ended.context("start the runtime") {
        Ok(Ok(code)) => code,
        Ok(Err(error)) | Err(error) => out::failed(&error),
    }
}

async fn run(process: &Process, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(process, args).await?,
        Command::Demo(args) => return Box::pin(demo::run(process, args)).await,
        Command::Drill(args) => return Box::pin(drill::run(process, args)).await,
        Command::Cloudsim(args) => simulated::run(process, args).await?,
        Command::Token(args) => token::run(process, args)?,
        Command::Group(command) => session::group(process, command).await?,
        Command::Policy(command) => edits::policy(command).await?,
        Command::Schedule(command) => edits::schedule(command).await?,
        Command::Webhook(command) => edits::webhook(command).await?,
        Command::Launch(command) => edits::launch(command).await?,
        Command::Why(args) => why::why(args).await?,
        Command::Apply(args) => apply::apply(args).await?,
        Command::Diff(args) => return apply::diff(args).await,
        Command::Context(command) => contexts::run(command)?,
        Command::Completion(args) => completion(&args)?,
        Command::Event(Event::Tail {
            group,
            within,
            server,
        }) => why::tail(process, &group, (within, server)).await?,
        Command::Event(Event::Send(args)) => session::send(process, args).await?,
        Command::Verdicts(args) => session::verdicts(args).await?,
        Command::Ledger(args) => session::ledger(args).await?,
        Command::History(mut args) => match args.across.take() {
            None => changes::of_group(args).await?,
            Some(args::Across::Search {
                filters,
                limit,
                server,
            }) => changes::search(filters, limit, server).await?,
            Some(args::Across::Export {
                filters,
                after,
                server,
            }) => changes::export(filters, after, server).await?,
            Some(args::Across::Index(command)) => Box::pin(history::run(process, command)).await?,
        },
        Command::Hook(command) => hook::run(command).await?,
        Command::Input(command) => input::run(command).await?,
        Command::Switch(command) => switch::run(process, command).await?,
        Command::Colo(command) => colo::run(command).await?,
        Command::Revoke(command) => revoke::run(command).await?,
        Command::Doctor(args) => return doctor::run(args).await,
        Command::Audit(command) => return Box::pin(audit::run(process, command)).await,
        Command::Schema(command) => Box::pin(schema::run(process, command)).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `holt completion`: to be sourced by a shell.
fn completion(args: &args::Complete) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "holt", &mut script);
    out::say(&String::from_utf8(script).context("the script is text")?)
}
