//! History over all groups of a tenant, and of all tenants for staff, whose looks are recorded.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use store::memory::faults::{Call, Faults, Plan, What};

use super::rig::{Rig, TENANT, spec};

const ALL: [&str; 4] = ["read", "crud", "trigger", "audit"];

async fn some(rig: &Rig) -> Vec<String> {
    let groups = format!("/v2/{TENANT}/groups");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let made = rig.ask(&ALL, ("POST", &groups), &[], Some(spec())).await;
        let id = made.body["id"].as_str().unwrap().to_owned();
        rig.ask(
            &ALL,
            ("POST", &format!("{groups}/{id}/pause")),
            &[("X-Request-Id", "ticket-17")],
            None,
        )
        .await;
        ids.push(id);
    }
    ids
}

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap_or_else(|| panic!("{page}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_finds_who_did_what_over_all_its_groups() {
    let rig = Rig::start().await;
    let ids = some(&rig).await;
    let path = format!("/v2/{TENANT}/history");
    let find = async |query: &str| {
        let found = rig
            .ask(&["audit"], ("GET", &format!("{path}{query}")), &[], None)
            .await;
        assert_eq!(found.status, 200, "{query}: {}", found.body);
        found.body
    };
    assert_eq!(items(&find("").await).len(), 6);
    assert_eq!(items(&find("?cause=pause").await).len(), 3);
    assert_eq!(items(&find("?actor=ada").await).len(), 6);
    assert_eq!(items(&find("?actor=bob").await).len(), 0);
    assert_eq!(items(&find("?request=ticket-17").await).len(), 3);
    assert_eq!(items(&find(&format!("?group={}", ids[1])).await).len(), 2);
    assert_eq!(items(&find("?text=paused").await).len(), 3);
    assert_eq!(items(&find("?verdict=applied").await).len(), 0);
    let server = "?server=6f1b7c1e-0f0e-4a54-9a5f-0a2f6f1f8f11";
    assert_eq!(items(&find(server).await).len(), 0);
    assert_eq!(items(&find("?to=2020-01-01T00:00:00Z").await).len(), 0);
    let mut seen = Vec::new();
    let mut query = "?limit=4".to_owned();
    loop {
        let page = find(&query).await;
        seen.extend(items(&page).clone());
        match page["next"].as_str() {
            Some(next) => query = format!("?limit=4&after={next}"),
            None => break,
        }
    }
    assert_eq!(&seen, items(&find("").await));
    let of = wire::client::FoundOf {
        request: Some("ticket-17".to_owned()),
        cause: Some("pause".to_owned()),
        ..Default::default()
    };
    let client = rig.client(&["audit"]);
    let found = client.search_history(TENANT, &of).await.unwrap();
    assert_eq!(found.items.len(), 3);
    for (query, field) in [
        ("?cause=whim", "cause"),
        ("?group=x", "group"),
        ("?from=yesterday", "from"),
        ("?after=x", "after"),
        ("?server=x", "server"),
        ("?verdict=whim", "verdict"),
        ("?tenant=umbrella", "tenant"),
        ("?limit=0", "limit"),
    ] {
        let bad = rig
            .ask(&["audit"], ("GET", &format!("{path}{query}")), &[], None)
            .await;
        assert_eq!(
            (bad.status, &bad.body["field"]),
            (400, &json!(field)),
            "{query}"
        );
    }
    let foreign = rig
        .ask(&["audit"], ("GET", "/v2/umbrella/history"), &[], None)
        .await;
    assert_eq!(foreign.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_says_who_it_was_and_from_where() {
    let rig = Rig::start().await;
    some(&rig).await;
    // What somebody says who is no proxy of ours is not believed.
    let lie = [("X-Forwarded-For", "203.0.113.9")];
    let path = format!("/v2/{TENANT}/history?cause=pause");
    let found = rig.ask(&["audit"], ("GET", &path), &lie, None).await;
    for item in found.body["items"].as_array().unwrap() {
        assert_eq!(item["record"]["actor"]["from"], "127.0.0.1", "{item}");
    }
    let path = "/v2/history?tenant=acme";
    assert_eq!(
        rig.ask(&["support"], ("GET", path), &lie, None)
            .await
            .status,
        200
    );
    let looks = rig.ask(&["operate"], ("GET", "/v2/audit"), &[], None).await;
    assert_eq!(looks.body["items"][0]["from"], "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_finds_over_all_tenants_and_every_look_is_recorded() {
    let rig = Rig::start().await;
    some(&rig).await;
    let look = async |query: &str| {
        rig.ask(
            &["support"],
            ("GET", &format!("/v2/history{query}")),
            &[],
            None,
        )
        .await
    };
    assert_eq!(items(&look("?tenant=acme&cause=pause").await.body).len(), 3);
    assert_eq!(items(&look("?tenant=umbrella").await.body).len(), 0);
    assert_eq!(items(&look("").await.body).len(), 6);
    // A tenant's own right opens nothing of it.
    for rights in [&["audit"][..], &["read", "crud", "trigger"], &["operate"]] {
        let refused = rig.ask(rights, ("GET", "/v2/history"), &[], None).await;
        assert_eq!(
            (refused.status, &refused.body["rule"]),
            (403, &json!("support"))
        );
    }
    assert_eq!(
        rig.ask(&["support"], ("GET", "/v2/audit"), &[], None)
            .await
            .status,
        403
    );
    let all = looks(&rig).await;
    assert!(all.iter().all(|look| look["who"] == json!("ada")));
    let answered = all.iter().filter(|look| look.get("refused").is_none());
    // Those of one millisecond have no order among themselves.
    let mut asked: Vec<&str> = answered
        .map(|look| look["asked"].as_str().unwrap())
        .collect();
    asked.sort_unstable();
    let expected = ["", "tenant=acme&cause=pause", "tenant=umbrella"];
    assert_eq!(asked, expected.map(|query| format!("/v2/history?{query}")));
}

/// All that the audit has, read in pages of two.
async fn looks(rig: &Rig) -> Vec<Value> {
    let (mut all, mut path) = (Vec::new(), "/v2/audit?limit=2".to_owned());
    loop {
        let page = rig.ask(&["operate"], ("GET", &path), &[], None).await.body;
        assert!(items(&page).len() <= 2);
        all.extend(items(&page).iter().cloned());
        match page["next"].as_str() {
            Some(next) => path = format!("/v2/audit?limit=2&before={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn whoever_is_refused_a_privileged_look_stands_in_the_audit_however_often_it_tries() {
    let rig = Rig::start().await;
    let ask = async |path: &str| rig.ask(&["read"], ("GET", path), &[], None).await.status;
    for _ in 0..3 {
        assert_eq!(ask("/v2/history?tenant=umbrella").await, 403);
    }
    assert_eq!(ask("/v2/acme/history").await, 403);
    assert_eq!(
        ask("/v2/acme/groups/0").await,
        404,
        "no privilege, and no record"
    );
    let expected = BTreeMap::from([
        (("/v2/acme/history?".to_owned(), "audit".to_owned()), 1),
        (
            (
                "/v2/history?tenant=umbrella".to_owned(),
                "support".to_owned(),
            ),
            3,
        ),
    ]);
    let text = |look: &Value, name: &str| look[name].as_str().unwrap().to_owned();
    for _ in 0..100 {
        let mut found = BTreeMap::new();
        for look in looks(&rig).await {
            assert_eq!(text(&look, "who"), "ada");
            assert!(look["request_id"].is_string() && look["from"].is_string());
            let times = found
                .entry((text(&look, "asked"), text(&look, "refused")))
                .or_insert(0);
            *times += look["times"].as_u64().unwrap();
        }
        if found == expected {
            return;
        }
        rig.process.clock.sleep(Duration::from_millis(100)).await;
    }
    panic!(
        "not all of {expected:?} is recorded: {:?}",
        looks(&rig).await
    );
}

/// Notes cannot be written from some moment on.
#[derive(Debug, Default)]
struct NoNotes(AtomicBool);

impl Faults for NoNotes {
    fn plan(&self, call: Call<'_>) -> Plan {
        Plan::unavailable_if(call.what == What::Notes && self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_cannot_be_recorded_is_not_answered() {
    let faults = Arc::new(NoNotes::default());
    let rig = Rig::with_trouble(faults.clone(), holt_api::Limits::default()).await;
    some(&rig).await;
    faults.0.store(true, Ordering::Relaxed);
    let refused = rig
        .ask(&["support"], ("GET", "/v2/history"), &[], None)
        .await;
    assert_eq!((refused.status, refused.body.get("items")), (503, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_cannot_be_recorded_is_recorded_when_it_can_be_again() {
    let faults = Arc::new(NoNotes::default());
    let rig = Rig::with_trouble(faults.clone(), holt_api::Limits::default()).await;
    faults.0.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let refused = rig.ask(&["read"], ("GET", "/v2/history"), &[], None).await;
        assert_eq!(refused.status, 403, "the store has no part in a refusal");
        // Longer than between two times that they are written.
        rig.process.clock.sleep(Duration::from_millis(1_200)).await;
    }
    faults.0.store(false, Ordering::Relaxed);
    for _ in 0..100 {
        let times: Option<u64> = looks(&rig).await.iter().map(|l| l["times"].as_u64()).sum();
        if times == Some(2) {
            return;
        }
        rig.process.clock.sleep(Duration::from_millis(100)).await;
    }
    panic!("both are to be recorded: {:?}", looks(&rig).await);
}
