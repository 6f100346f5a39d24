//! Where the groups are.

use std::collections::{BTreeMap, BTreeSet};

use domain::capacity::Size;
use domain::event::{Ask, Force};
use domain::group::{Change, Group, Phase, Wake};
use domain::ids::{Fence, GroupId, GroupKey, HomeEpoch, TenantId};
use domain::slot::{FailWhy, State};
use domain::time::Timestamp;

use super::case::{Bench, Failure, Outcome, cases, holds, same};
use super::sample;
use crate::group::{Committed, Met};

cases! {
    a_tenants_groups_are_listed_in_order
    a_tenants_list_comes_in_pages
    a_tenants_list_shows_no_foreign_group
    a_tombstone_is_still_listed_and_said_to_be_gone
    all_groups_are_listed_once
    the_full_pass_meets_every_group_once
    a_group_that_has_something_to_do_does_not_rest
    two_homes_of_a_group_are_never_parted_by_a_page
    an_unknown_tenant_has_no_groups
    a_group_is_found_by_its_id_alone
    groups_whose_time_has_come_are_listed_earliest_first
}

/// Groups of one tenant, in order of id.
async fn of_one(s: &Bench, count: usize) -> Result<(TenantId, Vec<GroupKey>), Failure> {
    let tenant = s.tenant();
    let mut keys = Vec::new();
    for _ in 0..count {
        let key = GroupKey {
            tenant: tenant.clone(),
            ..s.key()
        };
        s.group_at(key.clone()).await?;
        keys.push(key);
    }
    keys.sort_by_key(|k| k.id);
    Ok((tenant, keys))
}

/// All pages of a tenant's list.
async fn pages(s: &Bench, tenant: &TenantId, limit: u32) -> Result<Vec<Vec<GroupKey>>, Failure> {
    let mut pages = Vec::new();
    let mut after: Option<GroupId> = None;
    loop {
        let page = s.groups().of_tenant(tenant, after, limit).await?;
        holds("a list ends", pages.len() < 100)?;
        pages.push(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(pages);
        }
    }
}

async fn a_tenants_groups_are_listed_in_order(s: &Bench) -> Outcome {
    let (tenant, keys) = of_one(s, 5).await?;
    same("pages", &pages(s, &tenant, 100).await?, &vec![keys])
}

async fn a_tenants_list_comes_in_pages(s: &Bench) -> Outcome {
    let (tenant, keys) = of_one(s, 5).await?;
    let found = pages(s, &tenant, 2).await?;
    same("groups", &found.concat(), &keys)?;
    holds("no page is too long", found.iter().all(|p| p.len() <= 2))
}

async fn a_tenants_list_shows_no_foreign_group(s: &Bench) -> Outcome {
    let (one, of_first) = of_one(s, 2).await?;
    let (two, of_second) = of_one(s, 2).await?;
    same(
        "first tenant",
        &pages(s, &one, 100).await?.concat(),
        &of_first,
    )?;
    same(
        "second tenant",
        &pages(s, &two, 100).await?.concat(),
        &of_second,
    )
}

async fn a_tombstone_is_still_listed_and_said_to_be_gone(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let is_gone = async |key: &GroupKey| {
        let met = met(s, 100, &[key]).await?;
        Ok::<_, Failure>(met.get(key).map(|one| one.gone))
    };
    same("gone", &is_gone(&group.key).await?, &Some(false))?;
    let mut change = sample::desired(&group, 0);
    change.state.phase = Phase::Tombstone;
    s.applied(&mut group, change).await?;
    same("gone", &is_gone(&group.key).await?, &Some(true))?;
    let found = pages(s, &group.key.tenant, 100).await?.concat();
    same("groups", &found, &vec![group.key])
}

async fn all_groups_are_listed_once(s: &Bench) -> Outcome {
    let (_, mut expected) = of_one(s, 4).await?;
    expected.push(s.group().await?.key);
    let mut met = BTreeSet::new();
    let mut after = None;
    loop {
        let page = s.groups().all(after, 3).await?;
        for key in page.items {
            holds("each group is met once", met.insert(key))?;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    holds("all are met", expected.iter().all(|k| met.contains(k)))
}

/// What the full pass says of these groups; each is met once.
async fn met(
    s: &Bench,
    limit: u32,
    keys: &[&GroupKey],
) -> Result<BTreeMap<GroupKey, Met>, Failure> {
    let mut met = BTreeMap::new();
    let mut after = None;
    let wanted = |key: &GroupKey| keys.contains(&key);
    loop {
        let stretch = s.groups().walk(after, limit, sample::NOON, &wanted).await?;
        for one in stretch.met {
            holds("only what is wanted is met", wanted(&one.key))?;
            holds("once", met.insert(one.key.clone(), one).is_none())?;
        }
        after = stretch.next;
        if after.is_none() {
            return Ok(met);
        }
    }
}

/// Whether these groups rest, as the full pass says.
async fn walked(s: &Bench, limit: u32, keys: &[&GroupKey]) -> Result<Vec<bool>, Failure> {
    let met = met(s, limit, keys).await?;
    let rests = keys.iter().map(|key| met.get(key).map(|one| one.rests));
    rests
        .collect::<Option<_>>()
        .ok_or_else(|| Failure(String::from("a group was not met")))
}

async fn the_full_pass_meets_every_group_once(s: &Bench) -> Outcome {
    let (_, keys) = of_one(s, 4).await?;
    let other = s.group().await?.key;
    let keys: Vec<&GroupKey> = keys.iter().chain([&other]).collect();
    for limit in [1, 3, 1_000] {
        // Of these, each wants a server.
        same("rest", &walked(s, limit, &keys).await?, &vec![false; 5])?;
    }
    same("no group", &walked(s, 2, &[]).await?, &Vec::new())
}

async fn a_group_that_has_something_to_do_does_not_rest(s: &Bench) -> Outcome {
    let mut group = Group::new(s.key(), sample::other_config());
    let first = sample::first(&group);
    let done = s.groups().create(&group, &first, s.nonce()).await?;
    same("create", &done, &Committed::Applied)?;
    group.fold(first, Fence(0));
    let never_wrongly = async |group: &Group| {
        let says = walked(s, 100, &[&group.key]).await?;
        holds("it rests only if it does", !says[0] || group.rests())
    };
    holds("a new group rests", group.rests())?;
    never_wrongly(&group).await?;
    let event = sample::event(&s.event(), Ask::Converge, Force::No);
    let none = sample::desired(&group, 0);
    let with = |change: fn(&mut Change)| {
        let mut one = none.clone();
        change(&mut one);
        one
    };
    let steps = [
        with(|c| c.state.desired = Size(1)),
        with(|c| c.state.over = Some(sample::grant())),
        Change {
            queued: vec![event.clone()],
            ..none.clone()
        },
        Change {
            taken: vec![event.id],
            posts: vec![sample::open(1)],
            ..none.clone()
        },
        Change {
            posts: vec![sample::dead(1)],
            config: Some(sample::config()),
            ..none.clone()
        },
        Change {
            config: Some(sample::other_config()),
            ..none.clone()
        },
        with(|c| c.slots = vec![sample::slot(1, State::Active(sample::server(1)))]),
        // In the place of the first, so that none is open.
        with(|c| c.slots = vec![sample::slot(1, State::Failed(FailWhy::NotSent))]),
    ];
    let rest = [false, false, false, false, false, true, false, false];
    for (change, rests) in steps.into_iter().zip(rest) {
        s.applied(&mut group, change).await?;
        same("it rests", &group.rests(), &rests)?;
        never_wrongly(&group).await?;
    }
    Ok(())
}

async fn two_homes_of_a_group_are_never_parted_by_a_page(s: &Bench) -> Outcome {
    let (tenant, keys) = of_one(s, 3).await?;
    for key in &keys {
        let second = GroupKey {
            epoch: HomeEpoch(2),
            ..key.clone()
        };
        s.group_at(second).await?;
    }
    for limit in 1..7 {
        let found = pages(s, &tenant, limit).await?.concat();
        let distinct: BTreeSet<_> = found.iter().collect();
        same("homes", &distinct.len(), &6)?;
        same("rows", &found.len(), &6)?;
    }
    Ok(())
}

async fn an_unknown_tenant_has_no_groups(s: &Bench) -> Outcome {
    let found = pages(s, &s.tenant(), 100).await?.concat();
    same("groups", &found, &Vec::new())
}

async fn a_group_is_found_by_its_id_alone(s: &Bench) -> Outcome {
    let (_, keys) = of_one(s, 3).await?;
    for key in &keys {
        same("key", &s.groups().locate(key.id).await?, &Some(key.clone()))?;
    }
    same("no key", &s.groups().locate(s.key().id).await?, &None)
}

/// Sets the group's only timer.
async fn time(s: &Bench, group: &mut Group, ms: Option<u64>) -> Outcome {
    let mut change = sample::desired(group, 3);
    let at = ms.map(Timestamp::from_unix_ms);
    let timers = at.map(|at| (sample::text("nightly"), at));
    change.state.timers = timers.into_iter().collect();
    change.wake = Some(change.state.wake());
    s.applied(group, change).await
}

async fn groups_whose_time_has_come_are_listed_earliest_first(s: &Bench) -> Outcome {
    let mut groups = [s.group().await?, s.group().await?, s.group().await?];
    for (group, ms) in groups.iter_mut().zip([7_003, 7_001, 7_005]) {
        time(s, group, Some(ms)).await?;
    }
    let keys = groups.each_ref().map(|group| group.key.clone());
    let ours = |key: &GroupKey| keys.contains(key);
    let timed = async |by: u64| {
        let by = Timestamp::from_unix_ms(by);
        let timed = s.groups().timed(by, 1_000, &ours).await?;
        let timed = timed.into_iter().map(|(at, key)| (at.unix_ms(), key));
        Ok::<_, Failure>(timed.collect::<Vec<_>>())
    };
    same("too early", &timed(7_000).await?, &Vec::new())?;
    let both = vec![(7_001, keys[1].clone()), (7_003, keys[0].clone())];
    same("two are due", &timed(7_004).await?, &both)?;
    let later = |key: &GroupKey| *key == keys[0];
    let by = Timestamp::from_unix_ms(7_004);
    let found = s.groups().timed(by, 1, &later).await?;
    let found: Vec<_> = found.into_iter().map(|(_, key)| key).collect();
    same(
        "what is not wanted takes no place",
        &found,
        &vec![keys[0].clone()],
    )?;
    time(s, &mut groups[1], Some(7_009)).await?;
    time(s, &mut groups[2], None).await?;
    let change = sample::desired(&groups[0], 4);
    holds(
        "a change of something else",
        change.wake != Some(Wake::Never),
    )?;
    s.applied(&mut groups[0], change).await?;
    let rest = vec![(7_003, keys[0].clone()), (7_009, keys[1].clone())];
    same("moved and cleared", &timed(8_000).await?, &rest)
}
