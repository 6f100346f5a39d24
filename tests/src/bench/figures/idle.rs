//! What an idle service weighs, and how long it takes to start.
use std::time::Duration;

use anyhow::Context as _;
use chassis::Process;

use super::say;
use crate::bench::service::{CloudAt, Site};
use crate::bench::stats::Spread;

/// Memory is read so long after the start.
const REST: Duration = Duration::from_secs(10);
/// Starts; each on a store of its own.
const STARTS: usize = 5;
/// Largest resident memory, in KiB.
const RESIDENT_KIB_MAX: u64 = 64 * 1024;
/// Longest start, in ms.
const START_MS_MAX: u128 = 1_000;

/// Starts on empty stores and rests. True if both figures are below their bars; the last line is JSON.
///
/// # Errors
/// When the service does not start.
pub async fn idle(process: &Process) -> anyhow::Result<bool> {
    let mut starts = Vec::new();
    for turn in 0..STARTS {
        let (service, took) = Site::new(1)?.start(process, CloudAt::Nowhere).await?;
        say(format_args!(
            "  {turn}: ready after {} ms",
            took.as_millis()
        ))?;
        starts.push(took.as_millis());
        service.kill()?;
    }
    let start = Spread::of(starts).context("no start")?;
    say(format_args!(
        "start: median {} min {} max {} ms of {}",
        start.median, start.min, start.max, start.count
    ))?;
    let site = Site::new(1)?;
    let (service, _) = site.start(process, CloudAt::Nowhere).await?;
    process.clock.sleep(REST).await;
    let resident = service.resident_kib()?;
    say(format_args!(
        "resident: {resident} KiB, {} s after the start",
        REST.as_secs()
    ))?;
    // Rounded up: what is not below the bar must not look so.
    say(format_args!(
        "{{\"rss_mib\":{},\"start_ms\":{}}}",
        resident.div_ceil(1024),
        start.median
    ))?;
    Ok(resident < RESIDENT_KIB_MAX && start.median < START_MS_MAX)
}
