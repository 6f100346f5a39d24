//! What was acknowledged is there after a crash.

use domain::event::{Ask, Force};
use domain::group::Group;
use domain::ids::Rev;

use super::case::{Bench, Failure, Outcome, cases, same};
use super::sample::{self, NOON};
use crate::Stores;
use crate::group::{Committed, Conflict, Guard, Level};
use crate::record;

cases! {
    an_acknowledged_create_survives_a_crash
    an_acknowledged_commit_survives_a_crash
    every_part_of_a_commit_survives_a_crash
    a_verdict_still_refuses_its_event_after_a_crash
    the_chain_of_records_goes_on_after_a_crash
    launch_bodies_and_the_journal_survive_a_crash
}

async fn is_in(stores: &Stores, group: &Group) -> Outcome {
    let found = stores.groups.read(&group.key, Level::Serial).await?;
    same("after the crash", &found.as_ref(), &Some(group))
}

async fn an_acknowledged_create_survives_a_crash(s: &Bench) -> Outcome {
    let group = s.group().await?;
    is_in(&s.after_crash().await?, &group).await
}

async fn an_acknowledged_commit_survives_a_crash(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for size in 2..12 {
        let change = sample::desired(&group, size);
        s.applied(&mut group, change).await?;
    }
    is_in(&s.after_crash().await?, &group).await
}

async fn every_part_of_a_commit_survives_a_crash(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let event = s.event();
    let mut change = sample::desired(&group, 3);
    change.config = Some(sample::other_config());
    change.state = sample::full_state();
    change.slots = (1..)
        .zip(sample::every_place())
        .take(32)
        .map(|(id, state)| sample::slot(id, state))
        .collect();
    change.verdicts = vec![sample::verdict(&event, group.rev, NOON)];
    change.queued = vec![sample::event(&s.event(), Ask::Converge, Force::No)];
    let verdict = change.verdicts.first().cloned();
    s.applied(&mut group, change).await?;
    let stores = s.after_crash().await?;
    is_in(&stores, &group).await?;
    let found = stores.groups.verdict(&group.key, &event).await?;
    same("verdict", &found, &verdict)
}

async fn a_verdict_still_refuses_its_event_after_a_crash(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let event = s.event();
    let mut change = sample::desired(&group, 3);
    change.verdicts = vec![sample::verdict(&event, group.rev, NOON)];
    s.applied(&mut group, change).await?;
    let stores = s.after_crash().await?;
    let mut again = sample::desired(&group, 4);
    again.verdicts = vec![sample::verdict(&event, group.rev, NOON)];
    let guard = Guard {
        rev: group.rev,
        fence: group.fence,
    };
    let done = stores
        .groups
        .commit(&group.key, guard, &again, s.nonce())
        .await?;
    let refused = Committed::Conflict(Conflict::Decided(vec![event]));
    same("commit", &done, &refused)
}

async fn the_chain_of_records_goes_on_after_a_crash(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let change = sample::desired(&group, 3);
    s.applied(&mut group, change).await?;
    let stores = s.after_crash().await?;
    let guard = Guard {
        rev: group.rev,
        fence: group.fence,
    };
    let change = sample::desired(&group, 4);
    stores
        .groups
        .commit(&group.key, guard, &change, s.nonce())
        .await?;
    let mut found = stores
        .groups
        .records(&group.key, None, 100, Level::Serial)
        .await?;
    found.reverse();
    same("records", &found.len(), &3)?;
    record::verify(&found, Rev(1), record::GENESIS)
        .map(drop)
        .map_err(|broken| Failure(broken.to_string()))
}

async fn launch_bodies_and_the_journal_survive_a_crash(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let change = sample::desired(&group, 3);
    s.applied(&mut group, change).await?;
    let tenant = &group.key.tenant;
    let hash = s.stores().launches.put(tenant, b"body").await?;
    let records = s
        .groups()
        .records(&group.key, None, 100, Level::Serial)
        .await?;
    s.stores().journal.append(&group.key, &records).await?;
    let stores = s.after_crash().await?;
    let body = stores.launches.get(tenant, hash).await?;
    same("body", &body, &Some(b"body".to_vec()))?;
    let journal = stores.journal.read(&group.key, None, 100).await?;
    same("journal", &journal.len(), &2)
}
