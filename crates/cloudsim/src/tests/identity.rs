//! Tokens.

use serde_json::{Value, json};

use super::harness::{START_MS, World};
use crate::{Outcome, Request, Response};

fn ask(world: &mut World, request: Request) -> Response {
    match world.send(request) {
        Some(Outcome::Answer(response)) => response,
        other => panic!("no answer but {other:?}"),
    }
}

fn sign_in(world: &mut World, user: &Value, scope: &Value) -> Response {
    let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}});
    ask(world, Request::post("/v3/auth/tokens", &body.to_string()))
}

#[test]
fn a_password_gives_a_token_for_a_project_by_id_or_name() {
    let mut world = World::instant();
    let domain = json!({"id": "default"});
    let users = [
        json!({"id": "autoscaler", "password": "password"}),
        json!({"name": "autoscaler", "domain": domain, "password": "password"}),
    ];
    let scopes = [
        json!({"project": {"id": "tenant-a"}}),
        json!({"project": {"name": "tenant-a", "domain": {"name": "Default"}}}),
    ];
    for user in &users {
        for scope in &scopes {
            let signed = sign_in(&mut world, user, scope);
            assert_eq!(signed.status, 201, "{user} {scope}");
            world.token = signed.header("x-subject-token").unwrap().to_owned();
            assert_eq!(world.get("/limits").status, 200);
            let token = &signed.value()["token"];
            assert_eq!(token["project"]["id"], "tenant-a");
            assert_eq!(token["user"]["id"], "autoscaler");
            assert_eq!(token["issued_at"], "2023-11-14T22:13:20.000000Z");
            assert_eq!(token["expires_at"], "2023-11-14T23:13:20.000000Z");
        }
    }
}

#[test]
fn the_catalog_names_each_service_by_region_and_interface() {
    let mut world = World::instant();
    world.sim.set_base_url("http://cloud.test:1/");
    let user = json!({"id": "autoscaler", "password": "password"});
    let signed = sign_in(&mut world, &user, &json!({"project": {"id": "tenant-a"}}));
    let catalog = signed.value()["token"]["catalog"].clone();
    let url = |kind: &str| {
        let services = catalog.as_array().unwrap();
        let service = services.iter().find(|s| s["type"] == kind).unwrap();
        let endpoints = service["endpoints"].as_array().unwrap();
        let found = endpoints
            .iter()
            .find(|e| e["interface"] == "public" && e["region"] == "RegionOne");
        found.unwrap()["url"].as_str().unwrap().to_owned()
    };
    assert_eq!(url("compute"), "http://cloud.test:1/compute/RegionOne/v2.1");
    assert_eq!(url("image"), "http://cloud.test:1/image/RegionOne");
    assert_eq!(url("identity"), "http://cloud.test:1/identity");
}

#[test]
fn wrong_passwords_and_foreign_projects_get_401() {
    let mut world = World::instant();
    let scope = json!({"project": {"id": "tenant-a"}});
    let wrong = json!({"id": "autoscaler", "password": "guess"});
    assert_eq!(sign_in(&mut world, &wrong, &scope).status, 401);
    let nobody = json!({"id": "nobody", "password": "password"});
    assert_eq!(sign_in(&mut world, &nobody, &scope).status, 401);
    let other = json!({"id": "tenant-b-user", "password": "password"});
    assert_eq!(sign_in(&mut world, &other, &scope).status, 401);
    let garbage = Request::post("/v3/auth/tokens", "{");
    assert_eq!(ask(&mut world, garbage).status, 400);
}

#[test]
fn an_application_credential_is_bound_to_its_project() {
    let mut world = World::instant();
    for credential in [
        json!({"id": "credential-a", "secret": "secret"}),
        json!({"name": "autoscaler-a", "secret": "secret", "user": {"id": "autoscaler"}}),
    ] {
        let identity =
            json!({"methods": ["application_credential"], "application_credential": credential});
        let body = json!({"auth": {"identity": identity}});
        let signed = ask(
            &mut world,
            Request::post("/identity/v3/auth/tokens", &body.to_string()),
        );
        assert_eq!(signed.status, 201);
        assert_eq!(signed.value()["token"]["project"]["id"], "tenant-a");
    }
    let identity = json!({"methods": ["application_credential"],
        "application_credential": {"id": "credential-a", "secret": "guess"}});
    let body = json!({"auth": {"identity": identity}}).to_string();
    assert_eq!(
        ask(&mut world, Request::post("/v3/auth/tokens", &body)).status,
        401
    );
}

#[test]
fn a_token_without_a_project_is_not_enough_for_nova() {
    let mut world = World::instant();
    let user = json!({"id": "autoscaler", "password": "password"});
    let signed = sign_in(&mut world, &user, &Value::Null);
    world.token = signed.header("x-subject-token").unwrap().to_owned();
    assert_eq!(world.get("/limits").status, 403);
}

#[test]
fn an_expired_token_gets_401_even_from_a_cache() {
    let mut world = World::instant();
    assert_eq!(world.get("/limits").status, 200);
    world.now_ms = START_MS + 3_599_999;
    assert_eq!(world.get("/limits").status, 200);
    world.now_ms = START_MS + 3_600_000;
    assert_eq!(world.get("/limits").status, 401);
}

#[test]
fn fact_13_a_revoked_token_works_until_the_cache_lets_go_of_it() {
    let mut world = World::instant();
    assert_eq!(world.get("/limits").status, 200);
    let revoke = Request::new("DELETE", "/v3/auth/tokens")
        .with_header("x-auth-token", &world.token)
        .with_header("x-subject-token", &world.token);
    assert_eq!(ask(&mut world, revoke).status, 204);
    world.now_ms = START_MS + 299_999;
    assert_eq!(world.get("/limits").status, 200);
    world.now_ms = START_MS + 300_000;
    assert_eq!(world.get("/limits").status, 401);
}

#[test]
fn fact_13_a_token_revoked_before_nova_saw_it_never_works() {
    let mut world = World::instant();
    world.sim.revoke_tokens(START_MS, "autoscaler");
    assert_eq!(world.get("/limits").status, 401);
    world.become_user("autoscaler", "tenant-a");
    assert_eq!(world.get("/limits").status, 200);
    world.sim.expire_tokens(START_MS);
    assert_eq!(world.get("/limits").status, 401);
}

#[test]
fn a_token_can_be_looked_at_by_another() {
    let mut world = World::instant();
    let subject = world
        .sim
        .sign_in(START_MS, "tenant-b-user", "tenant-b")
        .unwrap();
    let look = Request::get("/v3/auth/tokens")
        .with_header("x-auth-token", &world.token)
        .with_header("x-subject-token", &subject);
    let shown = ask(&mut world, look.clone());
    assert_eq!(shown.value()["token"]["project"]["id"], "tenant-b");
    world.sim.revoke_tokens(START_MS, "tenant-b-user");
    assert_eq!(ask(&mut world, look).status, 404);
}

#[test]
fn signing_in_where_one_has_no_role_is_refused() {
    let mut world = World::instant();
    assert!(
        world
            .sim
            .sign_in(START_MS, "tenant-a-user", "tenant-b")
            .is_err()
    );
    assert!(world.sim.sign_in(START_MS, "nobody", "tenant-b").is_err());
}
