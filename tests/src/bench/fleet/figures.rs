//! G5 on a cluster, and events a second: to distinct groups and to one, beside raw batches.
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chassis::Process;
use domain::ids::GroupKey;

use super::colo::{Colo, Keyspace, Place, Role};
use super::raw::Raw;
use super::{Extent, within};
use crate::bench::bulk::{self, Lot};
use crate::bench::exchange::Connection;
use crate::bench::figures::say;
use crate::bench::load::{self, Plan, Requests, Tally};
use crate::bench::stats::{Milli, Spread};

/// Tenants, all with tokens.
const TENANTS: usize = 50;
/// Groups, asked in turn: far more than are asked at a time.
const GROUPS: usize = 2_000;
/// Clients of both sides.
const CLIENTS: usize = 64;
/// Partitions of each raw client, so that both sides have as many.
const PARTITIONS: usize = GROUPS.div_ceil(CLIENTS);
/// Events to the hot group at a time: enough for a full commit in flight and more behind it.
const HOT: usize = 256;
/// Events of one load, at most, to distinct groups and to one.
const EVENTS: [usize; 2] = [100_000, 200_000];
/// Events one at a time whose requests are counted.
const COUNTED: u64 = 500;
/// How long the requests that the clock alone causes are counted.
const ALONE: Duration = Duration::from_secs(10);
/// How long the cluster is kept busy before anything is measured.
const WARM: Duration = Duration::from_secs(20);
/// After so many of these a fleet that nobody asks anything must be calm.
const CALM_WITHIN: usize = 30;

/// Bounds; the ratios must not be below theirs.
mod bar {
    use super::Milli;

    /// Requests of an event, those of the clock taken away as they came while nothing happened: 1, and a tenth for their coming and going.
    pub(super) const REQUESTS: Milli = Milli(1_100);
    pub(super) const DISTINCT: Milli = Milli(700);
    pub(super) const HOT: Milli = Milli(20_000);
}

/// All figures. True if they are within their bars; the last line is JSON.
///
/// # Errors
/// When something does not start, answers wrongly, or the cluster does not answer.
pub async fn run(process: &Process, place: &Place, extent: Extent) -> anyhow::Result<bool> {
    say(format_args!(
        "{} supervisors and an api, on {} contact points with {} copies",
        extent.supervisors,
        place.points.len(),
        place.copies
    ))?;
    within(process, place, async |keyspace| {
        measure(process, keyspace, extent).await
    })
    .await
}

/// Running processes, and groups for them.
struct Rig {
    colo: Colo,
    supervisors: Vec<Role>,
    api: Role,
    groups: Vec<GroupKey>,
}

impl Rig {
    async fn start(process: &Process, keyspace: &Keyspace, count: usize) -> anyhow::Result<Self> {
        let colo = Colo::new(keyspace, TENANTS)?;
        let store = keyspace.open(process).await?;
        let lot = Lot {
            tenants: colo.site.tenants(),
            count: GROUPS,
            at_once: CLIENTS,
            keep: GROUPS,
        };
        let groups = bulk::load(process, &store.stores(), &lot).await?;
        let mut supervisors = Vec::new();
        for _ in 0..count {
            supervisors.push(colo.supervisor(Colo::addresses()?)?);
        }
        for one in &mut supervisors {
            colo.ready(process, one).await?;
        }
        let mut api = colo.api()?;
        colo.ready(process, &mut api).await?;
        let rig = Self {
            colo,
            supervisors,
            api,
            groups,
        };
        // Every group in the memory of its owner, as one is that has servers.
        rig.load(
            process,
            &rig.events("first", GROUPS, &rig.groups)?,
            CLIENTS,
            ALONE * 6,
        )
        .await?;
        Ok(rig)
    }

    fn events(
        &self,
        name: &str,
        count: usize,
        groups: &[GroupKey],
    ) -> anyhow::Result<Arc<[Vec<u8>]>> {
        let asked = groups.iter().cycle().take(count).enumerate();
        let events = asked.map(|(n, key)| {
            let body = format!("{{\"desired\":{}}}", 1 + n / groups.len() % 9);
            self.colo.site.ask(key, &format!("{name}-{n}"), &body)
        });
        Ok(events.collect::<anyhow::Result<Vec<_>>>()?.into())
    }

    async fn load(
        &self,
        process: &Process,
        events: &Arc<[Vec<u8>]>,
        connections: usize,
        during: Duration,
    ) -> anyhow::Result<Tally> {
        let plan = Plan {
            to: self.api.address,
            connections,
            during,
            requests: Requests::Each(Arc::clone(events)),
            status: 200,
        };
        load::run(process, &plan).await
    }

    /// A metric, summed over all processes.
    async fn sum(&self, name: &str) -> anyhow::Result<u64> {
        let mut sum = 0;
        for role in self.supervisors.iter().chain([&self.api]) {
            sum += role.metric(name).await?;
        }
        Ok(sum)
    }

    /// Requests that the clock alone causes in [`ALONE`], once what the start left to do is done: they become no fewer.
    async fn alone(&self, process: &Process, name: &str) -> anyhow::Result<u64> {
        let mut last = u64::MAX;
        for _ in 0..CALM_WITHIN {
            let before = self.sum(name).await?;
            process.clock.sleep(ALONE).await;
            let alone = self.sum(name).await? - before;
            if alone >= last / 10 * 9 {
                return Ok(alone);
            }
            last = alone;
        }
        bail!("requests became fewer for {CALM_WITHIN} times {ALONE:?}, while nothing happened")
    }

    /// Requests of all processes for one event, sent one at a time; and how many of them were conditional batches.
    async fn requests(&self, process: &Process) -> anyhow::Result<[Milli; 2]> {
        let name = "store_driver_requests_total";
        let batches = "store_batches_total{outcome=\"applied\"}";
        let events = self.events("counted", usize::try_from(COUNTED)?, &self.groups[..1])?;
        let alone = self.alone(process, name).await?;
        let mut client = Connection::open(self.api.address).await?;
        let (before, decided) = (self.sum(name).await?, self.sum(batches).await?);
        let begun = process.clock.mono();
        for event in events.iter() {
            let answer = client.ask(event).await?;
            ensure!(answer.status == 200, "answered {}", answer.status);
        }
        let took = process.clock.mono().saturating_since(begun);
        let all = self.sum(name).await? - before;
        let by_clock = u128::from(alone) * took.as_micros() / ALONE.as_micros();
        let of_events = u128::from(all)
            .checked_sub(by_clock)
            .context("the clock alone caused more requests than there were")?;
        let found = [
            Milli::ratio(of_events, COUNTED.into()),
            Milli::ratio((self.sum(batches).await? - decided).into(), COUNTED.into()),
        ];
        say(format_args!(
            "G5: {COUNTED} events one at a time in {} ms: {all} requests, {by_clock} of them by the clock alone: {} an event, conditional batches {}; no event was queued, so no hint was written (a queued one costs one more)",
            took.as_millis(),
            found[0],
            found[1]
        ))?;
        Ok(found)
    }
}

/// Both sides of a comparison.
#[derive(Default)]
struct Sides {
    raw: Vec<u128>,
    holt: Vec<u128>,
    p99_us: Vec<u64>,
    ratios: Vec<Milli>,
}

impl Sides {
    fn note(&mut self, what: &str, raw: &Tally, holt: &Tally) -> anyhow::Result<()> {
        let ratio = Milli::ratio(holt.per_second(), raw.per_second());
        say(format_args!(
            "  {what}: raw {}/s, p50 {} us, p99 {} us; holt {}/s, p50 {} us, p99 {} us; ratio {ratio}",
            raw.per_second(),
            raw.latency_us(50),
            raw.latency_us(99),
            holt.per_second(),
            holt.latency_us(50),
            holt.latency_us(99),
        ))?;
        self.raw.push(raw.per_second());
        self.holt.push(holt.per_second());
        self.p99_us.push(holt.latency_us(99));
        self.ratios.push(ratio);
        Ok(())
    }

    fn member(self, name: &str) -> anyhow::Result<(Milli, String)> {
        let ratio = Spread::of(self.ratios).context("no repetition")?.median;
        let raw = Spread::of(self.raw).context("no repetition")?.median;
        let holt = Spread::of(self.holt).context("no repetition")?.median;
        let p99 = Spread::of(self.p99_us).context("no repetition")?.median;
        let text = format!(
            "\"{name}\":{{\"over_raw\":{ratio},\"raw_per_s\":{raw},\"holt_per_s\":{holt},\"p99_us\":{p99}}}"
        );
        Ok((ratio, text))
    }
}

async fn measure(process: &Process, keyspace: &Keyspace, extent: Extent) -> anyhow::Result<bool> {
    let raw = Arc::new(Raw::new(keyspace).await?);
    // Nodes that were just started are several times slower, and an event that waits for them too long is queued: nothing could be measured.
    raw.load(process, (CLIENTS, PARTITIONS), WARM).await?;
    let rig = Rig::start(process, keyspace, extent.supervisors).await?;
    let [requests, batches] = rig.requests(process).await?;
    let (mut distinct, mut hot) = (Sides::default(), Sides::default());
    for turn in 0..extent.repetitions {
        let events = rig.events(&format!("distinct-{turn}"), EVENTS[0], &rig.groups)?;
        let floor = raw
            .load(process, (CLIENTS, PARTITIONS), extent.during)
            .await?;
        let load = rig.load(process, &events, CLIENTS, extent.during).await?;
        distinct.note("distinct groups, 64 in flight", &floor, &load)?;
        let events = rig.events(&format!("hot-{turn}"), EVENTS[1], &rig.groups[..1])?;
        let floor = raw.load(process, (1, 1), extent.during).await?;
        let load = rig.load(process, &events, HOT, extent.during).await?;
        hot.note(
            "one hot group, 256 in flight; raw: one client",
            &floor,
            &load,
        )?;
    }
    let (distinct, of_distinct) = distinct.member("distinct")?;
    let (hot, of_hot) = hot.member("hot")?;
    let ok = requests <= bar::REQUESTS && distinct >= bar::DISTINCT && hot >= bar::HOT;
    for (name, figure, word, bar) in [
        ("g5 requests an event", requests, "at most", bar::REQUESTS),
        (
            "distinct groups over raw",
            distinct,
            "at least",
            bar::DISTINCT,
        ),
        ("hot group over raw", hot, "at least", bar::HOT),
    ] {
        say(format_args!("{name}: {figure}; to be {word} {bar}"))?;
    }
    say(format_args!(
        "{{\"g5\":{requests},\"batches_per_event\":{batches},{of_distinct},{of_hot},\"ok\":{ok}}}"
    ))?;
    Ok(ok)
}
