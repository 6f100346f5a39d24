//! G8: requests to the cloud per server of a scale-out, from the commit to the last create's answer, as the cloud's own log has them.
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;

use super::say;
use crate::bench::cloud::{Cloud, Seen};
use crate::bench::exchange::Connection;
use crate::bench::seed::Seed;
use crate::bench::service::{CloudAt, Site};
use crate::bench::stats::{Milli, Spread};

/// Servers asked for by one event.
const SIZES: [usize; 3] = [1, 10, 100];
/// How long the largest scale-out may take.
const SCALE_OUT_MAX: Duration = Duration::from_secs(30);

pub(super) async fn measure(
    process: &Process,
    repetitions: usize,
) -> anyhow::Result<Spread<Milli>> {
    say("G8: requests of one scale-out by k servers, lists left out (they are G9's)")?;
    let site = Site::new(1)?;
    let seed = Seed::open(process, &site.store())?;
    let groups = seed
        .groups(&site.tenants(), 1 + SIZES.len() * repetitions)
        .await?;
    seed.close().await;
    let cloud = Cloud::anywhere()?;
    let (service, _) = site.start(process, CloudAt::Here(cloud.address)).await?;
    service.quiet(process).await?;
    let mut client = Connection::open(service.address).await?;
    let mut found = Vec::new();
    // The first one signs in; the token is steady afterwards.
    let sizes = std::iter::once(1).chain(SIZES.into_iter().cycle());
    for (turn, (key, size)) in groups.iter().zip(sizes).enumerate() {
        let since = cloud.requests().await?;
        let event = site.ask(key, "g8", &format!("{{\"change\":{size}}}"))?;
        let answer = client.ask(&event).await?;
        ensure!(
            answer.status == 200,
            "an event was answered {}",
            answer.status
        );
        let requests = scale_out(process, &cloud, since, size).await?;
        if turn > 0 {
            let each = Milli::ratio(u128::try_from(requests)?, u128::try_from(size)?);
            say(format_args!(
                "  k = {size}: {requests} requests; {each} per server"
            ))?;
            found.push(each);
        }
        service.quiet(process).await?;
    }
    Spread::of(found).context("no repetition")
}

/// Waits for the answer to create number `size`; how many requests there were until then, lists left out.
async fn scale_out(
    process: &Process,
    cloud: &Cloud,
    since: u64,
    size: usize,
) -> anyhow::Result<usize> {
    let begun = process.clock.mono();
    loop {
        let log = cloud.log(since).await?;
        let answered = log
            .iter()
            .filter(|seen| seen.is_create() && seen.status.is_some())
            .count();
        if answered >= size {
            let last = log.iter().rposition(Seen::is_create).unwrap_or_default();
            return Ok(log[..=last]
                .iter()
                .filter(|seen| seen.call != "list")
                .count());
        }
        let waited = process.clock.mono().saturating_since(begun);
        ensure!(
            waited < SCALE_OUT_MAX,
            "of {size} creates only {answered} were answered"
        );
        process.clock.sleep(Duration::from_millis(20)).await;
    }
}
