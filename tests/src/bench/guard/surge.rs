//! The surge guard at work: every group asks for more at once, the colo is slowed to a tenth, and comes back by itself.
use std::time::Duration;

use anyhow::ensure;
use chassis::Process;

use super::watch::Timeline;
use super::{SHIPPED, decimal, permille};
use crate::bench::cloud::Cloud;
use crate::bench::exchange::Connection;
use crate::bench::figures::say;
use crate::bench::seed::Seed;
use crate::bench::service::{CloudAt, Conduct, Site};

const GROUPS: usize = 100;
const TENANTS: usize = 10;
/// More than the budget makes in the whole run.
const ASK: &str = r#"{"change":40}"#;
/// From when on the slow rate is counted, and for how long.
const SLOW: (u64, u64) = (20, 80);
/// The cloud has done well for two minutes by then, and the rate is counted for so long.
const FREE: (u64, u64) = (160, 190);

/// One surge from its beginning to its end. True: it was slowed to about a tenth, and freed.
///
/// # Errors
/// Nothing was measured.
pub async fn run(process: &Process) -> anyhow::Result<bool> {
    let conduct = Conduct {
        supervisor: "surge_guard = true",
        ..SHIPPED
    };
    let site = Site::of(TENANTS, conduct)?;
    let seed = Seed::open(process, &site.store())?;
    let groups = seed.groups(&site.tenants(), GROUPS).await?;
    seed.close().await;
    let cloud = Cloud::anywhere()?;
    let (service, _) = site.start(process, CloudAt::Here(cloud.address)).await?;
    service.quiet(process).await?;
    let mut client = Connection::open(service.address).await?;
    for key in &groups {
        let answer = client.ask(&site.ask(key, "surge", ASK)?).await?;
        ensure!(answer.status == 200, "answered {}", answer.status);
    }
    let timeline = Timeline::watch(process, &cloud, Duration::from_secs(FREE.1)).await?;
    service.kill()?;
    let rate = |(from, to): (u64, u64)| permille(timeline.sum(from, to).creates, to - from);
    let (slow, free) = (rate(SLOW), rate(FREE));
    // A tenth of ten a second, and the whole of it.
    let ok = (700..=1_300).contains(&slow) && (9_000..=11_000).contains(&free);
    say(format_args!(
        "{GROUPS} of {GROUPS} groups ask for more at once: {} creates a second while the surge guard slows, {} after the cloud did well for two minutes",
        decimal(slow),
        decimal(free)
    ))?;
    say(format_args!(
        "{{\"ok\":{ok},\"slowed_per_s\":{},\"freed_per_s\":{}}}",
        decimal(slow),
        decimal(free)
    ))?;
    Ok(ok)
}
