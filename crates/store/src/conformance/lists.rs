//! Where the groups are.

use std::collections::BTreeSet;

use domain::group::{Group, Phase, Wake};
use domain::ids::{GroupId, GroupKey, HomeEpoch, TenantId};
use domain::time::Timestamp;

use super::case::{Bench, Failure, Outcome, cases, holds, same};
use super::sample;

cases! {
    a_tenants_groups_are_listed_in_order
    a_tenants_list_comes_in_pages
    a_tenants_list_shows_no_foreign_group
    a_tombstone_is_still_listed
    the_full_pass_meets_every_group_once
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

async fn a_tombstone_is_still_listed(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 0);
    change.state.phase = Phase::Tombstone;
    s.applied(&mut group, change).await?;
    let found = pages(s, &group.key.tenant, 100).await?.concat();
    same("groups", &found, &vec![group.key])
}

async fn the_full_pass_meets_every_group_once(s: &Bench) -> Outcome {
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
    let timed = async |by: u64| {
        let timed = s.groups().timed(Timestamp::from_unix_ms(by), 1_000).await?;
        let ours = timed.into_iter().filter(|(_, key)| keys.contains(key));
        Ok::<_, Failure>(
            ours.map(|(at, key)| (at.unix_ms(), key))
                .collect::<Vec<_>>(),
        )
    };
    same("too early", &timed(7_000).await?, &Vec::new())?;
    let both = vec![(7_001, keys[1].clone()), (7_003, keys[0].clone())];
    same("two are due", &timed(7_004).await?, &both)?;
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
