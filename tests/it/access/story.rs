//! A group's life through the typed client, while its owner is away.
use reqwest::StatusCode;
use serde_json::json;
use wire::client::{Answer, Error, SlotsOf, VerdictsOf};
use wire::v2::event::EventRequest;
use wire::v2::group::{GroupSpec, Status};

use super::rig::{Rig, TENANT, spec};

fn code(error: Error) -> String {
    let Error::Refused(problem) = error else {
        panic!("{error:?}")
    };
    problem.code.into_owned()
}

fn event(json: serde_json::Value) -> EventRequest {
    serde_json::from_value(json).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_made_shown_paused_and_configured() {
    let rig = Rig::start().await;
    let client = rig.client(&["read", "crud"]);
    let spec: GroupSpec = serde_json::from_value(spec()).unwrap();
    let made = client.create_group(TENANT, &spec).await.unwrap();
    assert_eq!(
        (made.desired, made.active, made.status, made.rev),
        (2, 0, Status::Active, 1)
    );
    assert!(made.created.is_some());
    let shown = client.group(TENANT, &made.id).await.unwrap();
    assert_eq!(shown, made);
    assert_eq!(shown.launch, spec.launch);
    assert_eq!(
        shown.policies[0].change_percent,
        spec.policies[1].change_percent
    );
    let listed = client.groups(TENANT, None, None).await.unwrap();
    assert_eq!(
        listed
            .items
            .iter()
            .map(|g| g.id.as_str())
            .collect::<Vec<_>>(),
        [made.id.as_str()]
    );

    assert_eq!(
        client.pause(TENANT, &made.id).await.unwrap().status,
        Status::Paused
    );
    assert_eq!(
        client.pause(TENANT, &made.id).await.unwrap().rev,
        2,
        "a second pause changes nothing"
    );
    let narrower = GroupSpec {
        min: 3,
        max: 4,
        launch: None,
        ..spec.clone()
    };
    let changed = client.configure(TENANT, &made.id, &narrower).await.unwrap();
    assert_eq!((changed.desired, changed.status), (3, Status::Paused));
    assert_eq!(
        changed.launch, spec.launch,
        "a launch configuration that is left out stays"
    );
    assert_eq!(
        client.resume(TENANT, &made.id).await.unwrap().status,
        Status::Active
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_wants_servers_is_deleted_by_force_only_and_takes_no_changes_then() {
    let rig = Rig::start().await;
    let client = rig.client(&["read", "crud"]);
    let spec: GroupSpec = serde_json::from_value(spec()).unwrap();
    let made = client.create_group(TENANT, &spec).await.unwrap();
    assert_eq!(
        code(
            client
                .delete_group(TENANT, &made.id, false)
                .await
                .unwrap_err()
        ),
        "group-not-empty"
    );
    let gone = client.delete_group(TENANT, &made.id, true).await.unwrap();
    assert_eq!((gone.status, gone.desired), (Status::Deleting, 0));
    assert_eq!(
        client
            .delete_group(TENANT, &made.id, false)
            .await
            .unwrap()
            .rev,
        gone.rev
    );
    assert_eq!(
        code(client.resume(TENANT, &made.id).await.unwrap_err()),
        "group-deleting"
    );
    assert_eq!(
        code(client.configure(TENANT, &made.id, &spec).await.unwrap_err()),
        "group-deleting"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_accepted_while_the_owner_is_away_and_only_once() {
    let rig = Rig::start().await;
    let client = rig.client(&["read", "crud", "trigger"]);
    let group = client
        .create_group(TENANT, &serde_json::from_value(spec()).unwrap())
        .await
        .unwrap()
        .id;
    let up = event(json!({"policy": "up"}));
    let Answer::Queued(first) = client
        .send(TENANT, &group, Some("alert/1?x=%41"), &up)
        .await
        .unwrap()
    else {
        panic!("decided")
    };
    let Answer::Queued(again) = client
        .send(TENANT, &group, Some("alert/1?x=%41"), &up)
        .await
        .unwrap()
    else {
        panic!("decided")
    };
    assert_eq!(first, again, "the same event, not a second one");
    assert_eq!(
        client.event(TENANT, &group, "alert/1?x=%41").await.unwrap(),
        Answer::Queued(first)
    );
    let other = event(json!({"policy": "half-more"}));
    assert_eq!(
        code(
            client
                .send(TENANT, &group, Some("alert/1?x=%41"), &other)
                .await
                .unwrap_err()
        ),
        "idempotency-key-reused"
    );
    let shown = client.group(TENANT, &group).await.unwrap();
    assert_eq!((shown.waiting, shown.rev), (1, 2));
    assert_eq!(
        code(client.event(TENANT, &group, "never").await.unwrap_err()),
        "not-found"
    );
    assert!(
        client
            .verdicts(TENANT, &group, &VerdictsOf::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(
        client
            .ledger(TENANT, &group, &SlotsOf::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_pass_a_bound_takes_a_right_of_its_own() {
    let rig = Rig::start().await;
    let group = rig
        .client(&["crud"])
        .create_group(TENANT, &serde_json::from_value(spec()).unwrap())
        .await
        .unwrap()
        .id;
    let soon = wire::v2::time::Moment(domain::time::Timestamp::from_unix_ms(
        rig.process.clock.unix_ms() + 60_000,
    ));
    let beyond =
        event(json!({"desired": 14, "force": true, "override": {"size": 14, "until": soon}}));
    let refused = rig
        .client(&["trigger"])
        .send(TENANT, &group, None, &beyond)
        .await
        .unwrap_err();
    let Error::Refused(problem) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (&*problem.code, problem.rule.as_deref()),
        ("missing-right", Some("exceed-limits"))
    );
    let refused = rig
        .client(&["exceed-limits"])
        .send(TENANT, &group, None, &beyond)
        .await
        .unwrap_err();
    assert_eq!(code(refused), "missing-right");
    assert!(
        rig.client(&["trigger", "exceed-limits"])
            .send(TENANT, &group, None, &beyond)
            .await
            .is_ok()
    );
    // Force alone stays within the bounds and needs no more than the right to trigger.
    let forced = event(json!({"desired": 14, "force": true}));
    assert!(
        rig.client(&["trigger"])
            .send(TENANT, &group, None, &forced)
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_of_a_launch_configuration_show_only_to_those_who_may_change_it() {
    let rig = Rig::start().await;
    let group = rig
        .client(&["crud"])
        .create_group(TENANT, &serde_json::from_value(spec()).unwrap())
        .await
        .unwrap()
        .id;
    let user_data =
        |group: wire::v2::group::Group| group.launch.unwrap().server["user_data"].clone();
    let open = rig
        .client(&["read", "crud"])
        .group(TENANT, &group)
        .await
        .unwrap();
    assert_eq!(user_data(open), "aGVsbG8=");
    let masked = rig.client(&["read"]).group(TENANT, &group).await.unwrap();
    assert_eq!(user_data(masked), "***");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_of_decent_form_is_taken_over_into_the_audit_trail() {
    let rig = Rig::start().await;
    let request = |id: &str| {
        rig.request(reqwest::Method::POST, &format!("/v2/{TENANT}/groups"))
            .header("X-Request-Id", id)
    };
    let made = request("support-4711")
        .bearer_auth(rig.token(&["crud"]))
        .header("Content-Type", "application/json");
    let made = made.body(spec().to_string()).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(made.headers()["x-request-id"], "support-4711");
    let key = rig.store.keys().pop().unwrap();
    let actor = &rig.store.records(&key, domain::ids::Rev(0))[0].actor;
    assert_eq!(
        (actor.name.as_str(), actor.request_id.as_str()),
        ("ada", "support-4711")
    );
    for bad in ["a b", "x".repeat(65).as_str(), "<script>"] {
        let answer = request(bad).send().await.unwrap();
        assert_ne!(answer.headers()["x-request-id"], bad);
    }
}
