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

    /// Whether any shard of these, or of all, is this supervisor's.
    pub(crate) fn has_some(&self, of: Option<&BTreeSet<Shard>>) -> bool {
        match of {
            Some(shards) => shards.iter().any(|shard| self.has(*shard)),
            None => Shard::all().any(|shard| self.has(shard)),
        }
    }

    /// What is owned now, and how often that was interrupted; none: everything, always.
    pub(crate) fn own(&self) -> Option<(u64, Vec<Shard>)> {
        let watch = self.watch.as_ref()?;
        Some((watch.lapses(), watch.own_shards()))
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
    let mut seen = Seen::default();
    let (mut wanted, mut looking) = (BTreeSet::new(), None);
    loop {
        tokio::select! {
            biased;
            () = process.stop.requested() => return,
            () = watch.changed() => {}
            () = ended(&mut looking) => looking = None,
        }
        let lapses = watch.lapses();
        let now: BTreeSet<Shard> = watch.own_shards().into_iter().collect();
        let own = now.len();
        let (lost, gained) = seen.take(now, lapses);
        if !gained.is_empty() || lost > 0 {
            tracing::info!(own, gained = gained.len(), lost, "shards");
            gauge.set(i64::try_from(own).unwrap_or(i64::MAX));
        }
        if lost > 0 {
            owners.tell_all(|| Note::Offer);
            if gained.is_empty() {
                owners.seams().sweep.count_again();
            }
        }
        wanted.extend(gained);
        if looking.is_none() && !wanted.is_empty() {
            looking = Some(look(owners.clone(), std::mem::take(&mut wanted)));
        }
    }
}

/// What was owned at the last look.
#[derive(Default)]
struct Seen {
    own: BTreeSet<Shard>,
    /// How often the lease had lapsed by then.
    lapses: u64,
}

impl Seen {
    /// Takes in what is owned now: how many shards were lost since, and which were gained. After a lapse that is all of them, though none may seem
    /// to have changed hands: owners that looked in between took their groups for another's and went to sleep with what was due.
    fn take(&mut self, now: BTreeSet<Shard>, lapses: u64) -> (usize, BTreeSet<Shard>) {
        let lost = self.own.difference(&now).count();
        if self.lapses != lapses {
            self.lapses = lapses;
            self.own.clear();
        }
        let gained = now.difference(&self.own).copied().collect();
        self.own = now;
        (lost, gained)
    }
}

/// A look at the groups of shards that were gained.
type Look = Pin<Box<dyn Future<Output = ()> + Send>>;

/// First those that somebody marked; the rest may only have something open. It takes long in a large colo, and what changes hands meanwhile
/// is not to wait for it. How many groups there are now is counted with all of them, which takes longer still.
fn look(owners: Owners, gained: BTreeSet<Shard>) -> Look {
    Box::pin(async move {
        hints::look(&owners).await;
        let own = owners.seams().shards.own();
        if own.is_none_or(|(_, own)| own.iter().all(|shard| gained.contains(shard))) {
            sweep::walk(&owners, None).await;
        } else {
            sweep::walk(&owners, Some(&gained)).await;
            owners.seams().sweep.count_again();
        }
    })
}

/// Waits for the end of a look; without one, for ever.
async fn ended(looking: &mut Option<Look>) {
    match looking {
        Some(look) => look.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(from: usize, count: usize) -> BTreeSet<Shard> {
        Shard::all().skip(from).take(count).collect()
    }

    #[test]
    fn after_a_lapse_all_that_is_owned_is_gained_and_what_is_not_is_lost() {
        let mut seen = Seen::default();
        for (now, lapses, lost, gained) in [
            (shards(0, 4), 0, 0, shards(0, 4)),
            (shards(0, 4), 0, 0, shards(0, 0)),
            (shards(0, 4), 1, 0, shards(0, 4)),
            (shards(1, 4), 1, 1, shards(4, 1)),
            (shards(2, 4), 2, 1, shards(2, 4)),
            (shards(0, 0), 3, 4, shards(0, 0)),
            (shards(2, 4), 3, 0, shards(2, 4)),
        ] {
            assert_eq!(seen.take(now, lapses), (lost, gained));
        }
    }
}
