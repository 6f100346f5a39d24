//! Webhooks and their capability URLs (rows B128 to B144, B218).
use std::collections::BTreeMap;

use chassis::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use super::rig::{Old, change, configuration, group, href, set};
use crate::access::rig::{TENANT, capabilities};

const NOBODY: &str = "11111111-1111-4111-8111-111111111111";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b128_b129_b133_webhooks_are_made_listed_and_shown() {
    let old = Old::start().await;
    let (_, policy) = old.group_with((0, 5), &change(1)).await;
    let hooks = format!("{policy}/webhooks");
    assert_eq!(
        old.get(&hooks).await.is(200).json(),
        json!({"webhooks": [], "webhooks_links": []})
    );
    let made = old
        .post(
            &hooks,
            &json!([{"name": "a"}, {"name": "a", "metadata": {"k": "v"}}]),
        )
        .await
        .is(201);
    assert_eq!(
        made.header("location"),
        format!("{}/v1.0/{TENANT}/{hooks}/", old.rig.base)
    );
    let made = made.json()["webhooks"].as_array().unwrap().clone();
    assert_eq!(made[0]["metadata"], json!({}));
    assert_ne!(href(&made[0], "capability"), href(&made[1], "capability"));
    for hook in &made {
        let shown = old
            .get(&format!("{hooks}/{}", hook["id"].as_str().unwrap()))
            .await
            .is(200)
            .json();
        assert_eq!(
            shown["webhook"], *hook,
            "the URL is derived anew for every GET"
        );
    }
    assert_eq!(
        old.get(&hooks).await.json()["webhooks"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    old.get(&format!("{hooks}/{NOBODY}"))
        .await
        .is_refused(404, "NoSuchWebhookError");
    old.get(&format!("{hooks}/x"))
        .await
        .is_refused(404, "NoSuchWebhookError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b130_b131_b132_bodies_keep_their_rules() {
    let old = Old::start().await;
    let (_, policy) = old.group_with((0, 5), &change(1)).await;
    let hooks = format!("{policy}/webhooks");
    for bad in [
        json!([{"name": ""}]),
        json!([{"name": "  "}]),
        json!([{}]),
        json!([{"name": "a", "metadata": "x"}]),
        json!([{"name": "a", "metadata": null}]),
        json!([{"name": "a", "metadata": {"k": {}}}]),
        json!([{"name": "a", "extra": 1}]),
        json!({"name": "a"}),
        json!([]),
        Value::Array(vec![json!({"name": "a"}); 101]),
    ] {
        old.post(&hooks, &bad)
            .await
            .is_refused(400, "ValidationError");
    }
    assert_eq!(old.get(&hooks).await.json()["webhooks"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b134_b135_b139_an_update_is_whole_and_keeps_id_and_url() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    let (hook, url) = old.webhook(&policy).await;
    old.put(&hook, &json!({"name": "new", "metadata": {"a": "b"}}))
        .await
        .is(204);
    let shown = old.get(&hook).await.json()["webhook"].clone();
    assert_eq!(
        (&shown["name"], &shown["metadata"]),
        (&json!("new"), &json!({"a": "b"}))
    );
    assert_eq!(old.below(&href(&shown, "capability")), url);
    for part in [
        json!({"name": "new"}),
        json!({"metadata": {}}),
        json!({"name": "new", "metadata": null}),
    ] {
        old.put(&hook, &part)
            .await
            .is_refused(400, "ValidationError");
    }
    old.use_capability(&url).await.is(202);
    assert_eq!(old.desired(&path).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b136_b137_what_is_deleted_or_never_was_is_404() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    let (hook, _) = old.webhook(&policy).await;
    old.delete(&hook).await.is(204);
    let whole = json!({"name": "a", "metadata": {}});
    old.get(&hook).await.is_refused(404, "NoSuchWebhookError");
    old.put(&hook, &whole)
        .await
        .is_refused(404, "NoSuchWebhookError");
    old.delete(&hook)
        .await
        .is_refused(404, "NoSuchWebhookError");
    let elsewhere = format!("{path}/policies/{NOBODY}/webhooks");
    old.post(&elsewhere, &json!([{"name": "a"}]))
        .await
        .is_refused(404, "NoSuchPolicyError");
    let nowhere = format!("groups/00010000-0000-8000-8000-000000000000/policies/{NOBODY}/webhooks");
    old.post(&nowhere, &json!([{"name": "a"}]))
        .await
        .is_refused(404, "NoSuchScalingGroupError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b138_b144_b169_b218_anybody_with_a_url_runs_its_policy_and_learns_nothing() {
    let old = Old::start().await;
    let (path, up) = old.group_with((0, 50), &change(3)).await;
    let none = set(change(1), "/name", json!("half"));
    let half = json!({"name": "half", "cooldown": 0, "type": "webhook", "changePercent": -50});
    let four = json!({"name": "four", "cooldown": 0, "type": "webhook", "desiredCapacity": 4});
    let mut desired = Vec::new();
    for policy in [
        up.clone(),
        up,
        old.policy(&path, &half).await,
        old.policy(&path, &four).await,
        old.policy(&path, &none).await,
    ] {
        let (_, url) = old.webhook(&policy).await;
        let answer = old.use_capability(&url).await.is(202);
        assert_eq!(
            (answer.text.as_str(), answer.header("content-type")),
            ("", "application/json")
        );
        desired.push(old.desired(&path).await);
    }
    assert_eq!(desired, [3, 6, 3, 4, 5]);
    let (_, url) = old.webhook(&old.policy(&path, &change(1)).await).await;
    let bare = url.trim_end_matches('/').to_owned();
    let strange = old.rig.ed.sign(&old.rig.claims("umbrella", &["read"]));
    for (token, body, url) in [
        (None, None, &bare),
        (Some(strange.as_str()), Some("{nonsense".to_owned()), &url),
        (Some("nonsense"), Some(String::new()), &url),
    ] {
        old.ask_as(token, Method::POST, url, body).await.is(202);
    }
    assert_eq!(old.desired(&path).await, 8);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(old.ask_as(None, method, &url, None).await.status, 405);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b140_b142_whatever_comes_of_it_the_answer_is_the_same() {
    let old = Old::start().await;
    let (path, policy) = old
        .group_with((0, 9), &set(change(1), "/cooldown", json!(3600)))
        .await;
    let (hook, deleted) = old.webhook(&policy).await;
    old.delete(&hook).await.is(204);
    let (_, url) = old.webhook(&policy).await;
    assert_ne!(deleted, url, "a number is never used again");
    let first = old.use_capability(&url).await.is(202);
    let guess = format!("/v1.0/execute/1/{}/", "0".repeat(64));
    let changed = url.replace(&url[20..22], if &url[20..22] == "00" { "11" } else { "00" });
    for blind in [
        deleted,
        guess,
        "/v1.0/execute/1/x".to_owned(),
        changed,
        url.clone(),
    ] {
        let answer = old.use_capability(&blind).await.is(202);
        assert_eq!(answer.text, first.text);
        assert_eq!(answer.header("content-type"), first.header("content-type"));
    }
    old.act(&format!("{path}/pause")).await.is(204);
    old.use_capability(&url).await.is(202);
    assert_eq!(old.desired(&path).await, 1);
    // What came of each is in the tenant's history.
    let key = &old.rig.store.keys()[0];
    let outcomes: Vec<_> = old
        .rig
        .store
        .verdicts(key)
        .iter()
        .map(|v| v.outcome)
        .collect();
    use domain::verdict::Outcome::{Applied, Cooldown, Paused};
    assert_eq!(outcomes, [Applied, Cooldown, Paused]);
    old.delete(&format!("{path}?force=true")).await.is(204);
    old.use_capability(&url).await.is(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b141_the_version_in_a_url_is_not_looked_at() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 9), &change(1)).await;
    let (_, url) = old.webhook(&policy).await;
    old.use_capability(&url.replace("/execute/1/", "/execute/2/"))
        .await
        .is(202);
    assert_eq!(old.desired(&path).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b143_the_26th_webhook_of_a_policy_is_too_many() {
    let old = Old::start().await;
    let (_, policy) = old.group_with((0, 5), &change(1)).await;
    let hooks = format!("{policy}/webhooks");
    old.post(&hooks, &Value::Array(vec![json!({"name": "a"}); 24]))
        .await
        .is(201);
    old.post(&hooks, &json!([{"name": "a"}, {"name": "b"}]))
        .await
        .is_refused(422, "WebhooksOverLimitError");
    old.post(&hooks, &json!([{"name": "a"}])).await.is(201);
    old.post(&hooks, &json!([{"name": "a"}]))
        .await
        .is_refused(422, "WebhooksOverLimitError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_is_stored_nowhere_and_ends_with_its_key_its_webhook_or_its_policy() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 9), &change(1)).await;
    let (_, url) = old.webhook(&policy).await;
    let key = &old.rig.store.keys()[0];
    let hash = url
        .strip_prefix("/v1.0/execute/1/")
        .unwrap()
        .trim_end_matches('/');
    let stored = format!(
        "{:?} {:?}",
        old.rig.store.group(key).unwrap(),
        old.rig.store.records(key, domain::ids::Rev(0))
    );
    assert!(
        !stored.contains(&hash[..16]) && !stored.contains(&hash[48..]),
        "a dump has no usable URL"
    );
    old.delete(&policy).await.is(204);
    old.use_capability(&url).await.is(202);
    assert_eq!(old.desired(&path).await, 0);

    // A URL of another key than this service's is nobody's.
    let other = holt_api::Capabilities {
        current: "two".to_owned(),
        keys: BTreeMap::from([("two".to_owned(), Secret::new("x".repeat(32)).unwrap())]),
    };
    assert_ne!(other, capabilities());
    let strange = Old::with(holt_api::V1 {
        capabilities: other,
        ..holt_api::V1::default()
    })
    .await;
    strange.use_capability(&url).await.is(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_that_is_used_too_often_is_held_back_and_says_how_long() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 1000), &change(1)).await;
    let (_, url) = old.webhook(&policy).await;
    let mut refused = None;
    for _ in 0..30 {
        let answer = old.use_capability(&url).await;
        if answer.status != 202 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("30 at once are too many");
    refused.is_refused(413, "overLimit");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    // Guesses are never held back: they say nothing.
    for _ in 0..30 {
        old.use_capability(&format!("/v1.0/execute/1/{}", "7".repeat(64)))
            .await
            .is(202);
    }
    old.put(&format!("{path}/config"), &configuration(0, 5))
        .await
        .is(204);
    let other = old.group(&group(0, 5)).await;
    assert_eq!(old.desired(&other).await, 0);
}
