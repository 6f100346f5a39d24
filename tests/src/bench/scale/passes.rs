//! G10: a pass in which a hundred groups change, in a store of very many groups and in one of a thousand, in turn.
//!
//! A pass is a hundred events to a hundred groups, from the first one sent to the last one durable and answered. The same thousand groups are
//! asked on both sides: first each once, as they sleep, then again and again. No cloud answers: what is measured is the supervisor and the store.
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use chassis::Process;
use domain::ids::GroupKey;

use super::say;
use super::site::Loaded;
use crate::bench::load::{self, Plan, Requests};
use crate::bench::service::{CloudAt, Service, Site};
use crate::bench::stats::{Milli, Spread};

/// Groups that change in a pass (performance.md, G10).
const CHANGED: usize = 100;
/// Events at once.
const CONNECTIONS: usize = 20;
/// A pass that takes longer has failed.
const PASS_MAX: Duration = Duration::from_secs(60);

/// The large side over the small one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// CPU of all passes together.
    pub(super) cpu: Milli,
    /// Time of a pass, medians.
    pub(super) clock: Milli,
    /// Time of a pass over groups that were not in memory, medians.
    pub(super) asleep: Milli,
    us: [u64; 2],
}

/// Running processes with so many groups.
pub(super) struct Side<'a> {
    site: &'a Site,
    /// How many groups there are.
    count: usize,
    /// Those that are asked.
    groups: &'a [GroupKey],
    /// Where events go.
    address: SocketAddr,
    /// CPU of all that answers them, so far.
    cpu: Box<dyn Fn() -> anyhow::Result<Duration> + 'a>,
    asleep: Vec<Duration>,
    awake: Vec<Duration>,
    used: Duration,
}

impl<'a> Side<'a> {
    pub(super) fn new(
        (site, groups, count): (&'a Site, &'a [GroupKey], usize),
        address: SocketAddr,
        cpu: impl Fn() -> anyhow::Result<Duration> + 'a,
    ) -> Self {
        Self {
            site,
            count,
            groups,
            address,
            cpu: Box::new(cpu),
            asleep: Vec::new(),
            awake: Vec::new(),
            used: Duration::ZERO,
        }
    }

    /// Passes until every group was asked once.
    fn first(&self) -> usize {
        self.groups.len().div_ceil(CHANGED)
    }

    async fn pass(&mut self, process: &Process, number: usize) -> anyhow::Result<()> {
        let groups = self.groups.iter().cycle();
        let changed = groups.skip(number * CHANGED % self.groups.len());
        let changed: Vec<_> = changed.take(CHANGED.min(self.groups.len())).collect();
        // Another size each time, so that each event changes its group.
        let body = format!("{{\"desired\":{}}}", 1 + number / self.first() % 5);
        let site = self.site;
        let events = changed
            .into_iter()
            .map(|key| site.ask(key, &format!("pass-{number}"), &body));
        let events: Vec<_> = events.collect::<anyhow::Result<_>>()?;
        let plan = Plan {
            to: self.address,
            connections: CONNECTIONS,
            during: PASS_MAX,
            requests: Requests::Each(events.into()),
            status: 200,
        };
        let cpu = (self.cpu)()?;
        let took = load::run(process, &plan).await?.took;
        if number < self.first() {
            self.asleep.push(took);
        } else {
            self.used += (self.cpu)()?.saturating_sub(cpu);
            self.awake.push(took);
        }
        Ok(())
    }
}

/// The embedded store.
pub(super) async fn measure(
    process: &Process,
    (small, large): (&Loaded, &Loaded),
    passes: usize,
) -> anyhow::Result<Found> {
    let (few, _) = small.site.start(process, CloudAt::Nowhere).await?;
    let (many, _) = large.site.start(process, CloudAt::Nowhere).await?;
    few.quiet(process).await?;
    many.quiet(process).await?;
    compare(process, [side(small, &few), side(large, &many)], passes).await
}

fn side<'a>(loaded: &'a Loaded, service: &'a Service) -> Side<'a> {
    let of = (&loaded.site, loaded.groups.as_slice(), loaded.count);
    Side::new(of, service.address, || service.cpu())
}

/// Passes on both sides in turn, the small one first.
pub(super) async fn compare(
    process: &Process,
    mut sides: [Side<'_>; 2],
    passes: usize,
) -> anyhow::Result<Found> {
    let first = sides.iter().map(Side::first).max().unwrap_or(0);
    for number in 0..first + passes {
        for side in &mut sides {
            side.pass(process, number).await?;
        }
    }
    let [few, many] = sides.map(|side| {
        let said = |of: Vec<Duration>| {
            let us = of.into_iter().map(|took| took.as_micros()).collect();
            Spread::<u128>::of(us).context("no pass")
        };
        anyhow::Ok((said(side.awake)?, said(side.asleep)?, side.used, side.count))
    });
    let (few, many) = (few?, many?);
    for (awake, asleep, cpu, groups) in [&few, &many] {
        say(format_args!(
            "  {groups} groups: {CHANGED} changed in {} us (min {}, max {} of {}), asleep {} us (min {}, max {} of {}); {} us CPU a pass",
            awake.median,
            awake.min,
            awake.max,
            awake.count,
            asleep.median,
            asleep.min,
            asleep.max,
            asleep.count,
            cpu.as_micros() / awake.count as u128,
        ))?;
    }
    Ok(Found {
        cpu: Milli::ratio(many.2.as_micros(), few.2.as_micros()),
        clock: Milli::ratio(many.0.median, few.0.median),
        asleep: Milli::ratio(many.1.median, few.1.median),
        us: [u64::try_from(few.0.median)?, u64::try_from(many.0.median)?],
    })
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cpu,
            clock,
            asleep,
            us: [few, many],
        } = self;
        write!(
            f,
            "\"g10\":{cpu},\"g10_clock\":{clock},\"g10_asleep\":{asleep},\"pass_us\":[{few},{many}]"
        )
    }
}
