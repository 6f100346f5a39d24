//! Loads on the service, each in turn with a load on the bare handler: what a request costs, in times of a bare one.
use std::time::Duration;

use anyhow::Context as _;
use chassis::Process;

use super::CONNECTIONS;
use super::floor::Floor;
use super::load::{self, Plan, Requests, Tally};
use super::service::Service;
use super::stats::{Milli, Spread};

/// One kind of request.
pub(super) struct Kind {
    /// Its name among the figures.
    pub(super) name: &'static str,
    /// What the bare handler is asked in its place.
    pub(super) bare: Requests,
    /// The only status that is right.
    pub(super) status: u16,
}

/// How often, and how long each time.
#[derive(Debug, Clone, Copy)]
pub struct Turns {
    /// Of one load.
    pub seconds: u64,
    /// Of each side.
    pub repetitions: usize,
}

/// What one kind cost, over all repetitions.
pub(super) struct Figure {
    /// Of the kind.
    pub(super) name: &'static str,
    /// CPU of one request, in times of a bare one.
    pub(super) ratio: Spread<Milli>,
    /// Latency, in the last repetition.
    pub(super) p50_us: u64,
    /// Latency, in the last repetition.
    pub(super) p99_us: u64,
    /// CPU of one request.
    pub(super) cpu_us: Milli,
}

impl Figure {
    /// For a person.
    pub(super) fn line(&self) -> String {
        let Self {
            name,
            ratio,
            p50_us,
            p99_us,
            cpu_us,
        } = self;
        format!("{name}: p50 {p50_us} us, p99 {p99_us} us, {cpu_us} us CPU; over bare: {ratio}")
    }

    /// As a member of the last line.
    pub(super) fn member(&self) -> String {
        let Self {
            name,
            ratio,
            p50_us,
            p99_us,
            cpu_us,
        } = self;
        let over = ratio.median;
        format!(
            "\"{name}\":{{\"p50_us\":{p50_us},\"p99_us\":{p99_us},\"cpu_us\":{cpu_us},\"over_bare\":{over}}}"
        )
    }
}

/// Bare requests and requests of one kind, in turn; `requests` is asked for those of each repetition.
pub(super) async fn compare(
    process: &Process,
    (floor, service): (&Floor, &Service),
    turns: Turns,
    requests: impl Fn(usize) -> anyhow::Result<Requests>,
    kind: &Kind,
) -> anyhow::Result<Figure> {
    let during = Duration::from_secs(turns.seconds);
    let (mut ratios, mut each, mut last) = (Vec::new(), Vec::new(), Tally::default());
    for turn in 0..turns.repetitions {
        let (bare_cpu, bare) = floor.load(process, during, kind.bare.clone()).await?;
        let plan = Plan {
            to: service.address,
            connections: CONNECTIONS,
            during,
            requests: requests(turn)?,
            status: kind.status,
        };
        let before = service.cpu()?;
        let tally = load::run(process, &plan).await?;
        let cpu = service.cpu()?.saturating_sub(before);
        ratios.push(Milli::ratio(
            cpu.as_micros() * u128::from(bare.answers),
            bare_cpu.as_micros() * u128::from(tally.answers),
        ));
        each.push(Milli::micros_each(cpu, tally.answers));
        last = tally;
    }
    Ok(Figure {
        name: kind.name,
        ratio: Spread::of(ratios).context("no repetition")?,
        p50_us: last.latency_us(50),
        p99_us: last.latency_us(99),
        cpu_us: Spread::of(each).context("no repetition")?.median,
    })
}
