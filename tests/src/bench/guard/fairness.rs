//! G13: how the reaction of quiet tenants suffers while another one floods at ten times its limit.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;
use chassis::spawn::TaskHandle;
use domain::ids::GroupKey;

use super::permille;
use crate::bench::cloud::Cloud;
use crate::bench::exchange::Connection;
use crate::bench::figures::say;
use crate::bench::ledger;
use crate::bench::seed::Seed;
use crate::bench::service::{CloudAt, Conduct, Service, Site, free_port};
use crate::bench::stats::{Milli, Spread, quantile};
use crate::bench::tap::Tap;

/// What one tenant may ask; the flood is ten times as much.
const CONDUCT: Conduct = Conduct {
    api: "requests = \"100/s\"\nburst = 100",
    ..Conduct::UNBOUND
};
/// Requests of the flood in a second.
const FLOOD: u32 = 1_000;
/// Connections of the flood.
const CONNECTIONS: u32 = 20;
/// Tenants that are quiet: of one alone, the hundredth part of a minute's events would be three of them.
const QUIET: usize = 4;
/// Between two events of quiet tenants, who take turns: each has one in 200 ms.
const QUIET_EVERY: Duration = Duration::from_millis(50);
/// Groups of each tenant.
const GROUPS: usize = 100;
/// G13's bar.
const LIMIT: Milli = Milli(1_500);
/// An event that leads to no create within this has failed.
const REACTION_MAX: Duration = Duration::from_secs(10);

/// What became of the flood.
#[derive(Debug, Default)]
struct Flood {
    sent: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
}

/// Quiet, flooded, quiet, flooded and so on, `rounds` of each, for `seconds` in all of each kind. True: the ratio is within the bar.
///
/// Each round gives a ratio of its two p99, and the median of the rounds counts, as for every figure with a floor of its own: what stops the
/// whole machine for some milliseconds spoils one round, of whichever kind, and not the figure.
///
/// # Errors
/// Nothing was measured, or something acknowledged was lost.
pub async fn run(process: &Process, seconds: u64, rounds: u64) -> anyhow::Result<bool> {
    let site = Site::of(1 + QUIET, CONDUCT)?;
    let seed = Seed::open(process, &site.store())?;
    let tenants = site.tenants();
    let loud = seed.groups(&tenants[..1], GROUPS).await?;
    let quiet = seed.groups(&tenants[1..], GROUPS * QUIET).await?;
    seed.close().await;
    let behind = free_port()?;
    let tap = Tap::start(process, behind).await?;
    let cloud = Cloud::start_humble(behind, Some(tap.address))?;
    let (service, _) = site.start(process, CloudAt::Here(cloud.address)).await?;
    service.quiet(process).await?;
    let flood = Arc::new(Flood::default());
    let (mut calm, mut flooded) = (Vec::new(), Vec::new());
    let mut ratios = Vec::new();
    let stage = Stage {
        process,
        site: &site,
        service: &service,
        tap: &tap,
    };
    // The first round signs in and warms up; it does not count.
    stage.reactions(&quiet, ("warm", 3)).await?;
    let each = (seconds / rounds).max(1);
    for round in 0..rounds {
        let name = format!("calm-{round}");
        let mut alone = stage.reactions(&quiet, (&name, each)).await?;
        let tasks = stage.flood(&flood, &loud, round)?;
        let name = format!("flooded-{round}");
        let mut beside = stage.reactions(&quiet, (&name, each)).await?;
        tasks.iter().for_each(TaskHandle::abort);
        ratios.push(Milli(permille(p99(&mut beside)?, p99(&mut alone)?)));
        calm.extend(alone);
        flooded.extend(beside);
        process.clock.sleep(Duration::from_secs(1)).await;
    }
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let (sent, accepted) = (count(&flood.sent), count(&flood.accepted));
    let (refused, other) = (count(&flood.refused), count(&flood.other));
    let (before, during) = (p99(&mut calm)?, p99(&mut flooded)?);
    service.kill()?;
    let kept = ledger::read(&site.store())?.verdicts;
    let mine = u64::try_from(calm.len() + flooded.len())?;
    ensure!(
        kept >= accepted + mine,
        "{kept} verdicts for {accepted} and {mine} acknowledged events"
    );
    shape("alone", &calm)?;
    shape("beside the flood", &flooded)?;
    let ratio = Spread::of(ratios).context("no round")?;
    say(format_args!(
        "{QUIET} quiet tenants, 5 events a second each: p99 of all {before} us alone ({}), {during} us beside the flood ({}); ratio of a round {ratio}\n\
         flood: {sent} sent, {accepted} accepted, {refused} refused with 429 and Retry-After, {other} other; {kept} verdicts are in the file",
        calm.len(),
        flooded.len(),
    ))?;
    let ok = ratio.median <= LIMIT && refused > accepted && other == 0;
    say(format_args!(
        "{{\"ok\":{ok},\"g13\":{},\"p99_alone_us\":{before},\"p99_flooded_us\":{during},\"flood_sent\":{sent},\"flood_accepted\":{accepted},\"flood_refused\":{refused}}}",
        ratio.median
    ))?;
    Ok(ok)
}

fn p99(reactions: &mut [u64]) -> anyhow::Result<u64> {
    reactions.sort_unstable();
    quantile(reactions, 99).context("no reaction")
}

/// What lies below p99, which a few of the sorted reactions decide.
fn shape(what: &str, reactions: &[u64]) -> anyhow::Result<()> {
    let at = |percent| quantile(reactions, percent).unwrap_or(0);
    let (p50, p90, p95, p98) = (at(50), at(90), at(95), at(98));
    say(format_args!(
        "{what}: p50 {p50} us, p90 {p90} us, p95 {p95} us, p98 {p98} us"
    ))
}

struct Stage<'a> {
    process: &'a Process,
    site: &'a Site,
    service: &'a Service,
    tap: &'a Tap,
}

impl Stage<'_> {
    /// From each event's first byte to the first byte of its create, in microseconds, for so many seconds.
    ///
    /// All creates that pass the tap meanwhile are its own: the flood asks for no servers.
    async fn reactions(
        &self,
        groups: &[GroupKey],
        (name, seconds): (&str, u64),
    ) -> anyhow::Result<Vec<u64>> {
        let clock = &self.process.clock;
        let mut client = Connection::open(self.service.address).await?;
        let end = clock.mono() + Duration::from_secs(seconds);
        let mut reactions = Vec::new();
        for key in groups.iter().cycle() {
            let due = clock.mono() + QUIET_EVERY;
            let event = self
                .site
                .event(key, &format!("{name}-{}", reactions.len()))?;
            let before = self.tap.count();
            let sent = clock.mono();
            let answer = client.ask(&event).await?;
            ensure!(answer.status == 200, "answered {}", answer.status);
            let arrived = clock.timeout(REACTION_MAX, self.tap.create(before)).await;
            let arrived = arrived.context("an event led to no create")?;
            let took = arrived.saturating_since(sent);
            reactions.push(u64::try_from(took.as_micros())?);
            if clock.mono() >= end {
                break;
            }
            clock.sleep_until(due).await;
        }
        Ok(reactions)
    }

    /// Open loop: connections that send on time, in turns, whatever is answered. The events ask for the size that the group has.
    fn flood(
        &self,
        flood: &Arc<Flood>,
        groups: &[GroupKey],
        round: u64,
    ) -> anyhow::Result<Vec<TaskHandle<()>>> {
        let every = Duration::from_secs(1) * CONNECTIONS / FLOOD;
        let mut tasks = Vec::new();
        for connection in 0..CONNECTIONS {
            let mut events = Vec::new();
            for number in 0..2_000_usize {
                let key = &groups[number % groups.len()];
                let name = format!("flood-{round}-{connection}-{number}");
                events.push(self.site.ask(key, &name, r#"{"desired":0}"#)?);
            }
            let (process, to) = (self.process.clone(), self.service.address);
            let turn = Duration::from_secs(1) * connection / FLOOD;
            let flood = Arc::clone(flood);
            tasks.push(self.process.tasks.spawn("flood", async move {
                let Ok(mut client) = Connection::open(to).await else {
                    return;
                };
                let mut due = process.clock.mono() + turn;
                process.clock.sleep_until(due).await;
                for event in events {
                    due = due + every;
                    flood.sent.fetch_add(1, Ordering::Relaxed);
                    let (place, closed) = match client.ask(&event).await {
                        Ok(answer) if answer.status == 200 => (&flood.accepted, false),
                        // Refused before its body was read, so the connection ends with it.
                        Ok(answer) if answer.status == 429 && answer.retry_after => {
                            (&flood.refused, true)
                        }
                        Ok(_) => (&flood.other, false),
                        Err(_) => (&flood.other, true),
                    };
                    place.fetch_add(1, Ordering::Relaxed);
                    if closed {
                        match Connection::open(to).await {
                            Ok(next) => client = next,
                            Err(_) => return,
                        }
                    }
                    process.clock.sleep_until(due).await;
                }
            }));
        }
        Ok(tasks)
    }
}
