//! The journal and hints.

use std::time::Duration;

use domain::ids::{GroupKey, Rev};
use domain::time::Timestamp;

use super::case::{Bench, Failure, Outcome, cases, holds, same};
use super::sample::{self, NOON};
use crate::group::{CommitRecord, Level};
use crate::record;

cases! {
    appended_records_come_back_oldest_first
    a_record_appended_twice_is_kept_once
    the_journal_goes_on_after_a_revision_and_stops_at_the_limit
    the_journal_of_another_group_is_another
    commit_records_can_be_copied_to_the_journal
    a_mark_is_found_until_it_is_cleared
    clearing_takes_no_younger_mark
    marks_come_oldest_first
}

/// Records that no commit made.
fn made(s: &Bench, revs: std::ops::RangeInclusive<u64>) -> Vec<CommitRecord> {
    let mut previous = record::GENESIS;
    revs.map(|rev| {
        let mut made = CommitRecord {
            rev: Rev(rev),
            nonce: s.nonce(),
            cause: domain::group::Cause::Events,
            actor: sample::actor(),
            at: NOON,
            detail: String::from("{}"),
            previous,
            hash: record::GENESIS,
        };
        made.hash = record::digest(&made);
        previous = made.hash;
        made
    })
    .collect()
}

async fn appended_records_come_back_oldest_first(s: &Bench) -> Outcome {
    let (key, records) = (s.key(), made(s, 1..=5));
    s.stores().journal.append(&key, &records).await?;
    let found = s.stores().journal.read(&key, None, 100).await?;
    same("journal", &found, &records)
}

async fn a_record_appended_twice_is_kept_once(s: &Bench) -> Outcome {
    let (key, records) = (s.key(), made(s, 1..=5));
    let journal = &s.stores().journal;
    journal.append(&key, &records[..4]).await?;
    journal.append(&key, &records[2..]).await?;
    journal.append(&key, &records).await?;
    let found = journal.read(&key, None, 100).await?;
    same("journal", &found, &records)
}

async fn the_journal_goes_on_after_a_revision_and_stops_at_the_limit(s: &Bench) -> Outcome {
    let (key, records) = (s.key(), made(s, 1..=9));
    s.stores().journal.append(&key, &records).await?;
    let found = s.stores().journal.read(&key, Some(Rev(3)), 4).await?;
    same("journal", &found.as_slice(), &&records[3..7])
}

async fn the_journal_of_another_group_is_another(s: &Bench) -> Outcome {
    let key = s.key();
    s.stores().journal.append(&key, &made(s, 1..=2)).await?;
    let foreign = GroupKey {
        tenant: s.tenant(),
        ..key.clone()
    };
    for other in [s.key(), foreign] {
        let found = s.stores().journal.read(&other, None, 100).await?;
        same("journal", &found, &Vec::new())?;
    }
    Ok(())
}

async fn commit_records_can_be_copied_to_the_journal(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for size in [3, 4] {
        let change = sample::desired(&group, size);
        s.applied(&mut group, change).await?;
    }
    let mut records = s
        .groups()
        .records(&group.key, None, 100, Level::Serial)
        .await?;
    records.reverse();
    s.stores().journal.append(&group.key, &records).await?;
    let found = s.stores().journal.read(&group.key, None, 100).await?;
    same("journal", &found, &records)
}

/// Whether the group is marked, and when.
async fn mark_of(s: &Bench, key: &GroupKey) -> Result<Option<Timestamp>, Failure> {
    let all = s.stores().hints.marked(u32::MAX).await?;
    Ok(all.into_iter().find(|(k, _)| k == key).map(|(_, at)| at))
}

async fn a_mark_is_found_until_it_is_cleared(s: &Bench) -> Outcome {
    let key = s.key();
    s.stores().hints.mark(&key, NOON).await?;
    same("mark", &mark_of(s, &key).await?, &Some(NOON))?;
    s.stores().hints.clear(&key, NOON).await?;
    same("mark", &mark_of(s, &key).await?, &None)
}

async fn clearing_takes_no_younger_mark(s: &Bench) -> Outcome {
    let key = s.key();
    let later = NOON.plus(Duration::from_secs(1));
    s.stores().hints.mark(&key, NOON).await?;
    s.stores().hints.mark(&key, later).await?;
    s.stores().hints.clear(&key, NOON).await?;
    same("mark", &mark_of(s, &key).await?, &Some(later))
}

async fn marks_come_oldest_first(s: &Bench) -> Outcome {
    for second in [5, 1, 3] {
        let at = NOON.plus(Duration::from_secs(second));
        s.stores().hints.mark(&s.key(), at).await?;
    }
    let all = s.stores().hints.marked(u32::MAX).await?;
    holds("oldest first", all.is_sorted_by_key(|(_, at)| *at))?;
    let some = s.stores().hints.marked(2).await?;
    same("limited", &some.len(), &2)
}
