//! What a real Nova does that a fake made by hand would probably get wrong (measured on a real one; numbers as there).

use serde_json::{Value, json};

use super::harness::{World, server, server_with};
use crate::{BuildError, Fault, Faults, Span};

#[test]
fn fact_1_a_metadata_filter_is_silently_ignored() {
    let mut world = World::instant();
    let ids = [world.create("as:a"), world.create("as:b")];
    let listed = world.list("?metadata=%7B%22as.s%22%3A%22as%3Aa%22%7D");
    assert_eq!(listed, [ids[1].clone(), ids[0].clone()]);
}

#[test]
fn fact_1_an_administrator_is_told_that_metadata_is_no_filter() {
    let mut world = World::instant();
    world.become_user("admin", "tenant-a");
    let old = world.call_at(89, "GET", "/servers/detail?metadata=x", &Value::Null);
    assert_eq!(old.status, 200);
    let new = world.get("/servers/detail?metadata=x");
    assert_eq!(new.status, 400);
    assert!(new.value()["badRequest"]["message"].is_string());
}

#[test]
fn fact_1_a_tag_filter_works_at_once_while_still_in_build() {
    let mut world = World::new(Faults {
        latency: Span::NONE,
        ..Faults::default()
    });
    let first = world.create("as:a");
    let second = world.create("as:b");
    assert_eq!(world.status_of(&first), "BUILD");
    assert_eq!(world.list("?tags=as%3Aa"), std::slice::from_ref(&first));
    assert_eq!(world.list("?tags-any=as:a,as:b"), [second.clone(), first]);
    assert_eq!(world.list("?not-tags=as:a"), [second]);
    // Before 2.26 the filter is unknown, and so ignored.
    assert_eq!(world.list_at(25, "?tags=as%3Aa").len(), 2);
}

#[test]
fn fact_1_a_tag_must_not_contain_a_slash_or_a_comma() {
    let mut world = World::instant();
    for tag in ["a/b", "a,b", "", &"x".repeat(61)] {
        let refused = world.call("POST", "/servers", &server(tag));
        assert_eq!(refused.status, 400, "{tag}");
    }
    world.create("a:b");
}

#[test]
fn fact_3_a_failed_build_is_accepted_first_and_in_error_later() {
    let mut world = World::new(Faults::default());
    let broken = world.call(
        "POST",
        "/servers",
        &server_with("availability_zone", json!("broken")),
    );
    assert_eq!(broken.status, 202);
    let id = broken.value()["server"]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.status_of(&id), "BUILD");
    world.wait(5_000);
    let shown = world.get(&format!("/servers/{id}")).value();
    assert_eq!(shown["server"]["status"], "ERROR");
    assert_eq!(shown["server"]["fault"]["code"], 500);
    let text = shown["server"]["fault"]["message"].as_str().unwrap();
    assert!(text.contains("No valid host"));
}

#[test]
fn fact_4_equal_creates_make_equal_servers_without_complaint() {
    let mut world = World::instant();
    let ids = [world.create("as:a"), world.create("as:a")];
    assert_ne!(ids[0], ids[1]);
    assert_eq!(world.sim.counts().creates_per_tag_max(), 2);
}

#[test]
fn fact_5_each_class_of_error_has_a_key_of_its_own() {
    let mut world = World::instant();
    let none = "/servers/99999999-9999-4999-8999-999999999999";
    for (method, path, status, key) in [
        ("POST", "/servers", 400, "badRequest"),
        ("GET", none, 404, "itemNotFound"),
        ("DELETE", none, 404, "itemNotFound"),
        ("GET", "/flavors/99", 404, "itemNotFound"),
    ] {
        let response = world.call(method, path, &Value::Null);
        assert_eq!(response.status, status, "{method} {path}");
        assert_eq!(response.value()[key]["code"], status, "{method} {path}");
    }
}

#[test]
fn fact_5_a_create_is_refused_for_what_does_not_exist() {
    let mut world = World::instant();
    for (key, value, status) in [
        ("flavorRef", json!("99"), 400),
        ("imageRef", json!("99"), 400),
        ("availability_zone", json!("moon"), 400),
        ("networks", json!([{"uuid": "99"}]), 400),
        ("key_name", json!("none"), 400),
        ("name", Value::Null, 400),
        ("colour", json!("red"), 400),
        ("flavorRef", json!("zero-disk"), 403),
    ] {
        let response = world.call("POST", "/servers", &server_with(key, value));
        assert_eq!(response.status, status, "{key}");
        let class = if status == 400 {
            "badRequest"
        } else {
            "forbidden"
        };
        assert_eq!(response.value()[class]["code"], status, "{key}");
    }
    assert!(world.sim.servers().is_empty());
}

#[test]
fn fact_5_a_server_of_another_project_cannot_be_found() {
    let mut world = World::instant();
    let id = world.create("as:a");
    world.become_user("autoscaler", "tenant-b");
    let path = format!("/servers/{id}");
    assert_eq!(world.get(&path).status, 404);
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 404);
    assert!(world.list("").is_empty());
    assert!(world.sim.server(&id).unwrap().deleted.is_none());
}

#[test]
fn fact_5_a_locked_server_refuses_its_delete_until_it_is_unlocked() {
    let mut world = World::instant();
    let id = world.create("as:a");
    let (path, action) = (format!("/servers/{id}"), format!("/servers/{id}/action"));
    assert_eq!(
        world.call("POST", &action, &json!({"lock": null})).status,
        202
    );
    let refused = world.call("DELETE", &path, &Value::Null);
    assert_eq!(refused.status, 409);
    assert_eq!(refused.value()["conflictingRequest"]["code"], 409);
    assert_eq!(
        world.call("POST", &action, &json!({"unlock": null})).status,
        202
    );
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 204);
}

#[test]
fn fact_5_a_bad_token_gets_401_and_is_told_where_to_sign_in() {
    let mut world = World::instant();
    world.token = "nonsense".to_owned();
    let refused = world.get("/servers/detail");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.value()["error"]["code"], 401);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Keystone uri="));
}

#[test]
fn fact_6_a_deleted_server_is_shown_a_little_longer_then_gone_for_a_second_delete_too() {
    let mut world = World::new(Faults::default());
    let id = world.create("as:a");
    world.wait(5_000);
    let path = format!("/servers/{id}");
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 204);
    let shown = world.get(&path).value();
    assert_eq!(shown["server"]["status"], "ACTIVE");
    assert_eq!(shown["server"]["OS-EXT-STS:task_state"], "deleting");
    world.wait(5_000);
    assert_eq!(world.get(&path).status, 404);
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 404);
    assert!(world.list("").is_empty());
}

#[test]
fn fact_6_changes_since_lists_deleted_servers_too() {
    let mut world = World::instant();
    let id = world.create("as:a");
    world.wait(60_000);
    world.call("DELETE", &format!("/servers/{id}"), &Value::Null);
    world.wait(1);
    let since = crate::calendar::Iso(world.now_ms - 30_000).to_string();
    let path = format!("/servers/detail?changes-since={since}");
    let list = world.get(&path).value();
    assert_eq!(list["servers"][0]["id"], id.as_str());
    assert_eq!(list["servers"][0]["status"], "DELETED");
}

#[test]
fn fact_6_a_delete_while_building_ends_the_build() {
    let mut world = World::new(Faults::default());
    let id = world.create("as:a");
    world.call("DELETE", &format!("/servers/{id}"), &Value::Null);
    world.wait(10_000);
    assert_eq!(world.status_of(&id), "gone");
    assert_eq!(world.sim.server(&id).unwrap().active_ms, None);
}

#[test]
fn fact_7_there_are_no_rate_limits_by_itself() {
    let mut world = World::instant();
    let limits = world.get("/limits").value();
    assert_eq!(limits["limits"]["rate"], json!([]));
}

#[test]
fn fact_8_every_answer_carries_its_request_id() {
    let mut world = World::instant();
    let (one, two) = (world.get("/limits"), world.get("/servers/nonsense"));
    let id = one.header("x-openstack-request-id").unwrap();
    assert!(id.starts_with("req-"));
    assert_eq!(one.header("x-compute-request-id"), Some(id));
    assert_ne!(two.header("x-openstack-request-id"), Some(id));
}

#[test]
fn fact_10_the_user_id_survives_what_the_owner_does() {
    let mut world = World::instant();
    let id = world.create("as:a");
    world.become_user("tenant-a-user", "tenant-a");
    let path = format!("/servers/{id}");
    let put = world.call(
        "PUT",
        &format!("{path}/metadata"),
        &json!({"metadata": {"mine": "now"}}),
    );
    assert_eq!(put.status, 200);
    let rebuilt = world.call(
        "POST",
        &format!("{path}/action"),
        &json!({"rebuild": {"imageRef": "11111111-1111-4111-8111-111111111111", "metadata": {"x": "y"}}}),
    );
    assert_eq!(rebuilt.status, 202);
    let shown = world.get(&path).value();
    assert_eq!(shown["server"]["user_id"], "autoscaler");
    assert_eq!(shown["server"]["metadata"], json!({"x": "y"}));
    let asked = world.sim.server(&id).unwrap().asked.clone().unwrap();
    assert_eq!(asked.metadata.unwrap()["as.s"], "as:a");
}

#[test]
fn fact_11_personality_and_tags_go_together_from_2_52_to_2_56() {
    let mut world = World::instant();
    let body = server_with("personality", json!([{"path": "/x", "contents": "eA=="}]));
    for (minor, status) in [(51, 400), (52, 202), (56, 202), (57, 400)] {
        let response = world.call_at(minor, "POST", "/servers", &body);
        assert_eq!(response.status, status, "2.{minor}");
    }
}

#[test]
fn fact_11_networks_are_required_from_2_37() {
    let mut world = World::instant();
    let mut none = server_with("networks", Value::Null);
    let refused = world.call("POST", "/servers", &none);
    assert_eq!(refused.status, 400);
    let text = refused.value()["badRequest"]["message"].to_string();
    assert!(text.contains("'networks' is a required property"));
    none["server"].as_object_mut().unwrap().remove("tags");
    assert_eq!(world.call_at(36, "POST", "/servers", &none).status, 202);
    for word in ["auto", "none"] {
        let body = server_with("networks", json!(word));
        assert_eq!(world.call("POST", "/servers", &body).status, 202, "{word}");
    }
}

#[test]
fn fact_11_only_a_server_with_a_network_has_an_address() {
    let mut world = World::instant();
    let auto = world.create("as:a");
    let none = world.call("POST", "/servers", &server_with("networks", json!("none")));
    let none = none.value()["server"]["id"].as_str().unwrap().to_owned();
    let with = world.get(&format!("/servers/{auto}")).value();
    assert!(with["server"]["addresses"]["lab-net"][0]["addr"].is_string());
    let without = world.get(&format!("/servers/{none}")).value();
    assert_eq!(without["server"]["addresses"], json!({}));
}

#[test]
fn fact_12_min_count_makes_several_servers_and_names_one() {
    let mut world = World::instant();
    let response = world.call("POST", "/servers", &server_with("min_count", json!(2)));
    assert_eq!(response.status, 202);
    assert!(response.value()["server"]["id"].is_string());
    let names: Vec<_> = world
        .sim
        .servers()
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    assert_eq!(names, ["web-1", "web-2"]);
}

#[test]
fn fact_12_a_reservation_answers_no_server_id() {
    let mut world = World::instant();
    let body = server_with("return_reservation_id", json!(true));
    let response = world.call("POST", "/servers", &body);
    assert_eq!(response.status, 202);
    assert!(response.value()["reservation_id"].is_string());
    assert!(response.value()["server"].is_null());
    assert_eq!(world.sim.servers().len(), 1);
}

#[test]
fn microversions_outside_the_range_are_refused() {
    let mut world = World::instant();
    assert_eq!(
        world.call_at(94, "GET", "/limits", &Value::Null).status,
        406
    );
    let request = world
        .request("GET", "/limits", 1, &Value::Null)
        .with_header("unused", "x");
    let mut latest = request;
    latest.headers[1].1 = "compute latest".to_owned();
    let Some(crate::Outcome::Answer(response)) = world.send(latest) else {
        panic!("no answer");
    };
    assert_eq!(
        response.header("openstack-api-version"),
        Some("compute 2.93")
    );
}

#[test]
fn rows_show_what_their_version_knows() {
    let mut world = World::instant();
    let id = world.create("as:a");
    let path = format!("/servers/{id}");
    let old = world.call_at(1, "GET", &path, &Value::Null).value();
    assert!(old["server"]["tags"].is_null() && old["server"]["locked"].is_null());
    assert_eq!(old["server"]["flavor"]["id"], "1");
    let new = world.get(&path).value();
    assert_eq!(new["server"]["tags"], json!(["as:a"]));
    assert_eq!(new["server"]["flavor"]["original_name"], "small");
    assert_eq!(new["server"]["tenant_id"], "tenant-a");
    assert_eq!(new["server"]["created"], "2023-11-14T22:13:20Z");
}

#[test]
fn a_build_fault_of_each_kind_says_so() {
    for (reason, part) in [
        (BuildError::NoValidHost, "No valid host"),
        (BuildError::NoFixedIps, "No fixed IP"),
        (BuildError::BuildFailed, "aborted"),
        (BuildError::Quota, "Quota exceeded for instances"),
    ] {
        let mut world =
            World::new(Faults::instant().with_nth_create(1, Fault::EndInError { reason }));
        let id = world.create("as:a");
        let shown = world.get(&format!("/servers/{id}")).value();
        let text = shown["server"]["fault"]["message"].as_str().unwrap();
        assert!(text.contains(part), "{text}");
    }
}
