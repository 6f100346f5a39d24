//! Who may do what (rows B216 to B222).
use reqwest::Method;
use serde_json::{Value, json};

use super::rig::{ADMIN, Old, change, configuration, group, launch};
use crate::access::rig::TENANT;

/// Asks something of every kind with these rights, and gives the statuses: reads, webhook reads, writes, executions.
async fn reach(
    old: &Old,
    token: Option<&str>,
    tenant: &str,
    (path, policy): (&str, &str),
) -> [Vec<u16>; 4] {
    let ask = async |method: Method, below: &str, body: Option<Value>| {
        let path = format!("/v1.0/{tenant}/{below}");
        let body = body.map(|body| body.to_string());
        old.ask_as(token, method, &path, body).await.status
    };
    let mut reads = Vec::new();
    for below in [
        "limits",
        "groups",
        path,
        &format!("{path}/state"),
        &format!("{path}/config"),
        &format!("{path}/launch"),
        &format!("{path}/policies"),
        policy,
    ] {
        reads.push(ask(Method::GET, below, None).await);
    }
    let hooks = vec![ask(Method::GET, &format!("{policy}/webhooks"), None).await];
    let writes = vec![
        ask(Method::POST, "groups", Some(group(0, 5))).await,
        ask(
            Method::PUT,
            &format!("{path}/config"),
            Some(configuration(0, 5)),
        )
        .await,
        ask(Method::PUT, &format!("{path}/launch"), Some(launch())).await,
        ask(
            Method::POST,
            &format!("{path}/policies"),
            Some(json!([change(1)])),
        )
        .await,
        ask(
            Method::POST,
            &format!("{policy}/webhooks"),
            Some(json!([{"name": "hook"}])),
        )
        .await,
        ask(Method::POST, &format!("{path}/pause"), None).await,
        ask(Method::POST, &format!("{path}/resume"), None).await,
    ];
    let execute = vec![ask(Method::POST, &format!("{policy}/execute"), None).await];
    [reads, hooks, writes, execute]
}

fn all(answers: &[Vec<u16>; 4], status: u16) -> bool {
    answers.iter().flatten().all(|one| *one == status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b216_b217_b222_who_has_no_token_a_foreign_one_or_no_right_gets_nothing() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    let here = (path.as_str(), policy.as_str());
    assert!(all(&reach(&old, None, TENANT, here).await, 401));
    assert!(all(&reach(&old, Some("nonsense"), TENANT, here).await, 401));
    let foreign = old.rig.ed.sign(&old.rig.claims("umbrella", &ADMIN));
    assert!(all(&reach(&old, Some(&foreign), TENANT, here).await, 403));
    let none = old.rig.token(&[]);
    assert!(all(&reach(&old, Some(&none), TENANT, here).await, 403));
    assert_eq!(old.desired(&path).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b219_b220_b221_observers_look_and_admins_do_everything() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &change(1)).await;
    old.webhook(&policy).await;
    let here = (path.as_str(), policy.as_str());
    let observer = old.rig.token(&["read"]);
    let [reads, hooks, writes, execute] = reach(&old, Some(&observer), TENANT, here).await;
    assert!(reads.iter().all(|status| *status == 200), "{reads:?}");
    assert!(
        [hooks, writes, execute]
            .iter()
            .flatten()
            .all(|status| *status == 403)
    );
    let admin = old.rig.token(&ADMIN);
    let answers = reach(&old, Some(&admin), TENANT, here).await;
    assert!(
        answers
            .iter()
            .flatten()
            .all(|status| (200..300).contains(status)),
        "{answers:?}"
    );
    // What lets others in stays hidden from who only looks, also in the manifest.
    let path = format!("/v1.0/{TENANT}/{path}?webhooks=true");
    let seen = old
        .ask_as(Some(&observer), Method::GET, &path, None)
        .await
        .is(200);
    assert!(!seen.text.contains("/execute/"), "{seen:?}");
}
