//! Where the groups are.

use std::collections::BTreeSet;

use domain::group::Phase;
use domain::ids::{GroupId, GroupKey, HomeEpoch, TenantId};

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
