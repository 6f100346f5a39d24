//! Creating and changing a group under its guard.

use domain::capacity::Size;
use domain::event::{Ask, Force};
use domain::group::Group;
use domain::ids::{Fence, GroupKey, HomeEpoch, Rev};

use super::case::{Bench, Failure, Outcome, cases, holds, same};
use super::sample::{self, NOON};
use crate::group::{Committed, Conflict, Guard, Level};

cases! {
    a_created_group_reads_back_as_it_was_written
    a_created_group_is_at_revision_one
    a_second_create_of_one_id_is_refused
    a_refused_create_changes_nothing
    one_id_under_two_tenants_is_two_groups
    one_id_in_two_homes_is_two_groups
    a_commit_raises_the_revision_by_one
    a_commit_reads_back_as_folded
    a_commit_at_an_old_revision_is_refused
    a_commit_at_a_future_revision_is_refused
    a_refused_commit_writes_nothing
    a_commit_to_no_group_is_missing
    a_commit_under_a_foreign_tenant_is_missing
    a_commit_keeps_the_fence_it_was_made_under
    a_commit_under_a_lower_fence_is_refused
    a_commit_under_an_equal_fence_is_applied
    a_commit_raises_the_fence_and_shuts_out_the_owner_before
    groups_have_revisions_of_their_own
    a_change_that_changes_nothing_is_still_a_commit
}

async fn a_created_group_reads_back_as_it_was_written(s: &Bench) -> Outcome {
    let group = s.group().await?;
    s.reads_as(&group).await
}

async fn a_created_group_is_at_revision_one(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let found = s.groups().read(&group.key, Level::Serial).await?;
    same("revision", &found.map(|g| g.rev), &Some(Rev(1)))
}

async fn a_second_create_of_one_id_is_refused(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let again = Group::new(group.key.clone(), sample::other_config());
    let done = s
        .groups()
        .create(&again, &sample::first(&again), s.nonce())
        .await?;
    same("create", &done, &Committed::Conflict(Conflict::Exists))
}

async fn a_refused_create_changes_nothing(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let again = Group::new(group.key.clone(), sample::other_config());
    s.groups()
        .create(&again, &sample::first(&again), s.nonce())
        .await?;
    s.reads_as(&group).await?;
    let records = s
        .groups()
        .records(&group.key, None, 10, Level::Serial)
        .await?;
    same("commit records", &records.len(), &1)
}

async fn one_id_under_two_tenants_is_two_groups(s: &Bench) -> Outcome {
    let mut one = s.group().await?;
    let other = GroupKey {
        tenant: s.tenant(),
        ..one.key.clone()
    };
    let other = s.group_at(other).await?;
    let change = sample::desired(&one, 9);
    s.applied(&mut one, change).await?;
    s.reads_as(&one).await?;
    s.reads_as(&other).await
}

async fn one_id_in_two_homes_is_two_groups(s: &Bench) -> Outcome {
    let mut one = s.group().await?;
    let other = GroupKey {
        epoch: HomeEpoch(2),
        ..one.key.clone()
    };
    let other = s.group_at(other).await?;
    let change = sample::desired(&one, 9);
    s.applied(&mut one, change).await?;
    s.reads_as(&one).await?;
    s.reads_as(&other).await
}

async fn a_commit_raises_the_revision_by_one(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for expected in 2..6 {
        let change = sample::desired(&group, 3);
        s.applied(&mut group, change).await?;
        let found = s.groups().read(&group.key, Level::Serial).await?;
        same("revision", &found.map(|g| g.rev), &Some(Rev(expected)))?;
    }
    Ok(())
}

async fn a_commit_reads_back_as_folded(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let event = s.event();
    let mut change = sample::desired(&group, 3);
    change.config = Some(sample::other_config());
    change.state = sample::full_state();
    change.slots = vec![
        sample::slot(1, domain::slot::State::Issued(sample::issue())),
        sample::slot(2, domain::slot::State::Active(sample::server(2))),
    ];
    change.verdicts = vec![sample::verdict(&event, group.rev, NOON)];
    change.queued = vec![sample::event(&s.event(), Ask::Converge, Force::No)];
    s.applied(&mut group, change.clone()).await?;
    s.reads_as(&group).await?;
    let verdict = s.groups().verdict(&group.key, &event).await?;
    same("verdict", &verdict.as_ref(), &change.verdicts.first())
}

async fn a_commit_at_an_old_revision_is_refused(s: &Bench) -> Outcome {
    let old = s.group().await?;
    let mut group = old.clone();
    let change = sample::desired(&group, 3);
    s.applied(&mut group, change).await?;
    let done = s.commit(&old, &sample::desired(&old, 8)).await?;
    same("commit", &done, &Committed::Conflict(Conflict::Moved))
}

async fn a_commit_at_a_future_revision_is_refused(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let guard = Guard {
        rev: group.rev.next(),
        fence: group.fence,
    };
    let change = sample::desired(&group, 8);
    let done = s
        .groups()
        .commit(&group.key, guard, &change, s.nonce())
        .await?;
    same("commit", &done, &Committed::Conflict(Conflict::Moved))?;
    s.reads_as(&group).await
}

async fn a_refused_commit_writes_nothing(s: &Bench) -> Outcome {
    let old = s.group().await?;
    let mut group = old.clone();
    let change = sample::desired(&group, 3);
    s.applied(&mut group, change).await?;
    let event = s.event();
    let mut refused = sample::desired(&old, 8);
    refused.config = Some(sample::other_config());
    refused.slots = vec![sample::slot(
        5,
        domain::slot::State::Active(sample::server(5)),
    )];
    refused.verdicts = vec![sample::verdict(&event, old.rev, NOON)];
    refused.queued = vec![sample::event(&s.event(), Ask::Converge, Force::No)];
    s.commit(&old, &refused).await?;
    s.reads_as(&group).await?;
    let verdict = s.groups().verdict(&group.key, &event).await?;
    same("verdict of a refused commit", &verdict, &None)?;
    let records = s
        .groups()
        .records(&group.key, None, 10, Level::Serial)
        .await?;
    same("commit records", &records.len(), &2)
}

async fn a_commit_to_no_group_is_missing(s: &Bench) -> Outcome {
    let group = Group::new(s.key(), sample::config());
    let done = s.commit(&group, &sample::desired(&group, 8)).await?;
    same("commit", &done, &Committed::Conflict(Conflict::Missing))?;
    let found = s.groups().read(&group.key, Level::Serial).await?;
    same("read", &found, &None)
}

async fn a_commit_under_a_foreign_tenant_is_missing(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let mut foreign = group.clone();
    foreign.key.tenant = s.tenant();
    let done = s.commit(&foreign, &sample::desired(&foreign, 8)).await?;
    same("commit", &done, &Committed::Conflict(Conflict::Missing))?;
    s.reads_as(&group).await
}

/// A group whose last commit was made under that fence.
async fn fenced(s: &Bench, fence: u64) -> Result<Group, Failure> {
    let mut group = s.group().await?;
    group.fence = Fence(fence);
    let change = sample::desired(&group, 3);
    s.applied(&mut group, change).await?;
    Ok(group)
}

async fn a_commit_keeps_the_fence_it_was_made_under(s: &Bench) -> Outcome {
    let group = fenced(s, 5).await?;
    let found = s.groups().read(&group.key, Level::Serial).await?;
    same("fence", &found.map(|g| g.fence), &Some(Fence(5)))
}

async fn a_commit_under_a_lower_fence_is_refused(s: &Bench) -> Outcome {
    let group = fenced(s, 5).await?;
    let mut deposed = group.clone();
    deposed.fence = Fence(4);
    let done = s.commit(&deposed, &sample::desired(&deposed, 8)).await?;
    same("commit", &done, &Committed::Conflict(Conflict::Moved))?;
    s.reads_as(&group).await
}

async fn a_commit_under_an_equal_fence_is_applied(s: &Bench) -> Outcome {
    let mut group = fenced(s, 5).await?;
    let change = sample::desired(&group, 8);
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await
}

async fn a_commit_raises_the_fence_and_shuts_out_the_owner_before(s: &Bench) -> Outcome {
    let mut group = fenced(s, 5).await?;
    group.fence = Fence(6);
    let change = sample::desired(&group, 8);
    s.applied(&mut group, change).await?;
    let mut deposed = group.clone();
    deposed.fence = Fence(5);
    let done = s.commit(&deposed, &sample::desired(&deposed, 9)).await?;
    same("commit", &done, &Committed::Conflict(Conflict::Moved))?;
    s.reads_as(&group).await
}

async fn groups_have_revisions_of_their_own(s: &Bench) -> Outcome {
    let tenant = s.tenant();
    let key = || GroupKey {
        tenant: tenant.clone(),
        ..s.key()
    };
    let mut one = s.group_at(key()).await?;
    let mut two = s.group_at(key()).await?;
    for size in [3, 4] {
        let change = sample::desired(&one, size);
        s.applied(&mut one, change).await?;
    }
    let change = sample::desired(&two, 5);
    s.applied(&mut two, change).await?;
    s.reads_as(&one).await?;
    s.reads_as(&two).await
}

async fn a_change_that_changes_nothing_is_still_a_commit(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let before = group.state.desired;
    let change = sample::desired(&group, before.0);
    s.applied(&mut group, change).await?;
    holds(
        "desired stays",
        group.state.desired == before && before != Size(0),
    )?;
    s.reads_as(&group).await
}
