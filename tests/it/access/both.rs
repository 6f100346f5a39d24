//! What one surface made is changed by the other; and what neither lets a group become.
use serde_json::{Value, json};

use super::rig::{Answered, Rig, TENANT, spec};

const ALL: [&str; 3] = ["read", "crud", "trigger"];

/// A group of `/v2`: its id, its path there, and its path on the old surface.
async fn group(rig: &Rig) -> (String, String, String) {
    let groups = format!("/v2/{TENANT}/groups");
    let made = rig.ask(&ALL, ("POST", &groups), &[], Some(spec())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let old = format!("/v1.0/{TENANT}/groups/{id}");
    (id.clone(), format!("{groups}/{id}"), old)
}

async fn ask(rig: &Rig, request: (&str, &str), body: Value) -> Answered {
    rig.ask(&ALL, request, &[], Some(body)).await
}

/// A name and a policy that only the old surface takes; gives the policy's id.
async fn written_as_of_old(rig: &Rig, old: &str) -> String {
    let name = "n".repeat(256);
    let config = json!({"name": name, "cooldown": 0, "minEntities": 2, "maxEntities": 12, "metadata": {"": "empty"}});
    let done = ask(rig, ("PUT", &format!("{old}/config")), config).await;
    assert_eq!(done.status, 204, "{}", done.body);
    let policies = json!([{"name": "far", "cooldown": 1.5, "type": "webhook", "change": 99_999}]);
    let made = ask(rig, ("POST", &format!("{old}/policies")), policies).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body["policies"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_leaves_alone_what_only_the_old_surface_takes() {
    let rig = Rig::start().await;
    let (_, group, old) = group(&rig).await;
    let policy = written_as_of_old(&rig, &old).await;
    let config = format!("{group}/config");
    let patched = ask(&rig, ("PATCH", &config), json!({"max": 5})).await;
    assert_eq!(
        (patched.status, &patched.body["max"]),
        (200, &json!(5)),
        "{}",
        patched.body
    );
    let shown = rig
        .ask(
            &ALL,
            ("GET", &format!("{old}/policies/{policy}")),
            &[],
            None,
        )
        .await;
    let (cooldown, change) = (
        &shown.body["policy"]["cooldown"],
        &shown.body["policy"]["change"],
    );
    assert_eq!((cooldown, change), (&json!(1.5), &json!(99_999)));
    for (patch, field) in [
        (json!({"name": "m".repeat(256)}), "name"),
        (json!({"metadata": {"k": "v"}}), "metadata."),
    ] {
        let refused = ask(&rig, ("PATCH", &config), patch).await;
        assert_eq!(
            (refused.status, &refused.body["field"]),
            (422, &json!(field))
        );
    }
    let one = format!("{group}/policies/{policy}");
    let patched = ask(&rig, ("PATCH", &one), json!({"debounce_seconds": 10})).await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    let refused = ask(&rig, ("PATCH", &one), json!({"change": 99_998})).await;
    assert_eq!(
        (refused.status, &refused.body["field"]),
        (422, &json!("change"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_and_their_metadata_cannot_make_a_group_larger_than_its_limit() {
    let rig = Rig::start().await;
    let (_, _, old) = group(&rig).await;
    let webhooks = format!("{old}/policies/up/webhooks");
    // What one body can hold.
    let metadata: serde_json::Map<String, Value> = (0..900)
        .map(|n| (format!("k{n}"), json!("v".repeat(250))))
        .collect();
    let webhook = json!([{"name": "large", "metadata": metadata}]);
    let mut made = Vec::new();
    let refused = loop {
        let answer = ask(&rig, ("POST", &webhooks), webhook.clone()).await;
        if answer.status != 201 {
            break answer;
        }
        let id = &answer.body["webhooks"][0]["id"];
        made.push(id.as_str().unwrap().to_owned());
        assert!(made.len() < 10, "a mebibyte is full by now");
    };
    assert_eq!(
        (refused.status, &refused.body["error"]["type"]),
        (422, &json!("ScalingGroupOverLimitError")),
        "{}",
        refused.body
    );
    let one = format!("{webhooks}/{}", made[0]);
    let gone = rig.ask(&ALL, ("DELETE", &one), &[], None).await;
    assert_eq!(gone.status, 204);
    let again = ask(&rig, ("POST", &webhooks), webhook).await;
    assert_eq!(again.status, 201, "{}", again.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_too_large_takes_only_what_makes_it_no_larger() {
    let rig = Rig::start().await;
    let (id, group, _) = group(&rig).await;
    rig.edit(&id, |draft| {
        let mut config = draft.config().clone();
        let large = "v".repeat(1024 * 1024);
        config.metadata.insert("k".to_owned(), large);
        draft.configure(config);
    })
    .await;
    let config = format!("{group}/config");
    let policies = format!("{group}/policies");
    for (request, body) in [
        (("PATCH", config.as_str()), json!({"name": "a longer name"})),
        (("POST", policies.as_str()), json!({"id": "a", "change": 1})),
    ] {
        let refused = ask(&rig, request, body).await;
        assert_eq!(
            (refused.status, &refused.body["field"]),
            (422, &json!("configuration")),
            "{}",
            refused.body
        );
    }
    let gone = rig
        .ask(&ALL, ("DELETE", &format!("{policies}/up")), &[], None)
        .await;
    assert_eq!(gone.status, 204);
    let shrunk = ask(&rig, ("PATCH", &config), json!({"metadata": null})).await;
    assert_eq!(shrunk.status, 200, "{}", shrunk.body);
    let made = ask(&rig, ("POST", &policies), json!({"id": "a", "change": 1})).await;
    assert_eq!(made.status, 201, "{}", made.body);
}
