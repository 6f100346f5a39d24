//! What the matrix has to know of the old surface: sensible requests, and the words of its refusals.
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::matrix::Answer;
use super::rig::{Rig, TENANT};

/// Servers are shown by `/v2` only; the old surface always said so (row B030).
pub(super) fn is_done(answer: &Answer, operation: &str) -> bool {
    let absent = ["v1ListServers", "v1ShowServer"].contains(&operation);
    let says = |words| {
        let detail = answer.body["detail"].as_str();
        detail.is_some_and(|detail| detail.contains(words))
    };
    // The colo of the rig has no other, and says so to those who may ask.
    let alone = ["showColo", "takeOverColo"].contains(&operation) && says("one control plane");
    answer.status.is_success()
        || absent && answer.status == StatusCode::NOT_IMPLEMENTED
        || alone && answer.status == StatusCode::NOT_FOUND
}

/// The old surface refuses in its own words, and says 403 to a foreign tenant (rows B216, B217).
pub(super) fn refused_in_old_words(
    answer: &Answer,
    (name, code, rule): (&str, &str, Option<&str>),
    place: &str,
) {
    let error = &answer.body["error"];
    let expected = match code {
        "token-missing" | "token-invalid" | "token-expired" => 401,
        "not-found" if name != "foreign tenant" => 404,
        _ => 403,
    };
    assert_eq!(answer.status.as_u16(), expected, "{place}");
    assert_eq!(error["code"], expected, "{place}");
    assert_eq!(answer.media, "application/json", "{place}");
    let message = error["message"].as_str().unwrap();
    let named = rule.is_none_or(|rule| message.contains(&format!("`{rule}`")));
    assert!(named, "{place}");
}

/// The same of the old surface.
pub(super) fn old_body(operation: &str) -> Option<Value> {
    let configuration =
        json!({"name": "web", "cooldown": 0, "minEntities": 0, "maxEntities": 5, "metadata": {}});
    let launch =
        json!({"type": "launch_server", "args": {"server": {"flavorRef": "1", "imageRef": "img"}}});
    let policy = json!({"name": "up", "cooldown": 0, "type": "webhook", "change": 1});
    let webhook = json!({"name": "hook", "metadata": {}});
    match operation {
        "v1CreateGroup" => {
            Some(json!({"groupConfiguration": configuration, "launchConfiguration": launch}))
        }
        "v1Configure" => Some(configuration),
        "v1PutLaunch" => Some(launch),
        "v1CreatePolicies" => Some(json!([policy])),
        "v1PutPolicy" => Some(policy),
        "v1CreateWebhooks" => Some(json!([webhook])),
        "v1PutWebhook" => Some(webhook),
        _ => None,
    }
}

/// The id of a webhook of a policy of the group, made by the old surface.
pub(super) async fn webhook(rig: &Rig, group: &str) -> String {
    let path = format!("/v1.0/{TENANT}/groups/{group}/policies/up/webhooks");
    let body = json!([{"name": "hook"}]);
    let request = rig
        .request(Method::POST, &path)
        .bearer_auth(rig.token(&["crud"]));
    let answer = request.body(body.to_string()).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let made: Value = serde_json::from_str(&text).unwrap();
    made["webhooks"][0]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}
