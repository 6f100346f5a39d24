use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn member(n: u16) -> MemberName {
    format!("http://10.0.0.{n}:8071").parse().unwrap()
}

fn lease(n: u16, life: u128, beat: u64) -> Lease {
    Lease {
        member: member(n),
        life: Incarnation::from_u128(life),
        beat,
    }
}

fn at(seconds: u64) -> Mono {
    Mono::from_ms(seconds * 1_000)
}

fn live(members: &Members) -> Vec<MemberName> {
    members.live().cloned().collect()
}

fn some_members() -> impl Strategy<Value = BTreeSet<u16>> {
    prop::collection::btree_set(0..200_u16, 1..9)
}

proptest! {
    #[test]
    fn whoever_sees_the_same_members_names_the_same_owner(set in some_members()) {
        let forwards: Vec<MemberName> = set.iter().map(|n| member(*n)).collect();
        for shard in Shard::all() {
            let backwards = forwards.iter().rev();
            prop_assert_eq!(shard.owner(&forwards), shard.owner(backwards));
        }
    }

    #[test]
    fn only_the_shards_of_the_one_that_goes_move(set in some_members(), gone in any::<prop::sample::Index>()) {
        let all: Vec<MemberName> = set.iter().map(|n| member(*n)).collect();
        let gone = gone.get(&all);
        let rest: Vec<MemberName> = all.iter().filter(|m| *m != gone).cloned().collect();
        for shard in Shard::all() {
            let (before, after) = (shard.owner(&all), shard.owner(&rest));
            prop_assert!(before == after || before == Some(gone));
        }
    }

    #[test]
    fn shards_are_spread_evenly(set in some_members()) {
        let all: Vec<MemberName> = set.iter().map(|n| member(*n)).collect();
        let fair = usize::from(SHARDS) / all.len();
        for one in &all {
            let own = Shard::all().filter(|shard| shard.owner(&all) == Some(one)).count();
            prop_assert!(own * 2 > fair && own < fair * 2, "{} of {}", own, fair);
        }
    }
}

#[test]
fn a_member_is_dead_when_its_counter_stands_still_on_the_clock_of_who_looks() {
    let mut members = Members::default();
    for second in 0..20 {
        let stopped = if second < 4 { second } else { 3 };
        members.look([lease(1, 1, second), lease(2, 2, stopped)], at(second));
        let is_live = second - stopped < PATIENCE.as_secs();
        assert_eq!(live(&members).contains(&member(2)), is_live, "{second}");
        assert!(live(&members).contains(&member(1)));
    }
    // It stood still, and goes on.
    members.look([lease(2, 2, 4)], at(20));
    assert_eq!(live(&members), [member(2)]);
}

#[test]
fn who_leaves_is_gone_at_once_and_who_is_started_again_is_there_at_once() {
    let mut members = Members::default();
    members.look([lease(1, 1, 9), lease(2, 2, 9)], at(0));
    members.look([lease(1, 1, 10)], at(1));
    assert_eq!(live(&members), [member(1)]);
    // The row of its last life still stands there.
    members.look([lease(1, 1, 11), lease(2, 2, 9), lease(2, 3, 1)], at(2));
    assert_eq!(live(&members), [member(1), member(2)]);
}

#[test]
fn nobody_dies_because_the_store_cannot_be_read() {
    let mut members = Members::default();
    members.look([lease(1, 1, 1)], at(0));
    // No look for a minute: the view stays as it was, and the next one begins with what moved since.
    assert_eq!(live(&members), [member(1)]);
    members.look([lease(1, 1, 40)], at(60));
    assert_eq!(live(&members), [member(1)]);
}

#[test]
fn two_processes_of_one_name_are_noticed_and_a_successor_is_none() {
    let mut members = Members::default();
    let own = Incarnation::from_u128(2);
    members.look([lease(1, 1, 7), lease(1, 2, 1)], at(0));
    assert!(!members.has_double(&member(1), own));
    members.look([lease(1, 1, 7), lease(1, 2, 2)], at(1));
    assert!(!members.has_double(&member(1), own));
    members.look([lease(1, 1, 8), lease(1, 2, 3)], at(2));
    assert!(members.has_double(&member(1), own));
}
