//! Commit records: one per commit, chained.

use domain::group::{Cause, Group};
use domain::ids::{Nonce, Rev};

use super::case::{Bench, Failure, Outcome, cases, holds, same};
use super::sample::{self, NOON};
use crate::group::{CommitRecord, Guard, Level};
use crate::record;

cases! {
    every_commit_leaves_one_record
    a_record_says_who_why_and_when
    a_record_carries_the_nonce_of_its_attempt
    a_serial_look_finds_the_nonce_of_the_last_commit
    records_come_newest_first_and_stop_at_the_limit
    records_go_on_from_a_revision_downwards
    the_records_of_a_group_are_a_chain
    the_detail_names_desired_slots_events_and_keys
    a_foreign_tenant_finds_no_records
}

/// A group with four commits, the create among them.
async fn four(s: &Bench) -> Result<Group, Failure> {
    let mut group = s.group().await?;
    for size in [3, 4, 5] {
        let change = sample::desired(&group, size);
        s.applied(&mut group, change).await?;
    }
    Ok(group)
}

async fn records(
    s: &Bench,
    group: &Group,
    from: Option<Rev>,
    limit: u32,
) -> Result<Vec<CommitRecord>, Failure> {
    Ok(s.groups()
        .records(&group.key, from, limit, Level::Serial)
        .await?)
}

fn revs(records: &[CommitRecord]) -> Vec<u64> {
    records.iter().map(|r| r.rev.0).collect()
}

async fn every_commit_leaves_one_record(s: &Bench) -> Outcome {
    let group = four(s).await?;
    let found = records(s, &group, None, 100).await?;
    same("revisions", &revs(&found), &vec![4, 3, 2, 1])
}

async fn a_record_says_who_why_and_when(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 3);
    change.cause = Cause::Converge;
    s.applied(&mut group, change).await?;
    let found = records(s, &group, None, 2).await?;
    let facts: Vec<_> = found
        .into_iter()
        .map(|r| (r.cause, r.actor, r.at))
        .collect();
    let expected = [Cause::Converge, Cause::Create].map(|c| (c, sample::actor(), NOON));
    same("cause, actor, time", &facts, &expected.to_vec())
}

/// Commits under a nonce that the case knows.
async fn commit_as(s: &Bench, group: &mut Group, nonce: Nonce) -> Outcome {
    let change = sample::desired(group, 3);
    let guard = Guard {
        rev: group.rev,
        fence: group.fence,
    };
    s.groups().commit(&group.key, guard, &change, nonce).await?;
    group.fold(change, guard.fence);
    Ok(())
}

async fn a_record_carries_the_nonce_of_its_attempt(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let nonce = s.nonce();
    commit_as(s, &mut group, nonce).await?;
    let found = records(s, &group, Some(group.rev), 1).await?;
    same("nonce", &found.first().map(|r| r.nonce), &Some(nonce))
}

async fn a_serial_look_finds_the_nonce_of_the_last_commit(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for _ in 0..20 {
        let nonce = s.nonce();
        commit_as(s, &mut group, nonce).await?;
        let found = records(s, &group, None, 1).await?;
        same("nonce", &found.first().map(|r| r.nonce), &Some(nonce))?;
    }
    Ok(())
}

async fn records_come_newest_first_and_stop_at_the_limit(s: &Bench) -> Outcome {
    let group = four(s).await?;
    let found = records(s, &group, None, 2).await?;
    same("revisions", &revs(&found), &vec![4, 3])
}

async fn records_go_on_from_a_revision_downwards(s: &Bench) -> Outcome {
    let group = four(s).await?;
    let found = records(s, &group, Some(Rev(2)), 100).await?;
    same("revisions", &revs(&found), &vec![2, 1])
}

async fn the_records_of_a_group_are_a_chain(s: &Bench) -> Outcome {
    let group = four(s).await?;
    let mut found = records(s, &group, None, 100).await?;
    found.reverse();
    same("records", &found.len(), &4)?;
    record::verify(&found, Rev(1), record::GENESIS)
        .map(drop)
        .map_err(|broken| Failure(broken.to_string()))
}

async fn the_detail_names_desired_slots_events_and_keys(s: &Bench) -> Outcome {
    let mut group = four(s).await?;
    let event = s.event();
    let mut change = sample::desired(&group, 9);
    change.config = Some(sample::other_config());
    change.slots = vec![sample::slot(
        1,
        domain::slot::State::Active(sample::server(1)),
    )];
    change.verdicts = vec![sample::verdict(&event, group.rev, NOON)];
    s.applied(&mut group, change).await?;
    let found = records(s, &group, None, 1).await?;
    let detail = found.first().map_or("", |r| &r.detail);
    let json: serde_json::Value =
        serde_json::from_str(detail).map_err(|e| Failure(format!("detail is no JSON: {e}")))?;
    same("desired", &json["desired"], &serde_json::json!([5, 9]))?;
    same("slot", &json["slots"][0][1], &serde_json::json!("active"))?;
    same(
        "event",
        &json["events"][0][0],
        &serde_json::json!(event.as_str()),
    )?;
    let keys = json["configured"].as_array().map_or(0, Vec::len);
    holds("all eleven keys are named", keys == 11)
}

async fn a_foreign_tenant_finds_no_records(s: &Bench) -> Outcome {
    let mut group = four(s).await?;
    group.key.tenant = s.tenant();
    let found = records(s, &group, None, 100).await?;
    same("records", &found, &Vec::new())
}
