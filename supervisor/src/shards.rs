//! Which groups are this supervisor's business, and what happens when that changes: a shard that is lost is drained by each owner on its own
//! ([`crate::owner`]), the groups of one that is gained are woken.

use std::collections::BTreeSet;
use std::pin::Pin;

use domain::ids::{GroupKey, HomeEpoch};
use domain::member::Shard;
use store::home::Home;
use store::member::Watch;

use crate::owners::{Note, Owners};
use crate::{hints, sweep};

/// What this supervisor owns. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shards {
    /// None: it is the only one, or shares with nobody: all groups are its own.
    watch: Option<Watch>,
    /// What its control plane serves.
    home: Home,
}

impl Shards {
    pub(crate) const fn new(watch: Option<Watch>, home: Home) -> Self {
        Self { watch, home }
    }

    /// Whether a group is this supervisor's. Two may say so at once, for a moment; neither does harm by it.
    pub(crate) fn is_mine(&self, key: &GroupKey) -> bool {
        self.home.is_current(key.epoch) && self.has(Shard::of(key))
    }

    /// Whether a shard is this supervisor's.
    pub(crate) fn has(&self, shard: Shard) -> bool {
        self.watch.as_ref().is_none_or(|watch| watch.is_own(shard))
    }

    /// Whether it shares its groups with nobody.
    pub(crate) const fn are_all(&self) -> bool {
        self.watch.is_none()
    }

    /// The epoch of the groups that are served here.
    pub(crate) fn epoch(&self) -> Option<HomeEpoch> {
        self.home.epoch()
    }
}

/// Tells owners what was lost, and wakes the groups of what was gained, until the process stops.
pub(crate) async fn run(watch: Watch, owners: Owners) {
    let process = owners.seams().process.clone();
    let gauge = process.metrics.gauge(
        "supervisor_shards",
        "Shards of the colo that this supervisor owns.",
    );
    let mut own: BTreeSet<Shard> = BTreeSet::new();
    let (mut wanted, mut looking) = (BTreeSet::new(), None);
    loop {
        tokio::select! {
            biased;
            () = process.stop.requested() => return,
            () = watch.changed() => {}
            () = ended(&mut looking) => looking = None,
        }
        let now: BTreeSet<Shard> = watch.own_shards().into_iter().collect();
        let gained: BTreeSet<Shard> = now.difference(&own).copied().collect();
        let lost = own.difference(&now).count();
        if !gained.is_empty() || lost > 0 {
            tracing::info!(own = now.len(), gained = gained.len(), lost, "shards");
            gauge.set(i64::try_from(now.len()).unwrap_or(i64::MAX));
            own = now;
        }
        if lost > 0 {
            owners.tell_all(|| Note::Offer);
        }
        wanted.extend(gained);
        if looking.is_none() && !wanted.is_empty() {
            looking = Some(look(owners.clone(), std::mem::take(&mut wanted)));
        }
    }
}

/// A look at the groups of shards that were gained.
type Look = Pin<Box<dyn Future<Output = ()> + Send>>;

/// First those that somebody marked; the rest may only have something open. It takes long in a large colo, and what changes hands meanwhile
/// is not to wait for it.
fn look(owners: Owners, gained: BTreeSet<Shard>) -> Look {
    Box::pin(async move {
        hints::look(&owners).await;
        sweep::walk(&owners, Some(&gained)).await;
    })
}

/// Waits for the end of a look; without one, for ever.
async fn ended(looking: &mut Option<Look>) {
    match looking {
        Some(look) => look.await,
        None => std::future::pending().await,
    }
}
