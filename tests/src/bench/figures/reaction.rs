//! G3: from the first byte of an event to the first byte of its create at the cloud, one event at a time, over one sync of 256 bytes and one
//! loopback exchange, both measured between the events on the same disk.
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;

use super::say;
use crate::bench::cloud::Cloud;
use crate::bench::disk::Disk;
use crate::bench::exchange::Connection;
use crate::bench::floor::Floor;
use crate::bench::seed::Seed;
use crate::bench::service::{CloudAt, Site, free_port};
use crate::bench::stats::{Milli, Spread, quantile};
use crate::bench::tap::Tap;

/// Groups, asked in turn.
const GROUPS: usize = 100;
/// Between two events, so that the last one's outcome is recorded before the next one comes.
const REST: Duration = Duration::from_millis(15);
/// An event that leads to no create within this has failed.
const REACTION_MAX: Duration = Duration::from_secs(10);

pub(super) async fn measure(
    process: &Process,
    floor: &Floor,
    repetitions: usize,
) -> anyhow::Result<Spread<Milli>> {
    say("G3: one event at a time")?;
    let site = Site::new(1)?;
    let seed = Seed::open(process, &site.store())?;
    let groups = seed.groups(&site.tenants(), GROUPS).await?;
    seed.close().await;
    let behind = free_port()?;
    let tap = Tap::start(process, behind).await?;
    let cloud = Cloud::start(behind, Some(tap.address))?;
    let (service, _) = site.start(process, CloudAt::Here(cloud.address)).await?;
    service.quiet(process).await?;
    let mut client = Connection::open(service.address).await?;
    let mut bare = floor.connect().await?;
    let mut disk = Disk::create(site.folder())?;
    let mut ratios = Vec::new();
    // The first turn signs in and warms up; it does not count.
    for turn in 0..=repetitions {
        let (mut reactions, mut syncs, mut exchanges) = (Vec::new(), Vec::new(), Vec::new());
        for key in &groups {
            syncs.push(disk.sync(process)?);
            exchanges.push(floor.exchange(process, &mut bare).await?);
            let event = site.event(key, &format!("turn-{turn}"))?;
            let before = tap.count();
            let sent = process.clock.mono();
            let answer = client.ask(&event).await?;
            ensure!(
                answer.status == 200,
                "an event was answered {}",
                answer.status
            );
            let arrived = process
                .clock
                .timeout(REACTION_MAX, tap.create(before))
                .await;
            let arrived = arrived.context("an event led to no create")?;
            reactions.push(arrived.saturating_since(sent));
            process.clock.sleep(REST).await;
        }
        let (p50, p99) = (middle(&mut reactions, 50)?, middle(&mut reactions, 99)?);
        let (sync, exchange) = (middle(&mut syncs, 50)?, middle(&mut exchanges, 50)?);
        if turn > 0 {
            let ratio = Milli::ratio(p50.as_micros(), (sync + exchange).as_micros());
            say(format_args!(
                "  {turn}: reaction p50 {} us, p99 {} us; sync p50 {} us, exchange p50 {} us; N {}; ratio {ratio}",
                p50.as_micros(),
                p99.as_micros(),
                sync.as_micros(),
                exchange.as_micros(),
                reactions.len(),
            ))?;
            ratios.push(ratio);
        }
    }
    Spread::of(ratios).context("no repetition")
}

fn middle(values: &mut [Duration], percent: usize) -> anyhow::Result<Duration> {
    values.sort_unstable();
    quantile(values, percent).context("no value")
}
