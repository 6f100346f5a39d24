//! Carries groups over into the partitions of a new epoch, out of what can be seen of the ones before (safety 3.10). Old partitions are read and
//! never written. A carrying over that was cut off goes on where it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use chassis::Process;
use domain::group::{Adoption, Group};
use domain::home;
use domain::ids::{Fence, GroupId, GroupKey, HomeEpoch};
use domain::verdict::Verdict;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use store::apply::{self, Refused};
use store::group::{Before, Groups, Level};
use store::{Error, Stores};

use crate::now;

/// Groups that are carried over at once.
const AT_ONCE: usize = 16;
/// Groups read in one page.
const PAGE: u32 = 256;
/// Verdicts of one group that are brought over, the newest first: those of 25 h, of a group that decides an event every four seconds.
const VERDICTS_MAX: u32 = 25_000;
/// Verdicts in one commit (the batch bound of the store).
const BATCH: usize = 64;

/// There is no reason to refuse a copy.
#[derive(Debug)]
enum Never {}

/// Carries all groups over. `served` is the epoch that was served last: whoever did had carried all over. Gives how many there are.
///
/// # Errors
/// The store's, and that a group cannot be seen here: begin again.
pub(super) async fn all(
    process: &Process,
    stores: &Arc<Stores>,
    epoch: HomeEpoch,
    served: HomeEpoch,
) -> Result<u64, Error> {
    let (mut after, mut count) = (None, 0);
    loop {
        let page = stores.groups.all(after, PAGE).await?;
        // All homes of a group are on one page, in order.
        let before = page.items.into_iter().filter(|key| key.epoch < epoch);
        let mut groups: BTreeMap<GroupId, Vec<GroupKey>> = BTreeMap::new();
        before.for_each(|key| groups.entry(key.id).or_default().push(key));
        let carried = stream::iter(groups.into_values())
            .map(|homes| one(process, &*stores.groups, homes, (epoch, served)))
            .buffer_unordered(AT_ONCE)
            .try_fold(0, |sum, one| async move { Ok(sum + one) });
        count += carried.await?;
        after = page.next;
        if after.is_none() {
            return Ok(count);
        }
    }
}

/// What a group is carried out of: the newest of its partitions that is whole. Passed over are those that a takeover left half copied when it was
/// cut off, and those of which only the row in the list is there, which is written first. None: of the whole group there never was more than such a row.
///
/// # Errors
/// The store's, and that the group is somewhere and cannot be seen here: to leave it out, or to go back behind what was served, would lose it.
pub(super) async fn newest(
    groups: &dyn Groups,
    homes: &[GroupKey],
    served: HomeEpoch,
) -> Result<Option<Group>, Error> {
    // Nobody copies, or lists a second time, what is not there.
    let mut is_somewhere = homes.len() > 1;
    for key in homes.iter().rev() {
        // Without a ballot: the guard of that partition is another data centre's business.
        let found = groups.read(key, Level::Relaxed).await?;
        is_somewhere |= found.is_some();
        match found.filter(|group| group.state.adoption != Adoption::Copying) {
            Some(whole) => return Ok(Some(whole)),
            None if key.epoch == served => break,
            None => {}
        }
    }
    let Some(key) = homes.last() else {
        return Ok(None);
    };
    if is_somewhere {
        tracing::error!(group.id = %key.id, epoch = key.epoch.0, "no whole partition of the group is here: repair the keyspace");
        return Err(stuck("no whole partition of it is here"));
    }
    tracing::warn!(group.id = %key.id, epoch = key.epoch.0, "the group is on the list and was never made, or not replicated");
    Ok(None)
}

/// Carries one group over. Gives 1 if there is one.
async fn one(
    process: &Process,
    groups: &dyn Groups,
    homes: Vec<GroupKey>,
    (epoch, served): (HomeEpoch, HomeEpoch),
) -> Result<u64, Error> {
    let Some(source) = newest(groups, &homes, served).await? else {
        return Ok(0);
    };
    let target = GroupKey {
        epoch,
        ..source.key.clone()
    };
    let wall = now(process).wall;
    let there = match groups.read(&target, Level::Serial).await? {
        Some(there) => there,
        None => {
            let (group, first) = home::born(&source, epoch, wall);
            match apply::create(process, groups, group, first).await {
                Ok(made) => made,
                Err(Refused::Decision(_)) => groups
                    .read(&target, Level::Serial)
                    .await?
                    .ok_or_else(|| stuck("it is there and cannot be read"))?,
                Err(refused) => return Err(told(refused)),
            }
        }
    };
    if there.state.adoption != Adoption::Copying {
        return Ok(1);
    }
    let verdicts = groups
        .verdicts(&source.key, Before::default(), VERDICTS_MAX)
        .await?;
    // The oldest first: verdicts are shown in the order in which they were committed.
    for some in verdicts.rchunks(BATCH) {
        bring(process, groups, (&source, &target), some).await?;
    }
    loop {
        let copied = apply::apply(process, groups, &target, Fence(0), None, |view| {
            Ok::<_, Never>(home::rest(&source, view.group, wall))
        });
        let copied = copied.await.map_err(told)?;
        if copied.state.adoption != Adoption::Copying {
            return Ok(1);
        }
    }
}

/// Brings verdicts over that are not there yet.
async fn bring(
    process: &Process,
    groups: &dyn Groups,
    (source, target): (&Group, &GroupKey),
    verdicts: &[Verdict],
) -> Result<(), Error> {
    let wall = now(process).wall;
    let brought = apply::apply(process, groups, target, Fence(0), None, |view| {
        let missing = |verdict: &&Verdict| !view.decided.contains(&verdict.event);
        let missing: Vec<Verdict> = verdicts.iter().rev().filter(missing).cloned().collect();
        let change = home::decided(source, view.group, missing, wall);
        Ok::<_, Never>((!change.verdicts.is_empty()).then_some(change))
    });
    brought.await.map(drop).map_err(told)
}

fn stuck(why: &'static str) -> Error {
    Error::Unavailable(format!("a group could not be carried over: {why}").into())
}

fn told<E>(refused: Refused<E>) -> Error {
    match refused {
        Refused::Store(error) => error,
        other @ (Refused::Decision(_)
        | Refused::Missing
        | Refused::Unknown
        | Refused::Contended) => stuck(other.word()),
    }
}
