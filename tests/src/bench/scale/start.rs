//! G15: from the start of the service to the first create call at the cloud that an event to one of its groups caused, over one reading of the
//! store's file from front to back; with the file in the kernel's memory, and without.
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;

use super::files::File;
use super::say;
use super::site::Loaded;
use crate::bench::cloud::Cloud;
use crate::bench::exchange::Connection;
use crate::bench::service::{CloudAt, free_port};
use crate::bench::stats::{Milli, Spread};
use crate::bench::tap::Tap;

/// An event that leads to no create within this has failed.
const REACTION_MAX: Duration = Duration::from_secs(60);

/// Starts of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// To the first reaction, over reading the file; medians.
    pub(super) ratio: Milli,
    reaction_ms: u128,
    read_ms: u128,
}

/// Starts of both kinds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) warm: Kind,
    pub(super) cold: Kind,
}

/// Whether the kernel has the file in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cache {
    Warm,
    Cold,
}

pub(super) async fn measure(
    process: &Process,
    large: &Loaded,
    starts: usize,
) -> anyhow::Result<Found> {
    let behind = free_port()?;
    let tap = Tap::start(process, behind).await?;
    let cloud = Cloud::start(behind, Some(tap.address))?;
    let rig = Rig {
        large,
        tap,
        cloud,
        file: File::of(large)?,
    };
    Ok(Found {
        warm: rig.starts(process, Cache::Warm, starts).await?,
        cold: rig.starts(process, Cache::Cold, starts).await?,
    })
}

struct Rig<'a> {
    large: &'a Loaded,
    tap: Tap,
    cloud: Cloud,
    file: File,
}

impl Rig<'_> {
    async fn starts(&self, process: &Process, cache: Cache, count: usize) -> anyhow::Result<Kind> {
        let (mut reads, mut reactions) = (Vec::new(), Vec::new());
        for _ in 0..count {
            self.prepare(process, cache)?;
            let read = self.file.read(process)?;
            self.prepare(process, cache)?;
            let (ready, reaction) = self.start(process).await?;
            say(format_args!(
                "  {cache:?}: ready after {} ms, first reaction after {} ms; the file read in {} ms",
                ready.as_millis(),
                reaction.as_millis(),
                read.as_millis()
            ))?;
            reads.push(read.as_micros());
            reactions.push(reaction.as_micros());
        }
        let read = Spread::of(reads).context("no start")?.median;
        let reaction = Spread::of(reactions).context("no start")?.median;
        Ok(Kind {
            ratio: Milli::ratio(reaction, read),
            reaction_ms: reaction / 1_000,
            read_ms: read / 1_000,
        })
    }

    fn prepare(&self, process: &Process, cache: Cache) -> anyhow::Result<()> {
        match cache {
            Cache::Warm => self.file.read(process).map(drop),
            Cache::Cold => self.file.forget(),
        }
    }

    /// When it was ready, and when its first create came.
    async fn start(&self, process: &Process) -> anyhow::Result<(Duration, Duration)> {
        let (before, begun) = (self.tap.count(), process.clock.mono());
        let at = CloudAt::Here(self.cloud.address);
        let (service, ready) = self.large.site.start(process, at).await?;
        // A group that was not asked before: each start made one create.
        let key = self
            .large
            .groups
            .get(before)
            .context("a group for each start")?;
        let event = self.large.site.event(key, "first")?;
        let mut client = Connection::open(service.address).await?;
        let answer = client.ask(&event).await?;
        ensure!(
            answer.status == 200,
            "an event was answered {}",
            answer.status
        );
        let created = self.tap.create(before);
        let arrived = process.clock.timeout(REACTION_MAX, created).await;
        let arrived = arrived.context("an event led to no create")?;
        // Its outcome is to be in the ledger before the end.
        service.quiet(process).await?;
        service.kill()?;
        Ok((ready, arrived.saturating_since(begun)))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = |f: &mut fmt::Formatter<'_>, name, kind: &Kind| {
            let Kind {
                ratio,
                reaction_ms,
                read_ms,
            } = kind;
            write!(
                f,
                "\"g15_{name}\":{ratio},\"start_{name}_ms\":{reaction_ms},\"read_{name}_ms\":{read_ms}"
            )
        };
        kind(f, "warm", &self.warm)?;
        f.write_str(",")?;
        kind(f, "cold", &self.cold)
    }
}
