//! Documents hold what the record says, and give it back.

use domain::event::{Actor, ActorKind};
use domain::group::Cause;
use domain::ids::{GroupId, Nonce};
use serde_json::Value;
use store::group::CommitRecord;
use store::record::{GENESIS, digest};

use super::*;

const SERVER: &str = "6f1b7c1e-0f0e-4a54-9a5f-0a2f6f1f8f11";

fn change() -> Found {
    let mut record = CommitRecord {
        rev: Rev(7),
        nonce: Nonce::from_u128(11),
        cause: Cause::Events,
        actor: Actor {
            kind: ActorKind::Caller,
            name: "ann".to_owned(),
            request_id: "r-1".to_owned(),
            from: None,
        },
        at: Timestamp::from_unix_ms(1_796_083_199_999),
        detail: format!(
            r#"{{"desired":[2,3],"phase":"running","slots":[["s","active","{SERVER}"]],"events":[["e","applied"]]}}"#
        ),
        previous: GENESIS,
        hash: GENESIS,
    };
    record.hash = digest(&record);
    let key = GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::from_u128(5),
        epoch: HomeEpoch(1),
    };
    Found { key, record }
}

#[test]
fn a_document_gives_its_change_back() {
    let [_, body] = lines("x", &change());
    let document: Document = serde_json::from_str(&body).unwrap();
    assert_eq!(document.found().unwrap(), change());
}

#[test]
fn a_document_lies_in_its_month_under_the_nonce_of_its_commit() {
    let [action, body] = lines("holt-history", &change());
    let action: Value = serde_json::from_str(&action).unwrap();
    let id = Nonce::from_u128(11).to_string();
    let expected = json!({"create": {"_index": "holt-history-2026.11", "_id": id}});
    assert_eq!(action, expected);
    let body: Value = serde_json::from_str(&body).unwrap();
    let told = json!([
        body["before"],
        body["after"],
        body["server"],
        body["verdict"]
    ]);
    assert_eq!(told, json!([2, 3, [SERVER], ["applied"]]));
}

#[test]
fn pieces_are_of_characters_not_of_bytes() {
    let of = |text| pieces(text).into_iter().collect::<Vec<_>>();
    assert_eq!(of("ab"), Vec::<String>::new());
    assert_eq!(of("abc"), ["abc"]);
    assert_eq!(of("aübé"), ["aüb", "übé"]);
}
