//! What owners edit, and what others do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::harness::World;
use crate::{BuildError, DeletedBy, Outside, Plant, Settings, Status};

#[test]
fn metadata_is_merged_by_post_and_replaced_by_put() {
    let mut world = World::instant();
    let id = world.create("as:a");
    let path = format!("/servers/{id}/metadata");
    let merged = world.call("POST", &path, &json!({"metadata": {"b": "2"}}));
    assert_eq!(
        merged.value(),
        json!({"metadata": {"as.s": "as:a", "b": "2"}})
    );
    let item = world.call("PUT", &format!("{path}/c"), &json!({"meta": {"c": "3"}}));
    assert_eq!(item.value(), json!({"meta": {"c": "3"}}));
    assert_eq!(
        world
            .call("DELETE", &format!("{path}/b"), &Value::Null)
            .status,
        204
    );
    assert_eq!(world.get(&format!("{path}/b")).status, 404);
    let replaced = world.call("PUT", &path, &json!({"metadata": {}}));
    assert_eq!(replaced.value(), json!({"metadata": {}}));
    assert_eq!(world.get(&path).value(), json!({"metadata": {}}));
}

#[test]
fn metadata_is_bounded() {
    let mut world = World::instant();
    let id = world.create("as:a");
    let path = format!("/servers/{id}/metadata");
    let many: BTreeMap<_, _> = (0..129).map(|n| (n.to_string(), "x")).collect();
    let refused = world.call("PUT", &path, &json!({"metadata": many}));
    assert_eq!(refused.status, 403);
    let long = world.call("PUT", &path, &json!({"metadata": {"k": "x".repeat(256)}}));
    assert_eq!(long.status, 400);
}

#[test]
fn tags_are_set_one_by_one_or_all_at_once() {
    let mut world = World::instant();
    let id = world.create("as:a");
    let path = format!("/servers/{id}/tags");
    assert_eq!(
        world
            .call("PUT", &format!("{path}/new"), &Value::Null)
            .status,
        201
    );
    assert_eq!(
        world
            .call("PUT", &format!("{path}/new"), &Value::Null)
            .status,
        204
    );
    assert_eq!(world.get(&path).value(), json!({"tags": ["as:a", "new"]}));
    assert_eq!(
        world
            .call("DELETE", &format!("{path}/as%3Aa"), &Value::Null)
            .status,
        204
    );
    assert_eq!(
        world
            .call("DELETE", &format!("{path}/as%3Aa"), &Value::Null)
            .status,
        404
    );
    assert_eq!(
        world
            .call("PUT", &path, &json!({"tags": ["x", "y"]}))
            .status,
        200
    );
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(
        world.sim.server(&id).unwrap().asked.as_ref().unwrap().tags,
        ["as:a"]
    );
    assert!(world.sim.server(&id).unwrap().tags.is_empty());
}

#[test]
fn a_server_can_be_stopped_started_and_renamed() {
    let mut world = World::instant();
    let id = world.create("as:a");
    let path = format!("/servers/{id}");
    let action = format!("{path}/action");
    for (word, status) in [
        ("os-stop", "SHUTOFF"),
        ("os-start", "ACTIVE"),
        ("pause", "PAUSED"),
        ("suspend", "SUSPENDED"),
    ] {
        assert_eq!(
            world.call("POST", &action, &json!({word: null})).status,
            202
        );
        assert_eq!(world.status_of(&id), status);
    }
    assert_eq!(
        world.call("POST", &action, &json!({"fly": null})).status,
        400
    );
    let named = world.call("PUT", &path, &json!({"server": {"name": "db"}}));
    assert_eq!(named.value()["server"]["name"], "db");
}

#[test]
fn soft_deleted_servers_stay_for_a_while_and_can_come_back() {
    let settings = Settings {
        soft_delete_ms: 10_000,
        ..Settings::default()
    };
    let mut world = World::with(settings, crate::Faults::instant());
    let id = world.create("as:a");
    let path = format!("/servers/{id}");
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(world.status_of(&id), "SOFT_DELETED");
    assert!(world.list("").is_empty());
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 409);
    let back = world.call("POST", &format!("{path}/action"), &json!({"restore": null}));
    assert_eq!(back.status, 202);
    world.wait(10_000);
    assert_eq!(world.status_of(&id), "ACTIVE");
    world.call("DELETE", &path, &Value::Null);
    world.wait(10_000);
    assert_eq!(world.status_of(&id), "gone");
}

#[test]
fn what_others_do_shows() {
    let mut world = World::instant();
    let id = world.create("as:a");
    for (outside, status) in [
        (Outside::Stop, "SHUTOFF"),
        (
            Outside::Error {
                reason: BuildError::BuildFailed,
            },
            "ERROR",
        ),
        (Outside::Start, "ACTIVE"),
        (Outside::Pause, "PAUSED"),
        (Outside::Vanish, "gone"),
    ] {
        world.sim.outside(world.now_ms, &id, &outside).unwrap();
        assert_eq!(world.status_of(&id), status);
    }
    let end = world.sim.server(&id).unwrap().deleted.unwrap();
    assert_eq!(end.by, DeletedBy::Outside);
    assert!(
        world
            .sim
            .outside(world.now_ms, "none", &Outside::Stop)
            .is_err()
    );
}

#[test]
fn a_delete_of_a_protected_server_is_answered_and_ignored() {
    let mut world = World::instant();
    let id = world.create("as:a");
    world
        .sim
        .outside(world.now_ms, &id, &Outside::Protect)
        .unwrap();
    let deleted = world.call("DELETE", &format!("/servers/{id}"), &Value::Null);
    assert_eq!(deleted.status, 204);
    assert_eq!(world.status_of(&id), "ACTIVE");
    assert_eq!(world.sim.counts().servers_deleted, 0);
}

#[test]
fn planted_servers_look_like_others_but_were_asked_by_nobody() {
    let mut world = World::instant();
    let ours = world.create("as:a");
    let copy = world.sim.server(&ours).unwrap().clone();
    let plant = Plant {
        project: "tenant-a".to_owned(),
        user: "tenant-a-user".to_owned(),
        name: copy.name,
        metadata: copy.metadata,
        tags: copy.tags,
        ..Plant::default()
    };
    let id = world.sim.plant(world.now_ms, plant).unwrap();
    assert_eq!(world.list("?tags=as:a"), [id.clone(), ours]);
    let server = world.sim.server(&id).unwrap();
    assert!(server.asked.is_none() && server.status == Status::Active);
    assert_eq!(world.sim.counts().servers_created, 1);
    let stuck = Plant {
        project: "tenant-a".to_owned(),
        stuck: true,
        ..Plant::default()
    };
    let stuck = world.sim.plant(world.now_ms, stuck).unwrap();
    world.wait(1_000_000);
    assert_eq!(world.sim.server(&stuck).unwrap().status, Status::Build);
}

#[test]
fn key_pairs_are_unique_per_user() {
    let mut world = World::instant();
    let body = json!({"keypair": {"name": "as-home-1", "public_key": "ssh-ed25519 AAAA"}});
    assert_eq!(world.call("POST", "/os-keypairs", &body).status, 201);
    assert_eq!(world.call("POST", "/os-keypairs", &body).status, 409);
    assert_eq!(world.get("/os-keypairs/as-home-1").status, 200);
    let without = json!({"keypair": {"name": "as-home-2"}});
    assert_eq!(world.call("POST", "/os-keypairs", &without).status, 400);
    assert_eq!(world.sim.counts().by_call[&crate::Call::KeyPair], 4);
    world.become_user("tenant-a-user", "tenant-a");
    assert_eq!(world.get("/os-keypairs").value(), json!({"keypairs": []}));
    assert_eq!(world.call("POST", "/os-keypairs", &body).status, 201);
    assert_eq!(
        world
            .call("DELETE", "/os-keypairs/as-home-1", &Value::Null)
            .status,
        204
    );
    assert_eq!(
        world
            .call("DELETE", "/os-keypairs/as-home-1", &Value::Null)
            .status,
        404
    );
}

#[test]
fn flavors_and_images_can_be_looked_up() {
    let mut world = World::instant();
    assert_eq!(world.get("/flavors/2").value()["flavor"]["vcpus"], 2);
    assert_eq!(
        world.get("/flavors/detail").value()["flavors"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    for (id, status) in [("11111111-1111-4111-8111-111111111111", 200), ("none", 404)] {
        let request = crate::Request::get(&format!("/image/RegionOne/v2/images/{id}"))
            .with_header("x-auth-token", &world.token);
        let Some(crate::Outcome::Answer(image)) = world.send(request) else {
            panic!("no answer");
        };
        assert_eq!(image.status, status);
    }
}
