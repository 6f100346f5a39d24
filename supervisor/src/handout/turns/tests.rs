use domain::ids::{GroupId, HomeEpoch};

use super::*;

fn key(tenant: &str, id: u128) -> GroupKey {
    GroupKey {
        tenant: tenant.parse().expect("a tenant"),
        id: GroupId::from_u128(id),
        epoch: HomeEpoch(0),
    }
}

/// Every tenant can be served.
const fn all(_: &TenantId) -> bool {
    true
}

#[test]
fn a_tenant_with_many_groups_holds_nobody_up() {
    let mut turns = Turns::default();
    (0..1_000).for_each(|id| turns.wait(&key("loud", id)));
    turns.wait(&key("quiet", 7));
    turns.wait(&key("quiet", 7));
    let woken = turns.wake(4, all);
    let expected = [
        key("loud", 0),
        key("quiet", 7),
        key("loud", 1),
        key("loud", 2),
    ];
    assert_eq!(woken, expected);
    turns.wait(&key("quiet", 8));
    assert_eq!(turns.wake(2, all), [key("loud", 3), key("quiet", 8)]);
    assert_eq!(turns.wake(5_000, all).len(), 996);
    assert!(turns.is_empty());
}

#[test]
fn while_another_waits_a_tenant_takes_a_quarter() {
    let mut turns = Turns::default();
    let share = |turns: &Turns, offered| turns.share(&key("a", 0).tenant, offered, all);
    turns.wait(&key("a", 1));
    assert_eq!(share(&turns, 40), 40);
    turns.wait(&key("b", 1));
    assert_eq!((share(&turns, 40), share(&turns, 1)), (10, 1));
    assert_eq!(share(&turns, 0), 0);
}

#[test]
fn tenants_that_cannot_be_served_take_no_turns_and_no_shares_and_are_woken_one_at_a_time() {
    let mut turns = Turns::default();
    let is_served =
        |tenant: &TenantId| tenant.as_str() != "refused" && tenant.as_str() != "unknown";
    for id in 0..3 {
        for tenant in ["refused", "unknown", "a", "b"] {
            turns.wait(&key(tenant, id));
        }
    }
    let woken = turns.wake(3, is_served);
    assert_eq!(
        woken,
        [key("refused", 0), key("a", 0), key("b", 0), key("a", 1)]
    );
    let woken = turns.wake(3, is_served);
    assert_eq!(
        woken,
        [key("unknown", 0), key("b", 1), key("a", 2), key("b", 2)]
    );
    assert_eq!(turns.wake(3, is_served), [key("refused", 1)]);
    assert!(turns.wake(0, is_served).is_empty());
    assert_eq!(turns.share(&key("a", 0).tenant, 40, is_served), 40);
}

#[test]
fn queued_operations_go_by_priority_and_round_by_tenant_and_a_flood_is_cut_off() {
    let tenant = |name: &str| name.parse::<TenantId>().expect("a tenant");
    let (loud, quiet) = (tenant("loud"), tenant("quiet"));
    let mut lines = Lines::default();
    let mut queue = BTreeMap::new();
    for arrived in 0..2_000 {
        if let Some(line) = lines.enter(Priority::Housekeeping, &loud, arrived) {
            queue.insert(line, &loud);
        }
    }
    assert_eq!(queue.len(), 1024);
    for (priority, arrived) in [(Priority::Housekeeping, 3_000), (Priority::Doubt, 3_001)] {
        let line = lines.enter(priority, &quiet, arrived).expect("room");
        queue.insert(line, &quiet);
    }
    let mut served = Vec::new();
    while let Some((line, tenant)) = queue.pop_first() {
        lines.leave(line, tenant);
        served.push(tenant);
    }
    assert_eq!(served[..4], [&quiet, &loud, &quiet, &loud]);
    assert!(lines.enter(Priority::Housekeeping, &loud, 1).is_some());
}
