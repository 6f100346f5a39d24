//! What a cloud saw, second by second, from its own log.
use std::collections::BTreeMap;
use std::time::Duration;

use chassis::Process;

use crate::bench::cloud::Cloud;

/// Calls of one second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Second {
    pub(super) creates: u64,
    /// Creates, reads and lists.
    pub(super) calls: u64,
    /// Servers that came to be.
    pub(super) servers: u64,
}

/// Calls by second.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    zero_ms: u64,
    seconds: BTreeMap<u64, Second>,
}

impl Timeline {
    /// Watches a cloud for so long.
    pub(super) async fn watch(
        process: &Process,
        cloud: &Cloud,
        during: Duration,
    ) -> anyhow::Result<Self> {
        let mut timeline = Self {
            zero_ms: process.clock.unix_ms(),
            ..Self::default()
        };
        let end = process.clock.mono() + during;
        let (mut since, mut made) = (0, 0);
        while process.clock.mono() < end {
            process.clock.sleep(Duration::from_millis(500)).await;
            for seen in cloud.log(since).await? {
                since = seen.seq + 1;
                let second = timeline.at(seen.at_ms);
                let is_call = ["create", "list", "read"].contains(&seen.call.as_str());
                second.calls += u64::from(is_call);
                second.creates += u64::from(seen.is_create());
            }
            let now = cloud.servers().await?;
            timeline.at(process.clock.unix_ms()).servers += now - made;
            made = now;
        }
        Ok(timeline)
    }

    fn at(&mut self, at_ms: u64) -> &mut Second {
        let second = at_ms.saturating_sub(self.zero_ms) / 1_000;
        self.seconds.entry(second).or_default()
    }

    /// All of `from..to`.
    pub(super) fn sum(&self, from: u64, to: u64) -> Second {
        self.seconds
            .range(from..to)
            .fold(Second::default(), |sum, (_, second)| Second {
                creates: sum.creates + second.creates,
                calls: sum.calls + second.calls,
                servers: sum.servers + second.servers,
            })
    }
}
