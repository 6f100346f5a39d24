//! `holt drill`: alerts of every format, then an incident and its recovery, against a simulated cloud and an application that fails on demand.
//!
//! As in the demo everything goes through the public API and over HTTP, and what the cloud has is asked of the cloud. What is shorter than in
//! production is configuration. Deliberately absent: any shortcut into the roles.
mod app;
mod canned;
mod formats;
mod incident;
mod timeline;

use std::process::ExitCode;

use anyhow::bail;
use chassis::{Process, shutdown};
use cloudsim::{Call, Faults, Span};
use serde::Serialize;

use crate::{
    args,
    demo::stage::{Stage, TENANT},
    drill::{incident::Incident, timeline::Timeline},
    out,
};

/// The line for programs.
#[derive(Debug, Serialize)]
struct Line {
    ok: bool,
    formats: usize,
    formats_ok: usize,
    desired_peak: u32,
    steps_up: u32,
    steps_down: u32,
    escalations: u32,
    servers_in_cloud: usize,
    seconds: u64,
}

/// Plays the drill. Exit code 0 only if everything holds.
///
/// # Errors
/// It could not be played to its end.
pub(crate) async fn run(process: &Process, args: args::Demo) -> anyhow::Result<ExitCode> {
    shutdown::on_signals(process)?;
    let quick = Faults {
        boot: Span::between(300, 900),
        vanish: Span::between(200, 700),
        ..Faults::default()
    };
    let stage = Stage::build(process, args.seed, &quick).await?;
    let timeline = Timeline::new(process);
    let played = tokio::select! {
        biased;
        () = process.stop.requested() => bail!("stopped"),
        played = play(process, &stage, &timeline) => played,
    };
    if played.is_err() {
        stage.keep_store()?;
    }
    stage.strike().await;
    let line = played?;
    if args.json {
        out::say(&serde_json::to_string(&line)?)?;
    }
    Ok(if line.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn play(process: &Process, stage: &Stage, timeline: &Timeline) -> anyhow::Result<Line> {
    out::say(
        "\n> an alert of every format opens and is over; each has a group and an input of its own",
    )?;
    let told = formats::play(process, stage, timeline).await?;
    out::say(
        "\n> an incident: the load of an application doubles, and its health fails until there are enough servers",
    )?;
    let incident = incident::play(process, stage, timeline).await?;
    let servers = stage.cloud.counts().await?.servers_living;
    let mut checks: Vec<(String, bool)> = told
        .iter()
        .map(|told| (told.what.clone(), told.holds))
        .collect();
    let formats_ok = told.iter().filter(|told| told.holds).count();
    checks.extend(judged(&incident, servers));
    let log = stage.cloud.log().await?;
    // A defect of the StackStorm pack: a new key pair for every server, and none was ever removed.
    checks.push((
        "nothing but servers was made in the cloud, no key pairs either".to_owned(),
        log.iter().all(|seen| seen.call != Call::Edit),
    ));
    out::say(&format!("\n> checked for tenant {TENANT}"))?;
    for (what, holds) in &checks {
        let word = if *holds { "ok    " } else { "FAILED" };
        out::say(&format!("  {word} {what}"))?;
    }
    Ok(Line {
        ok: checks.iter().all(|(_, holds)| *holds),
        formats: told.len(),
        formats_ok,
        desired_peak: incident.peak,
        steps_up: incident.steps_up,
        steps_down: incident.steps_down,
        escalations: incident.escalations,
        servers_in_cloud: servers,
        seconds: timeline.seconds(),
    })
}

fn judged(incident: &Incident, servers: usize) -> Vec<(String, bool)> {
    let (least, enough) = (incident::MIN, incident::ENOUGH);
    vec![
        (
            format!(
                "the group grew from {least} to {enough}, step by step, until the application was well ({} steps, one of them at once)",
                incident.steps_up
            ),
            incident.peak == enough && incident.steps_up == enough - least,
        ),
        (
            format!(
                "help was called for {} time while it lasted",
                incident.escalations
            ),
            incident.escalations == 1,
        ),
        (
            format!(
                "nothing was given up before the alert was over, and then {} steps down to {least}",
                incident.steps_down
            ),
            incident.calm_first && incident.steps_down == enough - least,
        ),
        (
            format!("the application was well at the end, with {servers} servers in the cloud"),
            incident.well_at_end && u32::try_from(servers) == Ok(least),
        ),
    ]
}
