use serde_json::{Value, json};

use super::*;

const GROUP: &str = "00010000-0000-8000-8000-000000000001";

fn settings() -> Settings {
    serde_json::from_value(json!({
        "roles": {"member": ["read", "crud", "trigger"], "reader": ["read"], "pager": ["trigger"]},
        "system_roles": {"admin": ["operate"], "reader": ["support"]},
        "limited": {"pager": [GROUP]},
        "tenants": {"p-1": "acme"},
    }))
    .unwrap()
}

fn caller(token: Value) -> Result<Caller, Refused> {
    let mut whole =
        json!({"expires_at": "2026-11-21T20:00:00.000000Z", "user": {"id": "u-1", "name": "ann"}});
    whole
        .as_object_mut()
        .unwrap()
        .extend(token.as_object().unwrap().clone());
    let token: Token = serde_json::from_value(whole).unwrap();
    Grants::new(&settings()).unwrap().caller(&token)
}

fn of(project: &str, roles: &[&str]) -> Caller {
    let roles: Vec<Value> = roles
        .iter()
        .map(|name| json!({"id": format!("id-{name}"), "name": name}))
        .collect();
    caller(json!({"project": {"id": project, "name": "x"}, "roles": roles})).unwrap()
}

fn rights(words: &[&str]) -> Rights {
    words.iter().filter_map(|word| Right::parse(word)).collect()
}

#[test]
fn roles_grant_what_the_configuration_says_and_nothing_else() {
    assert_eq!(
        of("p-1", &["member"]).rights,
        rights(&["read", "crud", "trigger"])
    );
    assert_eq!(of("p-1", &["reader", "auditor"]).rights, rights(&["read"]));
    assert_eq!(of("p-1", &[]).rights, Rights::NONE);
    assert_eq!(
        of("p-1", &["admin"]).rights,
        Rights::NONE,
        "admin of a project is no operator"
    );
}

#[test]
fn a_project_is_the_tenant_it_is_configured_as_or_of_its_own_id() {
    let tenants = |project| of(project, &["reader"]).tenants;
    assert_eq!(tenants("p-1"), BTreeSet::from(["acme".parse().unwrap()]));
    assert_eq!(tenants("p-2"), BTreeSet::from(["p-2".parse().unwrap()]));
}

#[test]
fn a_role_for_certain_groups_is_limited_to_them() {
    let pager = of("p-1", &["pager"]);
    assert_eq!(pager.rights, rights(&["trigger"]));
    assert!(pager.sees(GROUP.parse().unwrap()));
    assert!(!pager.sees("00010000-0000-8000-8000-000000000002".parse().unwrap()));
    let both = of("p-1", &["pager", "reader"]);
    assert_eq!(
        (both.rights, both.groups),
        (rights(&["read"]), None),
        "a limited role adds nothing to one that is not"
    );
}

#[test]
fn staff_is_who_has_a_role_on_the_whole_system() {
    let roles = json!([{"id": "1", "name": "admin"}]);
    let staff = caller(json!({"system": {"all": true}, "roles": roles})).unwrap();
    assert_eq!(
        (staff.rights, staff.tenants.len()),
        (rights(&["operate"]), 0)
    );
    assert_eq!(
        caller(json!({"roles": roles})).unwrap_err(),
        Refused::Invalid,
        "for nothing"
    );
}

#[test]
fn rights_of_staff_cannot_be_given_to_a_projects_role() {
    for bad in [
        json!({"roles": {"member": ["operate"]}}),
        json!({"roles": {"member": ["wings"]}}),
        json!({"system_roles": {"admin": ["crud"]}}),
        json!({"limited": {"pager": ["x"]}}),
        json!({"tenants": {"p": "not a tenant"}}),
    ] {
        let settings: Settings = serde_json::from_value(bad.clone()).unwrap();
        assert!(Grants::new(&settings).is_err(), "{bad}");
    }
}

#[test]
fn an_address_that_only_begins_like_one_on_loopback_stops_the_start() {
    let start = |url: &str| {
        let settings = Settings {
            url: Some(url.to_owned()),
            ..settings()
        };
        Keystone::new(&Clock::system(), &Revoked::default(), &settings).map(drop)
    };
    assert!(start("http://localhost:5000/v3").is_ok());
    for wrong in [
        "http://localhost.example.org/v3",
        "http://127.0.0.1@example.org/v3",
    ] {
        let error = start(wrong).unwrap_err().to_string();
        assert!(error.contains("https://"), "{wrong}: {error}");
    }
}
