use super::*;

fn body(issued: &str, expires: &str) -> String {
    format!(
        r#"{{"token": {{
            "methods": ["password"], "issued_at": "{issued}", "expires_at": "{expires}", "roles": [{{"id": "1", "name": "member"}}],
            "user": {{"id": "user-1", "name": "autoscaler", "domain": {{"id": "default"}}}},
            "project": {{"id": "p1", "name": "tenant-a"}},
            "catalog": [
                {{"type": "image", "endpoints": [{{"interface": "public", "region_id": "ORD", "region": "ORD", "url": "http://glance"}}]}},
                {{"type": "compute", "name": "nova", "endpoints": [
                    {{"interface": "internal", "region_id": "ORD", "region": "ORD", "url": "http://inside/v2.1"}},
                    {{"interface": "public", "region_id": "DFW", "region": "DFW", "url": "http://dfw/v2.1"}},
                    {{"interface": "public", "region_id": "ORD", "region": "ORD", "url": "http://ord/v2.1"}}
                ]}}
            ]}}}}"#
    )
}

const ISSUED: &str = "2026-11-21T12:00:00.000000Z";
const EXPIRES: &str = "2026-11-21T13:00:00.000000Z";

#[test]
fn the_address_is_that_of_the_region_and_the_interface() {
    let body = body(ISSUED, EXPIRES);
    for (region, interface, compute) in [
        ("ORD", Interface::Public, "http://ord/v2.1"),
        ("ORD", Interface::Internal, "http://inside/v2.1"),
        ("DFW", Interface::Public, "http://dfw/v2.1"),
    ] {
        let about = sign_in(body.as_bytes(), region, interface).expect("a sign-in");
        assert_eq!(about.compute, compute);
        let image = (region, interface) == ("ORD", Interface::Public);
        assert_eq!(about.image.as_deref(), image.then_some("http://glance/v2"));
        assert_eq!(
            (about.project.as_str(), about.user.as_str()),
            ("p1", "user-1")
        );
        assert_eq!(about.life, Duration::from_secs(3600));
    }
    let none = sign_in(body.as_bytes(), "DFW", Interface::Internal).expect_err("no endpoint");
    let what = "internal compute endpoint in region DFW".to_owned();
    assert_eq!(none, Useless::NoEndpoint(what));
}

#[test]
fn a_life_that_cannot_be_told_is_no_sign_in() {
    for (issued, expires) in [(ISSUED, "soon"), ("", EXPIRES), (EXPIRES, ISSUED)] {
        let refused = sign_in(body(issued, expires).as_bytes(), "ORD", Interface::Public);
        assert_eq!(refused.expect_err("refused"), Useless::Unreadable);
    }
    let long = body(ISSUED, "2036-11-21T12:00:00Z");
    let about = sign_in(long.as_bytes(), "ORD", Interface::Public).expect("a sign-in");
    assert_eq!(about.life, LIFE_MAX);
}

#[test]
fn bodies_of_other_shapes_are_no_sign_in() {
    for body in [
        "",
        "{}",
        "null",
        "<html/>",
        r#"{"token": {}}"#,
        r#"{"token": {"catalog": 1}}"#,
    ] {
        let refused = sign_in(body.as_bytes(), "ORD", Interface::Public);
        assert_eq!(refused.expect_err("refused"), Useless::Unreadable, "{body}");
    }
}

#[test]
fn every_form_of_the_compute_address_ends_in_its_version() {
    for url in [
        "http://nova:8774",
        "http://nova:8774/",
        "http://nova:8774/v2.1",
        "http://nova:8774/v2.1/",
        "http://nova:8774/v2.1/p1",
        "http://nova:8774/v2/p1",
        "http://nova:8774/v2.0",
    ] {
        assert_eq!(compute_base(url, "p1"), "http://nova:8774/v2.1", "{url}");
    }
    assert_eq!(
        compute_base("https://api/compute/v2.1", "p1"),
        "https://api/compute/v2.1"
    );
    assert_eq!(
        compute_base("https://api/compute", "p1"),
        "https://api/compute/v2.1"
    );
}

#[test]
fn the_highest_microversion_is_read_from_the_root() {
    let root = r#"{"version": {"id": "v2.1", "status": "CURRENT", "version": "2.93", "min_version": "2.1", "links": []}}"#;
    assert_eq!(highest(root.as_bytes()), "2.93".parse().ok());
    for body in [
        "",
        "{}",
        r#"{"version": {"version": ""}}"#,
        r#"{"version": {"id": "v2.0"}}"#,
    ] {
        assert_eq!(highest(body.as_bytes()), None, "{body}");
    }
}
