//! A chain of records shows what was done to it.

use domain::ids::GroupKey;

use super::*;
use crate::conformance::sample::{self, NOON};

fn chain() -> Vec<CommitRecord> {
    let key = GroupKey {
        tenant: sample::text("tenant"),
        id: domain::ids::GroupId::from_u128(1),
        epoch: domain::ids::HomeEpoch(1),
    };
    let group = domain::group::Group::new(key, sample::config());
    let mut previous = GENESIS;
    (1..=5)
        .map(|rev| {
            let change = sample::desired(&group, rev);
            let nonce = Nonce::from_u128(u128::from(rev));
            let opened = open(&change, Rev(u64::from(rev)), nonce);
            let sealed = seal(
                opened,
                (Size(rev - 1), Size(rev)),
                &["name", "max"],
                previous,
            );
            previous = sealed.hash;
            sealed
        })
        .collect()
}

#[test]
fn an_untouched_chain_verifies_in_one_piece_and_in_two() {
    let chain = chain();
    let whole = verify(&chain, Rev(1), GENESIS).unwrap();
    let half = verify(&chain[..2], Rev(1), GENESIS).unwrap();
    assert_eq!(verify(&chain[2..], Rev(3), half), Ok(whole));
}

#[test]
fn a_removed_record_is_missed() {
    let mut chain = chain();
    chain.remove(2);
    assert_eq!(
        verify(&chain, Rev(1), GENESIS),
        Err(Broken::Missing(Rev(3)))
    );
}

#[test]
fn any_altered_field_shows() {
    let alterations: [fn(&mut CommitRecord); 7] = [
        |r| r.nonce = Nonce::from_u128(99),
        |r| r.cause = Cause::Delete,
        |r| r.actor.name.push('x'),
        |r| r.actor.request_id.push('x'),
        |r| r.actor.kind = ActorKind::System,
        |r| r.at = NOON.plus(std::time::Duration::from_millis(1)),
        |r| r.detail.push(' '),
    ];
    for alter in alterations {
        let mut chain = chain();
        alter(&mut chain[2]);
        assert_eq!(
            verify(&chain, Rev(1), GENESIS),
            Err(Broken::Altered(Rev(3)))
        );
    }
}

#[test]
fn a_record_sealed_anew_breaks_the_next_one() {
    let mut chain = chain();
    chain[2].detail.push(' ');
    chain[2].hash = digest(&chain[2]);
    assert_eq!(
        verify(&chain, Rev(1), GENESIS),
        Err(Broken::Altered(Rev(4)))
    );
}

#[test]
fn text_cannot_move_from_one_field_to_the_next() {
    let mut one = chain().remove(0);
    let mut two = one.clone();
    one.actor.name = String::from("ab");
    one.actor.request_id = String::from("c");
    two.actor.name = String::from("a");
    two.actor.request_id = String::from("bc");
    assert_ne!(digest(&one), digest(&two));
}

#[test]
fn the_detail_is_json_for_people() {
    let detail = &chain()[1].detail;
    assert_eq!(
        detail,
        r#"{"desired":[1,2],"configured":["name","max"],"phase":"running"}"#
    );
}

#[test]
fn every_configuration_key_that_differs_is_named() {
    let same = configured(&sample::config(), &sample::config());
    assert_eq!(same, Vec::<&str>::new());
    let all = configured(&sample::config(), &sample::other_config());
    assert_eq!(all.len(), 11);
}
