//! The kill switch, thrown again and again while servers are being made: how long until the last call that changes the cloud has started.
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;
use rusqlite::Connection as Sqlite;

use super::SHIPPED;
use crate::bench::cloud::Cloud;
use crate::bench::figures::say;
use crate::bench::seed::Seed;
use crate::bench::service::{CloudAt, Conduct, Service, Site};

const GROUPS: usize = 1_000;
const WANTED: u32 = 50;
const TENANTS: usize = 50;
/// Wide enough that an eighth of it, with which a thaw begins, is five calls a second and more.
const BUDGETS: &str = r#"create = { rate = "60/s", burst = 5, at_once = 40 }"#;
/// The switch holds within this (design 7).
const LIMIT_MS: u64 = 5_000;
/// How long is looked for calls after a throw: longer than the limit.
const LOOK: Duration = Duration::from_secs(7);
/// Calls that change the cloud in the second before a throw, at least.
const BUSY: usize = 5;
/// Until servers are being made again after a switch was taken back.
const BUSY_WITHIN: Duration = Duration::from_secs(60);
/// One throw in so many breaks the glass while nothing can be written to the store.
const EACH_WITHOUT_STORE: usize = 5;

struct Stage<'a> {
    process: &'a Process,
    site: &'a Site,
    cloud: &'a Cloud,
    service: &'a Service,
    token: String,
}

/// Throws it `throws` times. True: the longest was within the limit.
///
/// # Errors
/// Nothing was measured.
pub async fn run(process: &Process, throws: usize) -> anyhow::Result<bool> {
    let site = Site::of(
        TENANTS,
        Conduct {
            budgets: BUDGETS,
            ..SHIPPED
        },
    )?;
    let seed = Seed::open(process, &site.store())?;
    seed.wanting(&site.tenants(), GROUPS, WANTED).await?;
    seed.close().await;
    let cloud = Cloud::anywhere()?;
    let (service, _) = site.start(process, CloudAt::Here(cloud.address)).await?;
    let token = site.token("staff", "operate")?;
    let stage = Stage {
        process,
        site: &site,
        cloud: &cloud,
        service: &service,
        token,
    };
    let (mut by_command, mut by_file) = (Vec::new(), Vec::new());
    for throw in 1..=throws {
        let before = stage.busy().await?;
        if throw % EACH_WITHOUT_STORE == 0 {
            let last_ms = stage.without_store().await?;
            say(format_args!(
                "  {throw}: break-glass file, store stopped: {before} calls in the second before, the last {last_ms} ms after"
            ))?;
            by_file.push(last_ms);
        } else {
            let last_ms = stage.by_command().await?;
            say(format_args!(
                "  {throw}: holt switch set: {before} calls in the second before, the last {last_ms} ms after the command began"
            ))?;
            by_command.push(last_ms);
        }
    }
    let most = |all: &[u64]| all.iter().copied().max().unwrap_or_default();
    let middle = |all: &mut Vec<u64>| {
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let (worst, worst_file) = (most(&by_command), most(&by_file));
    let ok = worst <= LIMIT_MS && worst_file <= LIMIT_MS;
    say(format_args!(
        "{{\"ok\":{ok},\"throws\":{throws},\"max_ms\":{worst},\"median_ms\":{},\"without_store\":{},\"without_store_max_ms\":{worst_file},\"limit_ms\":{LIMIT_MS}}}",
        middle(&mut by_command),
        by_file.len(),
    ))?;
    Ok(ok)
}

impl Stage<'_> {
    /// Arrival times of calls that change the cloud, from `since_ms` on.
    async fn changes(&self, since_ms: u64) -> anyhow::Result<Vec<u64>> {
        let log = self.cloud.log(0).await?;
        let changes = log
            .iter()
            .filter(|seen| ["create", "delete"].contains(&seen.call.as_str()));
        let times = changes.map(|seen| seen.at_ms);
        Ok(times.filter(|at| *at >= since_ms).collect())
    }

    /// Waits until enough is going on; says how much.
    async fn busy(&self) -> anyhow::Result<usize> {
        let clock = &self.process.clock;
        let end = clock.mono() + BUSY_WITHIN;
        loop {
            let count = self.changes(clock.unix_ms().saturating_sub(1_000)).await?;
            if count.len() >= BUSY {
                return Ok(count.len());
            }
            ensure!(clock.mono() < end, "no servers are being made");
            clock.sleep(Duration::from_millis(200)).await;
        }
    }

    fn switch(&self, words: &[&str]) -> anyhow::Result<()> {
        let url = format!("http://{}", self.service.address);
        let mut command = self.site.holt();
        command.arg("switch").args(words);
        command.args(["--url", &url, "--token", &self.token]);
        let done = command.output().context("holt switch")?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "holt switch: {said}");
        Ok(())
    }

    /// Milliseconds from `thrown_ms` to the last call that changed the cloud.
    async fn last(&self, thrown_ms: u64) -> anyhow::Result<u64> {
        self.process.clock.sleep(LOOK).await;
        let last = self.changes(thrown_ms).await?.into_iter().max();
        Ok(last.unwrap_or(thrown_ms) - thrown_ms)
    }

    async fn by_command(&self) -> anyhow::Result<u64> {
        let thrown_ms = self.process.clock.unix_ms();
        self.switch(&["set", "global", "freeze", "--why", "a bench"])?;
        let last = self.last(thrown_ms).await?;
        self.switch(&["clear", "global"])?;
        Ok(last)
    }

    /// Another process holds the store's file, so that nothing can be written, and the glass is broken in the same moment. When the store
    /// works again the file still stands, and no call may follow.
    async fn without_store(&self) -> anyhow::Result<u64> {
        let store = Sqlite::open(self.site.store())?;
        store.execute_batch("PRAGMA busy_timeout = 2000; BEGIN IMMEDIATE")?;
        let thrown_ms = self.process.clock.unix_ms();
        std::fs::write(self.site.break_glass(), "freeze global a bench\n")?;
        self.process.clock.sleep(LOOK).await;
        store.execute_batch("ROLLBACK")?;
        drop(store);
        let last = self.last(thrown_ms).await?;
        std::fs::remove_file(self.site.break_glass())?;
        Ok(last)
    }
}
