use std::sync::Arc;
use std::time::Duration;

use chassis::{Mono, Secret};
use domain::ids::{GroupId, Nonce, SlotId};
use serde_json::{Value, json};

use super::*;
use crate::openstack::TokenInner;
use crate::proof::Mint;

fn keys() -> ProofKeys {
    let key = Secret::new("0123456789abcdef0123456789abcdef".to_owned()).expect("not empty");
    ProofKeys::new(1, [(1, key)]).expect("a good key")
}

fn token() -> Token {
    let secret = Secret::new("CANARY".to_owned()).expect("not empty");
    let compute = "http://nova/v2.1".to_owned();
    let highest = "2.93".parse().expect("a microversion");
    Token {
        tenant: "tenant-a".parse().expect("a tenant"),
        project: "p1".to_owned(),
        user: "u1".to_owned(),
        serial: 1,
        inner: Arc::new(TokenInner::new(
            secret,
            compute,
            highest,
            (Mono::START, Duration::from_secs(3600)),
        )),
    }
}

const MINT: Mint = Mint {
    group: GroupId::from_u128(1),
    slot: SlotId::from_u128(2),
    nonce: Nonce::from_u128(3),
};
const VALID: Proven = Proven::Valid {
    group: MINT.group,
    slot: MINT.slot,
};

/// A server of ours as Nova 2.93 shows it, cut down.
fn row() -> Value {
    let token = token();
    let metadata: serde_json::Map<String, Value> = keys()
        .stamp(&token.project, &token.tenant, &MINT)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
    json!({
        "id": "00000000-0000-4000-8000-000000000009", "name": "x", "status": "ACTIVE", "tenant_id": "p1", "user_id": "u1",
        "metadata": metadata, "addresses": {"n": [{"addr": "10.0.0.1", "version": 4}]}, "OS-EXT-STS:task_state": null,
        "OS-EXT-STS:vm_state": "active", "tags": [], "flavor": {"vcpus": 1, "extra_specs": {}}, "locked": false,
    })
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut row = row();
    for (name, value) in changes {
        row[*name] = value.clone();
    }
    row
}

fn seen(row: &Value) -> Server {
    let text = json!({ "servers": [row] }).to_string();
    let rows: Rows<'_> = serde_json::from_str(&text).expect("rows");
    rows.servers[0].server(&token(), &keys()).expect("a server")
}

#[test]
fn a_server_of_ours_proves_itself() {
    let server = seen(&row());
    assert_eq!(
        (server.proven, server.ours, server.status),
        (VALID, true, Status::Up)
    );
}

#[test]
fn another_user_or_project_or_stripped_metadata_shows() {
    let copy = seen(&with(&[("user_id", json!("somebody"))]));
    assert_eq!((copy.proven, copy.ours), (VALID, false));
    for project in [json!("p2"), Value::Null] {
        let elsewhere = seen(&with(&[("tenant_id", project)]));
        assert_eq!((elsewhere.proven, elsewhere.ours), (Proven::No, false));
    }
    let stripped = seen(&with(&[("metadata", json!({}))]));
    assert_eq!((stripped.proven, stripped.ours), (Proven::No, true));
    let nulls = seen(&with(&[("metadata", json!({"as.p": null}))]));
    assert_eq!(nulls.proven, Proven::No);
}

#[test]
fn metadata_that_the_tag_does_not_agree_with_proves_nothing() {
    let other = SlotId::from_u128(0xbeef);
    for (tags, proven) in [
        (json!([tag::of(MINT.slot)]), VALID),
        (json!(["web", "as:web", tag::of(MINT.slot)]), VALID),
        (Value::Null, VALID),
        (json!([tag::of(other)]), Proven::No),
        (json!([tag::of(MINT.slot), tag::of(other)]), Proven::No),
    ] {
        let server = seen(&with(&[("tags", tags.clone())]));
        assert_eq!((server.proven, server.ours), (proven, true), "{tags}");
    }
}

#[test]
fn a_row_of_a_dead_cell_proves_nothing_either_way() {
    let row = json!({"id": "00000000-0000-4000-8000-000000000009", "status": "UNKNOWN", "tenant_id": "p1", "created": "2026-01-01T00:00:00Z", "links": []});
    let server = seen(&row);
    let expected = (Proven::Unreadable, false, Status::Unknown);
    assert_eq!((server.proven, server.ours, server.status), expected);
    let mut known = with(&[]);
    known.as_object_mut().expect("an object").remove("metadata");
    assert_eq!(seen(&known).proven, Proven::Unreadable);
}

#[test]
fn statuses_are_told_by_what_is_done_about_them() {
    for (status, meaning) in [
        ("BUILD", Status::Building),
        ("ACTIVE", Status::Up),
        ("REBOOT", Status::Up),
        ("HARD_REBOOT", Status::Up),
        ("PASSWORD", Status::Up),
        ("MIGRATING", Status::Up),
        ("SHUTOFF", Status::Held),
        ("PAUSED", Status::Held),
        ("SUSPENDED", Status::Held),
        ("SHELVED", Status::Held),
        ("SHELVED_OFFLOADED", Status::Held),
        ("RESCUE", Status::Held),
        ("RESIZE", Status::Held),
        ("VERIFY_RESIZE", Status::Held),
        ("REVERT_RESIZE", Status::Held),
        ("REBUILD", Status::Held),
        ("SOMETHING_NEW", Status::Held),
        ("DELETED", Status::Leaving),
        ("SOFT_DELETED", Status::Leaving),
        ("ERROR", Status::Error(Fault::Other, String::new())),
    ] {
        assert_eq!(
            seen(&with(&[("status", json!(status))])).status,
            meaning,
            "{status}"
        );
    }
    for task in ["deleting", "soft-deleting"] {
        let server = with(&[("OS-EXT-STS:task_state", json!(task))]);
        assert_eq!(seen(&server).status, Status::Leaving);
    }
    let spawning = with(&[
        ("status", json!("BUILD")),
        ("OS-EXT-STS:task_state", json!("spawning")),
    ]);
    assert_eq!(seen(&spawning).status, Status::Building);
}

#[test]
fn faults_of_a_build_are_told_by_their_words() {
    for (message, kind) in [
        (
            "No valid host was found. There are not enough hosts available.",
            Fault::NoCapacity,
        ),
        (
            "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures",
            Fault::NoCapacity,
        ),
        (
            "No fixed IP addresses available for network: n",
            Fault::NoCapacity,
        ),
        ("Zero fixed IPs available.", Fault::NoCapacity),
        (
            "No more IP addresses available on network n.",
            Fault::NoCapacity,
        ),
        (
            "Quota exceeded for instances: Requested 1, but already used 2 of 2 instances",
            Fault::Quota,
        ),
        ("Maximum number of ports exceeded", Fault::Quota),
        (
            "Build of instance 5 aborted: Volume did not finish being created",
            Fault::Other,
        ),
        ("", Fault::Other),
    ] {
        assert_eq!(fault(message), kind, "{message}");
        let row = with(&[
            ("status", json!("ERROR")),
            ("fault", json!({"code": 500, "message": message})),
        ]);
        assert_eq!(seen(&row).status, Status::Error(kind, message.to_owned()));
    }
    let escaped = with(&[
        ("status", json!("ERROR")),
        ("fault", json!({"message": "a\u{1b}b\n"})),
    ]);
    assert_eq!(
        seen(&escaped).status,
        Status::Error(Fault::Other, "a b".to_owned())
    );
}

#[test]
fn an_id_that_is_not_novas_is_no_server() {
    let text = json!({ "servers": [with(&[("id", json!("test-server-1"))])] }).to_string();
    let rows: Rows<'_> = serde_json::from_str(&text).expect("rows");
    assert_eq!(rows.servers[0].server(&token(), &keys()), None);
}

#[test]
fn more_pages_are_noticed() {
    for (links, more) in [
        (
            json!([{"rel": "next", "href": "http://nova/servers/detail?marker=5"}]),
            true,
        ),
        (json!([{"rel": "previous", "href": "x"}]), false),
        (json!([]), false),
    ] {
        let text = json!({"servers": [], "servers_links": links}).to_string();
        let rows: Rows<'_> = serde_json::from_str(&text).expect("rows");
        assert_eq!(rows.goes_on(), more, "{text}");
    }
}

#[test]
fn neither_a_token_nor_its_secret_part_shows_the_secret() {
    let token = token();
    for shown in [format!("{token:?}"), format!("{:#?}", token.inner)] {
        assert!(!shown.contains("CANARY"), "{shown}");
    }
}
