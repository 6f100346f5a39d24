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
    /// CPU of all passes over groups that were not in memory.
    pub(super) asleep: Milli,
    /// Their time, medians: shown only, since it is at the mercy of what the kernel has of either file.
    asleep_clock: Milli,
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
    /// CPU of passes over groups asleep, and awake.
    used: [Duration; 2],
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
            used: [Duration::ZERO; 2],
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
        let used = (self.cpu)()?.saturating_sub(cpu);
        let is_first = number < self.first();
        let [asleep, awake] = &mut self.used;
        if is_first {
            *asleep += used;
            self.asleep.push(took);
        } else {
            *awake += used;
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
    let [few, many] = sides.map(Side::said);
    let (few, many) = (few?, many?);
    let over = |of: fn(&Said) -> u128| Milli::ratio(of(&many), of(&few));
    Ok(Found {
        cpu: over(|said| said.used[1].as_micros()),
        clock: over(|said| said.awake.median),
        asleep: over(|said| said.used[0].as_micros()),
        asleep_clock: over(|said| said.asleep.median),
        us: [
            u64::try_from(few.awake.median)?,
            u64::try_from(many.awake.median)?,
        ],
    })
}

/// What one side's passes took, in microseconds, and their CPU.
struct Said {
    awake: Spread<u128>,
    asleep: Spread<u128>,
    used: [Duration; 2],
}

impl Side<'_> {
    /// Adds it up, and says it.
    fn said(self) -> anyhow::Result<Said> {
        let spread = |of: Vec<Duration>| {
            let us = of.into_iter().map(|took| took.as_micros()).collect();
            Spread::<u128>::of(us).context("no pass")
        };
        let said = Said {
            awake: spread(self.awake)?,
            asleep: spread(self.asleep)?,
            used: self.used,
        };
        for (name, spread, cpu) in [
            ("asleep", &said.asleep, said.used[0]),
            ("awake", &said.awake, said.used[1]),
        ] {
            say(format_args!(
                "  {} groups: {CHANGED} of those {name} changed in {} us (min {}, max {} of {}), {} us CPU each time",
                self.count,
                spread.median,
                spread.min,
                spread.max,
                spread.count,
                cpu.as_micros() / spread.count as u128,
            ))?;
        }
        Ok(said)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cpu,
            clock,
            asleep,
            asleep_clock,
            us: [few, many],
        } = self;
        write!(
            f,
            "\"g10\":{cpu},\"g10_clock\":{clock},\"g10_asleep\":{asleep},\"g10_asleep_clock\":{asleep_clock},\"pass_us\":[{few},{many}]"
        )
    }
}
