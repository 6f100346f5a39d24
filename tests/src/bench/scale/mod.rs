//! A million idle groups.
//!
//! What they cost at rest (G11), what a pass over a few of them costs (G10), how soon after a start the first of them reacts (G15), and on a
//! cluster how soon all shards are owned again.

mod cluster;
mod files;
mod idle;
mod passes;
mod site;
mod start;

use std::fmt::Display;
use std::time::Duration;

use chassis::Process;

use self::files::File;
use self::site::Loaded;
use super::figures::say;
use super::stats::Milli;

pub use self::cluster::run as cluster;

/// Groups of the store that a pass is compared with (performance.md, G10).
const FEW: usize = 1_000;

/// Upper bounds: the targets of performance.md; their goals are 1.1, 64 B and 0.1 %, 2 and 5 s.
mod bar {
    use super::Milli;

    pub(super) const G10: Milli = Milli(1_500);
    pub(super) const G11_BYTES: u64 = 256;
    /// Per cent of a core.
    pub(super) const G11_CPU: Milli = Milli(1_000);
    pub(super) const G15: Milli = Milli(5_000);
}

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Groups.
    pub groups: usize,
    /// How long the service rests before its memory is read.
    pub rest: Duration,
    /// Starts of each kind.
    pub starts: usize,
    /// Passes on each side.
    pub passes: usize,
}

/// The embedded store. True if every figure is within its bar; the last line is JSON.
///
/// # Errors
/// When something does not start, answers wrongly, or the cache of the disk cannot be emptied.
pub async fn embedded(process: &Process, extent: Extent) -> anyhow::Result<bool> {
    let Extent { groups, .. } = extent;
    say(format_args!("{groups} idle groups in the embedded store"))?;
    let large = Loaded::make(process, groups).await?;
    let file = File::of(&large)?;
    say(format_args!("  {file}"))?;
    let idle = idle::measure(process, &large, extent.rest).await?;
    let starts = start::measure(process, &large, extent.starts).await?;
    let small = Loaded::make(process, FEW.min(groups)).await?;
    let passes = passes::measure(process, (&small, &large), extent.passes).await?;
    let within = [
        judge("g10", passes.cpu, bar::G10)?,
        judge("g10 by the clock", passes.clock, bar::G10)?,
        judge("g10 of groups that slept", passes.asleep, bar::G10)?,
        judge(
            "g11 bytes of memory a group",
            idle.bytes_each,
            bar::G11_BYTES,
        )?,
        judge("g11 per cent of a core", idle.percent, bar::G11_CPU)?,
        judge("g15 warm", starts.warm.ratio, bar::G15)?,
        judge("g15 cold", starts.cold.ratio, bar::G15)?,
    ];
    let ok = within.iter().all(|within| *within);
    say(format_args!(
        "{{\"store\":\"embedded\",\"groups\":{groups},\"load_ms\":{},\"disk_bytes_each\":{},{passes},{idle},{starts},\"ok\":{ok}}}",
        large.took.as_millis(),
        file.bytes_each(),
    ))?;
    Ok(ok)
}

/// Says how a figure stands to its bar.
fn judge<T: Display + PartialOrd>(name: &str, figure: T, bar: T) -> anyhow::Result<bool> {
    let within = figure <= bar;
    let word = if within { "within" } else { "ABOVE" };
    say(format_args!("{name}: {figure}; {word} {bar}"))?;
    Ok(within)
}
