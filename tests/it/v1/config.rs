//! Group configuration (rows B032 to B049).
use serde_json::{Value, json};

use super::rig::{Old, change, configuration, group, set, without};

/// A body with one member of the configuration changed is refused, on create and on PUT.
async fn refused_both_ways(old: &Old, path: &str, member: &str, value: Value, kind: &str) {
    let pointer = format!("/groupConfiguration/{member}");
    old.post("groups", &set(group(0, 5), &pointer, value.clone()))
        .await
        .is_refused(400, kind);
    let body = set(configuration(0, 5), &format!("/{member}"), value);
    old.put(&format!("{path}/config"), &body)
        .await
        .is_refused(400, kind);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b032_b033_a_name_is_1_to_256_characters_and_not_blank() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    for name in [
        json!(""),
        json!("   "),
        json!("\t\n"),
        json!("x".repeat(257)),
        json!(5),
        Value::Null,
    ] {
        refused_both_ways(&old, &path, "name", name, "ValidationError").await;
    }
    for name in ["x".to_owned(), "ü".repeat(256), "a\u{0}b".to_owned()] {
        let made = old
            .post(
                "groups",
                &set(group(0, 5), "/groupConfiguration/name", json!(name)),
            )
            .await
            .is(201);
        assert!(made.text.is_ascii());
        assert_eq!(made.json()["group"]["groupConfiguration"]["name"], name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b034_b035_numbers_are_whole_and_in_their_range() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    for (member, most) in [
        ("minEntities", 1000),
        ("maxEntities", 1000),
        ("cooldown", 86_400),
    ] {
        for value in [
            json!(-1),
            json!(most + 1),
            json!("1"),
            json!(1.0),
            json!(true),
        ] {
            refused_both_ways(&old, &path, member, value, "ValidationError").await;
        }
    }
    old.put(
        &format!("{path}/config"),
        &set(configuration(1000, 1000), "/cooldown", json!(86_400)),
    )
    .await
    .is(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b036_b043_min_above_max_is_refused() {
    let old = Old::start().await;
    old.post("groups", &group(3, 2))
        .await
        .is_refused(400, "InvalidMinEntities");
    let path = old.group(&group(0, 5)).await;
    old.put(&format!("{path}/config"), &configuration(3, 2))
        .await
        .is_refused(400, "InvalidMinEntities");
    let null = set(group(0, 5), "/groupConfiguration/maxEntities", Value::Null);
    old.post("groups", &null)
        .await
        .is_refused(400, "InvalidMinEntities");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b037_min_may_be_max() {
    let old = Old::start().await;
    let path = old.group(&group(2, 2)).await;
    old.put(&format!("{path}/config"), &configuration(3, 3))
        .await
        .is(204);
    assert_eq!(old.desired(&path).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b038_b039_nothing_else_and_only_texts_as_metadata() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    refused_both_ways(&old, &path, "extra", json!(1), "ValidationError").await;
    let long = "k".repeat(257);
    for metadata in [
        json!([]),
        json!("x"),
        json!({"k": 1}),
        json!({"k": null}),
        json!({"k": {}}),
        json!({"a\nb": "v"}),
        json!({long.clone(): "v"}),
        json!({"k": long}),
    ] {
        refused_both_ways(&old, &path, "metadata", metadata, "ValidationError").await;
    }
    let odd = json!({"": "v", "k": ""});
    old.put(
        &format!("{path}/config"),
        &set(configuration(0, 5), "/metadata", odd.clone()),
    )
    .await
    .is(204);
    assert_eq!(
        old.get(&format!("{path}/config")).await.json()["groupConfiguration"]["metadata"],
        odd
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b040_b041_a_change_is_whole() {
    let old = Old::start().await;
    let path = format!("{}/config", old.group(&group(0, 5)).await);
    for part in [
        json!({"minEntities": 1}),
        json!({"maxEntities": 1}),
        json!({"metadata": {}}),
    ] {
        old.put(&path, &part)
            .await
            .is_refused(400, "ValidationError");
    }
    for member in ["name", "cooldown", "minEntities", "maxEntities", "metadata"] {
        let part = without(configuration(0, 5), &format!("/{member}"));
        old.put(&path, &part)
            .await
            .is_refused(400, "ValidationError");
    }
    old.put(&path, &set(configuration(0, 5), "/metadata", Value::Null))
        .await
        .is_refused(400, "ValidationError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b042_a_whole_change_is_shown_afterwards() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let new = json!({"name": "other", "cooldown": 7, "minEntities": 1, "maxEntities": 9, "metadata": {"a": "b"}});
    let done = old.put(&format!("{path}/config"), &new).await.is(204);
    assert_eq!(
        (done.text.as_str(), done.header("content-type")),
        ("", "application/json")
    );
    let shown = old.get(&format!("{path}/config")).await.is(200).json();
    assert_eq!(shown, json!({"groupConfiguration": new}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b044_b045_b046_desired_moves_into_new_bounds_and_no_further() {
    let old = Old::start().await;
    let path = old.group(&group(1, 5)).await;
    for ((min, max), desired) in [((3, 5), 3), ((0, 5), 3), ((0, 9), 3), ((0, 2), 2)] {
        old.put(&format!("{path}/config"), &configuration(min, max))
            .await
            .is(204);
        assert_eq!(old.desired(&path).await, desired, "{min} to {max}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b047_b049_new_bounds_and_a_cooldown_of_none_hold_at_once() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 2), &change(2)).await;
    let execute = format!("{policy}/execute");
    let config = format!("{path}/config");
    old.act(&execute).await.is(202);
    old.act(&execute)
        .await
        .is_refused(403, "CannotExecutePolicyError");
    old.put(&config, &set(configuration(0, 9), "/cooldown", json!(3600)))
        .await
        .is(204);
    old.act(&execute)
        .await
        .is_refused(403, "CannotExecutePolicyError");
    old.put(&config, &configuration(0, 9)).await.is(204);
    old.act(&execute).await.is(202);
    assert_eq!(old.desired(&path).await, 4);
}
