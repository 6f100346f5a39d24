//! Writes that are sent again after a try of them died before its answer was noted, where others may have written since.
use domain::group::Phase;
use serde_json::json;

use super::again::{ALL, a_minute_passes, forget, mortal};
use super::rig::{Answered, Rig};

/// A webhook of the group's policy `up`, as it was made.
async fn webhook(rig: &Rig, group: &str) -> Answered {
    let hooks = format!("{group}/policies/up/webhooks");
    let named = Some(json!({"name": "x"}));
    rig.ask(&ALL, ("POST", &hooks), &[], named).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_with_if_match_whose_first_try_died_is_answered_as_done() {
    let (rig, faults, hook) = mortal().await;
    let group = hook.trim_end_matches("/hooks/h");
    let made = webhook(&rig, group).await;
    let hook = made.header("location");
    let (config, pause) = (format!("{group}/config"), format!("{group}/pause"));
    let policy = format!("{group}/policies/up");
    let other = Some(json!({"change": 5}));
    for (seen, method, path, body) in [
        (&config, "PATCH", &config, Some(json!({"max": 9}))),
        (&policy, "PATCH", &policy, other),
        (&hook, "PATCH", &hook, Some(json!({"name": "y"}))),
        (&group.to_owned(), "POST", &pause, None),
    ] {
        let tag = rig.ask(&ALL, ("GET", seen), &[], None).await.header("etag");
        let headers = [("Idempotency-Key", "k"), ("If-Match", &tag)];
        let ask = async || rig.ask(&ALL, (method, path), &headers, body.clone()).await;
        faults.fail_at(2);
        let first = ask().await.status;
        faults.fail_at(0);
        a_minute_passes(&rig).await;
        assert_eq!((first, ask().await.status), (200, 200), "{method} {path}");
        forget(&rig).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_rotation_with_if_match_ends_no_url_that_somebody_else_was_given() {
    let (rig, faults, hook) = mortal().await;
    let group = hook.trim_end_matches("/hooks/h");
    let made = webhook(&rig, group).await;
    let hook = made.header("location");
    let turn = format!("{hook}/rotate");
    let tag = made.header("etag");
    let headers = [("Idempotency-Key", "k"), ("If-Match", &tag)];
    faults.fail_at(2);
    let first = rig.ask(&ALL, ("POST", &turn), &headers, None).await;
    assert_eq!(first.status, 200, "it was done, and its answer got lost");
    faults.fail_at(0);
    let others = rig.ask(&ALL, ("POST", &turn), &[], None).await;
    assert_eq!(others.status, 200, "{}", others.body);
    a_minute_passes(&rig).await;
    let again = rig.ask(&ALL, ("POST", &turn), &headers, None).await;
    assert_eq!(
        (again.status, &again.body["code"]),
        (412, &json!("precondition-failed"))
    );
    let shown = rig.ask(&ALL, ("GET", &hook), &[], None).await;
    let tag = shown.header("etag");
    assert_eq!(tag, others.header("etag"), "the other one's URL is good");
    // Whoever has read the webhook rotates it anew.
    let headers = [("Idempotency-Key", "l"), ("If-Match", &tag)];
    let anew = rig.ask(&ALL, ("POST", &turn), &headers, None).await;
    assert_eq!(anew.status, 200, "{}", anew.body);
    assert_ne!(anew.body["url"], others.body["url"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_whose_first_try_died_is_answered_as_done_also_when_the_group_is_gone() {
    for conditions in [1, 2] {
        let (rig, faults, hook) = mortal().await;
        let group = hook.trim_end_matches("/hooks/h");
        let path = format!("{group}?force=true");
        let shown = rig.ask(&ALL, ("GET", group), &[], None).await;
        let tag = shown.header("etag");
        // Without If-Match, and with it.
        let headers = [("Idempotency-Key", "k"), ("If-Match", &tag)];
        let headers = &headers[..conditions];
        faults.fail_at(2);
        let first = rig.ask(&ALL, ("DELETE", &path), headers, None).await;
        assert_eq!(first.status, 202, "{}", first.body);
        faults.fail_at(0);
        let id = group.rsplit('/').next().unwrap();
        rig.edit(id, |draft| draft.state.phase = Phase::Tombstone)
            .await;
        a_minute_passes(&rig).await;
        let again = rig.ask(&ALL, ("DELETE", &path), headers, None).await;
        assert_eq!(
            (again.status, &again.body["id"], &again.body["status"]),
            (202, &json!(id), &json!("deleting")),
            "{}",
            again.body
        );
        let other = rig.ask(&ALL, ("DELETE", &path), &[], None).await;
        assert_eq!(other.status, 404, "for another write it is not there");
    }
}
