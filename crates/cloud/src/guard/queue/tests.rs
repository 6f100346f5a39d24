use proptest::prelude::*;

use super::*;

fn tenant(nth: usize) -> TenantId {
    format!("t{nth}").parse().expect("a tenant")
}

/// Serves whoever is first.
fn serve_first(queue: &mut Queue<usize>) -> Option<usize> {
    let first = queue.iter().next().map(|(ticket, _)| ticket)?;
    queue.serve(first)?;
    queue.leave(first)
}

proptest! {
    #[test]
    fn of_tenants_that_all_wait_none_is_served_twice_before_another(crowds in prop::collection::vec(1_usize..20, 1..6)) {
        let mut queue = Queue::new();
        for (nth, crowd) in crowds.iter().enumerate() {
            for _ in 0..*crowd {
                queue.enter(Priority::ScaleUp, &tenant(nth), nth);
            }
        }
        let least = crowds.iter().min().copied().unwrap_or_default();
        for _round in 0..least {
            let mut served: Vec<usize> = crowds.iter().filter_map(|_| serve_first(&mut queue)).collect();
            served.sort_unstable();
            prop_assert_eq!(served, (0..crowds.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nobody_is_lost_and_priorities_are_kept(asks in prop::collection::vec((0_usize..3, 0_usize..4), 0..60)) {
        let priorities = [Priority::Doubt, Priority::ScaleUp, Priority::Housekeeping];
        let mut queue = Queue::new();
        for (priority, nth) in &asks {
            queue.enter(priorities[*priority], &tenant(*nth), *priority);
        }
        let served: Vec<usize> = std::iter::from_fn(|| serve_first(&mut queue)).collect();
        prop_assert_eq!(served.len(), asks.len());
        prop_assert!(served.is_sorted());
    }
}

#[test]
fn a_tenant_that_was_away_gets_no_turns_for_that_time() {
    let mut queue = Queue::new();
    for _ in 0..5 {
        queue.enter(Priority::ScaleUp, &tenant(0), 0);
    }
    for _ in 0..3 {
        serve_first(&mut queue);
    }
    // It comes late: it takes turns from now on, and does not go before all who waited.
    for _ in 0..3 {
        queue.enter(Priority::ScaleUp, &tenant(1), 1);
    }
    let order: Vec<usize> = std::iter::from_fn(|| serve_first(&mut queue)).collect();
    assert_eq!(order, [1, 0, 1, 0, 1]);
}
