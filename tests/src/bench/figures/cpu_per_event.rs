//! G1: CPU of the service per event, over CPU of a bare handler per request of the same body; and G6, its syncs per event, from the same load.
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;
use domain::ids::GroupKey;

use super::say;
use crate::bench::CONNECTIONS;
use crate::bench::cloud::Cloud;
use crate::bench::floor::Floor;
use crate::bench::ledger;
use crate::bench::load::{self, Plan, Requests, Tally};
use crate::bench::seed::Seed;
use crate::bench::service::{CloudAt, Counted, Service, Site};
use crate::bench::stats::{Milli, Spread};

/// Tenants, so that no list of one project is longer than one page.
const TENANTS: usize = 50;
/// Groups: more than events in the longest repetition, so that each event has a group of its own.
const GROUPS: usize = 30_000;
/// How long creates may take to be recorded after the last event was answered.
const DRAIN_MAX: Duration = Duration::from_secs(60);

/// How often, and how long each time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeat {
    /// One repetition, on each side.
    pub(super) during: Duration,
    /// How many.
    pub(super) times: usize,
}

/// What [`durable`] and [`whole`] found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// CPU per event over CPU per bare request.
    pub(super) ratio: Spread<Milli>,
    /// Syncs per event.
    pub(super) fsyncs: Spread<Milli>,
}

/// A service under load.
struct Bench {
    site: Site,
    groups: Vec<GroupKey>,
    service: Service,
    sent: u64,
}

/// What one load cost.
struct Cost {
    tally: Tally,
    cpu: Duration,
    counted: Counted,
}

impl Bench {
    async fn start(process: &Process, cloud: CloudAt) -> anyhow::Result<Self> {
        let site = Site::new(TENANTS)?;
        let seed = Seed::open(process, &site.store())?;
        let groups = seed.groups(&site.tenants(), GROUPS).await?;
        seed.close().await;
        let (service, _) = site.start(process, cloud).await?;
        let bench = Self {
            site,
            groups,
            service,
            sent: 0,
        };
        bench.service.quiet(process).await?;
        Ok(bench)
    }

    /// One event to each group in turn, for so long.
    async fn load(
        &mut self,
        process: &Process,
        name: &str,
        during: Duration,
        wait_bound: bool,
    ) -> anyhow::Result<Cost> {
        let events = self
            .groups
            .iter()
            .map(|key| self.site.event(key, name))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let plan = Plan {
            to: self.service.address,
            connections: CONNECTIONS,
            during,
            requests: Requests::Each(events.into()),
            status: 200,
        };
        let counted = self.service.counted().await?;
        let cpu = self.service.cpu()?;
        let tally = load::run(process, &plan).await?;
        self.sent += tally.answers;
        if wait_bound {
            self.bound(process).await?;
        }
        let cpu = self.service.cpu()?.saturating_sub(cpu);
        let counted = self.service.counted().await?.since(counted);
        Ok(Cost {
            tally,
            cpu,
            counted,
        })
    }

    /// Waits until the outcome of every create is in the ledger.
    async fn bound(&self, process: &Process) -> anyhow::Result<()> {
        let begun = process.clock.mono();
        loop {
            let held = ledger::read(&self.site.store())?;
            if held.bound >= self.sent {
                return Ok(());
            }
            let waited = process.clock.mono().saturating_since(begun);
            ensure!(
                waited < DRAIN_MAX,
                "of {} creates only {} are recorded",
                self.sent,
                held.bound
            );
            process.clock.sleep(Duration::from_millis(200)).await;
        }
    }

    /// Kills the service and compares what it had acknowledged with what its file holds.
    fn end(self) -> anyhow::Result<()> {
        self.service.kill()?;
        let held = ledger::read(&self.site.store())?;
        ensure!(
            held.verdicts == self.sent,
            "{} events were acknowledged, {} survived",
            self.sent,
            held.verdicts
        );
        say(format_args!(
            "after kill -9: all {} acknowledged events have their verdicts",
            self.sent
        ))
    }
}

/// G1 (a): the event is durable and answered. No cloud answers, so desired moves and nothing is issued.
pub(super) async fn durable(
    process: &Process,
    floor: &Floor,
    repeat: Repeat,
) -> anyhow::Result<Found> {
    say("G1 (a), G6: one event to each group; no cloud, so nothing is issued")?;
    let mut bench = Bench::start(process, CloudAt::Nowhere).await?;
    let found = compare(process, floor, &mut bench, repeat, false).await?;
    bench.end()?;
    Ok(found)
}

/// G1 (b): the event led to a create call, and the call's outcome is in the ledger.
pub(super) async fn whole(
    process: &Process,
    floor: &Floor,
    repeat: Repeat,
) -> anyhow::Result<Found> {
    say(
        "G1 (b): one event to each group, each makes one server; cloudsim answers at once, from a process of its own",
    )?;
    let cloud = Cloud::anywhere()?;
    let mut bench = Bench::start(process, CloudAt::Here(cloud.address)).await?;
    // Every tenant signs in once; after that its token is steady.
    bench
        .load(process, "sign-in", Duration::from_millis(300), true)
        .await?;
    let found = compare(process, floor, &mut bench, repeat, true).await?;
    let (created, cpu) = (cloud.created().await?, cloud.cpu()?);
    ensure!(
        created == bench.sent,
        "{} events made {created} servers",
        bench.sent
    );
    say(format_args!(
        "the cloud made {created} servers, one create each, with {} ms of its own CPU",
        cpu.as_millis()
    ))?;
    bench.end()?;
    Ok(found)
}

/// G6 alone: syncs per event under load.
pub(super) async fn saturated(
    process: &Process,
    during: Duration,
) -> anyhow::Result<Spread<Milli>> {
    say("G6: one event to each group, 64 connections")?;
    let mut bench = Bench::start(process, CloudAt::Nowhere).await?;
    let cost = bench.load(process, "g6", during, false).await?;
    bench.end()?;
    let fsyncs = Milli::ratio(cost.counted.fsyncs.into(), cost.tally.answers.into());
    Spread::of(vec![fsyncs]).context("no repetition")
}

async fn compare(
    process: &Process,
    floor: &Floor,
    bench: &mut Bench,
    repeat: Repeat,
    whole: bool,
) -> anyhow::Result<Found> {
    let (mut ratios, mut fsyncs) = (Vec::new(), Vec::new());
    for turn in 0..repeat.times {
        let (bare_cpu, bare) = floor.load(process, repeat.during, floor.event()).await?;
        let cost = bench
            .load(process, &format!("turn-{turn}"), repeat.during, whole)
            .await?;
        let events = u128::from(cost.tally.answers);
        let ratio = Milli::ratio(
            cost.cpu.as_micros() * u128::from(bare.answers),
            bare_cpu.as_micros() * events,
        );
        let synced = Milli::ratio(cost.counted.fsyncs.into(), events);
        say(format_args!(
            "  {turn}: floor {} us CPU each ({} at {}/s); holt {} us CPU each ({} at {}/s, p50 {} us, p99 {} us), {} syncs, {} round trips each; ratio {ratio}",
            Milli::micros_each(bare_cpu, bare.answers),
            bare.answers,
            bare.per_second(),
            Milli::micros_each(cost.cpu, cost.tally.answers),
            cost.tally.answers,
            cost.tally.per_second(),
            cost.tally.latency_us(50),
            cost.tally.latency_us(99),
            synced,
            Milli::ratio(cost.counted.round_trips.into(), events),
        ))?;
        ratios.push(ratio);
        fsyncs.push(synced);
    }
    Ok(Found {
        ratio: Spread::of(ratios).context("no repetition")?,
        fsyncs: Spread::of(fsyncs).context("no repetition")?,
    })
}
