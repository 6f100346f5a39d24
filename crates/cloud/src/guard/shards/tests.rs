use std::collections::BTreeSet;

use super::*;

fn tenant(number: usize) -> TenantId {
    format!("tenant-{number}").parse().expect("a tenant")
}

/// Fills whatever a tenant may use.
fn fill(shards: &mut Shards, tenant: &TenantId, limit: u32) -> u32 {
    let mut taken = 0;
    while let Some(shard) = shards.find(tenant, limit) {
        shards.begin(shard);
        taken += 1;
    }
    taken
}

#[test]
fn a_tenant_whose_calls_hang_leaves_room_for_nearly_everybody_else() {
    let (limit, tenants) = (40, 200);
    let mut shards = Shards::default();
    assert_eq!(fill(&mut shards, &tenant(0), limit), 20);
    let shut_out = (1..tenants).filter(|n| shards.find(&tenant(*n), limit).is_none());
    let shut_out = shut_out.count();
    assert!(shut_out <= tenants / 14, "{shut_out} of {tenants}");
}

#[test]
fn every_pair_of_lanes_is_in_use_and_none_is_one_lane_twice() {
    let pairs: BTreeSet<(usize, usize)> = (0..2_000)
        .map(|n| of(&tenant(n)))
        .map(|[one, other]| (one.0.min(other.0), one.0.max(other.0)))
        .collect();
    assert_eq!(pairs.len(), 28);
    assert!(pairs.iter().all(|(one, other)| one != other));
}

#[test]
fn what_ends_makes_room_again() {
    let mut shards = Shards::default();
    let one = tenant(0);
    assert_eq!(fill(&mut shards, &one, 1), 2, "at least one in each lane");
    let [shard, _] = of(&one);
    shards.end(shard);
    assert_eq!(shards.find(&one, 1), Some(shard));
}
