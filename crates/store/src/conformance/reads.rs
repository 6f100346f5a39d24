//! Reading groups.

use domain::ids::{GroupKey, HomeEpoch};

use super::case::{Bench, Outcome, cases, holds, same};
use super::sample;
use crate::group::Level;

cases! {
    a_group_that_is_not_there_reads_as_none
    a_foreign_tenant_reads_none
    another_home_reads_none
    a_serial_read_sees_the_last_commit_every_time
    a_relaxed_read_finds_a_state_that_was_committed
    a_relaxed_read_of_no_group_is_none
}

async fn a_group_that_is_not_there_reads_as_none(s: &Bench) -> Outcome {
    let found = s.groups().read(&s.key(), Level::Serial).await?;
    same("read", &found, &None)
}

async fn a_foreign_tenant_reads_none(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let foreign = GroupKey {
        tenant: s.tenant(),
        ..group.key.clone()
    };
    for level in [Level::Serial, Level::Relaxed] {
        let found = s.groups().read(&foreign, level).await?;
        same("read", &found, &None)?;
    }
    Ok(())
}

async fn another_home_reads_none(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let other = GroupKey {
        epoch: HomeEpoch(2),
        ..group.key.clone()
    };
    let found = s.groups().read(&other, Level::Serial).await?;
    same("read", &found, &None)
}

async fn a_serial_read_sees_the_last_commit_every_time(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for size in 1..30 {
        let change = sample::desired(&group, size);
        s.applied(&mut group, change).await?;
        s.reads_as(&group).await?;
        s.reads_as(&group).await?;
    }
    Ok(())
}

async fn a_relaxed_read_finds_a_state_that_was_committed(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut past = vec![group.clone()];
    for size in 1..10 {
        let change = sample::desired(&group, size);
        s.applied(&mut group, change).await?;
        past.push(group.clone());
        if let Some(found) = s.groups().read(&group.key, Level::Relaxed).await? {
            holds("a relaxed read that no commit left", past.contains(&found))?;
        }
    }
    Ok(())
}

async fn a_relaxed_read_of_no_group_is_none(s: &Bench) -> Outcome {
    let found = s.groups().read(&s.key(), Level::Relaxed).await?;
    same("read", &found, &None)
}
