//! Pages and limits (rows B020, B145 to B157).
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use super::rig::{Old, change, group, set};
use crate::access::rig::{TENANT, capabilities};

/// A list, its name, and how many it has.
async fn lists(old: &Old, count: usize) -> Vec<(String, &'static str)> {
    let path = old
        .group(&set(
            group(0, 5),
            "/scalingPolicies",
            Value::Array(vec![change(1); count]),
        ))
        .await;
    for _ in 1..count {
        old.group(&group(0, 5)).await;
    }
    let first = old.get(&format!("{path}/policies")).await.json();
    let policy = format!(
        "{path}/policies/{}",
        first["policies"][0]["id"].as_str().unwrap()
    );
    let hooks = format!("{policy}/webhooks");
    old.post(&hooks, &Value::Array(vec![json!({"name": "a"}); count]))
        .await
        .is(201);
    vec![
        ("groups".to_owned(), "groups"),
        (format!("{path}/policies"), "policies"),
        (hooks, "webhooks"),
    ]
}

fn next(page: &Value, name: &str) -> Option<String> {
    let links = page[format!("{name}_links")].as_array().unwrap();
    let link = links.first()?;
    assert_eq!((links.len(), &link["rel"]), (1, &json!("next")));
    Some(link["href"].as_str().unwrap().to_owned())
}

async fn page(old: &Old, path: &str, name: &str) -> (usize, Option<String>) {
    let page = old.get(path).await.is(200).json();
    (page[name].as_array().unwrap().len(), next(&page, name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b145_b151_a_page_holds_a_hundred_at_most() {
    let v1 = holt_api::V1 {
        capabilities: capabilities(),
        webhooks: 200,
        policies: 200,
        ..holt_api::V1::default()
    };
    let old = Old::with(v1).await;
    let path = old
        .group(&set(
            group(0, 5),
            "/scalingPolicies",
            Value::Array(vec![change(1); 100]),
        ))
        .await;
    old.post(
        &format!("{path}/policies"),
        &Value::Array(vec![change(1); 3]),
    )
    .await
    .is(201);
    for query in [
        "",
        "?limit=101",
        "?limit=1000",
        "?limit=99999999999999999999",
    ] {
        let (count, next) = page(&old, &format!("{path}/policies{query}"), "policies").await;
        assert_eq!(count, 100, "{query}");
        let next = old.below(&next.unwrap());
        let rest = old
            .ask_as(Some(&old.rig.token(&["read"])), Method::GET, &next, None)
            .await
            .is(200)
            .json();
        assert_eq!(rest["policies"].as_array().unwrap().len(), 3);
        assert_eq!(rest["policies_links"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b146_b147_b148_b150_pages_are_as_long_as_asked_and_the_last_has_no_next() {
    let old = Old::start().await;
    for (path, name) in lists(&old, 4).await {
        for (limit, expected, more) in [
            ("3", 3, true),
            ("4", 4, false),
            ("9", 4, false),
            ("0", 1, true),
            ("-1", 1, true),
            ("%202%20", 2, true),
        ] {
            let (count, next) = page(&old, &format!("{path}?limit={limit}"), name).await;
            assert_eq!((count, next.is_some()), (expected, more), "{name} {limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b149_b152_b153_b154_a_limit_is_a_number_a_marker_is_anything() {
    let old = Old::start().await;
    for (path, name) in lists(&old, 4).await {
        for bad in ["ab", "%26", "3.0", "", "1e1", "-"] {
            let answer = old.get(&format!("{path}?limit={bad}")).await;
            answer.is_refused(400, "InvalidQueryArgument");
            assert!(answer.text.contains("limit"), "{answer:?}");
        }
        assert_eq!(page(&old, &format!("{path}?marker=zzzz"), name).await.0, 0);
        assert_eq!(page(&old, &format!("{path}?marker=0"), name).await.0, 4);
        assert_eq!(
            page(&old, &format!("{path}?marker=invalid"), name).await.0,
            0
        );
        assert_eq!(
            page(
                &old,
                &format!("{path}?limit=2&limit=3&nonsense=%C3%BC&other"),
                name
            )
            .await
            .0,
            2
        );
        // From page to page, each item once.
        let (mut url, mut seen) = (format!("{path}?zebra=1&limit=3&also=a%20b"), 0);
        loop {
            let (count, next) = page(&old, &url, name).await;
            seen += count;
            let Some(next) = next else { break };
            let below = old.below(&next);
            let (place, query) = below.split_once('?').unwrap();
            assert_eq!(place, format!("/v1.0/{TENANT}/{path}/"));
            let names: Vec<&str> = query
                .split('&')
                .map(|pair| pair.split_once('=').unwrap().0)
                .collect();
            assert_eq!(
                names,
                ["also", "limit", "marker", "zebra"],
                "in order, and what is not ours stays"
            );
            assert!(
                query.contains("limit=3") && query.contains("also=a%20b"),
                "{query}"
            );
            url = below
                .strip_prefix(&format!("/v1.0/{TENANT}/"))
                .unwrap()
                .to_owned();
        }
        assert_eq!(seen, 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b155_b156_limits_are_told_in_json_and_xml() {
    let old = Old::start().await;
    let limits = old.get("limits").await.is(200).json();
    let absolute =
        json!({"maxGroups": 1000, "maxPoliciesPerGroup": 100, "maxWebhooksPerPolicy": 25});
    assert_eq!(limits["limits"]["absolute"], absolute);
    for rate in limits["limits"]["rate"].as_array().unwrap() {
        let limit = &rate["limit"][0];
        assert!(
            limit["unit"].is_string() && limit["value"].is_number() && limit["verb"] == "ALL",
            "{rate}"
        );
    }
    let request = old
        .rig
        .request(Method::GET, &format!("/v1.0/{TENANT}/limits"))
        .bearer_auth(old.rig.token(&["read"]));
    let xml = request
        .header(ACCEPT, "application/xml")
        .send()
        .await
        .unwrap();
    assert_eq!(xml.headers()["content-type"], "application/xml");
    let text = xml.text().await.unwrap();
    assert!(
        text.contains("<limit name=\"maxGroups\" value=\"1000\"/>"),
        "{text}"
    );
    assert!(
        text.contains("xmlns=\"http://docs.openstack.org/common/api/v1.0\""),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b157_more_groups_than_the_quota_are_refused_and_deleted_ones_do_not_count() {
    let old = Old::with(holt_api::V1 {
        groups: 2,
        ..holt_api::V1::default()
    })
    .await;
    let first = old.group(&group(0, 5)).await;
    old.group(&group(0, 5)).await;
    let refused = old.post("groups", &group(0, 5)).await;
    refused.is_refused(422, "ScalingGroupOverLimitError");
    assert!(
        refused
            .text
            .contains("Allowed limit of 2 scaling groups reached by tenant acme"),
        "{refused:?}"
    );
    old.post("groups", &group(5, 0))
        .await
        .is_refused(400, "InvalidMinEntities");
    old.delete(&first).await.is(204);
    old.group(&group(0, 5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_of_a_tenant_are_413_with_a_time() {
    let one = std::num::NonZeroU32::MIN;
    let limits = holt_api::Limits {
        requests: chassis::config::Rate::PerMinute(one),
        burst: one,
    };
    let old = Old::limited(limits).await;
    old.get("groups").await.is(200);
    let refused = old.get("groups").await;
    refused.is_refused(413, "overLimit");
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b020_b048_a_store_that_is_away_is_said_and_nothing_is_swallowed() {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use crate::access::rig::Rig;
    use crate::access::trouble::Away;

    let away = Arc::new(Away::default());
    let rig = Rig::with_trouble(Arc::clone(&away) as _, holt_api::Limits::default()).await;
    let token = rig.token(&["read", "crud", "trigger"]);
    let ask = async |method: Method, path: &str, body: Value| {
        let request = rig
            .request(method, &format!("/v1.0/{TENANT}/{path}"))
            .bearer_auth(&token);
        let answer = request.body(body.to_string()).send().await.unwrap();
        let (status, again) = (
            answer.status().as_u16(),
            answer.headers().contains_key("retry-after"),
        );
        (status, again, answer.text().await.unwrap())
    };
    let (status, _, made) = ask(Method::POST, "groups", group(0, 5)).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("groups/{}", rig.store.keys()[0].id);
    let policy: Value = json!([change(1)]);
    away.0.store(true, Ordering::SeqCst);
    let commits = rig.store.commits();
    for (method, below, body) in [
        (Method::GET, "groups".to_owned(), Value::Null),
        (Method::POST, "groups".to_owned(), group(0, 5)),
        (
            Method::PUT,
            format!("{path}/config"),
            super::rig::configuration(1, 5),
        ),
        (Method::PUT, format!("{path}/launch"), super::rig::launch()),
        (Method::POST, format!("{path}/policies"), policy),
        (Method::DELETE, path.clone(), Value::Null),
        (Method::POST, format!("{path}/converge"), Value::Null),
    ] {
        let (status, again, text) = ask(method.clone(), &below, body).await;
        assert_eq!((status, again), (503, true), "{method} {below}: {text}");
    }
    assert_eq!(rig.store.commits(), commits);
    away.0.store(false, Ordering::SeqCst);
    let (_, _, shown) = ask(Method::GET, &format!("{path}/config"), Value::Null).await;
    assert!(shown.contains("\"minEntities\":0"), "{shown}");
}
