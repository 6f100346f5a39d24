//! Verdicts and the inbox: each event is decided once.

use std::time::Duration;

use domain::event::{Ask, Force};
use domain::group::Group;
use domain::ids::{EventId, GroupKey};
use domain::time::Timestamp;
use domain::verdict::Verdict;

use super::case::{Bench, Failure, Outcome, cases, holds, same};
use super::sample::{self, NOON};
use crate::group::{Before, Committed, Conflict};

cases! {
    a_verdict_is_found_by_its_event
    an_event_without_verdict_has_none
    a_foreign_tenant_finds_no_verdict
    every_word_of_a_verdict_comes_back
    a_second_verdict_on_an_event_is_refused
    a_refusal_names_all_decided_events_and_no_other
    a_commit_refused_for_decided_events_writes_nothing
    a_commit_that_is_old_and_decided_writes_nothing
    a_burst_of_events_is_decided_at_once
    one_event_in_two_groups_gets_two_verdicts
    event_ids_are_compared_exactly
    verdicts_come_newest_first
    verdicts_stop_at_the_limit
    verdicts_go_on_before_a_time
    pages_of_verdicts_leave_none_out_when_a_clock_goes_back
    a_group_without_events_has_no_verdicts
    a_queued_event_stands_in_the_inbox
    an_event_queued_twice_stands_there_once
    an_event_leaves_the_inbox_with_its_verdict
    taking_an_event_that_is_not_there_is_harmless
    a_decided_event_can_be_taken_from_the_inbox
}

/// Decides one event.
async fn decide(s: &Bench, group: &mut Group, event: &EventId, at: Timestamp) -> Outcome {
    let mut change = sample::desired(group, 3);
    change.verdicts = vec![sample::verdict(event, group.rev, at)];
    s.applied(group, change).await
}

async fn decided(s: &Bench) -> Result<(Group, EventId), Failure> {
    let mut group = s.group().await?;
    let event = s.event();
    decide(s, &mut group, &event, NOON).await?;
    Ok((group, event))
}

async fn a_verdict_is_found_by_its_event(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let event = s.event();
    let verdict = sample::verdict(&event, group.rev, NOON);
    decide(s, &mut group, &event, NOON).await?;
    let found = s.groups().verdict(&group.key, &event).await?;
    same("verdict", &found, &Some(verdict))
}

async fn an_event_without_verdict_has_none(s: &Bench) -> Outcome {
    let (group, _) = decided(s).await?;
    let found = s.groups().verdict(&group.key, &s.event()).await?;
    same("verdict", &found, &None)
}

async fn a_foreign_tenant_finds_no_verdict(s: &Bench) -> Outcome {
    let (group, event) = decided(s).await?;
    let foreign = GroupKey {
        tenant: s.tenant(),
        ..group.key.clone()
    };
    let found = s.groups().verdict(&foreign, &event).await?;
    same("verdict", &found, &None)?;
    let found = s.groups().verdicts(&foreign, Before::default(), 10).await?;
    same("verdicts", &found, &Vec::new())
}

async fn every_word_of_a_verdict_comes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let ids: Vec<EventId> = (0..9).map(|_| s.event()).collect();
    let verdicts = sample::every_verdict(&ids, group.rev);
    same("sampled verdicts", &verdicts.len(), &9)?;
    let mut change = sample::desired(&group, 3);
    change.verdicts.clone_from(&verdicts);
    s.applied(&mut group, change).await?;
    for verdict in verdicts {
        let found = s.groups().verdict(&group.key, &verdict.event).await?;
        same("verdict", &found, &Some(verdict))?;
    }
    Ok(())
}

async fn a_second_verdict_on_an_event_is_refused(s: &Bench) -> Outcome {
    let (group, event) = decided(s).await?;
    let mut change = sample::desired(&group, 3);
    change.verdicts = vec![sample::verdict(&event, group.rev, NOON)];
    let done = s.commit(&group, &change).await?;
    let refused = Committed::Conflict(Conflict::Decided(vec![event]));
    same("commit", &done, &refused)
}

/// Of so many events a store may look for verdicts in another way than of a few.
const MANY: usize = 40;

async fn a_refusal_names_all_decided_events_and_no_other(s: &Bench) -> Outcome {
    for others in [2, MANY] {
        let (mut group, one) = decided(s).await?;
        let two = s.event();
        decide(s, &mut group, &two, NOON).await?;
        let mut change = sample::desired(&group, 3);
        let mut ids: Vec<EventId> = (0..others).map(|_| s.event()).collect();
        ids.insert(1, two.clone());
        ids.push(one.clone());
        change.verdicts = verdicts(&ids, &group);
        match s.commit(&group, &change).await? {
            Committed::Conflict(Conflict::Decided(mut named)) => {
                named.sort();
                let mut expected = vec![one, two];
                expected.sort();
                same("named events", &named, &expected)?;
            }
            other @ (Committed::Applied | Committed::Conflict(_) | Committed::Unknown) => {
                return Err(Failure(format!("commit: found {other:?}")));
            }
        }
    }
    Ok(())
}

fn verdicts(ids: &[EventId], group: &Group) -> Vec<Verdict> {
    ids.iter()
        .map(|id| sample::verdict(id, group.rev, NOON))
        .collect()
}

async fn a_commit_refused_for_decided_events_writes_nothing(s: &Bench) -> Outcome {
    for others in [1, MANY] {
        let (group, old) = decided(s).await?;
        let mut ids: Vec<EventId> = (0..others).map(|_| s.event()).collect();
        let new = ids[0].clone();
        ids.push(old);
        let mut change = sample::desired(&group, 9);
        change.config = Some(sample::other_config());
        change.slots = vec![sample::slot(
            1,
            domain::slot::State::Active(sample::server(1)),
        )];
        change.verdicts = verdicts(&ids, &group);
        s.commit(&group, &change).await?;
        s.reads_as(&group).await?;
        let found = s.groups().verdict(&group.key, &new).await?;
        same("verdict of a refused commit", &found, &None)?;
    }
    Ok(())
}

async fn a_commit_that_is_old_and_decided_writes_nothing(s: &Bench) -> Outcome {
    for others in [0, MANY] {
        let old = s.group().await?;
        let mut group = old.clone();
        let event = s.event();
        decide(s, &mut group, &event, NOON).await?;
        let mut ids: Vec<EventId> = (0..others).map(|_| s.event()).collect();
        ids.push(event);
        let mut change = sample::desired(&old, 9);
        change.verdicts = verdicts(&ids, &old);
        let done = s.commit(&old, &change).await?;
        holds(
            "a commit that is old and decided is refused",
            matches!(
                done,
                Committed::Conflict(Conflict::Moved | Conflict::Decided(_))
            ),
        )?;
        s.reads_as(&group).await?;
    }
    Ok(())
}

async fn a_burst_of_events_is_decided_at_once(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let ids: Vec<EventId> = (0..MANY).map(|_| s.event()).collect();
    let mut change = sample::desired(&group, 3);
    change.verdicts = verdicts(&ids, &group);
    s.applied(&mut group, change).await?;
    for id in ids {
        let found = s.groups().verdict(&group.key, &id).await?;
        same("event of the verdict", &found.map(|v| v.event), &Some(id))?;
    }
    Ok(())
}

async fn one_event_in_two_groups_gets_two_verdicts(s: &Bench) -> Outcome {
    let (_, event) = decided(s).await?;
    let mut other = s.group().await?;
    decide(s, &mut other, &event, NOON).await
}

async fn event_ids_are_compared_exactly(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for id in [
        "Alert", "alert", "ALERT", "alert-1", "alert-10", "%", "_", "alert%",
    ] {
        decide(s, &mut group, &sample::text(id), NOON).await?;
    }
    let found = s
        .groups()
        .verdicts(&group.key, Before::default(), 100)
        .await?;
    same("verdicts", &found.len(), &8)
}

/// A group with five verdicts, one a second, the oldest first.
async fn five(s: &Bench) -> Result<(Group, Vec<EventId>), Failure> {
    let mut group = s.group().await?;
    let ids: Vec<EventId> = (0..5).map(|_| s.event()).collect();
    for (second, id) in (0..).zip(&ids) {
        let at = NOON.plus(Duration::from_secs(second));
        decide(s, &mut group, id, at).await?;
    }
    Ok((group, ids))
}

async fn names(
    s: &Bench,
    group: &Group,
    before: Before,
    limit: u32,
) -> Result<Vec<EventId>, Failure> {
    let found = s.groups().verdicts(&group.key, before, limit).await?;
    Ok(found.into_iter().map(|v| v.event).collect())
}

async fn verdicts_come_newest_first(s: &Bench) -> Outcome {
    let (group, mut ids) = five(s).await?;
    ids.reverse();
    same(
        "verdicts",
        &names(s, &group, Before::default(), 100).await?,
        &ids,
    )
}

async fn verdicts_stop_at_the_limit(s: &Bench) -> Outcome {
    let (group, ids) = five(s).await?;
    let newest = vec![ids[4].clone(), ids[3].clone()];
    same(
        "verdicts",
        &names(s, &group, Before::default(), 2).await?,
        &newest,
    )
}

async fn verdicts_go_on_before_a_time(s: &Bench) -> Outcome {
    let (group, ids) = five(s).await?;
    let before = Before {
        at: Some(NOON.plus(Duration::from_secs(2))),
        ..Before::default()
    };
    let older = vec![ids[1].clone(), ids[0].clone()];
    same("verdicts", &names(s, &group, before, 100).await?, &older)
}

/// The clocks of a group's owners differ, and whoever takes over may be minutes behind: no page leaves any of them out.
async fn pages_of_verdicts_leave_none_out_when_a_clock_goes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut ids: Vec<EventId> = (0..6).map(|_| s.event()).collect();
    for (id, second) in ids.iter().zip([300, 301, 302, 0, 1, 303]) {
        let at = NOON.plus(Duration::from_secs(second));
        decide(s, &mut group, id, at).await?;
    }
    ids.reverse();
    let (mut paged, mut before) = (Vec::new(), Before::default());
    for _ in 0..3 {
        let page = s.groups().verdicts(&group.key, before, 2).await?;
        before.rev = page.last().map(|verdict| verdict.rev);
        paged.extend(page.into_iter().map(|verdict| verdict.event));
    }
    same("verdicts", &paged, &ids)?;
    let rest = s.groups().verdicts(&group.key, before, 2).await?;
    same("what is left", &rest, &Vec::new())
}

async fn a_group_without_events_has_no_verdicts(s: &Bench) -> Outcome {
    let group = s.group().await?;
    same(
        "verdicts",
        &names(s, &group, Before::default(), 100).await?,
        &Vec::new(),
    )
}

async fn queued(s: &Bench, group: &mut Group, event: &EventId) -> Outcome {
    let mut change = sample::desired(group, 3);
    change.queued = vec![sample::event(event, Ask::Converge, Force::No)];
    s.applied(group, change).await
}

async fn a_queued_event_stands_in_the_inbox(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let event = s.event();
    queued(s, &mut group, &event).await?;
    holds("it is in the inbox", group.inbox.contains_key(&event))?;
    s.reads_as(&group).await
}

async fn an_event_queued_twice_stands_there_once(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let event = s.event();
    queued(s, &mut group, &event).await?;
    queued(s, &mut group, &event).await?;
    same("inbox", &group.inbox.len(), &1)?;
    s.reads_as(&group).await
}

async fn an_event_leaves_the_inbox_with_its_verdict(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let (event, other) = (s.event(), s.event());
    queued(s, &mut group, &event).await?;
    queued(s, &mut group, &other).await?;
    let mut change = sample::desired(&group, 4);
    change.verdicts = vec![sample::verdict(&event, group.rev, NOON)];
    change.taken = vec![event];
    s.applied(&mut group, change).await?;
    same("inbox", &group.inbox.keys().collect(), &vec![&other])?;
    s.reads_as(&group).await
}

async fn taking_an_event_that_is_not_there_is_harmless(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 4);
    change.taken = vec![s.event()];
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await
}

async fn a_decided_event_can_be_taken_from_the_inbox(s: &Bench) -> Outcome {
    let (mut group, event) = decided(s).await?;
    queued(s, &mut group, &event).await?;
    let mut change = sample::desired(&group, 4);
    change.taken = vec![event.clone()];
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await?;
    let found = s.groups().verdict(&group.key, &event).await?;
    holds("its verdict stays", found.is_some())
}
