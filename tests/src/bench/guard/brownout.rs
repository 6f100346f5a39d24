//! Bad days of a cloud: what Holt asks of it, beside a naive client and a fixed pace, each with a cloud of its own in the same conduct.
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use chassis::Process;
use cloudsim::{Call, Fault, Faults, Rate};
use futures_util::future::try_join_all;

use super::picture::{Panel, draw};
use super::watch::Timeline;
use super::{SHIPPED, clients, decimal, permille};
use crate::bench::cloud::Cloud;
use crate::bench::figures::say;
use crate::bench::seed::Seed;
use crate::bench::service::{CloudAt, Site};

/// Groups, and how many servers each wants: more than can be made in a run.
const GROUPS: usize = 1_000;
const WANTED: u32 = 12;
const TENANTS: usize = 50;
/// Requests that the healthy cloud executes in a second.
const CAPACITY: u32 = 40;
/// Until sign-ins are done and the rate is steady.
const WARM_UP: u64 = 30;
/// The healthy minutes that a bad day is compared with.
const HEALTHY: u64 = 30;
/// After the day has passed.
const AFTER: u64 = 75;
/// Full budget again within this (safety 4.3).
const RECOVERY_MAX: u64 = 60;

/// A kind of bad day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// A tenth of the capacity is left, and what is given up executes all the same.
    Capacity,
    /// Everything is answered 429 with Retry-After.
    Throttled,
    /// Nothing is answered.
    Hangs,
    /// Every second request is refused at random.
    Random,
}

/// What Holt came to on one day.
#[derive(Debug)]
struct Found {
    /// Creates, reads and lists while it was bad, over as many in healthy minutes; thousandths (G14).
    amplification: u64,
    /// Creates per server that came to be while it was bad; thousandths.
    per_server: u64,
    /// All calls per server that came to be while it was bad; thousandths.
    calls_per_server: u64,
    /// Whether creates per server lie within three standard deviations of 2.0: every second create is refused, whoever sends it, and a cost
    /// beyond chance would come from us.
    is_fair_coin: bool,
    /// Seconds from healthy to nine tenths of the healthy rate.
    recovery: Option<u64>,
    /// Most creates of any ten seconds after it, over ten seconds of budget; thousandths.
    overshoot: u64,
}

impl Day {
    const ALL: [Self; 4] = [Self::Capacity, Self::Throttled, Self::Hangs, Self::Random];

    const fn title(self) -> &'static str {
        match self {
            Self::Capacity => "Capacity falls to a tenth; what is given up executes all the same",
            Self::Throttled => "429 with Retry-After: 30",
            Self::Hangs => "Nothing is answered",
            Self::Random => "Every second request is refused (500) at random",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Throttled => "throttled",
            Self::Hangs => "hangs",
            Self::Random => "random",
        }
    }

    fn faults(self) -> Faults {
        let of_all = |fault: Fault, per_mille| {
            let calls = [Call::Create, Call::List, Call::Read, Call::Delete];
            let rates = calls.map(|call| Rate {
                per_mille,
                call: Some(call),
                fault: fault.clone(),
            });
            Faults {
                rates: rates.to_vec(),
                ..healthy()
            }
        };
        match self {
            Self::Capacity => Faults {
                capacity_per_s: Some(CAPACITY / 10),
                ..healthy()
            },
            Self::Throttled => of_all(
                Fault::Fail {
                    status: 429,
                    executed: false,
                    retry_after_s: Some(30),
                },
                1_000,
            ),
            Self::Hangs => of_all(Fault::Hang { executed: false }, 1_000),
            Self::Random => of_all(
                Fault::Fail {
                    status: 500,
                    executed: false,
                    retry_after_s: None,
                },
                500,
            ),
        }
    }

    /// Whether this day's own limits held (issue 4, G14, safety 4.3).
    fn holds(self, found: &Found) -> bool {
        let recovers =
            found.recovery.is_some_and(|s| s <= RECOVERY_MAX) && found.overshoot <= 1_100;
        match self {
            Self::Capacity => found.per_server <= 1_200 && recovers,
            Self::Throttled | Self::Hangs => found.amplification <= 100 && recovers,
            Self::Random => found.is_fair_coin && recovers,
        }
    }
}

fn healthy() -> Faults {
    Faults {
        capacity_per_s: Some(CAPACITY),
        ..Faults::default()
    }
}

/// Runs all days at once, each for `seconds`; the picture goes to `picture`. True: every limit held.
///
/// # Errors
/// Nothing was measured.
pub async fn run(
    process: &Process,
    seconds: u64,
    picture: Option<PathBuf>,
) -> anyhow::Result<bool> {
    say(format_args!(
        "{GROUPS} groups of {TENANTS} tenants want {WANTED} servers each; budgets as shipped (10 creates a second); a cloud of {CAPACITY} requests a second;\n\
         {WARM_UP} s warm-up, {HEALTHY} s healthy, {seconds} s bad, {AFTER} s after; every client has a cloud of its own"
    ))?;
    let days = try_join_all(Day::ALL.map(|day| pass(process, day, seconds))).await?;
    let mut ok = true;
    let mut json = Vec::new();
    let mut panels = Vec::new();
    for (day, panel) in days {
        say(format_args!("\n{}", day.title()))?;
        let bad = panel.bad;
        for (name, _, timeline) in &panel.lines {
            let found = judge(timeline, bad, panel.end);
            let (well, ill) = (timeline.sum(WARM_UP, bad.0), timeline.sum(bad.0, bad.1));
            say(format_args!(
                "  {name:<12} healthy {} creates/s; bad: {} creates, {} calls, {} servers: {} creates and {} calls a server, {} of healthy calls; full again after {}, most {} of budget",
                decimal(permille(well.creates, HEALTHY)),
                ill.creates,
                ill.calls,
                ill.servers,
                decimal(found.per_server),
                decimal(found.calls_per_server),
                decimal(found.amplification),
                found
                    .recovery
                    .map_or_else(|| "never".to_owned(), |s| format!("{s} s")),
                decimal(found.overshoot),
            ))?;
        }
        let found = judge(&panel.lines[0].2, bad, panel.end);
        let holds = day.holds(&found);
        ok &= holds;
        json.push(format!(
            "\"{}\":{{\"amplification\":{},\"creates_per_server\":{},\"calls_per_server\":{},\"recovery_s\":{},\"overshoot\":{},\"ok\":{holds}}}",
            day.word(),
            decimal(found.amplification),
            decimal(found.per_server),
            decimal(found.calls_per_server),
            found.recovery.map_or_else(|| "null".to_owned(), |s| s.to_string()),
            decimal(found.overshoot),
        ));
        panels.push(panel);
    }
    if let Some(path) = picture {
        std::fs::write(&path, draw(&panels)?)
            .with_context(|| format!("write {}", path.display()))?;
        say(format_args!("\nthe picture is in {}", path.display()))?;
    }
    say(format_args!("{{\"ok\":{ok},{}}}", json.join(",")))?;
    Ok(ok)
}

async fn pass(process: &Process, day: Day, seconds: u64) -> anyhow::Result<(Day, Panel)> {
    let site = Site::of(TENANTS, SHIPPED)?;
    let seed = Seed::open(process, &site.store())?;
    seed.wanting(&site.tenants(), GROUPS, WANTED).await?;
    seed.close().await;
    let clouds = [Cloud::anywhere()?, Cloud::anywhere()?, Cloud::anywhere()?];
    for cloud in &clouds {
        cloud.set_faults(&healthy()).await?;
    }
    let [for_holt, for_naive, for_paced] = &clouds;
    let (service, _) = site.start(process, CloudAt::Here(for_holt.address)).await?;
    let size = (GROUPS, TENANTS);
    let mut others = clients::start(process, for_naive, size, false).await?;
    others.extend(clients::start(process, for_paced, size, true).await?);
    let bad = (WARM_UP + HEALTHY, WARM_UP + HEALTHY + seconds);
    let end = bad.1 + AFTER;
    let weather = async {
        let clock = &process.clock;
        clock.sleep(Duration::from_secs(bad.0)).await;
        for cloud in &clouds {
            cloud.set_faults(&day.faults()).await?;
        }
        clock.sleep(Duration::from_secs(seconds)).await;
        for cloud in &clouds {
            cloud.set_faults(&healthy()).await?;
        }
        anyhow::Ok(())
    };
    let during = Duration::from_secs(end);
    let watch = |cloud| Timeline::watch(process, cloud, during);
    let ((), holt, naive, paced) =
        tokio::try_join!(weather, watch(for_holt), watch(for_naive), watch(for_paced))?;
    others.iter().for_each(chassis::spawn::TaskHandle::abort);
    service.kill()?;
    let panel = Panel {
        title: day.title(),
        bad,
        end,
        lines: vec![
            ("Holt", "#1a7f37", holt),
            ("naive client", "#cf222e", naive),
            ("fixed pace", "#0969da", paced),
        ],
    };
    Ok((day, panel))
}

fn judge(timeline: &Timeline, (from, to): (u64, u64), end: u64) -> Found {
    let well = timeline.sum(WARM_UP, from);
    let ill = timeline.sum(from, to);
    let full = well.creates * 5 * 9 / (HEALTHY * 10);
    let recovery = (to..end.saturating_sub(5))
        .find(|second| timeline.sum(*second, second + 5).creates >= full)
        .map(|second| second - to);
    let most = (to..end.saturating_sub(10))
        .map(|second| timeline.sum(second, second + 10).creates)
        .max();
    Found {
        amplification: permille(ill.calls * HEALTHY, well.calls * (to - from)),
        per_server: permille(ill.creates, ill.servers),
        calls_per_server: permille(ill.calls, ill.servers),
        is_fair_coin: ill.creates.saturating_sub(2 * ill.servers).pow(2) <= 9 * ill.creates,
        recovery,
        // The budget of ten seconds: ten a second.
        overshoot: permille(most.unwrap_or_default(), 100),
    }
}
