//! `holt demo`: the life of a group against a simulated cloud that misbehaves on purpose, checked against the cloud's own log.
//!
//! Everything here goes through the public API over HTTP; the cloud is a second process. Deliberately absent: any shortcut into the roles.
//! What is shorter than in production is configuration (`demo.toml`).
mod acts;
mod faults;
pub(crate) mod stage;
mod tally;

use std::process::ExitCode;

use anyhow::bail;
use chassis::{Process, shutdown};

use crate::{
    args,
    demo::{faults::Hit, stage::Stage},
    out,
};

/// Plays the demo. Exit code 0 only if everything holds.
///
/// # Errors
/// It could not be played to its end.
pub(crate) async fn run(process: &Process, args: args::Demo) -> anyhow::Result<ExitCode> {
    shutdown::on_signals(process)?;
    let hit = Hit::choose(args.seed);
    let stage = Stage::build(process, args.seed, &hit.faults()).await?;
    out::say(&format!(
        "planned  create {} ends in ERROR; the answer to create {} is lost",
        hit.failed, hit.lost
    ))?;
    let played = tokio::select! {
        biased;
        () = process.stop.requested() => bail!("stopped"),
        played = acts::play(process, &stage) => played,
    };
    let tally = match played {
        Ok(played) => tally::take(&stage, hit, played).await,
        Err(error) => Err(error),
    };
    if tally.is_err() {
        stage.keep_store()?;
    }
    stage.strike().await;
    let tally = tally?;
    tally.show()?;
    if args.json {
        out::say(&serde_json::to_string(&tally.line())?)?;
    }
    Ok(if tally.ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
