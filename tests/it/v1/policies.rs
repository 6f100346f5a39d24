//! Policies (rows B075 to B096).
use serde_json::{Value, json};

use super::rig::{Old, change, group, href, set, without};
use crate::access::rig::TENANT;

const NOBODY: &str = "11111111-1111-4111-8111-111111111111";

/// A policy is refused in POST, in PUT and in a create.
async fn refused_everywhere(old: &Old, policy: &str, bad: &Value) {
    let policies = policy.rsplit_once('/').unwrap().0;
    old.post(policies, &json!([bad]))
        .await
        .is_refused(400, "ValidationError");
    old.put(policy, bad)
        .await
        .is_refused(400, "ValidationError");
    old.post(
        "groups",
        &set(group(0, 5), "/scalingPolicies", json!([bad])),
    )
    .await
    .is_refused(400, "ValidationError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b075_b076_b078_b079_policies_are_made_listed_and_shown() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let policies = format!("{path}/policies");
    assert_eq!(
        old.get(&policies).await.is(200).json(),
        json!({"policies": [], "policies_links": []})
    );
    old.post(&policies, &json!([change(1)])).await.is(201);
    let made = old
        .post(&policies, &json!([change(5), change(5)]))
        .await
        .is(201);
    assert_eq!(
        made.header("location"),
        format!("{}/v1.0/{TENANT}/{policies}/", old.rig.base)
    );
    let made = made.json();
    assert_eq!(made.as_object().unwrap().len(), 1, "only what was made");
    let [one, two] = &made["policies"].as_array().unwrap()[..] else {
        panic!("{made}")
    };
    assert_ne!(one["id"], two["id"]);
    let listed = old.get(&policies).await.is(200).json();
    let ids: Vec<&str> = listed["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["id"].as_str().unwrap())
        .collect();
    assert!(ids.len() == 3 && ids.is_sorted());
    let shown = old
        .get(&format!("{policies}/{}", one["id"].as_str().unwrap()))
        .await
        .is(200)
        .json();
    assert_eq!(shown["policy"], *one);
    let bare = without(without(one.clone(), "/id"), "/links");
    assert_eq!(bare, change(5));
    assert!(href(one, "self").ends_with('/'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b077_a_list_of_1_to_100_is_taken() {
    let old = Old::start().await;
    let policies = format!("{}/policies", old.group(&group(0, 5)).await);
    for bad in [
        change(1),
        json!([]),
        Value::Array(vec![change(1); 101]),
        json!([change(1), 5]),
    ] {
        old.post(&policies, &bad)
            .await
            .is_refused(400, "ValidationError");
    }
    assert_eq!(
        old.get(&policies).await.json()["policies"],
        json!([]),
        "all or none"
    );
    old.post(&policies, &Value::Array(vec![change(1); 100]))
        .await
        .is(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b080_a_put_leaves_only_what_it_says() {
    let old = Old::start().await;
    let (_, policy) = old.group_with((0, 5), &change(1)).await;
    for kind in [
        json!({"change": 3}),
        json!({"desiredCapacity": 4}),
        json!({"changePercent": -12.5}),
        json!({"change": -1}),
    ] {
        let (name, value) = kind.as_object().unwrap().iter().next().unwrap();
        let body = set(
            without(change(1), "/change"),
            &format!("/{name}"),
            value.clone(),
        );
        let done = old.put(&policy, &body).await.is(204);
        assert_eq!(
            (done.text.as_str(), done.header("content-type")),
            ("", "application/json")
        );
        let shown = old.get(&policy).await.is(200).json();
        assert_eq!(
            without(without(shown["policy"].clone(), "/id"), "/links"),
            body
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b081_b082_what_is_deleted_or_never_was_is_404() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    old.delete(&policy).await.is(204);
    for gone in [
        policy,
        format!("{path}/policies/{NOBODY}"),
        format!("{path}/policies/%C3%BC"),
    ] {
        old.get(&gone).await.is_refused(404, "NoSuchPolicyError");
        old.put(&gone, &change(1))
            .await
            .is_refused(404, "NoSuchPolicyError");
        old.delete(&gone).await.is_refused(404, "NoSuchPolicyError");
        old.get(&format!("{gone}/webhooks"))
            .await
            .is_refused(404, "NoSuchPolicyError");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b083_b084_b085_name_cooldown_and_type_keep_their_rules() {
    let old = Old::start().await;
    let (_, policy) = old.group_with((0, 5), &change(1)).await;
    for (member, bad) in [
        ("name", json!("")),
        ("name", json!("  ")),
        ("name", json!("x".repeat(257))),
        ("cooldown", json!(-1)),
        ("cooldown", json!(86_401)),
        ("cooldown", json!("1")),
        ("cooldown", json!(86_400.5)),
        ("cooldown", Value::Null),
        ("type", json!("other")),
        ("type", Value::Null),
        ("type", json!(1)),
    ] {
        refused_everywhere(&old, &policy, &set(change(1), &format!("/{member}"), bad)).await;
    }
    for member in ["name", "cooldown", "type"] {
        refused_everywhere(&old, &policy, &without(change(1), &format!("/{member}"))).await;
    }
    let halved = set(change(1), "/cooldown", json!(1.5));
    old.put(&policy, &halved).await.is(204);
    assert_eq!(old.get(&policy).await.json()["policy"]["cooldown"], 1.5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b086_b087_b090_exactly_one_change_of_the_right_kind() {
    let old = Old::start().await;
    let (_, policy) = old.group_with((0, 5), &change(1)).await;
    let none = without(change(1), "/change");
    for bad in [
        none.clone(),
        set(change(1), "/changePercent", json!(1)),
        set(change(1), "/desiredCapacity", json!(1)),
        set(
            set(none.clone(), "/changePercent", json!(1)),
            "/desiredCapacity",
            json!(1),
        ),
        change(0),
        set(change(1), "/change", json!(1.5)),
        set(change(1), "/change", json!(1.0)),
        set(change(1), "/change", json!("1")),
        set(none.clone(), "/changePercent", json!(0)),
        set(none.clone(), "/changePercent", json!(0.0)),
        set(none.clone(), "/changePercent", json!("5")),
        set(none.clone(), "/desiredCapacity", json!(-1)),
        set(none.clone(), "/desiredCapacity", json!(1.5)),
    ] {
        refused_everywhere(&old, &policy, &bad).await;
    }
    for text in ["1e400", "NaN", "-Infinity"] {
        let body = format!(
            "{{\"name\": \"p\", \"cooldown\": 0, \"type\": \"webhook\", \"changePercent\": {text}}}"
        );
        old.ask(reqwest::Method::PUT, &policy, Some(body))
            .await
            .is_refused(400, "InvalidJsonError");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b088_b089_none_at_all_and_more_than_anybody_can_have_are_taken() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let none = without(change(1), "/change");
    old.post(
        &format!("{path}/policies"),
        &json!([set(none, "/desiredCapacity", json!(0)), change(i64::MAX)]),
    )
    .await
    .is(201);
    let huge = "{\"name\": \"p\", \"cooldown\": 0, \"type\": \"webhook\", \"change\": 10000000000000000000000}";
    let made = old
        .ask(
            reqwest::Method::POST,
            &format!("{path}/policies"),
            Some(format!("[{huge}]")),
        )
        .await
        .is(201);
    assert!(
        made.text.contains("10000000000000000000000"),
        "shown as written: {made:?}"
    );
    let id = made.json()["policies"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    old.act(&format!("{path}/policies/{id}/execute"))
        .await
        .is(202);
    assert_eq!(old.desired(&path).await, 5, "clamped when it runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b091_nothing_else_is_taken_not_even_what_was_shown() {
    let old = Old::start().await;
    let (_, policy) = old.group_with((0, 5), &change(1)).await;
    refused_everywhere(&old, &policy, &set(change(1), "/extra", json!(1))).await;
    let shown = old.get(&policy).await.json()["policy"].clone();
    old.put(&policy, &shown)
        .await
        .is_refused(400, "ValidationError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b092_the_101st_policy_is_too_many() {
    let old = Old::start().await;
    let policies = format!("{}/policies", old.group(&group(0, 5)).await);
    old.post(&policies, &Value::Array(vec![change(1); 99]))
        .await
        .is(201);
    old.post(&policies, &json!([change(1), change(1)]))
        .await
        .is_refused(422, "PoliciesOverLimitError");
    old.post(&policies, &json!([change(1)])).await.is(201);
    old.post(&policies, &json!([change(1)]))
        .await
        .is_refused(422, "PoliciesOverLimitError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b093_a_policy_keeps_its_type() {
    let old = Old::start().await;
    let (path, webhook) = old.group_with((0, 5), &change(1)).await;
    let nightly = json!({"name": "n", "cooldown": 0, "type": "schedule", "change": 1, "args": {"cron": "0 0 * * *"}});
    let schedule = old.policy(&path, &nightly).await;
    for (policy, body) in [(webhook, nightly), (schedule, change(1))] {
        let refused = old.put(&policy, &body).await;
        refused.is_refused(400, "ValidationError");
        assert_eq!(
            refused.json()["error"]["message"],
            "Cannot change type of a scaling policy"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b094_monitoring_policies_are_refused_unless_they_are_switched_on() {
    let old = Old::start().await;
    let (_, policy) = old.group_with((0, 5), &change(1)).await;
    let args = json!({"check": {"label": "c"}, "alarm_criteria": {"criteria": "a"}});
    let monitoring =
        json!({"name": "m", "cooldown": 0, "type": "cloud_monitoring", "change": 1, "args": args});
    refused_everywhere(&old, &policy, &monitoring).await;
    let v1 = holt_api::V1 {
        monitoring: true,
        ..holt_api::V1::default()
    };
    let old = Old::with(v1).await;
    let path = old.group(&group(0, 5)).await;
    let policy = old.policy(&path, &monitoring).await;
    assert_eq!(old.get(&policy).await.json()["policy"]["args"], args);
    old.put(&policy, &without(monitoring, "/args/check"))
        .await
        .is_refused(400, "ValidationError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b096_what_is_made_and_deleted_is_recorded_with_who_did_it() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    old.delete(&policy).await.is(204);
    old.post(&format!("{path}/policies"), &json!([change(0)]))
        .await
        .is_refused(400, "ValidationError");
    let key = &old.rig.store.keys()[0];
    let records = old.rig.store.records(key, domain::ids::Rev(0));
    let changes: Vec<_> = records
        .iter()
        .filter(|r| r.cause == domain::group::Cause::Configure)
        .collect();
    assert_eq!(changes.len(), 2, "{records:?}");
    for record in changes {
        assert_eq!(record.actor.name, "ada");
        assert!(
            !record.actor.request_id.is_empty() && record.detail.contains("policies"),
            "{record:?}"
        );
    }
}
