//! G5 and G7: what one event costs the store, counted by the store itself: round trips, and bytes for a large and a small group.
use anyhow::{Context as _, ensure};
use chassis::Process;
use domain::ids::GroupKey;

use super::say;
use crate::bench::exchange::Connection;
use crate::bench::seed::Seed;
use crate::bench::service::{CloudAt, Counted, Service, Site};
use crate::bench::stats::{Milli, Spread};

/// Events per group and repetition, one at a time.
const EVENTS: u64 = 200;
/// Servers of the large group.
const LARGE: usize = 1_000;

/// What was counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Round trips per event (G5).
    pub(super) round_trips: Spread<Milli>,
    /// Bytes per event of the large group over those of the small one (G7).
    pub(super) growth: Spread<Milli>,
}

pub(super) async fn measure(process: &Process, repetitions: usize) -> anyhow::Result<Found> {
    say(format_args!(
        "G5, G7: {EVENTS} events one at a time to a group of 1 server and to a group of {LARGE}"
    ))?;
    let site = Site::new(1)?;
    let seed = Seed::open(process, &site.store())?;
    let groups = seed.groups(&site.tenants(), 2).await?;
    let [small, large] = groups.as_slice() else {
        unreachable!("two were made")
    };
    seed.servers(small, 1).await?;
    seed.servers(large, LARGE).await?;
    seed.close().await;
    let (service, _) = site.start(process, CloudAt::Nowhere).await?;
    service.quiet(process).await?;
    let mut trips = Vec::new();
    let mut growth = Vec::new();
    for turn in 0..repetitions {
        let little = events(&site, &service, small, turn).await?;
        let much = events(&site, &service, large, turn).await?;
        let each = |bytes: u64| Milli::ratio(bytes.into(), EVENTS.into());
        let ratio = Milli::ratio(much.bytes_written.into(), little.bytes_written.into());
        let rows = Milli::ratio(much.row_bytes.into(), little.row_bytes.into());
        let trip = each(little.round_trips.max(much.round_trips));
        say(format_args!(
            "  {turn}: {trip} round trips each; {} and {} bytes each as pages, {} and {} as rows; ratio {ratio} (rows {rows})",
            each(little.bytes_written),
            each(much.bytes_written),
            each(little.row_bytes),
            each(much.row_bytes),
        ))?;
        trips.push(trip);
        growth.push(ratio.max(rows));
    }
    Ok(Found {
        round_trips: Spread::of(trips).context("no repetition")?,
        growth: Spread::of(growth).context("no repetition")?,
    })
}

async fn events(
    site: &Site,
    service: &Service,
    key: &GroupKey,
    turn: usize,
) -> anyhow::Result<Counted> {
    let mut client = Connection::open(service.address).await?;
    let mut before = Counted::default();
    // The first one only makes sure that the group is in memory.
    for number in 0..=EVENTS {
        let event = site.event(key, &format!("turn-{turn}-{number}"))?;
        let answer = client.ask(&event).await?;
        ensure!(
            answer.status == 200,
            "an event was answered {}",
            answer.status
        );
        if number == 0 {
            before = service.counted().await?;
        }
    }
    Ok(service.counted().await?.since(before))
}
