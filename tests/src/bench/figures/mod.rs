//! The figures by their names in performance.md, and the three programs that print them.
mod cloud_work;
mod cpu_per_event;
mod idle;
mod reaction;
mod store_work;

use std::fmt::Display;
use std::io::Write as _;
use std::time::Duration;

use chassis::Process;

use self::cpu_per_event::Repeat;
use super::floor::Floor;
use super::stats::{Milli, Spread};

pub use self::idle::idle;

/// Upper bounds: the targets of performance.md, in thousandths.
mod bar {
    use super::Milli;

    pub(super) const G1A: Milli = Milli(4_000);
    pub(super) const G1B: Milli = Milli(9_000);
    pub(super) const G3: Milli = Milli(3_000);
    pub(super) const G5: Milli = Milli(1_000);
    pub(super) const G6: Milli = Milli(100);
    pub(super) const G7: Milli = Milli(1_200);
    pub(super) const G8: Milli = Milli(1_000);
}

/// Everything, in at least five repetitions. True if every figure is within its bar; the last line is JSON.
///
/// # Errors
/// When something cannot be started, answers wrongly, or lost what it had acknowledged.
pub async fn core(process: &Process, seconds: u64, repetitions: usize) -> anyhow::Result<bool> {
    let floor = Floor::start()?;
    let repeat = Repeat {
        during: Duration::from_secs(seconds),
        times: repetitions,
    };
    let durable = cpu_per_event::durable(process, &floor, repeat).await?;
    let whole = cpu_per_event::whole(process, &floor, repeat).await?;
    let reaction = reaction::measure(process, &floor, repetitions).await?;
    let store = store_work::measure(process, repetitions).await?;
    let cloud = cloud_work::measure(process, repetitions).await?;
    let figures = [
        ("g1a", durable.ratio, bar::G1A),
        ("g1b", whole.ratio, bar::G1B),
        ("g3", reaction, bar::G3),
        ("g5", store.round_trips, bar::G5),
        ("g6", durable.fsyncs, bar::G6),
        ("g7", store.growth, bar::G7),
        ("g8", cloud, bar::G8),
    ];
    conclude(&figures)
}

/// Only what is counted and not timed (G5 to G8), quickly: what a build is judged by. True if every figure is within its bar.
///
/// # Errors
/// As [`core`].
pub async fn counts(process: &Process) -> anyhow::Result<bool> {
    let fsyncs = cpu_per_event::saturated(process, Duration::from_secs(2)).await?;
    let store = store_work::measure(process, 1).await?;
    let cloud = cloud_work::measure(process, 1).await?;
    let figures = [
        ("g5", store.round_trips, bar::G5),
        ("g6", fsyncs, bar::G6),
        ("g7", store.growth, bar::G7),
        ("g8", cloud, bar::G8),
    ];
    conclude(&figures)
}

fn conclude(figures: &[(&str, Spread<Milli>, Milli)]) -> anyhow::Result<bool> {
    say("")?;
    let mut within = true;
    for (name, spread, bar) in figures {
        let word = if spread.median <= *bar {
            "within"
        } else {
            "ABOVE"
        };
        within &= spread.median <= *bar;
        say(format_args!("{name}: {spread}; {word} {bar}"))?;
    }
    let pairs: Vec<_> = figures
        .iter()
        .map(|(name, spread, _)| format!("\"{name}\":{}", spread.median))
        .collect();
    say(format_args!("{{{}}}", pairs.join(",")))?;
    Ok(within)
}

/// One line on standard output, at once.
pub(super) fn say(line: impl Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}
