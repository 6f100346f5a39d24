//! What is asked of one colo and belongs to the other.
use serde_json::json;

use super::rig::Rig;
use crate::access::rig::TENANT;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_for_a_group_is_answered_by_its_home_whichever_colo_is_asked() {
    let proxy = "127.0.0.0/8".parse().unwrap();
    let rig = Rig::with(|settings| settings.proxies = vec![proxy]).await;
    let group = rig.group(&rig.one, "web").await;
    let at_home = rig.ask(&rig.one, ("GET", &group), &[], None).await;
    let from_afar = rig.ask(&rig.two, ("GET", &group), &[], None).await;
    assert_eq!((from_afar.status, &from_afar.body), (200, &at_home.body));
    assert_eq!(from_afar.header("etag"), at_home.header("etag"));
    assert_eq!(from_afar.header("holt-colo"), "1");

    let told = [
        ("Idempotency-Key", "alert-7"),
        ("X-Request-Id", "from-afar"),
        ("X-Forwarded-For", "198.51.100.7"),
    ];
    let events = format!("{group}/events");
    let event = Some(json!({"policy": "up"}));
    let sent = rig
        .ask(&rig.two, ("POST", &events), &told, event.clone())
        .await;
    assert_eq!(
        (sent.status, &sent.body["after"]),
        (200, &json!(2)),
        "{}",
        sent.body
    );
    assert_eq!(sent.header("x-request-id"), "from-afar");
    let again = rig.ask(&rig.one, ("POST", &events), &told, event).await;
    assert_eq!(again.body, sent.body, "one event, one verdict");
    assert_eq!(sent.body["actor"]["request_id"], "from-afar");
    assert_eq!(sent.body["actor"]["from"], "198.51.100.7", "{}", sent.body);

    // A refusal is the home's too, and none of it is done anywhere else.
    let bad = Some(json!({"nonsense": 1}));
    let refused = rig.ask(&rig.two, ("POST", &events), &[], bad).await;
    let code = &refused.body["code"];
    assert_eq!((refused.status, code), (422, &json!("unknown-field")));
    let there = rig.two.store.stores().groups.all(None, 10).await.unwrap();
    assert!(there.items.is_empty());
    let deleted = rig
        .ask(
            &rig.two,
            ("DELETE", &format!("{group}?force=true")),
            &[],
            None,
        )
        .await;
    assert!(
        [200, 202, 204].contains(&deleted.status),
        "{}",
        deleted.body
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_new_groups_belong_to_the_colo_that_is_named_or_asked() {
    let rig = Rig::start().await;
    let (mine, other) = (
        rig.group(&rig.two, "two").await,
        rig.group(&rig.one, "one").await,
    );
    let path = format!("/v2/{TENANT}/groups");
    for (asked, named, expected) in [
        (&rig.two, None, &mine),
        (&rig.two, Some("2"), &mine),
        (&rig.two, Some("1"), &other),
        (&rig.one, None, &other),
    ] {
        let header = named.map(|colo| ("Holt-Colo", colo));
        let list = rig
            .ask(asked, ("GET", &path), header.as_slice(), None)
            .await;
        let ids: Vec<_> = list.body["items"].as_array().unwrap().iter().collect();
        assert_eq!(ids.len(), 1, "{}", list.body);
        assert!(expected.ends_with(ids[0]["id"].as_str().unwrap()));
        let of = if *expected == mine { "2" } else { "1" };
        assert_eq!(
            list.header("holt-colo"),
            of,
            "the answer says whose list it is"
        );
    }
    let body = json!({"name": "there", "min": 0, "max": 1, "launch": {"server": {"flavorRef": "1", "imageRef": "img"}}});
    let made = rig
        .ask(&rig.two, ("POST", &path), &[("Holt-Colo", "1")], Some(body))
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.body["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("0001"), "{id}");
    let shown = rig
        .ask(&rig.one, ("GET", &format!("{path}/{id}")), &[], None)
        .await;
    assert_eq!(shown.status, 200);
    let ours = wire::client::Client::new(&wire::client::Settings {
        url: rig.two.base.clone(),
        token: Some(chassis::Secret::new(rig.token(&["read"])).unwrap()),
        timeout: std::time::Duration::from_secs(20),
        trust: chassis::http::Trust::Only(Vec::new()),
    });
    let there = ours.unwrap().in_colo(Some(domain::ids::ColoId(1)));
    let listed = there.groups(TENANT, None, None).await.unwrap();
    assert_eq!(listed.items.len(), 2, "as `holt --colo 1` asks");
    for wrong in ["x", "70000", ""] {
        let refused = rig
            .ask(&rig.two, ("GET", &path), &[("Holt-Colo", wrong)], None)
            .await;
        assert_eq!(
            (refused.status, &refused.body["field"]),
            (400, &json!("Holt-Colo"))
        );
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_staff_do_is_done_in_the_colo_where_it_works_or_that_they_name() {
    let rig = Rig::start().await;
    let switches = rig
        .ask(
            &rig.two,
            ("PUT", "/v2/switches/colo:1"),
            &[],
            Some(json!({"mode": "freeze", "why": "a test"})),
        )
        .await;
    assert_eq!(switches.status, 200, "{}", switches.body);
    let standing = rig.one.store.stores().controls.standing().await.unwrap();
    assert_eq!(standing.len(), 1, "a switch stands where it works");
    // Each colo believes tokens by itself: one that is to end everywhere is ended in each.
    let ended = rig
        .ask(
            &rig.two,
            ("POST", "/v2/revocations"),
            &[("Holt-Colo", "1")],
            Some(json!({"subject": "ann", "why": "a test"})),
        )
        .await;
    assert_eq!(ended.status, 201, "{}", ended.body);
    let shown = rig
        .ask(&rig.one, ("GET", "/v2/revocations"), &[], None)
        .await;
    assert_eq!(shown.body["items"][0]["subject"], "ann", "{}", shown.body);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_surface_capability_urls_and_inputs_are_forwarded_too() {
    let rig = Rig::start().await;
    let group = rig.group(&rig.one, "web").await;
    let old = group.replace("/v2/", "/v1.0/");
    let state = rig
        .ask(&rig.two, ("GET", &format!("{old}/state")), &[], None)
        .await;
    assert_eq!(
        (state.status, &state.body["group"]["name"]),
        (200, &json!("web")),
        "{}",
        state.body
    );
    let hooks = format!("{old}/policies/up/webhooks");
    let made = rig
        .ask(
            &rig.two,
            ("POST", &hooks),
            &[],
            Some(json!([{"name": "a"}])),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let links = made.body["webhooks"][0]["links"]
        .as_array()
        .unwrap()
        .clone();
    let url = links
        .iter()
        .find(|link| link["rel"] == "capability")
        .unwrap();
    let url = url["href"].as_str().unwrap();
    let path = url
        .strip_prefix(&rig.one.base)
        .expect("the home's own links");
    let run = rig.send(&rig.two, ("POST", path), &[], None).await;
    assert_eq!(run.status, 202, "{}", run.body);
    let shown = rig.ask(&rig.one, ("GET", &group), &[], None).await;
    assert_eq!(shown.body["desired"], 2, "the policy ran once");

    let input = json!({"name": "mon", "routes": [{"to": ["web"]}]});
    let inputs = format!("/v2/{TENANT}/inputs");
    let made = rig.ask(&rig.one, ("POST", &inputs), &[], Some(input)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let url = made.body["url"].as_str().unwrap();
    let path = url.strip_prefix(&rig.one.base).unwrap();
    let alert = json!({"fingerprint": "f", "state": "open", "at": "2026-11-21T14:05:00Z"});
    let taken = rig
        .send(&rig.two, ("POST", path), &[], Some(alert.to_string()))
        .await;
    assert_eq!(taken.header("holt-colo"), "1", "{}", taken.body);
    assert_eq!(
        (taken.status, &taken.body["events"]),
        (202, &json!(1)),
        "{}",
        taken.body
    );
    let id = made.body["id"].as_str().unwrap();
    let shown = rig
        .ask(&rig.two, ("GET", &format!("{inputs}/{id}")), &[], None)
        .await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    rig.end().await;
}
