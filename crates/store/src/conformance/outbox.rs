//! Messages of hooks: open ones belong to the group, closed ones are history.

use domain::draft::Draft;
use domain::group::{Cause, Change, Group};
use domain::ids::{DeliveryId, Fence, Nonce};
use domain::outbox::Delivery;
use domain::time::{Mono, Now};

use super::case::{Bench, Outcome, cases, same};
use super::sample;
use crate::group::{Committed, Conflict, Guard};

cases! {
    an_open_message_is_read_with_its_group
    every_word_of_a_message_comes_back
    a_closed_message_leaves_the_group_and_is_kept
    a_closed_message_takes_no_open_one_along
    a_dead_letter_that_is_sent_again_is_open_again
    closed_messages_come_newest_first_and_go_on_below_a_number
    a_refused_commit_leaves_no_message
    a_foreign_tenant_finds_no_message
    messages_survive_a_crash_of_all_processes
}

fn posts(group: &Group, posts: Vec<Delivery>) -> Change {
    Change {
        posts,
        ..sample::desired(group, 3)
    }
}

async fn closed(s: &Bench, group: &Group) -> Result<Vec<Delivery>, super::case::Failure> {
    Ok(s.groups().deliveries(&group.key, None, 100).await?)
}

async fn an_open_message_is_read_with_its_group(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let change = posts(&group, vec![sample::open(1), sample::open(2)]);
    s.applied(&mut group, change).await?;
    same("open messages", &group.outbox.len(), &2)?;
    s.reads_as(&group).await?;
    same("history", &closed(s, &group).await?, &Vec::new())
}

async fn every_word_of_a_message_comes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let all = sample::every_delivery();
    let change = posts(&group, all.clone());
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await?;
    let mut expected: Vec<_> = all.into_iter().filter(|d| !d.is_open()).collect();
    expected.reverse();
    same("history", &closed(s, &group).await?, &expected)
}

async fn a_closed_message_leaves_the_group_and_is_kept(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let change = posts(&group, vec![sample::open(1), sample::open(2)]);
    s.applied(&mut group, change).await?;
    let change = posts(&group, vec![sample::dead(1)]);
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await?;
    same("open messages", &group.outbox.len(), &1)?;
    same("history", &closed(s, &group).await?, &vec![sample::dead(1)])
}

/// A store may take out runs of numbers: between open ones, with a new one in the same change, below all of them, up to the last.
async fn a_closed_message_takes_no_open_one_along(s: &Bench) -> Outcome {
    use sample::{dead, open};
    let mut group = s.group().await?;
    let steps: [Vec<Delivery>; 5] = [
        (1..=6).map(open).collect(),
        vec![dead(2), dead(3), open(7)],
        vec![dead(7), open(8)],
        vec![dead(1), open(2)],
        vec![dead(4), dead(5), dead(6), dead(8)],
    ];
    let now = Now {
        wall: sample::NOON,
        mono: Mono::from_ms(0),
    };
    for posts in steps {
        let mut draft = Draft::new(&group, now);
        posts.into_iter().for_each(|post| draft.post(post));
        let change = draft.finish(Cause::Converge, sample::actor());
        s.applied(&mut group, change).await?;
        s.reads_as(&group).await?;
    }
    let left: Vec<_> = group.outbox.keys().map(|id| id.0).collect();
    same("open messages", &left, &vec![2])
}

async fn a_dead_letter_that_is_sent_again_is_open_again(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for post in [sample::open(1), sample::dead(1), sample::open(1)] {
        let change = posts(&group, vec![post]);
        s.applied(&mut group, change).await?;
    }
    s.reads_as(&group).await?;
    same("open messages", &group.outbox.len(), &1)?;
    same("history", &closed(s, &group).await?, &Vec::new())
}

async fn closed_messages_come_newest_first_and_go_on_below_a_number(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let change = posts(&group, (1..=300).map(sample::dead).collect());
    s.applied(&mut group, change).await?;
    let page = async |before: Option<u64>| {
        let before = before.map(DeliveryId);
        let page = s.groups().deliveries(&group.key, before, 3).await?;
        Ok::<_, super::case::Failure>(page.iter().map(|d| d.id.0).collect::<Vec<_>>())
    };
    same("the newest", &page(None).await?, &vec![300, 299, 298])?;
    same("below one", &page(Some(257)).await?, &vec![256, 255, 254])?;
    same("the last", &page(Some(2)).await?, &vec![1])
}

async fn a_refused_commit_leaves_no_message(s: &Bench) -> Outcome {
    let group = s.group().await?;
    let guard = Guard {
        rev: group.rev.next(),
        fence: group.fence,
    };
    let change = posts(&group, vec![sample::open(1), sample::dead(2)]);
    let nonce = Nonce::from_u128(s.process.entropy.u128());
    let done = s.groups().commit(&group.key, guard, &change, nonce).await?;
    same("commit", &done, &Committed::Conflict(Conflict::Moved))?;
    s.reads_as(&group).await?;
    same("history", &closed(s, &group).await?, &Vec::new())
}

async fn a_foreign_tenant_finds_no_message(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let change = posts(&group, vec![sample::dead(1)]);
    s.applied(&mut group, change).await?;
    let mut foreign = Group::new(group.key.clone(), sample::config());
    foreign.key.tenant = s.tenant();
    same("history", &closed(s, &foreign).await?, &Vec::new())
}

async fn messages_survive_a_crash_of_all_processes(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let change = posts(&group, vec![sample::open(1), sample::dead(2)]);
    s.applied(&mut group, change).await?;
    let stores = s.after_crash().await?;
    let level = crate::group::Level::Serial;
    let found = stores.groups.read(&group.key, level).await?;
    same("the group", &found.as_ref(), &Some(&group))?;
    same("the fence", &group.fence, &Fence(0))?;
    let history = stores.groups.deliveries(&group.key, None, 10).await?;
    same("history", &history, &vec![sample::dead(2)])
}
