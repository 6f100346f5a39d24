use super::*;
use crate::fixture;
use crate::group::Group;
use crate::slot::{GoneWhy, State};

fn server(n: u128) -> ServerId {
    ServerId::from_u128(n)
}

/// A group of min 1 with two servers in service.
fn two() -> Group {
    let mut group = fixture::group(1, 5, 2);
    for n in [1, 2] {
        group.slots.put(fixture::slot(n, State::Active(server(n))));
    }
    group
}

#[test]
fn a_named_server_leaves_and_its_place_is_kept_or_not() {
    let group = two();
    for (replace, desired) in [(Replace::Refill, 2), (Replace::Shrink, 1)] {
        let mut draft = Draft::new(&group, fixture::at(100));
        assert_eq!(
            remove(&mut draft, server(1), Purge::Delete, replace),
            Ok(())
        );
        assert_eq!(draft.state.desired.0, desired);
        assert_eq!(draft.census().wanted.0, 1);
        let again = remove(&mut draft, server(1), Purge::Delete, replace);
        assert_eq!(again, Err(NotRemoved::NotFound), "it is on its way already");
    }
}

#[test]
fn a_server_that_is_kept_is_handed_back() {
    let group = two();
    let mut draft = Draft::new(&group, fixture::at(100));
    assert_eq!(
        remove(&mut draft, server(2), Purge::Keep, Replace::Refill),
        Ok(())
    );
    let gone = draft
        .ended()
        .any(|slot| slot.state == State::Gone(server(2), GoneWhy::HandedBack));
    assert!(gone);
}

#[test]
fn nobody_leaves_a_group_at_its_min_without_a_substitute() {
    let mut group = two();
    group.state.desired = crate::capacity::Size(1);
    let mut draft = Draft::new(&group, fixture::at(100));
    let shrink =
        |draft: &mut Draft<'_>, n| remove(draft, server(n), Purge::Delete, Replace::Shrink);
    assert_eq!(shrink(&mut draft, 1), Err(NotRemoved::BelowMin));
    assert_eq!(
        shrink(&mut draft, 9),
        Err(NotRemoved::NotFound),
        "said first"
    );
    assert!(draft.is_empty());
}
