//! Several callers at once, and `apply` on top.

use std::convert::Infallible;
use std::sync::Arc;

use domain::capacity::Size;
use domain::group::Group;
use domain::ids::{EventId, Fence};

use super::case::{Bench, Failure, Outcome, cases, holds, same};
use super::sample::{self, NOON};
use crate::apply::{self, Refused, View, apply};
use crate::group::{Committed, Guard, Level};

cases! {
    of_many_creates_at_once_one_wins
    of_many_commits_at_one_revision_one_wins
    of_many_verdicts_on_one_event_one_counts
    of_many_verdicts_on_one_event_in_bursts_of_others_one_counts
    racing_increments_lose_nothing
    apply_decides_again_when_its_cache_is_old
    apply_shows_decided_events_to_the_decision
    apply_commits_nothing_when_there_is_nothing_to_do
    apply_says_when_there_is_no_group
    apply_stops_when_a_newer_owner_has_the_group
    create_through_apply_says_when_the_id_is_taken
    a_read_while_others_commit_is_never_torn
}

const RACERS: u32 = 12;

async fn of_many_creates_at_once_one_wins(s: &Bench) -> Outcome {
    let key = s.key();
    let mut racers = Vec::new();
    for _ in 0..RACERS {
        let (groups, nonce) = (Arc::clone(&s.stores().groups), s.nonce());
        let group = Group::new(key.clone(), sample::config());
        racers.push(s.process.tasks.spawn("racer", async move {
            groups.create(&group, &sample::first(&group), nonce).await
        }));
    }
    same("winners", &winners(racers).await?, &1)
}

/// How many racers were applied.
async fn winners(
    racers: Vec<chassis::spawn::TaskHandle<Result<Committed, crate::Error>>>,
) -> Result<u32, Failure> {
    let mut count = 0;
    for racer in racers {
        let done = racer.join().await.map_err(|e| Failure(e.to_string()))??;
        count += u32::from(done == Committed::Applied);
    }
    Ok(count)
}

async fn of_many_commits_at_one_revision_one_wins(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let mut racers = Vec::new();
    for size in 0..RACERS {
        let (groups, nonce) = (Arc::clone(&s.stores().groups), s.nonce());
        let (key, change) = (group.key.clone(), sample::desired(&group, size));
        let guard = Guard {
            rev: group.rev,
            fence: group.fence,
        };
        racers.push(s.process.tasks.spawn("racer", async move {
            groups.commit(&key, guard, &change, nonce).await
        }));
    }
    same("winners", &winners(racers).await?, &1)?;
    let found = s.groups().read(&group.key, Level::Serial).await?;
    same("revision", &found.map(|g| g.rev), &Some(group.rev.next()))
}

async fn of_many_verdicts_on_one_event_one_counts(s: &Bench) -> Outcome {
    race_for_one_event(s, 0).await
}

async fn of_many_verdicts_on_one_event_in_bursts_of_others_one_counts(s: &Bench) -> Outcome {
    race_for_one_event(s, 20).await
}

/// Each racer has so many further events of its own, which it decides with the one that all have.
async fn race_for_one_event(s: &Bench, others: usize) -> Outcome {
    let group = s.group().await?;
    let event = s.event();
    let mut racers = Vec::new();
    for _ in 0..RACERS {
        let (groups, process) = (Arc::clone(&s.stores().groups), s.process.clone());
        let (key, event) = (group.key.clone(), event.clone());
        let others: Vec<EventId> = (0..others).map(|_| s.event()).collect();
        racers.push(s.process.tasks.spawn("racer", async move {
            let decide = |view: View<'_>| {
                if view.decided.contains(&event) {
                    return Ok::<_, Infallible>(None);
                }
                let mut change = sample::desired(view.group, view.group.state.desired.0 + 1);
                let events = others.iter().chain([&event]);
                change.verdicts = events
                    .map(|event| sample::verdict(event, view.group.rev, NOON))
                    .collect();
                Ok(Some(change))
            };
            apply(&process, &*groups, &key, Fence(0), None, decide).await
        }));
    }
    for racer in racers {
        let done = racer.join().await.map_err(|e| Failure(e.to_string()))?;
        done.map_err(|e| Failure(format!("apply: {e}")))?;
    }
    let found = s.groups().read(&group.key, Level::Serial).await?;
    let desired = found.map(|g| g.state.desired);
    same("desired", &desired, &Some(group.state.desired.offset(1)))
}

async fn racing_increments_lose_nothing(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let mut racers = Vec::new();
    for _ in 0..4 {
        let (groups, process) = (Arc::clone(&s.stores().groups), s.process.clone());
        let key = group.key.clone();
        racers.push(s.process.tasks.spawn("racer", async move {
            let (mut made, mut lost) = (0, 0);
            while made < 10 {
                let more = |view: View<'_>| {
                    let size = view.group.state.desired.0 + 1;
                    Ok::<_, Infallible>(Some(sample::desired(view.group, size)))
                };
                match apply(&process, &*groups, &key, Fence(0), None, more).await {
                    Ok(_) => made += 1,
                    // Nothing was written: on a slow cluster the others may win for as long as one attempt lasts, yet not for ever.
                    Err(Refused::Contended) if lost < 10 => lost += 1,
                    Err(refused) => return Err(refused),
                }
            }
            Ok::<_, Refused<Infallible>>(())
        }));
    }
    for racer in racers {
        let done = racer.join().await.map_err(|e| Failure(e.to_string()))?;
        done.map_err(|e| Failure(format!("apply: {e}")))?;
    }
    let found = s.groups().read(&group.key, Level::Serial).await?;
    let desired = found.map(|g| g.state.desired);
    same("desired", &desired, &Some(group.state.desired.offset(40)))
}

fn up(view: &View<'_>) -> Result<Option<domain::group::Change>, Infallible> {
    let size = view.group.state.desired.0 + 1;
    Ok(Some(sample::desired(view.group, size)))
}

async fn apply_decides_again_when_its_cache_is_old(s: &Bench) -> Outcome {
    let old = s.group().await?;
    let mut group = old.clone();
    let change = sample::desired(&group, 20);
    s.applied(&mut group, change).await?;
    let mut seen = Vec::new();
    let done = apply(
        &s.process,
        s.groups(),
        &group.key,
        Fence(0),
        Some(old),
        |v| {
            seen.push(v.group.state.desired);
            up(&v)
        },
    );
    let after = done.await.map_err(|e| Failure(e.to_string()))?;
    same(
        "desired that the decision saw",
        &seen,
        &vec![Size(1), Size(20)],
    )?;
    same("desired", &after.state.desired, &Size(21))?;
    s.reads_as(&after).await
}

async fn apply_shows_decided_events_to_the_decision(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let (old, new) = (s.event(), s.event());
    let mut change = sample::desired(&group, 3);
    change.verdicts = vec![sample::verdict(&old, group.rev, NOON)];
    s.applied(&mut group, change).await?;
    let asked: Vec<EventId> = vec![old.clone(), new.clone()];
    let decide = |view: View<'_>| {
        let mut change = sample::desired(view.group, 7);
        let open = asked.iter().filter(|id| !view.decided.contains(id));
        change.verdicts = open
            .map(|id| sample::verdict(id, view.group.rev, NOON))
            .collect();
        Ok::<_, Infallible>(Some(change))
    };
    let key = group.key.clone();
    let done = apply(&s.process, s.groups(), &key, Fence(0), Some(group), decide);
    let after = done.await.map_err(|e| Failure(e.to_string()))?;
    s.reads_as(&after).await?;
    let found = s.groups().verdict(&key, &new).await?;
    holds("the new event is decided", found.is_some())
}

async fn apply_commits_nothing_when_there_is_nothing_to_do(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let nothing = |_: View<'_>| Ok::<_, Infallible>(None);
    let done = apply(&s.process, s.groups(), &group.key, Fence(0), None, nothing);
    let after = done.await.map_err(|e| Failure(e.to_string()))?;
    same("group", &after, &group)?;
    s.reads_as(&group).await
}

async fn apply_says_when_there_is_no_group(s: &Bench) -> Outcome {
    let done = apply(&s.process, s.groups(), &s.key(), Fence(0), None, |v| up(&v)).await;
    holds("missing", matches!(done, Err(Refused::Missing)))?;
    let group = Group::new(s.key(), sample::config());
    let key = group.key.clone();
    let done = apply(&s.process, s.groups(), &key, Fence(0), Some(group), |v| {
        up(&v)
    })
    .await;
    holds(
        "missing with a cache",
        matches!(done, Err(Refused::Missing)),
    )
}

async fn apply_stops_when_a_newer_owner_has_the_group(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let old = group.clone();
    group.fence = Fence(9);
    let change = sample::desired(&group, 20);
    s.applied(&mut group, change).await?;
    let key = group.key.clone();
    let done = apply(&s.process, s.groups(), &key, Fence(8), Some(old), |v| {
        up(&v)
    })
    .await;
    holds("contended", matches!(done, Err(Refused::Contended)))?;
    s.reads_as(&group).await
}

async fn create_through_apply_says_when_the_id_is_taken(s: &Bench) -> Outcome {
    let fresh = Group::new(s.key(), sample::config());
    let first = sample::first(&fresh);
    let made = apply::create(&s.process, s.groups(), fresh.clone(), first.clone()).await;
    let made = made.map_err(|e| Failure(e.to_string()))?;
    s.reads_as(&made).await?;
    let again = apply::create(&s.process, s.groups(), fresh, first).await;
    holds(
        "taken",
        matches!(again, Err(Refused::Decision(apply::AlreadyExists))),
    )?;
    s.reads_as(&made).await
}

async fn a_read_while_others_commit_is_never_torn(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let (groups, key) = (Arc::clone(&s.stores().groups), group.key.clone());
    let reader = s.process.tasks.spawn("reader", async move {
        let mut found = Vec::new();
        for _ in 0..100 {
            found.extend(groups.read(&key, Level::Relaxed).await?);
            found.extend(groups.read(&key, Level::Serial).await?);
        }
        Ok::<_, crate::Error>(found)
    });
    for size in 2..40 {
        // Desired, generation and the number of slots move together: a read that sees them apart is torn.
        let mut change = sample::desired(&group, size);
        let mut config = group.config.clone();
        config.generation = u64::from(size);
        change.config = Some(config);
        let place = domain::slot::State::Active(sample::server(u128::from(size)));
        change.slots = vec![sample::slot(u128::from(size), place)];
        s.applied(&mut group, change).await?;
    }
    let found = reader.join().await.map_err(|e| Failure(e.to_string()))??;
    let whole = |g: &Group| {
        let size = g.state.desired.0;
        let slots = g.slots.census().active.0;
        g.config.generation == u64::from(size) && slots + 1 == size && g.rev.0 == u64::from(size)
    };
    holds("no read is torn", found.iter().all(whole))
}
