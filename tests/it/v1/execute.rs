//! Executing policies, pausing, converging (rows B158 to B187, as far as no cloud is needed).
use domain::capacity::Size;
use domain::draft::Draft;
use serde_json::{Value, json};

use super::rig::{Old, change, configuration, group, set, without};
use crate::access::rig::capabilities;

fn percent(percent: impl Into<Value>) -> Value {
    set(
        without(change(1), "/change"),
        "/changePercent",
        percent.into(),
    )
}

fn exactly(size: u32) -> Value {
    set(
        without(change(1), "/change"),
        "/desiredCapacity",
        json!(size),
    )
}

/// What desired becomes from `from` by a policy in a group of these bounds; none if it is refused for no change.
async fn becomes(old: &Old, from: u32, (min, max): (u32, u32), policy: &Value) -> Option<i64> {
    let (path, policy) = old.group_with((from, from), policy).await;
    old.put(&format!("{path}/config"), &configuration(min, max))
        .await
        .is(204);
    let answer = old.act(&format!("{policy}/execute")).await;
    if answer.status == 202 {
        assert_eq!(answer.text, "{}");
        return Some(old.desired(&path).await);
    }
    answer.is_refused(403, "CannotExecutePolicyError");
    assert!(answer.text.contains("No change in servers"), "{answer:?}");
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b160_b161_b162_b163_bounds_stop_a_policy_and_then_nothing_changes() {
    let old = Old::start().await;
    assert_eq!(becomes(&old, 3, (0, 5), &change(9)).await, Some(5));
    assert_eq!(becomes(&old, 5, (0, 5), &change(9)).await, None);
    assert_eq!(becomes(&old, 3, (2, 5), &change(-9)).await, Some(2));
    assert_eq!(
        becomes(&old, 2, (2, 5), &change(-9)).await,
        None,
        "a new group is at its min"
    );
    for policy in [change(1), change(-1), percent(50), exactly(9), exactly(0)] {
        assert_eq!(becomes(&old, 4, (4, 4), &policy).await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b158_b159_each_kind_of_policy_moves_desired_both_ways() {
    let old = Old::start().await;
    assert_eq!(becomes(&old, 4, (0, 50), &change(3)).await, Some(7));
    assert_eq!(becomes(&old, 4, (0, 50), &percent(100)).await, Some(8));
    assert_eq!(becomes(&old, 4, (0, 50), &exactly(40)).await, Some(40));
    assert_eq!(becomes(&old, 4, (0, 50), &change(-3)).await, Some(1));
    assert_eq!(becomes(&old, 4, (0, 50), &percent(-50)).await, Some(2));
    assert_eq!(becomes(&old, 4, (0, 50), &exactly(0)).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b164_percentages_are_rounded_away_from_zero() {
    let old = Old::start().await;
    for (from, by, expected) in [
        (5, 5.0, 6),
        (5, 50.0, 8),
        (5, 75.0, 9),
        (5, 0.0001, 6),
        (5, -5.0, 4),
        (5, -50.0, 2),
        (5, -75.0, 1),
        (5, -100.0, 0),
        (5, -300.0, 0),
        (5, -0.0001, 4),
        (10, 10.1, 12),
        (10, 30.0, 13),
        (3, 33.333_333_333_333_336, 5),
    ] {
        assert_eq!(
            becomes(&old, from, (0, 1000), &percent(by)).await,
            Some(expected),
            "{by} % of {from}"
        );
    }
    assert_eq!(
        becomes(&old, 0, (0, 1000), &percent(50)).await,
        None,
        "of none there is no change"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b165_no_change_within_bounds_is_refused() {
    let old = Old::start().await;
    assert_eq!(becomes(&old, 3, (0, 5), &exactly(3)).await, None);
    assert_eq!(
        becomes(&old, 3, (0, 5), &exactly(9)).await,
        Some(5),
        "above: down to max"
    );
    assert_eq!(
        becomes(&old, 3, (2, 5), &exactly(1)).await,
        Some(2),
        "below: up to min"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b166_b168_a_policy_rests_alone() {
    let old = Old::start().await;
    let (path, resting) = old
        .group_with((0, 50), &set(change(1), "/cooldown", json!(3600)))
        .await;
    let other = old.policy(&path, &change(1)).await;
    old.act(&format!("{resting}/execute")).await.is(202);
    let refused = old.act(&format!("{resting}/execute")).await;
    refused.is_refused(403, "CannotExecutePolicyError");
    assert!(refused.text.contains("Cooldowns not met."), "{refused:?}");
    old.act(&format!("{other}/execute")).await.is(202);
    assert_eq!(old.desired(&path).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b167_a_group_rests_as_a_whole() {
    let old = Old::start().await;
    let path = old
        .group(&set(
            group(0, 50),
            "/groupConfiguration/cooldown",
            json!(3600),
        ))
        .await;
    let (one, other) = (
        old.policy(&path, &change(1)).await,
        old.policy(&path, &change(1)).await,
    );
    old.act(&format!("{one}/execute")).await.is(202);
    for policy in [one, other] {
        old.act(&format!("{policy}/execute"))
            .await
            .is_refused(403, "CannotExecutePolicyError");
    }
    assert_eq!(old.desired(&path).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b170_an_updated_policy_runs_as_it_is_now_also_by_its_old_url() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 100), &change(1)).await;
    let (_, url) = old.webhook(&policy).await;
    let mut seen = Vec::new();
    for kind in [change(30), change(-5), percent(100), exactly(7)] {
        old.put(&policy, &kind).await.is(204);
        old.act(&format!("{policy}/execute")).await.is(202);
        seen.push(old.desired(&path).await);
    }
    old.put(&policy, &change(2)).await.is(204);
    old.use_capability(&url).await.is(202);
    seen.push(old.desired(&path).await);
    assert_eq!(seen, [30, 25, 50, 7, 9]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b171_what_is_not_there_is_not_executed() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let nobody = "11111111-1111-4111-8111-111111111111";
    for policy in [nobody, "x", "%C3%BC"] {
        old.act(&format!("{path}/policies/{policy}/execute"))
            .await
            .is_refused(404, "NoSuchPolicyError");
        let nowhere =
            format!("groups/00010000-0000-8000-8000-000000000000/policies/{policy}/execute");
        old.act(&nowhere)
            .await
            .is_refused(404, "NoSuchScalingGroupError");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b172_b175_b176_a_paused_group_does_nothing_until_it_is_resumed() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 9), &change(1)).await;
    for _ in 0..2 {
        old.act(&format!("{path}/pause")).await.is(204);
    }
    assert_eq!(old.state(&path).await["paused"], true);
    old.act(&format!("{policy}/execute"))
        .await
        .is_refused(403, "GroupPausedError");
    // Pause is said before a policy that is none.
    let unknown = format!("{path}/policies/unknown/execute");
    old.act(&unknown).await.is_refused(403, "GroupPausedError");
    old.act(&format!("{path}/converge"))
        .await
        .is_refused(403, "GroupPausedError");
    old.put(&format!("{path}/config"), &configuration(2, 9))
        .await
        .is(204);
    for _ in 0..2 {
        old.act(&format!("{path}/resume")).await.is(204);
    }
    let state = old.state(&path).await;
    assert!(
        state["paused"] == false && state["desiredCapacity"] == 2,
        "{state}"
    );
    old.act(&format!("{policy}/execute")).await.is(202);
    let done = old.act(&format!("{path}/converge")).await.is(204);
    assert_eq!(done.text, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b173_nothing_scales_for_a_suspended_tenant() {
    let (service, rest) = (capabilities(), holt_api::V1::default());
    let v1 = holt_api::V1 {
        capabilities: service,
        suspended: ["acme".to_owned()].into(),
        ..rest
    };
    let old = Old::with(v1).await;
    old.post("groups", &group(1, 9))
        .await
        .is_refused(403, "TenantSuspendedError");
    assert!(old.rig.store.keys().is_empty(), "none was made");
    let (path, policy) = old.group_with((0, 9), &change(1)).await;
    // As it was when the account was suspended: it wants a server, and has one.
    let id = path.strip_prefix("groups/").unwrap();
    let wants_one = |draft: &mut Draft<'_>| draft.state.desired = Size(1);
    old.rig.edit(id, wants_one).await;
    let server = old.rig.plant_server(id).await;
    let commits = old.rig.store.commits();
    old.act(&format!("{policy}/execute"))
        .await
        .is_refused(403, "TenantSuspendedError");
    old.act(&format!("{path}/converge"))
        .await
        .is_refused(403, "TenantSuspendedError");
    old.put(&format!("{path}/config"), &configuration(5, 9))
        .await
        .is_refused(403, "TenantSuspendedError");
    old.delete(&format!("{path}/servers/{server}"))
        .await
        .is_refused(403, "TenantSuspendedError");
    assert_eq!(old.rig.store.commits(), commits, "nothing is stored first");
    let (_, url) = old.webhook(&policy).await;
    old.use_capability(&url).await.is(202);
    assert_eq!(old.desired(&path).await, 1);
    old.act(&format!("{path}/pause")).await.is(204);
    old.act(&format!("{path}/resume")).await.is(204);
    old.delete(&format!("{path}?force=true")).await.is(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b177_b178_b179_b180_b181_a_group_that_wants_servers_goes_by_force_only() {
    let old = Old::start().await;
    let path = old.group(&group(2, 5)).await;
    old.delete(&path)
        .await
        .is_refused(403, "GroupNotEmptyError");
    old.delete(&format!("{path}?force=false"))
        .await
        .is_refused(403, "GroupNotEmptyError");
    old.put(&format!("{path}/config"), &configuration(0, 5))
        .await
        .is(204);
    old.delete(&path)
        .await
        .is_refused(403, "GroupNotEmptyError");
    for bad in ["0", "", "%24%5E%23", "anything", "truee", "1"] {
        old.delete(&format!("{path}?force={bad}"))
            .await
            .is_refused(400, "InvalidQueryArgument");
    }
    old.delete(&format!("{path}?force=TrUe")).await.is(204);
    old.delete(&format!("{path}?force=true"))
        .await
        .is_refused(404, "NoSuchScalingGroupError");
    let emptied = old.group(&group(2, 5)).await;
    old.put(&format!("{emptied}/config"), &configuration(0, 0))
        .await
        .is(204);
    old.delete(&emptied).await.is(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b183_b184_b185_b186_a_server_is_taken_out_by_name() {
    let old = Old::start().await;
    let path = old.group(&group(1, 5)).await;
    let id = path.strip_prefix("groups/").unwrap();
    let (one, two) = (
        old.rig.plant_server(id).await,
        old.rig.plant_server(id).await,
    );
    let other = old
        .rig
        .plant_server(
            old.group(&group(1, 5))
                .await
                .strip_prefix("groups/")
                .unwrap(),
        )
        .await;
    let servers = format!("{path}/servers");
    for bad in ["bad", "", "1", "0"] {
        old.delete(&format!("{servers}/{one}?replace={bad}"))
            .await
            .is_refused(400, "InvalidQueryArgument");
        old.delete(&format!("{servers}/{one}?purge={bad}"))
            .await
            .is_refused(400, "InvalidQueryArgument");
    }
    for missing in [other.as_str(), "x", "11111111-1111-4111-8111-111111111111"] {
        for query in ["", "?replace=false"] {
            old.delete(&format!("{servers}/{missing}{query}"))
                .await
                .is_refused(404, "ServerNotFoundError");
        }
    }
    let refused = old.delete(&format!("{servers}/{one}?replace=false")).await;
    refused.is_refused(403, "CannotDeleteServerBelowMinError");
    let done = old
        .delete(&format!("{servers}/{one}?replace=TRUE"))
        .await
        .is(202);
    assert_eq!(done.text, "");
    assert_eq!(old.desired(&path).await, 1);
    old.delete(&format!("{servers}/{one}"))
        .await
        .is_refused(404, "ServerNotFoundError");
    old.put(&format!("{path}/config"), &configuration(0, 5))
        .await
        .is(204);
    old.delete(&format!("{servers}/{two}?replace=false"))
        .await
        .is(202);
    assert_eq!(old.desired(&path).await, 0);
}
