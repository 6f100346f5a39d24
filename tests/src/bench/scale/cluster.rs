//! The same on a cluster: supervisors as processes of their own, with an api beside them. A cluster's bytes cannot be read in order from here, so a
//! start is given by itself; what is added is two supervisors that die and come back.
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::{Mono, Process};
use domain::ids::GroupKey;
use domain::member::SHARDS;
use store::group::Level;

use super::passes::{self, Side};
use super::site::{TENANTS, asked, lot};
use super::{Extent, FEW, bar, judge, say};
use crate::bench::bulk;
use crate::bench::exchange::Connection;
use crate::bench::fleet::{Colo, Keyspace, Place, Role, within};
use crate::bench::stats::{Milli, Spread};

/// Groups in the making at a time: more only wait at the nodes.
const AT_ONCE: usize = 128;
/// A process that is not quiet after this has failed: it reads every group once, at its start.
const QUIET_MAX: Duration = Duration::from_secs(3600);
/// Fewer requests to the cluster in a second are those of the clock alone: leases, switches, timers, hints. A walk makes hundreds.
const QUIET: u64 = 100;
/// After a restart all shards have an owner within this (issue).
const OWNED_MAX_MS: u64 = 15_000;
/// A start or a restart that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(120);
const SECOND: Duration = Duration::from_secs(1);

/// A keyspace with groups, and an api for it.
struct Loaded {
    colo: Colo,
    api: Role,
    supervisors: Vec<[SocketAddr; 2]>,
    groups: Vec<GroupKey>,
    count: usize,
    took: Duration,
}

impl Loaded {
    async fn make(process: &Process, keyspace: &Keyspace, count: usize) -> anyhow::Result<Self> {
        let colo = Colo::new(keyspace, TENANTS)?;
        let store = keyspace.open(process).await?;
        let stores = store.stores();
        let begun = process.clock.mono();
        let loaded = bulk::load(process, &stores, &lot(count, AT_ONCE)?).await?;
        let took = since(process, begun);
        say(format_args!(
            "  {count} groups loaded in {} ms",
            took.as_millis()
        ))?;
        let groups = asked(&colo.site, loaded);
        if let Some(key) = groups.first() {
            let read = stores.groups.read(key, Level::Serial).await?;
            ensure!(
                read.is_some_and(|group| group.rests()),
                "{key:?} is not as loaded"
            );
        }
        let mut api = colo.api()?;
        colo.ready(process, &mut api).await?;
        Ok(Self {
            supervisors: vec![Colo::addresses()?, Colo::addresses()?],
            colo,
            api,
            groups,
            count,
            took,
        })
    }

    async fn supervisor(&self, process: &Process, number: usize) -> anyhow::Result<Role> {
        let mut one = self.colo.supervisor(self.supervisors[number])?;
        self.colo.ready(process, &mut one).await?;
        Ok(one)
    }

    fn side<'a>(&'a self, supervisor: &'a Role) -> Side<'a> {
        let of = (&self.colo.site, self.groups.as_slice(), self.count);
        let cpu = || Ok(supervisor.cpu()? + self.api.cpu()?);
        Side::new(of, self.api.address, cpu)
    }

    /// Asks the first group of every tenant until each is decided by an owner. `name` is new.
    async fn all_decide(&self, process: &Process, name: &str) -> anyhow::Result<()> {
        let begun = process.clock.mono();
        for (n, key) in self.groups.iter().take(TENANTS).enumerate() {
            let event = self.colo.site.event(key, &format!("{name}-{n}"))?;
            // 202: nobody owns it yet, and it waits; the same event again asks what became of it.
            while self.ask(&event).await != Some(200) {
                ensure!(since(process, begun) < START_MAX, "{key:?} has no owner");
                process.clock.sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    async fn ask(&self, event: &[u8]) -> Option<u16> {
        let mut client = Connection::open(self.api.address).await.ok()?;
        Some(client.ask(event).await.ok()?.status)
    }
}

fn since(process: &Process, begun: Mono) -> Duration {
    process.clock.mono().saturating_since(begun)
}

/// Waits until a supervisor has looked at all groups; how much CPU that took.
async fn quiet(process: &Process, role: &Role) -> anyhow::Result<Duration> {
    let begun = process.clock.mono();
    let asked = async || role.metric("store_driver_requests_total").await;
    loop {
        let before = asked().await?;
        process.clock.sleep(SECOND).await;
        if asked().await? - before < QUIET {
            return role.cpu();
        }
        ensure!(
            since(process, begun) < QUIET_MAX,
            "a supervisor does not come to rest"
        );
    }
}

/// What a supervisor weighs and uses at rest, started alone.
struct Rest {
    resident_kib: u64,
    pass: Duration,
    rested: Duration,
    role: Role,
}

async fn at_rest(process: &Process, on: &Loaded, rest: Duration) -> anyhow::Result<Rest> {
    let role = on.supervisor(process, 0).await?;
    let pass = quiet(process, &role).await?;
    let before = role.cpu()?;
    process.clock.sleep(rest).await;
    let found = Rest {
        resident_kib: role.resident_kib()?,
        pass,
        rested: role.cpu()?.saturating_sub(before),
        role,
    };
    say(format_args!(
        "  {} groups: {} KiB, {} in memory; {} ms CPU until quiet, {} ms in {} s of rest",
        on.count,
        found.resident_kib,
        found.role.metric("supervisor_groups").await?,
        pass.as_millis(),
        found.rested.as_millis(),
        rest.as_secs()
    ))?;
    Ok(found)
}

/// Starts a supervisor alone and says how long it took until an event to a group that slept was decided.
async fn first_reaction(process: &Process, on: &Loaded, turn: usize) -> anyhow::Result<Duration> {
    let begun = process.clock.mono();
    let role = on.supervisor(process, 0).await?;
    let key = on
        .groups
        .get(TENANTS + turn)
        .context("a group for each start")?;
    let event = on.colo.site.event(key, "first-reaction")?;
    while on.ask(&event).await != Some(200) {
        ensure!(since(process, begun) < START_MAX, "no reaction");
        process.clock.sleep(Duration::from_millis(10)).await;
    }
    let took = since(process, begun);
    role.stop(process).await?;
    Ok(took)
}

/// Kills two supervisors at once and starts both again; until all shards have an owner, and an event to every tenant is decided.
async fn restart(process: &Process, on: &Loaded) -> anyhow::Result<[Duration; 2]> {
    let roles = [
        on.supervisor(process, 0).await?,
        on.supervisor(process, 1).await?,
    ];
    on.all_decide(process, "before").await?;
    for role in roles {
        role.kill()?;
    }
    let begun = process.clock.mono();
    let again = [
        on.colo.supervisor(on.supervisors[0])?,
        on.colo.supervisor(on.supervisors[1])?,
    ];
    loop {
        let mut owned = 0;
        for role in &again {
            // It does not answer from the first moment on.
            owned += role.metric("supervisor_shards").await.unwrap_or(0);
        }
        if owned == u64::from(SHARDS) {
            break;
        }
        ensure!(
            since(process, begun) < START_MAX,
            "{owned} shards are owned"
        );
        process.clock.sleep(Duration::from_millis(50)).await;
    }
    let owned = since(process, begun);
    on.all_decide(process, "after").await?;
    let decided = since(process, begun);
    for role in again {
        role.stop(process).await?;
    }
    Ok([owned, decided])
}

/// All figures. True if they are within their bars; the last line is JSON.
///
/// # Errors
/// When something does not start, answers wrongly, or the cluster does not answer.
pub async fn run(process: &Process, place: &Place, extent: Extent) -> anyhow::Result<bool> {
    say(format_args!("{} idle groups on a cluster", extent.groups))?;
    within(process, place, async |few| {
        let small = Loaded::make(process, few, FEW.min(extent.groups)).await?;
        within(process, place, async |many| {
            let large = Loaded::make(process, many, extent.groups).await?;
            measure(process, (&small, &large), extent).await
        })
        .await
    })
    .await
}

async fn measure(
    process: &Process,
    (small, large): (&Loaded, &Loaded),
    extent: Extent,
) -> anyhow::Result<bool> {
    let few = at_rest(process, small, extent.rest).await?;
    let many = at_rest(process, large, extent.rest).await?;
    let sides = [small.side(&few.role), large.side(&many.role)];
    let passes = passes::compare(process, sides, extent.passes).await?;
    let grown = many.resident_kib.saturating_sub(few.resident_kib) * 1024;
    let bytes_each = grown.div_ceil(u64::try_from(large.count)?);
    let percent = Milli::ratio(many.rested.as_micros() * 100, extent.rest.as_micros());
    let pass = many.pass.as_millis();
    for role in [few.role, many.role] {
        role.stop(process).await?;
    }
    let mut reactions = Vec::new();
    for turn in 0..extent.starts {
        reactions.push(first_reaction(process, large, turn).await?.as_millis());
    }
    let reaction = Spread::of(reactions).context("no start")?;
    let [owned, decided] = restart(process, large).await?;
    say(format_args!(
        "  start to first reaction: {} ms (min {}, max {} of {}); two supervisors killed and started: all shards owned after {} ms, all of {TENANTS} tenants' events decided after {} ms",
        reaction.median,
        reaction.min,
        reaction.max,
        reaction.count,
        owned.as_millis(),
        decided.as_millis()
    ))?;
    let owned = u64::try_from(owned.as_millis())?;
    let ok = [
        judge("g10", passes.cpu, bar::G10)?,
        judge("g10 by the clock", passes.clock, bar::G10)?,
        judge("g11 bytes of memory a group", bytes_each, bar::G11_BYTES)?,
        judge("all shards owned, ms", owned, OWNED_MAX_MS)?,
    ];
    let ok = ok.iter().all(|within| *within);
    say(format_args!(
        "{{\"store\":\"cassandra\",\"groups\":{},\"load_ms\":{},{passes},\"g11_bytes_each\":{bytes_each},\"resting_percent\":{percent},\"full_pass_cpu_ms\":{pass},\"start_ms\":{},\"owned_ms\":{owned},\"decided_ms\":{},\"ok\":{ok}}}",
        large.count,
        large.took.as_millis(),
        reaction.median,
        decided.as_millis()
    ))?;
    Ok(ok)
}
