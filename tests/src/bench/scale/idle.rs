//! G11: memory and CPU of a service whose groups do nothing, beside one that has none.
use std::fmt;
use std::time::Duration;

use chassis::Process;

use super::say;
use super::site::{Loaded, TENANTS};
use crate::bench::service::{CloudAt, Site};
use crate::bench::stats::Milli;

/// Between two full passes over all groups, by default; the one at the start is measured, and counted as so much a second.
const FULL_PASS: Duration = Duration::from_secs(900);

/// What idle groups cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Memory of one group, in bytes, rounded up.
    pub(super) bytes_each: u64,
    /// Of a core, in per cent, the full pass included.
    pub(super) percent: Milli,
    resting: Milli,
    pass: Duration,
}

/// A service at rest.
struct Rest {
    resident_kib: u64,
    /// From the start until it was quiet.
    started: Duration,
    /// While it rested.
    rested: Duration,
    awake: u64,
}

pub(super) async fn measure(
    process: &Process,
    large: &Loaded,
    rest: Duration,
) -> anyhow::Result<Found> {
    let empty = Site::new(TENANTS)?;
    let without = at_rest(process, &empty, rest).await?;
    let with = at_rest(process, &large.site, rest).await?;
    for (name, one) in [("none", &without), ("all", &with)] {
        say(format_args!(
            "  {name}: {} KiB, {} groups in memory; {} ms CPU until quiet, {} ms in {} s of rest",
            one.resident_kib,
            one.awake,
            one.started.as_millis(),
            one.rested.as_millis(),
            rest.as_secs()
        ))?;
    }
    let grown = with.resident_kib.saturating_sub(without.resident_kib) * 1024;
    let pass = with.started.saturating_sub(without.started);
    let percent =
        |part: Duration, whole: Duration| Milli::ratio(part.as_micros() * 100, whole.as_micros());
    let resting = percent(with.rested, rest);
    Ok(Found {
        bytes_each: grown.div_ceil(u64::try_from(large.count)?),
        percent: Milli(resting.0 + percent(pass, FULL_PASS).0),
        resting,
        pass,
    })
}

async fn at_rest(process: &Process, site: &Site, rest: Duration) -> anyhow::Result<Rest> {
    let (service, _) = site.start(process, CloudAt::Nowhere).await?;
    service.quiet(process).await?;
    let started = service.cpu()?;
    process.clock.sleep(rest).await;
    let found = Rest {
        resident_kib: service.resident_kib()?,
        started,
        rested: service.cpu()?.saturating_sub(started),
        awake: service.metric("supervisor_groups").await?,
    };
    service.kill()?;
    Ok(found)
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            bytes_each,
            percent,
            resting,
            pass,
        } = self;
        let pass = pass.as_millis();
        write!(
            f,
            "\"g11_bytes_each\":{bytes_each},\"g11_percent\":{percent},\"resting_percent\":{resting},\"full_pass_cpu_ms\":{pass}"
        )
    }
}
