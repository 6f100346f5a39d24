//! Groups, links, errors (rows B001 to B031).
use reqwest::Method;
use serde_json::{Value, json};

use super::rig::{Old, change, configuration, group, href, launch, set, without};
use crate::access::rig::TENANT;

const NOBODY: &str = "groups/00010000-0000-8000-8000-000000000000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b001_b009_b012_b013_a_group_is_made_and_shown_as_it_was_sent() {
    let old = Old::start().await;
    let made = old.post("groups", &group(1, 5)).await.is(201);
    let shown = made.json()["group"].clone();
    assert_eq!(shown["groupConfiguration"], configuration(1, 5));
    assert_eq!(shown["launchConfiguration"], launch());
    let link = href(&shown, "self");
    assert_eq!(made.header("location"), link);
    let id = shown["id"].as_str().unwrap();
    assert_eq!(link, format!("{}/v1.0/{TENANT}/groups/{id}/", old.rig.base));
    assert_eq!(shown["links"].as_array().unwrap().len(), 1, "no bookmark");
    assert_eq!(
        shown["state"]["desiredCapacity"], 1,
        "the true number at once"
    );
    for name in ["server", "date", "x-response-id"] {
        assert!(!made.header(name).is_empty());
    }
    assert_eq!(made.header("x-response-id").len(), 36);
    assert_eq!(made.header("content-type"), "application/json");
    let again = old.get(&format!("groups/{id}")).await.is(200).json();
    assert_eq!(
        again["group"]["groupConfiguration"],
        shown["groupConfiguration"]
    );
    assert_eq!(
        again["group"]["launchConfiguration"],
        shown["launchConfiguration"]
    );
    assert_eq!(
        again["group"]["scalingPolicies_links"][0]["rel"],
        "policies"
    );
    assert!(again["group"]["state"]["active"].is_array());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b002_b003_what_is_left_out_is_shown_with_its_default() {
    let old = Old::start().await;
    let bare = without(
        without(group(0, 0), "/groupConfiguration/maxEntities"),
        "/groupConfiguration/metadata",
    );
    let made = old.post("groups", &bare).await.is(201).json();
    let shown = &made["group"]["groupConfiguration"];
    assert_eq!(shown["maxEntities"], 1000);
    assert_eq!(shown["metadata"], json!({}));
    let zero = old.post("groups", &group(0, 0)).await.is(201).json();
    assert_eq!(zero["group"]["groupConfiguration"]["maxEntities"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b004_b005_policies_come_with_the_group_or_not_at_all() {
    let old = Old::start().await;
    let many = json!([change(1), change(1), change(-1)]);
    let made = old
        .post("groups", &set(group(0, 5), "/scalingPolicies", many))
        .await
        .is(201)
        .json();
    let policies = made["group"]["scalingPolicies"].as_array().unwrap();
    assert_eq!(policies.len(), 3);
    assert_eq!(policies[2]["change"], -1, "in the order of the request");
    let ids: std::collections::BTreeSet<&str> =
        policies.iter().map(|p| p["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    for policy in policies {
        assert!(
            href(policy, "self")
                .ends_with(&format!("/policies/{}/", policy["id"].as_str().unwrap()))
        );
    }
    for none in [set(group(0, 5), "/scalingPolicies", json!([])), group(0, 5)] {
        let made = old.post("groups", &none).await.is(201).json();
        assert_eq!(made["group"]["scalingPolicies"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b006_too_many_policies_or_a_bad_one_make_no_group() {
    let old = Old::start().await;
    let bad = [
        Value::Array(vec![change(1); 101]),
        json!([change(1), change(0)]),
        json!([{"name": "m", "cooldown": 0, "type": "cloud_monitoring", "change": 1, "args": {"check": {}, "alarm_criteria": {}}}]),
        json!([{"name": "s", "cooldown": 0, "type": "schedule", "change": 1, "args": {"check": {}, "alarm_criteria": {}}}]),
        Value::Null,
    ];
    for policies in bad {
        old.post("groups", &set(group(0, 5), "/scalingPolicies", policies))
            .await
            .is_refused(400, "ValidationError");
    }
    assert_eq!(old.get("groups").await.json()["groups"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b007_b014_two_equal_groups_are_two_and_listed_in_order_of_id() {
    let old = Old::start().await;
    for _ in 0..3 {
        old.group(&group(0, 5)).await;
    }
    let listed = old.get("groups").await.is(200).json();
    let groups = listed["groups"].as_array().unwrap();
    let ids: Vec<&str> = groups.iter().map(|g| g["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted());
    for group in groups {
        assert_eq!(group["state"]["name"], "web");
        assert!(href(group, "self").contains("/v1.0/"));
        assert_eq!(group.as_object().unwrap().len(), 3, "{group}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b010_b011_b027_links_of_policies_and_webhooks_are_whole() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    let (hook, url) = old.webhook(&policy).await;
    for truth in ["true", "tRuE", "True"] {
        let shown = old
            .get(&format!("{path}?webhooks={truth}"))
            .await
            .is(200)
            .json();
        let policy = &shown["group"]["scalingPolicies"][0];
        assert_eq!(policy["webhooks_links"][0]["rel"], "webhooks");
        let webhook = &policy["webhooks"][0];
        assert_eq!(
            old.below(&href(webhook, "self")),
            format!("/v1.0/{TENANT}/{hook}/")
        );
        let capability = href(webhook, "capability");
        assert_eq!(old.below(&capability), url);
        let hash = url
            .strip_prefix("/v1.0/execute/1/")
            .unwrap()
            .strip_suffix('/')
            .unwrap();
        assert!(
            hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()),
            "{hash}"
        );
    }
    let shown = old.get(&policy).await.json();
    assert_eq!(
        old.below(&href(&shown["policy"], "self")),
        format!("/v1.0/{TENANT}/{policy}/")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b015_no_groups_are_an_empty_list() {
    let old = Old::start().await;
    assert_eq!(
        old.get("groups").await.is(200).json(),
        json!({"groups": [], "groups_links": []})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b016_b019_b175_what_is_not_there_is_404_and_changes_nothing() {
    let old = Old::start().await;
    for id in [
        NOBODY,
        "groups/x",
        "groups/%C3%BC",
        "groups/00010000-0000-8000-8000-00000000000A",
    ] {
        for below in ["", "/state", "/config", "/launch", "/policies"] {
            old.get(&format!("{id}{below}"))
                .await
                .is_refused(404, "NoSuchScalingGroupError");
        }
        old.put(&format!("{id}/config"), &configuration(0, 1))
            .await
            .is_refused(404, "NoSuchScalingGroupError");
        old.put(&format!("{id}/launch"), &launch())
            .await
            .is_refused(404, "NoSuchScalingGroupError");
        old.delete(id)
            .await
            .is_refused(404, "NoSuchScalingGroupError");
        for act in ["pause", "resume", "converge"] {
            old.act(&format!("{id}/{act}"))
                .await
                .is_refused(404, "NoSuchScalingGroupError");
        }
    }
    assert_eq!(old.rig.store.commits(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b017_b018_an_empty_group_is_deleted_and_then_not_there() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    let gone = old.delete(&path).await.is(204);
    assert_eq!(
        (gone.text.as_str(), gone.header("content-type")),
        ("", "application/json")
    );
    old.delete(&path)
        .await
        .is_refused(404, "NoSuchScalingGroupError");
    for below in [
        path.clone(),
        format!("{path}/state"),
        format!("{path}/policies"),
        policy,
    ] {
        old.get(&below)
            .await
            .is_refused(404, "NoSuchScalingGroupError");
    }
    old.put(&format!("{path}/config"), &configuration(0, 1))
        .await
        .is_refused(404, "NoSuchScalingGroupError");
    assert_eq!(old.get("groups").await.json()["groups"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b021_a_body_that_is_not_json_is_said_so_before_anything_else() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    let hooks = format!("{policy}/webhooks");
    for body in ["", "{", "nonsense", "{} {}", "\u{feff}{}", "{\"a\": NaN}"] {
        for (method, path) in [
            (Method::POST, "groups".to_owned()),
            (Method::PUT, format!("{path}/config")),
            (Method::PUT, format!("{path}/launch")),
            (Method::POST, format!("{path}/policies")),
            (Method::PUT, policy.clone()),
            (Method::POST, hooks.clone()),
            (Method::PUT, format!("{NOBODY}/config")),
        ] {
            let answer = old.ask(method, &path, Some(body.to_owned())).await;
            answer.is_refused(400, "InvalidJsonError");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b022_json_of_another_form_is_refused() {
    let old = Old::start().await;
    for body in [
        json!([]),
        Value::Null,
        json!("x"),
        json!(5),
        json!({}),
        json!({"groupConfiguration": configuration(0, 1)}),
    ] {
        old.post("groups", &body)
            .await
            .is_refused(400, "ValidationError");
        old.put(&format!("{NOBODY}/config"), &body)
            .await
            .is_refused(400, "ValidationError");
        old.put(&format!("{NOBODY}/launch"), &body)
            .await
            .is_refused(400, "ValidationError");
    }
    let doubled = group(0, 5)
        .to_string()
        .replacen("{", "{\"groupConfiguration\": 5,", 1);
    assert_eq!(
        old.ask(Method::POST, "groups", Some(doubled)).await.status,
        201,
        "the last of doubled keys counts"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b023_b024_the_state_of_a_settled_group_adds_up() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let state = old.state(&path).await;
    let expected = json!({
        "active": [], "activeCapacity": 0, "pendingCapacity": 0, "desiredCapacity": 0, "name": "web", "paused": false, "status": "ACTIVE",
    });
    assert_eq!(state, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b026_b028_webhooks_are_shown_only_to_who_asks_for_them() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    old.webhook(&policy).await;
    for query in [
        "",
        "?webhooks=False",
        "?webhooks=15",
        "?webhooks=junk",
        "?Webhooks=true",
        "?webhooks=",
    ] {
        let shown = old.get(&format!("{path}{query}")).await.is(200).json();
        let policy = &shown["group"]["scalingPolicies"][0];
        assert!(
            policy["webhooks"].is_null() && policy["webhooks_links"].is_null(),
            "{query}: {policy}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b029_a_manifest_holds_a_hundred_policies_of_25_webhooks() {
    let old = Old::start().await;
    let path = old
        .group(&set(
            group(0, 5),
            "/scalingPolicies",
            Value::Array(vec![change(1); 100]),
        ))
        .await;
    let listed = old.get(&format!("{path}/policies")).await.json();
    let hooks = Value::Array(vec![json!({"name": "hook"}); 25]);
    for policy in listed["policies"].as_array().unwrap() {
        let id = policy["id"].as_str().unwrap();
        old.post(&format!("{path}/policies/{id}/webhooks"), &hooks)
            .await
            .is(201);
    }
    let shown = old
        .get(&format!("{path}?webhooks=true"))
        .await
        .is(200)
        .json();
    let policies = shown["group"]["scalingPolicies"].as_array().unwrap();
    let urls: std::collections::BTreeSet<String> = policies
        .iter()
        .flat_map(|policy| policy["webhooks"].as_array().unwrap())
        .map(|hook| href(hook, "capability"))
        .collect();
    assert_eq!((policies.len(), urls.len()), (100, 2_500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b030_servers_are_not_shown_here() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    old.get(&format!("{path}/servers"))
        .await
        .is_refused(501, "NotImplementedError");
    old.get(&format!("{path}/servers/x"))
        .await
        .is_refused(501, "NotImplementedError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b031_a_slash_at_the_end_is_as_good_as_none_and_two_are_not() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    for below in [
        "groups".to_owned(),
        path.clone(),
        format!("{path}/state"),
        format!("{path}/policies"),
    ] {
        assert_eq!(
            old.get(&below).await.is(200).text,
            old.get(&format!("{below}/")).await.is(200).text
        );
        assert_eq!(old.get(&format!("{below}//")).await.status, 404);
        let head = old.ask(Method::HEAD, &below, None).await.is(200);
        assert_eq!(head.text, "");
        let options = old.ask(Method::OPTIONS, &below, None).await;
        options.is_refused(405, "badMethod");
        assert!(options.header("allow").contains("HEAD"), "{options:?}");
    }
    assert_eq!(
        old.ask(Method::PUT, &path, Some("{}".to_owned()))
            .await
            .status,
        405
    );
    assert_eq!(
        old.ask_as(None, Method::GET, "/v1.0", None).await.status,
        404
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b025_b207_b208_a_group_that_cannot_launch_says_why_and_no_longer_when_it_can() {
    use domain::group::HoldWhy;
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let hold = |why| {
        let (rig, id) = (&old.rig, path.strip_prefix("groups/").unwrap());
        rig.hold(id, why)
    };
    hold(HoldWhy::Config).await;
    let state = old.state(&path).await;
    assert_eq!(state["status"], "ERROR");
    assert_eq!(
        state["errors"],
        json!([{"message": "Server launch configuration is invalid: told by a test"}])
    );
    hold(HoldWhy::Quota).await;
    let errors = &old.state(&path).await["errors"];
    assert_eq!(
        *errors,
        json!([{"message": "Servers cannot be created: told by a test"}])
    );
    hold(HoldWhy::Failures).await;
    assert_eq!(
        old.state(&path).await["errors"],
        json!([{"message": "Unknown error occurred"}])
    );
    // What the cloud gets over by itself is no error of the customer's.
    hold(HoldWhy::NoCapacity).await;
    let state = old.state(&path).await;
    assert!(
        state["status"] == "ACTIVE" && state["errors"].is_null(),
        "{state}"
    );
}
