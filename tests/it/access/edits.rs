//! Policies, webhooks and configurations of `/v2`: made, shown, replaced, patched, deleted, under the eyes of other writers.
use serde_json::{Value, json};

use super::rig::{Answered, Rig, TENANT, spec};

const ALL: [&str; 3] = ["read", "crud", "trigger"];

async fn group(rig: &Rig) -> String {
    let groups = format!("/v2/{TENANT}/groups");
    let made = rig.ask(&ALL, ("POST", &groups), &[], Some(spec())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    format!("{groups}/{}", made.body["id"].as_str().unwrap())
}

async fn get(rig: &Rig, path: &str) -> Answered {
    rig.ask(&ALL, ("GET", path), &[], None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_made_shown_replaced_patched_and_deleted() {
    let rig = Rig::start().await;
    let policies = format!("{}/policies", group(&rig).await);
    let night = json!({"id": "night", "desired": 2, "schedule": {"cron": "0 22 * * *"}});
    let made = rig
        .ask(&ALL, ("POST", &policies), &[], Some(night.clone()))
        .await;
    assert_eq!(made.status, 201);
    let path = made.header("location");
    assert_eq!(path, format!("{policies}/night"));
    let shown = get(&rig, &path).await;
    assert_eq!((shown.status, &shown.body), (200, &made.body));
    assert_eq!(shown.header("etag"), made.header("etag"));
    assert_eq!(shown.body["schedule"], night["schedule"]);

    let twice = rig.ask(&ALL, ("POST", &policies), &[], Some(night)).await;
    assert_eq!(
        (twice.status, &twice.body["code"]),
        (409, &json!("already-exists"))
    );

    let day = json!({"id": "night", "change": 3, "cooldown_seconds": 60});
    let replaced = rig.ask(&ALL, ("PUT", &path), &[], Some(day)).await;
    assert_eq!(
        (replaced.status, &replaced.body["change"]),
        (200, &json!(3))
    );
    assert!(replaced.body.get("schedule").is_none() && replaced.body.get("desired").is_none());

    let patch = json!({"change": null, "change_percent": 12.5, "name": "by an eighth"});
    let patched = rig.ask(&ALL, ("PATCH", &path), &[], Some(patch)).await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    assert_eq!(patched.body["change_percent"], json!(12.5));
    assert_eq!(
        patched.body["cooldown_seconds"],
        json!(60),
        "what is not named stays"
    );

    let renamed = rig
        .ask(&ALL, ("PATCH", &path), &[], Some(json!({"id": "day"})))
        .await;
    assert_eq!(
        (renamed.status, &renamed.body["field"]),
        (422, &json!("id"))
    );
    let broken = rig
        .ask(&ALL, ("PATCH", &path), &[], Some(json!({"colour": "red"})))
        .await;
    assert_eq!(
        (broken.status, &broken.body["code"]),
        (422, &json!("unknown-field"))
    );

    assert_eq!(
        rig.ask(&ALL, ("DELETE", &path), &[], None).await.status,
        204
    );
    assert_eq!(get(&rig, &path).await.status, 404);
    assert_eq!(
        rig.ask(&ALL, ("DELETE", &path), &[], None).await.status,
        404
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_come_page_by_page() {
    let rig = Rig::start().await;
    let policies = format!("{}/policies", group(&rig).await);
    let night = json!({"id": "night", "desired": 2});
    rig.ask(&ALL, ("POST", &policies), &[], Some(night)).await;
    let listed = get(&rig, &format!("{policies}?limit=2")).await.body;
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&listed), ["half-more", "night"]);
    let next = listed["next"].as_str().unwrap();
    let rest = get(&rig, &format!("{policies}?limit=2&after={next}"))
        .await
        .body;
    assert_eq!(
        (ids(&rest), rest.get("next")),
        (vec!["up".to_owned()], None)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_saw_something_else_changes_nothing() {
    let rig = Rig::start().await;
    let group = group(&rig).await;
    for path in [format!("{group}/policies/up"), format!("{group}/config")] {
        let seen = get(&rig, &path).await.header("etag");
        let patch = json!({"cooldown_seconds": 7});
        let mine = [("If-Match", seen.as_str())];
        let first = rig
            .ask(&ALL, ("PATCH", &path), &mine, Some(patch.clone()))
            .await;
        assert_eq!(first.status, 200, "{path}: {}", first.body);
        let now = get(&rig, &path).await.header("etag");
        assert_ne!(now, seen);
        let commits = rig.store.commits();
        let late = rig
            .ask(&ALL, ("PATCH", &path), &mine, Some(patch.clone()))
            .await;
        assert_eq!(
            (late.status, &late.body["code"]),
            (412, &json!("precondition-failed"))
        );
        assert_eq!(rig.store.commits(), commits);
        let any = rig
            .ask(&ALL, ("PATCH", &path), &[("If-Match", "*")], Some(patch))
            .await;
        assert_eq!(any.status, 200);
    }
    let rev = get(&rig, &group).await.header("etag");
    let paused = rig
        .ask(
            &ALL,
            ("POST", &format!("{group}/pause")),
            &[("If-Match", &rev)],
            None,
        )
        .await;
    assert_eq!(paused.status, 200);
    let late = rig
        .ask(
            &ALL,
            ("DELETE", &format!("{group}?force=true")),
            &[("If-Match", &rev)],
            None,
        )
        .await;
    assert_eq!(late.status, 412);
    let bad = rig
        .ask(
            &ALL,
            ("POST", &format!("{group}/resume")),
            &[("If-Match", "abc")],
            None,
        )
        .await;
    assert_eq!((bad.status, &bad.body["field"]), (400, &json!("If-Match")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_tells_its_url_once_and_a_rotation_kills_the_old_one() {
    let rig = Rig::with_supervisor().await;
    let group = group(&rig).await;
    let hooks = format!("{group}/policies/up/webhooks");
    let spec = json!({"name": "pager", "metadata": {"team": "ops"}});
    let made = rig.ask(&ALL, ("POST", &hooks), &[], Some(spec)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = made.header("location");
    let url = |answer: &Answered| answer.body["url"].as_str().unwrap().to_owned();
    let first = url(&made);
    let shown = get(&rig, &path).await;
    assert_eq!(shown.body["name"], "pager");
    assert!(shown.body.get("url").is_none(), "told once");
    let listed = get(&rig, &hooks).await.body.to_string();
    assert!(!listed.contains("execute"), "{listed}");

    let put = json!({"name": "alarm", "metadata": {}});
    assert_eq!(
        rig.ask(&ALL, ("PUT", &path), &[], Some(put)).await.status,
        200
    );
    let patched = rig
        .ask(
            &ALL,
            ("PATCH", &path),
            &[],
            Some(json!({"metadata": {"a": "b"}})),
        )
        .await;
    assert_eq!(
        (&patched.body["name"], &patched.body["metadata"]),
        (&json!("alarm"), &json!({"a": "b"}))
    );

    let rotated = rig
        .ask(&ALL, ("POST", &format!("{path}/rotate")), &[], None)
        .await;
    assert_eq!(rotated.status, 200);
    let second = url(&rotated);
    assert_ne!(first, second);
    let desired = async || get(&rig, &group).await.body["desired"].as_u64().unwrap();
    let post = async |url: &str| {
        let path = url.strip_prefix(&rig.base).unwrap();
        let answer = rig
            .request(reqwest::Method::POST, path)
            .send()
            .await
            .unwrap();
        answer.status().as_u16()
    };
    assert_eq!(
        (post(&first).await, desired().await),
        (202, 2),
        "the old URL is dead, and does not say so"
    );
    assert_eq!(
        (post(&second).await, desired().await),
        (202, 4),
        "the new one works"
    );

    assert_eq!(
        rig.ask(&ALL, ("DELETE", &path), &[], None).await.status,
        204
    );
    assert_eq!(get(&rig, &path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_surfaces_show_the_same_policies_and_webhooks() {
    let rig = Rig::start().await;
    let group = group(&rig).await;
    let old = group.replace("/v2/", "/v1.0/");
    let written = json!([{"name": "nightly", "cooldown": 1.5, "type": "schedule", "args": {"cron": "0 3 * * *"}, "desiredCapacity": 2}]);
    let made = rig
        .ask(
            &ALL,
            ("POST", &format!("{old}/policies")),
            &[],
            Some(written),
        )
        .await;
    let id = made.body["policies"][0]["id"].as_str().unwrap().to_owned();
    let new = get(&rig, &format!("{group}/policies/{id}")).await;
    assert_eq!(new.body["schedule"], json!({"cron": "0 3 * * *"}));
    assert_eq!(new.body["desired"], json!(2));
    let scheduled = get(&rig, &format!("{group}/schedules")).await.body;
    assert_eq!(scheduled["items"][0]["policy"], json!(id));
    let next = scheduled["items"][0]["next"].as_str().unwrap();
    assert!(next.ends_with("T03:00:00.000Z"), "{next}");

    let hook = rig
        .ask(
            &ALL,
            ("POST", &format!("{old}/policies/{id}/webhooks")),
            &[],
            Some(json!([{"name": "x"}])),
        )
        .await;
    let hook = hook.body["webhooks"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{group}/policies/{id}/webhooks/{hook}");
    assert_eq!(get(&rig, &path).await.body["name"], "x");
    // A patch of the policy keeps its webhooks and its schedule.
    let patch = json!({"desired": 3});
    let patched = rig
        .ask(
            &ALL,
            ("PATCH", &format!("{group}/policies/{id}")),
            &[],
            Some(patch),
        )
        .await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    assert_eq!(get(&rig, &path).await.status, 200);
    let shown = get(&rig, &format!("{old}/policies/{id}")).await.body;
    assert_eq!(shown["policy"]["desiredCapacity"], json!(3));
    assert_eq!(shown["policy"]["type"], json!("schedule"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_was_read_can_be_sent_back_and_a_patch_names_only_what_changes() {
    let rig = Rig::start().await;
    let group = group(&rig).await;
    let config = format!("{group}/config");
    let read = get(&rig, &config).await;
    let same = rig
        .ask(&ALL, ("PUT", &config), &[], Some(read.body.clone()))
        .await;
    assert_eq!(same.status, 200, "{}", same.body);
    assert_eq!(get(&rig, &config).await.body, read.body);
    let patch =
        json!({"max": 20, "metadata": {"team": "ops"}, "launch": {"server": {"flavorRef": "2"}}});
    let patched = rig.ask(&ALL, ("PATCH", &config), &[], Some(patch)).await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    let now = get(&rig, &config).await.body;
    assert_eq!((&now["max"], &now["min"]), (&json!(20), &read.body["min"]));
    assert_eq!(now["launch"]["server"]["flavorRef"], "2");
    assert_eq!(
        now["launch"]["server"]["user_data"], "aGVsbG8=",
        "secrets survive a patch"
    );
    let bad = rig
        .ask(&ALL, ("PATCH", &config), &[], Some(json!({"min": 21})))
        .await;
    assert_eq!((bad.status, &bad.body["field"]), (422, &json!("min")));
    let blind = rig.ask(&["read"], ("GET", &config), &[], None).await.body;
    assert_eq!(blind["launch"]["server"]["user_data"], "***");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moment_that_has_passed_is_no_schedule() {
    let rig = Rig::start().await;
    let policies = format!("{}/policies", group(&rig).await);
    let once = |at: &str| json!({"id": "once", "desired": 3, "schedule": {"at": at}});
    let late = rig
        .ask(
            &ALL,
            ("POST", &policies),
            &[],
            Some(once("2020-01-01T00:00:00Z")),
        )
        .await;
    assert_eq!(
        (late.status, &late.body["field"]),
        (422, &json!("schedule.at"))
    );
    let soon = rig
        .ask(
            &ALL,
            ("POST", &policies),
            &[],
            Some(once("2090-01-01T00:00:00Z")),
        )
        .await;
    assert_eq!(soon.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_told_and_held() {
    let v1 = holt_api::V1 {
        groups: 1,
        policies: 3,
        webhooks: 1,
        capabilities: super::rig::capabilities(),
        ..holt_api::V1::default()
    };
    let limits = holt_api::Limits::default();
    let rig = Rig::of(
        std::sync::Arc::new(store::memory::faults::None),
        (limits, v1),
        |_, _| std::sync::Arc::new(super::rig::Unreachable),
    )
    .await;
    let group = group(&rig).await;
    let told = get(&rig, &format!("/v2/{TENANT}/limits")).await;
    assert_eq!(told.body["policies_per_group"], json!(3));
    assert_eq!(told.header("ratelimit-policy"), "\"tenant\";q=2000;w=1");
    assert!(
        told.header("ratelimit").starts_with("\"tenant\";r="),
        "{:?}",
        told.headers
    );
    let reached = |answer: Answered| {
        (
            answer.status,
            answer.body["code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let expected = (403, "limit-reached".to_owned());
    let groups = format!("/v2/{TENANT}/groups");
    assert_eq!(
        reached(rig.ask(&ALL, ("POST", &groups), &[], Some(spec())).await),
        expected
    );
    let policies = format!("{group}/policies");
    let policy = |id: &str| Some(json!({"id": id, "change": 1}));
    assert_eq!(
        rig.ask(&ALL, ("POST", &policies), &[], policy("a"))
            .await
            .status,
        201
    );
    assert_eq!(
        reached(rig.ask(&ALL, ("POST", &policies), &[], policy("b")).await),
        expected
    );
    let hooks = format!("{policies}/a/webhooks");
    let hook = || Some(json!({"name": "x"}));
    assert_eq!(
        rig.ask(&ALL, ("POST", &hooks), &[], hook()).await.status,
        201
    );
    assert_eq!(
        reached(rig.ask(&ALL, ("POST", &hooks), &[], hook()).await),
        expected
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_scales_for_a_suspended_account() {
    let v1 = holt_api::V1 {
        suspended: ["frozen".to_owned()].into(),
        ..holt_api::V1::default()
    };
    let rig = Rig::of(
        std::sync::Arc::new(store::memory::faults::None),
        (holt_api::Limits::default(), v1),
        |_, _| std::sync::Arc::new(super::rig::Unreachable),
    )
    .await;
    let token = rig.ed.sign(&rig.claims("frozen", &ALL));
    let group = "/v2/frozen/groups/00010000-0000-8000-8000-000000000001";
    for (path, status, code) in [
        ("/v2/frozen/groups".to_owned(), 403, "tenant-suspended"),
        // It may be paused and resumed, if it is there.
        (format!("{group}/pause"), 404, "not-found"),
        (format!("{group}/resume"), 404, "not-found"),
    ] {
        let request = rig.request(reqwest::Method::POST, &path);
        let answer = request
            .bearer_auth(&token)
            .header("Content-Type", "application/json")
            .body(spec().to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(code), "{path}: {text}");
    }
}
